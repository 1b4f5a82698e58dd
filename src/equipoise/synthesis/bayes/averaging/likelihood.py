"""Marginal likelihoods and posteriors of single models."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from equipoise.synthesis.bayes.averaging.bias import PEESE, PET, SelectionWeights
from equipoise.synthesis.bayes.averaging.coordinates import Coordinate, HalfLine, Interval, LogLine, coordinate_for
from equipoise.synthesis.bayes.averaging.distribution import Distribution, point, tabulate, tabulate_weights
from equipoise.synthesis.bayes.averaging.lattice import Lattice, Region, integrate
from equipoise.synthesis.bayes.averaging.models import UNITS, AveragedModel
from equipoise.synthesis.bayes.averaging.normal_product import log_normal_product
from equipoise.synthesis.bayes.priors import LOG_2PI, Prior
from equipoise.synthesis.pairwise.selection_functions import StepSelection, p_value_steps, piece_masses

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
Names = tuple[Hashable, ...]

_CHUNK = 4000
"""About how many nodes are dealt with at a time."""
_NOTHING = 45.0
"""How far, in logarithms, below the posterior's maximum there is nothing left."""
_BLOCK = 10
"""Studies in one matrix product: small ones, much narrower than long, are fastest, and aren't threaded."""


@dataclass(frozen=True, slots=True, eq=False)
class Studies:
    """Estimates, variances, and the sign of the effects that selection favours.

    ``sizes``: sample sizes n whose t tests the p-values come from, or None where estimate/standard error is taken as
    standard normal.
    """

    y: FloatArray
    v: FloatArray
    sign: float
    sizes: FloatArray | None = None
    measure: str | None = None

    @property
    def centre(self) -> float:
        """The mean under a common effect."""
        return float(np.sum(self.y / self.v) / np.sum(1.0 / self.v))

    @property
    def scale(self) -> float:
        """Its standard error."""
        return float(np.sum(1.0 / self.v) ** -0.5)

    @property
    def typical(self) -> float:
        """The studies' typical standard error."""
        return float(np.sqrt(np.median(self.v)))


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """One model's evidence and margins.

    ``weights``: ω_2, ω_3, … in order of rising p-values. ``regions``: where its parameters lie, by names that they
    share with those of other models.
    """

    log_evidence: float
    error: float
    mu: Distribution
    tau: Distribution
    slope: Distribution | None = None
    weights: tuple[Distribution, ...] = ()
    regions: Mapping[Hashable, Region] = field(default_factory=dict)


def fit_all(studies: Studies, models: Sequence[AveragedModel]) -> list[Posterior]:
    """The marginal likelihood of each model and its posterior.

    From few parameters to many: about where the posterior lies is known from models with fewer.
    """
    found: dict[int, Posterior] = {}
    known: dict[Hashable, Region] = {}
    for place in sorted(range(len(models)), key=lambda i: models[i].parameters):
        found[place] = fit(studies, models[place], known)
        known.update(found[place].regions)
    return [found[place] for place in range(len(models))]


def fit(studies: Studies, model: AveragedModel, known: Mapping[Hashable, Region] = MappingProxyType({})) -> Posterior:
    """The marginal likelihood of ``model`` and its posterior; ``known``: where other models' parameters lie."""
    if isinstance(model.bias, SelectionWeights):
        return _fit_selection(studies, model, model.bias, known)
    return _fit_normal(studies, model, model.bias)


# Without selection the likelihood is normal in μ: μ is integrated first, τ and β on the lattice.


