"""Every measure, as a table: its code (metafor's), what it needs, the scale it is pooled on, and its formula.

Adding a measure is adding a row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from equipoise.errors import DataError
from equipoise.synthesis.measures import (
    binary,
    continuous,
    correlations,
    means,
    paired,
    proportions,
    rates,
    survival,
)
from equipoise.synthesis.measures import scale as scales
from equipoise.synthesis.measures.effect import Effect
from equipoise.synthesis.measures.scale import Scale


@dataclass(frozen=True, slots=True)
class Measure:
    """A row of the table.

    ``needs`` names the formula's arguments: those that end in 1 or 2 belong to the treated and the comparator group.
    ``adds`` says whether zero cells are changed by default. ``variances`` are the named sampling variances to choose
    from, the default first. ``positive`` are the arguments that must be above 0 for the measure to be defined.
    """

    code: str
    label: str
    needs: tuple[str, ...]
    scale: Scale
    formula: Callable[..., Effect]
    variances: tuple[str, ...] = ("LS",)
    adds: bool = False
    positive: tuple[str, ...] = ()

    @property
    def groups(self) -> int:
        """2 for comparisons, 1 for one group."""
        return 2 if any(need.endswith("2") for need in self.needs) else 1

    @property
    def roles(self) -> tuple[str, ...]:
        """The columns that data for it have, without the group's number: ("events", "n")."""
        return tuple(dict.fromkeys(need.rstrip("12") for need in self.needs))

    @property
    def is_ratio(self) -> bool:
        """Whether it is pooled as a logarithm."""
        return self.scale.name == "log"


_EVENTS = ("events1", "n1", "events2", "n2")
_TIMES = ("events1", "time1", "events2", "time2")
_MEANS = ("mean1", "sd1", "n1", "mean2", "sd2", "n2")
_PAIRED = ("mean1", "sd1", "mean2", "sd2", "n", "r")
_SMD = ("LS", "LS2", "UB", "AV", "RevMan")

