"""Causal paths from a treatment to a condition, joined from signed statements, and how well each link is supported.

A statement says that a subject increases or decreases (blocks, inhibits, …) an object. Statements with the same
subject, object and sign make one link; links join where an object is the next link's subject (by their concepts).
Statements that a source tested and did not find, or found the other way, stay attached to the link that they oppose.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from equipoise.review.model import Mechanism

SIGNS = {
    "increases": 1,
    "activates": 1,
    "decreases": -1,
    "inhibits": -1,
    "blocks": -1,
    "prevents": -1,
    "binds": 0,
}
"""What a relation does to its object; `binds` says nothing about the direction and starts no path."""

OPPOSING = frozenset({"contradicts", "null-result"})
UNPROVEN = frozenset({"hypothesis", "second-hand"})


@dataclass(frozen=True, slots=True)
class Link:
    """One step: the statements that support it, oppose it, or only propose it."""

    subject: str
    sign: int
    object: str
    supporting: tuple[Mechanism, ...]
    opposing: tuple[Mechanism, ...]
    unproven: tuple[Mechanism, ...]

    @property
    def relation(self) -> str:
        return "increases" if self.sign > 0 else "decreases"

    @property
    def standing(self) -> str:
        """`supported`, `disputed`, `proposed` or `opposed`."""
        if self.supporting:
            return "disputed" if self.opposing else "supported"
        return "proposed" if self.unproven else "opposed"


@dataclass(frozen=True, slots=True)
class Path:
    """A chain of links; ``sign`` is the product of theirs (-1: would reduce the last object)."""

    links: tuple[Link, ...]

    @property
    def sign(self) -> int:
        sign = 1
        for link in self.links:
            sign *= link.sign
        return sign

    @property
    def standing(self) -> str:
        """The weakest link's: a chain with one link opposed is opposed, with one only proposed is proposed."""
        standings = {link.standing for link in self.links}
        return next(s for s in ("opposed", "proposed", "disputed", "supported") if s in standings)


def links(statements: Iterable[Mechanism], treatments: Iterable[str]) -> tuple[Link, ...]:
    """The statements joined into links; subjects that are one of ``treatments`` are called by the first of them."""
    names = tuple(treatments)
    grouped: dict[tuple[str, int, str], list[Mechanism]] = {}
    for statement in statements:
        sign = SIGNS[statement.relation]
        if not sign:
            continue
        if statement.intervention and statement.intervention in names:
            subject = names[0]
        else:
            subject = statement.subject_concept or statement.subject
        grouped.setdefault((subject, sign, statement.object_concept or statement.object), []).append(statement)
    return tuple(
        Link(
            subject=subject,
            sign=sign,
            object=object_,
            supporting=tuple(s for s in group if s.status == "supports"),
            opposing=tuple(s for s in group if s.status in OPPOSING),
            unproven=tuple(s for s in group if s.status in UNPROVEN),
        )
        for (subject, sign, object_), group in grouped.items()
    )


def paths(
    statements: Sequence[Mechanism], treatments: Sequence[str], targets: Sequence[str], longest: int = 4
) -> tuple[Path, ...]:
    """Every path from the treatment to one of the target concepts with at most ``longest`` links.

    ``treatments`` are the names that count as the treatment (the first is how it is called). Direct statements about
    the treatment and a target are paths of one link. Shorter and better supported paths come first.
    """
    following: dict[str, list[Link]] = {}
    for link in links(statements, treatments):
        following.setdefault(link.subject, []).append(link)
    goals = set(targets)
    found: list[Path] = []
    unfinished: list[tuple[Link, ...]] = [(link,) for link in following.get(treatments[0], [])]
    while unfinished:
        chain = unfinished.pop()
        if chain[-1].object in goals:
            found.append(Path(chain))
            continue
        if len(chain) == longest:
            continue
        visited = {treatments[0], *(link.object for link in chain)}
        unfinished.extend((*chain, link) for link in following.get(chain[-1].object, []) if link.object not in visited)
    rank = {"supported": 0, "disputed": 1, "proposed": 2, "opposed": 3}
    return tuple(
        sorted(found, key=lambda path: (len(path.links), rank[path.standing], [link.object for link in path.links]))
    )
