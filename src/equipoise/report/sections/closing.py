"""Conclusion, frequent questions, and how the answer was made."""

from __future__ import annotations

from equipoise.report.answer import (
    Block,
    Bullets,
    FrequentQuestion,
    Ground,
    LeftOut,
    Paragraph,
    Rule,
    Section,
    Statement,
    Subheading,
)
from equipoise.report.sections.background import path_statement
from equipoise.report.sections.comparison import peers
from equipoise.report.sections.findings import findings_summary, uncontrolled_summary
from equipoise.report.sections.risks import headline, whom_to_ask
from equipoise.report.sections.syntheses import published_sentence, published_summary, syntheses_summary
from equipoise.report.sections.trials import trials_summary
from equipoise.report.story import Story, quotable
from equipoise.report.verdict import certainty, certainty_ground, effect_sentence, verdict
from equipoise.report.words import capitalised, count, is_plural, listed, study_label, uncapitalised
from equipoise.review.model import Remark


def summary(story: Story) -> tuple[Statement, ...]:
    """The quick summary: what is known from people first, then what else there is."""
    dossier = story.dossier
    told = []
    if story.main is not None and story.main.result.analysis is not story.primary_analysis and story.primary:
        told.append(
            story.say(
                f"On {story.outcome_phrase(story.primary.outcome)}, the main outcome of this review, no trial of "
                f"{story.treatment} gives a usable result",
                story.no_trials(),
            )
        )
    if story.reading.comparator is not None:
        told.extend(_each_against_the_reference(story))
    told.extend(published_summary(story))
    largest = max(dossier.trials, key=lambda study: study.n_total or 0, default=None)
    if story.standing == "without numbers" and largest is not None and largest.notes and len(dossier.trials) > 1:
        people = f", with {largest.n_total} participants" if largest.n_total else ""
        told.append(
            story.say(
                f"The largest of its trials, {study_label(largest)}{people}: {largest.notes}",
                story.ledger.study(largest.study_id),
            )
        )
    if story.standing in _UNTESTED:
        told.append(
            story.say(
                "Untested does not mean ineffective: the review can't say either way",
                story.rule("absent-is-not-ineffective"),
            )
        )
    if dossier.animal_findings and not dossier.trials:
        told.append(findings_summary(story, "animal"))
    told.extend(story.remark(remark) for remark in _remarks(story) if remark.lead)
    return tuple(told)


_UNTESTED = frozenset({"uncontrolled only", "no people", "nothing"})
"""The standings in which nothing tells of a controlled trial."""


def _remarks(story: Story) -> tuple[Remark, ...]:
    dossier = story.dossier
    return (*dossier.background, *dossier.conflicts, *dossier.gaps)


def _each_against_the_reference(story: Story) -> list[Statement]:
    """Where two treatments are compared: each of them against the review's reference."""
    if story.landscape is None:
        return []
    reference = story.landscape.analysis.reference
    found = [
        story.rival(node, reference) for node in (story.treatment, story.reading.comparator or "") if node != reference
    ]
    return [
        story.say(
            effect_sentence(story, one),
            story.ground(one),
            certainty_ground(story, one),
            story.rule("informative-statements"),
        )
        for one in found
        if one is not None
    ]


def key_points(story: Story) -> tuple[Statement, ...]:
    """Six points or fewer, one for each line of the evidence that there is."""
    dossier = story.dossier
    told = [trials_summary(story)]
    if story.standing in {"without numbers", "published only"}:
        told.extend(published_summary(story)[:1])
    if dossier.human_findings or dossier.uncontrolled:
        told.append(uncontrolled_summary(story))
    if dossier.animal_findings:
        told.append(findings_summary(story, "animal"))
    chains = [path for path in dossier.paths if len(path.links) > 1]
    if chains:
        told.append(path_statement(story, chains[0]))
    told.extend(_against_conventional(story))
    unled = [remark for remark in dossier.conflicts if not remark.lead]
    if unled:
        told.append(story.remark(unled[0]))
    told.append(whom_to_ask(story)[0])
    return tuple(told)


def _against_conventional(story: Story) -> list[Statement]:
    """The conventional treatment with most participants in the main outcome's network, unless it is the one asked."""
    landscape = story.landscape
    others = peers(story)
    if landscape is None or not others:
        return []
    node = others[0]
    comparator = landscape.comparator(node)
    if comparator is None:
        return []
    found = story.rival(node, comparator)
    if found is None:
        return []
    return [
        story.say(
            f"For comparison: {uncapitalised(effect_sentence(story, found))}",
            story.ground(found),
            certainty_ground(story, found),
            story.rule("informative-statements"),
        )
    ]


