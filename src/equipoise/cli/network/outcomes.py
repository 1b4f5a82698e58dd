"""A second outcome beside the first: benefit against harm."""

from __future__ import annotations

from dataclasses import dataclass, replace

from equipoise.cli.network.analysis import Settings
from equipoise.cli.network.columns import Reading
from equipoise.cli.network.part import Part, Shown, heading, table_of, view_of
from equipoise.cli.network.table import TextTable
from equipoise.errors import DataError
from equipoise.synthesis.network.fit import NetworkFit
from equipoise.synthesis.network.hierarchy import BenefitHarm, benefit_harm
from equipoise.synthesis.network.league import League
from equipoise.synthesis.network.network import Network
from equipoise.synthesis.network.ranking import Ranking


@dataclass(frozen=True, slots=True)
class Second:
    """The second outcome's table, how it is read and analysed, and its network."""

    table: TextTable
    reading: Reading
    settings: Settings
    network: Network


@dataclass(frozen=True, slots=True, eq=False)
class BothOutcomes:
    """The second outcome's fit, the two side by side, and the league table with one in each triangle."""

    fit: NetworkFit
    plane: BenefitHarm
    league: League
    names: tuple[str, str]
    smaller_is_better: tuple[bool, bool]


def both_outcomes(
    fit: NetworkFit, settings: Settings, ranking: Ranking, second: Second, names: tuple[str, str]
) -> tuple[Part, BothOutcomes]:
    """Benefit (the first outcome) and harm (the second) side by side.

    Raises ``DataError`` if the second network doesn't have the reference, or shares no treatment with the first.
    """
    if settings.reference not in second.network.treatments:
        raise DataError(
            f"the second table has no treatment {settings.reference!r}; both need the reference, spelt alike (it has "
            f"{', '.join(second.network.treatments)})"
        )
    other = second.network.fit(
        second.settings.model, second.settings.method, settings.reference, second.settings.ci, second.settings.level
    )
    ways = (settings.smaller_is_better, second.settings.smaller_is_better)
    plane = benefit_harm(fit, other, settings.reference, ways)
    league = fit.league(other=other, order=ranking.order)
    table = table_of("benefit_harm", f"{names[0]} and {names[1]} against {settings.reference}", plane)
    level = f"{100 * settings.level:g}% CI"
    shown = [
        Shown("Treatment", ("treatment",)),
        Shown(f"{names[0]}: {fit.measure} ({level})", ("benefit", "benefit_lower", "benefit_upper"), "effect"),
        Shown("P-score", ("benefit_p_score",), "number"),
        Shown(f"{names[1]}: {other.measure} ({level})", ("harm", "harm_lower", "harm_upper"), "second"),
        Shown("P-score", ("harm_p_score",), "number"),
        Shown("Not beaten in both", ("on_front",)),
    ]
    left = [t for t in fit.treatments if t not in second.network.treatments]
    notes = [
        f"Not beaten in both outcomes: {', '.join(plane.front)}.",
        f"{names[1]}: {len(second.network.studies)} studies, {len(second.network.treatments)} treatments, "
        f"{other.measure}, {'smaller' if ways[1] else 'larger'} values better.",
    ]
    if left:
        notes.append(f"Not in the second table: {', '.join(left)}.")
    effects = table_of("second_effects", f"{names[1]}: effects against the reference", other.effects(), other.measure)
    part = Part(
        "both_outcomes",
        "outcomes",
        f"Two outcomes: {names[0]} and {names[1]}",
        "Each treatment’s effect on both outcomes against the reference: right and up is better; filled points are beaten "
        "by no other treatment in both.",
        tuple(notes),
        (table, effects),
        (view_of(table, fit.measure, shown, second=other.measure),),
        f"second_fit = second_network.fit(\n    model={second.settings.model!r},\n    method={second.settings.method!r},\n"
        f"    reference={settings.reference!r},\n    ci={second.settings.ci!r},\n    level={second.settings.level!r},\n)\n"
        f"both_outcomes = benefit_harm(fit, second_fit, {settings.reference!r}, {ways!r})",
        ("from equipoise.synthesis.network import benefit_harm",),
        (
            heading(f"{names[0]} (benefit) and {names[1]} (harm)"),
            ("both_outcomes.summary()", plane.summary()),
            heading(names[1]),
            ("second_fit.summary()", other.summary()),
        ),
        plane,
    )
    return part, BothOutcomes(other, plane, league, names, ways)


def settings_of(first: Settings, measure: str, smaller_is_better: bool) -> Settings:
    """The first outcome's settings with the second's measure and direction."""
    return replace(first, measure=measure, smaller_is_better=smaller_is_better, important_difference=0.0)
