"""The likelihood of a study with three arms or more where its effects range so widely that no polynomial follows it.

Given ν and τ the arms are independent (``integrals``): every arm's likelihood, its random effect integrated out, is a curve
of its predictor, tabulated once for a τ. What is left is one integral over ν for every point.
"""

from __future__ import annotations

import numpy as np

from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.arm_level.curves import Curves, arm_curves
from equipoise.synthesis.bayes.arm_level.integrals import MIDDLE, IntArray, shorter
from equipoise.synthesis.bayes.arm_level.likelihoods import ArmLikelihood

_REACH = 22.0
"""How far the tables go to either side of an arm's estimate; beyond, the logarithm is as good as quadratic."""
_CELLS = 440
_NEWTON = 25
_LONGEST_STEP = 8.0
_CLOSE = 0.05
_AT_ONCE = 4_000


def wide_values(arms: ArmLikelihood, d: FloatArray, tau: float) -> FloatArray:
    """log g of one study at many effects, shape (points,); ``arms``: shape (m,), ``d``: (points, m)."""
    curves = arm_curves(arms, tau, _REACH, _CELLS)
    # The arm that its data hold best is where the integrand is, about.
    start = arms.start()
    anchor = int(np.argmax(-arms.slopes(start)[1]))
    nu = start[anchor] - d[:, anchor]
    parts = [slice(i, i + _AT_ONCE) for i in range(0, len(d), _AT_ONCE)]
    return np.concatenate([_values(curves, nu[part], d[part].T) for part in parts])


def _values(curves: Curves, nu: FloatArray, d: FloatArray) -> FloatArray:
    """The integrals over ν; ``nu``: (points,), near the integrands' modes, ``d``: (m, points)."""
    arms: IntArray = np.arange(len(d))
    step, longest = np.zeros_like(nu), np.full_like(nu, _LONGEST_STEP)
    for _ in range(_NEWTON):
        _, first, second = curves.terms(nu + d, arms)
        information = np.maximum(-second.sum(axis=0), 1e-8)
        step, longest = shorter(first.sum(axis=0) / information, step, longest)
        nu = nu + step
        if np.all(step * step * information < _CLOSE**2):
            break
    spread = 1.0 / np.sqrt(information)
    rule = MIDDLE[0]
    at = nu + spread * rule.nodes[:, None]
    height = sum(curves.of(k).terms((at + d[k]).reshape(1, -1), arms[:1])[0].reshape(at.shape) for k in arms.tolist())
    height = height + rule.log_weights[:, None]
    top = height.max(axis=0)
    return np.asarray(top + np.log(np.exp(height - top).sum(axis=0) * spread))
