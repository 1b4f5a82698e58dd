"""The posterior densities of meta-analyses with every study effect as a parameter, and their gradients.

Straight from the models' definitions, and so independent of the quadrature. The linear predictor is

    η = F β + τ R z,    z ~ N(0, 1),

where β are the basic parameters (and the studies' baselines, of networks of arms) and τRz the study effects, in
standardised form (Dias et al. 2011, NICE DSU Technical Support Document 2; Papaspiliopoulos, Roberts & Sköld 2007,
Statistical Science 22:59). τ is sampled on the log scale, or on the logit scale where its prior ends somewhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag, cholesky, solve_triangular
from scipy.sparse import csr_array
from scipy.special import expit, log_ndtr

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.prior_slopes import slope
from equipoise.synthesis.bayes.priors import Flat, Normal, Prior

if TYPE_CHECKING:
    from equipoise.synthesis.bayes.arm_level import ArmPosterior
    from equipoise.synthesis.bayes.network_posterior import NetworkPosterior
    from equipoise.synthesis.bayes.pair import PairPosterior

_DENSE = 20_000
"""Matrices with fewer entries are faster dense."""
Gaussian = tuple[FloatArray, FloatArray, tuple[tuple[int, Prior], ...]]
"""Precisions and means of normal priors, and those that aren't normal with their positions."""
_LOG_ROOT_2PI = 0.5 * float(np.log(2.0 * np.pi))


class Likelihood(Protocol):
    """The data's log-likelihood up to a constant, and its gradient, as functions of η (rows,)."""

    def __call__(self, eta: FloatArray) -> tuple[float, FloatArray]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Contrasts:
    """``values`` (rows,) are N(η, V); ``root``, (rows, rows), has rootᵀroot = V⁻¹."""

    values: FloatArray
    root: Any

    def __call__(self, eta: FloatArray) -> tuple[float, FloatArray]:
        off = self.root @ (self.values - eta)
        return -0.5 * float(off @ off), self.root.T @ off


@dataclass(frozen=True, slots=True, eq=False)
class Arms:
    """``y`` events, or means with standard errors ``size``; ``size`` participants; ``offset`` added to η."""

    family: str
    link: str
    y: FloatArray
    size: FloatArray
    offset: FloatArray

    def __call__(self, eta: FloatArray) -> tuple[float, FloatArray]:
        y, n, eta = self.y, self.size, eta + self.offset
        match self.link:
            case "identity":
                off = (y - eta) / n
                return -0.5 * float(off @ off), off / n
            case "log" if self.family == "binomial":
                if eta.max() >= 0.0:
                    return -math.inf, np.zeros_like(eta)
                without = n > y
                log = np.log(-np.expm1(eta[without]))
                gradient = y.astype(float)
                gradient[without] -= (n - y)[without] / np.expm1(-eta[without])
                return float(y @ eta + (n - y)[without] @ log), gradient
            case "log":  # Poisson
                rate = np.exp(eta)
                return float(y @ eta - rate.sum()), y - rate
            case "logit":
                return float(y @ eta - n @ np.logaddexp(0.0, eta)), y - n * expit(eta)
            case "cloglog":
                rate = np.exp(np.clip(eta, -700.0, 300.0))
                log = y @ np.log(-np.expm1(-rate)) - (n - y) @ rate
                return float(log), y * rate / np.expm1(rate) - (n - y) * rate
            case "probit":
                above, below = log_ndtr(eta), log_ndtr(-eta)
                density = -0.5 * eta * eta - _LOG_ROOT_2PI
                first = y * np.exp(density - above) - (n - y) * np.exp(density - below)
                return float(y @ above + (n - y) @ below), first
        raise DataError(f"link {self.link!r} isn't known")


