"""The analyses behind an answer: extraction, network fit, and every number as a card that can be cited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equipoise.certainty import grade
from equipoise.certainty.sizes import RATIOS, Bands, bands
from equipoise.certainty.wording import LEVELS, Level, Size
from equipoise.extraction.trials import Extraction, TrialResult, extract
from equipoise.report.answer import Derivation, Figures, Ground, ResultCard
from equipoise.report.dossier import concerns
from equipoise.report.ledger import Ledger
from equipoise.report.words import RANDOMISED, count, natural, study_label
from equipoise.review.model import Analysis, CertaintyOverride, Outcome, Review, Study
from equipoise.synthesis.network.contrasts import StudyContrasts
from equipoise.synthesis.network.fit import NetworkFit
from equipoise.synthesis.network.network import Network


@dataclass(frozen=True, slots=True)
class OutcomeResult:
    """One analysis of a review, fitted; ``fit`` is None where no trial compares two treatments."""

    analysis: Analysis
    outcome: Outcome
    extraction: Extraction
    fit: NetworkFit | None

    @property
    def measure(self) -> str:
        return self.analysis.measure

    def part(self, treatment: str) -> tuple[str, ...]:
        """The treatments of the subnetwork that holds ``treatment``; empty when it isn't in the network."""
        if self.fit is None:
            return ()
        return next((part for part in self.fit.subnetworks if treatment in part), ())

    def comparator(self, treatment: str, wanted: str | None = None) -> str | None:
        """What a treatment can be compared with: what is wanted, else the reference, else the part's own control."""
        part = self.part(treatment)
        if not part:
            return None
        if wanted in part:
            return wanted
        if self.analysis.reference in part and treatment != self.analysis.reference:
            return self.analysis.reference
        return next((node for node in part if node != treatment), None)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A network estimate of one treatment against another, with its trials and its certainty."""

    result: OutcomeResult
    treatment: str
    comparator: str
    value: float
    standard_error: float
    low: float
    high: float
    prediction: tuple[float, float] | None
    direct_trials: tuple[TrialResult, ...]
    participants: int
    ratings: tuple[grade.Rating, ...]
    level: Level
    bands: Bands | None
    indirect: bool

    @property
    def figures(self) -> Figures:
        """On the natural scale."""
        measure = self.result.measure
        return Figures(natural(measure, self.value), natural(measure, self.low), natural(measure, self.high))

    @property
    def size(self) -> Size:
        """The band of the point estimate; `moderate` (the plain words) where the review states no limits."""
        return self.bands.size(self.value) if self.bands else "moderate"

    @property
    def excludes_no_effect(self) -> bool:
        return self.low > 0 or self.high < 0

    @property
    def favours_treatment(self) -> bool:
        return (self.value < 0) == bool(self.result.outcome.lower_is_better)

    @property
    def id(self) -> str:
        return f"network:{self.result.outcome.outcome}:{self.treatment} v {self.comparator}"


def analyse(review: Review, analysis: Analysis, lumped: dict[str, str] | None = None) -> OutcomeResult:
    """Extract the trials of an analysis and fit their network."""
    outcome = next(row for row in review.outcomes if row.outcome == analysis.outcome)
    extraction = extract(review, analysis, lumped)
    studies = [trial.contrasts for trial in extraction.trials]
    fit = None
    if studies:
        network = Network.from_studies(studies, measure=analysis.measure)
        reference = analysis.reference if analysis.reference in network.treatments else None
        fit = network.fit(model=analysis.model, method=analysis.method, reference=reference)  # type: ignore[arg-type]
    return OutcomeResult(analysis, outcome, extraction, fit)


def estimate(
    review: Review, result: OutcomeResult, treatment: str, comparator: str, trials_of: Sequence[Study]
) -> Estimate | None:
    """The network estimate of ``treatment`` against ``comparator``; None where nothing connects them.

    ``trials_of`` are the randomised trials of the treatment in people with the condition, to see which of them report
    nothing usable for this outcome.
    """
    fit = result.fit
    if fit is None or comparator not in result.part(treatment) or treatment == comparator:
        return None
    i, j = fit.treatments.index(treatment), fit.treatments.index(comparator)
    part = int(fit.part_of()[i])
    value, error = float(fit.estimates[i, j]), float(fit.standard_errors[i, j])
    direct = tuple(
        trial for trial in result.extraction.trials if {treatment, comparator} <= set(trial.contrasts.treatments)
    )
    behind = direct or tuple(
        trial for trial in result.extraction.trials if set(trial.contrasts.treatments) & {treatment, comparator}
    )
    limits = bands(result.measure, result.analysis.smallest_important_difference)
    usable = {trial.study.study_id for trial in result.extraction.trials}
    pooled = {id_ for trial in result.extraction.trials for id_ in trial.study.includes}
    nodes = {row.name: row.node for row in review.interventions}
    silent = [
        study
        for study in trials_of
        if study.study_id not in usable | pooled
        and study.design in RANDOMISED
        and study.n_total
        and comparator in {nodes[name] for name in study.interventions}
    ]
    prediction = _prediction(fit, value, error, part)
    body = grade.Body(
        estimate=value,
        ci_low=float(fit.lower[i, j]),
        ci_high=float(fit.upper[i, j]),
        trials=tuple(_grade_trial(review, trial, treatment, comparator, float(fit.tau2[part])) for trial in behind),
        important=limits.small if limits else None,
        moderate=limits.moderate if limits else None,
        large=limits.large if limits else None,
        widest_ratio=WIDEST_RATIO.get(result.measure),
        direct=bool(direct),
        prediction=prediction,
        unreported=sum(study.n_total or 0 for study in silent),
        unreported_trials=tuple(study_label(study) for study in silent),
        optimal_information_size=_information_size(result, limits),
        pooled_by_others=_pooled_by_others(review, result, treatment, comparator, len(direct)),
        indirect_because=_other_condition(review, behind),
    )
    ratings = _overridden(review, grade.rate(body), result, treatment, comparator)
    return Estimate(
        result=result,
        treatment=treatment,
        comparator=comparator,
        value=value,
        standard_error=error,
        low=body.ci_low,
        high=body.ci_high,
        prediction=prediction,
        direct_trials=direct,
        participants=sum(_participants(trial, treatment, comparator) or 0 for trial in direct),
        ratings=ratings,
        level=_level(review, ratings, result, treatment, comparator),
        bands=limits,
        indirect=not direct,
    )


def trial_card(ledger: Ledger, result: OutcomeResult, trial: TrialResult, treatment: str, comparator: str) -> Ground:
    """The card of one trial's contrast of two of its treatments."""
    value, variance = contrast(trial.contrasts, treatment, comparator)
    margin = 1.959963984540054 * variance**0.5
    rows = tuple(ground.id for ground in ledger.rows(trial.rows))
    label = f"{study_label(trial.study)}: {treatment} v {comparator}"
    return ledger.result(
        ResultCard(
            id=f"study:{result.outcome.outcome}:{trial.study.study_id}:{treatment} v {comparator}",
            kind="study",
            label=label,
            outcome=result.outcome.label,
            treatment=treatment,
            comparator=comparator,
            measure=result.measure,
            figures=Figures(
                natural(result.measure, value),
                natural(result.measure, value - margin),
                natural(result.measure, value + margin),
            ),
            studies=1,
            participants=_participants(trial, treatment, comparator),
            method=MEASURE_METHODS.get(result.measure, ""),
            rows=rows,
            derivations=tuple(
                Derivation(ledger.row(item.row).id, item.quantity, item.value, item.formula, item.source)
                for item in trial.derived
            ),
            notes=tuple(CAUTIONS[caution] for caution in trial.cautions),
        )
    )