_ROWS = (
    Measure("OR", "odds ratio", _EVENTS, scales.LOG, binary.odds_ratio, ("LS", "AV"), adds=True),
    Measure("RR", "risk ratio", _EVENTS, scales.LOG, binary.risk_ratio, ("LS", "AV"), adds=True),
    Measure("RD", "risk difference", _EVENTS, scales.IDENTITY, binary.risk_difference, ("LS", "UB", "AV"), adds=True),
    Measure("AS", "arcsine difference", _EVENTS, scales.ARCSINE_DIFFERENCE, binary.arcsine_difference),
    Measure("PETO", "Peto odds ratio", _EVENTS, scales.LOG, binary.peto_odds_ratio, adds=True),
    Measure("IRR", "rate ratio", _TIMES, scales.LOG, rates.rate_ratio, adds=True),
    Measure("IRD", "rate difference", _TIMES, scales.IDENTITY, rates.rate_difference, adds=True),
    Measure("IRSD", "difference of root rates", _TIMES, scales.ROOT_DIFFERENCE, rates.root_rate_difference),
    Measure("MD", "mean difference", _MEANS, scales.IDENTITY, continuous.mean_difference, ("LS", "HO")),
    Measure(
        "SMD", "standardised mean difference", _MEANS, scales.IDENTITY, continuous.standardised_mean_difference, _SMD,
        positive=("sd1", "sd2"),
    ),
    Measure(
        "SMDH", "standardised mean difference (unequal variances)", _MEANS, scales.IDENTITY,
        continuous.heteroscedastic_smd, ("LS", "LS2"), positive=("sd1", "sd2"),
    ),
    Measure("SMD1", "Glass's Δ", _MEANS, scales.IDENTITY, continuous.glass_delta, positive=("sd2",)),
    Measure(
        "SMD1H", "Glass's Δ (unequal variances)", _MEANS, scales.IDENTITY, continuous.heteroscedastic_glass_delta,
        positive=("sd2",),
    ),
    Measure("ROM", "ratio of means", _MEANS, scales.LOG, continuous.ratio_of_means, ("LS", "HO", "AV")),
    Measure(
        "CVR", "ratio of coefficients of variation", _MEANS, scales.LOG, continuous.log_cv_ratio,
        positive=("mean1", "mean2", "sd1", "sd2"),
    ),
    Measure(
        "VR", "variability ratio", ("sd1", "n1", "sd2", "n2"), scales.LOG, continuous.log_variability_ratio,
        positive=("sd1", "sd2"),
    ),
    Measure("PR", "proportion", ("events", "n"), scales.RAW, proportions.proportion, ("LS", "UB", "AV"), adds=True),
    Measure("PLN", "proportion", ("events", "n"), scales.LOG_LEVEL, proportions.log_proportion, adds=True),
    Measure("PLO", "proportion", ("events", "n"), scales.LOGIT, proportions.logit_proportion, adds=True),
    Measure("PAS", "proportion", ("events", "n"), scales.ARCSINE, proportions.arcsine_proportion),
    Measure("PFT", "proportion", ("events", "n"), scales.DOUBLE_ARCSINE, proportions.double_arcsine_proportion),
    Measure("IR", "rate", ("events", "time"), scales.RAW, rates.rate, adds=True),
    Measure("IRLN", "rate", ("events", "time"), scales.LOG_LEVEL, rates.log_rate, adds=True),
    Measure("IRS", "rate", ("events", "time"), scales.SQUARE_ROOT, rates.root_rate),
    Measure("IRFT", "rate", ("events", "time"), scales.FREEMAN_TUKEY_RATE, rates.freeman_tukey_rate),
    Measure("MN", "mean", ("mean", "sd", "n"), scales.RAW, means.mean),
    Measure("SMN", "standardised mean", ("mean", "sd", "n"), scales.IDENTITY, means.standardised_mean,
            positive=("sd",)),
    Measure("MNLN", "mean", ("mean", "sd", "n"), scales.LOG_LEVEL, means.log_mean, positive=("mean",)),
    Measure("CVLN", "coefficient of variation", ("mean", "sd", "n"), scales.LOG_LEVEL, means.log_cv,
            positive=("mean", "sd")),
    Measure("SDLN", "standard deviation", ("sd", "n"), scales.LOG_LEVEL, means.log_sd, positive=("sd",)),
    Measure("COR", "correlation", ("r", "n"), scales.IDENTITY, correlations.correlation, ("LS", "AV")),
    Measure("UCOR", "correlation (unbiased)", ("r", "n"), scales.IDENTITY, correlations.unbiased_correlation,
            ("LS", "UB", "AV")),
    Measure("ZCOR", "correlation", ("r", "n"), scales.FISHER_Z, correlations.fisher_z),
    Measure("HR", "hazard ratio", ("o_minus_e", "v"), scales.LOG, survival.hazard_ratio, positive=("v",)),
    Measure("MC", "mean change", _PAIRED, scales.IDENTITY, paired.mean_change),
    Measure("SMCC", "standardised mean change (by its SD)", _PAIRED, scales.IDENTITY,
            paired.change_standardised_by_change, ("LS", "LS2", "UB")),
    Measure("SMCR", "standardised mean change (by sd₁)", _PAIRED, scales.IDENTITY,
            paired.change_standardised_by_first, ("LS", "LS2"), positive=("sd1",)),
    Measure("SMCRH", "standardised mean change (by sd₁, unequal variances)", _PAIRED, scales.IDENTITY,
            paired.heteroscedastic_change_by_first, positive=("sd1",)),
    Measure("SMCRP", "standardised mean change (by the pooled SD)", _PAIRED, scales.IDENTITY,
            paired.change_standardised_by_pooled, positive=("sd1", "sd2")),
    Measure("ROMC", "ratio of means (paired)", _PAIRED, scales.LOG, paired.ratio_of_means_change),
    Measure("CVRC", "ratio of coefficients of variation (paired)", _PAIRED, scales.LOG, paired.log_cv_ratio_change,
            positive=("mean1", "mean2", "sd1", "sd2")),
    Measure("VRC", "variability ratio (paired)", ("sd1", "sd2", "n", "r"), scales.LOG,
            paired.log_variability_ratio_change, positive=("sd1", "sd2")),
    Measure("MPORM", "odds ratio (crossover)", ("events1", "events2", "n", "r"), scales.LOG,
            paired.crossover_odds_ratio, adds=True),
)  # fmt: skip

MEASURES: dict[str, Measure] = {row.code: row for row in _ROWS}
"""The measures by code."""


def measure(code: str) -> Measure:
    """The measure of that code, whatever its case; ``DataError`` lists the codes when there is none."""
    try:
        return MEASURES[code.upper()]
    except KeyError:
        raise DataError(f"unknown measure: {code!r}; known are {', '.join(MEASURES)}") from None
