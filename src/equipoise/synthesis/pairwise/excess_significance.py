"""The test of excess significance: are more studies significant than their power allows?

Ioannidis & Trikalinos (2007) Clinical Trials 4:245; exact form: Francis (2013) Journal of Mathematical Psychology
57:153. Agrees with metafor's `tes`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri
from scipy.stats import binom

from equipoise.errors import DataError
from equipoise.frames import make_frame
from equipoise.synthesis.measures.effect_sizes import EffectSizes
from equipoise.synthesis.pairwise import inputs
from equipoise.synthesis.pairwise.tables import number, p_value

FloatArray = NDArray[np.float64]

TESTS = ("exact", "chi2", "binomial")
ALTERNATIVES = ("two-sided", "greater", "less")


@dataclass(frozen=True, slots=True)
class ExcessSignificance:
    """Observed and expected numbers of significant studies, and the test of their difference.

    ``significant`` and ``power`` (k,) are the studies'; ``theta`` and ``tau2`` the true effects that power was
    computed for; ``limit`` the effect at which the test's p-value is ``limit_alpha`` (NaN where there is none, and
    for a two-sided test).
    """

    test: str
    k: int
    observed: int
    expected: float
    statistic: float
    p_value: float
    theta: float
    tau2: float
    limit: float
    limit_alpha: float
    significant: NDArray[np.bool_]
    power: FloatArray

    @property
    def ratio(self) -> float:
        """Observed over expected."""
        return self.observed / self.expected

    def to_frame(self) -> Any:
        """One row a study: whether it is significant, and its power."""
        return make_frame({"significant": self.significant, "power": self.power})

    def summary(self) -> str:
        """The test as text."""
        return "\n".join(
            [
                f"Test of excess significance ({self.test}, k = {self.k})",
                f"observed {self.observed}, expected {number(self.expected)} "
                f"(θ = {number(self.theta)}, τ² = {number(self.tau2)}): p {p_value(self.p_value)}",
                f"Limit estimate (p = {self.limit_alpha:g}): {number(self.limit)}",
            ]
        )

    def __str__(self) -> str:
        return self.summary()


def excess_significance(
    estimates: ArrayLike | EffectSizes,
    variances: ArrayLike | None = None,
    *,
    theta: float | None = None,
    tau2: float = 0.0,
    null: float = 0.0,
    alternative: str = "two-sided",
    alpha: float = 0.05,
    test: str = "exact",
    tail: str = "greater",
    limit_alpha: float = 0.1,
) -> ExcessSignificance:
    """Test whether the number of significant studies exceeds what their power gives.

    ``theta`` is the true effect (None: the mean weighted by 1/(v + τ²)) with heterogeneity ``tau2``; studies are
    tested against ``null`` at ``alpha`` in the direction of ``alternative``. ``test``: "exact" (the distribution of
    the number of significant studies), "chi2" (Ioannidis & Trikalinos) or "binomial" (at the mean power). ``tail``
    "greater" asks for excess, "less" for too few, "two-sided" for either.
    """
    inputs.choice(test, TESTS, "test")
    inputs.choice(tail, ALTERNATIVES, "tail")
    inputs.choice(alternative, ALTERNATIVES, "alternative")
    inputs.probability(alpha, "alpha")
    inputs.probability(limit_alpha, "limit_alpha")
    if not tau2 >= 0:
        raise DataError(f"tau2 = {tau2}: a number of 0 or more is needed")
    y, v = inputs.estimates_and_variances(estimates, variances)
    k = len(y)
    w = 1 / (v + tau2)
    true = float(w @ y / w.sum()) if theta is None else float(theta)
    z = (y - null) / np.sqrt(v)
    critical = float(-ndtri(alpha / 2 if alternative == "two-sided" else alpha))
    significant = {"two-sided": np.abs(z) >= critical, "greater": z >= critical, "less": z <= -critical}[alternative]
    observed = int(significant.sum())

    def power(effect: float) -> FloatArray:
        # y ~ N(θ, v + τ²): the power averaged over the true effects, in closed form.
        shift, spread = (effect - null) / np.sqrt(v), np.sqrt((v + tau2) / v)
        above, below = ndtr((shift - critical) / spread), ndtr((-shift - critical) / spread)
        return np.asarray({"two-sided": above + below, "greater": above, "less": below}[alternative])

    def p_at(effect: float) -> float:
        return _p(observed, power(effect), test, tail)[1]

    at = power(true)
    statistic, p = _p(observed, at, test, tail)
    return ExcessSignificance(
        test=test,
        k=k,
        observed=observed,
        expected=float(at.sum()),
        statistic=statistic,
        p_value=p,
        theta=true,
        tau2=float(tau2),
        limit=float("nan") if tail == "two-sided" else _limit(p_at, null, true, y, limit_alpha),
        limit_alpha=limit_alpha,
        significant=significant,
        power=at,
    )


def _p(observed: int, power: FloatArray, test: str, tail: str) -> tuple[float, float]:
    k, expected = len(power), float(power.sum())
    nan = float("nan")
    if test == "chi2":
        share = expected / k
        if not 0 < share < 1:
            return nan, nan
        z = (observed - expected) / np.sqrt(expected * (1 - share))
        return float(z**2), float({"greater": ndtr(-z), "less": ndtr(z), "two-sided": 2 * ndtr(-abs(z))}[tail])
    if test == "binomial":
        count = np.arange(k + 1)
        mass = binom.pmf(count, k, min(max(expected / k, 0.0), 1.0))
    else:
        mass = _poisson_binomial(power)
    if tail == "greater":
        return nan, float(min(mass[observed:].sum(), 1.0))
    if tail == "less":
        return nan, float(min(mass[: observed + 1].sum(), 1.0))
    # As likely as what was seen, or less so.
    return nan, float(min(mass[mass <= mass[observed] * (1 + 1e-7)].sum(), 1.0))


def _poisson_binomial(power: FloatArray) -> FloatArray:
    """P(j successes) of independent trials with different chances, by convolution."""
    mass = np.zeros(len(power) + 1)
    mass[0] = 1.0
    for j, p in enumerate(power):
        mass[1 : j + 2] = mass[1 : j + 2] * (1 - p) + mass[: j + 1] * p
        mass[0] *= 1 - p
    return mass


def _limit(p_at: Callable[[float], float], null: float, true: float, y: FloatArray, alpha: float) -> float:
    """The effect, on the side of the estimate, at which the test's p-value is ``alpha``."""
    side = 1.0 if true >= null else -1.0
    reach = max(float(np.max(np.abs(y - null))), abs(true - null), 1e-6)

    def above(effect: float) -> float:
        value = p_at(effect)
        return (0.0 if np.isnan(value) else value) - alpha

    start, far = above(null), null + side * reach
    for _ in range(60):
        if start * above(far) < 0:
            return float(brentq(above, min(null, far), max(null, far), xtol=1e-12, rtol=1e-12))
        far = null + 2 * (far - null)
    return float("nan")
