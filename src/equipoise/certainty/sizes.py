"""How large an effect is, against the smallest difference that matters.

Bands for standardised differences follow Cohen 1988 (0.2, 0.5, 0.8 standard deviations; Cochrane Handbook 15.5.3.1).
For ratios GRADE gives two limits: beyond 1.25 an effect is appreciable (guidelines 6), beyond 2 it is large
(guidelines 9); there is no "small" between them. The review's smallest important difference replaces the first limit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from equipoise.certainty.wording import Size

RATIOS = frozenset({"OR", "RR", "ROM", "IRR", "HR"})


@dataclass(frozen=True, slots=True)
class Bands:
    """Limits on the analysis scale (logged for ratios): below ``small`` the difference is trivial."""

    small: float
    moderate: float
    large: float

    def size(self, estimate: float) -> Size:
        """The band of an estimate on the analysis scale."""
        distance = abs(estimate)
        if distance < self.small:
            return "trivial"
        if distance < self.moderate:
            return "small"
        return "moderate" if distance < self.large else "large"


def bands(measure: str, smallest_important_difference: float | None) -> Bands | None:
    """The bands for a measure; None where the review states no smallest important difference and the scale has none.

    ``smallest_important_difference`` is on the natural scale: a difference, or a ratio above 1.
    """
    sid = smallest_important_difference
    if measure in RATIOS:
        small = math.log(sid or 1.25)
        return Bands(small, small, max(math.log(2.0), 2 * small))
    if measure == "SMD":
        small = sid or 0.2
        return Bands(small, max(0.5, 1.5 * small), max(0.8, 2 * small))
    return Bands(sid, 2.5 * sid, 4 * sid) if sid else None
