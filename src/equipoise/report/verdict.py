"""The verdict and its certainty: the first thing said, and no more than the evidence allows."""

from __future__ import annotations

from equipoise.certainty.wording import informative_statement
from equipoise.report.analyses import Estimate
from equipoise.report.answer import Certainty, DomainRating, Ground, ResultCard, Statement
from equipoise.report.story import Story
from equipoise.report.words import capitalised, count, is_plural, listed, measured_inside, number_word, study_label


def verdict(story: Story) -> Statement:
    """One sentence: direction, size, certainty and what it rests on; without trials, that first."""
    dossier, treatment, condition = story.dossier, story.treatment, story.condition
    if story.main is not None:
        return story.say(
            effect_sentence(story, story.main),
            story.ground(story.main),
            certainty_ground(story, story.main),
            story.rule("informative-statements"),
            story.rule("sizes"),
        )
    if story.standing == "without numbers":
        trials = len(dossier.trials)
        return story.say(
            f"{count(trials, 'randomised trial')} of {treatment} for {condition} {'is' if trials == 1 else 'are'} known to "
            f"this review, but {'it gives no' if trials == 1 else 'none gives'} numbers from which an effect on a benefit "
            "can be computed, so the review states none of its own",
            story.no_trials(),
            story.ledger.studies(dossier.trials),
        )
    pronoun = "they help" if is_plural(treatment) else "it helps"
    opening = f"This review holds no randomised trial of {treatment} for {condition}"
    row = story.best_published
    if story.standing == "published only" and row is not None:
        label = study_label(story.review.study(row.review_id))
        what = "pooled results" if row.ci_low is not None else "statements"
        return story.say(
            f"{opening} with data of its own; what is known of trials comes from the {what} of others, such as {label}",
            story.no_trials(),
            story.rows(dossier.syntheses),
        )
    if story.standing == "unclassified":
        labels = listed(study_label(study) for study in dossier.unclassified)
        return story.say(
            f"{opening}; {labels} studied {treatment} in people with it, but the design was not seen, and no effect can be "
            "computed",
            story.no_trials(),
            story.ledger.studies(dossier.unclassified),
        )
    if story.standing == "uncontrolled only":
        return story.say(
            f"{opening}, so whether {pronoun} people is not known",
            story.no_trials(),
            story.rule("no-trial-no-effect"),
        )
    if story.standing == "no people":
        return story.say(
            f"{opening} and no report of its use in people with it, so whether {pronoun} is not known",
            story.no_trials(),
            story.rule("no-trial-no-effect"),
        )
    named_in = (*dossier.named_in, *dossier.other_trials)
    if named_in:
        labels = listed(study_label(study) for study in named_in)
        return story.say(
            f"{opening}; it is named only in {labels}, without a result that bears on this",
            story.no_trials(),
            story.ledger.studies(named_in),
        )
    return story.say(
        f"{opening} and nothing else that bears on whether {pronoun}",
        story.no_trials(),
        story.rule("no-trial-no-effect"),
    )


def effect_sentence(story: Story, found: Estimate) -> str:
    """The informative statement for an estimate, with its numbers."""
    outcome = story.outcome_phrase(found.result.outcome)
    words = informative_statement(
        capitalised(found.treatment) if found.level != "very low" else found.treatment,
        f"{outcome} compared with {found.comparator}",
        found.level,
        found.size,
        increases=found.value > 0,
        plural=is_plural(found.treatment),
    )
    if words.endswith(f"compared with {found.comparator} slightly"):
        words = words.removesuffix(" slightly").replace(" compared with", " slightly compared with", 1)
    numbers = measured_inside(found.result.measure, found.figures)
    return f"{words} ({numbers}; {evidence_size(found)}; {found.level} certainty)"


def evidence_size(found: Estimate) -> str:
    """`two trials, 291 participants`, or that the comparison is indirect only."""
    if not found.direct_trials:
        return "indirect comparison only"
    people = f"{found.participants} participants" if found.participants else "number of participants not seen"
    return f"{count(len(found.direct_trials), 'trial')}, {people}"


