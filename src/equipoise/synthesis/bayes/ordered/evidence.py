"""The log-likelihood of a network of ordered categories in effects, cutpoints and τ; baselines and random effects gone.

Parameters: the effects d against the reference, then the logarithms of the distances between neighbouring cutpoints (the
first cutpoint is 0).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level.evidence import Modes, newton_modes, prior_terms
from equipoise.synthesis.bayes.arm_level.integrals import hermite, stretched
from equipoise.synthesis.bayes.arm_level.polynomials import chebyshev_products, exponents
from equipoise.synthesis.bayes.ordered.integrals import Rules, study_terms, study_values
from equipoise.synthesis.bayes.ordered.likelihood import OrderedArms
from equipoise.synthesis.bayes.priors import Flat, Prior
from equipoise.synthesis.network.blocks import IntArray

COARSE: dict[str, Rules] = {"probit": (hermite(9), hermite(7)), "logit": (stretched(15, reach=20.0), hermite(7))}
"""For finding modes."""
MIDDLE: dict[str, Rules] = {"probit": (hermite(11), hermite(9)), "logit": (stretched(19), hermite(9))}
"""By link: the probit's tails fall as the normal distribution's do, the logit's exponentially."""
_DEGREES = {1: (8, 12), 2: (5, 8), 3: (4, 6)}
"""Of polynomials in so many differences of effects and of cutpoints; the higher ones where the lower aren't enough."""
_MANY = 3, 4
_ROUGH_DEGREES = {1: 5, 2: 3}
_MANY_ROUGH = 2
_BENT = 0.01
"""By how much a polynomial, one in the logarithm, may be off."""
_WRONG = 0.05, 0.5
"""By how much the last one tried may be off, the second where values needn't be more than rough."""
_ENDS, _STEPS = 3, 9
"""Points along a coordinate at which polynomials are checked: at either end, and steps between."""
_TERMS = 400
_AT_ONCE = 100_000
_LOGS = -25.0, 25.0
"""Where logarithms of distances are kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Coordinates:
    """What studies' likelihoods depend on: equally many differences of effects and of cutpoints.

    ``studies``: (k,), their numbers; ``arms``: their arms in that order; ``first``: (k,), where each one's begin among
    them; ``maps``: (k, d and z, differences).
    """

    studies: IntArray
    arms: IntArray
    first: IntArray
    maps: FloatArray

    def take(self, chosen: NDArray[np.bool_]) -> Coordinates:
        """The studies for which ``chosen`` is true."""
        sizes = np.diff(np.r_[self.first, len(self.arms)])
        first = np.r_[0, np.cumsum(sizes[chosen])[:-1]].astype(np.intp)
        return Coordinates(self.studies[chosen], self.arms[np.repeat(chosen, sizes)], first, self.maps[chosen])


@dataclass(frozen=True, slots=True, eq=False)
class OrderedEvidence:
    """A network's arms with ordered categories, ready for integration.

    ``arms``: sorted by study; ``treatment``: (arms,); ``first``: (studies,), where each study's arms begin; ``count``:
    treatments; ``reference``: the one with effect 0; ``start_eta``, ``start_cut``: (arms,), a crude F⁻¹ of the share
    above a cutpoint and which; ``start_gaps``: crude distances between cutpoints; ``priors``: of the effects;
    ``gap_prior``: of every distance; ``coordinates``: of the studies, in groups.
    """

    arms: OrderedArms
    treatment: IntArray
    first: IntArray
    count: int
    reference: int
    start_eta: FloatArray
    start_cut: IntArray
    start_gaps: FloatArray
    priors: tuple[Prior, ...]
    gap_prior: Prior
    coordinates: tuple[Coordinates, ...]

    @property
    def dimension(self) -> int:
        """The number of effects and distances."""
        return self.count - 1 + len(self.start_gaps)

    def design(self) -> FloatArray:
        """The arms' effects as a matrix on the basic parameters, shape (arms, parameters)."""
        return np.delete(np.eye(self.count), self.reference, axis=1)[self.treatment]

    def cutpoints(self, parameters: FloatArray) -> FloatArray:
        """z, shape (b, cutpoints), the first 0."""
        gaps = np.exp(np.clip(parameters[:, self.count - 1 :], *_LOGS))
        return np.concatenate([np.zeros((len(parameters), 1)), np.cumsum(gaps, axis=1)], axis=1)

    def scale(self) -> float:
        """A typical standard error of a contrast of two arms."""
        variance = 1.0 / self._information()
        return float(np.sqrt(2.0 * np.median(variance)))

    def start(self, tau: float) -> FloatArray:
        """Parameters by weighted least squares of the arms' crude estimates, shape (parameters,)."""
        weight = 1.0 / (1.0 / self._information() + 0.5 * tau * tau)
        total = np.add.reduceat(weight, self.first)
        study = self.study()
        design = self.design()
        crude = self._start(np.r_[0.0, np.cumsum(self.start_gaps)][None])[0]
        middle = np.add.reduceat(weight[:, None] * np.column_stack([design, crude]), self.first) / total[:, None]
        centred = np.column_stack([design, crude]) - middle[study]
        matrix = (centred[:, :-1] * weight[:, None]).T @ centred[:, :-1] + 1e-3 * np.eye(self.count - 1)
        effects = np.linalg.solve(matrix, centred[:, :-1].T @ (weight * centred[:, -1]))
        return np.concatenate([effects, np.log(self.start_gaps)])

    def study(self) -> IntArray:
        """Every arm's number of the study, (arms,)."""
        sizes = np.diff(np.r_[self.first, len(self.treatment)])
        return np.repeat(np.arange(len(self.first), dtype=np.intp), sizes)

    def modes(self, tau: FloatArray, start: FloatArray) -> Modes:
        """The posterior modes at every τ; ``start``: (b, parameters)."""
        return newton_modes(self._posterior, tau, start)

    def reaching(self, tau: FloatArray, modes: Modes, likely: NDArray[np.bool_]) -> OrderedEvidence:
        """Itself: nothing is tabulated."""
        return self

    def log_prior(self, d: FloatArray) -> FloatArray:
        """The logarithm of the parameters' prior density, shape (points,)."""
        return np.asarray(self._prior(d)[0].sum(axis=1))

    def terms(self, d: FloatArray, tau: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The log-likelihood with its gradient and Hessian in the parameters ``d``, (b, parameters); ``tau``: (b,)."""
        outer, inner = COARSE[self.arms.link]
        nodes = len(outer.nodes) * len(inner.nodes)
        size = max(_AT_ONCE // (len(self.treatment) * nodes), 1)
        parts = [self._terms(d[i : i + size], tau[i : i + size]) for i in range(0, len(d), size)]
        log, first, second = (np.concatenate(p) for p in zip(*parts, strict=True))
        return log, first, second

    def values(self, d: FloatArray, tau: float, rough: bool = False) -> tuple[FloatArray, float]:
        """The log-likelihood at many parameters, shape (points, parameters), for one τ, and a bound of its error.

        Every study's term is a polynomial in its coordinates, fitted over the range of the points; with ``rough`` of a
        lower degree. Studies that no polynomial follows, as where a treatment without events has a wide prior, are
        integrated at every point.
        """
        total, error = np.zeros(len(d)), 0.0
        wide = np.concatenate([d[:, : self.count - 1], self.cutpoints(d)], axis=1)
        for group in self.coordinates:
            variables = group.maps.shape[2]
            degrees = _DEGREES.get(variables, _MANY)
            for degree in (_ROUGH_DEGREES.get(variables, _MANY_ROUGH),) if rough else degrees:
                found, off = self._polynomials(group, wide, tau, degree)
                enough = off <= (_WRONG[rough] if rough or degree == degrees[-1] else _BENT)
                total += found[enough].sum(axis=0)
                error += float(off[enough].sum())
                if enough.all():
                    break
                group = group.take(~enough)
            else:
                total += self._everywhere(group, wide, tau).sum(axis=0)
        return total, error

    def _everywhere(self, group: Coordinates, wide: FloatArray, tau: float) -> FloatArray:
        """The likelihoods of a group's studies, (k, points), integrated at every point."""
        outer, inner = MIDDLE[self.arms.link]
        size = max(_AT_ONCE // (len(outer.nodes) * len(inner.nodes) * len(group.arms)), 1)
        found = np.empty((len(group.studies), len(wide)))
        for start in range(0, len(wide), size):
            some = np.arange(start, min(start + size, len(wide)))
            chosen = np.broadcast_to(some[:, None], (len(some), len(group.studies)))
            found[:, some] = self._of_studies(group, wide, chosen, tau).T
        return found

    def _polynomials(
        self, group: Coordinates, wide: FloatArray, tau: float, degree: int
    ) -> tuple[FloatArray, FloatArray]:
        """The likelihoods of a group's studies, (k, points), and how far each one's polynomial was seen to be off, (k,)."""
        powers = exponents(group.maps.shape[2], degree)
        wanted = 2 * len(powers) + 4
        if len(wide) <= wanted or len(powers) > _TERMS:
            chosen = np.broadcast_to(np.arange(len(wide))[:, None], (len(wide), len(group.studies)))
            return self._of_studies(group, wide, chosen, tau).T, np.zeros(len(group.studies))
        local = np.einsum("bw,kwu->kbu", wide, group.maps)
        middle = local.mean(axis=1, keepdims=True)
        floor = 1e-16 * (1.0 + np.square(middle).sum(axis=2))[:, :, None] * np.eye(local.shape[2])
        spread = np.einsum("kbu,kbv->kuv", local - middle, local - middle) / len(wide) + floor
        root = np.linalg.cholesky(spread)
        radius = np.square(np.linalg.solve(root, (local - middle).swapaxes(1, 2))).sum(axis=1)
        chosen = _chosen(radius, wanted, len(powers))
        checks = _along(local)
        known = self._of_studies(group, wide, np.concatenate([chosen, checks]), tau)
        low, high = local.min(axis=1, keepdims=True), local.max(axis=1, keepdims=True)
        place = (2.0 * local - low - high) / np.maximum(high - low, 1e-9)
        found, off = np.empty((len(group.studies), len(wide))), np.empty(len(group.studies))
        for k in range(len(group.studies)):
            basis = chebyshev_products(place[k], powers)
            found[k] = basis @ np.linalg.lstsq(basis[chosen[:, k]], known[: len(chosen), k], rcond=None)[0]
            off[k] = np.abs(found[k][np.r_[chosen[:, k], checks[:, k]]] - known[:, k]).max()
        return found, off

    def study_values(self, d: FloatArray, tau: FloatArray) -> Iterator[tuple[IntArray, FloatArray]]:
        """Every study's log-likelihood at parameters ``d``, (b, parameters): studies' numbers, (k,), and (b, k)."""
        z = self.cutpoints(d)
        eta = d[:, : self.count - 1] @ self.design().T
        cut = np.broadcast_to(z[:, None], (len(d), len(self.treatment), z.shape[1]))
        start = self.start_eta + np.r_[0.0, np.cumsum(self.start_gaps)][self.start_cut]
        yield (
            np.arange(len(self.first), dtype=np.intp),
            study_values(self.arms, self.first, start, eta, cut, tau, MIDDLE[self.arms.link]),
        )

    def _of_studies(self, group: Coordinates, wide: FloatArray, chosen: IntArray, tau: float) -> FloatArray:
        """The likelihoods of a group's studies at points of their own, ``chosen``, shape (b, studies)."""
        number = np.repeat(np.arange(len(group.first)), np.diff(np.r_[group.first, len(group.arms)]))
        at = chosen[:, number]
        design = np.concatenate([self.design()[group.arms], np.zeros((len(group.arms), len(self.start_gaps) + 1))], 1)
        d = np.einsum("baw,aw->ba", wide[at], design)
        z = wide[at][:, :, self.count - 1 :]
        start = self.start_eta[group.arms] + z.mean(axis=0)[np.arange(len(group.arms)), self.start_cut[group.arms]]
        arms, rules = self.arms.take(group.arms), MIDDLE[self.arms.link]
        return study_values(arms, group.first, start, d, z, np.full(len(chosen), tau), rules)

    def _start(self, z: FloatArray) -> FloatArray:
        return np.asarray(self.start_eta + z[:, self.start_cut])

    def _information(self) -> FloatArray:
        z = np.r_[0.0, np.cumsum(self.start_gaps)][None]
        wide = np.broadcast_to(z[:, None], (1, len(self.treatment), z.shape[1]))
        return np.asarray(np.maximum(-self.arms.slopes(self._start(z), wide)[1][0], 1e-12))

    def _terms(self, d: FloatArray, tau: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        z, design, study = self.cutpoints(d), self.design(), self.study()
        wide = np.broadcast_to(z[:, None], (len(d), len(self.treatment), z.shape[1]))
        start = self.start_eta + z.mean(axis=0)[self.start_cut]
        effects = d[:, : self.count - 1] @ design.T
        total, share, slope, bend = study_terms(
            self.arms, self.first, start, effects, wide, tau, COARSE[self.arms.link]
        )
        # Scores of every study in (d, z) at every node of ν, and their mean and spread over the nodes.
        scores = np.concatenate([slope[0][..., None] * design[:, None], np.moveaxis(slope[1:], 0, -1)], axis=-1)
        scores = np.add.reduceat(scores, self.first, axis=1)
        mean = np.einsum("bko,bkow->bkw", share, scores)
        off = scores - mean[:, :, None]
        hessian = np.einsum("bko,bkow,bkov->bwv", share, off, off, optimize=True)
        inner = np.einsum("bao,qrbao->qrba", share[:, study], bend)
        p = design.shape[1]
        hessian[:, :p, :p] += np.einsum("ba,ap,ar->bpr", inner[0, 0], design, design, optimize=True)
        cross = np.einsum("qba,ap->bpq", inner[0, 1:], design)
        hessian[:, :p, p:] += cross
        hessian[:, p:, :p] += cross.swapaxes(1, 2)
        hessian[:, p:, p:] += np.moveaxis(inner[1:, 1:].sum(axis=-1), -1, 0)
        # From cutpoints to the logarithms of their distances.
        gradient = mean.sum(axis=1)
        gaps = np.exp(np.clip(d[:, p:], *_LOGS))
        count = gaps.shape[1]
        lower = np.tri(count + 1, count, -1)
        to = np.zeros((len(d), p + count + 1, p + count))
        to[:, :p, :p] = np.eye(p)
        to[:, p:, p:] = lower * gaps[:, None]
        first = np.einsum("bw,bwp->bp", gradient, to)
        second = np.einsum("bwv,bwp,bvr->bpr", hessian, to, to, optimize=True)
        place = np.arange(p, p + count)
        second[:, place, place] += first[:, p:]
        return total, first, second

    def _posterior(self, d: FloatArray, tau: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        log, first, second = self.terms(d, tau)
        value, slope, bend = self._prior(d)
        place = np.arange(self.dimension)
        second[:, place, place] += bend
        return log + value.sum(axis=1), first + slope, second

    def _prior(self, d: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        p = self.count - 1
        effects, logs = prior_terms(self.priors, d[:, :p]), d[:, p:]
        gaps = self._gap_terms(logs)
        value, slope, bend = (np.concatenate(pair, axis=1) for pair in zip(effects, gaps, strict=True))
        return value, slope, bend

    def _gap_terms(self, logs: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The density of the logarithms of the distances, its first two derivatives."""
        if isinstance(self.gap_prior, Flat):
            return logs, np.ones_like(logs), np.zeros_like(logs)
        low, value, high = (self.gap_prior.logpdf(np.exp(x)) + x for x in (logs - 1e-4, logs, logs + 1e-4))
        with np.errstate(invalid="ignore"):
            slope, bend = (high - low) / 2e-4, (high - 2.0 * value + low) / 1e-8
        return value, np.nan_to_num(slope), np.minimum(np.nan_to_num(bend), 0.0)


def _along(local: FloatArray) -> IntArray:
    """Of every study's points, (k, b, coordinates), those at the ends of each coordinate and some in equal steps between,
    shape (checks, k): where a likelihood ends steeply on one side, the outermost points may all lie on the other."""
    found = []
    for points in local:
        mine = []
        for values in points.T:
            order = np.argsort(values)
            steps = np.searchsorted(values[order], np.linspace(values[order[0]], values[order[-1]], _STEPS)[1:-1])
            mine += [order[:_ENDS], order[steps], order[-_ENDS:]]
        found.append(np.concatenate(mine))
    return np.stack(found, axis=1)


def _chosen(radius: FloatArray, wanted: int, extremes: int) -> IntArray:
    """Of every study's points, (k, b), the outermost ones and others from everywhere, shape (wanted, k)."""
    outermost = np.argpartition(-radius, extremes, axis=1)[:, :extremes]
    others = np.linspace(0, radius.shape[1] - 1, wanted - extremes).astype(np.intp)
    return np.concatenate([outermost, np.broadcast_to(others, (len(radius), len(others)))], axis=1).T
