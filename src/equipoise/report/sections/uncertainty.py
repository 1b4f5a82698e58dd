"""Where sources disagree, and what is not known."""

from __future__ import annotations

from itertools import combinations

from equipoise.certainty import grade
from equipoise.certainty.sizes import RATIOS
from equipoise.report.answer import Block, Bullets, Figures, Paragraph, Section, Statement
from equipoise.report.sections.syntheses import comparable, published, published_card
from equipoise.report.story import Story
from equipoise.report.words import count, decimal, figures, listed, measured, study_label, uncapitalised
from equipoise.review.model import Synthesis


def disagreements(story: Story) -> Section:
    """Conflicts that the review states, and those that its numbers show."""
    told = [*_with_ours(story), *_among_published(story), *_among_findings(story)]
    told += [story.remark(remark) for remark in story.dossier.conflicts]
    if told:
        block: Block = Bullets(tuple(told))
    else:
        ground = story.tally(
            "conflicts",
            f"Disagreements about {story.treatment}",
            0,
            "Conflicts stated in review.toml, and results of the same comparison and measure that disagree.",
        )
        block = Paragraph(
            (
                story.say(
                    f"The review holds no two sources on {story.treatment} that disagree; where few sources exist, "
                    "that means little",
                    ground,
                    story.rule("disagreement"),
                ),
            )
        )
    return Section("disagreements", "Where the sources disagree", (block,))


def disagree(a: Figures, b: Figures, null: float) -> bool:
    """Whether either estimate lies outside the other's interval, or only one interval excludes no effect."""
    outside = not (a.ci_low <= b.estimate <= a.ci_high and b.ci_low <= a.estimate <= b.ci_high)
    excludes = [not one.ci_low <= null <= one.ci_high for one in (a, b)]
    return outside or excludes[0] != excludes[1]


def _with_ours(story: Story) -> list[Statement]:
    found = story.main
    if found is None:
        return []
    null = 1.0 if found.result.measure in RATIOS else 0.0
    told = []
    for row in comparable(story, found):
        theirs = _figures(row)
        if theirs is not None and disagree(found.figures, theirs, null):
            label = study_label(story.review.study(row.review_id))
            told.append(
                story.say(
                    f"{label} gives {', '.join(row.treatment)} against {row.comparator} {measured(row.measure, theirs)}, "
                    f"while the trials in this review give {figures(found.figures)}",
                    published_card(story, row),
                    story.ground(found),
                    story.rule("disagreement"),
                )
            )
    return told


def _among_published(story: Story) -> list[Statement]:
    groups: dict[tuple[str, ...], list[Synthesis]] = {}
    for row in published(story):
        if _figures(row) is not None:
            groups.setdefault((*row.treatment, row.comparator, row.outcome, row.measure), []).append(row)
    told = []
    for group in groups.values():
        for first, second in combinations(group, 2):
            ours, theirs = _figures(first), _figures(second)
            assert ours is not None
            assert theirs is not None
            null = 1.0 if first.measure in RATIOS else 0.0
            if first.review_id != second.review_id and disagree(ours, theirs, null):
                a, b = (study_label(story.review.study(row.review_id)) for row in (first, second))
                told.append(
                    story.say(
                        f"On {first.outcome}, {a} and {b} disagree: {measured(first.measure, ours)} against "
                        f"{measured(second.measure, theirs)} for {', '.join(first.treatment)} v {first.comparator}",
                        published_card(story, first),
                        published_card(story, second),
                        story.rule("disagreement"),
                    )
                )
    return told


