"""Everything a review holds about one treatment, sorted by line of evidence."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from equipoise.mechanism.paths import Path, paths
from equipoise.report.words import RANDOMISED
from equipoise.review.model import (
    Arm,
    Condition,
    Contrast,
    Finding,
    Intervention,
    Mechanism,
    Remark,
    Review,
    SafetyStatement,
    Study,
    Synthesis,
)
from equipoise.safety import statements as safety_statements

UNCONTROLLED_DESIGNS = frozenset({"open-label", "cohort", "case-control", "case-series", "case-report"})


@dataclass(frozen=True, slots=True)
class Dossier:
    """One treatment's evidence in a review.

    ``nodes`` are the treatment's node and, where it stands for a class, its members'; ``names`` every intervention
    name under them. ``trials`` are randomised trials in people with the condition (or with results in the review's
    tables), ``other_trials`` those in other people. ``related`` are nodes that are about the treatment without being it. ``class_syntheses`` are published
    results for a whole class that the treatment belongs to. ``animal_studies`` and ``laboratory_studies`` are studies
    of those kinds without a row of findings, ``unclassified`` studies in people whose design was not seen, and
    ``named_in`` all other sources that list the treatment.
    """

    node: str
    rows: tuple[Intervention, ...]
    members: tuple[str, ...]
    names: tuple[str, ...]
    related: tuple[str, ...]
    trials: tuple[Study, ...]
    other_trials: tuple[Study, ...]
    uncontrolled: tuple[Study, ...]
    unclassified: tuple[Study, ...]
    animal_studies: tuple[Study, ...]
    laboratory_studies: tuple[Study, ...]
    named_in: tuple[Study, ...]
    arms: tuple[Arm, ...]
    contrasts: tuple[Contrast, ...]
    human_findings: tuple[Finding, ...]
    animal_findings: tuple[Finding, ...]
    laboratory_findings: tuple[Finding, ...]
    related_findings: tuple[Finding, ...]
    mechanisms: tuple[Mechanism, ...]
    paths: tuple[Path, ...]
    syntheses: tuple[Synthesis, ...]
    class_syntheses: tuple[Synthesis, ...]
    safety: tuple[SafetyStatement, ...]
    background: tuple[Remark, ...]
    conflicts: tuple[Remark, ...]
    gaps: tuple[Remark, ...]

    @property
    def main(self) -> Intervention:
        """The row that describes the treatment as a whole."""
        return next((row for row in self.rows if row.name == row.node), self.rows[0])

    @property
    def nodes(self) -> tuple[str, ...]:
        return (self.node, *self.members)


def gather(review: Review, node: str) -> Dossier:
    """The dossier of a treatment's node."""
    rows = tuple(row for row in review.interventions if row.node == node)
    members = _members(review, rows)
    classes = _classes(review, rows)
    nodes = {node, *members}
    names = tuple(row.name for row in review.interventions if row.node in nodes)
    named = set(names)
    related = tuple(
        dict.fromkeys(
            row.node
            for row in review.interventions
            if node in row.related and not row.is_class and row.node not in nodes
        )
    )
    related_names = {row.name for row in review.interventions if row.node in related}

    def remarks(all_remarks: Iterable[Remark]) -> tuple[Remark, ...]:
        return tuple(remark for remark in all_remarks if nodes.intersection(remark.about))

    findings = [finding for finding in review.findings if finding.intervention in named]
    human = tuple(f for f in findings if f.stream.startswith("human"))
    reported = {finding.study_id for finding in human}
    studied = [study for study in review.studies if named.intersection(study.interventions)]
    in_people = [study for study in studied if "human" in study.species.casefold() or not study.species]
    randomised = [study for study in in_people if study.design in RANDOMISED and not study.includes]
    about_condition = {s.study_id for s in review.studies if concerns(s.condition, review.protocol.condition)}
    safety = safety_statements.about(review.safety, names)
    mechanisms = tuple(m for m in review.mechanisms if m.intervention in named | set(classes))
    treated_first = (node, *(name for name in (*names, *classes) if name != node))
    with_findings = {finding.study_id for finding in findings}
    with_mechanisms = {row.study_id for row in review.mechanisms}
    without = [study for study in studied if study.study_id not in with_findings | with_mechanisms]
    sorted_by_design = RANDOMISED | UNCONTROLLED_DESIGNS | {"animal", "in-vitro", ""}
    reported = {row.study_id for row in review.arms} | {row.study_id for row in review.contrasts}
    of_condition = {s.study_id for s in randomised if s.study_id in about_condition or s.study_id in reported}
    return Dossier(
        node=node,
        rows=rows,
        members=members,
        names=names,
        related=related,
        trials=tuple(study for study in randomised if study.study_id in of_condition),
        other_trials=tuple(study for study in randomised if study.study_id not in of_condition),
        uncontrolled=tuple(
            study
            for study in in_people
            if study.design in UNCONTROLLED_DESIGNS
            and (study.study_id in about_condition or study.study_id in reported)
        ),
        unclassified=tuple(s for s in in_people if not s.design and s.study_id in about_condition),
        animal_studies=tuple(study for study in without if study.design == "animal"),
        laboratory_studies=tuple(study for study in without if study.design == "in-vitro"),
        named_in=tuple(study for study in studied if study.design not in sorted_by_design),
        arms=tuple(arm for arm in review.arms if arm.treatment in named),
        contrasts=tuple(c for c in review.contrasts if c.treatment in named or c.comparator in named),
        human_findings=human,
        animal_findings=tuple(f for f in findings if f.stream == "animal"),
        laboratory_findings=tuple(f for f in findings if f.stream == "in-vitro"),
        related_findings=tuple(f for f in review.findings if f.intervention in related_names),
        mechanisms=mechanisms,
        paths=paths(review.mechanisms, treated_first, targets(review)),
        syntheses=tuple(s for s in review.syntheses if named.intersection(s.treatment)),
        class_syntheses=tuple(s for s in review.syntheses if set(classes).intersection(s.treatment)),
        safety=safety,
        background=remarks(review.protocol.background),
        conflicts=remarks(review.protocol.conflicts),
        gaps=remarks(review.protocol.gaps),
    )


