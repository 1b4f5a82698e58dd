"""Shapes of a dose–response: the effect against dose 0 as a function of the dose, with a few parameters an agent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from equipoise.errors import DataError
from equipoise.frames import FloatArray

ShapeName = Literal["linear", "log", "quadratic", "exponential", "fractional", "spline", "emax"]
Basis = Callable[[FloatArray], FloatArray]
"""Doses (n,) → the columns of a curve that is linear in its parameters, (n, p), 0 at dose 0."""


@dataclass(frozen=True, slots=True)
class Node:
    """What a treatment is: an agent and its dose, NaN where the agent has none."""

    agent: str
    dose: float


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """The curves of all agents.

    ``names``: one a parameter. ``parts``: agent → its kind and the positions of its parameters. ``nonlinear`` is true
    if the effect is not linear in some parameter.
    """

    shape: str
    names: tuple[str, ...]
    parts: Mapping[str, tuple[Curve, tuple[int, ...]]]

    @property
    def nonlinear(self) -> bool:
        """Whether any curve is an Emax curve."""
        return any(isinstance(curve, EmaxCurve) for curve, _ in self.parts.values())

    def evaluate(self, parameters: FloatArray, agent: str, doses: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Effects against dose 0, shape (n,), and their derivatives by all parameters, shape (n, p).

        NaN where the agent's curve says nothing about a dose (it has been seen at one dose only).
        """
        gradient = np.zeros((len(doses), len(self.names)))
        if agent not in self.parts:
            return np.where(doses == 0, 0.0, np.nan), np.where((doses == 0)[:, None], gradient, np.nan)
        curve, places = self.parts[agent]
        values, own = curve.evaluate(parameters[list(places)], doses)
        gradient[:, list(places)] = own
        gradient[np.isnan(values)] = np.nan
        return values, gradient

    def nodes(self, parameters: FloatArray, nodes: Sequence[Node]) -> tuple[FloatArray, FloatArray]:
        """Effects of the given nodes and their derivatives, shapes (n,) and (n, p)."""
        values, gradients = np.empty(len(nodes)), np.empty((len(nodes), len(self.names)))
        for agent in {node.agent for node in nodes}:
            own = [i for i, node in enumerate(nodes) if node.agent == agent]
            values[own], gradients[own] = self.evaluate(parameters, agent, np.array([nodes[i].dose for i in own]))
        return values, gradients


