"""From a question read to an answer: the one place that puts the parts together."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from equipoise import __version__
from equipoise.question import Reading, read_question
from equipoise.report.answer import (
    SCHEMA_VERSION,
    Answer,
    Block,
    Bullets,
    FrequentQuestion,
    Interpretation,
    LeftOut,
    Paragraph,
    References,
    Section,
    Statement,
    Table,
)
from equipoise.report.grounds import verify
from equipoise.report.ledger import Ledger
from equipoise.report.sections import background, closing, comparison, evidence, risks, uncertainty
from equipoise.report.sections import lines as lines_of_evidence
from equipoise.report.story import Story
from equipoise.report.verdict import certainty, verdict
from equipoise.report.words import is_plural, study_label
from equipoise.review.model import Arm, Contrast, Review

DISCLAIMER = (
    "This article says what evidence there is; it is not medical advice and can't weigh one person's circumstances. "
    "Talk with a doctor or pharmacist before starting, stopping or changing a treatment."
)


def answer_question(question: str, reviews: list[Review], progress: Callable[[str], None] = lambda _: None) -> Answer:
    """The answer to a plain question out of the review that covers it.

    Raises ``QuestionError`` (``NotCovered``, ``Ambiguous``) when it can't be read or isn't covered.
    """
    return build(read_question(question, reviews), progress)


def build(reading: Reading, progress: Callable[[str], None] = lambda _: None) -> Answer:
    """The answer to a question as read. Raises ``GroundsError`` if any sentence lacks grounds."""
    review = reading.review
    ledger = Ledger(review)
    story = Story(review, reading, ledger, progress)
    left_out = _left_out(story)
    outcome = story.main.result.outcome.label if story.main else story.primary.outcome.label if story.primary else ""
    progress("Writing the article")
    main = verdict(story)
    rating = certainty(story)
    summary = closing.summary(story)
    key_points = closing.key_points(story)
    lines = lines_of_evidence.lines(story)
    compared = comparison.compared(story)
    headlines = risks.safety_headlines(story)
    sections = (
        background.about(story),
        background.mechanism(story),
        evidence.animal(story),
        evidence.human(story),
        comparison.comparison(story),
        risks.risks(story),
        uncertainty.disagreements(story),
        uncertainty.unknowns(story),
        closing.conclusion(story),
        closing.faq(story),
        closing.methods(story, left_out),
    )
    said = [main, *summary, *key_points, *(line.summary for line in lines), *headlines]
    said += [statement for section in sections for block in section.blocks for statement in statements_of(block)]
    order = [study for statement in said for ground in statement.grounds for study in ledger.study_of(ground)]
    studies = ledger.study_cards(order)
    cited = tuple(study.id for study in studies if study.number is not None)
    references = Section("references", "References", (References(cited),))
    position = next(i for i, section in enumerate(sections) if section.id == "methods")
    answer = Answer(
        schema=SCHEMA_VERSION,
        generator=f"Equipoise {__version__}",
        interpretation=Interpretation(
            asked=reading.asked,
            treatment=reading.treatment,
            comparator=reading.comparator or (story.main.comparator if story.main else ""),
            condition=story.condition,
            outcome=outcome,
            review=review.protocol.title,
            notes=reading.notes,
        ),
        title=_title(story),
        verdict=main,
        certainty=rating,
        summary=summary,
        key_points=key_points,
        lines=lines,
        compared=compared,
        safety_headlines=headlines,
        sections=(*sections[:position], references, *sections[position:]),
        disclaimer=DISCLAIMER,
        data_version=review.protocol.version,
        left_out=left_out,
        results=ledger.results(),
        studies=studies,
        rows=ledger.source_rows(),
        rules=ledger.rules(),
        paths=ledger.paths(),
    )
    verify(answer)
    return answer


def statements_of(block: Block) -> Iterator[Statement]:
    """The sentences of a block, in reading order."""
    if isinstance(block, Paragraph):
        yield from block.statements
    elif isinstance(block, Bullets):
        yield from block.items
    elif isinstance(block, FrequentQuestion):
        yield from block.answer
    elif isinstance(block, Table):
        for row in block.rows:
            for cell in row.cells:
                yield from cell


def _title(story: Story) -> str:
    against = f", compared with {story.reading.comparator}" if story.reading.comparator else ""
    return f"{'Do' if is_plural(story.treatment) else 'Does'} {story.treatment} help with {story.condition}{against}?"


def _left_out(story: Story) -> tuple[LeftOut, ...]:
    """The rows on the treatment that its analyses did not use, with their reasons."""
    own = set(story.dossier.names)
    labels = {outcome.outcome: outcome.label for outcome in story.review.outcomes}
    listed = []
    for result in story.results:
        for unused in result.extraction.unused:
            row = unused.row
            assert isinstance(row, Arm | Contrast)
            trial = story.review.study(row.study_id)
            if not own.intersection((row.treatment, *trial.interventions)):
                continue
            listed.append(
                LeftOut(
                    what=f"{study_label(trial)}, {labels[row.outcome]}, {row.treatment}",
                    why=unused.why,
                    row=story.ledger.row(row).id,
                    study=row.study_id,
                )
            )
    return tuple(listed)
