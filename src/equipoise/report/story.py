"""What is to be told: the evidence on one treatment, the estimate that the verdict rests on, and how far it goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from equipoise.extraction.analyses import analyses
from equipoise.extraction.trials import TrialResult
from equipoise.question import Reading
from equipoise.report.analyses import Estimate, OutcomeResult, analyse, estimate, estimate_card
from equipoise.report.answer import Ground, ResultCard, Statement
from equipoise.report.dossier import Dossier, concerns, gather, mentions
from equipoise.report.ledger import Ledger
from equipoise.report.words import capitalised, uncapitalised
from equipoise.review.model import Analysis, Outcome, Remark, Review, Row, Synthesis
from equipoise.review.selection import select

Standing = Literal[
    "estimated", "without numbers", "published only", "uncontrolled only", "unclassified", "no people", "nothing"
]
"""How far the evidence goes: an effect can be computed; randomised trials exist without usable numbers; only other
authors' syntheses tell of trials; people were observed without a comparison; a report's design was not seen; only
animals, laboratory work or mechanisms; nothing at all."""


def quotable(review: Review, dossier: Dossier) -> Synthesis | None:
    """A treatment's published result that says most: the main outcome with an interval, then another benefit with one,
    then a recommendation or a finding in words; in the main analysis' measure and with more studies first."""
    primary = next((a for a in analyses(review) if a.primary), None)
    kinds = {outcome.outcome: outcome.kind for outcome in review.outcomes}

    def rank(row: Synthesis) -> tuple[bool, bool, bool, bool, int]:
        main = primary is not None and row.outcome == primary.outcome
        return (
            row.ci_low is not None,
            kinds[row.outcome] == "benefit",
            main,
            primary is not None and row.measure == primary.measure,
            row.k or 0,
        )

    told = [row for row in dossier.syntheses if row.ci_low is not None or row.certainty or row.note]
    own = {row.name for row in dossier.rows}
    return max([row for row in told if own.issuperset(row.treatment)] or told, key=rank, default=None)


