"""Lines of evidence, each told by itself: trials, uncontrolled reports, animals, laboratory, published syntheses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from equipoise.certainty.sizes import RATIOS
from equipoise.extraction.trials import TrialResult
from equipoise.report.analyses import Estimate, contrast, trial_card
from equipoise.report.answer import (
    Block,
    Bullets,
    Figures,
    ForestPlot,
    ForestRow,
    Ground,
    LineOfEvidence,
    Paragraph,
    ResultCard,
    Section,
    Statement,
    Subheading,
    Table,
    TableRow,
)
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
from equipoise.review.model import Finding, Study, Synthesis

_DID = {
    "improves": "improved",
    "worsens": "worsened",
    "no-effect": "did not change",
    "association": "was associated with",
    "unclear": "had an unclear effect on",
}
NUMERIC = frozenset({"MD", "SMD", "ROM", "OR", "RR", "RD", "IRR", "HR"})


# ------------------------------------------------------------------------------------------------ the table of lines


def lines(story: Story) -> tuple[LineOfEvidence, ...]:
    """The lines of evidence, with studies, participants and direction."""
    dossier = story.dossier
    uncontrolled = _unique([f.study_id for f in dossier.human_findings] + [s.study_id for s in dossier.uncontrolled])
    return (
        LineOfEvidence(
            "randomised",
            "Randomised trials",
            len(dossier.trials),
            _participants(dossier.trials),
            _trials_direction(story),
            trials_summary(story),
        ),
        LineOfEvidence(
            "uncontrolled",
            "Uncontrolled reports in people",
            len(uncontrolled),
            _people(story, uncontrolled),
            _findings_direction(dossier.human_findings) if dossier.human_findings else _dash(len(uncontrolled)),
            uncontrolled_summary(story),
        ),
        _line(story, "animal", "Animal studies", dossier.animal_findings, dossier.animal_studies),
        _line(story, "laboratory", "Laboratory studies", dossier.laboratory_findings, dossier.laboratory_studies),
        LineOfEvidence(
            "mechanism",
            "Mechanism",
            len(_unique(row.study_id for row in dossier.mechanisms)),
            None,
            _mechanism_direction(story),
            mechanism_summary(story),
        ),
        LineOfEvidence(
            "syntheses",
            "Published syntheses",
            len(_unique(row.review_id for row in published(story))),
            None,
            _syntheses_direction(story),
            syntheses_summary(story),
        ),
    )


def _line(story: Story, id_: str, label: str, findings: Sequence[Finding], silent: Sequence[Study]) -> LineOfEvidence:
    studies = [*_unique(finding.study_id for finding in findings), *(study.study_id for study in silent)]
    return LineOfEvidence(
        id_,  # type: ignore[arg-type]
        label,
        len(studies),
        None,
        _findings_direction(findings) if findings else _dash(len(silent)),
        findings_summary(story, id_),
    )


def trials_summary(story: Story) -> Statement:
    """How many randomised trials there are and how many can be used."""
    dossier = story.dossier
    if not dossier.trials:
        return story.say(
            f"No randomised trial of {story.treatment} for {story.condition} is in this review", story.no_trials()
        )
    people = _participants(dossier.trials)
    sizes = f" with {people:,} participants" if people else ""
    text = f"{count(len(dossier.trials), 'randomised trial')} of {story.treatment} for {story.condition}{sizes}"
    usable = _unique(
        trial.study.study_id
        for found in story.estimates
        for trial in found.direct_trials
        if found.result.analysis is story.primary_analysis
    )
    outcome = uncapitalised(story.primary.outcome.label) if story.primary else "the main outcome"
    if len(usable) == len(dossier.trials):
        text += f", {'all ' if len(usable) > 1 else ''}with a usable result on {outcome}"
    elif len(dossier.trials) == 1:
        text += f", without a usable result on {outcome}"
    else:
        some = number_word(len(usable)) if usable else "none"
        text += f"; {some} of them {'give' if len(usable) > 1 else 'gives'} a usable result on {outcome}"
    return story.say(text, story.no_trials(), story.ledger.studies(dossier.trials))


def uncontrolled_summary(story: Story) -> Statement:
    dossier = story.dossier
    reports = _unique([f.study_id for f in dossier.human_findings] + [s.study_id for s in dossier.uncontrolled])
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
        text += f", {'not' if len(reports) == 1 else 'none of them'} in people with {story.condition}"
    if dossier.human_findings:
        text += f": {_told_directions(dossier.human_findings)}"
    return story.say(text, [story.ledger.study(study) for study in reports], story.rows(dossier.human_findings))


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
    studies = _unique(finding.study_id for finding in findings)
    text = f"{count(len(studies), f'{what} study', f'{what} studies')}"
    near = [finding for finding in findings if story.bears_on_condition(finding.outcome)]
    if not near:
        text += f", none on an outcome of {story.condition}: {_told_directions(findings)}"
    elif len(near) == len(findings):
        text += f": {_told_directions(near)}"
    else:
        own = {finding.study_id for finding in near}
        other = [finding for finding in findings if finding.study_id not in own]
        text += f": {_told_directions(near)} on outcomes like those of the condition"
        text += f", {_told_directions(other)} on other outcomes" if other else ""
    if silent:
        text += f"; {count(len(silent), 'further study', 'further studies')} without a finding seen"
    return story.say(text, story.rows(findings), story.ledger.studies(silent))


def mechanism_summary(story: Story) -> Statement:
    rows = story.dossier.mechanisms
    if not rows:
        ground = story.tally(
            "mechanism", f"Statements on how {story.treatment} acts", 0, "Rows of mechanisms.csv about the treatment."
        )
        return story.say(f"No statement on how {story.treatment} might act is in this review", ground)
    supported = [row for row in rows if row.status == "supports"]
    against = [row for row in rows if row.status in {"contradicts", "null-result"}]
    open_ = len(rows) - len(supported) - len(against)
    parts = [f"{len(supported)} supported"]
    parts += [f"{len(against)} not found or contradicted"] if against else []
    parts += [f"{open_} proposed or second-hand"] if open_ else []
    return story.say(f"{count(len(rows), 'statement')} on how it acts: {listed(parts)}", story.rows(rows))


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
    reviews = _unique(row.review_id for row in rows)
    pooled = [row for row in rows if row.measure in NUMERIC and row.estimate is not None]
    text = f"{count(len(reviews), 'published synthesis', 'published syntheses')}"
    text += f" with {count(len(pooled), 'pooled result')}" if pooled else ", without a pooled result"
    return story.say(text, story.rows(rows))


def published(story: Story) -> tuple[Synthesis, ...]:
    """Published syntheses of the treatment itself."""
    return story.dossier.syntheses


# ------------------------------------------------------------------------------------------------------ the sections


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
        conditions = listed(_unique(study.condition for study in dossier.other_trials if study.condition))
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
        blocks.append(_trial_table(story))
    if story.main is not None:
        blocks.extend(_pooled(story, story.main))
    if len(story.estimates) > (1 if story.main else 0):
        blocks.append(_other_outcomes(story))
    if dossier.human_findings or dossier.uncontrolled:
        blocks.append(Subheading("Uncontrolled reports"))
        blocks.append(Paragraph((uncontrolled_summary(story), _uncontrolled_caution(story))))
        blocks.append(Bullets(tuple(_uncontrolled_items(story))))
    if dossier.unclassified:
        blocks.append(Subheading("Reports whose design was not seen"))
        blocks.append(Bullets(tuple(_study_items(story, dossier.unclassified))))
    if dossier.related_findings:
        blocks.append(Subheading("Related observations, not the treatment itself"))
        blocks.append(Bullets(tuple(_finding_items(story, dossier.related_findings))))
    rows = published(story)
    if rows or dossier.class_syntheses:
        blocks.append(Subheading("Published syntheses"))
        blocks.append(Paragraph((syntheses_summary(story),)))
        blocks.append(_synthesis_table(story, (*rows, *dossier.class_syntheses)))
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
        items = (*_finding_items(story, dossier.animal_findings), *_silent_items(story, dossier.animal_studies))
        blocks.append(Bullets(items))
    if dossier.laboratory_findings or dossier.laboratory_studies:
        blocks.append(Subheading("Laboratory studies"))
        blocks.append(Paragraph((findings_summary(story, "laboratory"),)))
        items = (*_finding_items(story, dossier.laboratory_findings), *_silent_items(story, dossier.laboratory_studies))
        blocks.append(Bullets(items))
    return Section("animal-evidence", "Evidence in animals and in the laboratory", tuple(blocks))


# -------------------------------------------------------------------------------------------------------- the trials


def _trial_table(story: Story) -> Table:
    rows = []
    used: dict[str, tuple[Estimate, TrialResult]] = {}
    for found in story.estimates:
        for trial in found.direct_trials:
            used.setdefault(trial.study.study_id, (found, trial))
    for study in story.dossier.trials:
        ground = story.ledger.study(study.study_id)
        design = ", ".join(part for part in (DESIGN_NAMES[study.design], study.blinding) if part)
        size = f"{study.n_total} randomised" if study.n_total else "number not seen"
        weeks = f", {study.duration_weeks:g} weeks" if study.duration_weeks else ""
        if study.study_id in used:
            found, trial = used[study.study_id]
            card = trial_card(story.ledger, found.result, trial, found.treatment, found.comparator)
            value, variance = contrast(trial.contrasts, found.treatment, found.comparator)
            margin = 1.959963984540054 * variance**0.5
            measure = found.result.measure
            shown = Figures(*(natural(measure, x) for x in (value, value - margin, value + margin)))
            result = story.cell(f"{found.result.outcome.label}: {measured(measure, shown)} v {found.comparator}", card)
        else:
            result = story.cell(study.notes or "No usable result seen", ground)
        rows.append(
            TableRow(
                study_label(study),
                (
                    (story.cell(f"{capitalised(design)}; {size}{weeks}", ground),),
                    (result,),
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


def _pooled(story: Story, found: Estimate) -> Iterable[Block]:
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


def comparable(story: Story, found: Estimate) -> tuple[Synthesis, ...]:
    """Published results of the same comparison, outcome and measure, with an interval."""
    nodes = {row.name: row.node for row in story.review.interventions}
    own = set(story.dossier.nodes)
    return tuple(
        row
        for row in published(story)
        if row.outcome == found.result.outcome.outcome
        and row.measure == found.result.measure
        and None not in (row.estimate, row.ci_low, row.ci_high)
        and all(nodes.get(name) in own for name in row.treatment)
        and nodes.get(row.comparator) == found.comparator
    )


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


def _other_outcomes(story: Story) -> Table:
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


# ------------------------------------------------------------------------------------------ findings and syntheses


def _uncontrolled_caution(story: Story) -> Statement:
    return story.say(
        "Without a comparison group, improvement may be the natural course, expectation or another treatment",
        story.rule("uncontrolled-very-low"),
    )


def _uncontrolled_items(story: Story) -> Iterable[Statement]:
    yield from _finding_items(story, story.dossier.human_findings)
    told = {finding.study_id for finding in story.dossier.human_findings}
    yield from _study_items(story, [study for study in story.dossier.uncontrolled if study.study_id not in told])


def _silent_items(story: Story, studies: Sequence[Study]) -> Iterable[Statement]:
    """A sentence for each study that is known without its result."""
    for study in studies:
        animals = f", {count(study.n_total, 'animal')}" if study.n_total and study.design == "animal" else ""
        seen = f"; seen of it: {study.verified}" if study.verified else ""
        yield story.say(
            f"{study_label(study)} ({DESIGN_NAMES[study.design]}{animals}; {study.condition}): “{study.title}”{seen}; "
            "no result recorded here",
            story.ledger.study(study.study_id),
        )


def _study_items(story: Story, studies: Sequence[Study]) -> Iterable[Statement]:
    """A sentence for each study that has no row of findings: who was studied, and the review's note on it."""
    for study in studies:
        noun = "animal" if study.design == "animal" else "participant"
        people = f", {count(study.n_total, noun)}" if study.n_total else ""
        note = f": {study.notes}" if study.notes else ": no result seen"
        yield story.say(
            f"{study_label(study)} ({DESIGN_NAMES[study.design]}{people}; {study.condition}){note}",
            story.ledger.study(study.study_id),
        )


