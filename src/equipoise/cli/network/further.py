"""The analyses beyond the fit: those that every report has, and those asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from equipoise.cli.network.analysis import Analysis
from equipoise.cli.network.columns import Reading
from equipoise.cli.network.outcomes import BothOutcomes, Second
from equipoise.cli.network.part import Part
from equipoise.cli.network.table import TextTable
from equipoise.errors import DataError, NotConverged


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for: names of columns, None or empty where nothing was.

    ``separator``, ``inactive`` and ``interactions`` ("A*B"): of components; ``likelihood``: the model for few events;
    ``names``: of the outcomes.
    """

    moderators: tuple[str, ...] = ()
    subgroups: tuple[str, ...] = ()
    separator: str | None = None
    inactive: str | None = None
    interactions: tuple[str, ...] = ()
    agent: str | None = None
    dose: str | None = None
    shape: str | None = None
    forward_search: bool = False
    likelihood: str | None = None
    second: Second | None = None
    names: tuple[str, str] = ("Benefit", "Harm")

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table that these analyses use."""
        return tuple(c for c in (*self.moderators, *self.subgroups, self.agent, self.dose) if c is not None)


@dataclass(frozen=True, slots=True, eq=False)
class Further:
    """The further analyses in the report's order; ``both``: the two outcomes, if there is a second one."""

    parts: tuple[Part, ...]
    both: BothOutcomes | None = None


def further(
    analysis: Analysis, wanted: Wanted, table: TextTable, reading: Reading, progress: Callable[[str], None]
) -> Further:
    """Everything beyond the fit.

    What every report has and these data don't allow becomes a part that says why; what was asked for raises
    ``DataError``.
    """
    from equipoise.cli.network import (
        categories,
        combinations,
        consistency,
        doses,
        growing,
        moderators,
        outcomes,
        rare,
        robustness,
    )

    fit, settings = analysis.fit, analysis.settings
    study = reading.columns["study"]
    progress("Looking for inconsistency")
    parts = [
        categories.categories(fit, settings),
        *([categories.importantly_better(fit, settings)] if settings.important_difference else []),
        _tried("loops", "inconsistency", "Around loops", lambda: consistency.loops(fit)),
        _tried("unrelated", "inconsistency", "Unrelated mean effects", lambda: consistency.unrelated(fit)),
    ]
    progress("Leaving each study out")
    smaller = settings.smaller_is_better
    parts += [
        _tried("without_each", "robustness", "Without each study", lambda: robustness.without_each(fit)),
        _tried("thresholds", "robustness", "How far each study may move", lambda: robustness.thresholds(fit, smaller)),
        _tried(
            "thresholds_by_comparison", "robustness", "How far each comparison may move",
            lambda: robustness.comparisons(fit, smaller),
        ),
        _tried("outliers", "robustness", "Outlying and influential studies", lambda: robustness.outliers(fit)),
        _tried(
            "shifted_variances", "robustness", "A variance of its own", lambda: robustness.shifted_variances(fit)
        ),
    ]  # fmt: skip
    if wanted.forward_search:
        progress("Letting the network grow study by study")
        parts.append(growing.search(fit, smaller))
    progress("Regressing on the size of studies")
    parts.append(
        _tried("small_studies", "small-studies", "Size of studies", lambda: moderators.small_studies(fit, settings))
    )
    for kind, columns, make in (
        ("moderator", wanted.moderators, moderators.moderator),
        ("subgroups", wanted.subgroups, moderators.subgroups),
    ):
        for position, column in enumerate(columns, start=1):
            progress(f"{column}: {kind}")
            name = kind if position == 1 else f"{kind}_{position}"
            parts.append(make(fit, settings, name, column, study, table.columns))
    if wanted.separator is not None:
        progress("Fitting components")
        parts.append(combinations.components(fit, settings, wanted.separator, wanted.inactive, wanted.interactions))
    if wanted.agent is not None and wanted.dose is not None:
        progress("Fitting dose–response curves")
        three = (reading.columns["treatment"], wanted.agent, wanted.dose)
        parts.append(doses.dose_response(fit, settings, three, wanted.shape, table.columns))
    if wanted.likelihood is not None:
        progress("Fitting the model for few events")
        parts.append(rare.rare_events(fit, settings, wanted.likelihood, table, reading))
    if wanted.second is None:
        return Further(tuple(parts))
    progress("Fitting the second outcome")
    part, both = outcomes.both_outcomes(fit, settings, analysis.ranking, wanted.second, wanted.names)
    return Further((*parts, part), both)


def _tried(name: str, section: str, title: str, make: Callable[[], Part]) -> Part:
    """The part, or one that says why these data don't allow it."""
    try:
        return make()
    except (DataError, NotConverged) as error:
        return Part(name, section, title, "", (f"Not possible: {error}.",))