@dataclass(frozen=True, slots=True, eq=False)
class LinearCurve:
    """A curve that is linear in its parameters."""

    basis: Basis

    def evaluate(self, parameters: FloatArray, doses: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Values (n,) and derivatives (n, p)."""
        columns = self.basis(doses)
        return columns @ parameters, columns


@dataclass(frozen=True, slots=True, eq=False)
class SingleDose:
    """An agent seen at one dose, or without any: its effect there, and nothing elsewhere."""

    dose: float

    def evaluate(self, parameters: FloatArray, doses: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Values (n,) and derivatives (n, 1)."""
        seen = np.isnan(doses) if np.isnan(self.dose) else doses == self.dose
        column = np.where(seen, 1.0, np.where(doses == 0, 0.0, np.nan))[:, None]
        return column[:, 0] * parameters[0], column


@dataclass(frozen=True, slots=True, eq=False)
class EmaxCurve:
    """Emax·d/(ED50 + d), with parameters Emax and log ED50."""

    def evaluate(self, parameters: FloatArray, doses: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Values (n,) and derivatives (n, 2)."""
        ed50 = np.exp(parameters[1])
        share = doses / (ed50 + doses)
        derivative = -parameters[0] * share * ed50 / (ed50 + doses)
        return parameters[0] * share, np.column_stack([share, derivative])


Curve = LinearCurve | SingleDose | EmaxCurve


def make_curves(
    shape: ShapeName,
    doses: Mapping[str, FloatArray],
    *,
    classes: Mapping[str, str] | None,
    powers: Sequence[float],
    knots: Sequence[float],
    ed50: Literal["agent", "shared"],
) -> Curves:
    """The curves of all agents; ``doses``: each agent's distinct doses above 0 (NaN for an agent without doses).

    Agents of a class share their parameters; with ``ed50="shared"`` all Emax curves share that one. An agent with
    fewer doses than its curve has parameters of its own gets a ``SingleDose`` (one dose) or raises ``DataError``.
    """
    names: list[str] = []
    parts: dict[str, tuple[Curve, tuple[int, ...]]] = {}
    place: dict[str, int] = {}

    def parameter(name: str) -> int:
        if name not in place:
            place[name] = len(names)
            names.append(name)
        return place[name]

    for agent, own in doses.items():
        group = agent if classes is None else classes.get(agent, agent)
        seen = (
            own
            if group == agent
            else np.unique(np.concatenate([d for a, d in doses.items() if _class(a, classes) == group]))
        )
        if np.isnan(own).any():
            parts[agent] = SingleDose(float("nan")), (parameter(agent),)
            continue
        labels, basis = _basis(shape, agent, float(own.max()), powers, knots)
        shared = shape == "emax" and ed50 == "shared"
        if len(seen) < len(labels) and not shared:
            if len(own) > 1:
                raise DataError(
                    f"agent {agent!r} has {len(own)} doses, too few for the {len(labels)} parameters of shape "
                    f"{shape!r}; choose a simpler one, or put it in a class with others"
                )
            parts[agent] = SingleDose(float(own[0])), (parameter(f"{agent} {own[0]:g}"),)
            continue
        places = [parameter(group if len(labels) == 1 else f"{group}: {label}") for label in labels]
        if shared:
            places[1] = parameter("log ED50")
        parts[agent] = (EmaxCurve() if basis is None else LinearCurve(basis)), tuple(places)
    used = sorted({p for _, own in parts.values() for p in own})
    renumber = {p: i for i, p in enumerate(used)}
    return Curves(
        shape,
        tuple(names[p] for p in used),
        {agent: (curve, tuple(renumber[p] for p in own)) for agent, (curve, own) in parts.items()},
    )


def _class(agent: str, classes: Mapping[str, str] | None) -> str:
    return agent if classes is None else classes.get(agent, agent)


def _basis(
    shape: ShapeName, agent: str, largest: float, powers: Sequence[float], knots: Sequence[float]
) -> tuple[tuple[str, ...], Basis | None]:
    """Labels of an agent's parameters and the basis (None for Emax)."""
    if shape == "linear":
        return ("dose",), lambda d: d[:, None]
    if shape == "log":
        return ("log(1 + dose)",), lambda d: np.log1p(d)[:, None]
    if shape == "exponential":
        return ("1 − exp(−dose)",), lambda d: -np.expm1(-d)[:, None]
    if shape == "quadratic":
        return ("dose", "dose²"), lambda d: np.column_stack([d, d**2])
    if shape == "fractional":
        chosen = tuple(powers)
        if not 1 <= len(chosen) <= 2:
            raise DataError(f"a fractional polynomial has one or two powers, not {len(chosen)}")
        labels = tuple(f"dose^{p:g}" + (" log" if i and p == chosen[0] else "") for i, p in enumerate(chosen))
        return labels, lambda d: _fractional(d, chosen)
    if shape == "spline":
        points = np.asarray(knots, dtype=float) * largest
        if len(points) < 3 or (np.diff(points) <= 0).any() or points[0] < 0:
            raise DataError(
                f"a spline needs three or more increasing knots, as shares of the largest dose; got {knots}"
            )
        labels = ("dose", *(f"spline {i}" for i in range(1, len(points) - 1)))
        return labels, lambda d: _spline(d, points)
    if shape == "emax":
        return ("Emax", "log ED50"), None
    raise DataError(
        f"shape {shape!r} isn't known (agent {agent!r}); choose 'linear', 'log', 'quadratic', 'exponential', "
        "'fractional', 'spline' or 'emax', or use `fit_monotone`"
    )


def _fractional(doses: FloatArray, powers: Sequence[float]) -> FloatArray:
    """Fractional polynomial terms (Royston & Altman 1994, Applied Statistics 43:429): dᵖ, log d for p = 0, and the
    second of two equal powers times log d; 0 at dose 0."""
    positive = np.where(doses > 0, doses, 1.0)
    columns = []
    for number, power in enumerate(powers):
        column = np.log(positive) if power == 0 else positive**power
        if number and power == powers[0]:
            column = column * np.log(positive)
        columns.append(np.where(doses > 0, column, 0.0))
    return np.column_stack(columns)


def _spline(doses: FloatArray, knots: FloatArray) -> FloatArray:
    """Harrell's restricted cubic spline basis (linear beyond the outer knots), terms over (last − first knot)²."""
    first, before, last = knots[0], knots[-2], knots[-1]

    def cube(values: FloatArray) -> FloatArray:
        return np.maximum(values, 0.0) ** 3

    columns = [doses]
    for knot in knots[:-2]:
        term = cube(doses - knot)
        term = term - cube(doses - before) * (last - knot) / (last - before)
        term = term + cube(doses - last) * (before - knot) / (last - before)
        columns.append(term / (last - first) ** 2)
    return np.column_stack(columns)
