"""Randomised trials: how many, each with its result, and what they give together."""

from __future__ import annotations

from collections.abc import Iterable

from equipoise.certainty.sizes import RATIOS
from equipoise.extraction.trials import TrialResult
from equipoise.report.analyses import Estimate, OutcomeResult, contrast, trial_card
from equipoise.report.answer import Block, Figures, ForestPlot, ForestRow, Ground, Paragraph, Statement, Table, TableRow
from equipoise.report.sections.syntheses import comparable, published_card
from equipoise.report.story import Story
from equipoise.report.verdict import certainty_ground, certainty_summary, evidence_size
from equipoise.report.words import (
    DESIGN_NAMES,
    MEASURE_NAMES,
    capitalised,
    count,
    decimal,
    figures,
    listed,
    measured,
    natural,
    number_word,
    study_label,
    uncapitalised,
)
from equipoise.review.model import Study


def trials_summary(story: Story) -> Statement:
    """How many randomised trials there are and how many can be used."""
    dossier = story.dossier
    if not dossier.trials:
        return story.say(
            f"No randomised trial of {story.treatment} for {story.condition} is in this review"
            + ("; others have pooled trials of it" if any(row.k for row in dossier.syntheses) else ""),
            story.no_trials(),
            story.rows(row for row in dossier.syntheses if row.k),
        )
    people = participants(dossier.trials)
    sizes = f" with {people:,} participants" if people else ""
    text = f"{count(len(dossier.trials), 'randomised trial')} of {story.treatment} for {story.condition}{sizes}"
    usable = [trial.study.study_id for trial in story.trials_in(story.primary)] if story.primary else []
    outcome = uncapitalised(story.primary.outcome.label) if story.primary else "the main outcome"
    if len(usable) == len(dossier.trials):
        text += f", {'all ' if len(usable) > 1 else ''}with a usable result on {outcome}"
    elif len(dossier.trials) == 1:
        text += f", without a usable result on {outcome}"
    else:
        some = number_word(len(usable)) if usable else "none"
        text += f"; {some} of them {'give' if len(usable) > 1 else 'gives'} a usable result on {outcome}"
    compared = story.main is None or story.main.result is not story.primary or story.main.direct_trials
    if usable and not compared and story.main is not None:
        text += f"; {'none compares' if len(usable) > 1 else 'it does not compare'} it with {story.main.comparator}"
    return story.say(text, story.no_trials(), story.ledger.studies(dossier.trials))


def trials_direction(story: Story) -> str:
    if story.main is None:
        return "no usable result" if story.dossier.trials else "—"
    found = story.main
    if not found.excludes_no_effect:
        return "compatible with benefit and harm" if found.size != "trivial" else "little or no difference"
    return f"favours {found.treatment if found.favours_treatment else found.comparator}"


def participants(studies: Iterable[Study]) -> int | None:
    sizes = [study.n_total for study in studies]
    known = [size for size in sizes if size is not None]
    return sum(known) if known else None


