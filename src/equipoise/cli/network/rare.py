"""Binary outcomes with few events: how few there are, and the models that need no normal approximation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equipoise.cli.network.analysis import Settings
from equipoise.cli.network.columns import Reading
from equipoise.cli.network.part import Part, Shown, heading, p_text, view_of
from equipoise.cli.network.table import TextTable
from equipoise.cli.network.tables import Cell, ResultTable
from equipoise.errors import DataError
from equipoise.synthesis.network.binary_arms import read_binary_arms
from equipoise.synthesis.network.binary_fit import BinaryFit
from equipoise.synthesis.network.fit import NetworkFit

LIKELIHOODS = ("mantel-haenszel", "hypergeometric", "penalised")
NAMES = {
    "mantel-haenszel": "Mantel–Haenszel",
    "hypergeometric": "Non-central hypergeometric",
    "penalised": "Penalised logistic regression",
}
FEW = 5
"""Events in an arm below which the normal approximation of a log odds ratio is poor."""


@dataclass(frozen=True, slots=True)
class Sparsity:
    """How sparse the arms are: studies, those with an arm without (or with only) events, arms, those with few events."""

    studies: int
    empty: int
    arms: int
    few: int

    @property
    def sparse(self) -> bool:
        """Whether every tenth study has an empty cell, or every third arm has few events."""
        return self.empty * 10 >= self.studies or self.few * 3 >= self.arms

    @property
    def text(self) -> str:
        """It in words."""
        return (
            f"{self.empty} of {self.studies} studies have an arm without (or with nothing but) events, {self.few} of "
            f"{self.arms} arms fewer than {FEW} events or non-events"
        )


def sparsity(table: TextTable, reading: Reading) -> Sparsity | None:
    """How sparse the table's counts are; None if it doesn't hold events and participants."""
    if reading.form != "arms" or not {"events", "n"} <= set(reading.columns):
        return None
    empty: dict[str, bool] = {}
    arms = few = 0
    columns = (table.columns[reading.columns[role]] for role in ("study", "events", "n"))
    for study, events, n in zip(*columns, strict=True):
        if study is None or events is None or n is None:
            continue
        smaller = min(float(events), float(n) - float(events))
        arms, few = arms + 1, few + (smaller < FEW)
        empty[study] = empty.get(study, False) or smaller <= 0
    return Sparsity(len(empty), sum(empty.values()), arms, few) if arms else None


def rare_events(fit: NetworkFit, settings: Settings, likelihood: str, table: TextTable, reading: Reading) -> Part:
    """Odds ratios by a model for few events, beside the main ones.

    Raises ``DataError`` for a measure other than the odds ratio and for tables without counts.
    """
    if settings.measure != "OR" or reading.form != "arms":
        raise DataError(
            f"--likelihood {likelihood} analyses odds ratios from events and participants of every arm; "
            "give such a table and --measure OR, or leave it out"
        )
    names = {role: reading.columns[role] for role in ("study", "treatment", "events", "n")}
    complete = [i for i in range(len(table)) if all(table.columns[name][i] is not None for name in names.values())]
    data = {name: [table.columns[name][i] for i in complete] for name in names.values()}
    arms = read_binary_arms(data, **names)
    result, call, module = _fit(likelihood, arms, settings)
    shown_table = _beside(result, fit)
    level = f"{100 * settings.level:g}% CI"
    shown = [
        Shown("Treatment", ("treatment",)),
        Shown("Against", ("comparator",)),
        Shown(f"OR ({level})", ("estimate", "lower", "upper"), "effect"),
        Shown("Normal approximation", ("normal_estimate", "normal_lower", "normal_upper"), "effect"),
    ]
    notes = []
    if likelihood != "penalised" or settings.model == "common":
        notes.append("This model knows no heterogeneity (common effect), so its intervals may be too narrow.")
    if result.df > 0:
        notes.append(
            f"Test of inconsistency between designs: Q = {result.q:.2f}, df = {result.df}, {p_text(result.p)}."
        )
    if result.left_out:
        notes.append(
            "Left out: " + "; ".join(f"{o.what} ({o.reason})" for o in result.left_out[:12])
            + (f"; and {len(result.left_out) - 12} more" if len(result.left_out) > 12 else "") + "."
        )  # fmt: skip
    given = ", ".join(f"{role}={name!r}" for role, name in names.items())
    wanted = ", ".join(repr(name) for name in names.values())
    code = (
        f"complete = [i for i, row in enumerate(rows) if all(row[name] for name in ({wanted}))]\n"
        f"counts = {{name: [data[name][i] for i in complete] for name in ({wanted})}}\n"
        f"rare_events = {call.format(arms=f'read_binary_arms(counts, {given})')}"
    )
    return Part(
        "rare_events",
        "rare-events",
        f"Few events: {NAMES[likelihood]}",
        "Odds ratios by a model that uses the counts themselves and adds nothing to empty cells, beside those of the main "
        "analysis; where they differ, trust these.",
        tuple(notes),
        (shown_table,),
        (view_of(shown_table, "OR", shown),),
        code,
        ("from equipoise.synthesis.network import read_binary_arms", module),
        (heading(NAMES[likelihood]), ("rare_events.summary()", result.summary())),
        result,
    )


def _fit(likelihood: str, arms: object, settings: Settings) -> tuple[BinaryFit, str, str]:
    """The fit, and the call and import that make it again."""
    from equipoise.synthesis.network.binary_arms import BinaryArms
    from equipoise.synthesis.network.hypergeometric import hypergeometric
    from equipoise.synthesis.network.mantel_haenszel import mantel_haenszel
    from equipoise.synthesis.network.penalised import penalised_logistic

    assert isinstance(arms, BinaryArms)
    base, level = settings.reference, settings.level
    given = f"reference={base!r}, level={level!r}"
    package = "from equipoise.synthesis.network"
    if likelihood == "mantel-haenszel":
        return (
            mantel_haenszel(arms, reference=base, level=level),
            f"mantel_haenszel({{arms}}, {given})",
            f"{package}.mantel_haenszel import mantel_haenszel",
        )
    if likelihood == "hypergeometric":
        return (
            hypergeometric(arms, reference=base, level=level),
            f"hypergeometric({{arms}}, {given})",
            f"{package}.hypergeometric import hypergeometric",
        )
    return (
        penalised_logistic(arms, model=settings.model, reference=base, level=level),
        f"penalised_logistic({{arms}}, model={settings.model!r}, {given})",
        f"{package} import penalised_logistic",
    )


def _beside(result: BinaryFit, fit: NetworkFit) -> ResultTable:
    """Effects against the reference by both models."""
    effects = result.effects()
    columns: dict[str, list[Cell]] = {"treatment": list(effects.treatment), "comparator": list(effects.comparator)}
    values = {
        "estimate": effects.estimates,
        "se": effects.standard_errors,
        "lower": effects.lower,
        "upper": effects.upper,
    }
    columns |= {name: [_float(x) for x in cells] for name, cells in values.items()}
    for name, matrix in (("estimate", fit.estimates), ("lower", fit.lower), ("upper", fit.upper)):
        columns[f"normal_{name}"] = [
            _float(matrix[fit.network.position(a), fit.network.position(b)])
            if a in fit.treatments and b in fit.treatments
            else None
            for a, b in zip(effects.treatment, effects.comparator, strict=True)
        ]
    for name, cells in values.items():
        if name != "se":
            columns["OR" + ("" if name == "estimate" else f"_{name}")] = [_float(np.exp(x)) for x in cells]
    return ResultTable("rare_events", "Effects by both models", columns)


def _float(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