@dataclass(frozen=True)
class Story:
    """The material of an answer. Built once; everything that is written reads from it."""

    review: Review
    reading: Reading
    ledger: Ledger
    progress: Callable[[str], None] = lambda _: None

    @cached_property
    def dossier(self) -> Dossier:
        return self.dossier_of(self.reading.treatment)

    def dossier_of(self, node: str) -> Dossier:
        """The dossier of any treatment of the review, gathered once."""
        if node not in self._dossiers:
            self._dossiers[node] = gather(self.review, node)
        return self._dossiers[node]

    @cached_property
    def _dossiers(self) -> dict[str, Dossier]:
        return {}

    def trials_in(self, result: OutcomeResult) -> list[TrialResult]:
        """The trials of the treatment that enter an analysis, whatever they compare it with."""
        return [t for t in result.extraction.trials if self.treatment in t.contrasts.treatments]

    def rival(self, node: str, comparator: str) -> Estimate | None:
        """The main outcome's estimate of any treatment against another; None where nothing connects them."""
        if self.landscape is None:
            return None
        return estimate(self.review, self.landscape, node, comparator, self.dossier_of(node).trials)

    @property
    def treatment(self) -> str:
        return self.reading.treatment

    @property
    def condition(self) -> str:
        return self.review.protocol.condition.name

    @cached_property
    def lumped(self) -> dict[str, str]:
        """Members of a class that is asked about, renamed into the class."""
        return dict.fromkeys(self.dossier.members, self.treatment)

    @cached_property
    def results(self) -> tuple[OutcomeResult, ...]:
        """Every analysis of the review in which the treatment can be compared, the primary one always."""
        fitted = []
        reported = {row.outcome for row in self.dossier.arms} | {row.outcome for row in self.dossier.contrasts}
        for analysis in self.analyses:
            if analysis.outcome in reported or analysis is self.primary_analysis:
                self.progress(f"Combining trials: {analysis.outcome}")
                fitted.append(analyse(self.review, analysis, self.lumped))
        return tuple(fitted)

    @cached_property
    def primary_analysis(self) -> Analysis | None:
        stated = self.analyses
        return next((analysis for analysis in stated if analysis.primary), stated[0] if stated else None)

    @cached_property
    def analyses(self) -> tuple[Analysis, ...]:
        """The review's analyses, or the defaults where it states none."""
        return analyses(self.review)

    @cached_property
    def primary(self) -> OutcomeResult | None:
        """The primary analysis with the treatment (or its class) as one node."""
        return next((result for result in self.results if result.analysis is self.primary_analysis), None)

    @cached_property
    def landscape(self) -> OutcomeResult | None:
        """The primary analysis with every treatment by itself."""
        if self.primary is None or not self.lumped:
            return self.primary
        return analyse(self.review, self.primary.analysis)

    @cached_property
    def estimates(self) -> tuple[Estimate, ...]:
        """The treatment's estimates, the primary outcome first, then benefits, then harms."""
        found = []
        for result in self.results:
            comparator = result.comparator(self.treatment, self.reading.comparator)
            if comparator is None:
                continue
            made = estimate(self.review, result, self.treatment, comparator, self.dossier.trials)
            if made is not None:
                found.append(made)
        order = {"benefit": 0, "harm": 1}
        return tuple(
            sorted(found, key=lambda e: (e.result.analysis is not self.primary_analysis, order[e.result.outcome.kind]))
        )

    @cached_property
    def main(self) -> Estimate | None:
        """The estimate that the verdict states: the primary outcome's, else the benefit with most participants."""
        benefits = [one for one in self.estimates if one.result.outcome.kind == "benefit"]
        for one in benefits:
            if one.result.analysis is self.primary_analysis:
                return one
        return max(benefits, key=lambda one: one.participants, default=None)

    @cached_property
    def standing(self) -> Standing:
        if self.main is not None:
            return "estimated"
        if self.dossier.trials:
            return "without numbers"
        dossier = self.dossier
        if dossier.syntheses:
            return "published only"
        if dossier.human_findings or dossier.uncontrolled:
            return "uncontrolled only"
        if dossier.unclassified:
            return "unclassified"
        if any((dossier.animal_findings, dossier.animal_studies, dossier.laboratory_findings, dossier.mechanisms)):
            return "no people"
        return "nothing"

    @cached_property
    def best_published(self) -> Synthesis | None:
        """The published result to quote where the review computes none of its own; see `quotable`."""
        return quotable(self.review, self.dossier)

    @cached_property
    def observed_in_condition(self) -> bool:
        """Whether any uncontrolled report is of people with the condition itself."""
        condition = self.review.protocol.condition
        texts = [finding.model_or_condition for finding in self.dossier.human_findings]
        texts += [study.condition for study in self.dossier.uncontrolled]
        return any(concerns(text, condition) for text in texts)

    def bears_on_condition(self, outcome: str) -> bool:
        """Whether an outcome is about the condition (or what the review calls broader), by its name or label."""
        condition = self.review.protocol.condition
        row = next(row for row in self.review.outcomes if row.outcome == outcome)
        words = (condition.name, condition.abbreviation, *condition.synonyms, *condition.broader)
        return any(mentions(text, word) for text in (row.outcome, row.label) for word in words if word)

    # ------------------------------------------------------------------------------------------ grounds and phrases

    def say(self, text: str, *grounds: Ground | Iterable[Ground]) -> Statement:
        return self.ledger.say(text, *grounds)

    def cell(self, text: str, *grounds: Ground | Iterable[Ground]) -> Statement:
        return self.ledger.cell(text, *grounds)

    def rule(self, id_: str) -> Ground:
        return self.ledger.rule(id_)

    def ground(self, found: Estimate) -> Ground:
        return estimate_card(self.ledger, found)

    def rows(self, rows: Iterable[Row]) -> tuple[Ground, ...]:
        return self.ledger.rows(rows)

    def tally(self, id_: str, label: str, number: int, method: str, rows: Iterable[Row] = ()) -> Ground:
        """The ground for a count of the review's rows (also when it is none)."""
        grounds = self.ledger.rows(rows)
        return self.ledger.result(
            ResultCard(
                id=f"count:{id_}",
                kind="count",
                label=f"{label}: {number}",
                treatment=self.treatment,
                studies=number,
                method=method,
                rows=tuple(ground.id for ground in grounds if ground.kind == "row"),
                notes=tuple(f"study: {ground.id}" for ground in grounds if ground.kind == "study"),
            )
        )

    def remark(self, remark: Remark) -> Statement:
        """A sentence in the review's own words."""
        rows = [row for selector in remark.grounds for row in select(self.review, selector)]
        return self.say(remark.text, self.rows(rows))

    def no_trials(self) -> Ground:
        """The ground for there being no randomised trial of the treatment."""
        randomised = sum(study.design.startswith("rct") for study in self.review.studies)
        return self.tally(
            "trials",
            f"Randomised trials of {self.treatment} for {self.condition} in this review",
            len(self.dossier.trials),
            f"Rows of studies.csv with a randomised design ({randomised} in all), people with {self.condition} or results "
            f"in the tables, and {self.treatment} among the interventions.",
            self.dossier.trials,
        )

    def outcome_phrase(self, outcome: Outcome) -> str:
        """The outcome inside a sentence: `the severity of pain`, `the chance of response (…)`."""
        head, _, rest = outcome.label.partition(", ")
        label = uncapitalised(head) + (f" ({rest})" if rest else "")
        if outcome.type != "binary":
            return f"the {label}"
        return f"the {'chance' if outcome.kind == 'benefit' else 'risk'} of “{label}”"

    @property
    def name(self) -> str:
        """The treatment as a sentence begins with it."""
        return capitalised(self.treatment)