def trial_table(story: Story) -> Table:
    rows = []
    used: dict[str, tuple[OutcomeResult, TrialResult, str]] = {}
    by_rank = sorted(story.results, key=lambda r: (r.analysis is not story.primary_analysis, r.outcome.kind))
    for result in by_rank:
        usual = result.comparator(story.treatment, story.reading.comparator)
        for trial in story.trials_in(result):
            others = [node for node in trial.contrasts.treatments if node != story.treatment]
            used.setdefault(trial.study.study_id, (result, trial, usual if usual in others else others[0]))
    for study in story.dossier.trials:
        ground = story.ledger.study(study.study_id)
        design = ", ".join(part for part in (DESIGN_NAMES[study.design], study.blinding) if part)
        size = f"{study.n_total} randomised" if study.n_total else "number not seen"
        weeks = f", {study.duration_weeks:g} weeks" if study.duration_weeks else ""
        if study.study_id in used:
            outcome, trial, other = used[study.study_id]
            card = trial_card(story.ledger, outcome, trial, story.treatment, other)
            value, variance = contrast(trial.contrasts, story.treatment, other)
            margin = 1.959963984540054 * variance**0.5
            shown = Figures(*(natural(outcome.measure, x) for x in (value, value - margin, value + margin)))
            told = story.cell(f"{outcome.outcome.label}: {measured(outcome.measure, shown)} v {other}", card)
        else:
            told = story.cell("No usable result" + (f". {capitalised(study.notes)}" if study.notes else ""), ground)
        rows.append(
            TableRow(
                study_label(study),
                (
                    (story.cell(f"{capitalised(design)}; {size}{weeks}", ground),),
                    (told,),
                    (story.cell(_risk_of_bias(story, study), *_appraisal_grounds(story, study)),),
                    (
                        story.cell(
                            capitalised(study.funding) if study.funding else "Not stated in what was seen", ground
                        ),
                    ),
                ),
            )
        )
    return Table(
        f"Randomised trials of {story.treatment} for {story.condition}",
        ("Trial", "Design", "Result", "Risk of bias", "Funding"),
        tuple(rows),
    )


def _risk_of_bias(story: Story, study: Study) -> str:
    judged = [row for row in story.review.appraisal if row.study_id == study.study_id]
    if not judged:
        return "Not appraised"
    by_level: dict[str, list[str]] = {}
    for row in judged:
        by_level.setdefault(row.judgement, []).append(row.domain)
    parts = []
    for level in ("high", "some concerns", "unclear", "low"):
        domains = by_level.get(level, [])
        if domains:
            parts.append(
                f"{level} in {len(domains)} of {len(judged)} domains"
                if level == "low"
                else f"{level}: {listed(domains)}"
            )
    return "; ".join(parts)


def _appraisal_grounds(story: Story, study: Study) -> tuple[Ground, ...]:
    judged = [row for row in story.review.appraisal if row.study_id == study.study_id]
    return story.rows(judged) if judged else (story.rule("grade-risk-of-bias"), story.ledger.study(study.study_id))


def pooled(story: Story, found: Estimate) -> Iterable[Block]:
    ground = story.ground(found)
    fit = found.result.fit
    assert fit is not None
    part = int(fit.part_of()[fit.treatments.index(found.treatment)])
    outcome = uncapitalised(found.result.outcome.label)
    name = MEASURE_NAMES[found.result.measure]
    told = [
        story.say(
            f"The network estimate for {outcome}, {found.treatment} against {found.comparator}, is a {name} of "
            f"{figures(found.figures)}" + ("" if found.direct_trials else "; no trial compares the two directly"),
            ground,
        ),
        story.say(_reading_of(found), story.rule("sizes"), ground),
    ]
    if fit.df[part] > 0:
        told.append(
            story.say(
                f"The variance between trials in this network is τ² = {decimal(float(fit.tau2[part]), 3) if fit.tau2[part] > 5e-4 else 0}, and "
                f"I² = {100 * float(fit.i2[part]):.0f}%",
                ground,
            )
        )
    if found.prediction is not None and found.direct_trials and len(found.direct_trials) > 1:
        low, high = (natural(found.result.measure, bound) for bound in found.prediction)
        told.append(
            story.say(f"A new trial's effect would be expected between {decimal(low)} and {decimal(high)}", ground)
        )
    yield Paragraph(tuple(told))
    plot = forest(story, found)
    if len(plot.rows) > 1:
        yield plot
    yield Paragraph((certainty_summary(story, found),))


def _reading_of(found: Estimate) -> str:
    outcome = found.result.outcome
    if found.result.measure in RATIOS:
        scale = f"a ratio {'below' if outcome.lower_is_better else 'above'} 1 favours {found.treatment}"
    else:
        scale = f"a value {'below' if outcome.lower_is_better else 'above'} 0 favours {found.treatment}"
    size = {
        "trivial": "too small to matter",
        "small": "small",
        "moderate": "of moderate size",
        "large": "large",
    }[found.size]
    return f"On this scale {scale}, and the estimate is {size}" if found.bands else f"On this scale {scale}"


