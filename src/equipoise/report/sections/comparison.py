"""The treatment beside the conventional ones: a table, the network and every treatment against the reference."""

from __future__ import annotations

import re
from collections.abc import Sequence

from equipoise.certainty.sizes import RATIOS
from equipoise.report.analyses import CROSSOVER, Estimate, OutcomeResult
from equipoise.report.answer import (
    Block,
    ForestPlot,
    ForestRow,
    NetworkEdge,
    NetworkGraph,
    NetworkNode,
    Paragraph,
    Section,
    Statement,
    Table,
    TableRow,
)
from equipoise.report.dossier import Dossier
from equipoise.report.sections.syntheses import NUMERIC, published_alongside, published_card, published_text
from equipoise.report.story import Story, quotable
from equipoise.report.verdict import certainty_ground, evidence_size
from equipoise.report.words import (
    MEASURE_NAMES,
    capitalised,
    count,
    figures,
    listed,
    measured,
    natural,
    study_label,
    uncapitalised,
)
from equipoise.review.model import Mechanism

MOST_COMPARED = 5
MOST_PUBLISHED = 3
"""How many other treatments the table of features shows: compared in the network, and pooled by others only."""


def comparison(story: Story) -> Section:
    """Comparison with conventional treatments."""
    others = peers(story)
    blocks: list[Block] = []
    dossiers = [story.dossier, *(story.dossier_of(node) for node in others)]
    blocks.append(Paragraph(tuple(_opening(story))))
    blocks.append(_features(story, dossiers))
    landscape = story.landscape
    if landscape is not None and landscape.fit is not None:
        blocks.append(compared(story))
        plot = _treatments_plot(story, landscape)
        if plot is not None:
            blocks.append(plot)
        blocks.append(network_graph(story, landscape))
    return Section("comparison", "Compared with conventional treatments", tuple(blocks))


def peers(story: Story) -> list[str]:
    """Conventional treatments to compare with: those in the network first, then those that others have pooled."""
    review, asked = story.review, set(story.dossier.nodes)
    conventional = list(
        dict.fromkeys(
            row.node
            for row in review.interventions
            if row.role == "conventional" and row.node not in asked and row.class_ != "any"
        )
    )
    landscape = story.landscape
    sizes = _participants(landscape) if landscape else {}
    nodes = {row.name: row.node for row in review.interventions}
    primary = story.primary_analysis
    pooled = {
        nodes[name]
        for row in review.syntheses
        if primary and row.outcome == primary.outcome and row.measure in NUMERIC and row.ci_low is not None
        for name in row.treatment
        if name in nodes
    }
    in_network = sorted((n for n in conventional if n in sizes), key=lambda n: (-sizes[n], n))
    by_others = [node for node in conventional if node in pooled and node not in in_network]
    return [*in_network[:MOST_COMPARED], *by_others[:MOST_PUBLISHED]]


def _opening(story: Story) -> list[Statement]:
    landscape = story.landscape
    told = []
    if landscape is None or landscape.fit is None:
        return [story.say("No trials can be compared on the main outcome", story.no_trials())]
    fit = landscape.fit
    trials = count(len(landscape.extraction.trials), "trial")
    outcome = uncapitalised(landscape.outcome.label)
    everything = [row for trial in landscape.extraction.trials for row in trial.rows]
    ground = story.tally(
        "network",
        f"Trials in the network of {outcome}",
        len(landscape.extraction.trials),
        "Randomised trials with a usable result; see how this was made.",
        everything,
    )
    told.append(
        story.say(
            f"{trials} compare {len(fit.treatments)} interventions, controls included, on {outcome}"
            + (f", in {count(len(fit.subnetworks), 'unconnected network')}" if len(fit.subnetworks) > 1 else ""),
            ground,
            story.rule("network-model"),
        )
    )
    nodes = story.dossier.nodes
    if not any(node in fit.treatments for node in nodes):
        told.append(
            story.say(
                f"{capitalised(story.treatment)} is not among them, because no trial of it gives a usable result; "
                "being absent from the network says nothing about whether it works",
                story.rule("absent-is-not-ineffective"),
                story.no_trials(),
            )
        )
    return told


