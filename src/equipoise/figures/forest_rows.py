"""What a forest plot says, row by row: labels, numbers and texts, before anything is placed or drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import DataError
from equipoise.figures import numerals
from equipoise.figures.effect_axis import EffectScale, effect_scale
from equipoise.synthesis.bayes.known_tau import KnownTau
from equipoise.synthesis.bayes.pair import PairPosterior
from equipoise.synthesis.measures.effect_sizes import EffectSizes
from equipoise.synthesis.pairwise.intervals import normal_quantile
from equipoise.synthesis.pairwise.result import Pooled
from equipoise.synthesis.pairwise.subgroups import Subgroups

FloatArray = NDArray[np.float64]
Kind = Literal["heading", "study", "left out", "subtotal", "summary", "prediction", "note"]

COMMON_METHODS = {"IV": "inverse variance", "MH": "Mantel–Haenszel", "PETO": "Peto"}
NOT_ESTIMABLE = "not estimable"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of numbers a group: ``group`` is its heading's first line ("" for none), ``name`` the second."""

    group: str
    name: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row. Estimates are natural values, NaN where there are none; ``weight`` is in per cent."""

    kind: Kind
    label: str
    estimate: float = np.nan
    low: float = np.nan
    high: float = np.nan
    weight: float = np.nan
    cells: tuple[str, ...] = ()
    text: tuple[str, str] = ("", "")
    """The estimate and the interval as printed."""
    indent: bool = False


@dataclass(frozen=True, slots=True)
class ForestRows:
    """All that a forest plot shows: ``footnotes`` stand beside the axis, ``reference`` is where the dashed line is."""

    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    shown: EffectScale
    heading: str
    footnotes: tuple[str, ...] = ()
    reference: float = np.nan
    weights: bool = True
    points: bool = False
    """Whether estimates are drawn as points of one size rather than as squares by weight."""
    first: str = "Study"
    """The heading of the labels."""


def forest_rows(
    result: Pooled | Subgroups | PairPosterior,
    effects: EffectSizes | None = None,
    *,
    groups: tuple[str, str] | None = None,
    sort: Literal["estimate", "weight"] | None = None,
) -> ForestRows:
    """The rows of a result.

    ``effects`` are the effect sizes that were pooled: they bring the measure, where the result doesn't know it, the
    numbers of each group, and the studies without an estimate. ``groups`` names the treated and the comparator group.
    Raises ``DataError`` when ``effects`` don't belong to the result.
    """
    overall = result.overall if isinstance(result, Subgroups) else result
    if effects is not None and len(effects) != overall.k:
        raise DataError(
            f"effects hold {len(effects)} estimates, but the result has {overall.k}: give those that were pooled"
        )
    measure, label, scale = overall.measure, overall.label, overall.scale
    if effects is not None and scale is None:
        measure, label, scale = effects.measure, effects.label, effects.scale
    shown = effect_scale(measure, label, scale)
    sizes = overall.sizes if overall.sizes is not None else (None if effects is None else effects.sizes)
    digits = numerals.digits_for(np.sqrt(overall.variances), shown.log)
    columns, cells, totals, absent = _arm_cells(overall, effects, groups)

    z = normal_quantile(overall.level)
    half = z * np.sqrt(overall.variances)
    ends = (overall.estimates, overall.estimates - half, overall.estimates + half)
    estimate, low, high = (shown.natural(values, sizes).tolist() for values in ends)
    names = study_labels(overall.studies, effects)
    weights = overall.weights.tolist()
    studies = [
        Row("study", names[i], y, a, b, weights[i], cells[i], _text(y, a, b, digits))
        for i, (y, a, b) in enumerate(zip(estimate, low, high, strict=True))
    ]
    order = list(range(overall.k))
    if sort is not None:
        order.sort(key=lambda i: overall.estimates[i] if sort == "estimate" else -overall.weights[i])

    rows: list[Row] = []
    if isinstance(result, Subgroups):
        for group, members in zip(result.groups, _members(result), strict=True):
            fit = result.groups[group]
            rows.append(Row("heading", group))
            rows += [replace(studies[i], indent=True) for i in order if i in set(members)]
            weight = float(overall.weights[members].sum())
            subtotal = summary_row(fit, shown, sizes, "subtotal", f"Subtotal (k = {fit.k})", digits)
            rows.append(replace(subtotal, weight=weight, indent=True))
            if fit.k > 1:
                rows.append(Row("note", heterogeneity(fit), indent=True))
    else:
        rows += [studies[i] for i in order]
    rows += [Row("left out", name, cells=cell, text=(NOT_ESTIMABLE, "")) for name, cell in absent]
    rows.append(
        replace(summary_row(overall, shown, sizes, "summary", model_name(overall), digits), weight=100.0, cells=totals)
    )
    if np.isfinite(overall.prediction[0]):
        low, high = (float(x) for x in _pooled_natural(shown, np.array(overall.prediction), sizes))
        text = ("", f"[{numerals.decimal(low, digits)}, {numerals.decimal(high, digits)}]")
        rows.append(Row("prediction", "Prediction interval", low=low, high=high, text=text))
    footnotes = [said for said in [heterogeneity(overall)] if said and overall.k > 1]
    if isinstance(result, Subgroups):
        test = result.between
        said = f"χ² = {test.statistic:.2f}, df = {test.df1}, p {numerals.p(test.p_value)}"
        footnotes.append(f"Subgroup differences: {unbroken(said)}")
    return ForestRows(
        weights=bool(np.isfinite(overall.weights).any()),
        rows=tuple(rows),
        columns=columns,
        shown=shown,
        heading=f"{shown.short} [{100 * overall.level:g}% {'CrI' if isinstance(overall, PairPosterior) else 'CI'}]",
        footnotes=tuple(footnotes),
        reference=float(_pooled_natural(shown, np.array([_centre(overall)]), sizes)[0]),
    )


def study_labels(studies: Sequence[str], effects: EffectSizes | None) -> tuple[str, ...]:
    """The studies' names, with the treatment where they differ in it."""
    if effects is None or len(set(effects.treatments)) < 2:
        return tuple(studies)
    return tuple(f"{study}: {treatment}" for study, treatment in zip(studies, effects.treatments, strict=True))


