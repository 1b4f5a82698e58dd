"""Empirical priors of the heterogeneity, from thousands of published meta-analyses, by outcome and comparison.

Both are predictive distributions of τ² in a new meta-analysis of the Cochrane Database of Systematic Reviews: log-normal
for log odds ratios (Turner et al. 2015, Stat Med 34:984, table IV), log-Student with 5 degrees of freedom for
standardised mean differences (Rhodes, Turner & Higgins 2015, J Clin Epidemiol 68:52, table 3). The numbers are those
that R's bayesmeta (TurnerEtAlPrior, RhodesEtAlPrior) has. The earlier three classes of outcome for log odds ratios
(Turner et al. 2012, Int J Epidemiol 41:818), as R's gemtc (mtc.hy.empirical.lor) has them, are those of the year 2012.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from equipoise.errors import DataError
from equipoise.synthesis.bayes.priors import LogNormal, LogStudent, OnVariance

PLACEBO = "pharmacological vs placebo or control"
PHARMACOLOGICAL = "pharmacological vs pharmacological"
NON_PLACEBO = "non-pharmacological vs placebo or control"
NON_PHARMACOLOGICAL = "non-pharmacological vs pharmacological"
NON_NON = "non-pharmacological vs non-pharmacological"
ANY_NON = "non-pharmacological vs any"

# For each comparison, one (location, scale) an outcome, in the order of the outcomes; locations without their minus.
_ODDS_RATIO_OUTCOMES = (
    "all-cause mortality", "obstetric outcomes", "cause-specific mortality, major morbidity or composite",
    "resource use, hospital stay or process", "surgical or device-related success or failure",
    "withdrawals or drop-outs", "internal or structure-related outcomes", "general physical health",
    "adverse events", "infection or new disease", "signs or symptoms", "pain", "quality of life or functioning",
    "mental health", "biological markers", "subjective outcomes (various)",
)  # fmt: skip
_ODDS_RATIO = {
    PLACEBO: (
        (3.95, 3.52, 3.71, 2.34, 2.14, 2.99, 2.71, 2.29, 1.87, 2.49, 2.06, 1.83, 2.54, 2.12, 1.77, 2.70),
        (1.34, 1.74, 1.74, 1.74, 1.74, 1.74, 1.74, 1.53, 1.52, 1.52, 1.51, 1.52, 1.54, 1.53, 1.52, 1.52),
    ),
    PHARMACOLOGICAL: (
        (4.18, 3.75, 3.95, 2.58, 2.37, 3.23, 2.94, 2.53, 2.10, 2.73, 2.29, 2.06, 2.78, 2.35, 2.00, 2.93),
        (1.41, 1.79, 1.79, 1.79, 1.79, 1.79, 1.79, 1.58, 1.58, 1.58, 1.58, 1.58, 1.60, 1.60, 1.58, 1.58),
    ),
    NON_PLACEBO: (
        (4.17, 3.74, 3.93, 2.56, 2.36, 3.21, 2.93, 2.51, 2.10, 2.71, 2.28, 2.05, 2.77, 2.34, 1.99, 2.92),
        (1.55, 1.91, 1.91, 1.91, 1.91, 1.91, 1.92, 1.72, 1.71, 1.71, 1.71, 1.71, 1.73, 1.72, 1.71, 1.71),
    ),
    NON_PHARMACOLOGICAL: (
        (2.92, 2.49, 2.68, 1.31, 1.11, 1.96, 1.67, 1.26, 0.84, 1.46, 1.03, 0.80, 1.51, 1.09, 0.74, 1.67),
        (1.02, 1.50, 1.51, 1.50, 1.50, 1.51, 1.51, 1.25, 1.24, 1.24, 1.24, 1.25, 1.27, 1.27, 1.24, 1.25),
    ),
    NON_NON: (
        (3.50, 3.08, 3.27, 1.90, 1.69, 2.55, 2.26, 1.85, 1.43, 2.05, 1.61, 1.38, 2.10, 1.67, 1.33, 2.26),
        (1.26, 1.68, 1.68, 1.68, 1.68, 1.68, 1.68, 1.46, 1.45, 1.45, 1.45, 1.45, 1.47, 1.47, 1.45, 1.45),
    ),
}  # fmt: skip
_ODDS_RATIO_ANY = (2.56, 1.74)

_SMD_OUTCOMES = (
    "obstetric outcomes", "resource use, hospital stay or process", "internal or external structure",
    "general physical health, adverse events, pain or quality of life", "signs or symptoms, infection or new disease",
    "mental health", "biological markers", "subjective outcomes (various)",
)  # fmt: skip
_SMD = {
    PLACEBO: ((4.13, 2.55, 2.43, 3.16, 3.00, 2.99, 3.41, 2.76), (2.34, 2.73, 2.50, 2.50, 2.50, 2.16, 2.83, 2.58)),
    PHARMACOLOGICAL: (
        (4.40, 2.83, 2.70, 3.44, 3.27, 3.27, 3.68, 3.03),
        (2.31, 2.70, 2.46, 2.44, 2.47, 2.14, 2.78, 2.59),
    ),
    ANY_NON: ((3.99, 2.41, 2.29, 3.02, 2.86, 3.85, 3.27, 2.62), (2.11, 2.57, 2.32, 2.27, 2.33, 1.93, 2.66, 2.41)),
}
_SMD_ANY = (3.44, 2.59)

_CLASSES = ("all-cause mortality", "semi-objective outcomes", "subjective outcomes")
_ODDS_RATIO_2012 = {
    PLACEBO: ((4.06, 3.02, 2.13), (1.45, 1.85, 1.58)),
    PHARMACOLOGICAL: ((4.27, 3.23, 2.34), (1.48, 1.88, 1.62)),
    ANY_NON: ((3.93, 2.89, 2.01), (1.51, 1.91, 1.64)),
}

_Table = tuple[
    tuple[str, ...], Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]], tuple[float, float] | None, str
]
_TABLES: dict[tuple[str, int], _Table] = {
    ("OR", 2015): (_ODDS_RATIO_OUTCOMES, _ODDS_RATIO, _ODDS_RATIO_ANY, "Turner et al. 2015, Stat Med 34:984"),
    ("OR", 2012): (_CLASSES, _ODDS_RATIO_2012, None, "Turner et al. 2012, Int J Epidemiol 41:818"),
    ("SMD", 2015): (_SMD_OUTCOMES, _SMD, _SMD_ANY, "Rhodes, Turner & Higgins 2015, J Clin Epidemiol 68:52"),
}
_ANY = "any"


@dataclass(frozen=True, slots=True)
class EmpiricalPrior(OnVariance):
    """A prior of τ that was estimated from published meta-analyses; it knows what it was estimated for."""

    outcome: str = _ANY
    comparison: str = _ANY
    source: str = ""

    def describe(self) -> str:
        """The prior with what it is for and where it comes from."""
        what = "any outcome and comparison" if self.outcome == _ANY else f"{self.outcome}, {self.comparison}"
        base = OnVariance(self.prior).describe()
        return f"{base}, empirical for {what} ({self.source})"


def empirical_settings(measure: str, year: int = 2015) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The outcomes and the comparisons for which there is an empirical prior of that measure ("OR" or "SMD")."""
    outcomes, cells, _, _ = _table(measure, year)
    return outcomes, tuple(cells)


