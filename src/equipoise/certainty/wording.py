"""GRADE's informative statements: the words for a certainty and a size of effect.

After Santesso et al., GRADE guidelines 26, J Clin Epidemiol 2020;119:126-135 (table of statements). The words come
from two choices only, so that no sentence can say more than the rating allows.
"""

from __future__ import annotations

from typing import Literal

Level = Literal["high", "moderate", "low", "very low"]
Size = Literal["large", "moderate", "small", "trivial"]

LEVELS: tuple[Level, ...] = ("high", "moderate", "low", "very low")


def informative_statement(
    treatment: str, outcome: str, level: Level, size: Size, increases: bool, plural: bool = False
) -> str:
    """One sentence without its full stop, e.g. `X probably reduces Y slightly`.

    ``increases`` is the direction in which the treatment moves the outcome's value, not whether that is good;
    ``plural`` says that the treatment's name takes a plural verb.
    """
    if level == "very low":
        return f"The evidence is very uncertain about the effect of {treatment} on {outcome}"
    may = {"high": "", "moderate": "probably ", "low": "may "}[level]
    singular = not (plural or may.startswith("may"))
    if size == "trivial":
        verb = "results" if singular else "result"
        return f"{treatment} {may}{verb} in little to no difference in {outcome}"
    noun = "increase" if increases else "reduction"
    if size == "large":
        verb = "results" if singular else "result"
        return f"{treatment} {may}{verb} in a large {noun} in {outcome}"
    verb = ("increase" if increases else "reduce") + ("s" if singular else "")
    slightly = " slightly" if size == "small" else ""
    return f"{treatment} {may}{verb} {outcome}{slightly}"


def lowered(start: Level, down: int) -> Level:
    """The level ``down`` steps below ``start``, not below very low."""
    return LEVELS[min(LEVELS.index(start) + down, len(LEVELS) - 1)]
