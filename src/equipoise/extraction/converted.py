"""A number that wasn't printed but follows from numbers that were, with the formula and the source of the formula."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from equipoise.errors import DataError


@dataclass(frozen=True, slots=True)
class Converted:
    """A derived number and how it came about, to be kept on the row that it is used in.

    ``inputs`` are the printed numbers by name; ``source`` the publication of the formula. ``bound`` is "" for a
    value, "at most" or "at least" when the inputs only bound it (a p-value printed as "< 0.05"). ``notes`` say what
    was assumed and what looks wrong.
    """

    value: float
    formula: str
    inputs: Mapping[str, float]
    source: str
    bound: str = ""
    notes: tuple[str, ...] = field(default=())

    def __float__(self) -> float:
        return self.value

    @property
    def provenance(self) -> str:
        """One line for the row: the value, the formula with its inputs, the source, the notes."""
        given = ", ".join(f"{name} = {value:g}" for name, value in self.inputs.items())
        text = (
            f"{f'{self.bound} ' if self.bound else ''}{self.value:.6g} = {self.formula} with {given} ({self.source})"
        )
        return "; ".join((text, *self.notes))


COCHRANE = "Cochrane Handbook 6.4"


def require(condition: bool, message: str) -> None:
    """Raises ``DataError`` with the message unless the condition holds."""
    if not condition:
        raise DataError(message)


def require_positive(**values: float) -> None:
    """Raises ``DataError`` naming the first value that isn't above 0."""
    for name, value in values.items():
        require(value > 0, f"{name} = {value:g}; it must be above 0")


def require_level(level: float) -> None:
    """Raises ``DataError`` unless the level of an interval is a probability."""
    require(0 < level < 1, f"level = {level:g}; a probability between 0 and 1 is needed, such as 0.95")