def forest(story: Story, found: Estimate) -> ForestPlot:
    """The trials behind an estimate, the estimate, and what others published in the same measure."""
    result, measure = found.result, found.result.measure
    fit = result.fit
    assert fit is not None
    part = int(fit.part_of()[fit.treatments.index(found.treatment)])
    tau2 = float(fit.tau2[part])
    rows = []
    weights = []
    for trial in found.direct_trials:
        value, variance = contrast(trial.contrasts, found.treatment, found.comparator)
        weights.append(1 / (variance + tau2))
    for trial, weight in zip(found.direct_trials, weights, strict=True):
        value, variance = contrast(trial.contrasts, found.treatment, found.comparator)
        margin = 1.959963984540054 * variance**0.5
        sizes = dict(zip(trial.contrasts.treatments, trial.contrasts.participants, strict=False))
        detail = " v ".join(str(sizes.get(node) or "?") for node in (found.treatment, found.comparator))
        rows.append(
            ForestRow(
                result=trial_card(story.ledger, result, trial, found.treatment, found.comparator).id,
                label=study_label(trial.study),
                detail=detail,
                figures=Figures(*(natural(measure, x) for x in (value, value - margin, value + margin))),
                weight=100 * weight / sum(weights),
                role="study",
                group="Trials",
            )
        )
    rows.append(
        ForestRow(
            result=story.ground(found).id,
            label="Network estimate",
            detail=evidence_size(found),
            figures=found.figures,
            weight=None,
            role="summary",
            group="Trials",
        )
    )
    if found.prediction is not None and len(found.direct_trials) > 1:
        rows.append(
            ForestRow(
                result=story.ground(found).id,
                label="Expected in a new trial",
                detail="95% prediction interval",
                figures=Figures(found.figures.estimate, *(natural(measure, x) for x in found.prediction)),
                weight=None,
                role="prediction",
                group="Trials",
            )
        )
    for row in comparable(story, found):
        assert row.estimate is not None
        assert row.ci_low is not None
        assert row.ci_high is not None
        rows.append(
            ForestRow(
                result=published_card(story, row).id,
                label=study_label(story.review.study(row.review_id)),
                detail=", ".join(row.treatment),
                figures=Figures(row.estimate, row.ci_low, row.ci_high),
                weight=None,
                role="published",
                group="Published by others",
            )
        )
    limits = found.bands
    important = None
    if limits:
        important = (natural(measure, -limits.small), natural(measure, limits.small))
    better = found.result.outcome.lower_is_better
    trials = count(len(found.direct_trials), "trial")
    return ForestPlot(
        title=f"{capitalised(found.treatment)} against {found.comparator}: {uncapitalised(result.outcome.label)}",
        description=(
            f"Forest plot of {trials}. Network estimate: {measured(measure, found.figures)}. "
            + " ".join(f"{row.label}: {figures(row.figures)}." for row in rows if row.role == "study")
        ),
        measure=capitalised(MEASURE_NAMES[measure]),
        logarithmic=measure in RATIOS,
        null=1.0 if measure in RATIOS else 0.0,
        left_label=f"Favours {found.treatment if better else found.comparator}",
        right_label=f"Favours {found.comparator if better else found.treatment}",
        rows=tuple(rows),
        important=important,
    )


def other_outcomes(story: Story) -> Table:
    rows = []
    for found in story.estimates:
        if found is story.main:
            continue
        ground = story.ground(found)
        rows.append(
            TableRow(
                found.result.outcome.label,
                (
                    (story.cell(found.comparator, ground),),
                    (story.cell(measured(found.result.measure, found.figures), ground),),
                    (
                        story.cell(
                            evidence_size(found),
                            ground,
                        ),
                    ),
                    (story.cell(capitalised(found.level), certainty_ground(story, found)),),
                ),
            )
        )
    return Table(
        f"Other outcomes of {story.treatment}",
        ("Outcome", "Compared with", "Effect", "Evidence", "Certainty"),
        tuple(rows),
    )
