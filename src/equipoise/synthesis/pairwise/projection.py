"""What every estimator of τ² needs of P = W − WX(X′WX)⁻¹X′W, without forming the k × k matrix.

W is diagonal, so quadratic forms y′P…Py and traces tr(PDPE) with diagonal D, E cost O(kp²). Both classes evaluate
many values of τ² at once, and lose no digits where estimates are far from zero or one study has nearly all the
weight.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import DataError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


_WIDE = 1e3
"""The ratio of variances from which the most precise study is put first; at it, sums lose three digits of sixteen."""


class InterceptOnly:
    """One overall mean: estimates and variances of shape (k,), or (k, n) for n analyses, which are rearranged in
    place.

    Studies run along the first axis, so that sums over them are sums of long contiguous rows. ``present`` (k, n) is
    1 where a ragged batch has a study and 0 where it hasn't; absent studies need a finite estimate and a positive
    variance.

    The most precise study comes first, and estimates are kept as differences from its own. Its weight is the largest
    whatever τ² is; where it is nearly all there is, sums that hold it lose the other studies' digits, and a residual
    from a rounded mean would be nothing but rounding. So it is held apart wherever it would cancel. In a batch, where
    looking for it would cost as much as all the rest, only the analyses that need it are rearranged.
    """

    p = 1

    def __init__(self, estimates: FloatArray, variances: FloatArray, present: FloatArray | None = None) -> None:
        self.k: FloatArray = np.asarray(float(len(estimates))) if present is None else present.sum(axis=0)
        if variances.ndim == 1:
            estimates, variances = estimates.copy(), variances.copy()
        absent = np.inf if present is None else np.where(present > 0, variances, np.inf)
        self._extremes = (
            variances.min(axis=0) if present is None else np.asarray(absent).min(axis=0),
            variances.max(axis=0) if present is None else np.where(present > 0, variances, -np.inf).max(axis=0),
        )
        self._wide: NDArray[np.intp] = np.empty(0, dtype=np.intp)
        if variances.ndim > 1:
            self._wide = np.flatnonzero(~(self._extremes[1] <= _WIDE * self._extremes[0]))
        ranked = variances if present is None else np.asarray(absent)
        self._first: NDArray[np.intp] = np.asarray(
            (ranked if ranked.ndim == 1 else ranked[:, self._wide]).argmin(axis=0)
        )
        for array in (estimates, variances, present):
            if array is not None:
                self._to_front(array)
        self.variances, self.present = variances, present
        self.centre: FloatArray = estimates[0].copy()
        self.estimates = np.subtract(estimates, self.centre, out=estimates)
        self._at0: InterceptProjection | None = None

    @classmethod
    def of_rows(cls, estimates: FloatArray, variances: FloatArray, present: BoolArray | None = None) -> InterceptOnly:
        """From rows of analyses: arrays (n, k), ``present`` saying which studies each has."""
        if present is None:
            return cls(np.array(estimates.T, order="C"), np.array(variances.T, order="C"))
        y, v = np.where(present.T, estimates.T, 0.0), np.where(present.T, variances.T, 1.0)
        return cls(y, v, present.T.astype(float))

    def _to_front(self, array: FloatArray) -> None:
        """Swap the most precise study with the first, in place."""
        if array.ndim == 1:
            array[[0, int(self._first)]] = array[[int(self._first), 0]]
        elif len(self._wide):
            moved = array[self._first, self._wide]
            array[self._first, self._wide] = array[0, self._wide]
            array[0, self._wide] = moved

    @property
    def many(self) -> bool:
        """Whether this is a batch."""
        return self.variances.ndim > 1

    def extreme_variances(self) -> tuple[FloatArray, FloatArray]:
        """The smallest and the largest sampling variance of each analysis."""
        return self._extremes

    def at(self, tau2: FloatArray | float) -> InterceptProjection:
        """P for the weights 1/(v + τ²): one τ², one for each analysis, or any number (m,) for a single analysis."""
        if isinstance(tau2, float) and tau2 == 0.0:
            if self._at0 is None:
                weights = (1.0 if self.present is None else self.present) / self.variances
                self._at0 = InterceptProjection(self.estimates, weights, self.centre)
            return self._at0
        if self.variances.ndim == 1 and np.ndim(tau2) == 1:
            return InterceptProjection(self.estimates[:, None], 1.0 / (self.variances[:, None] + tau2), self.centre)
        weights = self.variances + tau2
        np.divide(1.0 if self.present is None else self.present, weights, out=weights)
        return InterceptProjection(self.estimates, weights, self.centre)

    def weighted(self, weights: FloatArray) -> InterceptProjection:
        """P for stated weights, in the order of the estimates that were given."""
        own = weights.copy()
        self._to_front(own)
        if self.present is not None:
            own *= self.present
        return InterceptProjection(self.estimates, own, self.centre, weighty_first=False)

    def equally(self) -> InterceptProjection:
        """P for equal weights."""
        return InterceptProjection(
            self.estimates, np.ones_like(self.estimates) if self.present is None else self.present, self.centre
        )

    def take(self, columns: NDArray[np.intp]) -> InterceptOnly:
        """The analyses in ``columns``."""
        kept = InterceptOnly.__new__(InterceptOnly)
        kept.estimates, kept.variances = self.estimates[:, columns], self.variances[:, columns]
        kept.present = None if self.present is None else self.present[:, columns]
        kept.k, kept.centre = (self.k[columns] if self.k.ndim else self.k), self.centre[columns]
        kept._extremes = (self._extremes[0][columns], self._extremes[1][columns])
        kept._wide = np.flatnonzero(np.isin(columns, self._wide))
        kept._first = self._first[np.searchsorted(self._wide, columns[kept._wide])]
        kept._at0 = None
        return kept

    @property
    def log_det_design(self) -> FloatArray:
        """log det X′X, by which metafor makes restricted likelihoods comparable between designs."""
        return np.log(self.k)


class InterceptProjection:
    """P of the mean-only model for one set of weights an analysis.

    ``estimates`` are differences from the first study's. With ``weighty_first`` its weight is the largest, or not
    much smaller, by which Q = Σ wd² − Σw·shift² keeps its digits; a batch uses that shorter form.
    """

    def __init__(
        self, estimates: FloatArray, weights: FloatArray, centre: FloatArray, *, weighty_first: bool = True
    ) -> None:
        self.weights = weights
        self._rest: FloatArray = np.asarray(weights[1:].sum(axis=0))
        self.sum_w: FloatArray = weights[0] + self._rest
        self._estimates, self._centre = estimates, centre
        self._one_pass = weighty_first and estimates.ndim > 1

    @cached_property
    def shift(self) -> FloatArray:
        """The mean's difference from the first study."""
        return _dot(self.weights, self._estimates) / self.sum_w

    @property
    def mean(self) -> FloatArray:
        """(X′WX)⁻¹X′Wy."""
        return np.asarray(self._centre + self.shift)

    @cached_property
    def _wr(self) -> FloatArray:
        weighted = self._estimates - self.shift
        weighted *= self.weights
        return weighted

    @cached_property
    def _rest2(self) -> FloatArray:
        """Σ w² without the first study."""
        return _dot(self.weights[1:], self.weights[1:])

    @cached_property
    def sum_w2(self) -> FloatArray:
        """tr WW."""
        return np.asarray(self.weights[0] ** 2 + self._rest2)

    @cached_property
    def q(self) -> FloatArray:
        """y′Py, Cochran's Q when the weights are 1/v."""
        if self._one_pass:
            return np.asarray(_dot3(self.weights, self._estimates) - self.shift**2 * self.sum_w)
        return _dot(self._wr, self._estimates - self.shift)

    @cached_property
    def ypp(self) -> FloatArray:
        """y′PPy."""
        return _dot(self._wr, self._wr)

    @cached_property
    def yppp(self) -> FloatArray:
        """y′PPPy."""
        first, wr = self.weights[0], self._wr[1:]
        w2r = self.weights[1:] * wr
        moved, b = first * self.shift, w2r.sum(axis=0)  # Σ wr over the others is minus the first study's wr
        return np.asarray(_dot(w2r, wr) + (first * self._rest * moved**2 + 2.0 * first * moved * b - b**2) / self.sum_w)

    @cached_property
    def tr_p(self) -> FloatArray:
        """tr P."""
        return np.asarray(self._rest + (self._rest * self.weights[0] - self._rest2) / self.sum_w)

    @cached_property
    def tr_pp(self) -> FloatArray:
        """tr PP."""
        rest, squares = self._rest, self._rest2
        w = self.weights[1:]
        share = self.weights[0] / self.sum_w
        cubes = _dot(w * w, w)
        return np.asarray(
            squares + share**2 * (rest**2 + 2.0 * squares) + (squares / self.sum_w) ** 2 - 2.0 * cubes / self.sum_w
        )

    def trace(self, d: FloatArray) -> FloatArray:
        """tr PD for a diagonal D."""
        w, share = self.weights[1:], self.weights[0] / self.sum_w
        wd = w * d[1:]
        return np.asarray(share * self._rest * d[0] + wd.sum(axis=0) - _dot(wd, w) / self.sum_w)

    def trace2(self, d: FloatArray, e: FloatArray) -> FloatArray:
        """tr PDPE for diagonal D and E."""
        w, share = self.weights[1:], self.weights[0] / self.sum_w
        w2d, w2e = w * w * d[1:], w * w * e[1:]
        by_d, by_e = w2d.sum(axis=0), w2e.sum(axis=0)
        first = share**2 * (self._rest**2 * d[0] * e[0] + d[0] * by_e + e[0] * by_d)
        rest = _dot(w2d, e[1:]) - 2.0 * _dot(w2d * w, e[1:]) / self.sum_w + by_d * by_e / self.sum_w**2
        return np.asarray(first + rest)

    @property
    def log_det(self) -> FloatArray:
        """log det X′WX."""
        return np.log(self.sum_w)

    @property
    def log_weights(self) -> FloatArray:
        """Σ log w over the studies that are present."""
        return np.asarray(np.log(np.where(self.weights > 0, self.weights, 1.0)).sum(axis=0))

    def matrix(self) -> FloatArray:
        """P itself, k × k, for where eigenvalues are needed; one analysis, the most precise study first."""
        w = self.weights
        return np.asarray(np.diag(w) - np.outer(w, w) / self.sum_w)


