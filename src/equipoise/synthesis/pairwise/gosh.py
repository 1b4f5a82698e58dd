"""GOSH: the model fitted to every subset of the studies (Olkin, Dahabreh & Trikalinos 2012, Research Synthesis
Methods 3:214). A million subsets take about a second.

Subset j holds study i where bit i of its code is set. For a mean the sums over all 2^k subsets are built by doubling:
each study is added to all subsets of those before it, by the update formula for weighted means and sums of squares,
which loses no digits.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import DataError
from equipoise.frames import make_frame
from equipoise.synthesis.measures.effect_sizes import EffectSizes
from equipoise.synthesis.pairwise import inputs
from equipoise.synthesis.pairwise.design import Design, design_matrix
from equipoise.synthesis.pairwise.refits import COMMON, refit
from equipoise.synthesis.pairwise.tables import number, table

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_BLOCK = 1 << 14


@dataclass(frozen=True)
class Gosh:
    """Fits to n subsets of k studies.

    ``members`` (n, ⌈k/8⌉) are the subsets as bits (study i is bit i mod 8 of byte i div 8); ``size`` (n,) counts
    them. ``coefficients`` (n, p), ``q``, ``i2`` (per cent), ``h2`` and ``tau2`` (n,) are the fits, NaN where a subset
    can't be fitted. ``exhaustive`` says that every non-empty subset is there, in the order of its code 1 … 2^k − 1.
    """

    studies: tuple[str, ...]
    names: tuple[str, ...]
    method: str
    exhaustive: bool
    members: NDArray[np.uint8]
    size: NDArray[np.int64]
    coefficients: FloatArray
    q: FloatArray
    i2: FloatArray
    h2: FloatArray
    tau2: FloatArray

    @property
    def estimate(self) -> FloatArray:
        """The first coefficient: the pooled effect of each subset."""
        return self.coefficients[:, 0]

    def includes(self, study: str | int) -> BoolArray:
        """Which subsets hold a study, by name or by place (from 0); its influence shows in the split."""
        if isinstance(study, str) and study not in self.studies:
            raise DataError(f"no study {study!r}; there are {', '.join(self.studies)}")
        place = self.studies.index(study) if isinstance(study, str) else int(study)
        return np.asarray((self.members[:, place // 8] >> (place % 8)) & 1, dtype=bool)

    def to_frame(self) -> Any:
        """One row a subset."""
        return make_frame(
            {
                "k": self.size,
                "q": self.q,
                "i2": self.i2,
                "h2": self.h2,
                "tau2": self.tau2,
                **{name: self.coefficients[:, j] for j, name in enumerate(self.names)},
            }
        )

    def summary(self) -> str:
        """Quartiles over the subsets."""
        rows = [
            [name, *(number(float(x)) for x in np.nanquantile(values, [0, 0.25, 0.5, 0.75, 1]))]
            for name, values in [
                *((name, self.coefficients[:, j]) for j, name in enumerate(self.names)),
                ("tau²", self.tau2),
                ("I² %", self.i2),
            ]
        ]
        kind = "all" if self.exhaustive else "random"
        return f"GOSH ({len(self.size)} {kind} subsets; {self.method})\n" + table(
            ["", "min", "q1", "median", "q3", "max"], rows
        )

    def __str__(self) -> str:
        return self.summary()


def gosh(
    estimates: ArrayLike | EffectSizes,
    variances: ArrayLike | None = None,
    X: Any = None,
    *,
    method: str = "CE",
    subsets: int = 1 << 20,
    seed: int | np.random.Generator = 0,
    studies: Sequence[Any] | None = None,
) -> Gosh:
    """Fit the model to every subset of the studies, or to ``subsets`` random ones when there are more than that.

    A random subset holds each study with probability one half (empty ones are drawn again). ``method`` as in `pool`:
    "CE" and "DL" have closed forms, the others iterate. ``X`` are moderators as in `meta_regression`.
    """
    y, v = inputs.estimates_and_variances(estimates, variances)
    k = len(y)
    if subsets < 1:
        raise DataError(f"subsets = {subsets}; at least one is needed")
    design = design_matrix(X, k)
    exhaustive = k < 63 and 2**k - 1 <= subsets
    if exhaustive:
        codes = np.arange(1, 2**k, dtype=np.int64)
        shifts = 8 * np.arange((k + 7) // 8)
        members = ((codes[:, None] >> shifts) & 255).astype(np.uint8)
        size = np.bitwise_count(codes).astype(np.int64)
    else:
        members = _random(k, subsets, np.random.default_rng(seed))
        size = np.bitwise_count(members).sum(axis=1, dtype=np.int64)
    if design.intercept_only and exhaustive and method in (*COMMON, "DL"):
        fits = _means(y, v, size, method)
    else:
        fits = _refits(y, v, design, members, method)
    return Gosh(
        studies=inputs.labels(inputs.studies_of(estimates, studies), k, "studies"),
        names=("estimate",) if design.intercept_only else design.names,
        method="CE" if method in COMMON else method,
        exhaustive=exhaustive,
        members=members,
        size=size,
        coefficients=fits[0],
        q=fits[1],
        i2=fits[2],
        h2=fits[3],
        tau2=fits[4],
    )


def _means(
    y: FloatArray, v: FloatArray, size: NDArray[np.int64], method: str
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    k = len(y)
    W, W2, mean, Q = (np.zeros(2**k) for _ in range(4))
    for i in range(k):
        old, new = slice(0, 2**i), slice(2**i, 2 ** (i + 1))
        w = 1 / v[i]
        total = W[old] + w
        gap = y[i] - mean[old]
        if i:
            Q[new] = Q[old] + W[old] * (w / total) * gap * gap
            mean[new] = mean[old] + gap * (w / total)
        # The empty subset has no mean to be moved from.
        Q[2**i], mean[2**i] = 0.0, y[i]
        W[new], W2[new] = total, W2[old] + w * w
    W, W2, mean, Q = W[1:], W2[1:], mean[1:], Q[1:]
    df = size - 1.0
    several = size > 1
    with np.errstate(invalid="ignore", divide="ignore"):
        if method in COMMON:
            i2 = np.where(Q > 0, np.maximum(0.0, 100 * (Q - df) / Q), 0.0)
            h2 = np.where(several, Q / df, 1.0)
            return mean[:, None], Q, i2, h2, np.zeros_like(Q)
        scale = W - W2 / W
        tau2 = np.where(several, np.maximum(0.0, (Q - df) / scale), 0.0)
        typical = df / scale
        i2 = np.where(several, 100 * tau2 / (tau2 + typical), 0.0)
        h2 = np.where(several, 1 + tau2 / typical, 1.0)
    estimate = mean.copy()
    moved = np.flatnonzero(tau2 > 0)
    for start in range(0, len(moved), _BLOCK):
        rows = moved[start : start + _BLOCK]
        codes, t = rows + 1, tau2[rows]
        total, shift = np.zeros(len(rows)), np.zeros(len(rows))
        for i in range(k):
            w = ((codes >> i) & 1) / (v[i] + t)
            total += w
            shift += w * (y[i] - mean[rows])
        estimate[rows] = mean[rows] + shift / total
    return estimate[:, None], Q, i2, h2, tau2


def _refits(
    y: FloatArray, v: FloatArray, design: Design, members: NDArray[np.uint8], method: str
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    n, (k, p) = len(members), design.X.shape
    coefficients = np.empty((n, p))
    q, i2, h2, tau2 = (np.empty(n) for _ in range(4))

    def fit(start: int) -> None:
        block = slice(start, start + _BLOCK)
        present = np.unpackbits(members[block], axis=1, count=k, bitorder="little").astype(bool)
        fits = refit(y, v, design.X, present, method=method)
        coefficients[block] = fits.coefficients
        q[block], i2[block], h2[block], tau2[block] = fits.qe, fits.i2, fits.h2, fits.tau2

    # NumPy lets go of the interpreter's lock in long array operations, so blocks run side by side.
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        list(pool.map(fit, range(0, n, _BLOCK)))
    return coefficients, q, i2, h2, tau2


def _random(k: int, n: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """n non-empty random subsets as bits."""
    out = np.zeros((n, (k + 7) // 8), dtype=np.uint8)
    empty = np.arange(n)
    while empty.size:
        out[empty] = rng.integers(0, 256, (empty.size, out.shape[1]), dtype=np.uint8)
        if k % 8:
            out[empty, -1] &= (1 << (k % 8)) - 1
        empty = empty[~out[empty].any(axis=1)]
    return out
