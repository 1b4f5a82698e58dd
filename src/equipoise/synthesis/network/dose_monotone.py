"""Monotone dose–response over a network: isotonic regression of each agent's doses.

Nothing is assumed of the curve but that the effect against dose 0 doesn't turn back as the dose rises: least squares
under θ(d₁) ≤ θ(d₂) ≤ … (or ≥), starting from 0 at dose 0 (Barlow, Bartholomew, Bremner & Brunk 1972, Statistical
Inference under Order Restrictions). Neighbouring doses that would turn back get one common effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np
from scipy.optimize import lsq_linear

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.network.dose import DoseResponse, Doses, assemble, doses_by_agent, read_nodes, treatment_rows
from equipoise.synthesis.network.dose_shapes import Basis, Curve, Curves, LinearCurve, Node, SingleDose
from equipoise.synthesis.network.fit import Model
from equipoise.synthesis.network.heterogeneity import Tau2Method
from equipoise.synthesis.network.linear_model import LinearFit, Rows, solve_rows, tau2_of_rows, with_design
from equipoise.synthesis.network.network import Network

Direction = Literal["increasing", "decreasing", "either"]


def fit_monotone(
    network: Network,
    doses: Doses | None = None,
    *,
    direction: Direction | Mapping[str, Direction] = "either",
    separator: str = "_",
    model: Model = "random",
    method: Tau2Method = "REML",
    level: float = 0.95,
) -> DoseResponse:
    """Isotonic dose–response curves, one an agent; arguments as for ``fit_doses``.

    ``direction``: of the effect (on the analysis scale) with rising dose, for all agents or each; "either" takes the
    one that fits better. τ² is that of the model in which each dose has its own effect. Standard errors take the
    doses that came out equal as known to be equal, so they are too small where that was close; the test of the
    difference from the standard model doesn't apply (its p is NaN). Between doses the curve is drawn straight; beyond
    the largest it is unknown. Raises ``DataError`` as ``fit_doses`` does, and for an unknown direction.
    """
    if model not in ("random", "common"):
        raise DataError(f"model {model!r} isn't known; choose 'random' or 'common'")
    nodes = read_nodes(network, doses, separator)
    curves, ladders = _curves(nodes)
    rows = treatment_rows(network)
    _, gradient = curves.nodes(np.zeros(len(curves.names)), nodes)
    full = with_design(rows, rows.design @ gradient)
    tau2 = tau2_of_rows(full, method) if model == "random" else 0.0
    signs = _signs(full, tau2, ladders, direction)
    likely = tau2_of_rows(full, "ML") if model == "random" else 0.0
    common, fit, at_ml = (_isotonic(full, t, ladders, signs) for t in (0.0, tau2, likely))
    result = assemble(network, "monotone", model, method, nodes, curves, rows, common, fit, at_ml, level)
    return replace(result, difference_p=float("nan"))


def _curves(nodes: tuple[Node, ...]) -> tuple[Curves, dict[str, list[int]]]:
    """Straight pieces between an agent's doses, one parameter a dose; and each agent's parameters by rising dose."""
    names: list[str] = []
    parts: dict[str, tuple[Curve, tuple[int, ...]]] = {}
    ladders: dict[str, list[int]] = {}
    for agent, own in doses_by_agent(nodes).items():
        places = list(range(len(names), len(names) + len(own)))
        if np.isnan(own).any():
            names.append(agent)
            parts[agent] = SingleDose(float("nan")), tuple(places)
            continue
        names += [f"{agent} {dose:g}" for dose in own]
        parts[agent] = LinearCurve(_pieces(own)), tuple(places)
        ladders[agent] = places
    return Curves("monotone", tuple(names), parts), ladders


def _pieces(own: FloatArray) -> Basis:
    """The basis of a curve that is straight between 0 and its doses, NaN beyond."""
    knots = np.concatenate([[0.0], own])

    def basis(doses: FloatArray) -> FloatArray:
        columns = np.column_stack([np.interp(doses, knots, row) for row in np.eye(len(knots))[1:]])
        columns[doses > knots[-1]] = np.nan
        return columns

    return basis


def _signs(
    rows: Rows, tau2: float, ladders: dict[str, list[int]], direction: Direction | Mapping[str, Direction]
) -> dict[str, float]:
    """+1 for increasing, −1 for decreasing; where either is allowed, what lowers Q, agent by agent."""
    wanted = {a: direction if isinstance(direction, str) else direction.get(a, "either") for a in ladders}
    unknown = [d for d in wanted.values() if d not in ("increasing", "decreasing", "either")]
    if unknown:
        raise DataError(f"direction {unknown[0]!r} isn't known; choose 'increasing', 'decreasing' or 'either'")
    free = solve_rows(rows, tau2).coefficients
    signs = {
        a: {"increasing": 1.0, "decreasing": -1.0}.get(d, 1.0 if free[ladders[a][-1]] >= 0 else -1.0)
        for a, d in wanted.items()
    }
    lowest = _isotonic(rows, tau2, ladders, signs).q
    improved = True
    while improved:
        improved = False
        for agent in [a for a, d in wanted.items() if d == "either" and len(ladders[a]) > 1]:
            turned = signs | {agent: -signs[agent]}
            q = _isotonic(rows, tau2, ladders, turned).q
            if q < lowest - 1e-10 * (1 + lowest):
                signs, lowest, improved = turned, q, True
    return signs


def _isotonic(rows: Rows, tau2: float, ladders: dict[str, list[int]], signs: dict[str, float]) -> LinearFit:
    """Least squares under the order restrictions, in terms of the increments from dose to dose."""
    size = rows.design.shape[1]
    steps = np.eye(size)  # effects = steps @ increments
    lower = np.full(size, -np.inf)
    for agent, places in ladders.items():
        steps[np.ix_(places, places)] = np.tril(np.full((len(places), len(places)), signs[agent]))
        lower[places] = 0.0
    root = 1 / np.sqrt(rows.variances + tau2)
    design = rows.design @ steps
    solved = lsq_linear(root[:, None] * design, root * rows.values, (lower, np.inf), method="bvls", tol=1e-14)
    scale = float(np.abs(solved.x).max(initial=0.0))
    moving = ~((lower == 0) & (solved.x <= 1e-9 * max(scale, 1e-300)))
    # Refit without the increments that are 0: exact values, and the covariance given that they are.
    inner = solve_rows(with_design(rows, design[:, moving]), tau2)
    back = steps[:, moving]
    return LinearFit(
        tau2=tau2,
        coefficients=back @ inner.coefficients,
        covariance=back @ inner.covariance @ back.T,
        basis=rows.basis,
        q=inner.q,
        df=inner.df,
        log_determinant=inner.log_determinant,
    )
