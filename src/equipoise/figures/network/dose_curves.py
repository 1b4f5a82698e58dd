"""Dose–response curves: a small panel for each agent."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from equipoise.errors import DataError
from equipoise.figures.network import scale, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from equipoise.synthesis.network.dose import DoseCurve, DoseResponse
    from equipoise.synthesis.network.fit import NetworkFit

PANEL = (150.0, 118.0)
"""A panel's width and height, in points."""


def dose_curves(response: DoseResponse, fit: NetworkFit | None = None, ax: Axes | None = None) -> Axes:
    """Each agent's effect against dose 0 by dose, with its confidence band, on one effect axis.

    Points with intervals: the effects of the doses tried against dose 0 in ``fit``, the network in which each dose is a
    treatment of its own, if given and if it has a treatment at dose 0. An agent tried at one dose has a point only;
    one whose effect against dose 0 isn't known has no panel.

    Raises ``DataError`` without any agent, ``MissingExtra`` without matplotlib.
    """
    measure = response.network.measure
    tried = {
        agent: sorted({node.dose for node in response.nodes if node.agent == agent and node.dose > 0})
        for agent in response.agents
    }
    points = _points(response, fit)
    curves = {}
    for agent, doses in tried.items():
        grid = np.linspace(0.0, doses[-1], 60) if len(doses) > 1 else np.array(doses)
        curve = response.curve(agent, grid)
        if np.isfinite(curve.estimates).any() or agent in points:
            curves[agent] = curve
    agents = list(curves)
    if not agents:
        raise DataError("no agent's effect against dose 0 is known, so there is no curve")
    with style.drawing():
        columns = min(4, math.ceil(math.sqrt(len(agents))))
        rows = math.ceil(len(agents) / columns)
        left, bottom, top, gap = 44.0, 40.0, 18.0, (14.0, 34.0)
        width = left + columns * PANEL[0] + (columns - 1) * gap[0] + 6.0
        height = bottom + rows * PANEL[1] + (rows - 1) * gap[1] + top
        ax = style.place(ax, width, height)
        w, h = style.canvas(ax)
        low, high = _limits(curves, points)
        across, up = w / width, h / height
        for number, agent in enumerate(agents):
            row, column = divmod(number, columns)
            x = (left + column * (PANEL[0] + gap[0])) * across
            y = (bottom + (rows - 1 - row) * (PANEL[1] + gap[1])) * up
            panel = ax.inset_axes((x / w, y / h, PANEL[0] * across / w, PANEL[1] * up / h))
            panel.set_xlim(-0.03 * tried[agent][-1], 1.06 * tried[agent][-1])
            panel.set_ylim(low, high)
            panel.axhline(0.0, color=style.RULE, lw=0.8, zorder=0)
            curve = curves[agent]
            if len(curve.doses) > 1:
                panel.fill_between(curve.doses, curve.lower, curve.upper, color=style.ACCENT, alpha=0.14, lw=0)
                panel.plot(curve.doses, curve.estimates, color=style.ACCENT, lw=1.4)
            for dose, estimate, lower, upper in points.get(agent, []):
                panel.plot([dose, dose], [lower, upper], color=style.SOFT, lw=0.8)
                panel.plot([dose], [estimate], "o", ms=3.6, color=style.INK, mec="white", mew=0.5)
            panel.set_title(agent, fontsize=style.SIZE, loc="left", pad=4, fontweight="bold")
            for side in ("right", "top"):
                panel.spines[side].set_visible(False)
            scale.effect_ticks(panel, measure, low, high, 1.4 * PANEL[1])
            if column:
                panel.tick_params(labelleft=False)
            panel.locator_params(axis="x", nbins=5)
        ax.text(0.0, 0.5 * (h + bottom * up), f"{scale.name_of(measure)} against dose 0", rotation=90, va="center")
        note = "Dose. Curve: " + response.shape + ", with its confidence band"
        note += "; points: each dose by itself." if points else "."
        ax.text(left * across, 2.0, note, fontsize=7.0, color=style.SOFT, va="bottom")
    return ax


def _points(response: DoseResponse, fit: NetworkFit | None) -> dict[str, list[tuple[float, float, float, float]]]:
    """Dose, estimate and limits against dose 0 of every treatment, by agent."""
    if fit is None:
        return {}
    zero = [t for t, node in zip(response.network.treatments, response.nodes, strict=True) if node.dose == 0]
    base = next((t for t in (fit.reference, *zero) if t in zero), None)
    if base is None:
        return {}
    home = fit.network.position(base)
    found: dict[str, list[tuple[float, float, float, float]]] = {}
    for treatment, node in zip(response.network.treatments, response.nodes, strict=True):
        place = fit.network.position(treatment)
        values = [float(a[place, home]) for a in (fit.estimates, fit.lower, fit.upper)]
        if node.dose > 0 and np.isfinite(values[0]):
            found.setdefault(node.agent, []).append((node.dose, values[0], values[1], values[2]))
    return found


def _limits(
    curves: dict[str, DoseCurve], points: dict[str, list[tuple[float, float, float, float]]]
) -> tuple[float, float]:
    estimates, lower, upper = [], [], []
    for curve in curves.values():
        estimates.append(curve.estimates)
        lower.append(curve.lower)
        upper.append(curve.upper)
    flat = np.array([point[1:] for found in points.values() for point in found]).reshape(-1, 3)
    return scale.limits(
        np.concatenate([*estimates, flat[:, 0]]),
        np.concatenate([*lower, flat[:, 1]]),
        np.concatenate([*upper, flat[:, 2]]),
    )
