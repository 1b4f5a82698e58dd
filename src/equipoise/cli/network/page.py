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
from equipoise.cli.network.tables import Cell, ResultTable
from equipoise.figures.network import scale
from equipoise.figures.network.league import league_html
from equipoise.synthesis.network.tables import RATIO_MEASURES, p_value

LARGE = 900.0
"""Figures wider than this (points) are scrolled, not shrunk to the page."""


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a section; ``kind`` says which of the other fields are used."""

    kind: Literal["text", "warning", "list", "facts", "figure", "markup", "table", "code"]
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
    code: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the page."""

    id: str
    title: str
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
        sections=_sections(analysis, facts, warnings, figures, summary, script),
        colophon=f"SHA-256 of the table analysed: {sha256}",
    )


def _sections(
    analysis: Analysis,
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
    sections = [
        Section("data", "What was analysed", data),
        Section("network", "The network", drawn.get("network", [])),
        Section(
            "effects",
            "Effects against the reference",
            [*drawn.get("effects", []), _heterogeneity(analysis), _effects(analysis)],
        ),
        Section(
            "league",
            "League table",
            [
                Block(
                    "markup",
                    "League table",
                    markup=Markup(league_html(analysis.league, smaller_is_better=analysis.settings.smaller_is_better)),
                ),
                Block(
                    "text",
                    "Lower triangle: network estimates; upper triangle: direct estimates. The picture of the table is in "
                    "the folder figures, the table for word processors and spreadsheets in the folder tables.",
                ),
            ],
        ),
        Section("ranking", "Ranking", [*_ranking_notes(analysis), *drawn.get("ranking", []), _ranking(analysis)]),
        Section(
            "inconsistency",
            "Heterogeneity and inconsistency",
            [_consistency(analysis), *drawn.get("inconsistency", []), *_split(analysis)],
        ),
        Section(
            "contributions",
            "Contributions",
            [
                Block("text", "How much of every estimate rests on each direct comparison; each row adds up to 100 %."),
                *drawn.get("contributions", []),
            ],
        ),
        Section("small-studies", "Small-study effects", [*_funnel(analysis), *drawn.get("small-studies", [])]),
        Section(
            "reproduce",
            "Run it again",
            [
                Block(
                    "text",
                    "analysis.py in this folder repeats the analysis from data.csv; results.json holds every number.",
                ),
                Block("code", "analysis.py", code=script),
                Block("code", "summary.txt", code=summary),
            ],
        ),
    ]
    return [section for section in sections if section.blocks]


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
    )


def _ranking_notes(analysis: Analysis) -> list[Block]:
    better = "smaller" if analysis.settings.smaller_is_better else "larger"
    text = f"Ranked with {better} values as better."
    if len(analysis.network.subnetworks) > 1:
        text += " Treatments are ranked within each subnetwork."
    if analysis.ranking.error > 0:
        text += f" Rank probabilities are integrated numerically, standard error at most {analysis.ranking.error:.1g}."
    return [Block("text", text + " A rank says nothing about how large or how sure a difference is.")]


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
    return Block("table", "Ranking", head=head, rows=rows, words=("Treatment",), file="tables/ranking.csv")


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
