"""What publication bias may look like: priors of selection by p-value, and of a slope on the standard error.

Bartoš, Maier, Wagenmakers, Doucouliagos & Stanley (2023) Research Synthesis Methods 14:99; Maier, Bartoš & Wagenmakers
(2023) Psychological Methods 28:107.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln

from equipoise.errors import DataError
from equipoise.synthesis.bayes.averaging.coordinates import Interval
from equipoise.synthesis.bayes.priors import HalfCauchy, Prior

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SelectionWeights:
    """A prior of a step-wise weight function: the relative likelihood of publication by p-value.

    ``steps``: the p-values at which the weight falls, ascending; ``sides``: 1, in the direction that selection
    favours, or 2. The weight is 1 up to the first step and never rises afterwards: ω_j = Σ_{l ≥ j} θ_l with
    θ ~ Dirichlet(``concentration``), one number more than steps, all 1 by default (θ_j is the fall at step j, the last
    θ the smallest weight). ``fixed``: the weights after each step are these instead, known, in any order and for any
    number of steps (Vevea & Woods 2005, Psychological Methods 10:428).
    """

    steps: tuple[float, ...]
    sides: int = 1
    concentration: tuple[float, ...] = ()
    fixed: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        steps = tuple(float(step) for step in self.steps)
        if not steps or not all(0 < step < 1 for step in steps) or list(steps) != sorted(set(steps)):
            raise DataError(f"selection weights: steps = {self.steps}; p-values between 0 and 1 in ascending order")
        if self.sides not in (1, 2):
            raise DataError(f"selection weights: sides = {self.sides}; 1 or 2 is needed")
        object.__setattr__(self, "steps", steps)
        if self.fixed:
            fixed = tuple(float(weight) for weight in self.fixed)
            if len(fixed) != len(steps) or not all(np.isfinite(weight) and weight > 0 for weight in fixed):
                raise DataError(f"selection weights: fixed = {self.fixed}; a positive number for each step is needed")
            if self.concentration:
                raise DataError("selection weights: fixed weights have no prior; leave concentration out")
            object.__setattr__(self, "fixed", fixed)
            return
        if len(steps) > 3:
            raise DataError(f"selection weights: {len(steps)} steps; integration is by quadrature, for at most 3")
        shape = tuple(float(a) for a in self.concentration) or (1.0,) * (len(steps) + 1)
        if len(shape) != len(steps) + 1 or not all(np.isfinite(a) and a > 0 for a in shape):
            raise DataError(
                f"selection weights: concentration = {self.concentration}; {len(steps) + 1} positive numbers are needed"
            )
        object.__setattr__(self, "concentration", shape)

    @property
    def name(self) -> str:
        """As in "one-sided weights (.025, .05)"."""
        steps = ", ".join(f"{step:g}".removeprefix("0") for step in self.steps)
        return f"{'one' if self.sides == 1 else 'two'}-sided weights ({steps})"

    @property
    def parameters(self) -> int:
        """How many weights are to be estimated."""
        return 0 if self.fixed else len(self.steps)

    def describe(self) -> str:
        """The prior in words."""
        if self.fixed:
            return f"{self.name}, fixed at {', '.join(f'{weight:g}' for weight in self.fixed)}"
        shape = ", ".join(f"{a:g}" for a in self.concentration)
        return f"{self.name}, cumulative Dirichlet ({shape})"

    def log_ratio_prior(self, coordinate: Interval, x: FloatArray, step: int) -> FloatArray:
        """The log density in x of the ratio ω_{step + 2}/ω_{step + 1}: beta, independent of the other ratios."""
        a, b = sum(self.concentration[step + 1 :]), self.concentration[step]
        log = (a - 1.0) * coordinate.log_share(x) + (b - 1.0) * coordinate.log_share(-x) - betaln(a, b)
        return np.asarray(log + coordinate.log_slope(x))


@dataclass(frozen=True, slots=True)
class PET:
    """Precision-effect test: the mean of a study is μ + β·se, ``prior`` being of β (positive: in favour of selection).

    The prior of RoBMA-PSMA is half-Cauchy with scale 1, whatever the measure.
    """

    prior: Prior = field(default_factory=lambda: HalfCauchy(1.0))
    name = "PET"
    power = 1

    def describe(self) -> str:
        """The prior in words."""
        return f"PET, slope {self.prior.describe()}"


@dataclass(frozen=True, slots=True)
class PEESE:
    """Precision-effect estimate with standard errors: the mean of a study is μ + β·se², ``prior`` being of β.

    The prior of RoBMA-PSMA is half-Cauchy with scale 5 for standardised mean differences; it has the reciprocal unit
    of the effects.
    """

    prior: Prior = field(default_factory=lambda: HalfCauchy(5.0))
    name = "PEESE"
    power = 2

    def describe(self) -> str:
        """The prior in words."""
        return f"PEESE, slope {self.prior.describe()}"


Bias = SelectionWeights | PET | PEESE