def _fit_normal(studies: Studies, model: AveragedModel, bias: PET | PEESE | None) -> Posterior:
    coordinates: list[Coordinate] = []
    if model.heterogeneity is not None:
        coordinates.append(_tau_coordinate(model.heterogeneity, studies))
    if bias is not None:
        coordinates.append(_slope_coordinate(bias.prior))

    def parts(nodes: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Log prior, and the likelihood of μ as constant, mean and variance, on the lattice."""
        shape = tuple(len(x) for x in nodes)
        axis, tau, prior = 0, np.zeros(1), np.zeros(shape)
        if model.heterogeneity is not None:
            tau = coordinates[0].value(nodes[0])
            log = model.heterogeneity.logpdf(tau) + coordinates[0].log_slope(nodes[0])
            prior, axis = prior + log.reshape(-1, *(1,) * (len(shape) - 1)), 1
        slope = np.zeros(1)
        if bias is not None:
            slope = coordinates[axis].value(nodes[axis])
            prior = prior + bias.prior.logpdf(slope) + coordinates[axis].log_slope(nodes[axis])
        predictor = studies.sign * studies.v ** (0.5 * bias.power if bias is not None else 1.0)
        constant, mean, variance = _normal_likelihood(studies, predictor, tau, slope)
        return prior, constant.reshape(shape), mean.reshape(shape), np.broadcast_to(variance, mean.shape).reshape(shape)

    def log_density(nodes: Sequence[FloatArray], more: Sequence[FloatArray], kept: IntArray) -> FloatArray:
        prior, constant, mean, variance = parts(nodes)
        for axis, part in enumerate(more):
            prior = prior + part.reshape(-1, *(1,) * (prior.ndim - 1 - axis))
        if isinstance(model.effect, int | float):
            log = -0.5 * (model.effect - mean) ** 2 / variance
        else:
            log = log_normal_product(model.effect, mean, variance) + 0.5 * (LOG_2PI + np.log(variance))
        return np.asarray((prior + constant + log).ravel()[kept])

    lattice = integrate(log_density, coordinates)
    if isinstance(model.effect, int | float):
        mu = point(float(model.effect))
    else:
        # Given the slope, μ may be known far better than it moves from one of the slope's nodes to the next.
        fine = lattice if bias is None else lattice.finer(len(coordinates) - 1, 5)
        _, _, mean, variance = parts(fine.places)
        mu = _mu_margin(model.effect, fine.weights.ravel(), mean.ravel(), variance.ravel())
    tau = point(0.0) if model.heterogeneity is None else _margin(lattice, 0)
    slope = None if bias is None else _margin(lattice, len(coordinates) - 1)
    return Posterior(lattice.log_evidence, lattice.error, mu, tau, slope)


def _normal_likelihood(
    studies: Studies, predictor: FloatArray, tau: FloatArray, slope: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """For every τ (rows) and β (columns) the likelihood of μ: log of its maximum, its mean, its variance (rows only)."""
    weight = 1.0 / (studies.v + (tau**2)[:, None])
    total = weight.sum(axis=1, keepdims=True)
    mean_y = weight @ studies.y[:, None] / total
    mean_x = weight @ predictor[:, None] / total
    y, x = studies.y - mean_y, predictor - mean_x
    yy, xy, xx = ((weight * a).sum(axis=1, keepdims=True) for a in (y * y, x * y, x * x))
    squares = yy - slope * (2.0 * xy - slope * xx)
    log = 0.5 * (np.log(weight).sum(axis=1, keepdims=True) - len(studies.y) * LOG_2PI - squares)
    return log, mean_y - slope * mean_x, 1.0 / total


def _mu_margin(prior: Prior, weights: FloatArray, mean: FloatArray, variance: FloatArray) -> Distribution:
    """The posterior of μ: the prior times a mixture of normal likelihoods."""
    keep = weights > 1e-12 * weights.max()
    weights, mean, variance = weights[keep], mean[keep], variance[keep]
    log_mass = np.log(weights) - log_normal_product(prior, mean, variance)
    centre, sd = float(np.average(mean, weights=weights)), float(np.sqrt(variance.min()))

    def log_density(nodes: Sequence[FloatArray], more: Sequence[FloatArray], kept: IntArray) -> FloatArray:
        x = nodes[0][kept]
        mu = coordinate.value(x)
        log = log_mass - 0.5 * (LOG_2PI + np.log(variance)) - 0.5 * (mu[:, None] - mean) ** 2 / variance
        top = log.max(axis=1, keepdims=True)
        smooth = top[:, 0] + np.log(np.exp(log - top).sum(axis=1))
        return np.asarray(smooth + prior.logpdf(mu) + coordinate.log_slope(x) + more[0][kept])

    coordinate = coordinate_for(prior.support, centre, 2.0 * sd)
    return _margin(integrate(log_density, (coordinate,)), 0)


# With selection everything is on the lattice: μ, τ, and the ratios of successive weights.


def _fit_selection(
    studies: Studies, model: AveragedModel, bias: SelectionWeights, known: Mapping[Hashable, Region]
) -> Posterior:
    coordinates: list[Coordinate] = []
    if not isinstance(model.effect, int | float):
        coordinates.append(coordinate_for(model.effect.support, studies.centre, 2.0 * studies.scale))
    if model.heterogeneity is not None:
        coordinates.append(_tau_coordinate(model.heterogeneity, studies))
    first, steps = len(coordinates), bias.parameters
    ratio = Interval()
    coordinates += [ratio] * steps
    own, masses = _selection(studies, bias)

    def log_density(nodes: Sequence[FloatArray], more: Sequence[FloatArray], kept: IntArray) -> FloatArray:
        axis, mu, tau = 0, np.zeros(1), np.zeros(1)
        prior_mu, prior_tau = np.zeros(1), np.zeros(1)
        if isinstance(model.effect, int | float):
            mu = np.array([float(model.effect)])
        else:
            mu = coordinates[0].value(nodes[0])
            prior_mu, axis = model.effect.logpdf(mu) + coordinates[0].log_slope(nodes[0]) + more[0], 1
        if model.heterogeneity is not None:
            tau = coordinates[axis].value(nodes[axis])
            prior_tau = model.heterogeneity.logpdf(tau) + coordinates[axis].log_slope(nodes[axis]) + more[axis]
        variance = studies.v + (tau**2)[:, None]
        squares = ((studies.y - mu[:, None, None]) ** 2 / variance).sum(axis=2)
        normal = -0.5 * (squares + np.log(variance).sum(axis=1) + len(studies.y) * LOG_2PI)
        effects = (normal + prior_mu[:, None] + prior_tau).ravel()

        log_weights = np.log([[1.0], *([weight] for weight in bias.fixed)])
        prior = np.zeros(1)
        for c, x in enumerate(nodes[first:]):
            log_weights = np.concatenate(
                [np.repeat(log_weights, len(x), axis=1), [(log_weights[-1][:, None] + ratio.log_share(x)).ravel()]]
            )
            prior = (prior[:, None] + bias.log_ratio_prior(ratio, x, c) + more[first + c]).ravel()
        selected = np.bincount(own, minlength=len(bias.steps) + 1) @ log_weights + prior
        probabilities, weights = masses(mu, tau), np.exp(log_weights)
        # Whatever the weights, a study's density is at most its density over its own interval's probability.
        most = (
            effects - np.log(np.maximum(probabilities[:, np.arange(len(own)), own], 1e-300)).sum(axis=1) + prior.max()
        )
        middle = len(selected) // 2
        some = effects + selected[middle] - np.log(probabilities @ weights[:, middle]).sum(axis=1)
        possible = most > some.max() - _NOTHING
        return _less_areas(np.where(possible, effects, -np.inf), selected, probabilities, weights, kept)

    names = _names(model, bias, coordinates)
    lattice = integrate(log_density, coordinates, [_first_known(mine, known) for mine in names])
    mu = point(float(model.effect)) if isinstance(model.effect, int | float) else _margin(lattice, 0)
    tau = point(0.0) if model.heterogeneity is None else _margin(lattice, first - 1)
    weights = tuple(point(w) for w in bias.fixed) if bias.fixed else tabulate_weights(lattice, first, steps)
    regions = {name: region for mine, region in zip(names, lattice.regions, strict=True) for name in mine}
    return Posterior(lattice.log_evidence, lattice.error, mu, tau, None, weights, regions)


def _names(model: AveragedModel, bias: SelectionWeights, coordinates: Sequence[Coordinate]) -> list[Names]:
    """What each parameter is called, from the most specific name to the most general."""
    random, rest = model.heterogeneity is not None, list(coordinates)
    names: list[Names] = []
    if model.has_effect:
        coordinate = rest.pop(0)
        names.append((("mu", coordinate, random), ("mu", coordinate)))
    if random:
        names.append((("tau", rest.pop(0)),))
    for c, step in enumerate(bias.steps[: bias.parameters]):
        own = ("ratio", bias.sides, bias.steps, c)
        names.append(((*own, random), own, ("ratio", bias.sides, step)))
    return names


def _first_known(names: Names, known: Mapping[Hashable, Region]) -> Region | None:
    return next((known[name] for name in names if name in known), None)


def _selection(
    studies: Studies, bias: SelectionWeights
) -> tuple[IntArray, Callable[[FloatArray, FloatArray], FloatArray]]:
    """Which weight each study has, and the function of μ and τ that gives each study's probability of each.

    The function's array is (μ and τ, study, weight).
    """
    se = np.sqrt(studies.v)
    rule = _selection_rule(studies, bias)
    z = studies.sign * studies.y / se
    weights = len(bias.steps) + 1
    own = rule.piece[(z[:, None] >= rule.edges).sum(axis=1)]
    belongs = (rule.piece[:, None] == np.arange(weights)).astype(float)

    def masses(mu: FloatArray, tau: FloatArray) -> FloatArray:
        sd = np.sqrt(1.0 + (tau**2)[:, None] / studies.v)[:, :, None]
        mean = (studies.sign * mu[:, None] / se)[:, None, :, None]
        return np.asarray((piece_masses((rule.edges - mean) / sd) @ belongs).reshape(-1, len(se), weights))

    return own, masses


def _selection_rule(studies: Studies, bias: SelectionWeights) -> StepSelection:
    """Where on each study's z scale, estimate/standard error, which weight holds."""
    rule = p_value_steps(np.array([*bias.steps, 1.0]), bias.sides, len(studies.y))
    if studies.sizes is None:
        return rule
    # The edge with a normal deviate's p-value moves to the t with the same one, and by Cohen's d to the measure's scale.
    n, se = studies.sizes[:, None], np.sqrt(studies.v)[:, None]
    t = -np.sign(rule.edges) * stdtrit(n - 2.0, ndtr(-np.abs(rule.edges)))
    if studies.measure == "ZCOR":
        return StepSelection(np.arcsinh(t / np.sqrt(n)) / se, rule.piece)
    if studies.measure in UNITS:
        return StepSelection(UNITS[studies.measure] * 2.0 * t / np.sqrt(n) / se, rule.piece)
    return StepSelection(t, rule.piece)


def _less_areas(
    effects: FloatArray, selected: FloatArray, masses: FloatArray, weights: FloatArray, kept: IntArray
) -> FloatArray:
    """e_g + s_w − Σ_i log Σ_c ω_cw P_gic at flat places of (G, W), ascending: (n,), −∞ where e_g is.

    ``effects`` e (G,); ``selected`` s (W,); ``masses`` P (G, k, C); ``weights`` ω (C, W). Products of as many studies
    as can't underflow, then one logarithm.
    """
    k, width = masses.shape[1], weights.shape[1]
    smallest = np.log10(np.maximum((masses @ weights.min(axis=1)).min(axis=0), 1e-300))
    groups, room = [0], 280.0
    for i, digits in enumerate(smallest):
        if i > groups[-1] and room + digits < 0:
            groups.append(i)
            room = 280.0
        room += digits
    total = np.full(len(kept), -np.inf)
    rows = np.flatnonzero(np.isfinite(effects))
    starts, stops = np.searchsorted(kept, width * rows), np.searchsorted(kept, width * (rows + 1))
    rows, starts, stops = (a[starts < stops] for a in (rows, starts, stops))
    # Rows that share most of their columns, or one with many.
    chunks = np.flatnonzero(np.diff(np.cumsum(stops - starts) // _CHUNK, prepend=-1, append=-1))
    place = np.empty(width, dtype=np.intp)
    for first, last in pairwise(chunks):
        columns = [kept[starts[g] : stops[g]] - width * rows[g] for g in range(first, last)]
        shared = columns[0]
        if last - first > 1:
            used = np.zeros(width, dtype=bool)
            for own in columns:
                used[own] = True
            shared = np.flatnonzero(used)
            place[shared] = np.arange(len(shared))
        chosen, near = weights[:, shared], masses[rows[first:last]]
        log = effects[rows[first:last], None] + selected[shared]
        for low, high in pairwise([*groups, k]):
            product = np.ones_like(log)
            for block in range(low, high, _BLOCK):
                product *= np.multiply.reduce(near[:, block : min(block + _BLOCK, high)] @ chosen, axis=1)
            log -= np.log(product)
        for g, own in zip(range(first, last), columns, strict=True):
            total[starts[g] : stops[g]] = log[0] if last - first == 1 else log[g - first, place[own]]
    return total


def _tau_coordinate(prior: Prior, studies: Studies) -> Coordinate:
    low, high = prior.support
    if np.isfinite(high):
        return Interval(max(low, 0.0), high)
    if low <= 0 and prior.logpdf(1e-3 * studies.typical) < -50.0 and prior.logpdf(1e-4 * studies.typical) < -500.0:
        return LogLine(studies.typical)
    return HalfLine(max(low, 0.0), studies.typical)


def _slope_coordinate(prior: Prior) -> Coordinate:
    quarter, half, three = (float(q) for q in prior.quantile(np.array([0.25, 0.5, 0.75])))
    return coordinate_for(prior.support, half, three - quarter)


def _margin(lattice: Lattice, axis: int) -> Distribution:
    return tabulate(lattice.coordinates[axis], lattice.nodes[axis], lattice.margin(axis))
