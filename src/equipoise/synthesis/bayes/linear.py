"""The Gaussian linear model with heterogeneity, solved at many τ at once.

y_r ~ N(x_r·θ, d_r + τ²), rows independent (network/blocks.py rotates multi-arm studies into such rows), and θ has a
flat or normal prior, or a mixture of normal ones. At one τ everything is a closed form (Lindley & Smith 1972, J R Stat
Soc B 34:1): with W = diag(1/(d + τ²)) and prior precision P, the posterior precision is A = XᵀWX + P, and one Cholesky
factor of A bordered by the right-hand side gives both log|A| and the residual sum of squares.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from scipy.special import logsumexp

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.priors import LOG_2PI, Flat, Mixture, Normal, Prior, Student, is_prior

if TYPE_CHECKING:
    Sparse = csr_array[np.float64, tuple[int, int]]

_CHUNK = 2**23
"""How many numbers of normal equations are held at a time."""
_MOST_COMPONENTS = 1024


@dataclass(frozen=True, slots=True, eq=False)
class GaussianPrior:
    """A mixture of K normal priors of θ, of which some directions may be flat.

    ``means``: shape (K, p); ``precisions``: (K, p, p), 0 where flat; ``log_constants``: (K,), the logarithm of each
    component's share times its normalising constant ((2π)^(−q/2)|P|^½ over the q directions that aren't flat).
    """

    means: FloatArray
    precisions: FloatArray
    log_constants: FloatArray

    @property
    def proper(self) -> bool:
        """Whether no direction is flat."""
        return bool(np.linalg.matrix_rank(self.precisions[0]) == self.means.shape[1])


@dataclass(frozen=True, slots=True, eq=False)
class LinearModel:
    """Rows y ~ N(Xθ, d + τ²) and a prior of θ.

    ``values``, ``variances``: y and d, shape (N,); ``design``: X, sparse, (N, p); ``log_jacobian``: what turns the
    density of the rows into that of the data they were rotated from; ``centre``: a θ near the data, (p,), from which
    residuals are taken so that nothing cancels; ``products``: the rows' x_r x_rᵀ, sparse, (M, N), of which only the M
    places ``filled`` (i·p + j) are kept.
    """

    values: FloatArray
    variances: FloatArray
    design: Sparse
    prior: GaussianPrior
    log_jacobian: float
    centre: FloatArray = field(repr=False)
    products: Sparse = field(repr=False)
    filled: NDArray[np.intp] = field(repr=False)

    @property
    def parameters(self) -> int:
        """p."""
        return int(self.design.shape[1])

    @property
    def df(self) -> int:
        """Rows minus parameters that have a flat prior."""
        return len(self.values) - (0 if self.prior.proper else self.parameters)

    @property
    def residuals(self) -> FloatArray:
        """y − X·centre."""
        return np.asarray(self.values - self.design @ self.centre)


@dataclass(frozen=True, slots=True, eq=False)
class Solutions:
    """θ given τ, for J values of τ and K components of the prior.

    ``tau``: shape (J,); ``log_likelihoods``: (J, K), of the data with θ integrated out, component's share included;
    ``means``: (J, K, p); ``covariances``: (J, K, p, p).
    """

    tau: FloatArray
    log_likelihoods: FloatArray
    means: FloatArray
    covariances: FloatArray


def linear_model(
    values: ArrayLike, variances: ArrayLike, design: Any, prior: GaussianPrior, log_jacobian: float = 0.0
) -> LinearModel:
    """The model; ``design`` may be dense or sparse. Raises ``DataError`` where the data and prior leave θ undetermined."""
    y, d = np.asarray(values, dtype=float), np.asarray(variances, dtype=float)
    rows: Sparse = csr_array(design, dtype=float)
    model = LinearModel(y, d, rows, prior, log_jacobian, np.zeros(rows.shape[1]), *_products(rows))
    # Any θ of the right size serves as the centre: at a typical τ, by least squares.
    (bordered,) = next(_normal_equations(model, np.array([np.sqrt(np.median(d))]))) + _border(model, 0)
    matrix, right = bordered[:-1, :-1], bordered[-1, :-1]
    scale = np.sqrt(np.diagonal(matrix))
    if not np.all(scale > 0):
        raise DataError("the posterior is improper: a parameter has a flat prior and no data; give it a proper prior")
    scaled = matrix / scale / scale[:, None]
    if np.linalg.eigvalsh(scaled)[0] < 1e-13:
        raise DataError(
            "the posterior is improper: the data don't determine all parameters that have a flat prior; give them "
            "proper priors, or leave some out"
        )
    return replace(model, centre=np.linalg.solve(scaled, right / scale) / scale)


def log_likelihood(model: LinearModel, tau: ArrayLike) -> FloatArray:
    """The logarithm of p(y | τ), θ integrated out, shape of ``tau`` (J,).

    A flat direction is integrated over the parameter itself, so that its constant is 1 a unit of θ.
    """
    tau = np.atleast_1d(np.asarray(tau, dtype=float))
    return np.asarray(logsumexp(_log_likelihoods(model, tau), axis=1))


def solve(model: LinearModel, tau: ArrayLike) -> Solutions:
    """Posterior of θ at every τ."""
    tau = np.atleast_1d(np.asarray(tau, dtype=float))
    p, count = model.parameters, len(model.prior.log_constants)
    means, covariances = np.empty((len(tau), count, p)), np.empty((len(tau), count, p, p))
    borders = [_border(model, k) for k in range(count)]
    start = 0
    for bordered in _normal_equations(model, tau):
        stop = start + len(bordered)
        for k, border in enumerate(borders):
            matrices = bordered[:, :p, :p] + border[:p, :p]
            right = bordered[:, p, :p] + border[p, :p]
            scale = 1.0 / np.sqrt(np.diagonal(matrices, axis1=1, axis2=2))
            inverse = np.linalg.inv(matrices * scale[:, :, None] * scale[:, None, :])
            inverse = 0.5 * (inverse + inverse.transpose(0, 2, 1)) * scale[:, :, None] * scale[:, None, :]
            means[start:stop, k] = model.centre + np.matmul(inverse, right[:, :, None])[:, :, 0]
            covariances[start:stop, k] = inverse
        start = stop
    return Solutions(tau, _log_likelihoods(model, tau), means, covariances)


def flat_prior(parameters: int) -> GaussianPrior:
    """The improper uniform prior of all parameters."""
    return GaussianPrior(np.zeros((1, parameters)), np.zeros((1, parameters, parameters)), np.zeros(1))


def normal_prior(mean: ArrayLike, covariance: ArrayLike) -> GaussianPrior:
    """One normal prior of all parameters jointly."""
    m, v = np.asarray(mean, dtype=float), np.asarray(covariance, dtype=float)
    precision = np.linalg.inv(v)
    constant = -0.5 * (len(m) * LOG_2PI + np.linalg.slogdet(v)[1])
    return GaussianPrior(m[None], 0.5 * (precision + precision.T)[None], np.array([constant]))


def independent_priors(priors: Sequence[Prior | None]) -> GaussianPrior:
    """One prior a parameter: None or ``Flat``, ``Normal``, ``Student``, or a ``Mixture`` of these.

    A Student prior is a mixture of normals over its precision, which is summed to 1e-12. Mixtures of several
    parameters multiply: at most 1,024 components. Raises ``DataError`` for another kind of prior, or for more.
    """
    each = [_components(prior) for prior in priors]
    count = int(np.prod([float(len(parts)) for parts in each]))
    if count > _MOST_COMPONENTS:
        raise DataError(
            f"the priors of the parameters multiply to {count} normal components, more than {_MOST_COMPONENTS}; give "
            "mixtures and Student priors to fewer parameters, and normal ones to the others"
        )
    p = len(priors)
    means, precisions, constants = np.zeros((count, p)), np.zeros((count, p, p)), np.zeros(count)
    for k, combination in enumerate(product(*each)):
        for i, (log_share, mean, sd) in enumerate(combination):
            constants[k] += log_share
            if np.isfinite(sd):
                means[k, i], precisions[k, i, i] = mean, sd**-2
                constants[k] -= 0.5 * LOG_2PI + np.log(sd)
    return GaussianPrior(means, precisions, constants)


def _components(prior: Prior | None) -> list[tuple[float, float, float]]:
    """The logarithm of the share, mean and standard deviation (infinite: flat) of each normal component."""
    if prior is None or isinstance(prior, Flat):
        return [(0.0, 0.0, float("inf"))]
    if isinstance(prior, Normal):
        return [(0.0, prior.mean, prior.sd)]
    if isinstance(prior, Student):
        return _student(prior)
    if isinstance(prior, Mixture):
        return [
            (float(np.log(weight)) + log_share, mean, sd)
            for component, weight in zip(prior.components, prior.weights, strict=True)
            for log_share, mean, sd in _components(component)
        ]
    raise DataError(
        f"{prior.describe() if is_prior(prior) else repr(prior)} isn't a prior for an effect; give Normal, "
        "Student, a Mixture of these, or None for a flat one"
    )


def _student(prior: Student) -> list[tuple[float, float, float]]:
    """A Student distribution as a mixture: precision λ/scale², λ ~ Gamma(df/2, df/2), by the trapezoidal rule in log λ.

    The rule converges geometrically, since the density of log λ is analytic and decays at both ends.
    """
    half = 0.5 * prior.df
    step = 0.32 if half < 2 else 0.32 / np.sqrt(half / 2)
    log_rate = np.arange(-90.0, 8.0, step)
    log_density = half * log_rate - half * np.exp(log_rate)
    kept = log_density > log_density.max() - 28.0
    log_rate, log_density = log_rate[kept], log_density[kept]
    shares = log_density - logsumexp(log_density)
    return [
        (float(share), prior.location, float(prior.scale * np.exp(-0.5 * rate)))
        for share, rate in zip(shares, log_rate, strict=True)
    ]


def _products(design: Sparse) -> tuple[Sparse, NDArray[np.intp]]:
    """x_r x_rᵀ of every row, as columns of a sparse (M, N) matrix, and the M places (i·p + j) that are ever filled."""
    rows, p = design.shape
    counts = np.diff(design.indptr)
    places: list[NDArray[np.intp]] = [np.zeros(0, dtype=np.intp)]
    owners: list[NDArray[np.intp]] = [np.zeros(0, dtype=np.intp)]
    values: list[FloatArray] = [np.zeros(0)]
    for count in np.unique(counts[counts > 0]):
        chosen = np.flatnonzero(counts == count)
        at = design.indptr[chosen][:, None] + np.arange(count)
        columns, entries = design.indices[at].astype(np.intp), design.data[at]
        places.append((columns[:, :, None] * p + columns[:, None, :]).ravel())
        owners.append(np.repeat(chosen, count * count))
        values.append((entries[:, :, None] * entries[:, None, :]).ravel())
    filled, place = np.unique(np.concatenate(places), return_inverse=True)
    found = csr_array((np.concatenate(values), (place.ravel(), np.concatenate(owners))), shape=(len(filled), rows))
    return found, filled


def _normal_equations(model: LinearModel, tau: FloatArray) -> Iterator[FloatArray]:
    """XᵀWX bordered by XᵀWe and eᵀWe, e the residuals from the centre, for consecutive chunks of ``tau``.

    Shape (j, p + 1, p + 1).
    """
    p, residuals = model.parameters, model.residuals
    rows, columns = np.divmod(model.filled, p)
    size = max(1, _CHUNK // max((p + 1) ** 2, len(model.values)))
    for start in range(0, len(tau), size):
        with np.errstate(over="ignore"):
            weights = 1.0 / (model.variances[:, None] + tau[None, start : start + size] ** 2)
        bordered = np.zeros((weights.shape[1], p + 1, p + 1))
        bordered[:, rows, columns] = np.asarray(model.products @ weights).T
        weighted = weights * residuals[:, None]
        bordered[:, p, :p] = np.asarray(model.design.T @ weighted).T
        bordered[:, :p, p] = bordered[:, p, :p]
        bordered[:, p, p] = residuals @ weighted
        yield bordered


def _border(model: LinearModel, component: int) -> FloatArray:
    """What one component of the prior adds to them, shape (p + 1, p + 1)."""
    p, precision = model.parameters, model.prior.precisions[component]
    shift = model.prior.means[component] - model.centre
    added = np.zeros((p + 1, p + 1))
    added[:p, :p], added[p, p] = precision, shift @ precision @ shift
    added[p, :p] = added[:p, p] = precision @ shift
    return added


def _log_likelihoods(model: LinearModel, tau: FloatArray) -> FloatArray:
    """log p(y | τ) of every component, share included, shape (J, K)."""
    p, n = model.parameters, len(model.values)
    found = np.empty((len(tau), len(model.prior.log_constants)))
    spread = np.empty(len(tau))
    size = max(1, _CHUNK // n)
    for start in range(0, len(tau), size):
        part = slice(start, start + size)
        spread[part] = np.log(model.variances + tau[part, None] ** 2).sum(axis=1)
    borders = [_border(model, k) for k in range(found.shape[1])]
    start = 0
    for bordered in _normal_equations(model, tau):
        stop = start + len(bordered)
        # With c + 1 the last pivot is 1 + c − bᵀA⁻¹b, which is positive also where nothing is left over.
        bordered[:, p, p] += 1.0
        for k, border in enumerate(borders):
            pivots = np.diagonal(_cholesky(bordered + border), axis1=1, axis2=2)
            found[start:stop, k] = -0.5 * (pivots[:, p] ** 2 - 1.0) - np.log(pivots[:, :p]).sum(axis=1)
        start = stop
    constants = model.prior.log_constants + 0.5 * p * LOG_2PI - 0.5 * n * LOG_2PI + model.log_jacobian
    return np.asarray(found + constants - 0.5 * spread[:, None])


def _cholesky(matrices: FloatArray) -> FloatArray:
    try:
        return np.asarray(np.linalg.cholesky(matrices), dtype=float)
    except np.linalg.LinAlgError:
        raise DataError(
            "the normal equations are singular to the computer's precision: some variances are far smaller than "
            "others; check them"
        ) from None