def _features(story: Story, dossiers: Sequence[Dossier]) -> Table:
    rows = []
    for dossier in dossiers:
        asked = dossier is story.dossier
        rows.append(
            TableRow(
                dossier.node,
                (
                    _mechanism(story, dossier),
                    _evidence(story, dossier),
                    _effect(story, dossier, asked),
                    _certainty(story, dossier, asked),
                    _side_effects(story, dossier),
                    _safety(story, dossier),
                    _use(story, dossier),
                ),
                emphasised=asked,
            )
        )
    return Table(
        f"{capitalised(story.treatment)} beside conventional treatments",
        ("Treatment", "Mechanism", "Evidence", "Effect", "Certainty", "Side effects", "Safety", "Use"),
        tuple(rows),
    )


def _found(story: Story, dossier: Dossier, asked: bool) -> Estimate | None:
    if asked:
        return story.main
    landscape = story.landscape
    if landscape is None:
        return None
    comparator = landscape.comparator(dossier.node)
    if comparator is None:
        return None
    return story.rival(dossier.node, comparator)


def _mechanism(story: Story, dossier: Dossier) -> tuple[Statement, ...]:
    ends = {path.links[-1].object for path in dossier.paths}
    acts = [
        row for row in dossier.mechanisms if row.status == "supports" and (row.object_concept or row.object) not in ends
    ]
    told: dict[str, list[Mechanism]] = {}
    for row in acts:
        told.setdefault(f"{row.relation} {row.object_concept or row.object}", []).append(row)
    return tuple(story.cell(capitalised(text), story.rows(rows)) for text, rows in list(told.items())[:2])


def _evidence(story: Story, dossier: Dossier) -> tuple[Statement, ...]:
    trials = dossier.trials
    if trials:
        people = sum(study.n_total or 0 for study in trials)
        size = f", {people:,} participants" if people else ""
        return (story.cell(count(len(trials), "randomised trial") + size, story.ledger.studies(trials)),)
    if dossier.syntheses:
        reviews = list(dict.fromkeys(row.review_id for row in dossier.syntheses))
        return (
            story.cell(
                count(len(reviews), "published synthesis", "published syntheses"), story.rows(dossier.syntheses)
            ),
        )
    if dossier is story.dossier:
        return (story.cell("No randomised trial", story.no_trials()),)
    return ()


def _effect(story: Story, dossier: Dossier, asked: bool) -> tuple[Statement, ...]:
    found = _found(story, dossier, asked)
    if found is not None:
        outcome = "" if found.result.analysis is story.primary_analysis else f"{found.result.outcome.label}: "
        text = f"{outcome}{measured(found.result.measure, found.figures)} v {found.comparator}; {evidence_size(found)}"
        return (story.cell(text, story.ground(found)),)
    quoted = quotable(story.review, dossier)
    if quoted is not None and quoted.ci_low is not None:
        return tuple(
            story.cell(
                f"Published ({study_label(story.review.study(row.review_id))}): {published_text(story, row)}",
                published_card(story, row),
            )
            for row in published_alongside(dossier.syntheses, quoted)
            if set(row.treatment) <= {one.name for one in dossier.rows}
        )
    if asked and not dossier.trials:
        return (story.cell("Not known", story.no_trials(), story.rule("no-trial-no-effect")),)
    return ()


def _certainty(story: Story, dossier: Dossier, asked: bool) -> tuple[Statement, ...]:
    found = _found(story, dossier, asked)
    if found is not None:
        return (story.cell(capitalised(found.level), certainty_ground(story, found)),)
    quoted = quotable(story.review, dossier)
    if quoted is not None and quoted.ci_low is not None and quoted.certainty:
        return (story.cell(f"As published: {quoted.certainty}", published_card(story, quoted)),)
    recommended = [row for row in dossier.syntheses if row.measure == "recommendation" and row.certainty]
    if recommended:
        label = study_label(story.review.study(recommended[0].review_id))
        text = f"Not rated here. Guideline ({label}): {recommended[0].certainty}"
        return (story.cell(text, published_card(story, recommended[0])),)
    return (story.cell("Not rated", story.rule("no-trial-no-effect")),) if asked else ()