def targets(review: Review) -> tuple[str, ...]:
    """The concepts at which causal paths end: those that name the condition, or a word the review calls broader."""
    condition = review.protocol.condition
    words = [condition.name, *condition.synonyms, *condition.broader]
    concepts = dict.fromkeys(row.object_concept or row.object for row in review.mechanisms)
    return tuple(concept for concept in concepts if any(mentions(concept, word) for word in words))


def concerns(text: str, condition: Condition) -> bool:
    """Whether a study's population has the condition, by its name, abbreviation or a synonym."""
    return any(mentions(text, word) for word in (condition.name, condition.abbreviation, *condition.synonyms) if word)


def mentions(text: str, word: str) -> bool:
    """Whether a text has a word or phrase, as whole words and in any case."""
    return _pattern(word).search(text) is not None


@cache
def _pattern(word: str) -> re.Pattern[str]:
    return re.compile(rf"\b{re.escape(word)}\b", re.IGNORECASE)


def _members(review: Review, rows: tuple[Intervention, ...]) -> tuple[str, ...]:
    """The nodes that a class stands for: those of its class, and those it names as related."""
    standing = [row for row in rows if row.is_class]
    classes = {row.class_ for row in standing if row.class_}
    named = {node for row in standing for node in row.related}
    own = {row.node for row in rows}
    return tuple(
        dict.fromkeys(
            row.node
            for row in review.interventions
            if (row.class_ in classes or row.node in named) and row.node not in own
        )
    )


def _classes(review: Review, rows: tuple[Intervention, ...]) -> tuple[str, ...]:
    """The names that stand for a class which the treatment belongs to."""
    own = {row.node for row in rows}
    classes = {row.class_ for row in rows}
    return tuple(
        row.name
        for row in review.interventions
        if row.is_class and row.node not in own and (row.class_ in classes or own.intersection(row.related))
    )
