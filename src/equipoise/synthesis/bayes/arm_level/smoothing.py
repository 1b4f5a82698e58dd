"""Normal mixtures made of weighted points, many quantities side by side."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.special import ndtri

from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.mixture import NormalMixture

_FEW = 8_192
"""Points from which the grid is laid."""
_END = 4.5
_EVENED = 0.1
"""Over how much of a normal score the grid is evened out."""


def cells(
    values: FloatArray, weights: FloatArray, count: int, bandwidth: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Grids, what falls to their points when weights are shared linearly, and the kernels' widths, (count + 1, q).

    ``values``: shape (points, q); ``bandwidth``: (q,), at least.
    """
    low, many = values.min(axis=0), values.shape[1]
    step = np.maximum((values.max(axis=0) - low) / count, 1e-12 * (1.0 + np.abs(low)))
    place = (values - low) / step
    cell = np.clip(place.astype(np.intp), 0, count - 1)
    upper = (place - cell) * weights[:, None]
    flat = (cell * many + np.arange(many)).ravel()
    size = (count + 1) * many
    binned = np.bincount(flat, (weights[:, None] - upper).ravel(), size) + np.bincount(flat + many, upper.ravel(), size)
    grid = low + step * np.arange(count + 1)[:, None]
    widths = np.broadcast_to(np.maximum(bandwidth, 1.5 * step), grid.shape)
    return np.asarray(grid), np.asarray(binned.reshape(count + 1, many)), widths


def by_scores(values: FloatArray, weights: FloatArray, count: int, bandwidth: float) -> NormalMixture:
    """Mixtures of ``count`` + 3 components whose kernels are as wide as the distributions are steep.

    ``bandwidth``: in normal scores u. With x = T(u) the kernels are bandwidth·T' wide and their centres drawn in by what
    smoothing moves there, ½·bandwidth²(uT' − T''), so that neither steep sides nor long ones are smeared.
    """
    u = np.linspace(-_END, _END, count + 1)
    # The first ones, not an even choice: that of a low-discrepancy sequence leaves out whole ranges.
    few, share = values[:_FEW], weights[:_FEW] / weights[:_FEW].sum()
    parts = []
    for quantity in range(values.shape[1]):
        order = np.argsort(few[:, quantity])
        reached = np.cumsum(share[order])
        scores = ndtri(np.clip(reached - 0.5 * share[order], 1e-12, 1.0 - 1e-12))
        x = values[:, quantity]
        grid = _even(np.interp(u, scores, few[order, quantity]), u)
        slope = np.gradient(grid, u)
        bend = gaussian_filter1d(np.gradient(slope, u), _EVENED / (u[1] - u[0]), mode="nearest")
        centres = grid + 0.5 * bandwidth**2 * (bend - u * slope)
        ends = np.array([min(x.min(), grid[0] - slope[0]), max(x.max(), grid[-1] + slope[-1])])
        grid = np.concatenate([ends[:1], grid, ends[1:]])
        cell = np.clip(np.searchsorted(grid, x) - 1, 0, count + 1)
        upper = (x - grid[cell]) / (grid[cell + 1] - grid[cell]) * weights
        binned = np.bincount(cell, weights - upper, count + 3) + np.bincount(cell + 1, upper, count + 3)
        widths = bandwidth * np.concatenate([slope[:1], slope, slope[-1:]])
        parts.append((binned, np.concatenate([ends[:1], centres, ends[1:]]), widths))
    weights, means, sds = (np.stack(each, axis=1) for each in zip(*parts, strict=True))
    return NormalMixture(weights, means, sds)


def _even(grid: FloatArray, u: FloatArray) -> FloatArray:
    """The quantiles, evened out over neighbouring scores, and ascending."""
    # What isn't a straight line is evened out, so that the ends stay.
    line = grid[0] + (grid[-1] - grid[0]) * (u - u[0]) / (u[-1] - u[0])
    grid = line + gaussian_filter1d(grid - line, _EVENED / (u[1] - u[0]), mode="nearest")
    rises = np.maximum(np.diff(grid), 1e-9 * (1.0 + np.abs(grid[1:])))
    return np.asarray(grid[0] + np.concatenate([[0.0], np.cumsum(rises)]))