def _finding_items(story: Story, findings: Sequence[Finding]) -> Iterable[Statement]:
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
        given = [*_unique(f.dose for f in group if f.dose)]
        dose = listed(given)
        routes = listed(_unique(f.route for f in group if f.route))
        how = "; ".join(part for part in (dose, f"route {routes}" if routes.startswith("not") else routes) if part)
        when = ", ".join(_unique(f.timing for f in group if f.timing))
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
        details = _unique(f.detail for f in group if f.detail)
        if details:
            told = "; ".join(details)
            text += f". {capitalised(told) if told.startswith('measured: ') else f'Reported: {told}'}"
        yield story.say(text, story.rows(group))


def _synthesis_table(story: Story, rows: Sequence[Synthesis]) -> Table:
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
                    tuple(story.cell(text, ground) for text in (evidence, row.note) if text),
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


def published_summary(story: Story) -> Statement | None:
    """What others have published on the treatment, in a sentence; None where nobody has."""
    row = story.best_published
    if row is None:
        return None
    label = study_label(story.review.study(row.review_id))
    outcome = next(outcome for outcome in story.review.outcomes if outcome.outcome == row.outcome)
    who = listed(row.treatment)
    if row.estimate is None:
        told = row.certainty or row.note
        return story.say(
            f"{label} says of {who}, on {uncapitalised(outcome.label)}: {told}", published_card(story, row)
        )
    against = f" compared with {row.comparator}" if row.comparator else ""
    together = published_alongside(story.dossier.syntheses, row)
    results = listed(
        f"{published_result(one)} for {listed(one.treatment)} ({study_label(story.review.study(one.review_id))})"
        for one in together
    )
    return story.say(
        f"Published by others{against}, on {uncapitalised(outcome.label)}: {results}",
        [published_card(story, one) for one in together],
    )


