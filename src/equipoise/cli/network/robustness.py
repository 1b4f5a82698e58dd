"""What single studies do to the results: leaving each out, outliers, and how far each may move."""

from __future__ import annotations

import numpy as np

from equipoise.cli.network.part import Part, Shown, by, number, table_of, view_of
from equipoise.cli.network.tables import Cell, ResultTable
from equipoise.synthesis.network.fit import NetworkFit
from equipoise.synthesis.network.leave_out import LeaveOneOut, leave_one_study_out
from equipoise.synthesis.network.outliers import diagnose, shift_variance
from equipoise.synthesis.network.threshold import Thresholds, comparison_thresholds, study_thresholds

MODULE = "from equipoise.synthesis.network import"


def without_each(fit: NetworkFit) -> Part:
    """The analysis without each study in turn."""
    result = leave_one_study_out(fit)
    short = _changes(result)
    columns = [
        Shown("Without", ("left_out",)),
        Shown("τ²", ("tau2",), "number", 4),
        Shown("Changes most", ("treatment", "comparator")),
        Shown(f"{fit.measure}, all studies", ("full",), "value"),
        Shown("without this one", ("estimate",), "value"),
        Shown("Change in standard errors", ("change",), "number"),
        Shown("No longer compared", ("lost",)),
    ]
    order = by(short, "change", largest_first=True)
    top = order[0]
    note = "No study moves any estimate." if not len(short) or np.isnan(number(short.columns["change"][top])) else (
        f"Most influential: {short.columns['left_out'][top]}, without which {short.columns['treatment'][top]} against "
        f"{short.columns['comparator'][top]} moves by {number(short.columns['change'][top]):.2f} standard errors."
    )  # fmt: skip
    return Part(
        "without_each",
        "robustness",
        "Without each study",
        "The network is fitted again without each study in turn; the table names the estimate against the reference "
        "that moves most, in its standard errors (above 1 is a lot).",
        (note,),
        (table_of("without_each", "Effects without each study", result, fit.measure), short),
        (view_of(short, fit.measure, columns, rows=order),),
        "without_each = leave_one_study_out(fit)",
        (f"{MODULE} leave_one_study_out",),
        (("without_each.summary()", result.summary()),),
        result,
    )


def _changes(result: LeaveOneOut) -> ResultTable:
    """For every study left out, the estimate that moves most."""
    places = [result.treatments.index(reference) for reference in result.references]
    full, errors = result.full(), result.fit.standard_errors[:, places].T
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.abs(result.estimates - full) / errors
    change = np.where(np.isfinite(change), change, -1.0)
    most = change.argmax(axis=1)
    columns: dict[str, list[Cell]] = {
        name: [] for name in ("left_out", "tau2", "treatment", "comparator", "full", "estimate", "change", "lost")
    }
    for row, column in enumerate(most.tolist()):
        known = change[row, column] >= 0
        gone = np.isnan(result.estimates[row]) & np.isfinite(full[row])
        columns["left_out"].append(result.left_out[row])
        columns["tau2"].append(_float(result.tau2[row]))
        columns["treatment"].append(result.treatments[column] if known else None)
        columns["comparator"].append(result.references[row] if known else None)
        columns["full"].append(_float(full[row, column]) if known else None)
        columns["estimate"].append(_float(result.estimates[row, column]) if known else None)
        columns["change"].append(_float(change[row, column]) if known else None)
        lost = [t for t, is_gone in zip(result.treatments, gone, strict=True) if is_gone]
        columns["lost"].append(
            None if not lost else lost[0] if len(lost) == 1 else f"{lost[0]} and {len(lost) - 1} more"
        )
    return ResultTable("most_changed", "The estimate that each study moves most", columns)


def outliers(fit: NetworkFit) -> Part:
    """How each study stands to the others."""
    result = diagnose(fit)
    table = table_of("outliers", "Studies, the most outlying first", result)
    columns = [
        Shown("Study", ("study",)),
        Shown("Leverage", ("leverage",), "number"),
        Shown("Standardised residual", ("residual",), "number"),
        Shown("Deletion test: Q", ("deletion_q",), "number"),
        Shown("df", ("contrasts",), "count"),
        Shown("p", ("deletion_p",), "p"),
        Shown("Cook’s distance", ("cook",), "number", 3),
    ]
    odd = [str(s) for s, p in zip(table.columns["study"], table.columns["deletion_p"], strict=True) if number(p) < 0.01]
    note = f"p < 0.01: {', '.join(odd)}." if odd else "No study has p < 0.01."
    return Part(
        "outliers",
        "robustness",
        "Outlying and influential studies",
        "The deletion test holds each study against the network of all others (a small p: it doesn’t fit them); Cook’s "
        "distance tells how much it moves all effects together.",
        (note,),
        (table,),
        (view_of(table, fit.measure, columns, rows=by(table, "deletion_p")),),
        "outliers = diagnose(fit)",
        (f"{MODULE} diagnose",),
        (("outliers.summary()", result.summary()),),
        result,
    )


