"""Any linear model of the treatments' effects, fitted to the studies' contrasts.

Components, covariates and doses all say how the effect of an arm depends on a few parameters: the arm's effect is
its row of columns times β. A study's contrasts are differences of its arms' rows, so that the model is
y ~ N(Xβ, V + τ²R) over all studies. After the rotation of `blocks` the rows are independent with variances d + τ²,
and everything below is weighted least squares. β need not be identified: estimable functions have one value whatever
generalised inverse is used, and the others are recognised as such.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.optimize import brentq

from equipoise.errors import DataError, NotConverged
from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import Block, IntArray, Rotated, rotate
from equipoise.synthesis.network.heterogeneity import Tau2Method

ArmColumns = Callable[[Rotated], FloatArray]
"""The columns of every arm of a block: shape (k, m, p)."""

RANK_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Independent rows of all studies.

    ``study``: positions in the network, ``variances``: d, ``values``: y, each of shape (N,); ``design``: X, shape
    (N, p); ``basis``: shape (p, rank), orthonormal, the functions of β that the data identify.
    """

    study: IntArray
    variances: FloatArray
    values: FloatArray
    design: FloatArray
    basis: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class LinearFit:
    """The fit at one τ².

    ``coefficients``: shape (p,); ``covariance``: shape (p, p), a generalised inverse of XᵀWX; ``basis``: shape
    (p, rank), orthonormal, what the data identify; ``q``: weighted residual sum of squares; ``df`` = N − rank;
    ``log_determinant``: of XᵀWX on what is identified.
    """

    tau2: float
    coefficients: FloatArray
    covariance: FloatArray
    basis: FloatArray
    q: float
    df: int
    log_determinant: float

    def estimable(self, functions: FloatArray) -> NDArray[np.bool_]:
        """Whether each row of ``functions``, shape (…, p), is determined by the data."""
        outside = functions - (functions @ self.basis) @ self.basis.T
        size = np.abs(functions).max(axis=-1, initial=0.0)
        return np.asarray(np.abs(outside).max(axis=-1, initial=0.0) <= 1e-7 * np.maximum(size, 1.0))

    def estimate(self, functions: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Values and standard errors of linear functions of β, shape (…, p); NaN where not estimable."""
        known = self.estimable(functions)
        values = np.where(known, functions @ self.coefficients, np.nan)
        variances = np.einsum("...i,ij,...j->...", functions, self.covariance, functions, optimize=True)
        return values, np.where(known, np.sqrt(np.maximum(variances, 0.0)), np.nan)


def make_rows(blocks: Sequence[Block], columns: ArmColumns) -> Rows:
    """The rows of all studies in ``blocks``; ``columns`` gives each arm its row of predictors."""
    study, variances, values, design = [], [], [], []
    for block in blocks:
        rotated = rotate(block)
        contrasts = rotated.values.shape[1]
        study.append(np.repeat(rotated.studies, contrasts))
        variances.append(rotated.variances.ravel())
        values.append(rotated.values.ravel())
        made = np.matmul(rotated.coefficients, columns(rotated))
        design.append(made.reshape(-1, made.shape[-1]))
    full = np.vstack(design)
    return Rows(np.concatenate(study), np.concatenate(variances), np.concatenate(values), full, _row_space(full))


def with_design(rows: Rows, design: FloatArray) -> Rows:
    """The same rows with other columns, shape (N, p)."""
    return replace(rows, design=design, basis=_row_space(design))


def _row_space(design: FloatArray) -> FloatArray:
    """An orthonormal basis of the rows of ``design``, shape (p, rank), columns judged on their own scales."""
    scale = np.sqrt((design**2).sum(axis=0))
    scale = np.where(scale > 0, scale, 1.0)
    _, singular, right = np.linalg.svd(design / scale, full_matrices=False)
    kept = singular > RANK_TOLERANCE * float(singular.max(initial=0.0))
    basis: FloatArray = np.linalg.qr(right[kept].T * scale[:, None])[0]
    return basis


def solve_rows(rows: Rows, tau2: float = 0.0) -> LinearFit:
    """Weighted least squares with weights 1/(d + τ²)."""
    root = 1.0 / np.sqrt(rows.variances + tau2)
    orthogonal, triangle = np.linalg.qr((rows.design @ rows.basis) * root[:, None])
    values = rows.values * root
    projected = orthogonal.T @ values
    half = rows.basis @ solve_triangular(triangle, np.eye(len(triangle)))
    residuals = values - orthogonal @ projected
    return LinearFit(
        tau2=tau2,
        coefficients=half @ projected,
        covariance=half @ half.T,
        basis=rows.basis,
        q=float(residuals @ residuals),
        df=len(values) - len(triangle),
        log_determinant=2.0 * float(np.log(np.abs(np.diag(triangle))).sum()),
    )


def tau2_of_rows(rows: Rows, method: Tau2Method) -> float:
    """τ² of the model: "DL" (generalised method of moments), "REML" or "ML"; 0 without degrees of freedom."""
    common = solve_rows(rows)
    if common.df < 1:
        return 0.0
    moments = _moments(rows, common)
    if method == "DL":
        return moments
    if method in ("REML", "ML"):
        return _likelihood(rows, method == "REML", moments)
    raise DataError(f"tau² method {method!r} isn't known; choose 'REML', 'DL' or 'ML'")


def log_likelihood(rows: Rows, tau2: float, restricted: bool) -> float:
    """The (restricted) log likelihood at ``tau2``, up to a constant that doesn't depend on it."""
    fit = solve_rows(rows, tau2)
    return -0.5 * (float(np.log(rows.variances + tau2).sum()) + fit.q + (fit.log_determinant if restricted else 0.0))


def _moments(rows: Rows, common: LinearFit) -> float:
    weights = 1.0 / rows.variances
    squared = (rows.design * (weights**2)[:, None]).T @ rows.design
    divisor = float(weights.sum()) - float((common.covariance * squared).sum())
    return max(0.0, (common.q - common.df) / divisor) if divisor > 0 else 0.0


def _score(rows: Rows, tau2: float, restricted: bool) -> float:
    """The derivative of the profile log likelihood with respect to τ²."""
    fit = solve_rows(rows, tau2)
    weights = 1.0 / (rows.variances + tau2)
    residuals = rows.values - rows.design @ fit.coefficients
    trace = float(weights.sum())
    if restricted:
        squared = (rows.design * (weights**2)[:, None]).T @ rows.design
        trace -= float((fit.covariance * squared).sum())
    return 0.5 * (float(((weights * residuals) ** 2).sum()) - trace)


def _likelihood(rows: Rows, restricted: bool, moments: float) -> float:
    """The highest maximum of the profile likelihood: found on a coarse grid, then as a root of the score."""
    widest = float(rows.values.max() - rows.values.min())
    top = 4.0 * max(float(rows.variances.mean()), moments, widest**2)
    grid = np.concatenate([[0.0], top * np.logspace(-8, 0, 25)])
    best = int(np.argmax([log_likelihood(rows, float(t), restricted) for t in grid]))
    if best == len(grid) - 1:
        raise NotConverged(f"the likelihood still rises at tau² = {top:.3g}; check the estimates and variances")
    if best == 0 and _score(rows, 0.0, restricted) <= 0:
        return 0.0
    low, high = float(grid[max(best - 1, 0)]), float(grid[best + 1])
    if low == 0.0 and _score(rows, low, restricted) <= 0:
        low = float(grid[best])
    try:
        root = brentq(lambda t: _score(rows, t, restricted), low, high, xtol=1e-14 * top, rtol=1e-13)
    except ValueError:
        raise NotConverged(f"no maximum of the likelihood between tau² = {low:.3g} and {high:.3g}") from None
    return float(root)
