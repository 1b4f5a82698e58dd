"""What every estimator of τ² needs of P = W − WX(X′WX)⁻¹X′W, without forming the k × k matrix.

W is diagonal, so quadratic forms y′P…Py and traces tr(PDPE) with diagonal D, E cost O(kp²). Both classes evaluate
many values of τ² at once. Residuals are taken from the fitted mean rather than by expanding squares, so that
estimates far from zero lose no digits.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import DataError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


class InterceptOnly:
    """One overall mean: estimates and variances of shape (k,), or (k, n) for n analyses.

    Studies run along the first axis, so that sums over them are sums of long contiguous rows. ``present`` (k, n) is
    1 where a ragged batch has a study and 0 where it hasn't; absent studies need a finite estimate and a positive
    variance.

    The estimates are kept as deviations from the common-effect mean, and every other mean as a shift from it: where
    one study has nearly all the weight, its deviation from a rounded mean would be nothing but rounding.
    """

    p = 1

    def __init__(self, estimates: FloatArray, variances: FloatArray, present: FloatArray | None = None) -> None:
        self.variances, self.present = variances, present
        self.k: FloatArray = np.asarray(float(len(estimates))) if present is None else present.sum(axis=0)
        weights = (1.0 if present is None else present) / variances
        total = weights.sum(axis=0)
        self.centre: FloatArray = _dot(weights, estimates) / total
        self.estimates = estimates - self.centre
        self._at0: InterceptProjection | None = InterceptProjection(self.estimates, weights, self.centre, total)

    @classmethod
    def of_rows(cls, estimates: FloatArray, variances: FloatArray, present: BoolArray | None = None) -> InterceptOnly:
        """From rows of analyses: arrays (n, k), ``present`` saying which studies each has."""
        if present is None:
            return cls(np.ascontiguousarray(estimates.T), np.ascontiguousarray(variances.T))
        y, v = np.where(present.T, estimates.T, 0.0), np.where(present.T, variances.T, 1.0)
        return cls(y, v, present.T.astype(float))

    @property
    def many(self) -> bool:
        """Whether this is a batch."""
        return self.variances.ndim > 1

    def extreme_variances(self) -> tuple[FloatArray, FloatArray]:
        """The smallest and the largest sampling variance of each analysis."""
        v = self.variances
        if self.present is None:
            return v.min(axis=0), v.max(axis=0)
        here = self.present > 0
        return np.where(here, v, np.inf).min(axis=0), np.where(here, v, -np.inf).max(axis=0)

    def at(self, tau2: FloatArray | float) -> InterceptProjection:
        """P for the weights 1/(v + τ²): one τ², one for each analysis, or any number (m,) for a single analysis."""
        if self._at0 is not None and isinstance(tau2, float) and tau2 == 0.0:
            return self._at0
        if self.variances.ndim == 1 and np.ndim(tau2) == 1:
            return InterceptProjection(self.estimates[:, None], 1.0 / (self.variances[:, None] + tau2), self.centre)
        weights = self.variances + tau2
        np.divide(1.0 if self.present is None else self.present, weights, out=weights)
        return self.weighted(weights)

    def weighted(self, weights: FloatArray) -> InterceptProjection:
        """P for stated weights (0 for absent studies)."""
        return InterceptProjection(self.estimates, weights, self.centre)

    def equally(self) -> InterceptProjection:
        """P for equal weights."""
        return self.weighted(np.ones_like(self.estimates) if self.present is None else self.present)

    def take(self, columns: NDArray[np.intp]) -> InterceptOnly:
        """The analyses in ``columns``."""
        kept = InterceptOnly.__new__(InterceptOnly)
        kept.estimates, kept.variances = self.estimates[:, columns], self.variances[:, columns]
        kept.present = None if self.present is None else self.present[:, columns]
        kept.k, kept.centre = (self.k[columns] if self.k.ndim else self.k), self.centre[columns]
        kept._at0 = None
        return kept

    @property
    def log_det_design(self) -> FloatArray:
        """log det X′X, by which metafor makes restricted likelihoods comparable between designs."""
        return np.log(self.k)


class InterceptProjection:
    """P of the mean-only model for one set of weights an analysis."""

    def __init__(
        self, estimates: FloatArray, weights: FloatArray, centre: FloatArray, sum_w: FloatArray | None = None
    ) -> None:
        self.weights = weights
        self.sum_w: FloatArray = weights.sum(axis=0) if sum_w is None else sum_w
        self._estimates, self._centre = estimates, centre
        self._centred = sum_w is not None

    @cached_property
    def shift(self) -> FloatArray:
        """The mean, as a deviation from the common-effect mean."""
        return _dot(self.weights, self._estimates) / self.sum_w

    @property
    def mean(self) -> FloatArray:
        """(X′WX)⁻¹X′Wy."""
        return np.asarray(self._centre + self.shift)

    @cached_property
    def residuals(self) -> FloatArray:
        """y less the mean."""
        return self._estimates - self.shift

    @cached_property
    def _wr(self) -> FloatArray:
        weighted = self._estimates - self.shift
        weighted *= self.weights
        return weighted

    @cached_property
    def q(self) -> FloatArray:
        """y′Py, Cochran's Q when the weights are 1/v."""
        if self._centred:
            # The estimates are deviations from this very mean but for its rounding, whose square is nothing.
            return _dot3(self.weights, self._estimates)
        return _dot(self._wr, self.residuals)

    @cached_property
    def _w2(self) -> FloatArray:
        return self.weights * self.weights

    @cached_property
    def sum_w2(self) -> FloatArray:
        """tr WW."""
        return _dot(self.weights, self.weights)

    @cached_property
    def ypp(self) -> FloatArray:
        """y′PPy."""
        return _dot(self._wr, self._wr)

    @cached_property
    def yppp(self) -> FloatArray:
        """y′PPPy."""
        w2r = self.weights * self._wr
        return np.asarray(_dot(w2r, self._wr) - w2r.sum(axis=0) ** 2 / self.sum_w)

    @cached_property
    def tr_p(self) -> FloatArray:
        """tr P."""
        return self.sum_w - self.sum_w2 / self.sum_w

    @cached_property
    def tr_pp(self) -> FloatArray:
        """tr PP."""
        sum_w3 = _dot(self._w2, self.weights)
        return self.sum_w2 - 2.0 * sum_w3 / self.sum_w + (self.sum_w2 / self.sum_w) ** 2

    def trace(self, d: FloatArray) -> FloatArray:
        """tr PD for a diagonal D."""
        return _dot(self.weights, d) - _dot(self._w2, d) / self.sum_w

    def trace2(self, d: FloatArray, e: FloatArray) -> FloatArray:
        """tr PDPE for diagonal D and E."""
        w2d = self._w2 * d
        third = w2d.sum(axis=0) * _dot(self._w2, e) / self.sum_w**2
        return np.asarray(_dot(w2d, e) - 2.0 * _dot(w2d * self.weights, e) / self.sum_w + third)

    @property
    def log_det(self) -> FloatArray:
        """log det X′WX."""
        return np.log(self.sum_w)

    @property
    def log_weights(self) -> FloatArray:
        """Σ log w over the studies that are present."""
        return np.asarray(np.log(np.where(self.weights > 0, self.weights, 1.0)).sum(axis=0))

    def matrix(self) -> FloatArray:
        """P itself, k × k, for where eigenvalues are needed; one analysis."""
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
    return np.asarray((w * y) @ y if y.ndim == 1 else np.einsum("kn,kn,kn->n", w, y, y))


class Moderators:
    """A linear model for the means, X of shape (k, p); estimates and variances of shape (k,), or (…, k) for a batch
    that shares X, `present` masking the studies of each analysis.

    Raises ``DataError`` when X hasn't full column rank, or has no rows to spare.
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
