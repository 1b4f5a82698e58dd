"""What the treatment and the condition are, and how the treatment may work."""

from __future__ import annotations

from equipoise.mechanism.paths import Link, Path
from equipoise.report.answer import Block, Bullets, Paragraph, Section, Statement, Subheading
from equipoise.report.story import Story
from equipoise.report.words import capitalised, count, is_plural, listed, study_label, uncapitalised, verb
from equipoise.review.model import Mechanism

_ROLES = {
    "conventional": "the conventional treatments",
    "supplement": "the supplements",
    "investigational": "the investigational treatments",
    "control": "the controls",
}
_STATUS = {
    "supports": "Supported",
    "hypothesis": "Proposed, not tested directly",
    "second-hand": "Known second-hand",
    "null-result": "Tested and not found",
    "contradicts": "Found the other way",
}


def about(story: Story) -> Section:
    """The treatment and the condition in the review's own words."""
    return Section(
        "about",
        f"What {story.treatment} {'are' if is_plural(story.treatment) else 'is'}, and what {story.condition} is",
        (
            Paragraph(tuple(_treatment(story))),
            Paragraph(tuple(_condition(story))),
        ),
    )


def _treatment(story: Story) -> list[Statement]:
    dossier = story.dossier
    main = dossier.main
    ground = story.ledger.row(main)
    kind = f" ({main.class_})" if main.class_ and main.class_.casefold() != main.name.casefold() else ""
    told = [story.say(f"This review counts {main.name}{kind} among {_ROLES[main.role]}", ground)]
    if dossier.members:
        told.append(
            story.say(
                f"It stands for a class; the review holds {listed(dossier.members)} as its members, and their trials "
                "are taken together here",
                ground,
                story.rows(row for row in story.review.interventions if row.node in dossier.members),
            )
        )
    names = [synonym for row in dossier.rows for synonym in row.synonyms]
    if names:
        told.append(story.say(f"It also goes by {listed(dict.fromkeys(names))}", story.rows(dossier.rows)))
    if main.status and not main.is_class:
        told.append(story.say(f"Its status here: {main.status}", ground))
    forms = [row.name for row in dossier.rows if row.name != main.name]
    if forms:
        told.append(
            story.say(
                f"Different doses or forms are taken together: {listed(forms)}",
                story.rows(row for row in dossier.rows if row is not main),
            )
        )
    told.extend(story.remark(remark) for remark in dossier.background if "condition" not in remark.about)
    return told


def _condition(story: Story) -> list[Statement]:
    remarks = [remark for remark in story.review.protocol.background if "condition" in remark.about]
    told = [story.remark(remark) for remark in remarks]
    if not told and story.primary:
        outcome = story.primary.outcome
        text = f"In this review {uncapitalised(outcome.label)} means: {outcome.definition or outcome.label}"
        told.append(story.say(text, story.ledger.row(outcome)))
    return told


# --------------------------------------------------------------------------------------------------------- mechanism


def mechanism(story: Story) -> Section:
    """How the treatment may work: the paths to the condition, then every statement by how well it stands."""
    dossier = story.dossier
    blocks: list[Block] = []
    if not dossier.mechanisms:
        ground = story.tally(
            "mechanism", f"Statements on how {story.treatment} acts", 0, "Rows of mechanisms.csv about the treatment."
        )
        blocks.append(
            Paragraph((story.say(f"The review holds no statement on how {story.treatment} might act", ground),))
        )
        return Section("mechanism", f"How {story.treatment} may work", tuple(blocks))
    chains = [path for path in dossier.paths if len(path.links) > 1]
    if chains:
        blocks.append(Paragraph((_overview(story, chains),)))
        blocks.append(Bullets(tuple(path_statement(story, path) for path in chains)))
    by_status: dict[str, list[Mechanism]] = {}
    for row in dossier.mechanisms:
        by_status.setdefault(row.status, []).append(row)
    for status, heading in _STATUS.items():
        if status in by_status:
            blocks.append(Subheading(heading))
            blocks.append(Bullets(tuple(_statement(story, row) for row in by_status[status])))
    blocks.append(
        Paragraph(
            (
                story.say(
                    "A mechanism says how a treatment might work; it does not show that it does, and it does not raise "
                    "the certainty about an effect in people",
                    story.rule("streams-apart"),
                ),
            )
        )
    )
    return Section("mechanism", f"How {story.treatment} may work", tuple(blocks))


def _overview(story: Story, chains: list[Path]) -> Statement:
    reducing = [path for path in chains if path.sign < 0]
    parts = []
    if reducing:
        parts.append(
            f"{count(len(reducing), 'causal path')} by which {story.treatment} would act against {story.condition}"
        )
    if len(chains) > len(reducing):
        parts.append(f"{count(len(chains) - len(reducing), 'causal path')} by which it would bring it on")
    return story.say(
        f"The statements in the review join into {listed(parts)}",
        [story.ledger.path(path) for path in chains],
        story.rule("path-standing"),
    )


def path_statement(story: Story, path: Path) -> Statement:
    """A path in words, with how well its links stand."""
    steps = "; ".join(f"{link.subject} {verb(link.relation, link.subject)} {link.object}" for link in path.links)
    weak = [link for link in path.links if link.standing != "supported"]
    standing = "each link is supported by at least one source" if not weak else _weak_links(path, weak)
    outcome = "reduce" if path.sign < 0 else "increase"
    return story.say(
        f"{capitalised(steps)}. This would {outcome} {path.links[-1].object}; {standing}",
        story.ledger.path(path),
        story.rule("path-standing"),
    )


def _weak_links(path: Path, weak: list[Link]) -> str:
    if len(weak) == len(path.links) > 1 and len({link.standing for link in weak}) == 1:
        every = "both links are" if len(weak) == 2 else "all its links are"
        return f"{every} {_weakness(weak[0])}"
    return "the weak link: " + listed(f"{link.subject} to {link.object} is {_weakness(link)}" for link in weak)


def _weakness(link: Link) -> str:
    return {
        "disputed": "disputed, with results for and against it",
        "proposed": "proposed but not tested directly",
        "opposed": "not borne out where it was tested",
    }[link.standing]


def _statement(story: Story, row: Mechanism) -> Statement:
    source = study_label(story.review.study(row.study_id))
    context = f" ({row.context})" if row.context else ""
    note = f". {capitalised(row.note)}" if row.note else ""
    return story.say(
        f"{row.subject} {verb(row.relation, row.subject)} {row.object}{context}; {source}{note}", story.ledger.row(row)
    )
