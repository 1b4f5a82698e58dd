"""Network meta-analysis of events given each study's total number of events.

Conditioning on a study's total removes its baseline risk: the events of its arms then follow a non-central
hypergeometric distribution that depends on the odds ratios alone (Stijnen, Hamza & Özdemir 2010, Statistics in
Medicine 29:3046). ``likelihood="breslow"`` replaces it by the multinomial it tends to when events are rare, with
probabilities proportional to n·exp(θ), as `netmetabin(method = "NCH")` of R's netmeta does. ``likelihood="exact"``
uses the distribution itself, for any number of arms and of events.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.optimize import brentq
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.special import expit, gammaln, logit

from equipoise.errors import DataError, NotConverged
from equipoise.frames import FloatArray
from equipoise.synthesis.network.binary_arms import BinaryArms, drop_uninformative, lost_treatments, sums
from equipoise.synthesis.network.binary_fit import BinaryFit, Part, assemble, check_request
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.gls import invert

Likelihood = Literal["breslow", "exact"]
MAXIMUM_ITERATIONS = 100


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Studies with the same number of arms: shape (k, m) each; ``treatments`` are indices."""

    treatments: IntArray
    events: FloatArray
    participants: FloatArray


Moments = tuple[float, FloatArray, FloatArray]
"""Log likelihood, its gradient (n,) and the information (n, n)."""


def hypergeometric(
    arms: BinaryArms, *, likelihood: Likelihood = "breslow", reference: str | None = None, level: float = 0.95
) -> BinaryFit:
    """Log odds ratios by maximum conditional likelihood; standard errors from the observed information.

    Arms, designs and studies are left out as for Mantel–Haenszel and reported. The exact likelihood needs counts
    that are whole numbers. Raises ``DataError`` when nothing is left or an odds ratio is infinite.
    """
    if likelihood not in ("breslow", "exact"):
        raise DataError(f"likelihood {likelihood!r} isn't known; choose 'breslow' or 'exact'")
    used = drop_uninformative(arms)
    used = replace(used, left_out=(*used.left_out, *lost_treatments(arms, used)))
    check_request(used, arms, reference, level)
    exact = likelihood == "exact"
    if exact and (np.any(used.events % 1) or np.any(used.participants % 1)):
        raise DataError("the exact likelihood needs whole numbers of events and participants; use likelihood='breslow'")
    _check_finite(used, exact)
    evaluate = _exact if exact else _breslow
    parts, total = [], 0.0
    part_of = used.parts()
    for number in range(int(part_of.max()) + 1):
        treatments = np.flatnonzero(part_of == number)
        stacks = _stacks(used, treatments)
        potentials, inverse, height = _maximise(stacks, len(treatments), evaluate)
        parts.append(Part(treatments, potentials, inverse))
        total += height
    name = "exact" if exact else "Breslow approximation"
    return assemble(
        f"Non-central hypergeometric network meta-analysis (common effect, {name})",
        used,
        parts,
        reference=reference,
        level=level,
        log_likelihood=total,
    )


def _stacks(arms: BinaryArms, treatments: IntArray) -> list[Stack]:
    """The studies among ``treatments`` by number of arms, treatments numbered within the part."""
    local = np.full(len(arms.treatments), -1, dtype=np.intp)
    local[treatments] = np.arange(len(treatments))
    inside = local[arms.treatment] >= 0
    study, treatment = arms.study[inside], local[arms.treatment[inside]]
    events, participants = arms.events[inside], arms.participants[inside]
    sizes = np.bincount(study)[study]
    return [
        Stack(*(values[sizes == m].reshape(-1, m) for values in (treatment, events, participants)))
        for m in np.unique(sizes)
    ]


def _maximise(
    stacks: list[Stack], size: int, evaluate: Callable[[Stack, FloatArray], Moments]
) -> tuple[FloatArray, FloatArray, float]:
    """Newton's method with step halving; the log likelihood is concave. Returns estimates, covariance, maximum."""

    def at(potentials: FloatArray) -> Moments:
        pieces = [evaluate(stack, potentials) for stack in stacks]
        return sum(p[0] for p in pieces), sum(p[1] for p in pieces), sum(p[2] for p in pieces)  # type: ignore[return-value]

    potentials = np.zeros(size)
    height, gradient, information = at(potentials)
    for _ in range(MAXIMUM_ITERATIONS):
        inverse, _ = invert(information)
        step = inverse @ gradient
        decrement = float(gradient @ step)
        if decrement < 1e-20:
            return potentials, inverse, height
        factor = 1.0
        while True:
            trial = potentials + factor * step
            trial -= trial.mean()
            moments = at(trial)
            if moments[0] >= height - 1e-12 * abs(height) or factor < 1e-8:
                break
            factor /= 2
        potentials, (height, gradient, information) = trial, moments
        if decrement < 1e-16:
            return potentials, invert(information)[0], height
    raise NotConverged(f"the conditional likelihood has not converged in {MAXIMUM_ITERATIONS} iterations")


