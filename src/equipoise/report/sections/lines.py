"""The table of lines of evidence: studies, participants and direction of each, kept apart."""

from __future__ import annotations

from collections.abc import Sequence

from equipoise.report.answer import LineOfEvidence, Statement
from equipoise.report.sections.findings import (
    dash_or_silence,
    findings_direction,
    findings_summary,
    people_in,
    uncontrolled_summary,
    unique,
)
from equipoise.report.sections.syntheses import published, syntheses_direction, syntheses_summary
from equipoise.report.sections.trials import participants, trials_direction, trials_summary
from equipoise.report.story import Story
from equipoise.report.words import count, listed
from equipoise.review.model import Finding, Study


def lines(story: Story) -> tuple[LineOfEvidence, ...]:
    """The lines of evidence, with studies, participants and direction."""
    dossier = story.dossier
    uncontrolled = unique([f.study_id for f in dossier.human_findings] + [s.study_id for s in dossier.uncontrolled])
    return (
        LineOfEvidence(
            "randomised",
            "Randomised trials",
            len(dossier.trials),
            participants(dossier.trials),
            trials_direction(story),
            trials_summary(story),
        ),
        LineOfEvidence(
            "uncontrolled",
            "Uncontrolled reports in people",
            len(uncontrolled),
            people_in(story, uncontrolled),
            findings_direction(dossier.human_findings)
            if dossier.human_findings
            else dash_or_silence(len(uncontrolled)),
            uncontrolled_summary(story),
        ),
        _line(story, "animal", "Animal studies", dossier.animal_findings, dossier.animal_studies),
        _line(story, "laboratory", "Laboratory studies", dossier.laboratory_findings, dossier.laboratory_studies),
        LineOfEvidence(
            "mechanism",
            "Mechanism",
            len(unique(row.study_id for row in dossier.mechanisms)),
            None,
            _mechanism_direction(story),
            mechanism_summary(story),
        ),
        LineOfEvidence(
            "syntheses",
            "Published syntheses",
            len(unique(row.review_id for row in published(story))),
            None,
            syntheses_direction(story),
            syntheses_summary(story),
        ),
    )


def _line(story: Story, id_: str, label: str, findings: Sequence[Finding], silent: Sequence[Study]) -> LineOfEvidence:
    studies = [*unique(finding.study_id for finding in findings), *(study.study_id for study in silent)]
    return LineOfEvidence(
        id_,  # type: ignore[arg-type]
        label,
        len(studies),
        None,
        findings_direction(findings) if findings else dash_or_silence(len(silent)),
        findings_summary(story, id_),
    )


def mechanism_summary(story: Story) -> Statement:
    rows = story.dossier.mechanisms
    if not rows:
        ground = story.tally(
            "mechanism", f"Statements on how {story.treatment} acts", 0, "Rows of mechanisms.csv about the treatment."
        )
        return story.say(f"No statement on how {story.treatment} might act is in this review", ground)
    supported = [row for row in rows if row.status == "supports"]
    against = [row for row in rows if row.status in {"contradicts", "null-result"}]
    open_ = len(rows) - len(supported) - len(against)
    parts = [f"{len(supported)} supported"]
    parts += [f"{len(against)} not found or contradicted"] if against else []
    parts += [f"{open_} proposed or second-hand"] if open_ else []
    return story.say(f"{count(len(rows), 'statement')} on how it acts: {listed(parts)}", story.rows(rows))


def _mechanism_direction(story: Story) -> str:
    paths = story.dossier.paths
    if not paths:
        return "no path to the condition" if story.dossier.mechanisms else "—"
    towards = sum(path.sign < 0 for path in paths)
    if towards == len(paths):
        return "would reduce it"
    return "would worsen it" if towards == 0 else "mixed"