def conclusion(story: Story) -> Section:
    """The verdict once more, what it rests on and what follows."""
    told = [verdict(story), *summary(story)]
    told.extend(_against_conventional(story))
    if story.standing in _UNTESTED:
        told.append(
            story.say(
                f"Until a trial with usable results compares it with {_reference(story)}, this evidence neither supports "
                f"nor rules out using {story.treatment} for {story.condition}",
                story.rule("no-trial-no-effect"),
                story.no_trials(),
            )
        )
    told.append(whom_to_ask(story)[0])
    return Section("conclusion", "Conclusion", (Paragraph(tuple(told)),))


def _reference(story: Story) -> str:
    return story.primary_analysis.reference if story.primary_analysis else "a control"


def faq(story: Story) -> Section:
    """Questions that people ask about any treatment."""
    treatment, condition, dossier = story.treatment, story.condition, story.dossier
    proven = (
        _each_against_the_reference(story)[:1]
        if story.reading.comparator is not None
        else [verdict(story), *_how_sure(story)]
    )
    to_be = "Are" if is_plural(treatment) else "Is"
    blocks: list[Block] = [
        FrequentQuestion(f"{to_be} {treatment} a proven treatment for {condition}?", tuple(proven) or (verdict(story),))
    ]
    chains = [path for path in dossier.paths if len(path.links) > 1]
    if chains:
        blocks.append(
            FrequentQuestion(f"How might {treatment} work?", tuple(path_statement(story, path) for path in chains[:3]))
        )
    blocks.append(FrequentQuestion("What evidence is there?", _evidence_list(story)))
    blocks.append(FrequentQuestion("In whom has it been studied?", tuple(_in_whom(story))))
    safety = [
        story.say(headline(row), story.ledger.row(row)) for row in dossier.safety if row.kind == "contraindication"
    ]
    blocks.append(
        FrequentQuestion(
            f"Is it safe to start {treatment} without medical advice?", (whom_to_ask(story)[0], *safety[:4])
        )
    )
    if dossier.main.role == "conventional":
        against = _against_conventional(story)
        if against:
            blocks.append(FrequentQuestion("How do other treatments do?", tuple(against)))
    else:
        blocks.append(
            FrequentQuestion(
                f"Can {treatment} replace a prescribed treatment?",
                (
                    story.say(
                        f"Nothing in this review compares {treatment} with staying on a prescribed treatment"
                        if not _compared_with_conventional(story)
                        else f"See the comparison table for how {treatment} did against conventional treatments",
                        story.no_trials(),
                    ),
                    story.say(
                        "Do not stop or replace a prescribed treatment without the prescriber", story.rule("ask-first")
                    ),
                    *_against_conventional(story),
                ),
            )
        )
    peers_ = _same_role(story)
    if peers_:
        blocks.append(FrequentQuestion(f"Have other {_plural_role(story)} been studied?", peers_))
    return Section("faq", "Frequently asked questions", tuple(blocks))


def _how_sure(story: Story) -> tuple[Statement, ...]:
    return (certainty(story).summary,)


def _evidence_list(story: Story) -> tuple[Statement, ...]:
    return (
        trials_summary(story),
        uncontrolled_summary(story),
        findings_summary(story, "animal"),
        syntheses_summary(story),
    )


def _in_whom(story: Story) -> list[Statement]:
    dossier = story.dossier
    told = []
    people = dict.fromkeys(study.condition for study in dossier.trials if study.condition)
    if people:
        told.append(story.say(f"In trials: {'; '.join(people)}", story.ledger.studies(dossier.trials)))
    observed = dict.fromkeys(f.model_or_condition for f in dossier.human_findings if f.model_or_condition)
    if observed:
        told.append(story.say(f"In uncontrolled reports: {'; '.join(observed)}", story.rows(dossier.human_findings)))
    models = dict.fromkeys(
        f"{f.species}, {f.model_or_condition}" for f in dossier.animal_findings if f.model_or_condition
    )
    if models:
        told.append(story.say(f"In animals: {'; '.join(models)}", story.rows(dossier.animal_findings)))
    others = [row for row in dossier.syntheses if row.k]
    if others:
        told.append(
            story.say(
                "In trials that others have pooled: "
                + "; ".join(
                    dict.fromkeys(
                        f"{count(row.k or 0, 'study', 'studies')}{f' with {row.n} participants' if row.n else ''} "
                        f"({study_label(story.review.study(row.review_id))})"
                        for row in others
                    )
                ),
                story.rows(others),
            )
        )
    return told or [story.say("In nobody that this review knows of", story.no_trials())]


def _compared_with_conventional(story: Story) -> bool:
    roles = {row.node: row.role for row in story.review.interventions}
    own = set(story.dossier.nodes)
    return any(
        roles.get(node) == "conventional"
        for found in story.estimates
        for trial in found.direct_trials
        for node in trial.contrasts.treatments
        if node not in own
    )