def _spread(stack: Stack, size: int, gradient: FloatArray, information: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Per-study gradients (k, m) and information (k, m, m), added up by treatment."""
    arms = stack.treatments
    place = arms[:, :, None] * size + arms[:, None, :]
    return sums(arms, gradient, size), sums(place, information, size * size).reshape(size, size)


def _breslow(stack: Stack, potentials: FloatArray) -> Moments:
    """The multinomial log likelihood, without its combinatorial constant."""
    theta = potentials[stack.treatments]
    total = stack.events.sum(axis=1)
    highest = theta.max(axis=1, keepdims=True)
    weights = stack.participants * np.exp(theta - highest)
    sums = weights.sum(axis=1, keepdims=True)
    share = weights / sums
    height = float((stack.events * theta).sum() - (total * (np.log(sums[:, 0]) + highest[:, 0])).sum())
    information = total[:, None, None] * (
        share[:, :, None] * np.eye(share.shape[1]) - share[:, :, None] * share[:, None]
    )
    return height, *_spread(stack, len(potentials), stack.events - total[:, None] * share, information)


def _exact(stack: Stack, potentials: FloatArray) -> Moments:
    """The non-central hypergeometric log likelihood.

    The arms are independent binomials conditioned on their sum. With the study's baseline chosen so that the sum's
    mean is the observed total, the probability of the total and the conditional moments are Fourier sums over the
    characteristic function, free of cancellation; the number of nodes makes aliasing smaller than rounding.
    """
    theta = potentials[stack.treatments]
    events, participants = stack.events, stack.participants
    total = events.sum(axis=1)
    baseline = np.array([_baseline(*row) for row in zip(theta, participants, total, strict=True)])
    odds = theta + baseline[:, None]
    risk = expit(odds)
    spread = np.sqrt((participants * risk * (1 - risk)).sum(axis=1).max())
    nodes = int(min(participants.sum(axis=1).max() + 1, np.ceil(12 * spread + 80)))
    turn = np.exp(2j * np.pi * np.arange(nodes) / nodes) - 1
    growth = 1 + risk[:, :, None] * turn  # characteristic function of one participant, (k, m, nodes)
    kernel = np.exp((participants[:, :, None] * np.log(growth)).sum(axis=1) - total[:, None] * np.log1p(turn)) / nodes
    probability = kernel.sum(axis=1).real
    tilted = risk[:, :, None] * (1 + turn) / growth
    centred = participants[:, :, None] * (tilted - risk[:, :, None])
    weight = kernel / probability[:, None]
    means = np.einsum("kn,kmn->km", weight, centred).real
    products = np.einsum("kn,kin,kjn->kij", weight, centred, centred, optimize=True).real
    within = np.einsum("kn,kmn->km", weight, participants[:, :, None] * tilted * (1 - tilted)).real
    information = products + within[:, :, None] * np.eye(theta.shape[1]) - means[:, :, None] * means[:, None, :]
    gradient = events - participants * risk - means
    constant = (gammaln(participants + 1) - gammaln(events + 1) - gammaln(participants - events + 1)).sum()
    normaliser = np.log(probability) + (participants * np.logaddexp(0, odds)).sum(axis=1) - total * baseline
    height = float((events * theta).sum() + constant - normaliser.sum())
    return height, *_spread(stack, len(potentials), gradient, information)


def _baseline(theta: FloatArray, participants: FloatArray, total: float) -> float:
    """λ with Σ n·expit(θ + λ) = total."""
    centre = float(logit(total / participants.sum()))
    low, high = centre - float(theta.max()), centre - float(theta.min())
    if high - low < 1e-12:
        return centre - float(theta.mean())

    def excess(value: float) -> float:
        return float((participants * expit(theta + value)).sum() - total)

    return float(brentq(excess, low - 1e-9, high + 1e-9, xtol=1e-10))


def _check_finite(arms: BinaryArms, exact: bool) -> None:
    """Raise ``DataError`` when the maximum lies at infinity.

    It is finite in a connected network if and only if no group of treatments has all of the events (exact: or none
    of the non-events) of every study that compares it with the rest: the graph with an arrow from y to x wherever a
    study has an event in x (and a non-event in y) must be strongly connected (Ford 1957, American Mathematical
    Monthly 64:28).
    """
    n = len(arms.treatments)
    present, event, nonevent = (np.zeros((len(arms.studies), n)) for _ in range(3))
    present[arms.study, arms.treatment] = 1
    event[arms.study, arms.treatment] = arms.events > 0
    nonevent[arms.study, arms.treatment] = arms.nonevents > 0
    arrows = coo_array((nonevent if exact else present).T @ event)
    strong = connected_components(arrows, directed=True, connection="strong")[1]
    for part in np.unique(arms.parts()):
        inside = np.flatnonzero(arms.parts() == part)
        groups = np.unique(strong[inside])
        if len(groups) > 1:
            group = min(([t for t in inside if strong[t] == g] for g in groups), key=len)
            names = ", ".join(arms.treatments[t] for t in group)
            raise DataError(
                f"the odds ratio of {names} against the others is 0 or infinite: within studies, all events "
                "lie on one side; use penalised logistic regression, or leave these treatments out"
            )
