"""What is done about zero cells before a measure is computed: metafor's `add`, `to` and `drop00`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import DataError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

TO = ("only0", "all", "if0all", "none")


@dataclass(frozen=True, slots=True)
class ZeroCells:
    """A policy for zero cells, metafor's default.

    ``add`` is added to every cell of the studies that have a zero (``to="only0"``), of all studies (``"all"``), of
    all studies if any has a zero (``"if0all"``), or of none (``"none"``). ``drop00`` leaves out studies with no
    events, or nothing but events, in both groups; otherwise they keep the value that the addition gives.
    """

    add: float = 0.5
    to: str = "only0"
    drop00: bool = False

    def __post_init__(self) -> None:
        if self.to not in TO:
            raise DataError(f"zero cells: to={self.to!r} isn't known; say one of {', '.join(TO)}")
        if not np.isfinite(self.add) or self.add < 0:
            raise DataError(f"zero cells: add={self.add!r}; a number of 0 or more is needed")

    def changed(self, cells: tuple[FloatArray, ...]) -> BoolArray:
        """Which studies get ``add``, given each cell's counts over studies."""
        zero = np.zeros(cells[0].shape, dtype=bool)
        for cell in cells:
            zero |= cell == 0
        if self.to == "only0":
            mask = zero
        elif self.to == "all":
            mask = np.ones_like(zero)
        elif self.to == "if0all":
            mask = np.full_like(zero, bool(zero.any()))
        else:
            mask = np.zeros_like(zero)
        return mask if self.add > 0 else np.zeros_like(mask)

    def dropped(self, cells: tuple[FloatArray, ...]) -> BoolArray:
        """Which studies are left out, given (a, b, c, d) or, for rates, (events in group 1, events in group 2)."""
        if not self.drop00:
            return np.zeros(cells[0].shape, dtype=bool)
        if len(cells) == 4:
            a, b, c, d = cells
            return np.asarray(((a == 0) & (c == 0)) | ((b == 0) & (d == 0)))
        if len(cells) == 2:
            return np.asarray((cells[0] == 0) & (cells[1] == 0))
        return np.zeros(cells[0].shape, dtype=bool)