WIDEST_RATIO = {"RR": 3.0, "OR": 2.5, "HR": 3.0, "IRR": 3.0}
"""GRADE guidance 34: an interval whose upper bound is this many times its lower one fails the information size."""

MEASURE_METHODS = {
    "SMD": "Hedges' g with the exact correction; large-sample variance",
    "MD": "difference of means; variance from each arm's SD",
    "RR": "risk ratio of the arms' counts; large-sample variance of its log",
    "OR": "odds ratio of the arms' counts; large-sample variance of its log",
}
CROSSOVER = "crossover as parallel"
"""The caution on trials whose arms are the same people."""

CAUTIONS = {
    "arm size assumed": "An arm's size was assumed (equal split); a sensitivity run would leave this trial out.",
    "count derived": "A count was worked out from a printed percentage.",
    "n derived": "An arm's size was worked out from other printed numbers.",
    "crossover as parallel": "A crossover trial analysed as if its arms were different people: the interval is too wide rather than too "
    "narrow; where the effect was worked out from a p-value, it may be overstated.",
    "SD or SE not stated": "The source doesn't say whether its ± values are SDs or SEs; they were taken as SDs.",
    "p is a bound": "The p-value is printed as a bound, so the standard error is too large rather than too small.",
}


def estimate_card(ledger: Ledger, found: Estimate) -> Ground:
    """The card of a network estimate, with the trials behind it as its parts."""
    result, fit = found.result, found.result.fit
    assert fit is not None
    part = int(fit.part_of()[fit.treatments.index(found.treatment)])
    nodes = set(fit.subnetworks[part])
    inside = [trial for trial in result.extraction.trials if set(trial.contrasts.treatments) <= nodes]
    direct = set(map(id, found.direct_trials))
    behind = [trial for trial in inside if id(trial) in direct] or inside
    parts = []
    for trial in behind:
        arms = trial.contrasts.treatments
        pair = (found.treatment, found.comparator) if id(trial) in direct else (arms[1], arms[0])
        parts.append(trial_card(ledger, result, trial, *pair).id)
    trials = len(found.direct_trials)
    network = f"a connected network of {len(nodes)} treatments and {count(len(inside), 'trial')}"
    if trials:
        notes = [f"Estimated in {network}; the trials listed compare the two directly."]
    else:
        notes = [f"No trial compares the two directly; the estimate goes through {network}, all listed."]
    others = [part for part in fit.subnetworks if set(part) != nodes]
    if others:
        notes.append(
            f"The network falls into {count(len(fit.subnetworks), 'unconnected part')}, each fitted by itself."
        )
    return ledger.result(
        ResultCard(
            id=found.id,
            kind="network",
            label=f"{found.treatment} v {found.comparator}: {result.outcome.label}",
            outcome=result.outcome.label,
            treatment=found.treatment,
            comparator=found.comparator,
            measure=result.measure,
            figures=found.figures,
            prediction=None
            if found.prediction is None
            else Figures(
                found.figures.estimate,
                natural(result.measure, found.prediction[0]),
                natural(result.measure, found.prediction[1]),
            ),
            tau2=float(fit.tau2[part]) if fit.df[part] > 0 else None,
            i2=float(fit.i2[part]) if fit.df[part] > 0 else None,
            studies=trials,
            participants=found.participants or None,
            method=(
                f"Network meta-analysis by generalised least squares, "
                f"{'random effects, τ² by ' + result.analysis.method if fit.model == 'random' else 'common effect'}"
            ),
            parts=tuple(dict.fromkeys(parts)),
            notes=tuple(notes),
        )
    )