def _dot(a: FloatArray, b: FloatArray) -> FloatArray:
    """Σ ab over studies."""
    if a.ndim == 1 and b.ndim == 1:
        return np.asarray(a @ b)
    if a.shape == b.shape:
        return np.asarray(np.einsum("kn,kn->n", a, b))
    return np.asarray((a * b).sum(axis=0))


def _dot3(w: FloatArray, y: FloatArray) -> FloatArray:
    """Σ wy² over studies."""
    if w.shape == y.shape:
        return np.asarray(np.einsum("kn,kn,kn->n", w, y, y))
    return np.asarray((w * y * y).sum(axis=0))


class Moderators:
    """A linear model for the means, X of shape (k, p); estimates and variances of shape (k,), or (…, k) for a batch
    that shares X, `present` masking the studies of each analysis.

    Unlike those of the plain mean, its traces lose digits in proportion to the ratio of the largest to the smallest
    variance: at 1e7, from which metafor warns, nine are left, at 1e12 four. Raises ``DataError`` when X hasn't full
    column rank, or has no rows to spare.
    """

    def __init__(
        self, estimates: FloatArray, variances: FloatArray, X: FloatArray, present: BoolArray | None = None
    ) -> None:
        if X.ndim != 2 or X.shape[0] != estimates.shape[-1]:
            raise DataError(
                f"the design matrix has shape {X.shape}; it needs one row for each of the {estimates.shape[-1]} studies"
            )
        basis, triangle = np.linalg.qr(X)
        sizes = np.abs(np.diag(triangle))
        if X.shape[1] > X.shape[0] or np.any(sizes <= 1e-10 * np.linalg.norm(X, axis=0)):
            raise DataError("the columns of the design matrix depend on each other; leave out the redundant moderators")
        self.p = X.shape[1]
        self.present = present
        if present is None:
            self.estimates, self.variances = estimates, variances
            self.k: FloatArray = np.full(estimates.shape[:-1], float(X.shape[0]))
        else:
            self.estimates = np.where(present, estimates, 0.0)
            self.variances = np.where(present, variances, 1.0)
            self.k = present.sum(axis=-1).astype(float)
        self._basis, self._triangle = basis, triangle

    @property
    def many(self) -> bool:
        """Whether this is a batch."""
        return self.variances.ndim > 1

    def extreme_variances(self) -> tuple[FloatArray, FloatArray]:
        """The smallest and the largest sampling variance of each analysis."""
        v = self.variances
        if self.present is None:
            return v.min(axis=-1), v.max(axis=-1)
        return np.where(self.present, v, np.inf).min(axis=-1), np.where(self.present, v, -np.inf).max(axis=-1)

    @property
    def log_det_design(self) -> FloatArray:
        """log det X′X over the studies that are present."""
        return self.equally().log_det

    def at(self, tau2: FloatArray | float) -> ModeratorProjection:
        """P for the weights 1/(v + τ²); `tau2` has the batch's shape, or any shape for a single analysis."""
        weights = 1.0 / (self.variances + np.asarray(tau2)[..., None])
        return self.weighted(weights if self.present is None else weights * self.present)

    def weighted(self, weights: FloatArray) -> ModeratorProjection:
        """P for stated weights."""
        return ModeratorProjection(self.estimates, weights, self._basis, self._triangle)

    def equally(self) -> ModeratorProjection:
        """P for equal weights."""
        ones = np.ones_like(self.estimates)
        return self.weighted(ones if self.present is None else ones * self.present)

    def take(self, rows: NDArray[np.intp]) -> Moderators:
        """The batch's analyses in `rows`."""
        kept = Moderators.__new__(Moderators)
        kept.estimates, kept.variances = self.estimates[rows], self.variances[rows]
        kept.present = None if self.present is None else self.present[rows]
        kept.k, kept.p = self.k[rows], self.p
        kept._basis, kept._triangle = self._basis, self._triangle
        return kept