def _side_effects(story: Story, dossier: Dossier) -> tuple[Statement, ...]:
    """The commonest that are counted, then the gravest; what is common and what is grave are both worth knowing."""
    rows = [row for row in dossier.safety if row.kind == "adverse-effect" and row.effect]
    common = sorted((row for row in rows if _percentage(row.effect)), key=lambda row: -_percentage(row.effect))[:2]
    grave = [row for row in rows if row not in common][:2]
    return tuple(story.cell(row.effect, story.ledger.row(row)) for row in (*common, *grave))


def _percentage(text: str) -> float:
    """The first percentage in a text; 0 without one."""
    found = re.search(r"(\d+(?:\.\d+)?)\s*%", text)
    return float(found[1]) if found else 0.0


def _safety(story: Story, dossier: Dossier) -> tuple[Statement, ...]:
    rows = [row for row in dossier.safety if row.kind in {"contraindication", "boxed-warning"}]
    rows.sort(key=lambda row: row.kind != "boxed-warning")
    return tuple(
        story.cell(
            f"{'Boxed warning' if row.kind == 'boxed-warning' else 'Contraindicated'}: {row.with_}"
            + (f" ({row.effect})" if row.kind == "boxed-warning" and row.effect else ""),
            story.ledger.row(row),
        )
        for row in rows[:4]
    )


def _use(story: Story, dossier: Dossier) -> tuple[Statement, ...]:
    main = dossier.main
    if main.is_class or not main.status:
        return ()
    return (story.cell(main.status, story.ledger.row(main)),)


# ----------------------------------------------------------------------------------------------- reference and network


def compared(story: Story) -> Table:
    """Every treatment of the main outcome's network against the reference, the one asked about first."""
    landscape = story.landscape
    rows = []
    asked = set(story.dossier.nodes)
    title = "Treatments compared"
    if landscape is not None and landscape.fit is not None:
        title = (
            f"{landscape.outcome.label}: treatments compared with {landscape.analysis.reference} "
            f"({landscape.measure}, 95% confidence interval)"
        )
        for found in _against_reference(story, landscape):
            ground = story.ground(found)
            rows.append(
                TableRow(
                    found.treatment,
                    (
                        (story.cell(found.comparator, ground),),
                        (story.cell(str(len(found.direct_trials)), ground),),
                        (story.cell(_size(found), ground),),
                        (story.cell(figures(found.figures).replace("95% CI ", ""), ground),),
                        (story.cell(capitalised(found.level), certainty_ground(story, found)),),
                    ),
                    emphasised=found.treatment in asked,
                )
            )
    if not any(row.emphasised for row in rows):
        reason = "No usable result in its trials"
        if not story.dossier.trials:
            reason = "Pooled by others only" if story.standing == "published only" else "No randomised trial"
        ground = story.no_trials()
        rows.insert(
            0,
            TableRow(
                story.treatment,
                ((), (story.cell(str(len(story.dossier.trials)), ground),), (), (story.cell(reason, ground),), ()),
                emphasised=True,
            ),
        )
    return Table(title, ("Treatment", "Compared with", "Trials", "Participants", "Effect", "Certainty"), tuple(rows))


def _against_reference(story: Story, landscape: OutcomeResult) -> list[Estimate]:
    found = []
    fit = landscape.fit
    assert fit is not None
    for part in fit.subnetworks:
        reference = landscape.analysis.reference if landscape.analysis.reference in part else _control(story, part)
        for node in part:
            if node == reference:
                continue
            made = story.rival(node, reference)
            if made is not None:
                found.append(made)
    better = landscape.outcome.lower_is_better
    asked = set(story.dossier.nodes)
    apart = landscape.analysis.reference
    return sorted(
        found,
        key=lambda one: (one.treatment not in asked, one.comparator != apart, one.value if better else -one.value),
    )