def certainty(story: Story) -> Certainty:
    """The rating of the verdict's estimate; without one, why there is none."""
    if story.main is not None:
        found = story.main
        return Certainty(
            level=found.level,
            start="high",
            summary=certainty_summary(story, found),
            domains=tuple(
                DomainRating(
                    domain=rating.domain,
                    down=rating.down,
                    reason=story.say(rating.reason, story.rule(rating.rule), story.ground(found)),
                    needs=rating.needs,
                    overridden_by=rating.by,
                )
                for rating in found.ratings
            ),
        )
    dossier = story.dossier
    if story.standing == "without numbers":
        reason = "Not rated: the randomised trials give no usable numbers, and nothing else may stand in for them"
        return Certainty(None, None, story.say(reason, story.no_trials(), story.ledger.studies(dossier.trials)))
    row = story.best_published
    if story.standing == "published only" and row is not None:
        own = f"; its authors say: {row.certainty}" if row.certainty else ""
        label = study_label(story.review.study(row.review_id))
        return Certainty(
            None,
            None,
            story.say(
                f"Not rated: the review has no trial data of its own to rate, only what {label} published{own}",
                story.no_trials(),
                story.ledger.row(row),
            ),
        )
    if story.standing == "unclassified":
        reason = "Not rated: the only report in people gives neither its design nor numbers"
        return Certainty(None, None, story.say(reason, story.ledger.studies(dossier.unclassified)))
    if story.standing == "uncontrolled only" and not story.observed_in_condition:
        reports = {f.study_id for f in dossier.human_findings} | {s.study_id for s in dossier.uncontrolled}
        return Certainty(
            None,
            None,
            story.say(
                f"Not rated: there is no evidence in people with {story.condition} to rate; the {_reports(len(reports))} in "
                "other people had no comparison group",
                story.no_trials(),
                story.rule("uncontrolled-very-low"),
                [story.ledger.study(study) for study in sorted(reports)],
            ),
        )
    if story.standing == "uncontrolled only":
        reports = {f.study_id for f in dossier.human_findings} | {s.study_id for s in dossier.uncontrolled}
        return Certainty(
            "very low",
            "very low",
            story.say(
                f"Very low: the only evidence in people is {count(len(reports), 'report')} without a comparison group",
                story.rule("uncontrolled-very-low"),
                [story.ledger.study(study) for study in sorted(reports)],
            ),
        )
    return Certainty(
        None,
        None,
        story.say(
            "Not rated: there is no evidence in people to rate, and animal or laboratory work can't take its place",
            story.no_trials(),
            story.rule("streams-apart"),
        ),
    )


def certainty_summary(story: Story, found: Estimate) -> Statement:
    """The level and the domains that lowered it."""
    lowered = [rating for rating in found.ratings if rating.down is None or rating.down > 0]
    if not lowered:
        text = f"{capitalised(found.level)}: randomised trials, and no domain calls for rating down"
    else:
        reasons = listed(
            f"{rating.domain} ({'not judged, counted as one level' if rating.down is None else _levels(rating.down)})"
            for rating in lowered
        )
        text = f"{capitalised(found.level)}: randomised trials start at high; rated down for {reasons}"
    return story.say(text, certainty_ground(story, found), [story.rule(rating.rule) for rating in found.ratings])


def certainty_ground(story: Story, found: Estimate) -> Ground:
    """The rating as a result of its own, with every domain's reason."""
    part = story.ground(found)
    return story.ledger.result(
        ResultCard(
            id=f"certainty:{found.id}",
            kind="certainty",
            label=f"Certainty of {found.treatment} v {found.comparator}, {found.result.outcome.label}: {found.level}",
            outcome=found.result.outcome.label,
            treatment=found.treatment,
            comparator=found.comparator,
            method="GRADE as stated rules: randomised trials start at high; each domain proposes levels to rate down.",
            parts=(part.id,),
            notes=tuple(
                f"{capitalised(rating.domain)}: "
                f"{'not judged' if rating.down is None else _levels(rating.down)}; {rating.reason}."
                for rating in found.ratings
            ),
        )
    )


def _reports(number: int) -> str:
    return "one report" if number == 1 else count(number, "report")


def _levels(down: int) -> str:
    return "no level" if down == 0 else "one level" if down == 1 else f"{number_word(down)} levels"
