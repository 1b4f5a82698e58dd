"""What other authors have pooled, as they published it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from equipoise.certainty.sizes import RATIOS
from equipoise.report.analyses import Estimate
from equipoise.report.answer import Figures, Ground, ResultCard, Statement, Table, TableRow
from equipoise.report.dossier import Dossier
from equipoise.report.sections.findings import unique
from equipoise.report.story import Story
from equipoise.report.words import count, decimal, listed, number_word, study_label, uncapitalised
from equipoise.review.model import Synthesis

NUMERIC = frozenset({"MD", "SMD", "ROM", "OR", "RR", "RD", "IRR", "HR"})


def published(story: Story) -> tuple[Synthesis, ...]:
    """Published syntheses of the treatment itself."""
    return story.dossier.syntheses


def syntheses_summary(story: Story) -> Statement:
    rows = published(story)
    if not rows:
        ground = story.tally(
            "syntheses",
            f"Published syntheses that report on {story.treatment}",
            0,
            "Rows of syntheses.csv about the treatment.",
        )
        return story.say(f"No published synthesis in this review reports a result for {story.treatment}", ground)
    reviews = unique(row.review_id for row in rows)
    pooled = [row for row in rows if row.measure in NUMERIC and row.estimate is not None]
    text = f"{count(len(reviews), 'published synthesis', 'published syntheses')}"
    text += f" with {count(len(pooled), 'pooled result')}" if pooled else ", without a pooled result"
    return story.say(text, story.rows(rows))


def published_summary(story: Story) -> list[Statement]:
    """What others have published on the treatment: the main outcome first, then other benefits with an interval."""
    first = story.best_published
    if first is None:
        return []
    told = [published_sentence(story, story.dossier, first)]
    kinds = {outcome.outcome: outcome.kind for outcome in story.review.outcomes}
    said = {(first.outcome, first.comparator, first.measure)}
    for row in story.dossier.syntheses:
        key = (row.outcome, row.comparator, row.measure)
        if row.ci_low is None or kinds[row.outcome] != "benefit" or key in said or row.outcome == first.outcome:
            continue
        said.add(key)
        told.append(published_sentence(story, story.dossier, row))
    return told[:3]


def published_sentence(story: Story, dossier: Dossier, row: Synthesis) -> Statement:
    """A published result with those of the same outcome, comparator and measure, the more precise first."""
    outcome = next(outcome for outcome in story.review.outcomes if outcome.outcome == row.outcome)
    label = uncapitalised(outcome.label)
    if row.estimate is None:
        told = row.certainty or row.note
        source = study_label(story.review.study(row.review_id))
        return story.say(f"{source} says of {listed(row.treatment)}, on {label}: {told}", published_card(story, row))
    together = published_alongside(dossier.syntheses, row)
    against = f" compared with {row.comparator}" if row.comparator else ""
    results = listed(
        f"{published_result(one)} for {listed(one.treatment)}"
        f"{f', {number_word(one.k)} ' + ('study' if one.k == 1 else 'studies') if one.k else ''} "
        f"({study_label(story.review.study(one.review_id))})"
        for one in together
    )
    return story.say(
        f"Published by others{against}, on “{label}”: {results}", [published_card(story, one) for one in together]
    )


def syntheses_direction(story: Story) -> str:
    """Counted over benefits with an interval: how many favour the treatment, how many leave it open."""
    outcomes = {outcome.outcome: outcome for outcome in story.review.outcomes}
    favour = against = unclear = 0
    for row in published(story):
        outcome = outcomes[row.outcome]
        if outcome.kind != "benefit" or row.measure not in NUMERIC or row.ci_low is None or row.ci_high is None:
            continue
        null = 1.0 if row.measure in RATIOS else 0.0
        if row.ci_low <= null <= row.ci_high:
            unclear += 1
        elif (row.ci_high < null) == bool(outcome.lower_is_better):
            favour += 1
        else:
            against += 1
    parts = [
        f"{number} {word}"
        for number, word in ((favour, "favourable"), (unclear, "open"), (against, "unfavourable"))
        if number
    ]
    return ", ".join(parts) or ("—" if not published(story) else "no pooled benefit")


def comparable(story: Story, found: Estimate) -> tuple[Synthesis, ...]:
    """Published results of the same comparison, outcome and measure, with an interval."""
    nodes = {row.name: row.node for row in story.review.interventions}
    own = {story.treatment}
    return tuple(
        row
        for row in published(story)
        if row.outcome == found.result.outcome.outcome
        and row.measure == found.result.measure
        and None not in (row.estimate, row.ci_low, row.ci_high)
        and all(nodes.get(name) in own for name in row.treatment)
        and nodes.get(row.comparator) == found.comparator
    )


def published_alongside(rows: Iterable[Synthesis], quoted: Synthesis) -> list[Synthesis]:
    """The published results of the same outcome, comparator and measure as the one quoted, itself among them."""
    key = (quoted.outcome, quoted.comparator, quoted.measure)
    found = [row for row in rows if (row.outcome, row.comparator, row.measure) == key and row.estimate is not None]
    return sorted(found, key=_width)


def _width(row: Synthesis) -> float:
    """The interval's width on the analysis scale; rows without one come last."""
    if row.ci_low is None or row.ci_high is None or (row.measure in RATIOS and row.ci_low <= 0):
        return math.inf
    return math.log(row.ci_high / row.ci_low) if row.measure in RATIOS else row.ci_high - row.ci_low


