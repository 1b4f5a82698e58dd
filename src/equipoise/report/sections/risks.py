"""Risks, interactions and whom to ask."""

from __future__ import annotations

from equipoise.report.analyses import Estimate
from equipoise.report.answer import Block, Bullets, Paragraph, Section, Statement, Subheading
from equipoise.report.dossier import mentions
from equipoise.report.story import Story
from equipoise.report.verdict import effect_sentence
from equipoise.report.words import capitalised, uncapitalised, without_brackets
from equipoise.review.model import SafetyStatement
from equipoise.safety.statements import KINDS, headlines

_HEADLINES = {
    "contraindication": "Contraindicated:",
    "boxed-warning": "Boxed warning:",
    "interaction": "Interaction:",
    "adverse-effect": "Side effect",
    "dose-limit": "Dose limit:",
    "monitoring": "Monitoring:",
}


def risks(story: Story) -> Section:
    """Every safety statement by kind, with what to do and where it was seen; and whom to ask."""
    rows = story.dossier.safety
    blocks: list[Block] = []
    if not rows:
        blocks.append(Paragraph((_silence(story),)))
    for kind, heading in KINDS.items():
        mine = [row for row in rows if row.kind == kind]
        if mine:
            blocks.append(Subheading(heading))
            blocks.append(Bullets(tuple(story.say(_text(row, story), story.ledger.row(row)) for row in mine)))
    harms = [found for found in story.estimates if found.result.outcome.kind == "harm"]
    if harms:
        blocks.append(Subheading("Harms counted in the trials"))
        blocks.append(Bullets(tuple(_harm(story, found) for found in harms)))
    elsewhere = [
        row
        for row in story.review.safety
        if row.substance not in story.dossier.names
        and any(mentions(f"{row.with_} {row.effect} {row.management}", node) for node in story.dossier.nodes)
    ]
    if elsewhere:
        blocks.append(Subheading(f"{capitalised(story.treatment)} in the safety of other treatments"))
        told = [f"{row.substance}: {uncapitalised(_text(row, story, alone=True))}" for row in elsewhere]
        blocks.append(
            Bullets(tuple(story.say(text, story.ledger.row(row)) for text, row in zip(told, elsewhere, strict=True)))
        )
    blocks.append(Subheading("Whom to ask"))
    blocks.append(Paragraph(tuple(whom_to_ask(story))))
    return Section("risks", "Risks and whom to ask", tuple(blocks))


def safety_headlines(story: Story) -> tuple[Statement, ...]:
    """What to know first about safety, a sentence each; where the review is silent, that."""
    first = headlines(story.dossier.safety)
    if not first:
        return (_silence(story),)
    return tuple(story.say(headline(row), story.ledger.row(row)) for row in first)


def headline(row: SafetyStatement) -> str:
    """One safety statement in a line."""
    if row.kind == "adverse-effect":
        who = f" ({row.with_})" if row.with_ else ""
        return f"{_HEADLINES[row.kind]}{who}: {row.effect or row.mechanism}"
    why = row.effect or row.management
    if not why or why.casefold() in row.with_.casefold():
        return f"{_HEADLINES[row.kind]} {row.with_}"
    return (
        f"{_HEADLINES[row.kind]} {row.with_} ({'risk: ' if row.kind == 'contraindication' and row.effect else ''}{why})"
    )


def whom_to_ask(story: Story) -> list[Statement]:
    """That a clinician decides, and for whom it matters most by the review's own statements."""
    told = [
        story.say(
            f"Talk with a doctor or pharmacist before starting, stopping or changing {story.treatment}",
            story.rule("ask-first"),
        )
    ]
    grave = [row for row in story.dossier.safety if row.kind in {"contraindication", "boxed-warning"}]
    if grave:
        people = "; ".join(dict.fromkeys(uncapitalised(row.with_) for row in grave))
        told.append(story.say(f"This matters most for: {people}", story.rows(grave)))
    interacting = [row for row in story.dossier.safety if row.kind == "interaction" and row.management]
    if interacting:
        named = list(dict.fromkeys(without_brackets(row.with_) for row in interacting))
        drugs = "; ".join(
            one for one in named if not any(one != other and one.casefold() in other.casefold() for other in named)
        )
        told.append(story.say(f"Say so if you take any of these: {drugs}", story.rows(interacting)))
    return told


def _text(row: SafetyStatement, story: Story, alone: bool = False) -> str:
    several = not alone and len({other.substance for other in story.dossier.safety}) > 1
    parts = [f"{capitalised(row.with_)}{f' ({row.substance})' if several else ''}"]
    said = []
    if row.effect:
        said.append(row.effect)
    if row.mechanism:
        said.append(f"because of {row.mechanism}" if row.effect else row.mechanism)
    text = parts[0] + (": " + ", ".join(said) if said else "")
    if row.severity:
        text += f". Severity: {row.severity}"
    if row.management:
        what = "" if row.kind == "contraindication" else "What to do: "
        text += f". {capitalised(what + row.management)}"
    if row.source_name:
        text += f". Source: {row.source_name}"
    return text


def _harm(story: Story, found: Estimate) -> Statement:
    return story.say(effect_sentence(story, found), story.ground(found), story.rule("informative-statements"))


def _silence(story: Story) -> Statement:
    ground = story.tally(
        "safety", f"Safety statements about {story.treatment}", 0, "Rows of safety.csv about the treatment."
    )
    return story.say(
        f"The review holds no safety statement about {story.treatment}; that is not evidence that it is safe",
        ground,
        story.rule("no-statement-no-safety"),
    )