def published_alongside(rows: Iterable[Synthesis], quoted: Synthesis) -> list[Synthesis]:
    """The published results of the same outcome, comparator and measure as the one quoted, itself among them."""
    key = (quoted.outcome, quoted.comparator, quoted.measure)
    return [row for row in rows if (row.outcome, row.comparator, row.measure) == key and row.estimate is not None]


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


# ------------------------------------------------------------------------------------------------------- directions


def _trials_direction(story: Story) -> str:
    if story.main is None:
        return "no usable result" if story.dossier.trials else "—"
    found = story.main
    if not found.excludes_no_effect:
        return "compatible with benefit and harm" if found.size != "trivial" else "little or no difference"
    return f"favours {found.treatment if found.favours_treatment else found.comparator}"


def _findings_direction(findings: Sequence[Finding]) -> str:
    if not findings:
        return "—"
    return ", ".join(f"{_SHORT[word]} in {number}" for word, number in _tally(findings).items())


_SHORT = {
    "improves": "improved",
    "worsens": "worsened",
    "no-effect": "no change",
    "association": "association",
    "unclear": "unclear",
    "mixed": "mixed",
}


def _told_directions(findings: Sequence[Finding]) -> str:
    """Studies counted once each: by their one direction, or as mixed."""
    told = {
        "improves": "improvement in {}",
        "worsens": "worsening in {}",
        "no-effect": "no change in {}",
        "association": "an association in {}",
        "unclear": "an unclear result in {}",
        "mixed": "mixed results in {}",
    }
    return listed(told[word].format(number_word(number)) for word, number in _tally(findings).items())


