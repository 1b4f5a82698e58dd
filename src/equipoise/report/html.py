"""The article as one HTML page: a pure function of the answer, complete in itself.

The page loads nothing: style and script are in it, named by their hashes in its content security policy. Without
the script each sentence's mark leads to a note, the note to entries of the evidence register at the end of the page;
the script shows the same entries in a panel beside the sentence.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from equipoise.report import links, names, numerals
from equipoise.report.answer import Answer, ForestPlot, Ground, NetworkGraph, StudyCard, Table
from equipoise.report.drawing import forest, network
from equipoise.report.notes import Notes
from equipoise.report.register import Register

_TEMPLATES = Path(__file__).parent / "templates"

RESERVED = ("top", "summary", "key-points", "lines-of-evidence", "evidence-register", "panel")
"""Anchors of the page's own parts; a section of the answer with such an id gets ``section-`` before it."""

_PREFIXES = frozenset({"result", "study", "row", "rule", "path", "note", "cite", "plot", "title"})


def render(answer: Answer) -> str:
    """The whole page. The same answer always gives the same page."""
    style, script = _asset("style.css"), _asset("script.js")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            answer=answer,
            register=Register(answer),
            notes=Notes(),
            style=Markup(style),
            script=Markup(script),
            policy=policy,
        )
    )


def section_anchor(section_id: str) -> str:
    """A section's anchor: its id, made safe, and never one of the page's own."""
    name = links.anchor("section", section_id)
    bare = name.removeprefix("section-")
    taken = bare in RESERVED or bare.split("-")[0] in _PREFIXES
    return name if taken else bare


def ground_anchor(ground: Ground) -> str:
    return links.anchor(ground.kind, ground.id)


def crowded(table: Table) -> bool:
    """Whether some cell would be more than about nine lines high, so that columns can't be read."""
    longest = max((sum(len(said.text) for said in cell) for row in table.rows for cell in row.cells), default=0)
    return len(table.columns) > 4 and longest > 900 / len(table.columns)


def study_label(study: StudyCard) -> str:
    return study.label or study.id


def draw_forest(plot: ForestPlot, name: str, layout: forest.Layout) -> Markup:
    return Markup(forest.draw(plot, name, layout))


def draw_network(graph: NetworkGraph, name: str, layout: network.Layout) -> Markup:
    return Markup(network.draw(graph, name, layout))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "anchor": links.anchor,
        "ground_anchor": ground_anchor,
        "section_anchor": section_anchor,
        "crowded": crowded,
        "study_label": study_label,
        "comparison": names.comparison,
        "rating": names.rating,
        "web_address": links.web_address,
        "doi": links.doi,
        "pmid": links.pmid,
        "registry": links.registry,
        "numerals": numerals,
        "draw_forest": draw_forest,
        "draw_network": draw_network,
        "kinds": names.KINDS,
        "measures": names.MEASURES,
        "certainty_steps": names.CERTAINTY_STEPS,
    }
    return environment


@cache
def _asset(name: str) -> str:
    return _TEMPLATES.joinpath(name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
