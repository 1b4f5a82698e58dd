"""Findings that can't be pooled with trials: uncontrolled reports, animals, the laboratory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from equipoise.report.answer import Statement
from equipoise.report.story import Story
from equipoise.report.words import (
    DESIGN_NAMES,
    capitalised,
    count,
    decimal,
    listed,
    number_word,
    study_label,
    uncapitalised,
)
from equipoise.review.model import Finding, Study

_DID = {
    "improves": "improved",
    "worsens": "worsened",
    "no-effect": "did not change",
    "association": "was associated with",
    "unclear": "had an unclear effect on",
}


_SHORT = {
    "improves": "improved",
    "worsens": "worsened",
    "no-effect": "no change",
    "association": "association",
    "unclear": "unclear",
    "mixed": "mixed",
}


def uncontrolled_summary(story: Story) -> Statement:
    dossier = story.dossier
    reports = unique([f.study_id for f in dossier.human_findings] + [s.study_id for s in dossier.uncontrolled])
    if not reports:
        ground = story.tally(
            "uncontrolled",
            f"Uncontrolled reports of {story.treatment} in people",
            0,
            "Rows of findings.csv on people and of studies.csv with an uncontrolled design.",
        )
        return story.say(f"No uncontrolled report of {story.treatment} in people is in this review", ground)
    text = f"{count(len(reports), 'report')} without a comparison group"
    if not story.observed_in_condition:
        text += f" ({'not' if len(reports) == 1 else 'none of them'} in people with {story.condition})"
    if not dossier.human_findings and len(reports) <= 3:
        text += f" ({listed(study_label(story.review.study(report)) for report in reports)})"
    if dossier.human_findings:
        text += f": {_told_directions(dossier.human_findings)}"
    return story.say(text, [story.ledger.study(study) for study in reports], story.rows(dossier.human_findings))


def uncontrolled_caution(story: Story) -> Statement:
    return story.say(
        "Without a comparison group, improvement may be the natural course, expectation or another treatment",
        story.rule("uncontrolled-very-low"),
    )


def findings_summary(story: Story, what: str) -> Statement:
    """How many animal or laboratory studies there are and what they found; ``what`` is `animal` or `laboratory`."""
    dossier = story.dossier
    findings = dossier.animal_findings if what == "animal" else dossier.laboratory_findings
    silent = dossier.animal_studies if what == "animal" else dossier.laboratory_studies
    if silent and not findings:
        return story.say(
            f"{count(len(silent), f'{what} study', f'{what} studies')} without a finding in this review",
            story.ledger.studies(silent),
        )
    if not findings:
        ground = story.tally(
            what,
            f"{capitalised(what)} findings on {story.treatment}",
            0,
            f"Rows of findings.csv in the {what} stream.",
        )
        return story.say(f"No {what} study of {story.treatment} is in this review", ground)
    studies = unique(finding.study_id for finding in findings)
    total = len(studies) + len(silent)
    near = [finding for finding in findings if story.bears_on_condition(finding.outcome)]
    own = {finding.study_id for finding in near}
    other = [finding for finding in findings if finding.study_id not in own]
    parts = []
    if near:
        aside = f" on an outcome like that of {story.condition}" if other or what == "laboratory" else ""
        parts.append(_told_directions(near) + aside)
    if other:
        parts.append(_told_directions(other) + " on other outcomes")
    if silent:
        parts.append(f"{number_word(len(silent))} {'is' if len(silent) == 1 else 'are'} known without a result")
    text = f"{count(total, f'{what} study', f'{what} studies')} of {story.treatment}: {listed(parts)}"
    return story.say(text, story.rows(findings), story.ledger.studies(silent))


def findings_direction(findings: Sequence[Finding]) -> str:
    if not findings:
        return "—"
    return ", ".join(f"{_SHORT[word]} in {number}" for word, number in _tally(findings).items())


def uncontrolled_items(story: Story) -> Iterable[Statement]:
    yield from finding_items(story, story.dossier.human_findings)
    told = {finding.study_id for finding in story.dossier.human_findings}
    yield from study_items(story, [study for study in story.dossier.uncontrolled if study.study_id not in told])


def silent_items(story: Story, studies: Sequence[Study]) -> Iterable[Statement]:
    """A sentence for each study that is known without its result."""
    for study in studies:
        animals = f", {count(study.n_total, 'animal')}" if study.n_total and study.design == "animal" else ""
        seen = f"; seen of it: {study.verified}" if study.verified else ""
        yield story.say(
            f"{study_label(study)} ({DESIGN_NAMES[study.design]}{animals}; {study.condition}): “{study.title}”{seen}; "
            "no result recorded here",
            story.ledger.study(study.study_id),
        )


def study_items(story: Story, studies: Sequence[Study]) -> Iterable[Statement]:
    """A sentence for each study that has no row of findings: who was studied, and the review's note on it."""
    for study in studies:
        noun = "animal" if study.design == "animal" else "participant"
        people = f", {count(study.n_total, noun)}" if study.n_total else ""
        note = f": {study.notes}" if study.notes else ": no result seen"
        yield story.say(
            f"{study_label(study)} ({DESIGN_NAMES[study.design]}{people}; {study.condition}){note}",
            story.ledger.study(study.study_id),
        )


