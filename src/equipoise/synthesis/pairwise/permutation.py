"""Permutation tests of a meta-regression: how often would chance order the moderators as well as they stand?

The rows of the design matrix are reassigned to the studies (for a mean alone: the signs of the estimates are turned)
and τ² estimated anew each time (Higgins & Thompson 2004, Statistics in Medicine 23:1663; Good 2009).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import factorial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import DataError
from equipoise.frames import make_frame
from equipoise.synthesis.pairwise.refits import refit
from equipoise.synthesis.pairwise.regression import MetaRegression
from equipoise.synthesis.pairwise.tables import number, p_cell, p_value, table

FloatArray = NDArray[np.float64]

_TIE = 1.5e-8
"""Statistics closer than this count as equal (the square root of double precision, as in metafor)."""


@dataclass(frozen=True, slots=True)
class PermutationTest:
    """Two-sided permutation p-values of the coefficients, and of the omnibus test of moderators.

    ``exact`` says that all ``permutations`` distinct arrangements were used; otherwise they were drawn at random, the
    data's own among them. ``statistics`` (permutations, p) and ``omnibus`` (permutations,) are the distributions.
    """

    names: tuple[str, ...]
    observed: FloatArray
    p_value: FloatArray
    omnibus_p: float
    exact: bool
    permutations: int
    statistics: FloatArray
    omnibus: FloatArray

    def to_frame(self) -> Any:
        """One row a coefficient."""
        return make_frame({"term": list(self.names), "statistic": self.observed, "p_value": self.p_value})

    def summary(self) -> str:
        """The test as text."""
        kind = "all" if self.exact else "random"
        rows = [
            [name, number(t), p_cell(p)] for name, t, p in zip(self.names, self.observed, self.p_value, strict=True)
        ]
        return "\n".join(
            [
                f"Permutation test ({self.permutations} permutations, {kind})",
                f"Test of moderators: p {p_value(self.omnibus_p)}",
                table(["", "statistic", "p"], rows),
            ]
        )


def permutation_test(
    fit: MetaRegression,
    *,
    permutations: int = 10_000,
    exact: bool | None = None,
    seed: int | np.random.Generator = 0,
) -> PermutationTest:
    """Test a fitted meta-regression by permutation.

    All arrangements are used when there are at most ``permutations`` of them, or when ``exact`` is True; otherwise
    that many are drawn with ``seed``, the first being the data as they are. Raises ``DataError`` when an exact test
    would need more than ten million fits.
    """
    X, y, v = fit.design.X, fit.estimates, fit.variances
    k = len(y)
    _, kind, sizes = np.unique(X, axis=0, return_inverse=True, return_counts=True)
    kind = kind.ravel()
    total = 2**k if fit.design.intercept_only else factorial(k)
    if not fit.design.intercept_only:
        for size in sizes:
            total //= factorial(int(size))
    if exact is None:
        exact = total <= permutations
    if exact and total > 10_000_000:
        raise DataError(f"an exact test needs {total:.3g} fits; set exact=False to draw arrangements at random")
    rng = np.random.default_rng(seed)
    statistics, omnibus = [], []
    tested = list(fit.design.tested)
    for ys, vs in _arrangements(y, v, fit, kind, exact, total if exact else permutations, rng):
        fits = refit(ys, vs, X, method=fit.method, ci=fit.ci_method, tau2=fit.tau2 if fit.tau2_fixed else None)
        statistics.append(fits.coefficients / fits.se)
        part = fits.coefficients[:, tested]
        spread = fits.covariance[:, tested][:, :, tested]
        omnibus.append(np.einsum("ni,ni->n", part, np.linalg.solve(spread, part[:, :, None])[:, :, 0]))
    t, q = np.concatenate(statistics), np.concatenate(omnibus)
    scale = len(tested) if not np.isnan(fit.moderator_test.df2) else 1
    return PermutationTest(
        names=fit.names,
        observed=fit.statistic,
        p_value=np.mean(np.abs(t) >= np.abs(fit.statistic) - _TIE, axis=0),
        omnibus_p=float(np.mean(q / scale >= fit.moderator_test.statistic - _TIE)),
        exact=bool(exact),
        permutations=len(t),
        statistics=t,
        omnibus=q / scale,
    )


def _arrangements(
    y: FloatArray,
    v: FloatArray,
    fit: MetaRegression,
    kind: NDArray[np.intp],
    exact: bool,
    total: int,
    rng: np.random.Generator,
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Blocks of rearranged estimates and variances against the design as it stands."""
    k, block = len(y), 8192
    if fit.design.intercept_only:
        for start in range(0, total, block):
            size = min(block, total - start)
            if exact:
                bits = (np.arange(start, start + size)[:, None] >> np.arange(k)) & 1
            else:
                bits = rng.integers(0, 2, (size, k))
                if start == 0:
                    bits[0] = 0
            yield y * (1.0 - 2.0 * bits), np.broadcast_to(v, (size, k))
        return
    if exact:
        # Where each kind of row sits, in order: an arrangement of kinds says which study gets which row.
        home = np.argsort(kind, kind="stable")
        for labels in _distinct(np.sort(kind), block):
            order = np.empty_like(labels)
            np.put_along_axis(order, np.broadcast_to(home, labels.shape), np.argsort(labels, axis=1, kind="stable"), 1)
            yield y[order], v[order]
        return
    for start in range(0, total, block):
        size = min(block, total - start)
        order = rng.permuted(np.tile(np.arange(k), (size, 1)), axis=1)
        if start == 0:
            order[0] = np.arange(k)
        yield y[order], v[order]


def _distinct(labels: NDArray[np.intp], block: int) -> Iterator[NDArray[np.intp]]:
    """All distinct orders of sorted labels, in blocks, by the next-permutation rule."""
    current = labels.copy()
    rows: list[NDArray[np.intp]] = []
    while True:
        rows.append(current.copy())
        if len(rows) == block:
            yield np.array(rows)
            rows = []
        falls = np.flatnonzero(current[:-1] < current[1:])
        if not falls.size:
            break
        pivot = falls[-1]
        swap = np.flatnonzero(current > current[pivot])
        swap = swap[swap > pivot][-1]
        current[pivot], current[swap] = current[swap], current[pivot]
        current[pivot + 1 :] = current[pivot + 1 :][::-1]
    if rows:
        yield np.array(rows)