def empirical_heterogeneity(
    measure: str, outcome: str | None = None, comparison: str | None = None, *, year: int = 2015
) -> EmpiricalPrior:
    """The empirical prior of τ for an outcome and a comparison; without both, that of all meta-analyses together.

    ``measure`` is "OR" (log odds ratios, Turner 2015; with ``year`` 2012 the three classes of outcome of Turner 2012)
    or "SMD" (Rhodes 2015); ``outcome`` and ``comparison`` are of ``empirical_settings(measure, year)``, or the
    beginnings of one of them. Raises ``DataError`` naming the nearest.
    """
    outcomes, cells, together, source = _table(measure, year)
    if outcome is None and comparison is None:
        if together is None:
            raise DataError(f"there is no prior of all meta-analyses together of {year}: give outcome and comparison")
        location, scale = together
        chosen, against = _ANY, _ANY
    elif outcome is None or comparison is None:
        raise DataError("give both outcome and comparison, or neither for the prior of all meta-analyses together")
    else:
        chosen = _one_of(outcome, outcomes, "outcome")
        against = _one_of(comparison, tuple(cells), "comparison")
        locations, scales = cells[against]
        place = outcomes.index(chosen)
        location, scale = locations[place], scales[place]
    of_variance = (
        LogNormal(-location, scale, measure=measure) if measure == "OR" else LogStudent(-location, scale, 5.0, measure)
    )
    return EmpiricalPrior(of_variance, chosen, against, source)


def _table(measure: str, year: int) -> _Table:
    if (measure, year) not in _TABLES:
        there = ", ".join(f"{name!r} ({when})" for name, when in _TABLES)
        raise DataError(
            f"no empirical prior of the heterogeneity of {measure!r} of {year}: there are those of {there}. For another "
            "measure give a prior in its own units, such as HalfNormal"
        )
    return _TABLES[measure, year]


def _one_of(given: str, known: tuple[str, ...], what: str) -> str:
    """The entry that is or begins with ``given``, or holds it where one only does."""
    wanted = given.casefold().strip()
    for fits in (
        [name for name in known if name == wanted],
        [name for name in known if name.startswith(wanted)],
        [name for name in known if wanted in name],
    ):
        if len(fits) == 1:
            return fits[0]
        if len(fits) > 1:
            raise DataError(f"{what} {given!r} may be {', or '.join(map(repr, fits))}; say which")
    nearest = get_close_matches(wanted, known, 1, 0.0)[0]
    raise DataError(f"unknown {what} {given!r}; did you mean {nearest!r}? There are: {'; '.join(known)}")