def finding_items(story: Story, findings: Sequence[Finding]) -> Iterable[Statement]:
    """One sentence for each study, treatment, outcome and direction, doses and timings gathered."""
    groups: dict[tuple[str, str, str, str], list[Finding]] = {}
    for finding in findings:
        key = (finding.study_id, finding.intervention, finding.outcome, finding.direction)
        groups.setdefault(key, []).append(finding)
    labels = {outcome.outcome: outcome.label for outcome in story.review.outcomes}
    for (study_id, intervention, outcome, direction), group in groups.items():
        first = group[0]
        size = max((finding.n or 0 for finding in group), default=0)
        who = [first.species if not first.stream.startswith("human") else "", first.model_or_condition]
        who.append(
            count(size, "person", "people")
            if size and first.stream.startswith("human")
            else f"n = {size}"
            if size
            else ""
        )
        given = [*unique(f.dose for f in group if f.dose)]
        dose = listed(given)
        routes = listed(unique(f.route for f in group if f.route))
        how = "; ".join(part for part in (dose, f"route {routes}" if routes.startswith("not") else routes) if part)
        when = ", ".join(unique(f.timing for f in group if f.timing))
        label = uncapitalised(labels[outcome])
        verb = _DID[direction]
        text = (
            f"{study_label(story.review.study(study_id))} ({'; '.join(part for part in who if part)}): "
            f"{intervention}{f' ({how})' if how else ''} {verb} {label}"
        )
        if when:
            text += f"; timing: {when}"
        values = [f for f in group if f.mean_treated is not None and f.mean_control is not None]
        if values:
            text += "; " + listed(
                f"{f.dose + ': ' if f.dose and len(values) > 1 else ''}{decimal(f.mean_treated or 0, 1)} against "
                f"{decimal(f.mean_control or 0, 1)} without"
                for f in values
            )
        details = unique(f.detail for f in group if f.detail)
        if details:
            told = "; ".join(details)
            text += f". {capitalised(told) if told.startswith('measured: ') else f'Reported: {told}'}"
        yield story.say(text, story.rows(group))


def _told_directions(findings: Sequence[Finding]) -> str:
    """Studies counted once each: by their one direction, or as mixed."""
    told = {
        "improves": "{} found improvement",
        "worsens": "{} found worsening",
        "no-effect": "{} found no change",
        "association": "{} found an association",
        "unclear": "{} had an unclear result",
        "mixed": "{} had mixed results",
    }
    return listed(told[word].format(number_word(number)) for word, number in _tally(findings).items())


def _tally(findings: Sequence[Finding]) -> dict[str, int]:
    by_study: dict[str, set[str]] = {}
    for finding in findings:
        by_study.setdefault(finding.study_id, set()).add(finding.direction)
    words = [next(iter(directions)) if len(directions) == 1 else "mixed" for directions in by_study.values()]
    return {word: words.count(word) for word in _SHORT if word in words}


def dash_or_silence(number: int) -> str:
    return "no direction recorded" if number else "—"


def people_in(story: Story, study_ids: Sequence[str]) -> int | None:
    sizes = []
    for study_id in study_ids:
        reported = [f.n for f in story.dossier.human_findings if f.study_id == study_id and f.n]
        total = story.review.study(study_id).n_total
        sizes.append(max(reported) if reported else total)
    known = [size for size in sizes if size]
    return sum(known) if known else None


def unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
