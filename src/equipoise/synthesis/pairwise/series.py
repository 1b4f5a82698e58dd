"""A pooled effect over a series of sets of studies: without each one, or with one more each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, ndtri, stdtrit

from equipoise.frames import make_frame
from equipoise.synthesis.pairwise.refits import Refits
from equipoise.synthesis.pairwise.regression import two_sided
from equipoise.synthesis.pairwise.tables import number, p_cell, table

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class PooledSeries:
    """Pooled effects, one a row; ``rows`` name what distinguishes each (e.g. the study left out).

    Arrays (n,): ``k`` studies, ``estimate``, ``se``, ``statistic``, ``df`` (NaN: normal distribution), ``p_value``,
    ``ci`` (n, 2), heterogeneity ``q`` with ``q_p``, ``tau2``, ``i2`` (per cent), ``h2``. NaN where a set of studies
    is too small for what was asked.
    """

    title: str
    method: str
    ci_method: str
    level: float
    rows: tuple[str, ...]
    k: NDArray[np.int64]
    estimate: FloatArray
    se: FloatArray
    statistic: FloatArray
    df: FloatArray
    p_value: FloatArray
    ci: FloatArray
    q: FloatArray
    q_p: FloatArray
    tau2: FloatArray
    i2: FloatArray
    h2: FloatArray

    def to_frame(self) -> Any:
        """One row a set of studies."""
        return make_frame(
            {
                "study": list(self.rows),
                "k": self.k,
                "estimate": self.estimate,
                "se": self.se,
                "statistic": self.statistic,
                "p_value": self.p_value,
                "ci_low": self.ci[:, 0],
                "ci_high": self.ci[:, 1],
                "q": self.q,
                "q_p": self.q_p,
                "tau2": self.tau2,
                "i2": self.i2,
                "h2": self.h2,
            }
        )

    def summary(self) -> str:
        """The series as a table."""
        lines = [
            [name, number(b), number(low), number(high), p_cell(p), number(t), number(i, 1)]
            for name, b, (low, high), p, t, i in zip(
                self.rows, self.estimate, self.ci, self.p_value, self.tau2, self.i2, strict=True
            )
        ]
        header = [self.title, "estimate", "ci.low", "ci.high", "p", "τ²", "I² %"]
        return table(header, lines)

    def __str__(self) -> str:
        return self.summary()


def pooled_series(
    fits: Refits, title: str, rows: tuple[str, ...], k: NDArray[np.int64], method: str, ci: str, level: float
) -> PooledSeries:
    """Tests and intervals of batched fits of a mean."""
    estimate, se = fits.coefficients[:, 0], fits.se[:, 0]
    df = np.where(k > 1, k - 1.0, np.nan) if ci != "z" else np.full(len(k), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        statistic = estimate / se
    upper = (1 + level) / 2
    half = np.where(np.isnan(df), ndtri(upper), stdtrit(np.where(np.isnan(df), 1.0, df), upper)) * se
    normal, t = two_sided(statistic, float("nan")), np.full(len(k), np.nan)
    for freedom in np.unique(df[~np.isnan(df)]):
        t = np.where(df == freedom, two_sided(statistic, float(freedom)), t)
    return PooledSeries(
        title=title,
        method=method,
        ci_method=ci,
        level=level,
        rows=rows,
        k=k,
        estimate=estimate,
        se=se,
        statistic=statistic,
        df=df,
        p_value=np.where(np.isnan(df), normal, t),
        ci=np.column_stack([estimate - half, estimate + half]),
        q=fits.qe,
        q_p=np.where(k > 1, chdtrc(np.maximum(k - 1, 1), fits.qe), np.where(np.isnan(fits.qe), np.nan, 1.0)),
        tau2=fits.tau2,
        i2=fits.i2,
        h2=fits.h2,
    )
