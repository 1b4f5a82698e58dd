"""What studies' characteristics do to the effects: their size, a moderator, subgroups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from equipoise.cli.network.analysis import Settings
from equipoise.cli.network.part import Part, Shown, p_text, table_of, view_of
from equipoise.cli.network.tables import Cell, ResultTable
from equipoise.errors import DataError
from equipoise.synthesis.network.fit import NetworkFit
from equipoise.synthesis.network.regression import fit_regression
from equipoise.synthesis.network.small_study import small_study_regression
from equipoise.synthesis.network.subgroups import Subgroups, fit_subgroups
from equipoise.synthesis.network.tables import analysis_scale

MODULE = "from equipoise.synthesis.network import"


def small_studies(fit: NetworkFit, settings: Settings) -> Part:
    """The effects in the most precise study, by regression on the variance."""
    given = _model(settings)
    result = small_study_regression(
        fit.network, reference=settings.reference, model=settings.model, method=settings.method, level=settings.level
    )
    table = table_of("small_studies", "Effects, and as they would be in the most precise study", result, fit.measure)
    level = f"{100 * settings.level:g}% CI"
    columns = [
        Shown("Treatment", ("treatment",)),
        Shown("Against", ("comparator",)),
        Shown(f"{fit.measure} ({level})", ("estimate", "lower", "upper"), "effect"),
        Shown(f"Adjusted {fit.measure} ({level})", ("adjusted_estimate", "adjusted_lower", "adjusted_upper"), "effect"),
    ]
    slopes = table_of("small_studies_slopes", "Slopes", result.regression.slopes)
    regression = result.regression
    note = f"Test of the slope: QM = {regression.qm:.2f}, df = {regression.qm_df}, {p_text(regression.qm_p)}."
    return Part(
        "small_studies",
        "small-studies",
        "Adjusted for the size of studies",
        "Effects are regressed on the studies’ variance and read off at the smallest one; where they shrink towards no "
        "effect, small studies may have exaggerated.",
        (note,),
        (table, slopes),
        (view_of(table, fit.measure, columns),),
        f"small_studies = small_study_regression(network, {given})",
        (f"{MODULE} small_study_regression",),
        (("small_studies.summary()", result.summary()),),
        result,
    )


def moderator(
    fit: NetworkFit, settings: Settings, name: str, column: str, study: str, data: dict[str, list[str | None]]
) -> Part:
    """Network meta-regression on a column of the table."""
    values = _numbers(data[column])
    studies = data[study]
    result = fit_regression(
        fit.network, {study: studies, column: values}, column, study=study, reference=settings.reference,
        model=settings.model, method=settings.method, level=settings.level,
    )  # fmt: skip
    numeric = values is not data[column]
    slopes = table_of(f"{name}_slopes", f"Change of the effect for one unit of {column}", result.slopes)
    against_reference = result.pairs.against(result.reference, "")
    effects = table_of(f"{name}_effects", f"Effects at the mean of {column}", against_reference, fit.measure)
    level = f"{100 * settings.level:g}% CI"
    scale = analysis_scale(fit.measure)
    shown = [
        Shown("Coefficient", ("name",)),
        Shown(scale, ("estimate",), "number", 4),
        Shown("Standard error", ("se",), "number", 4),
        Shown("p", ("p",), "p"),
    ]
    against = [
        Shown("Treatment", ("treatment",)),
        Shown("Against", ("comparator",)),
        Shown(f"{fit.measure} ({level})", ("estimate", "lower", "upper"), "effect"),
        Shown("p", ("p",), "p"),
    ]
    at = ", ".join(f"{n} = {c:.4g}" for n, c in zip(result.covariates, result.centre, strict=True))
    notes = [
        f"Test of the slopes: QM = {result.qm:.2f}, df = {result.qm_df}, {p_text(result.qm_p)}. Effects are shown at {at}."
    ]
    if settings.model == "random":
        explained = "" if np.isnan(result.r2) else f" ({100 * result.r2:.0f} % explained)"
        notes.append(f"τ² = {result.tau2:.4f}, without the moderator {result.tau2_without:.4f}{explained}.")
    lost = [o.what for o in result.left_out if o.reason.startswith("no value")]
    if lost:
        notes.append(f"Left out, without a value: {', '.join(lost)}.")
    convert = f"[None if x is None else float(x) for x in data[{column!r}]]" if numeric else f"data[{column!r}]"
    return Part(
        name,
        "moderators",
        f"Moderator: {column}",
        f"Do the effects against the reference differ with {column}? A slope is the change of all effects "
        f"(on the scale {scale}) for one unit, the same for all treatments.",
        tuple(notes),
        (slopes, effects),
        (view_of(slopes, fit.measure, shown), view_of(effects, fit.measure, against)),
        f"{name} = fit_regression(\n    network,\n    {{{study!r}: data[{study!r}], {column!r}: {convert}}},\n"
        f"    {column!r},\n    study={study!r},\n    {_model(settings)},\n)",
        (f"{MODULE} fit_regression",),
        ((f"{name}.summary()", result.summary()),),
        result,
    )


def subgroups(
    fit: NetworkFit, settings: Settings, name: str, column: str, study: str, data: dict[str, list[str | None]]
) -> Part:
    """A network of its own for every value of a column."""
    result = fit_subgroups(
        fit.network, {study: data[study], column: data[column]}, column, study=study,
        model=settings.model, method=settings.method, ci=settings.ci, level=settings.level,
    )  # fmt: skip
    table = table_of(name, f"Every pair by {column}", result, fit.measure)
    wide = _wide(result, settings.reference)
    shown = [
        Shown("Treatment", ("treatment",)),
        Shown("Against", ("comparator",)),
        *(Shown(f"{fit.measure}, {group}", (group, f"{group} lower", f"{group} upper"), "effect") for group in result.names),
        Shown("p of the difference", ("p",), "p"),
    ]  # fmt: skip
    sizes = "; ".join(f"{g}: {len(f.network.studies)} studies" for g, f in zip(result.names, result.fits, strict=True))
    notes = [f"Subgroups: {sizes}."]
    if result.df_between > 0:
        notes.append(
            f"All comparisons together (common effect): Q = {result.q_between:.2f}, df = {result.df_between}, "
            f"{p_text(result.p_between)}."
        )
    lost = [o.what for o in result.left_out if o.reason.startswith("no value")]
    if lost:
        notes.append(f"Left out, without a value: {', '.join(lost)}.")
    view = view_of(wide, fit.measure, shown)
    return Part(
        name,
        "moderators",
        f"Subgroups by {column}",
        "Each subgroup of studies is a network of its own; a small p says that the effect differs between subgroups more "
        "than chance explains.",
        tuple(notes),
        (table,),
        (view,) if view.rows else (),
        f"{name} = fit_subgroups(\n    network,\n    {{{study!r}: data[{study!r}], {column!r}: data[{column!r}]}},\n"
        f"    {column!r},\n    study={study!r},\n    model={settings.model!r},\n    method={settings.method!r},\n"
        f"    ci={settings.ci!r},\n    level={settings.level!r},\n)",
        (f"{MODULE} fit_subgroups",),
        ((f"{name}.summary()", result.summary()),),
        result,
    )


def _wide(result: Subgroups, reference: str) -> ResultTable:
    """Every treatment against the reference, a column a subgroup."""
    columns: dict[str, list[Cell]] = {"treatment": [], "comparator": []}
    names = result.treatments
    if reference not in names:
        raise DataError(f"no study with the reference {reference!r} has a subgroup")
    base = names.index(reference)
    rows = [i for i in range(len(names)) if i != base and np.isfinite(result.estimates[:, i, base]).any()]
    columns["treatment"] = [names[i] for i in rows]
    columns["comparator"] = [reference] * len(rows)
    for number_, (group, fit) in enumerate(zip(result.names, result.fits, strict=True)):
        here = {t: fit.network.treatments.index(t) for t in fit.treatments}
        for heading, source in (("", fit.estimates), (" lower", fit.lower), (" upper", fit.upper)):
            columns[f"{group}{heading}"] = [
                float(source[here[names[i]], here[reference]])
                if np.isfinite(result.estimates[number_, i, base])
                else None
                for i in rows
            ]
    columns["p"] = [float(result.p[i, base]) if np.isfinite(result.p[i, base]) else None for i in rows]
    return ResultTable("subgroups", f"Against {reference}, by subgroup", columns)


def _model(settings: Settings) -> str:
    return (
        f"reference={settings.reference!r}, model={settings.model!r}, method={settings.method!r}, "
        f"level={settings.level!r}"
    )


def _numbers(cells: list[str | None]) -> Sequence[float | str | None]:
    """A column as numbers, or unchanged when it holds anything else."""
    try:
        return [None if cell is None else float(cell) for cell in cells]
    except ValueError:
        return cells