def _among_findings(story: Story) -> list[Statement]:
    told = []
    labels = {outcome.outcome: outcome.label for outcome in story.review.outcomes}
    findings = (*story.dossier.animal_findings, *story.dossier.laboratory_findings)
    for outcome in dict.fromkeys(finding.outcome for finding in findings):
        mine = [finding for finding in findings if finding.outcome == outcome]
        better = [f for f in mine if f.direction == "improves"]
        other = [f for f in mine if f.direction in {"worsens", "no-effect"}]
        if better and other:
            names = [
                listed(dict.fromkeys(study_label(story.review.study(f.study_id)) for f in group))
                for group in (better, other)
            ]
            what = listed(dict.fromkeys({"worsens": "worsening", "no-effect": "no change"}[f.direction] for f in other))
            told.append(
                story.say(
                    f"On {uncapitalised(labels[outcome])}, {names[0]} found improvement and {names[1]} found {what}",
                    story.rows(better),
                    story.rows(other),
                )
            )
    return told


def _figures(row: Synthesis) -> Figures | None:
    if row.estimate is None or row.ci_low is None or row.ci_high is None:
        return None
    if row.measure not in {"MD", "SMD", "RR", "OR", "HR", "IRR", "ROM", "RD"}:
        return None
    return Figures(row.estimate, row.ci_low, row.ci_high)


# ----------------------------------------------------------------------------------------------------------- unknowns


def unknowns(story: Story) -> Section:
    """What is not known, and which study would settle it."""
    told = [story.remark(remark) for remark in story.dossier.gaps]
    found = story.main
    if found is not None:
        for rating in found.ratings:
            if rating.needs:
                told.append(
                    story.say(f"To judge {rating.domain}, the review needs {rating.needs}", story.rule(rating.rule))
                )
    usable = {trial.study.study_id for one in story.estimates for trial in one.direct_trials}
    silent = [study for study in story.dossier.trials if study.study_id not in usable]
    if silent and story.standing == "estimated":
        names = listed(study_label(study) for study in silent)
        told.append(
            story.say(
                f"{names} {'is a randomised trial' if len(silent) == 1 else 'are randomised trials'} of "
                f"{story.treatment} without a usable result in this review",
                story.ledger.studies(silent),
            )
        )
    blocks: list[Block] = []
    if told:
        blocks.append(Bullets(tuple(told)))
    settling = what_would_settle_it(story)
    if settling:
        blocks.append(Paragraph(tuple(settling)))
    general = [remark for remark in story.review.protocol.gaps if "condition" in remark.about]
    if general:
        blocks.append(Bullets(tuple(story.remark(remark) for remark in general)))
    return Section("unknowns", "What is not known, and what study would settle it", tuple(blocks))


def what_would_settle_it(story: Story) -> list[Statement]:
    """The trial that would answer the question, with its size."""
    primary = story.primary_analysis
    if primary is None:
        return []
    outcome = next(row for row in story.review.outcomes if row.outcome == primary.outcome)
    scales = f", measured by {outcome.scales[0]}" if outcome.scales else ""
    reference = story.reading.comparator or primary.reference
    if story.main is not None and story.main.result.analysis is primary:
        reference = story.main.comparator
    design = (
        f"A randomised trial of {story.treatment} against {reference} in people with {story.condition}, with "
        f"{uncapitalised(outcome.label)} as its main outcome{scales}, would settle the question"
    )
    told = [story.say(design, story.ledger.row(outcome), story.rule("no-trial-no-effect"))]
    if primary.measure == "SMD":
        smallest = primary.smallest_important_difference or 0.2
        people = grade.optimal_information_size(difference=smallest)
        moderate = grade.optimal_information_size(difference=0.5)
        text = (
            f"To show the smallest important difference ({decimal(smallest, 1)} standard deviations) it needs about "
            f"{people:,} participants in two equal arms"
        )
        if smallest < 0.5:
            text += f"; about {moderate:,} would do for a moderate difference (0.5)"
        told.append(story.say(text, story.rule("optimal-information-size")))
        if story.main is not None and story.main.participants and story.main.result.analysis is primary:
            told.append(
                story.say(
                    f"The trials with a usable result so far analysed {count(story.main.participants, 'participant')} on "
                    f"{story.treatment} or {story.main.comparator}",
                    story.ground(story.main),
                )
            )
    return told
