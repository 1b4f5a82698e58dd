"""One thing that is wrong with a review folder, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem at one place of a review folder.

    ``row`` is the line in the file as an editor counts it (the header is line 1); None where the whole file or a
    whole column is meant. An ``error`` makes the review unusable; a ``warning`` is worth a look.
    """

    file: str
    row: int | None
    column: str | None
    value: str
    what: str
    mend: str
    severity: Severity = "error"

    @property
    def place(self) -> str:
        """``file:row:column`` with the parts that are known."""
        return ":".join(str(part) for part in (self.file, self.row, self.column) if part is not None)

    def __str__(self) -> str:
        value = f" {self.value!r}:" if self.value else ""
        return f"{self.place}:{value} {self.what}; {self.mend}"
