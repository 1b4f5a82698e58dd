"""The sections on evidence in people, and in animals and the laboratory."""

from __future__ import annotations

from equipoise.report.answer import Block, Bullets, Paragraph, Section, Subheading
from equipoise.report.sections.findings import (
    finding_items,
    findings_summary,
    silent_items,
    study_items,
    uncontrolled_caution,
    uncontrolled_items,
    uncontrolled_summary,
    unique,
)
from equipoise.report.sections.syntheses import published, syntheses_summary, synthesis_table
from equipoise.report.sections.trials import other_outcomes, pooled, trial_table, trials_summary
from equipoise.report.story import Story
from equipoise.report.words import count, listed


def human(story: Story) -> Section:
    """Evidence in people: trials with their forest plot, other outcomes, uncontrolled reports, published syntheses."""
    blocks: list[Block] = []
    dossier = story.dossier
    blocks.append(Subheading("Randomised trials"))
    opening = [trials_summary(story)]
    if not dossier.trials:
        opening.append(
            story.say(
                "That a treatment has not been tested does not mean that it does not work",
                story.rule("absent-is-not-ineffective"),
            )
        )
    if dossier.other_trials:
        conditions = listed(unique(study.condition for study in dossier.other_trials if study.condition))
        opening.append(
            story.say(
                f"{count(len(dossier.other_trials), 'randomised trial')} of {story.treatment} studied other people or "
                f"questions ({conditions}) and say{'s' if len(dossier.other_trials) == 1 else ''} nothing about "
                f"{story.condition}",
                story.ledger.studies(dossier.other_trials),
            )
        )
    blocks.append(Paragraph(tuple(opening)))
    if dossier.trials:
        blocks.append(trial_table(story))
    if story.main is not None:
        blocks.extend(pooled(story, story.main))
    if len(story.estimates) > (1 if story.main else 0):
        blocks.append(other_outcomes(story))
    if dossier.human_findings or dossier.uncontrolled:
        blocks.append(Subheading("Uncontrolled reports"))
        blocks.append(Paragraph((uncontrolled_summary(story), uncontrolled_caution(story))))
        blocks.append(Bullets(tuple(uncontrolled_items(story))))
    if dossier.unclassified:
        blocks.append(Subheading("Reports whose design was not seen"))
        blocks.append(Bullets(tuple(study_items(story, dossier.unclassified))))
    if dossier.related_findings:
        blocks.append(Subheading("Related observations, not the treatment itself"))
        blocks.append(Bullets(tuple(finding_items(story, dossier.related_findings))))
    rows = published(story)
    if rows or dossier.class_syntheses:
        blocks.append(Subheading("Published syntheses"))
        blocks.append(Paragraph((syntheses_summary(story),)))
        blocks.append(synthesis_table(story, (*rows, *dossier.class_syntheses)))
    return Section("human-evidence", "Evidence in people", tuple(blocks))


def animal(story: Story) -> Section:
    """Animal and laboratory evidence, with what it can't show."""
    dossier = story.dossier
    blocks: list[Block] = []
    opening = [findings_summary(story, "animal")]
    if dossier.animal_findings or dossier.laboratory_findings:
        opening.append(
            story.say(
                "Findings in animals and in the laboratory can suggest what to test in people; they do not raise the "
                "certainty that a treatment helps them",
                story.rule("streams-apart"),
            )
        )
    blocks.append(Paragraph(tuple(opening)))
    if dossier.animal_findings or dossier.animal_studies:
        items = (*finding_items(story, dossier.animal_findings), *silent_items(story, dossier.animal_studies))
        blocks.append(Bullets(items))
    if dossier.laboratory_findings or dossier.laboratory_studies:
        blocks.append(Subheading("Laboratory studies"))
        blocks.append(Paragraph((findings_summary(story, "laboratory"),)))
        items = (*finding_items(story, dossier.laboratory_findings), *silent_items(story, dossier.laboratory_studies))
        blocks.append(Bullets(items))
    return Section("animal-evidence", "Evidence in animals and in the laboratory", tuple(blocks))
