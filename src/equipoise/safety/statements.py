"""Safety statements about a treatment in the order in which a person needs them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from equipoise.review.model import SafetyStatement

KINDS = {
    "contraindication": "Who should not take it",
    "boxed-warning": "Boxed warning",
    "interaction": "Interactions",
    "adverse-effect": "Side effects",
    "dose-limit": "Dose limits",
    "monitoring": "What to monitor",
}
"""Kinds of statement in reading order, with their headings."""

_SEVERITY = {"major": 0, "moderate": 1, "minor": 2, "": 3}


def about(statements: Iterable[SafetyStatement], substances: Sequence[str]) -> tuple[SafetyStatement, ...]:
    """The statements about any of the substances, by kind, then severity, then as the table has them."""
    order = list(KINDS)
    mine = [statement for statement in statements if statement.substance in substances]
    return tuple(sorted(mine, key=lambda s: (order.index(s.kind), _SEVERITY[s.severity], s.line)))


def headlines(statements: Sequence[SafetyStatement], most: int = 5) -> tuple[SafetyStatement, ...]:
    """The statements to read first: contraindications and boxed warnings, then whatever else is of major severity."""
    first = [s for s in statements if s.kind in {"contraindication", "boxed-warning"}]
    major = [s for s in statements if s.severity == "major" and s not in first]
    rest = [s for s in statements if s not in first and s not in major and s.kind != "monitoring"]
    return tuple((first + major)[:most] or rest[:most])
