"""The report of `equipoise nma`: one HTML page, complete in itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from equipoise import __version__
from equipoise.cli.network import tables
from equipoise.cli.network.analysis import Analysis
from equipoise.cli.network.further import Further
from equipoise.cli.network.part import Part
from equipoise.cli.network.tables import Cell, ResultTable
from equipoise.figures.network import scale
from equipoise.figures.network.league import league_html
from equipoise.synthesis.network.tables import RATIO_MEASURES, p_value

TITLES = {
    "moderators": "Moderators and subgroups",
    "components": "Components",
    "doses": "Doses",
    "rare-events": "Few events",
    "outcomes": "Benefit and harm",
}
"""The sections of analyses that were asked for."""
FOLDED = 12
"""Tables with more rows are folded."""
LARGE = 900.0
"""Figures wider than this (points) are scrolled, not shrunk to the page."""


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a section; ``kind`` says which of the other fields are used."""

    kind: Literal["text", "lead", "title", "warning", "list", "facts", "figure", "markup", "table", "code"]
    text: str = ""
    lines: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    head: Sequence[str] = ()
    words: Sequence[str] = ()
    file: str = ""
    files: Sequence[str] = ()
    svg: Markup = field(default_factory=Markup)
    markup: Markup = field(default_factory=Markup)
    large: bool = False
    folded: bool = False
    code: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the page; ``lead``: one sentence on what it shows and how it is read."""

    id: str
    title: str
    lead: str
    blocks: list[Block]


@dataclass(frozen=True, slots=True)
class DrawnFigure:
    """A figure that was written: its section, caption, SVG source and files (relative to the page)."""

    name: str
    section: str
    caption: str
    svg: str
    files: tuple[str, ...]


def render(
    analysis: Analysis,
    further: Further,
    source: str,
    facts: Sequence[tuple[str, str]],
    warnings: Sequence[str],
    figures: Sequence[DrawnFigure],
    summary: str,
    script: str,
    sha256: str,
) -> str:
    """The whole page."""
    network = analysis.network
    title = f"Network meta-analysis of {source}"
    subtitle = (
        f"{len(network.treatments)} treatments, {len(network.studies)} studies; "
        f"{scale.name_of(network.measure).lower()}; {analysis.fit.model_text}"
    )
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("page.html.j2").render(
        title=title,
        subtitle=subtitle,
        version=__version__,
        sections=_sections(analysis, further, facts, warnings, figures, summary, script),
        colophon=f"SHA-256 of the table analysed: {sha256}",
    )


def _sections(
    analysis: Analysis,
    further: Further,
    facts: Sequence[tuple[str, str]],
    warnings: Sequence[str],
    figures: Sequence[DrawnFigure],
    summary: str,
    script: str,
) -> list[Section]:
    drawn: dict[str, list[Block]] = {}
    for figure in figures:
        drawn.setdefault(figure.section, []).append(_figure(figure))
    network = analysis.network
    data = [Block("warning", w) for w in warnings]
    if len(network.subnetworks) > 1:
        parts = "; ".join(", ".join(part) for part in network.subnetworks)
        data.append(
            Block(
                "warning",
                f"The network is not connected: it falls into {len(network.subnetworks)} subnetworks, each analysed by "
                f"itself. Treatments of different ones can't be compared ({parts}).",
            )
        )
    data.append(Block("facts", rows=[list(row) for row in facts]))
    aside: dict[str, list[str]] = {}
    for left in network.left_out:
        aside.setdefault(f"Left out ({left.reason})", []).append(left.what)
    for change in network.changes:
        aside.setdefault(f"Changed ({change.what})", []).append(change.study)
    if aside:
        data.append(Block("list", lines=[f"{why}: {', '.join(what)}" for why, what in aside.items()]))
    beyond: dict[str, list[Block]] = {}
    for part in further.parts:
        beyond.setdefault(part.section, []).extend(_part(part, drawn, further))
    better = "smaller" if analysis.settings.smaller_is_better else "larger"
    sections = [
        Section("data", "What was analysed", "The table, how it was read, and the choices made.", data),
        Section(
            "network",
            "The network",
            "Circles are treatments, lines are comparisons made within studies; treatments that no line joins are compared "
            "by way of others.",
            drawn.get("network", []),
        ),
        Section(
            "effects",
            "Effects against the reference",
            "The network estimate of every treatment, from direct and indirect evidence together; the prediction interval "
            "says where the effect in a new study may lie.",
            [*drawn.get("effects", []), _heterogeneity(analysis), _effects(analysis)],
        ),
        Section(
            "league",
            "League table",
            "Each cell compares the row with the column: network estimates below the diagonal, direct ones above; blue is "
            "better, orange worse, bold leaves out no effect.",
            [
                Block(
                    "markup",
                    "League table",
                    markup=Markup(league_html(analysis.league, smaller_is_better=analysis.settings.smaller_is_better)),
                ),
                Block(
                    "text",
                    "To paste into a word processor: tables/league.html; for spreadsheets: tables/league.csv.",
                ),
            ],
        ),
        Section(
            "ranking",
            "Ranking",
            f"Ranked with {better} values as better, 1 is best; a rank says nothing about how large or how sure a "
            "difference is.",
            [*_ranking_notes(analysis), *drawn.get("ranking", []), _ranking(analysis), *beyond.pop("ranking", [])],
        ),
        Section(
            "inconsistency",
            "Heterogeneity and inconsistency",
            "Do studies of the same comparison agree (within designs), and does direct evidence agree with indirect "
            "(between designs)? Small p-values say no.",
            [
                _consistency(analysis),
                *drawn.get("inconsistency", []),
                *_split(analysis),
                *beyond.pop("inconsistency", []),
            ],
        ),
        Section(
            "contributions",
            "Contributions",
            f"How much of every estimate rests on each direct comparison, by the {analysis.contributions.method}; each row "
            "adds up to 100 %.",
            drawn.get("contributions", []),
        ),
        Section(
            "robustness",
            "Robustness",
            "What single studies do to the results, and how far they could be wrong.",
            beyond.pop("robustness", []),
        ),
        Section(
            "small-studies",
            "Small-study effects",
            "Small studies with larger effects point to missing results; the points should lie evenly around the middle.",
            [*_funnel(analysis), *drawn.get("small-studies", []), *beyond.pop("small-studies", [])],
        ),
        *(Section(name, TITLES[name], "", beyond[name]) for name in TITLES if name in beyond),
        Section(
            "reproduce",
            "Run it again",
            "analysis.py in this folder repeats every analysis from the table beside it and prints summary.txt; "
            "results.json holds every number.",
            [Block("code", "analysis.py", code=script), Block("code", "summary.txt", code=summary)],
        ),
    ]
    return [section for section in sections if section.blocks]


def _part(part: Part, drawn: Mapping[str, list[Block]], further: Further) -> list[Block]:
    """A further analysis: title, what it shows, what came out, figures, tables."""
    blocks = [Block("title", part.title)]
    blocks += [Block("lead", part.lead)] if part.lead else []
    blocks += [Block("text", note) for note in part.notes]
    blocks += drawn.get(part.name, [])
    if part.name == "both_outcomes" and further.both is not None:
        both = further.both
        blocks.append(
            Block(
                "markup",
                f"League table: {both.names[0]} below the diagonal, {both.names[1]} above",
                markup=Markup(league_html(both.league, smaller_is_better=both.smaller_is_better, names=both.names)),
            )
        )
    return blocks + [
        Block("table", view.title, head=view.head, rows=view.rows, words=view.words, file=view.file, folded=_long(view.rows))
        for view in part.views
    ]  # fmt: skip


def _long(rows: Sequence[Sequence[str]]) -> bool:
    return len(rows) > FOLDED


def _heterogeneity(analysis: Analysis) -> Block:
    fit = analysis.fit
    lines = []
    for number, part in enumerate(fit.subnetworks):
        name = f"Subnetwork {number + 1} ({part[0]}, …): " if len(fit.subnetworks) > 1 else ""
        i2 = f"{100 * fit.i2[number]:.1f} %" if fit.df[number] > 0 else "not estimable"
        lines.append(
            f"{name}τ² = {scale.number_text(float(fit.tau2[number]), 4)}, I² = {i2}; heterogeneity and inconsistency "
            f"together: Q = {fit.q[number]:.2f}, df = {fit.df[number]}, p {_p(float(fit.p[number]))}"
        )
    return Block("list", lines=lines)


def _effects(analysis: Analysis) -> Block:
    table = tables.effects(analysis)
    fit = analysis.fit
    digits = scale.digits_for(fit.standard_errors)
    rows = []
    columns = table.columns
    for i in range(len(table)):
        numbers = [_number(columns[name][i]) for name in ("estimate", "lower", "upper")]
        row = [
            str(columns["treatment"][i]),
            str(columns["comparator"][i]),
            str(columns["studies"][i]),
            scale.estimate_text(fit.measure, numbers[0], numbers[1], numbers[2], digits),
        ]
        if "prediction_lower" in columns:
            low, high = (_number(columns[name][i]) for name in ("prediction_lower", "prediction_upper"))
            text = scale.estimate_text(fit.measure, numbers[0], low, high, digits) if low == low else ""
            row.append(text.partition(" ")[2].strip("()") or "–")
        rows.append([*row, p_value(_number(columns["p"][i]))])
    head = ["Treatment", "Against", "Direct studies", f"{fit.measure} ({100 * fit.level:g}% CI)"]
    head += [f"{100 * fit.level:g}% prediction interval"] if "prediction_lower" in columns else []
    return Block(
        "table",
        "Network estimates",
        head=[*head, "p"],
        rows=rows,
        words=("Treatment", "Against"),
        file="tables/effects.csv",
        folded=_long(rows),
    )


def _ranking_notes(analysis: Analysis) -> list[Block]:
    notes = []
    if len(analysis.network.subnetworks) > 1:
        notes.append("Treatments are ranked within each subnetwork.")
    if analysis.ranking.error > 0:
        notes.append(
            f"Rank probabilities are integrated numerically, standard error at most {analysis.ranking.error:.1g}."
        )
    return [Block("text", " ".join(notes))] if notes else []


def _ranking(analysis: Analysis) -> Block:
    c = tables.ranking(analysis).columns
    rows = [
        [
            str(c["treatment"][i]),
            f"{_number(c['p_score'][i]):.3f}",
            f"{_number(c['mean_rank'][i]):.1f}",
            f"{_number(c['rank_lower'][i]):.0f} to {_number(c['rank_upper'][i]):.0f}",
            f"{_number(c['probability_best'][i]):.3f}",
        ]
        for i in range(len(c["treatment"]))
    ]
    head = [
        "Treatment",
        "P-score (SUCRA)",
        "Mean rank",
        f"{100 * analysis.fit.level:g}% interval",
        "Probability of being best",
    ]
    return Block(
        "table", "Ranking", head=head, rows=rows, words=("Treatment",), file="tables/ranking.csv", folded=_long(rows)
    )


def _consistency(analysis: Analysis) -> Block:
    c = tables.consistency(analysis).columns
    rows = [
        [str(test), f"{_number(q):.2f}", str(df), p_value(_number(p))]
        for test, q, df, p in zip(c["test"], c["Q"], c["df"], c["p"], strict=True)
    ]
    return Block("table", "Cochran's Q", head=["", "Q", "df", "p"], rows=rows, file="tables/inconsistency.csv")


def _split(analysis: Analysis) -> list[Block]:
    s = analysis.split
    mixed = [i for i in range(len(s)) if s.mixed[i]]
    if not mixed:
        return [
            Block(
                "text",
                "No comparison has both direct and indirect evidence, so the two can't be held against each other.",
            )
        ]
    digits = scale.digits_for(analysis.fit.standard_errors)
    kinds: tuple[Literal["direct", "indirect", "network"], ...] = ("direct", "indirect", "network")
    bounds = {kind: s.limits(kind) for kind in kinds}
    rows = []
    for i in sorted(mixed, key=lambda i: float(s.p[i])):
        texts = [
            scale.estimate_text(
                s.measure, float(getattr(s, k)[i]), float(bounds[k][0][i]), float(bounds[k][1][i]), digits
            )
            for k in kinds
        ]
        rows.append(
            [
                f"{s.treatment[i]} : {s.comparator[i]}",
                str(s.studies[i]),
                f"{s.proportion[i]:.2f}",
                *texts,
                p_value(float(s.p[i])),
            ]
        )
    head = ["Comparison", "Studies", "Share direct", "Direct", "Indirect", "Network", "p of the difference"]
    kind = "ratios" if s.measure in RATIO_MEASURES else "differences"
    return [
        Block(
            "table",
            f"Direct against indirect evidence ({kind}; the least consistent first)",
            head=head,
            rows=rows,
            words=("Comparison",),
            file="tables/split.csv",
            folded=_long(rows),
        )
    ]


def _funnel(analysis: Analysis) -> list[Block]:
    if analysis.funnel is None:
        return [Block("text", f"Not possible: {analysis.impossible['funnel']}.")]
    egger = analysis.funnel.egger
    bias = egger.names.index("bias")
    return [
        Block(
            "text",
            "Each study's estimate minus the pooled estimate of its comparison, the better-ranked treatment against the "
            f"worse, the reference last. Egger's test of asymmetry: t = {scale.number_text(float(egger.statistics[bias]))}, "
            f"df = {egger.df:g}, p {_p(float(egger.p[bias]))}.",
        )
    ]


def _figure(figure: DrawnFigure) -> Block:
    width = re.search(r'<svg[^>]*?width="([\d.]+)pt"', figure.svg)
    return Block(
        "figure",
        figure.caption + ".",
        svg=_inline(figure),
        files=figure.files,
        large=width is not None and float(width[1]) > LARGE,
    )


def _inline(figure: DrawnFigure) -> Markup:
    """The SVG element alone, its ids made unique on the page and a name given to those who can't see it."""
    svg = figure.svg[figure.svg.index("<svg") :]
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{figure.name}-\1"', svg)
    svg = re.sub(r'(xlink:href="|url\()#', rf"\g<1>#{figure.name}-", svg)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    label = str(Markup.escape(figure.caption))
    return Markup(svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1))


def _number(value: Cell) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _p(p: float) -> str:
    text = p_value(p)
    return text if text.startswith("<") else f"= {text}"


def as_json(tables_: Sequence[ResultTable]) -> Mapping[str, Mapping[str, list[Cell]]]:
    """The tables as plain data by name."""
    return {table.name: table.columns for table in tables_}