def heterogeneity(fit: Pooled | PairPosterior) -> str:
    """τ², I² and the test, in a line; of a posterior, the median of τ and its interval."""
    if isinstance(fit, PairPosterior):
        if isinstance(fit.tau, KnownTau):
            return ""
        low, high = fit.tau.interval(fit.level)
        digits = numerals.digits_for(np.array([(high - low) / 4.0]), False)
        said = f"τ = {numerals.decimal(fit.tau.median, digits)}"
        ends = f"[{numerals.decimal(low, digits)}, {numerals.decimal(high, digits)}]"
        prior = fit.heterogeneity_prior.describe() if fit.heterogeneity_prior is not None else ""
        return f"Heterogeneity: {unbroken(f'{said} {ends}')}; prior: {prior}"
    parts = [f"I² = {fit.i2:.0f}%"] if np.isfinite(fit.i2) else []
    if fit.model != "common" and np.isfinite(fit.tau2):
        parts.insert(0, f"τ² = {fit.tau2:.3g}" if fit.tau2 < 1e4 else f"τ² = {fit.tau2:.2e}")
    if np.isfinite(fit.q):
        letter = "LRT" if fit.own_log_likelihood is not None else "Q"
        parts.append(f"{letter} = {fit.q:.2f}, df = {fit.q_df}, p {numerals.p(fit.q_p)}")
    return "Heterogeneity: " + "; ".join(unbroken(part) for part in parts)


def unbroken(text: str) -> str:
    """The text with spaces that no line breaks at, save after commas."""
    return text.replace(" ", "\u00a0").replace(",\u00a0", ", ")


def _centre(fit: Pooled | PairPosterior) -> float:
    """The estimate; the median of a posterior whose tails are too heavy for a mean."""
    return fit.central if isinstance(fit, PairPosterior) else fit.estimate


def model_name(fit: Pooled | PairPosterior) -> str:
    """The summary's label: the model, how τ² was estimated, and the interval where it isn't Wald's."""
    if isinstance(fit, PairPosterior):
        return f"{'Common effect' if fit.model == 'common' else 'Random effects'} (Bayesian)"
    if fit.model == "common":
        return f"Common effect ({COMMON_METHODS.get(fit.method, fit.method)})"
    if fit.model != "random":
        return f"Mixed model ({fit.model})"
    interval = ", Hartung–Knapp" if fit.ci_method.startswith("hksj") else ""
    return f"Random effects ({fit.method}{interval})"