@dataclass(frozen=True, slots=True, eq=False)
class Density:
    """A log posterior density over x = (u, β, z), shape (size,); u, of τ, and z only where there is heterogeneity.

    ``fixed``, ``random``: F and R; ``precision``, ``centre``: of the normal priors of β (0: flat), (q,) or a matrix
    where they depend on each other; ``others``: the priors that aren't normal, by position in β; ``crude``: a crude estimate of η;
    """

    likelihood: Likelihood
    fixed: Any
    random: Any
    heterogeneity: Prior | None
    precision: FloatArray
    centre: FloatArray
    crude: FloatArray
    others: tuple[tuple[int, Prior], ...] = ()
    limits: tuple[float, float] = field(init=False)

    def __post_init__(self) -> None:
        low, high = (0.0, np.inf) if self.heterogeneity is None else self.heterogeneity.support
        object.__setattr__(self, "limits", (max(low, 0.0), high))

    @property
    def size(self) -> int:
        """The number of parameters."""
        return len(self.centre) + (0 if self.heterogeneity is None else 1 + self.random.shape[1])

    def tau(self, u: FloatArray) -> FloatArray:
        """τ from its unbounded form."""
        low, high = self.limits
        return np.asarray(low + (np.exp(u) if np.isinf(high) else (high - low) * expit(u)))

    def split(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """τ (0 for a common effect), β and z of draws x, (…, size)."""
        q = len(self.centre)
        if self.heterogeneity is None:
            return np.zeros(x.shape[:-1]), x, x[..., q:]
        return self.tau(x[..., 0]), x[..., 1 : q + 1], x[..., q + 1 :]

    def start(self) -> FloatArray:
        """Somewhere sensible: β by least squares from crude estimates, z = 0, τ at its prior's median."""
        beta = np.asarray(np.linalg.lstsq(_dense(self.fixed), self.crude, rcond=None)[0], dtype=float)
        if self.heterogeneity is None:
            return beta
        spread = self.crude - self.fixed @ beta
        tau = float(np.sqrt(np.mean(spread**2))) or 1.0
        if self.heterogeneity.proper:
            tau = min(max(tau, float(self.heterogeneity.quantile(0.25))), float(self.heterogeneity.quantile(0.75)))
        low, high = self.limits
        share = (tau - low) / (high - low)
        u = np.log(tau - low) if np.isinf(high) else np.log(share / (1.0 - share))
        return np.concatenate([[u], beta, np.zeros(self.random.shape[1])])

    def __call__(self, x: FloatArray) -> tuple[float, FloatArray]:
        """The log density, up to a constant, and its gradient."""
        if self.heterogeneity is None:
            log, gradient = self.likelihood(self.fixed @ x)
            more, of_prior = self._prior(x)
            return log + more, self.fixed.T @ gradient + of_prior
        q = len(self.centre)
        beta, z = x[1 : q + 1], x[q + 1 :]
        tau, change, log, bend = self._transformed(float(x[0]))
        effects = self.random @ z
        found, gradient = self.likelihood(self.fixed @ beta + tau * effects)
        more, of_prior = self._prior(beta)
        log += found + more + float(self.heterogeneity.logpdf(tau)) - 0.5 * float(z @ z)
        of_tau = float(gradient @ effects) + slope(self.heterogeneity, tau)
        whole = np.empty_like(x)
        whole[0] = of_tau * change + bend
        whole[1 : q + 1] = self.fixed.T @ gradient + of_prior
        whole[q + 1 :] = tau * (self.random.T @ gradient) - z
        return log, whole

    def _transformed(self, u: float) -> tuple[float, float, float, float]:
        """τ, dτ/du, log dτ/du and its derivative."""
        low, high = self.limits
        u = min(max(u, -300.0), 300.0)
        if math.isinf(high):
            change = math.exp(u)
            return low + change, change, u, 1.0
        small = math.exp(-abs(u))
        share = (1.0 if u > 0 else small) / (1.0 + small)
        log = -abs(u) - 2.0 * math.log1p(small)
        return low + (high - low) * share, (high - low) * math.exp(log), log, 1.0 - 2.0 * share

    def _prior(self, beta: FloatArray) -> tuple[float, FloatArray]:
        off = beta - self.centre
        gradient = -self.precision * off if self.precision.ndim == 1 else -self.precision @ off
        log = 0.5 * float(off @ gradient)
        for place, prior in self.others:
            log += float(prior.logpdf(beta[place]))
            gradient[place] += slope(prior, float(beta[place]))
        return log, gradient


@dataclass(frozen=True, slots=True, eq=False)
class BoundedDensity(Density):
    """As ``Density`` where every η must be below 0, which is so for every x.

    Of the last of β, one a study, each is b, where the study's highest predictor is −e^b: its baseline is −e^b − max o, of what
    effects and random effects o its arms have. ``study``: of every row. Without this the density ends abruptly where all of an
    arm had the event, and the sampler's trajectories with it.
    """

    study: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, dtype=np.intp))

    def start(self) -> FloatArray:
        """As ``Density.start``, every study's highest predictor near its crude estimate."""
        x = Density.start(self)
        q, studies = len(self.centre), int(self.study[-1]) + 1
        highest = np.full(studies, -np.inf)
        np.maximum.at(highest, self.study, self.crude)
        end = q + (0 if self.heterogeneity is None else 1)
        x[end - studies : end] = np.log(-highest)
        return x

    def __call__(self, x: FloatArray) -> tuple[float, FloatArray]:
        """The log density, up to a constant, and its gradient."""
        q, studies = len(self.centre), int(self.study[-1]) + 1
        common = self.heterogeneity is None
        beta = x[:q].copy() if common else x[1 : q + 1].copy()
        b = np.clip(beta[-studies:], -300.0, 300.0)
        beta[-studies:] = 0.0
        tau, change, log, bend = (0.0, 0.0, 0.0, 0.0) if common else self._transformed(float(x[0]))
        effects = np.zeros(len(self.study)) if common else self.random @ x[q + 1 :]
        others = self.fixed @ beta + tau * effects
        # Rows are sorted by study: the last of every study in this order is its highest.
        order = np.lexsort((others, self.study))
        highest = order[np.append(np.flatnonzero(np.diff(self.study)), len(order) - 1)]
        baseline = -np.exp(b) - others[highest]
        beta[-studies:] = baseline
        eta = others + baseline[self.study]
        eta[highest] = -np.exp(b)
        found, of_eta = self.likelihood(eta)
        more, of_beta = self._prior(beta)
        # By the baselines, which fall as the highest of a study's predictors rises.
        of_baseline = np.bincount(self.study, of_eta, studies) + of_beta[-studies:]
        of_others = of_eta.copy()
        of_others[highest] -= of_baseline
        of_beta = self.fixed.T @ of_others + of_beta
        of_beta[-studies:] = 1.0 - np.exp(b) * of_baseline
        log += found + more + float(b.sum())
        if self.heterogeneity is None:
            return log, of_beta
        z = x[q + 1 :]
        log += float(self.heterogeneity.logpdf(tau)) - 0.5 * float(z @ z)
        of_tau = float(of_others @ effects) + slope(self.heterogeneity, tau)
        of_z = tau * (self.random.T @ of_others) - z
        return log, np.concatenate([[of_tau * change + bend], of_beta, of_z])