def contrast(study: StudyContrasts, treatment: str, comparator: str) -> tuple[float, float]:
    """A trial's estimate of one treatment minus another, and its variance."""
    weights = np.zeros(len(study.treatments))
    weights[study.treatments.index(treatment)] += 1.0
    weights[study.treatments.index(comparator)] -= 1.0
    row = weights[1:]
    return float(row @ study.estimates), float(row @ study.covariance @ row)


def _participants(trial: TrialResult, treatment: str, comparator: str) -> int | None:
    """People in two arms of a trial; those of a crossover are counted once."""
    sizes = dict(zip(trial.contrasts.treatments, trial.contrasts.participants, strict=False))
    pair = [n for n in (sizes.get(treatment), sizes.get(comparator)) if n is not None]
    if len(pair) < 2:
        return None
    return max(pair) if CROSSOVER in trial.cautions else sum(pair)


def _prediction(fit: NetworkFit, value: float, error: float, part: int) -> tuple[float, float] | None:
    """After netmeta's default: t with the degrees of freedom of Q; None where τ² rests on fewer than three, since the
    interval then says little more than that."""
    df = int(fit.df[part])
    if fit.model != "random" or df < 3:
        return None
    from scipy.special import stdtrit

    margin = float(stdtrit(df, 0.975)) * (error**2 + float(fit.tau2[part])) ** 0.5
    return value - margin, value + margin