def _same_role(story: Story) -> tuple[Statement, ...]:
    """Other treatments of the same role with an estimate or a published result on the main outcome, and the dose
    limits that the review has of them."""
    review, landscape = story.review, story.landscape
    roles = {row.node: row.role for row in review.interventions}
    role = story.dossier.main.role
    told: list[Statement] = []
    for node in [node for node, is_role in roles.items() if is_role == role and node not in story.dossier.nodes]:
        comparator = landscape.comparator(node) if landscape is not None else None
        found = story.rival(node, comparator) if comparator and roles.get(comparator) == "control" else None
        dossier = story.dossier_of(node)
        quoted = quotable(review, dossier)
        if found is not None:
            told.append(
                story.say(
                    effect_sentence(story, found),
                    story.ground(found),
                    certainty_ground(story, found),
                    story.rule("informative-statements"),
                )
            )
        elif quoted is not None and quoted.ci_low is not None:
            told.append(published_sentence(story, dossier, quoted))
        else:
            continue
        limits = [row for row in dossier.safety if row.kind == "dose-limit"]
        if limits and role == "supplement":
            told.append(
                story.say(
                    f"Dose limits for {node}: " + "; ".join(f"{row.with_}, {row.effect}" for row in limits),
                    story.rows(limits),
                )
            )
    return tuple(told[:12])


def _plural_role(story: Story) -> str:
    return {
        "conventional": "conventional treatments",
        "supplement": "supplements",
        "investigational": "investigational treatments",
        "control": "controls",
    }[story.dossier.main.role]


# ---------------------------------------------------------------------------------------------------------- the making


def methods(story: Story, left_out: tuple[LeftOut, ...]) -> Section:
    """How this was made: the data, the models, what was left out and why."""
    review = story.review
    blocks: list[Block] = []
    version = f", version {review.protocol.version}" if review.protocol.version else ""
    data = story.ledger.decision(
        Rule(
            "review",
            review.protocol.title,
            f"{review.protocol.question.text} Population: {review.protocol.question.population}.",
            f"review.toml{version}",
        )
    )
    tables = listed(f"{len(rows):,} {table.replace('_', ' ')}" for table, rows in review.tables() if rows)
    blocks.append(
        Paragraph(
            (
                story.say(f"This article was made from the review “{review.protocol.title}”{version}", data),
                story.say(f"Its tables hold {tables} rows; each row that states a fact names where it was seen", data),
                story.say(
                    "Every sentence was written by stated rules from those rows; click one to see what it rests on",
                    data,
                ),
            )
        )
    )
    models = []
    for result in story.results:
        analysis = result.analysis
        decision = story.ledger.decision(
            Rule(
                f"analysis:{analysis.outcome}",
                f"How {uncapitalised(result.outcome.label)} is analysed",
                f"Measure {analysis.measure}; {analysis.model} effects, τ² by {analysis.method}; reference "
                f"{analysis.reference}; smallest important difference "
                f"{analysis.smallest_important_difference or 'not stated'}. {analysis.why}",
                "review.toml",
            )
        )
        trials = count(len(result.extraction.trials), "trial")
        parts = ""
        if result.fit is not None and len(result.fit.subnetworks) > 1:
            parts = f"; {count(len(result.fit.subnetworks), 'unconnected network')}, each fitted by itself"
        models.append(
            story.say(
                f"{result.outcome.label}: {analysis.measure}, {analysis.model} effects, τ² by {analysis.method}, {trials}{parts}",
                decision,
                story.rule("network-model"),
                story.rule("selection"),
            )
        )
    if models:
        blocks.append(Subheading("Models"))
        blocks.append(Bullets(tuple(models)))
    overrides = list(review.certainty)
    if overrides:
        blocks.append(Subheading("Ratings set by a person"))
        blocks.append(
            Bullets(
                tuple(
                    story.say(
                        f"{row.comparison}, {row.outcome}, {row.domain}: {row.level}, by {row.by} on {row.when}. {row.why}",
                        story.ledger.row(row),
                    )
                    for row in overrides
                )
            )
        )
    blocks.append(Subheading("Left out, and why"))
    if left_out:
        blocks.append(
            Bullets(
                tuple(
                    story.say(f"{item.what}: {item.why}", Ground("row", item.row) if item.row else data)
                    for item in left_out
                )
            )
        )
    else:
        blocks.append(Paragraph((story.say("No row on this treatment was left out of its analyses", data),)))
    if review.set_aside:
        blocks.append(
            Paragraph(
                (
                    story.say(
                        f"{capitalised(count(len(review.set_aside), 'row'))} of the review are set aside with their reasons "
                        "and were not used",
                        story.rows(review.set_aside),
                    ),
                )
            )
        )
    return Section("methods", "How this was made", tuple(blocks))
