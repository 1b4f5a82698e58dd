"""Generalised linear mixed models of counts: the exact likelihood in place of a normal approximation in each study.

The models of Stijnen, Hamza & Özdemir (2010, Stat Med 29:3046) under metafor's names. With u ~ N(0, τ²):

* "UM.FS": both arms' counts, a fixed effect for every study, the treatment effect θ + u split ±½ between the arms;
* "UM.RS": the same with study effects N(γ, σ²), independent of u;
* "CM.EL": the treated arm's count given the total: non-central hypergeometric for the odds ratio (exact), binomial
  for the rate ratio (exact as well);
* "CM.AL": its binomial approximation for the odds ratio, for rare events;
* "RE": one group's counts, log odds or log rate N(θ, τ²).

The integrals over the random effects are done by Gauss–Hermite quadrature placed on each study's own mode and spread
(Liu & Pierce 1994) with so many nodes that more change nothing. metafor's UM.RS can use only one, a Laplace
approximation, and differs in the third digit. Score and information come from the same nodes (Louis 1982), so that
Newton's method runs on exact derivatives and the standard errors are those of the observed information.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import DataError, NotConverged
from equipoise.synthesis.pairwise.count_families import Binomial, Family, Hypergeometric, Offset, Poisson

FloatArray = NDArray[np.float64]

MODELS = ("UM.FS", "UM.RS", "CM.EL", "CM.AL", "RE")
_NODES = {1: 41, 2: 25}
_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Glmm:
    """A fitted model.

    ``estimate`` and ``se`` of θ (log or logit scale), ``tau2`` with its ``tau2_se`` (NaN at 0), ``sigma2`` of the
    study effects (UM.RS, else NaN), the log-likelihood, and the likelihood-ratio test of heterogeneity on ``lrt_df``
    degrees of freedom (NaN for UM.RS).
    """

    estimate: float
    se: float
    tau2: float
    tau2_se: float
    sigma2: float
    log_likelihood: float
    lrt: float
    lrt_df: int


@dataclass(frozen=True, slots=True)
class Structure:
    """How the linear predictor of each cell (arm) is made: η = intercept + fixed·θ + Σ loading·scale·b.

    ``families`` has one entry a cell; ``fixed`` (cells,) multiplies θ; ``loadings`` (random effects, cells), the last
    row being τ's. ``intercept`` is "none", "study" (one for each) or "common".
    """

    families: Sequence[Family]
    fixed: FloatArray
    loadings: FloatArray
    intercept: str
    k: int

    @property
    def globals(self) -> int:
        """The parameters all studies share: θ, the common intercept, and the scales of the random effects."""
        return 1 + (self.intercept == "common") + len(self.loadings)


def fit_glmm(
    measure: str,
    model: str,
    events1: FloatArray,
    size1: FloatArray,
    events2: FloatArray | None = None,
    size2: FloatArray | None = None,
    common: bool = False,
) -> Glmm:
    """Fit ``model`` to counts.

    ``measure`` is "OR" or "IRR" (two groups), "PLO" or "IRLN" (one, ``model`` "RE"); sizes are numbers of people or
    person-times, each (k,). ``common`` fixes τ² at 0. Studies without information on the effect (no events, or
    nothing but events, in both groups) must be left out before. Raises ``DataError`` for a model that the measure
    doesn't have, and when a group has no events in any study, or nothing else, so that no estimate is finite.
    """
    structure = _structure(measure, model, events1, size1, events2, size2)
    _refuse_infinite(measure, events1, size1, events2, size2)
    # τ = 0 first: the common effect is a starting value, the test's null model, and the answer when it is the
    # maximum.
    null = _maximise(structure, _start(structure, 0.0), tau_is_zero=True)
    best = null
    if not common and structure.k > 1:
        for tau in (0.3, 1.0):
            trial = _maximise(structure, _with_tau(null.parameters, tau), tau_is_zero=False)
            if trial.log_likelihood > best.log_likelihood + 1e-10:
                best = trial
    lrt = np.nan
    if model != "UM.RS":
        saturated = sum(float(family.saturated().sum()) for family in structure.families)
        lrt = max(0.0, 2.0 * (saturated - null.log_likelihood))
    shared = best.parameters.shared
    covariance = np.linalg.inv(best.information)
    tau = abs(float(shared[-1])) if best is not null else 0.0
    sigma2 = float(shared[-2]) ** 2 if model == "UM.RS" else np.nan
    if sigma2 < 1e-12:
        sigma2 = 0.0
    return Glmm(
        estimate=float(shared[0]),
        se=float(np.sqrt(covariance[0, 0])),
        tau2=tau**2,
        tau2_se=2.0 * tau * float(np.sqrt(covariance[-1, -1])) if tau > 0 else np.nan,
        sigma2=sigma2,
        log_likelihood=best.log_likelihood,
        lrt=lrt,
        lrt_df=structure.k - 1,
    )


def _refuse_infinite(
    measure: str, x1: FloatArray, n1: FloatArray, x2: FloatArray | None, n2: FloatArray | None
) -> None:
    groups = [(x1, n1)] if x2 is None or n2 is None else [(x1, n1), (x2, n2)]
    for number, (x, n) in enumerate(groups, 1):
        every = measure in {"OR", "PLO"} and bool(np.all(x == n))
        if every or not np.any(x > 0):
            what = "nothing but events" if every else "no events"
            raise DataError(
                f"group {number} has {what} in any study: the model's estimate is infinite. Pool the difference (RD, "
                "IRD), or add ½ to zero cells by inverse variance"
            )


def _structure(
    measure: str, model: str, x1: FloatArray, n1: FloatArray, x2: FloatArray | None, n2: FloatArray | None
) -> Structure:
    k = len(x1)
    if model == "RE" and measure in {"PLO", "IRLN"}:
        family: Family = Binomial(x1, n1) if measure == "PLO" else Poisson(x1, n1)
        return Structure((family,), np.ones(1), np.ones((1, 1)), "none", k)
    if measure not in {"OR", "IRR"} or model not in MODELS or model == "RE" or x2 is None or n2 is None:
        raise DataError(f"no {model} model for {measure}: OR and IRR have UM.FS, UM.RS, CM.EL and (OR) CM.AL")
    if model.startswith("CM"):
        if measure == "OR" and model == "CM.EL":
            family = Hypergeometric(x1, n1, x2, n2)
        elif measure == "IRR" and model == "CM.AL":
            raise DataError("CM.AL approximates the odds ratio; for the rate ratio CM.EL is exact")
        else:
            family = Offset(Binomial(x1, x1 + x2), np.log(n1) - np.log(n2))
        return Structure((family,), np.ones(1), np.ones((1, 1)), "none", k)
    make = Binomial if measure == "OR" else Poisson
    split = np.array([[0.5, -0.5]])
    fixed = np.array([1.0, 0.0])
    if model == "UM.FS":
        return Structure((make(x1, n1), make(x2, n2)), fixed, split, "study", k)
    return Structure((make(x1, n1), make(x2, n2)), fixed, np.vstack([np.ones((1, 2)), split]), "common", k)


@dataclass(frozen=True, slots=True)
class _Parameters:
    """What is maximised over: θ, [γ] and the scales, ``shared`` by all studies, and their ``own`` intercepts."""

    shared: FloatArray
    own: FloatArray


@dataclass(frozen=True, slots=True)
class _Optimum:
    parameters: _Parameters
    log_likelihood: float
    information: FloatArray


def _start(structure: Structure, tau: float) -> _Parameters:
    """Rough log odds or log rates, with ½ for empty cells."""
    rough = np.column_stack([_rough(family) for family in structure.families])
    effect = rough[:, 0] - rough[:, 1] if len(structure.families) == 2 else rough[:, 0]
    theta = float(np.median(effect))
    scales = np.full(len(structure.loadings), tau)
    if structure.intercept == "common":
        scales[0] = max(float(rough[:, 1].std()), 0.1)
        return _Parameters(np.array([theta, float(rough[:, 1].mean()), *scales]), np.empty(0))
    own = rough.mean(axis=1) - 0.5 * theta if structure.intercept == "study" else np.empty(0)
    return _Parameters(np.array([theta, *scales]), own)


def _rough(family: Family) -> FloatArray:
    if isinstance(family, Offset):
        return _rough(family.family) - family.offset
    if isinstance(family, Binomial):
        return np.asarray(np.log(family.x + 0.5) - np.log(family.n - family.x + 0.5))
    if isinstance(family, Poisson):
        return np.asarray(np.log(family.x + 0.5) - np.log(family.time))
    assert isinstance(family, Hypergeometric)
    return _rough(Binomial(family.events1, family.n1)) - _rough(Binomial(family.events2, family.n2))


def _with_tau(parameters: _Parameters, tau: float) -> _Parameters:
    shared = parameters.shared.copy()
    shared[-1] = tau
    return _Parameters(shared, parameters.own)


def _predictors(structure: Structure, parameters: _Parameters, b: FloatArray) -> FloatArray:
    """η (cells, k, nodes) at standardised random effects b (k, nodes, d)."""
    shared = parameters.shared
    scales = shared[-len(structure.loadings) :]
    eta = np.einsum("knd,dg->gkn", b * scales, structure.loadings) + (shared[0] * structure.fixed)[:, None, None]
    if structure.intercept == "common":
        eta += shared[1]
    elif structure.intercept == "study":
        eta += parameters.own[:, None]
    return np.asarray(eta)


def _modes(structure: Structure, parameters: _Parameters, start: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Each study's mode (k, d) of log-likelihood plus log prior in b, and its negative Hessian (k, d, d)."""
    d = len(structure.loadings)
    scaled = structure.loadings * parameters.shared[-d:, None]
    b = start
    for _ in range(_LIMIT):
        eta = _predictors(structure, parameters, b[:, None, :])[:, :, 0]
        terms = [family.at(eta[g]) for g, family in enumerate(structure.families)]
        first, second = np.stack([t.first for t in terms]), np.stack([t.second for t in terms])
        gradient = np.einsum("gk,dg->kd", first, scaled) - b
        curvature = np.eye(d) - np.einsum("gk,dg,eg->kde", second, scaled, scaled)
        step = np.linalg.solve(curvature, gradient[..., None])[..., 0]
        # The objective is strictly concave; a step of at most two prior standard deviations can't run away.
        longest = np.maximum(np.abs(step).max(axis=1, keepdims=True), 1e-300)
        b = b + step * np.minimum(1.0, 2.0 / longest)
        if np.abs(step).max() < 1e-7:
            return b, curvature
    raise NotConverged("a study's random effect has no mode; look for counts that are in the wrong column")