def _control(story: Story, part: Sequence[str]) -> str:
    roles = {row.node: row.role for row in story.review.interventions}
    return next((node for node in part if roles.get(node) == "control"), part[0])


def _treatments_plot(story: Story, landscape: OutcomeResult) -> ForestPlot | None:
    reference = landscape.analysis.reference
    found = [one for one in _against_reference(story, landscape) if one.comparator == reference]
    if not found:
        return None
    measure = landscape.measure
    better = landscape.outcome.lower_is_better
    asked = set(story.dossier.nodes)
    rows = tuple(
        ForestRow(
            result=story.ground(one).id,
            label=one.treatment,
            detail=(
                f"{count(len(one.direct_trials), 'trial')}, n = {_size(one)}" if one.direct_trials else "indirect only"
            )
            + (" (asked about)" if one.treatment in asked else ""),
            figures=one.figures,
            weight=None,
            role="summary",
            group="",
        )
        for one in found
    )
    limits = found[0].bands
    return ForestPlot(
        title=f"{landscape.outcome.label}: each treatment against {reference}",
        description=(
            f"Network estimates against {reference}. "
            + " ".join(f"{one.treatment}: {measured(measure, one.figures)}." for one in found)
            + ("" if asked & nodes_in(landscape) else f" {capitalised(story.treatment)} is not in the network.")
        ),
        measure=capitalised(MEASURE_NAMES[measure]),
        logarithmic=measure in RATIOS,
        null=1.0 if measure in RATIOS else 0.0,
        left_label=f"Favours {'treatment' if better else reference}",
        right_label=f"Favours {reference if better else 'treatment'}",
        rows=rows,
        important=(natural(measure, -limits.small), natural(measure, limits.small)) if limits else None,
    )


def network_graph(story: Story, result: OutcomeResult) -> NetworkGraph:
    """Who was compared with whom."""
    fit = result.fit
    assert fit is not None
    sizes = _participants(result)
    roles = {row.node: row.role for row in story.review.interventions}
    asked = set(story.dossier.nodes)
    edges: dict[tuple[str, str], list[int]] = {}
    trials: dict[str, int] = {}
    for trial in result.extraction.trials:
        nodes = trial.contrasts.treatments
        counts = dict(zip(nodes, trial.contrasts.participants, strict=False))
        for node in nodes:
            trials[node] = trials.get(node, 0) + 1
        for position, first in enumerate(nodes):
            for second in nodes[position + 1 :]:
                pair = (first, second) if first < second else (second, first)
                sizes_of_pair = [counts.get(first) or 0, counts.get(second) or 0]
                same_people = CROSSOVER in trial.cautions
                edges.setdefault(pair, []).append(max(sizes_of_pair) if same_people else sum(sizes_of_pair))
    parts = {node: number for number, part in enumerate(fit.subnetworks) for node in part}
    absent = () if asked.intersection(fit.treatments) else (story.treatment,)
    described = listed(f"{a} and {b} ({count(len(people), 'trial')})" for (a, b), people in sorted(edges.items()))
    return NetworkGraph(
        title=f"Network of trials: {uncapitalised(result.outcome.label)}",
        description=f"Compared directly: {described}."
        + (f" {capitalised(story.treatment)} is not in the network." if absent else ""),
        nodes=tuple(
            NetworkNode(node, sizes.get(node, 0), trials.get(node, 0), roles.get(node, ""), node in asked, parts[node])
            for node in fit.treatments
        ),
        edges=tuple(NetworkEdge(a, b, len(people), sum(people)) for (a, b), people in sorted(edges.items())),
        absent=absent,
    )


def nodes_in(result: OutcomeResult) -> set[str]:
    """The treatments of an analysis' network."""
    return set(result.fit.treatments) if result.fit is not None else set()


def _participants(result: OutcomeResult) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for trial in result.extraction.trials:
        for node, size in zip(trial.contrasts.treatments, trial.contrasts.participants, strict=False):
            sizes[node] = sizes.get(node, 0) + (size or 0)
    return sizes


def _size(found: Estimate) -> str:
    if not found.direct_trials:
        return "indirect"
    return str(found.participants) if found.participants else "not seen"
