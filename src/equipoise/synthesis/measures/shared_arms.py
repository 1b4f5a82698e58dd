"""The covariance of contrasts in one study that share their comparator arm.

For measures that are a difference between arms (MD, RD, log OR, log RR, log IRR, …) it is the comparator arm's own
variance. For standardised mean differences it follows Gleser & Olkin (2009, Handbook of Research Synthesis, 2nd ed.,
eq. 19.19): 1/n₀ + g_k g_l / 2N, N being the size of all arms together, with g standardised by a common SD.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

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


def arm_variance(measure: str, *, events: ArrayLike = 0.0, n: ArrayLike = 1.0, sd: ArrayLike = 0.0,
                 mean: ArrayLike = 1.0, time: ArrayLike = 1.0) -> FloatArray:  # fmt: skip
    """One arm's own share of the sampling variance of a difference-type measure: the covariance of its contrasts.

    OR 1/a + 1/(n − a); RR 1/a − 1/n; RD p(1 − p)/n; MD sd²/n; ROM sd²/(n m²); IRR 1/a; IRD a/t²; AS 1/4n.
    """
    a, size, s = np.asarray(events, dtype=float), np.asarray(n, dtype=float), np.asarray(sd, dtype=float)
    m, t = np.asarray(mean, dtype=float), np.asarray(time, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        formulas: dict[str, FloatArray] = {
            "OR": 1 / a + 1 / (size - a),
            "RR": 1 / a - 1 / size,
            "RD": a / size * (1 - a / size) / size,
            "AS": 0.25 / size,
            "MD": s**2 / size,
            "ROM": s**2 / (size * m**2),
            "IRR": 1 / a,
            "IRD": a / t**2,
        }
    return np.asarray(formulas[measure])