def _tally(findings: Sequence[Finding]) -> dict[str, int]:
    by_study: dict[str, set[str]] = {}
    for finding in findings:
        by_study.setdefault(finding.study_id, set()).add(finding.direction)
    words = [next(iter(directions)) if len(directions) == 1 else "mixed" for directions in by_study.values()]
    return {word: words.count(word) for word in _SHORT if word in words}


def _mechanism_direction(story: Story) -> str:
    paths = story.dossier.paths
    if not paths:
        return "no path to the condition" if story.dossier.mechanisms else "—"
    towards = sum(path.sign < 0 for path in paths)
    if towards == len(paths):
        return "would reduce it"
    return "would worsen it" if towards == 0 else "mixed"


def _syntheses_direction(story: Story) -> str:
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


def _dash(number: int) -> str:
    return "no direction recorded" if number else "—"


def _participants(studies: Iterable[Study]) -> int | None:
    sizes = [study.n_total for study in studies]
    known = [size for size in sizes if size is not None]
    return sum(known) if known else None


def _people(story: Story, study_ids: Sequence[str]) -> int | None:
    sizes = []
    for study_id in study_ids:
        reported = [f.n for f in story.dossier.human_findings if f.study_id == study_id and f.n]
        total = story.review.study(study_id).n_total
        sizes.append(max(reported) if reported else total)
    known = [size for size in sizes if size]
    return sum(known) if known else None


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
