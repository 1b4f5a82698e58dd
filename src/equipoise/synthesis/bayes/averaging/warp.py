"""A coordinate bent so that a parameter's posterior is about standard normal in it.

Sinh–arcsinh transformations (Jones & Pewsey 2009, Biometrika 96:761) take up skewness and the weight of the tails; they
are analytic, so that equal steps stay as accurate as they were, and fewer of them are needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from equipoise.synthesis.bayes.averaging.coordinates import Coordinate

FloatArray = NDArray[np.float64]

_WIDTH = 3.0
"""Within this |u| the transformation is nearly linear; its branch points lie at ±i·width, far from the real line."""
_SCORES = np.array([-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0])
_SKEW, _TAIL = (
    grid.ravel()[:, None] for grid in np.meshgrid(np.linspace(-2.0, 2.0, 33), 2.0 ** np.linspace(-1.5, 2.0, 22))
)
_SHAPES = np.sinh((np.arcsinh(_SCORES / _WIDTH) + _SKEW) / _TAIL)
_SHAPES_CENTRED = _SHAPES - _SHAPES.mean(axis=1, keepdims=True)


@dataclass(frozen=True, slots=True)
class Warped:
    """``base`` as a function of u: x = centre + scale·sinh((arsinh(u/3) + skew)/tail)."""

    base: Coordinate
    centre: float
    scale: float
    skew: float
    tail: float
    fitted: bool = True

    @property
    def bounds(self) -> tuple[float, float]:
        """Those of the base."""
        low, high = self.unbend(np.array(self.base.bounds))
        return float(low), float(high)

    def bend(self, u: FloatArray) -> FloatArray:
        """x at u."""
        return self.centre + self.scale * np.sinh((np.arcsinh(u / _WIDTH) + self.skew) / self.tail)

    def unbend(self, x: FloatArray) -> FloatArray:
        """u at x."""
        return _WIDTH * np.sinh(self.tail * np.arcsinh((x - self.centre) / self.scale) - self.skew)

    def log_bend_slope(self, u: FloatArray) -> FloatArray:
        """log dx/du."""
        angle = (np.arcsinh(u / _WIDTH) + self.skew) / self.tail
        return np.asarray(np.log(self.scale / self.tail) + np.log(np.cosh(angle)) - 0.5 * np.log(_WIDTH**2 + u * u))

    def value(self, u: FloatArray) -> FloatArray:
        """The parameter at u."""
        return self.base.value(self.bend(u))

    def log_slope(self, u: FloatArray) -> FloatArray:
        """The logarithm of its derivative in u."""
        return self.base.log_slope(self.bend(u)) + self.log_bend_slope(u)


def unwarped(base: Coordinate) -> Warped:
    """A first warp that changes next to nothing: u = x."""
    return Warped(base, 0.0, _WIDTH, 0.0, 1.0, fitted=False)


def warp(base: Coordinate, x: FloatArray, margin: FloatArray) -> Warped:
    """The warp under which masses ``margin`` at ascending ``x`` are closest to a standard normal distribution.

    The location and scale that fit quantiles best, for each of a grid of skewnesses and tails.
    """
    below = np.cumsum(margin) - 0.5 * margin
    kept = np.concatenate([[True], np.diff(below) > 0])
    wanted = np.interp(ndtr(_SCORES), below[kept], x[kept])
    offset = wanted - wanted.mean()
    scale = (_SHAPES_CENTRED @ offset) / (_SHAPES_CENTRED**2).sum(axis=1)
    scale = np.maximum(scale, 1e-12)
    misfit = ((offset - scale[:, None] * _SHAPES_CENTRED) ** 2).sum(axis=1)
    best = int(np.argmin(misfit))
    centre = float(wanted.mean() - scale[best] * _SHAPES[best].mean())
    return Warped(base, centre, float(scale[best]), float(_SKEW[best, 0]), float(_TAIL[best, 0]))