class ModeratorProjection:
    """P of a linear model at one or several sets of weights; works in an orthonormal basis of X's columns."""

    def __init__(self, estimates: FloatArray, weights: FloatArray, basis: FloatArray, triangle: FloatArray) -> None:
        self.weights = weights
        self._basis, self._triangle = basis, triangle
        self._information = self._moment(weights)
        self._inverse = np.linalg.inv(self._information)
        gamma = np.einsum("...ij,...j->...i", self._inverse, (weights * estimates) @ basis)
        residuals = estimates - gamma @ basis.T
        # As for the mean: one step of refinement, kept in the residuals, where it is not rounded away.
        rest = np.einsum("...ij,...j->...i", self._inverse, (weights * residuals) @ basis)
        self._gamma: FloatArray = gamma + rest
        self.residuals: FloatArray = residuals - rest @ basis.T
        self._wr = weights * self.residuals

    def _moment(self, d: FloatArray) -> FloatArray:
        """Z′DZ for a diagonal D and the orthonormal basis Z."""
        return np.asarray(np.swapaxes(self._basis * d[..., None], -1, -2) @ self._basis)

    @property
    def coefficients(self) -> FloatArray:
        """(X′WX)⁻¹X′Wy, in the columns of X."""
        return np.asarray(np.linalg.solve(self._triangle, self._gamma[..., None])[..., 0], dtype=float)

    @property
    def covariance(self) -> FloatArray:
        """(X′WX)⁻¹, in the columns of X."""
        back = np.linalg.inv(self._triangle)
        return np.asarray(back @ self._inverse @ back.T)

    @cached_property
    def sum_w(self) -> FloatArray:
        """tr W."""
        return np.asarray(self.weights.sum(axis=-1))

    @cached_property
    def sum_w2(self) -> FloatArray:
        """tr WW."""
        return np.asarray((self.weights**2).sum(axis=-1))

    @cached_property
    def q(self) -> FloatArray:
        """y′Py."""
        return np.asarray((self._wr * self.residuals).sum(axis=-1))

    @cached_property
    def ypp(self) -> FloatArray:
        """y′PPy."""
        return np.asarray((self._wr**2).sum(axis=-1))

    @cached_property
    def yppp(self) -> FloatArray:
        """y′PPPy."""
        w2r = self.weights * self._wr
        moved = w2r @ self._basis
        return np.asarray(
            (w2r * self._wr).sum(axis=-1) - np.einsum("...i,...ij,...j->...", moved, self._inverse, moved)
        )

    @cached_property
    def tr_p(self) -> FloatArray:
        """tr P."""
        return self.trace(np.ones_like(self.weights))

    @cached_property
    def tr_pp(self) -> FloatArray:
        """tr PP."""
        one = np.ones_like(self.weights)
        return self.trace2(one, one)

    def trace(self, d: FloatArray) -> FloatArray:
        """tr PD for a diagonal D."""
        wd = self.weights * d
        return np.asarray(
            wd.sum(axis=-1) - np.einsum("...ij,...ji->...", self._inverse, self._moment(self.weights * wd))
        )

    def trace2(self, d: FloatArray, e: FloatArray) -> FloatArray:
        """tr PDPE for diagonal D and E."""
        w2 = self.weights**2
        first = (w2 * d * e).sum(axis=-1)
        second = np.einsum("...ij,...ji->...", self._inverse, self._moment(w2 * self.weights * d * e))
        one = self._inverse @ self._moment(w2 * d)
        other = self._inverse @ self._moment(w2 * e)
        return np.asarray(first - 2.0 * second + np.einsum("...ij,...ji->...", one, other))

    @property
    def log_det(self) -> FloatArray:
        """log det X′WX."""
        return np.asarray(np.linalg.slogdet(self._information)[1] + 2.0 * np.log(np.abs(np.diag(self._triangle))).sum())

    @property
    def log_weights(self) -> FloatArray:
        """Σ log w over the studies that are present."""
        return np.asarray(np.log(np.where(self.weights > 0, self.weights, 1.0)).sum(axis=-1))

    def matrix(self) -> FloatArray:
        """P itself, k × k, for where eigenvalues are needed."""
        w = self.weights
        moved = self._basis * w[..., None]
        diagonal = w[..., :, None] * np.eye(w.shape[-1])
        return np.asarray(diagonal - moved @ self._inverse @ np.swapaxes(moved, -1, -2))


Model = InterceptOnly | Moderators
Projection = InterceptProjection | ModeratorProjection
