"""The same model fitted to many versions of the data at once: without a study, over subsets, over permutations.

Leave-one-out, cumulative analysis, influence diagnostics, GOSH and permutation tests all fit one design to a batch of
masked or rearranged studies. The batch runs through the vectorised estimators of τ² in blocks, so that memory stays
flat however many fits there are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.synthesis.pairwise.heterogeneity import solve
from equipoise.synthesis.pairwise.projection import InterceptOnly, Moderators

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

COMMON = ("CE", "FE", "EE", "IV")
_BLOCK = 1 << 20
"""Numbers in a block's largest array."""


@dataclass(frozen=True, slots=True)
class Refits:
    """n fits of a model with p coefficients.

    ``coefficients`` (n, p), ``covariance`` (n, p, p) with the Hartung–Knapp ``factor`` (n,) included, ``tau2``,
    ``qe`` (residual heterogeneity), ``df`` = k − p, ``i2`` (per cent) and ``h2``: (n,). A fit that can't be made (a
    coefficient that its studies can't tell, or no residual where τ² needs one) is NaN throughout.
    """

    coefficients: FloatArray
    covariance: FloatArray
    tau2: FloatArray
    qe: FloatArray
    df: FloatArray
    i2: FloatArray
    h2: FloatArray
    factor: FloatArray

    @property
    def se(self) -> FloatArray:
        """Standard errors, (n, p)."""
        return np.asarray(np.sqrt(np.einsum("...jj->...j", self.covariance)))


def refit(
    estimates: FloatArray,
    variances: FloatArray,
    X: FloatArray,
    present: BoolArray | None = None,
    *,
    method: str = "REML",
    ci: str = "z",
    tau2: float | None = None,
) -> Refits:
    """Fit the design ``X`` (k, p) to n versions of the data.

    ``estimates`` and ``variances`` are (k,) or (n, k), ``present`` (n, k) or None; at least one has n rows.
    ``method`` is one of `heterogeneity.METHODS` or "CE"; ``tau2`` fixes it. ``ci`` as in `meta_regression`.
    """
    shapes = [a.shape for a in (estimates, variances, present) if a is not None]
    n, k = np.broadcast_shapes(*shapes)
    parts: list[Refits] = []
    rows = max(1, _BLOCK // (k * X.shape[1] ** 2))
    for start in range(0, n, rows):
        block = slice(start, min(start + rows, n))
        size = (block.stop - block.start, k)
        y, v = (np.broadcast_to(a[block] if a.ndim == 2 else a, size) for a in (estimates, variances))
        parts.append(_block(y, v, X, None if present is None else present[block], method, ci, tau2))
    if len(parts) == 1:
        return parts[0]
    return Refits(*(np.concatenate([getattr(part, name) for part in parts]) for name in Refits.__slots__))


def _block(
    y: FloatArray, v: FloatArray, X: FloatArray, present: BoolArray | None, method: str, ci: str, tau2: float | None
) -> Refits:
    n, (k, p) = len(y), X.shape
    common = method in COMMON
    possible = np.full(n, k >= p)
    if present is not None:
        possible = present.sum(axis=1) >= p
        if p > 1:
            basis = np.linalg.qr(X)[0]
            moments = np.swapaxes(basis * present[:, :, None], 1, 2) @ basis
            possible &= np.linalg.eigvalsh(moments)[:, 0] > 1e-10
    count = np.full(n, k) if present is None else present.sum(axis=1)
    df = (count - p).astype(float)
    if not common and tau2 is None:
        # One study alone has no heterogeneity to show: its own estimate, as with a common effect.
        possible &= (df > 0) | ((p == 1) & (count == 1))
    if ci.startswith("hksj"):
        possible &= df > 0
    if not possible.all():
        inner = (
            _block(y[possible], v[possible], X, None if present is None else present[possible], method, ci, tau2)
            if possible.any()
            else None
        )
        return _spread(inner, possible, p, df)
    intercept_only = p == 1 and bool(np.all(X == 1))
    model = InterceptOnly.of_rows(y, v, present) if intercept_only else Moderators(y, v, X, present)
    at0 = model.at(0.0)
    if tau2 is not None:
        t2 = np.full(n, float(tau2))
    elif common:
        t2 = np.zeros(n)
    else:
        t2 = np.zeros(n)
        rest = np.flatnonzero(df > 0)
        if rest.size:
            t2[rest] = solve(method, model if rest.size == n else model.take(rest)).value
    at = model.at(t2)
    if intercept_only:
        coefficients, covariance = at.mean[:, None], (1 / at.sum_w)[:, None, None]  # type: ignore[union-attr]
    else:
        coefficients, covariance = at.coefficients, at.covariance  # type: ignore[union-attr]
    factor = np.ones(n)
    if ci.startswith("hksj"):
        factor = at.q / df
        if ci == "hksj-floored":
            factor = np.maximum(factor, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        qe = np.where(df > 0, at0.q, 0.0)
        if common:
            i2 = np.where(qe > 0, np.maximum(0.0, 100 * (qe - df) / qe), 0.0)
            h2 = np.where(df > 0, qe / df, 1.0)
        else:
            typical = df / at0.tr_p
            i2 = np.where(df > 0, 100 * t2 / (t2 + typical), 0.0)
            h2 = np.where(df > 0, 1 + t2 / typical, 1.0)
    return Refits(coefficients, covariance * factor[:, None, None], t2, qe, df, i2, h2, factor)


def _spread(inner: Refits | None, possible: BoolArray, p: int, df: FloatArray) -> Refits:
    n = len(possible)

    def full(name: str, shape: tuple[int, ...]) -> FloatArray:
        out = np.full((n, *shape), np.nan)
        if inner is not None:
            out[possible] = getattr(inner, name)
        return out

    return Refits(
        coefficients=full("coefficients", (p,)),
        covariance=full("covariance", (p, p)),
        tau2=full("tau2", ()),
        qe=full("qe", ()),
        df=df,
        i2=full("i2", ()),
        h2=full("h2", ()),
        factor=full("factor", ()),
    )