def of_pair(posterior: PairPosterior) -> Density:
    """One comparison; β is the mean effect."""
    k = posterior.k
    sd = np.sqrt(posterior.variances)
    precision, centre, others = _gaussian([posterior.effect_prior])
    return Density(
        Contrasts(posterior.estimates, _sparse(np.diag(1.0 / sd))),
        np.ones((k, 1)),
        _sparse(np.eye(k)),
        posterior.heterogeneity_prior,
        precision,
        centre,
        posterior.estimates,
        others,
    )


def of_network(posterior: NetworkPosterior) -> Density:
    """A connected network of contrasts; β are the effects against the reference, in the order of the treatments."""
    network = posterior.network
    _check_connected(posterior)
    columns = {t: i for i, t in enumerate(t for t in network.treatments if t != posterior.reference)}
    rows = [(study, k) for study in network.studies for k in range(len(study.estimates))]
    fixed = np.zeros((len(rows), len(columns)))
    for row, (study, k) in enumerate(rows):
        _place(fixed[row], columns, study.treatments[k + 1], study.treatments[0])
    random = block_diag(*[_correlated(len(s.estimates)) for s in network.studies])
    root = block_diag(*[_inverse_root(np.asarray(s.covariance, dtype=float)) for s in network.studies])
    values = np.concatenate([np.asarray(s.estimates, dtype=float) for s in network.studies])
    prior = posterior.effects_prior
    p = len(columns)
    if posterior.prior_on == "all contrasts" and isinstance(prior, Normal):
        precision, centre, others = _all_contrasts(prior.sd, p)
    else:
        precision, centre, others = _gaussian(_each(prior, list(columns)))
    return Density(
        Contrasts(values, _sparse(root)),
        _sparse(fixed),
        _sparse(random),
        posterior.heterogeneity,
        precision,
        centre,
        values,
        others,
    )


