"""Do the decisions of review.toml fit the tables: outcomes, references, and the rows that remarks rest on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from equipoise.review.model import Analysis, Remark, Review
from equipoise.review.nearest import Words
from equipoise.review.problem import Problem, Severity
from equipoise.review.protocol import FILE
from equipoise.review.references import Sheets
from equipoise.review.selection import SelectorError, parse_selector, select, why_nothing
from equipoise.review.toml_lines import Place, TomlLines
from equipoise.review.vocabulary import MEASURES_OF


@dataclass(frozen=True, slots=True)
class _At:
    """One table of review.toml."""

    lines: TomlLines
    table: str
    number: int

    def problem(self, key: str, value: str, what: str, mend: str, severity: Severity = "error") -> Problem:
        place: Place = (self.table, self.number, key)
        return Problem(FILE, self.lines.line(*place, holding=value), key, value, what, mend, severity)


def check_decisions(review: Review, sheets: Sheets, lines: TomlLines) -> Iterator[Problem]:
    """Every decision that names what the tables don't hold."""
    yield from _analyses(review, sheets, lines)
    protocol = review.protocol
    nodes = Words(sheets.known("interventions", "node"))
    for table, remarks in (
        ("background", protocol.background),
        ("conflict", protocol.conflicts),
        ("gap", protocol.gaps),
    ):
        for number, remark in enumerate(remarks):
            yield from _remark(review, sheets, remark, _At(lines, table, number), nodes)


def _analyses(review: Review, sheets: Sheets, lines: TomlLines) -> Iterator[Problem]:
    types = dict(zip(sheets.column("outcomes", "outcome"), sheets.column("outcomes", "type"), strict=True))
    outcomes, nodes = Words(types), Words(sheets.known("interventions", "node"))
    reported = sheets.known("arms", "outcome") | sheets.known("contrasts", "outcome")
    seen: set[tuple[str, str]] = set()
    primary, said = 0, False
    for number, analysis in enumerate(review.protocol.analyses):
        at = _At(lines, "analysis", number)
        if (analysis.outcome, analysis.measure) in seen:
            yield at.problem("outcome", analysis.outcome, "the same analysis is asked for twice", "delete one of them")
        seen.add((analysis.outcome, analysis.measure))
        if sheets.unknown("outcomes", "outcome", [analysis.outcome]):
            mend = outcomes.did_you_mean(analysis.outcome, "add it to outcomes.csv, or correct it")
            yield at.problem("outcome", analysis.outcome, "unknown outcome", mend)
        elif sheets.is_whole("arms") and sheets.is_whole("contrasts"):
            yield from _unsuited(analysis, at, types.get(analysis.outcome, ""), reported)
        if sheets.unknown("interventions", "node", [analysis.reference]):
            stated = lines.states("analysis", number, "reference")
            mend = nodes.did_you_mean(analysis.reference, "name the node that the treatments are compared with")
            what = "the reference is no treatment's node" + (
                "" if stated else " (placebo unless reference = … says else)"
            )
            yield at.problem("reference", analysis.reference, what, mend)
        primary += analysis.primary
        said |= lines.states("analysis", number, "primary")
        if analysis.primary and primary > 1:
            yield at.problem("primary", "true", "a second analysis is primary", "keep primary = true in one of them")
    if review.protocol.analyses and not primary and not said:
        mend = "write primary = true in the analysis that answers the question"
        yield Problem(FILE, lines.line("analysis"), "primary", "", "no analysis is primary", mend, "warning")


def _unsuited(analysis: Analysis, at: _At, type_: str, reported: set[str]) -> Iterator[Problem]:
    suited = MEASURES_OF.get(type_, ())
    if suited and analysis.measure not in suited:
        what = f"{analysis.measure} doesn't measure a {type_} outcome"
        yield at.problem("measure", analysis.measure, what, f"use {' or '.join(suited)}")
    if analysis.outcome not in reported:
        what = "no row of arms.csv or contrasts.csv reports this outcome"
        yield at.problem("outcome", analysis.outcome, what, "add the results, or delete the analysis", "warning")


def _remark(review: Review, sheets: Sheets, remark: Remark, at: _At, nodes: Words) -> Iterator[Problem]:
    for about in remark.about:
        if about != "condition" and sheets.unknown("interventions", "node", [about]):
            mend = nodes.did_you_mean(about, "write “condition” or a node of interventions.csv")
            yield at.problem("about", about, "neither “condition” nor a treatment's node", mend)
    for ground in remark.grounds:
        try:
            selector = parse_selector(ground)
            found = select(review, ground) or not sheets.is_whole(selector.table)
        except SelectorError as error:
            yield at.problem("grounds", ground, error.what, error.mend)
            continue
        if not found:
            yield at.problem("grounds", ground, *why_nothing(review, ground))
        elif selector.table == "set_aside":
            mend = "rest the sentence on rows that are part of the review"
            yield at.problem("grounds", ground, "what is set aside can't be a ground", mend)
