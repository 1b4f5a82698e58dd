"""The time that an arm's people spend at risk of competing events, when only the numbers of events are known.

With constant hazards λ_m and Λ = Σ λ_m, n people followed for a time f have r_m events with probability ∝ Π (λ_m/Λ)^r_m
(1 − e^(−Λf))^R e^(−Λf(n − R)), R = Σ r_m (NICE DSU Technical Support Document 2, example 4). As (1 − e^(−Λf))/Λ =
∫ e^(−Λt) dt over 0 … f, this is the mean of Π λ_m^r_m e^(−λ_m E) over E = f(n − R) + S, where S is the sum of R times,
uniform on 0 … f. Given E the outcomes are independent Poisson counts; a Gauss rule of few nodes averages over S.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import comb

import numpy as np
from scipy.special import logsumexp

from equipoise.frames import FloatArray

_NODES = 7
_ORDER = 2 * _NODES + 1
_OFF = 2e-3
"""The error of the logarithm of the likelihood at which no more nodes are taken."""


@dataclass(frozen=True, slots=True, eq=False)
class Exposures:
    """One arm's rule. ``log_time``: shape (nodes,), log E; ``log_weights``: (nodes,); ``centre``: log of a typical E."""

    log_time: FloatArray
    log_weights: FloatArray
    centre: float


def exposures(events: float, n: float, time: float) -> Exposures:
    """The rule for Π λ_m^r_m e^(−λ_m E), all events of an arm together ``events`` among ``n`` people.

    S has the distribution of R uniform times tilted by e^(−Λ̂S), a crude Λ̂, so that what is left to average is smooth.
    """
    if events == 0:
        return Exposures(np.array([np.log(time * n)]), np.zeros(1), float(np.log(time * n)))
    rate = -np.log1p(-(events + 0.5) / (n + 1.0))
    # Moments of one time, as a share of f, then cumulants, of which those of S are R times as many.
    x, w = np.polynomial.legendre.leggauss(40)
    share, density = 0.5 * (x + 1.0), 0.5 * w * np.exp(-rate * 0.5 * (x + 1.0))
    size = density.sum()
    mean = float(density @ share / size)
    moments = [float(density @ (share - mean) ** k / size) for k in range(_ORDER)]
    cumulants = np.zeros(_ORDER)
    for k in range(1, _ORDER):
        cumulants[k] = moments[k] - sum(comb(k - 1, j - 1) * cumulants[j] * moments[k - j] for j in range(1, k))
    spread = np.sqrt(events * cumulants[2])
    scaled = events * cumulants / spread ** np.arange(_ORDER)
    scaled[1] = 0.0
    total = np.zeros(_ORDER)
    total[0] = 1.0
    for k in range(1, _ORDER):
        total[k] = sum(comb(k - 1, j - 1) * scaled[j] * total[k - j] for j in range(1, k + 1))
    # The hazard's range that the data allow, as a share of the crude one.
    information = n * rate**2 / np.expm1(rate)
    rates = rate * np.exp(np.linspace(-3.5, 3.5, 8) / np.sqrt(information))
    exact = events * np.log(-np.expm1(-rates) / rates) - rates * (n - events)
    for count in range(1, _NODES + 1):
        z, weights = _gauss(total, count)
        times = events * mean + spread * z
        if not np.all((n - events) + times > 0):
            continue
        log_weights = np.log(weights) + rate * times + events * np.log(size)
        found = logsumexp(log_weights - rates[:, None] * (n - events + times), axis=1)
        if np.abs(found - exact).max() < _OFF:
            break
    return Exposures(
        np.log(time * (n - events + times)),
        log_weights + events * np.log(time),
        float(np.log(time * (n - events + events * mean))),
    )


def together(arms: list[Exposures]) -> tuple[FloatArray, FloatArray]:
    """The product of arms' rules: log E less its centre, shape (nodes, arms), and the logarithms of the weights."""
    places = list(product(*(range(len(arm.log_weights)) for arm in arms)))
    shifts = [[arm.log_time[k] - arm.centre for arm, k in zip(arms, place, strict=True)] for place in places]
    weights = [sum(arm.log_weights[k] for arm, k in zip(arms, place, strict=True)) for place in places]
    return np.array(shifts), np.array(weights)


def _gauss(moments: FloatArray, count: int) -> tuple[FloatArray, FloatArray]:
    """The Gauss rule of so many nodes of a distribution with moments 0, 1, … (Golub & Welsch 1969, Math Comput 23:221)."""
    hankel = moments[np.arange(count)[:, None] + np.arange(count + 1)]
    upper = np.linalg.cholesky(hankel[:, :count]).T
    across = np.column_stack([upper, np.linalg.solve(upper.T, hankel[:, count])])
    ahead = across[np.arange(count), np.arange(count) + 1] / np.diag(upper)
    beside = np.diag(upper)[1:] / np.diag(upper)[:-1]
    values, vectors = np.linalg.eigh(np.diag(np.diff(ahead, prepend=0.0)) + np.diag(beside, 1) + np.diag(beside, -1))
    return values, vectors[0] ** 2