def shifted_variances(fit: NetworkFit) -> Part:
    """Each study with a variance of its own."""
    result = shift_variance(fit)
    table = table_of("shifted_variances", "Studies by their additional variance", result)
    columns = [
        Shown("Study", ("study",)),
        Shown("τ² of the others", ("tau2",), "number", 4),
        Shown("Additional variance", ("omega",), "number", 4),
        Shown("p", ("p",), "p"),
        Shown("p, adjusted (Holm)", ("p_adjusted",), "p"),
    ]
    sure = [
        str(s) for s, p in zip(table.columns["study"], table.columns["p_adjusted"], strict=True) if number(p) < 0.05
    ]
    note = f"Outliers after adjustment: {', '.join(sure)}." if sure else "No study is an outlier after adjustment."
    return Part(
        "shifted_variances",
        "robustness",
        "A variance of its own for each study",
        "Each study in turn is allowed more variance than the others; a small p says that it varies more than chance and "
        "the network’s heterogeneity explain.",
        (note,),
        (table,),
        (view_of(table, fit.measure, columns, rows=by(table, "p")),),
        "shifted_variances = shift_variance(fit)",
        (f"{MODULE} shift_variance",),
        (("shifted_variances.summary()", result.summary()),),
        result,
    )


def thresholds(fit: NetworkFit, smaller_is_better: bool) -> Part:
    """How far each study may move before another treatment comes first."""
    return _decision(
        study_thresholds(fit, smaller_is_better=smaller_is_better),
        "thresholds",
        "study_thresholds",
        "How far each study may move",
        "a study’s estimate",
        "study contrasts",
        [Shown("Study", ("source",)), Shown("Contrast", ("treatment", "comparator"))],
    )


def comparisons(fit: NetworkFit, smaller_is_better: bool) -> Part:
    """How far all direct evidence on each comparison may move before another treatment comes first."""
    return _decision(
        comparison_thresholds(fit, smaller_is_better=smaller_is_better),
        "thresholds_by_comparison",
        "comparison_thresholds",
        "How far each comparison may move",
        "the pooled direct estimate of a comparison, biased alike in all its studies,",
        "direct comparisons",
        [Shown("Comparison", ("treatment", "comparator"))],
    )


def _decision(
    result: Thresholds, name: str, function: str, title: str, moved: str, pieces: str, evidence: list[Shown]
) -> Part:
    """Thresholds of ``pieces`` of evidence, each of which is ``moved``."""
    fit = result.fit
    table = table_of(name, f"Shifts of {pieces} that keep the decision", result)
    short = _bounds(result, name, f"{pieces[0].upper()}{pieces[1:]}, the most sensitive first")
    columns = [
        *evidence,
        Shown(f"{fit.measure} ({100 * fit.level:g}% CI)", ("estimate", "lower", "upper"), "effect"),
        Shown("Keeps the decision from", ("stays_from",), "value"),
        Shown("to", ("stays_to",), "value"),
        Shown("First below", ("best_below",)),
        Shown("First above", ("best_above",)),
        Shown("Within the interval", ("sensitive",)),
    ]
    inside = int(result.sensitive.sum())
    several = len(fit.subnetworks) > 1
    among = f" of the largest subnetwork ({', '.join(sorted(result.candidates))})" if several else ""
    wanted = "smallest" if result.smaller_is_better else "largest"
    note = (
        f"Recommended, with the {wanted} effect{among}: {', '.join(result.best)}. "
        f"{inside} of {len(result.source)} {pieces} could change that within their own confidence interval."
    )
    return Part(
        name,
        "robustness",
        title,
        f"The recommendation is the treatment that comes first; the table says between which values {moved} may lie "
        "before another one does. If a limit lies within the confidence interval, chance alone could change it.",
        (note,),
        (table,),
        (view_of(short, fit.measure, columns),),
        f"{name} = {function}(fit, smaller_is_better={result.smaller_is_better!r})",
        (f"{MODULE} {function}",),
        ((f"{name}.summary()", result.summary()),),
        result,
    )


def _bounds(result: Thresholds, name: str, title: str) -> ResultTable:
    """The rows of the report: estimates with their intervals, and the values between which the decision stays."""
    from scipy.special import ndtri

    rows = result.order().tolist()
    half = float(ndtri(0.5 + result.fit.level / 2)) * result.standard_errors
    values = {
        "estimate": result.estimates,
        "lower": result.estimates - half,
        "upper": result.estimates + half,
        "se": result.standard_errors,
        "stays_from": result.estimates + result.lower,
        "stays_to": result.estimates + result.upper,
    }
    columns: dict[str, list[Cell]] = {
        "source": [result.source[r] for r in rows],
        "treatment": [result.treatment[r] for r in rows],
        "comparator": [result.comparator[r] for r in rows],
        **{name: [_float(x[r]) for r in rows] for name, x in values.items()},
        "best_below": [result.best_below[r] for r in rows],
        "best_above": [result.best_above[r] for r in rows],
        "sensitive": ["yes" if result.sensitive[r] else "no" for r in rows],
    }
    return ResultTable(name, title, columns)


def _float(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
