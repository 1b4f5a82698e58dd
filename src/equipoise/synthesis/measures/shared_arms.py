"""The covariance of contrasts in one study that share their comparator arm.

For measures that are a difference between arms (MD, RD, log OR, log RR, log IRR, …) it is the comparator arm's own
variance. For standardised mean differences it follows Gleser & Olkin (2009, Handbook of Research Synthesis, 2nd ed.,
eq. 19.19): 1/n₀ + g_k g_l / 2N, N being the size of all arms together, with g standardised by a common SD.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import DataError

FloatArray = NDArray[np.float64]


def shared_covariance(variances: ArrayLike, comparator_variance: float) -> FloatArray:
    """The (c, c) covariance of a study's c contrasts against one comparator, from the arm variances.

    ``variances`` (c,) are those of the contrasts; ``comparator_variance`` is the shared arm's.
    """
    diagonal = np.asarray(variances, dtype=float)
    matrix: FloatArray = np.full((len(diagonal), len(diagonal)), float(comparator_variance))
    np.fill_diagonal(matrix, diagonal)
    return matrix


def shared_smd_covariance(
    smd: ArrayLike, n: ArrayLike, comparator_n: float, variances: ArrayLike | None = None
) -> FloatArray:
    """The (c, c) covariance of c standardised mean differences against one comparator.

    ``smd`` (c,), the arms' sizes ``n`` (c,) and the comparator's ``comparator_n``. The diagonal is ``variances`` when
    given, else 1/n + 1/n₀ + g²/2N with N the total size (Gleser & Olkin 2009, eq. 19.18).
    """
    g, sizes = np.asarray(smd, dtype=float), np.asarray(n, dtype=float)
    total = sizes.sum() + comparator_n
    matrix: FloatArray = 1.0 / comparator_n + np.outer(g, g) / (2.0 * total)
    own = 1.0 / sizes + np.diag(matrix) if variances is None else np.asarray(variances, dtype=float)
    np.fill_diagonal(matrix, own)
    return matrix


Arguments = Mapping[str, FloatArray]

ARM_VARIANCE: dict[str, Callable[[Arguments], FloatArray]] = {
    "OR": lambda arm: 1 / arm["events"] + 1 / (arm["n"] - arm["events"]),
    "RR": lambda arm: 1 / arm["events"] - 1 / arm["n"],
    "RD": lambda arm: arm["events"] / arm["n"] * (1 - arm["events"] / arm["n"]) / arm["n"],
    "AS": lambda arm: 0.25 / arm["n"],
    "IRR": lambda arm: 1 / arm["events"],
    "IRD": lambda arm: arm["events"] / arm["time"] ** 2,
    "IRSD": lambda arm: 0.25 / arm["time"],
    "MD": lambda arm: arm["sd"] ** 2 / arm["n"],
    "ROM": lambda arm: arm["sd"] ** 2 / (arm["n"] * arm["mean"] ** 2),
}
"""One arm's own share of the large-sample variance, for the measures that are a difference between arms."""


def arm_variance(measure: str, arm: Mapping[str, ArrayLike]) -> FloatArray:
    """One arm's own share of the sampling variance: the covariance of the contrasts that it is in.

    ``arm`` maps the roles that the measure has ("events", "n", "mean", "sd", "time") to arrays. Raises ``DataError``
    for a measure that isn't a difference between arms.
    """
    if measure not in ARM_VARIANCE:
        raise DataError(f"{measure} isn't a difference between arms; only {', '.join(ARM_VARIANCE)} split by arm")
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(ARM_VARIANCE[measure]({role: np.asarray(x, dtype=float) for role, x in arm.items()}))


SHARING_KNOWN = frozenset({*ARM_VARIANCE, "SMD"})
"""The measures for which the covariance of contrasts with a shared comparator is known."""


def contrast_covariance(measure: str, arguments: Arguments, estimates: FloatArray) -> FloatArray:
    """The covariance between one study's contrasts (c,) against a shared comparator; only off the diagonal.

    ``arguments`` are the measure's, each (c,): ``events1``, ``n1``, …
    """
    if measure == "SMD":
        return shared_smd_covariance(estimates, arguments["n1"], float(arguments["n2"][0]))
    comparator = {name[:-1]: values[0] for name, values in arguments.items() if name.endswith("2")}
    return np.full((len(estimates), len(estimates)), float(arm_variance(measure, comparator)))