def _grade_trial(review: Review, trial: TrialResult, treatment: str, comparator: str, tau2: float) -> grade.Trial:
    nodes = trial.contrasts.treatments
    pair = (treatment, comparator) if {treatment, comparator} <= set(nodes) else (nodes[1], nodes[0])
    value, variance = contrast(trial.contrasts, *pair)
    judgements = [row.judgement for row in review.appraisal if row.study_id == trial.study.study_id]
    risk = None
    if judgements:
        risk = "high" if "high" in judgements else "low" if set(judgements) == {"low"} else "unclear"
    return grade.Trial(
        label=study_label(trial.study),
        estimate=value,
        standard_error=variance**0.5,
        weight=1 / (variance + tau2),
        participants=_participants(trial, *pair),
        risk_of_bias=risk,
        high_domains=judgements.count("high"),
    )


def _information_size(result: OutcomeResult, limits: Bands | None) -> int | None:
    if limits is None:
        return None
    if result.measure == "SMD":
        return grade.optimal_information_size(difference=limits.small)
    if result.measure not in RATIOS:
        return None
    arms = [row for trial in result.extraction.trials for row in trial.rows if row.table == "arms"]
    reference = [
        arm for arm in arms if getattr(arm, "treatment", "") == result.analysis.reference and getattr(arm, "n", None)
    ]
    events = sum(getattr(arm, "events", 0) or 0 for arm in reference)
    people = sum(getattr(arm, "n", 0) or 0 for arm in reference)
    risk = events / people if people else 0.0
    return grade.optimal_information_size(risk=risk) if 0 < risk < 1 else None


def _pooled_by_others(review: Review, result: OutcomeResult, treatment: str, comparator: str, here: int) -> str:
    """That others pooled more trials of the comparison than are here, if they did."""
    nodes = {row.name: row.node for row in review.interventions}
    rows = [
        row
        for row in review.syntheses
        if row.outcome == result.outcome.outcome
        and row.k is not None
        and row.k > here
        and [nodes.get(name) for name in row.treatment] == [treatment]
        and set(row.treatment) == {treatment}
        and nodes.get(row.comparator) == comparator
    ]
    if not rows:
        return ""
    most = max(rows, key=lambda row: row.k or 0)
    return f"{study_label(review.study(most.review_id))} pooled {count(most.k or 0, 'trial')}, more than are here"


def _other_condition(review: Review, trials: Sequence[TrialResult]) -> str:
    condition = review.protocol.condition
    others = [trial for trial in trials if not concerns(trial.study.condition, condition)]
    if not others:
        return ""
    return f"{study_label(others[0].study)} studied {others[0].study.condition}, not {condition.name}"


def _overridden(
    review: Review, ratings: tuple[grade.Rating, ...], result: OutcomeResult, treatment: str, comparator: str
) -> tuple[grade.Rating, ...]:
    for row in _overrides(review, result, treatment, comparator):
        if row.domain != "overall":
            ratings = grade.override(ratings, row.domain, int(row.level), row.by, row.when, row.why)
    return ratings


def _level(
    review: Review, ratings: tuple[grade.Rating, ...], result: OutcomeResult, treatment: str, comparator: str
) -> Level:
    for row in _overrides(review, result, treatment, comparator):
        if row.domain == "overall":
            return next(level for level in LEVELS if level == row.level)
    return grade.overall(ratings)


def _overrides(review: Review, result: OutcomeResult, treatment: str, comparator: str) -> list[CertaintyOverride]:
    wanted = f"{treatment} v {comparator}"
    return [row for row in review.certainty if row.comparison == wanted and row.outcome == result.outcome.outcome]