def of_arms(posterior: ArmPosterior) -> Density:
    """A connected network of arms; β are the effects against the reference, then the studies' baselines."""
    _check_connected(posterior)
    table = posterior.table
    columns = {t: i for i, t in enumerate(t for t in table.treatments if t != posterior.reference)}
    p, studies = len(columns), len(table.studies)
    first = np.r_[True, table.study[1:] != table.study[:-1]]
    base = np.flatnonzero(first)[table.study]
    fixed = np.zeros((len(table.study), p + studies))
    for row in range(len(fixed)):
        _place(
            fixed[row], columns, table.treatments[table.treatment[row]], table.treatments[table.treatment[base[row]]]
        )
        fixed[row, p + table.study[row]] = 1.0
    sizes = np.bincount(table.study)
    random = block_diag(*[np.vstack([np.zeros((1, m - 1)), _correlated(m - 1)]) for m in sizes.tolist()])
    data = table.likelihood
    priors = [*_each(posterior.effects_prior, list(columns)), *[posterior.baseline] * studies]
    precision, centre, others = _gaussian(priors)
    arms = Arms(data.family, data.link, data.y, data.size, data.offset)
    f, r, crude = _sparse(fixed), _sparse(random), data.start()
    if data.bounded:
        return BoundedDensity(arms, f, r, posterior.heterogeneity, precision, centre, crude, others, study=table.study)
    return Density(arms, f, r, posterior.heterogeneity, precision, centre, crude, others)


def _place(row: FloatArray, columns: Mapping[str, int], treatment: str, comparator: str) -> None:
    if treatment in columns:
        row[columns[treatment]] += 1.0
    if comparator in columns:
        row[columns[comparator]] -= 1.0


def _correlated(contrasts: int) -> FloatArray:
    """A root of the correlation matrix of a study's effects, 1 on the diagonal and ½ off it."""
    return np.asarray(np.linalg.cholesky(0.5 * np.eye(contrasts) + 0.5))


def _inverse_root(covariance: FloatArray) -> FloatArray:
    lower = cholesky(covariance, lower=True)
    return np.asarray(solve_triangular(lower, np.eye(len(lower)), lower=True))


def _each(prior: Prior | Mapping[str, Prior] | None, names: Sequence[str]) -> list[Prior]:
    if isinstance(prior, Mapping):
        return [prior.get(name, Flat()) for name in names]
    return [Flat() if prior is None else prior] * len(names)


def _all_contrasts(sd: float, p: int) -> Gaussian:
    """Arms with independent effects of variance sd²/2 give every contrast the variance sd²."""
    precision = np.asarray(np.linalg.inv(0.5 * sd**2 * (np.eye(p) + 1.0)), dtype=float)
    return precision, np.zeros(p), ()


def _gaussian(priors: Sequence[Prior]) -> Gaussian:
    """The priors as precisions and means, and those that aren't normal."""
    precision = np.array([prior.sd**-2.0 if isinstance(prior, Normal) else 0.0 for prior in priors])
    centre = np.array([prior.mean if isinstance(prior, Normal) else 0.0 for prior in priors])
    others = tuple((i, prior) for i, prior in enumerate(priors) if not isinstance(prior, Normal | Flat))
    return precision, centre, others


def _sparse(matrix: FloatArray) -> Any:
    return matrix if matrix.size < _DENSE else csr_array(matrix)


def _dense(matrix: Any) -> FloatArray:
    return np.asarray(matrix if isinstance(matrix, np.ndarray) else matrix.toarray())


def _check_connected(posterior: NetworkPosterior | ArmPosterior) -> None:
    if len(posterior.subnetworks) > 1:
        raise DataError(
            f"the network isn't connected ({len(posterior.subnetworks)} subnetworks): make a network of each and sample "
            "them one by one"
        )