@dataclass(frozen=True, slots=True)
class _Evaluation:
    log_likelihood: float
    score: _Parameters
    shared_information: FloatArray
    own_information: FloatArray
    cross_information: FloatArray
    modes: FloatArray

    def profile_information(self) -> FloatArray:
        """The shared parameters' information, the studies' intercepts profiled out."""
        if not len(self.own_information):
            return self.shared_information
        cross = self.cross_information
        return np.asarray(self.shared_information - np.einsum("kp,kq,k->pq", cross, cross, 1 / self.own_information))


def _evaluate(structure: Structure, parameters: _Parameters, start: FloatArray) -> _Evaluation:
    """Log-likelihood, score and observed information (Louis's identity) by adaptive quadrature."""
    d = len(structure.loadings)
    mode, curvature = _modes(structure, parameters, start)
    grid, log_weights = _hermite(d)
    spread = np.linalg.inv(np.swapaxes(np.linalg.cholesky(curvature), -1, -2))
    b = mode[:, None, :] + np.sqrt(2.0) * np.einsum("kij,nj->kni", spread, grid)
    eta = _predictors(structure, parameters, b)
    terms = [family.at(eta[g]) for g, family in enumerate(structure.families)]
    total = sum((t.value for t in terms), start=np.zeros(eta.shape[1:]))
    log_density = total - 0.5 * (b**2).sum(axis=-1) - 0.5 * d * np.log(2 * np.pi)
    log_volume = 0.5 * d * np.log(2.0) + np.log(np.abs(np.linalg.det(spread)))
    log_terms = log_density + log_weights
    top = log_terms.max(axis=1, keepdims=True)
    shares = np.exp(log_terms - top)
    mass = shares.sum(axis=1)
    shares /= mass[:, None]
    log_likelihood = float((top[:, 0] + np.log(mass) + log_volume).sum())

    design = _design(structure, b)  # ∂η/∂(shared), (cells, k, nodes, p)
    first, second = np.stack([t.first for t in terms]), np.stack([t.second for t in terms])
    gradient = np.einsum("gkn,gknp->knp", first, design)
    average = np.einsum("kn,knp->kp", shares, gradient)
    centred = gradient - average[:, None, :]
    information = -np.einsum("kn,gkn,gknp,gknq->pq", shares, second, design, design, optimize=True)
    information -= np.einsum("kn,knp,knq->pq", shares, centred, centred, optimize=True)
    own_score, own_information, cross = np.empty(0), np.empty(0), np.empty((0, 0))
    if structure.intercept == "study":
        slope = first.sum(axis=0)
        own_score = (shares * slope).sum(axis=1)
        away = slope - own_score[:, None]
        own_information = -(shares * second.sum(axis=0)).sum(axis=1) - (shares * away**2).sum(axis=1)
        cross = -np.einsum("kn,gkn,gknp->kp", shares, second, design) - np.einsum(
            "kn,kn,knp->kp", shares, away, centred
        )
    score = _Parameters(average.sum(axis=0), own_score)
    return _Evaluation(log_likelihood, score, information, own_information, cross, mode)