def summary_row(
    fit: Pooled | PairPosterior, shown: EffectScale, sizes: FloatArray | None, kind: Kind, label: str, digits: int
) -> Row:  # fmt: skip
    """A pooled effect as a row; ``sizes`` where it has none of its own."""
    own = fit.sizes if fit.sizes is not None else sizes
    estimate, low, high = (float(x) for x in _pooled_natural(shown, np.array([_centre(fit), *fit.ci]), own))
    return Row(kind, label, estimate, low, high, text=_text(estimate, low, high, digits))


def _pooled_natural(shown: EffectScale, values: FloatArray, sizes: FloatArray | None) -> FloatArray:
    return shown.scale.natural(values, sizes)


def _text(estimate: float, low: float, high: float, digits: int) -> tuple[str, str]:
    ends = f"[{numerals.decimal(low, digits)}, {numerals.decimal(high, digits)}]"
    return numerals.decimal(estimate, digits), ends


def _members(result: Subgroups) -> list[list[int]]:
    """Each group's studies as indices of the overall result, told apart by name and numbers."""
    overall = result.overall
    places: dict[tuple[str, float, float], list[int]] = {}
    for i, key in enumerate(zip(overall.studies, overall.estimates, overall.variances, strict=True)):
        places.setdefault(key, []).append(i)
    members = []
    for fit in result.groups.values():
        keys = zip(fit.studies, fit.estimates, fit.variances, strict=True)
        members.append([places[key].pop(0) for key in keys])
    return members


def _arm_cells(
    fit: Pooled | PairPosterior, effects: EffectSizes | None, groups: tuple[str, str] | None
) -> tuple[tuple[Column, ...], list[tuple[str, ...]], tuple[str, ...], list[tuple[str, tuple[str, ...]]]]:
    """Columns, the studies' cells, the totals, and the studies left out with their cells."""
    left_out = [*(effects.left_out if effects is not None else ()), *fit.left_out]
    names_out = list(dict.fromkeys(study for study, _ in left_out if study not in fit.studies))
    if effects is None or effects.arms is None:
        return (), [()] * fit.k, (), [(name, ()) for name in names_out]
    values = effects.arms.columns
    two = any(name.endswith("2") for name in values)
    named = groups or group_names(effects)
    columns: list[Column] = []
    texts: list[list[str]] = []
    totals: list[str] = []
    used = np.flatnonzero(effects.arms.estimated)
    for suffix, group in zip(("1", "2") if two else ("",), named, strict=False):
        part = {name.rstrip("12"): np.asarray(x) for name, x in values.items() if name.endswith(suffix)}
        for size, heading in (("n", "Events/N"), ("time", "Events/time")):
            if "events" in part and size in part:
                columns.append(Column(group if two else "", heading))
                pairs = zip(part["events"], part[size], strict=True)
                texts.append([f"{numerals.count(events)}/{numerals.count(total)}" for events, total in pairs])
                sums = (float(np.nansum(part[name][used])) for name in ("events", size))
                totals.append("/".join(map(numerals.count, sums)))
        if "events" in part:
            continue
        for name, heading in (("mean", "Mean"), ("sd", "SD"), ("n", "N"), ("r", "r")):
            if name in part:
                digits = 0 if name == "n" else numerals.decimals_of(part[name])
                columns.append(Column(group if two else "", heading))
                texts.append([numerals.decimal(float(x), digits) for x in part[name]])
                totals.append(numerals.count(float(np.nansum(part[name][used]))) if name == "n" else "")
    blank = ("",) * len(columns)
    by_row = list(zip(*texts, strict=True)) if texts else [()] * len(effects.arms.studies)
    cells = [by_row[row] for row in used]
    where = {name: row for row, name in enumerate(effects.arms.studies)}
    absent = [(name, by_row[where[name]] if name in where else blank) for name in names_out]
    return tuple(columns), cells, tuple(totals), absent


def group_names(effects: EffectSizes) -> tuple[str, str]:
    """What the treated and the comparator group are called, where all studies agree."""
    treated, compared = set(effects.treatments) - {""}, set(effects.comparators) - {""}
    return (
        treated.pop() if len(treated) == 1 else "Treatment",
        compared.pop() if len(compared) == 1 else "Control",
    )
