"""The cutpoints between ordered categories, summarised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from equipoise.frames import FloatArray
from equipoise.synthesis.network.tables import decimals, interval, text_table

if TYPE_CHECKING:
    from equipoise.synthesis.bayes.ordered.posterior import OrderedPosterior


@dataclass(frozen=True, slots=True, eq=False)
class Cutpoints:
    """One element a cutpoint, on the scale of η; ``category``: the one that begins there; ``lower``, ``upper``:
    equal-tailed. The first is 0 by definition. ``subnetwork``: a treatment of it, where there are several; '' otherwise.
    """

    level: float
    category: tuple[str, ...]
    subnetwork: tuple[str, ...]
    mean: FloatArray
    sd: FloatArray
    median: FloatArray
    lower: FloatArray
    upper: FloatArray

    def to_frame(self) -> Any:
        """One row a cutpoint."""
        from equipoise.frames import make_frame

        names = ("category", "subnetwork", "mean", "sd", "median", "lower", "upper")
        return make_frame({name: getattr(self, name) for name in names})

    def summary(self) -> str:
        """The table as text."""
        several = any(self.subnetwork)
        names = [f"{c} ({s})" if several else c for c, s in zip(self.category, self.subnetwork, strict=True)]
        return "Cutpoints, by the category above\n\n" + text_table(
            {
                "from": names,
                "mean": [decimals(x) for x in self.mean],
                "sd": [decimals(x) for x in self.sd],
                f"{100 * self.level:g}%-CrI": [interval(a, b) for a, b in zip(self.lower, self.upper, strict=True)],
            }
        )


def summarise(posterior: OrderedPosterior) -> Cutpoints:
    """See ``OrderedPosterior.cutpoints``."""
    tail = (1.0 - posterior.level) / 2.0
    names, places, rows = [], [], []
    for part in posterior.parts:
        z = part.evidence.cutpoints(part.points.d)
        count = z.shape[1]
        values = np.zeros((count, 5))
        if count > 1:
            found = part.distribution(z[:, 1:])
            low, middle, high = found.quantile(np.array([tail, 0.5, 1.0 - tail]))
            values[1:] = np.stack([found.mean, found.sd, middle, low, high], axis=1)
        names += list(posterior.table.categories[1:])
        several = len(posterior.parts) > 1
        places += [posterior.treatments[part.treatments[0]] if several else ""] * count
        rows.append(values)
    return Cutpoints(posterior.level, tuple(names), tuple(places), *np.concatenate(rows).T)