def published_card(story: Story, row: Synthesis) -> Ground:
    """A published pooled result as a card."""
    source = story.ledger.row(row)
    label = study_label(story.review.study(row.review_id))
    shown = None
    if row.estimate is not None and row.ci_low is not None and row.ci_high is not None:
        shown = Figures(row.estimate, row.ci_low, row.ci_high)
    return story.ledger.result(
        ResultCard(
            id=f"published:{source.id}",
            kind="published",
            label=f"{label}: {', '.join(row.treatment)} v {row.comparator or 'no comparator'}",
            outcome=row.outcome,
            treatment=", ".join(row.treatment),
            comparator=row.comparator,
            measure=row.measure,
            figures=shown,
            p=str(row.p) if row.p else "",
            studies=row.k,
            participants=row.n,
            method="As published; not recomputed.",
            rows=(source.id,),
            notes=(row.note,) if row.note else (),
        )
    )


def synthesis_table(story: Story, rows: Sequence[Synthesis]) -> Table:
    labels = {outcome.outcome: outcome.label for outcome in story.review.outcomes}
    made = []
    for row in rows:
        ground = published_card(story, row)
        source = story.review.study(row.review_id)
        evidence = ", ".join(
            part
            for part in (
                count(row.k, "study", "studies") if row.k else "",
                f"{row.n:,} participants" if row.n else "",
            )
            if part
        )
        made.append(
            TableRow(
                study_label(source),
                (
                    (
                        story.cell(
                            f"{', '.join(row.treatment)}{f' v {row.comparator}' if row.comparator else ''}", ground
                        ),
                    ),
                    (story.cell(labels.get(row.outcome, row.outcome), ground),),
                    (story.cell(published_result(row), ground),),
                    tuple(
                        story.cell(text, ground)
                        for text in (evidence, row.note if row.estimate is not None else "")
                        if text
                    ),
                    (story.cell(row.certainty, ground),) if row.certainty else (),
                ),
            )
        )
    return Table(
        "What other authors have pooled, as they published it",
        ("Synthesis", "Comparison", "Outcome", "Result", "Evidence", "Its own rating"),
        tuple(made),
    )


def published_text(story: Story, row: Synthesis) -> str:
    """A published result as a cell: the outcome where it isn't the main one, numbers, comparator."""
    main = story.primary_analysis is not None and row.outcome == story.primary_analysis.outcome
    label = next(outcome.label for outcome in story.review.outcomes if outcome.outcome == row.outcome)
    against = f" v {row.comparator}" if row.comparator else ""
    return f"{'' if main else label + ': '}{published_result(row)}{against}"


def published_result(row: Synthesis) -> str:
    """A published result in numbers, or its words where it has none."""
    if row.estimate is None:
        return row.note or {"recommendation": "Recommendation", "narrative": "Narrative"}.get(
            row.measure, "No number given"
        )
    p = f", p {'= ' if row.p and row.p.relation == '=' else ''}{row.p}" if row.p else ""
    interval = ""
    digits = 0 if row.measure == "NNT" else 2
    if row.ci_low is not None and row.ci_high is not None:
        interval = f" (95% CI {decimal(row.ci_low, digits)} to {decimal(row.ci_high, digits)})"
    return f"{row.measure} {decimal(row.estimate, digits)}{interval}{p}"