def _design(structure: Structure, b: FloatArray) -> FloatArray:
    cells, (k, nodes, d) = len(structure.families), b.shape
    columns = [np.broadcast_to(structure.fixed[:, None, None], (cells, k, nodes))]
    if structure.intercept == "common":
        columns.append(np.ones((cells, k, nodes)))
    columns += [structure.loadings[j][:, None, None] * b[None, :, :, j] for j in range(d)]
    return np.stack(columns, axis=-1)


def _hermite(d: int) -> tuple[FloatArray, FloatArray]:
    """Nodes (n, d) and log weights (n,) for ∫ f(x) dx, the Gaussian factor divided out."""
    x, w = np.polynomial.hermite.hermgauss(_NODES[d])
    log_w = np.log(w) + x**2
    if d == 1:
        return x[:, None], log_w
    one, other = np.meshgrid(x, x, indexing="ij")
    return np.column_stack([one.ravel(), other.ravel()]), np.add.outer(log_w, log_w).ravel()


def _maximise(structure: Structure, start: _Parameters, tau_is_zero: bool) -> _Optimum:
    """Newton's method with step halving; concave directions are made so by a ridge."""
    free = structure.globals - tau_is_zero
    parameters = start
    now = _evaluate(structure, parameters, np.zeros((structure.k, len(structure.loadings))))
    for _ in range(_LIMIT):
        step = _newton_step(now, free)
        slope = float(step.shared @ now.score.shared + step.own @ now.score.own)
        if slope < 1e-16 * max(1.0, abs(now.log_likelihood)):
            return _Optimum(parameters, now.log_likelihood, now.profile_information()[:free, :free])
        size = min(1.0, 3.0 / max(float(np.abs(step.shared).max()), float(np.abs(step.own).max(initial=0.0))))
        for _ in range(60):
            trial = _Parameters(parameters.shared + size * step.shared, parameters.own + size * step.own)
            value = _evaluate(structure, trial, now.modes)
            if value.log_likelihood >= now.log_likelihood + 1e-4 * size * slope - 1e-12 * abs(now.log_likelihood):
                break
            size *= 0.5
        else:
            return _Optimum(parameters, now.log_likelihood, now.profile_information()[:free, :free])
        parameters, now = trial, value
    raise NotConverged(f"the model's likelihood has no maximum within {_LIMIT} steps; use another model, or DL or REML")


def _newton_step(now: _Evaluation, free: int) -> _Parameters:
    """The ascent step of the free shared parameters and all intercepts."""
    own_information = np.maximum(now.own_information, 1e-10)
    information = now.shared_information[:free, :free]
    score = now.score.shared[:free]
    if len(own_information):
        cross = now.cross_information[:, :free]
        information = information - np.einsum("kp,kq,k->pq", cross, cross, 1 / own_information)
        score = score - cross.T @ (now.score.own / own_information)
    values, vectors = np.linalg.eigh(information)
    values = np.maximum(np.abs(values), 1e-8 * max(float(np.abs(values).max()), 1.0))
    shared = np.zeros(len(now.score.shared))
    shared[:free] = vectors @ ((vectors.T @ score) / values)
    own = now.score.own
    if len(own_information):
        own = (own - now.cross_information[:, :free] @ shared[:free]) / own_information
    return _Parameters(shared, own)
