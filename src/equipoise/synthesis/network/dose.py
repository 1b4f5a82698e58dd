"""Dose–response network meta-analysis: treatments are doses of agents, and effects change with the dose.

The effect of a dose against dose 0 is a curve with a few parameters an agent; contrasts between doses of any agents
are differences of curves (Mawdsley et al. 2016, CPT Pharmacometrics & Systems Pharmacology 5:393; Petropoulou et al.
2025, netdose). All agents meet at dose 0, so that the model connects what no study connects. Shapes that are linear
in their parameters are fitted by generalised least squares, Emax by Gauss–Newton iterations on it; one τ² is common
to all comparisons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from scipy.optimize import least_squares
from scipy.special import chdtrc, ndtri

from equipoise.errors import DataError, NotConverged
from equipoise.frames import FloatArray
from equipoise.synthesis.network.coefficients import Coefficients, tabulate
from equipoise.synthesis.network.dose_shapes import Curves, EmaxCurve, Node, ShapeName, make_curves
from equipoise.synthesis.network.fit import Model
from equipoise.synthesis.network.heterogeneity import Tau2Method
from equipoise.synthesis.network.linear_model import (
    LinearFit,
    Rows,
    make_rows,
    solve_rows,
    tau2_of_rows,
    with_design,
)
from equipoise.synthesis.network.network import Network
from equipoise.synthesis.network.pair_effects import PairEffects, pair_effects
from equipoise.synthesis.network.tables import analysis_scale, decimals, interval, natural, p_statement, text_table

Doses = Mapping[str, tuple[str, float | None]]
"""Treatment → its agent and dose; None for an agent without doses."""


@dataclass(frozen=True, slots=True, eq=False)
class DoseCurve:
    """One agent's effect at a range of doses against a comparator, on the analysis scale; arrays (doses,)."""

    agent: str
    comparator: str
    measure: str
    doses: FloatArray
    estimates: FloatArray
    standard_errors: FloatArray
    lower: FloatArray
    upper: FloatArray

    def to_frame(self, exponentiate: bool = False) -> Any:
        """One row a dose; with ``exponentiate`` the estimate and its interval of a ratio measure are ratios."""
        from equipoise.frames import make_frame

        def scale(values: FloatArray) -> FloatArray:
            return np.asarray(natural(self.measure, values)) if exponentiate else values

        return make_frame(
            {
                "agent": [self.agent] * len(self.doses),
                "dose": self.doses,
                "comparator": [self.comparator] * len(self.doses),
                "estimate": scale(self.estimates),
                "se": self.standard_errors,
                "lower": scale(self.lower),
                "upper": scale(self.upper),
            }
        )

    def summary(self) -> str:
        """The doses as text; ratio measures as ratios."""
        low, high = natural(self.measure, self.lower), natural(self.measure, self.upper)
        return f"{self.agent} against {self.comparator}\n\n" + text_table(
            {
                "dose": [f"{d:g}" for d in self.doses],
                self.measure: [decimals(x) for x in natural(self.measure, self.estimates)],
                "CI": [interval(a, b) for a, b in zip(low, high, strict=True)],
            }
        )


@dataclass(frozen=True, slots=True, eq=False)
class DoseResponse:
    """A dose–response network meta-analysis.

    ``nodes``: one a treatment; ``parameters``: one row each, NaN where not identified; ``pairs``: the effects of the
    observed doses under the curves. ``q``, ``df``, ``p``: fit of the curves at τ² = 0; ``standard_q`` …: of the model
    in which each dose has its own effect; ``difference_q`` …: one against the other (a small p: the shape doesn't
    fit). ``aic``: of the curves, by maximum likelihood with τ²; smaller is better.
    """

    network: Network
    shape: str
    model: Model
    method: Tau2Method
    nodes: tuple[Node, ...]
    parameters: Coefficients
    pairs: PairEffects
    tau2: float
    q: float
    df: int
    p: float
    standard_q: float
    standard_df: int
    standard_p: float
    difference_q: float
    difference_df: int
    difference_p: float
    aic: float
    curves: Curves = field(repr=False)
    fit: LinearFit = field(repr=False)

    @property
    def agents(self) -> tuple[str, ...]:
        """The agents with a dose above 0, sorted."""
        return tuple(sorted(self.curves.parts))

    @property
    def estimates(self) -> FloatArray:
        """Effects of all pairs of observed doses, shape (treatments, treatments), row minus column."""
        return self.pairs.estimates

    @property
    def standard_errors(self) -> FloatArray:
        """Standard errors of ``estimates``."""
        return self.pairs.standard_errors

    def curve(
        self, agent: str, doses: Sequence[float] | FloatArray, against: tuple[str, float] | None = None
    ) -> DoseCurve:
        """The agent's effect at the given doses against another agent's dose (default: dose 0).

        Raises ``DataError`` for an unknown agent or a negative dose.
        """
        for name in (agent, *([against[0]] if against is not None else [])):
            if name not in self.curves.parts:
                raise DataError(f"no agent {name!r} with doses; there are {', '.join(self.agents)}")
        grid = np.asarray(doses, dtype=float)
        if (grid < 0).any() or (against is not None and against[1] < 0):
            raise DataError("a dose can't be negative")
        values, gradient = self.curves.evaluate(self.fit.coefficients, agent, grid)
        comparator = "dose 0"
        if against is not None:
            other, slope = self.curves.evaluate(self.fit.coefficients, against[0], np.array([float(against[1])]))
            values, gradient = values - other, gradient - slope
            comparator = f"{against[0]} {against[1]:g}"
        estimates, errors = _estimate(self.fit, values, gradient)
        half = float(ndtri(1 - (1 - self.parameters.level) / 2)) * errors
        return DoseCurve(
            agent, comparator, self.network.measure, grid, estimates, errors, estimates - half, estimates + half
        )

    def observed(self) -> str:
        """The effects of the doses that were given against dose 0, as text; ratio measures as ratios."""
        measure = self.network.measure
        given = doses_by_agent(self.nodes)
        curves = [self.curve(agent, given[agent]) for agent in self.agents if np.isfinite(given[agent]).all()]
        rows = [(c, i) for c in curves for i in range(len(c.doses))]
        return text_table(
            {
                "dose": [f"{c.agent} {c.doses[i]:g}" for c, i in rows],
                measure: [decimals(natural(measure, c.estimates[i])) for c, i in rows],
                f"{100 * self.parameters.level:g}%-CI": [
                    interval(natural(measure, c.lower[i]), natural(measure, c.upper[i])) for c, i in rows
                ],
            }
        )

    def to_frame(self) -> Any:
        """One row a parameter, on the analysis scale; ``curve`` gives effects."""
        return self.parameters.to_frame()

    def summary(self) -> str:
        """Parameters, heterogeneity and the fit of the shape, as text."""
        kind = "common effect" if self.model == "common" else f"random effects, tau² by {self.method}"
        lines = [
            f"Dose–response network meta-analysis: {self.shape} ({kind}), {self.network.measure}",
            "",
            self.observed(),
            "",
            f"Parameters of the curves (effects as {analysis_scale(self.network.measure)})",
            "",
            self.parameters.summary(),
            "",
        ]
        if self.model == "random":
            lines.append(f"tau² = {decimals(self.tau2)}; AIC = {decimals(self.aic, 2)}")
        for name, q, df, p in (
            ("Dose–response", self.q, self.df, self.p),
            ("Each dose by itself", self.standard_q, self.standard_df, self.standard_p),
            ("Difference", self.difference_q, self.difference_df, self.difference_p),
        ):
            lines.append(f"{name}: Q = {decimals(q, 2)}, df = {df}, {p_statement(p)}")
        return "\n".join(lines)


def fit_doses(
    network: Network,
    doses: Doses | None = None,
    *,
    shape: ShapeName = "linear",
    separator: str = "_",
    classes: Mapping[str, str] | None = None,
    powers: Sequence[float] = (0.5,),
    knots: Sequence[float] = (0.1, 0.5, 0.9),
    ed50: Literal["agent", "shared"] = "agent",
    model: Model = "random",
    method: Tau2Method = "REML",
    level: float = 0.95,
) -> DoseResponse:
    """Fit a dose–response curve of one ``shape`` to every agent.

    ``doses`` says what each treatment is; by default it is read from names such as "fluoxetine_20" or "placebo_0".
    Shapes: "linear"; "log": log(1 + dose); "quadratic"; "exponential": 1 − exp(−dose); "fractional" polynomials with
    ``powers``; "spline": restricted cubic, ``knots`` as shares of an agent's largest dose; "emax", with an ED50 for
    each agent or one that is shared. ``classes`` (agent → class) shares parameters among agents. An agent seen at
    one dose (or without dose) gets an effect of its own there if the shape needs more. For isotonic curves see
    ``fit_monotone``.

    Raises ``DataError`` for treatments without agent or dose, unknown options, and agents with too few doses;
    ``NotConverged`` when an ED50 can't be told from the data.
    """
    if model not in ("random", "common"):
        raise DataError(f"model {model!r} isn't known; choose 'random' or 'common'")
    nodes = read_nodes(network, doses, separator)
    curves = make_curves(shape, doses_by_agent(nodes), classes=classes, powers=powers, knots=knots, ed50=ed50)
    rows = treatment_rows(network)
    solver = _Solver(rows, curves, nodes)
    common = solver.fit(0.0)
    tau2 = solver.tau2(method) if model == "random" else 0.0
    fit = solver.fit(tau2)
    at_ml = solver.tau2("ML") if model == "random" else 0.0
    likely = solver.fit(at_ml)
    return assemble(network, shape, model, method, nodes, curves, rows, common, fit, likely, level)


def assemble(
    network: Network,
    shape: str,
    model: Model,
    method: Tau2Method,
    nodes: tuple[Node, ...],
    curves: Curves,
    rows: Rows,
    common: LinearFit,
    fit: LinearFit,
    likely: LinearFit,
    level: float,
) -> DoseResponse:
    """The result from the fits at τ² = 0, at the model's τ² and at that of maximum likelihood.

    ``rows`` have one column a treatment.
    """
    values, gradient = curves.nodes(fit.coefficients, nodes)
    estimates, errors = _estimate(fit, values[:, None] - values[None, :], gradient[:, None, :] - gradient[None, :, :])
    own, own_error = fit.estimate(np.eye(len(curves.names)))
    standard = solve_rows(rows)
    tests = [
        (common.q, common.df),
        (standard.q, standard.df),
        (max(0.0, common.q - standard.q), common.df - standard.df),
    ]
    p_values = [float(chdtrc(df, q)) if df > 0 else float("nan") for q, df in tests]
    return DoseResponse(
        network=network,
        shape=shape,
        model=model,
        method=method,
        nodes=nodes,
        parameters=tabulate(curves.names, own, own_error, level),
        pairs=pair_effects(network.measure, network.treatments, network.pair_counts(), estimates, errors, level),
        tau2=fit.tau2,
        q=tests[0][0],
        df=tests[0][1],
        p=p_values[0],
        standard_q=tests[1][0],
        standard_df=tests[1][1],
        standard_p=p_values[1],
        difference_q=tests[2][0],
        difference_df=tests[2][1],
        difference_p=p_values[2],
        aic=_aic(network, rows, likely, model),
        curves=curves,
        fit=fit,
    )


def read_nodes(network: Network, doses: Doses | None, separator: str) -> tuple[Node, ...]:
    """The agent and dose of every treatment; ``DataError`` where there is none or the dose is negative."""
    nodes = []
    for treatment in network.treatments:
        if doses is not None:
            if treatment not in doses:
                raise DataError(f"no agent and dose given for treatment {treatment!r}")
            agent, dose = doses[treatment]
            value = float("nan") if dose is None else float(dose)
        else:
            agent, found, text = treatment.rpartition(separator)
            try:
                value = float(text)
            except ValueError:
                found = ""
            if not found or not agent:
                raise DataError(
                    f"treatment {treatment!r} doesn't read as agent{separator}dose; give doses= for every treatment"
                )
        if value < 0:
            raise DataError(f"treatment {treatment!r}: dose {value:g} is negative")
        nodes.append(Node(agent.strip(), value))
    return tuple(nodes)


def doses_by_agent(nodes: Sequence[Node]) -> dict[str, FloatArray]:
    """Each agent's distinct doses above 0, increasing; NaN for an agent without doses; ``DataError`` if none."""
    found: dict[str, FloatArray] = {}
    for agent in sorted({node.agent for node in nodes}):
        own = np.unique([node.dose for node in nodes if node.agent == agent and node.dose != 0])
        if len(own) > 1 and np.isnan(own).any():
            raise DataError(f"agent {agent!r} has a dose in one treatment and none in another")
        if len(own):
            found[agent] = own
    if not found:
        raise DataError("no treatment has a dose above 0")
    return found


def treatment_rows(network: Network) -> Rows:
    """The network's rows with one column a treatment."""
    return make_rows(network.blocks, lambda block: np.eye(len(network.treatments))[block.arms])


def _estimate(fit: LinearFit, values: FloatArray, gradient: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The values and their standard errors by the delta method, NaN where not estimable."""
    usable = np.asarray(np.isfinite(gradient).all(axis=-1))
    _, errors = fit.estimate(np.where(usable[..., None], gradient, 0.0))
    errors = np.where(usable, errors, np.nan)
    return np.where(np.isfinite(errors), values, np.nan), errors


def _aic(network: Network, rows: Rows, likely: LinearFit, model: Model) -> float:
    """Akaike's criterion at the maximum likelihood estimates of the curves and, with random effects, of τ²."""
    spread = float(np.log(rows.variances + likely.tau2).sum()) + likely.q
    for block in network.blocks:  # the determinant of R, which the rotation took out
        size = block.estimates.shape[1]
        spread += len(block.studies) * (np.log1p(size) - size * np.log(2.0))
    spread += len(rows.values) * np.log(2 * np.pi)
    return float(spread + 2 * (len(rows.values) - likely.df + (model == "random")))


class _Solver:
    """Weighted least squares of the curves at any τ², linear or not."""

    def __init__(self, rows: Rows, curves: Curves, nodes: tuple[Node, ...]) -> None:
        self.rows, self.curves, self.nodes = rows, curves, nodes
        self.start: FloatArray | None = None
        _, gradient = curves.nodes(np.zeros(len(curves.names)), nodes)
        self.linear = with_design(rows, rows.design @ gradient)

    def fit(self, tau2: float) -> LinearFit:
        """The fit at ``tau2``; for a nonlinear shape that of its linearisation at the optimum."""
        return solve_rows(self.linearised(tau2), tau2)

    def tau2(self, method: Tau2Method) -> float:
        """τ² by ``method``, alternating with the curves where they aren't linear."""
        value = 0.0
        for _ in range(200):
            found = tau2_of_rows(self.linearised(value), method)
            if not self.curves.nonlinear or abs(found - value) <= 1e-12 + 1e-9 * value:
                return found
            value = found
        raise NotConverged("tau² and the dose–response curves don't settle; choose a simpler shape")

    def linearised(self, tau2: float) -> Rows:
        """Rows of the model that is linear in the parameters, with working responses."""
        if not self.curves.nonlinear:
            return self.linear
        parameters = self.optimum(tau2)
        values, gradient = self.curves.nodes(parameters, self.nodes)
        design = self.rows.design @ gradient
        working = self.rows.values - self.rows.design @ values + design @ parameters
        return with_design(replace(self.rows, values=working), design)

    def optimum(self, tau2: float) -> FloatArray:
        """The parameters of least squares, from several starting values of the ED50s or from the last optimum."""
        root = 1 / np.sqrt(self.rows.variances + tau2)
        ed50 = sorted({own[1] for curve, own in self.curves.parts.values() if isinstance(curve, EmaxCurve)})
        largest = {p: max(self._doses(p)) for p in ed50}
        smallest = {p: min(self._doses(p)) for p in ed50}

        def residuals(parameters: FloatArray) -> FloatArray:
            values, _ = self.curves.nodes(parameters, self.nodes)
            return np.asarray(root * (self.rows.values - self.rows.design @ values))

        def jacobian(parameters: FloatArray) -> FloatArray:
            _, gradient = self.curves.nodes(parameters, self.nodes)
            return np.asarray(-root[:, None] * (self.rows.design @ gradient))

        starts = [self.start] if self.start is not None else []
        for share in () if starts else (0.1, 0.3, 1.0, 3.0):
            parameters = np.zeros(len(self.curves.names))
            for p in ed50:
                parameters[p] = np.log(share * np.sqrt(largest[p] * smallest[p]))
            _, gradient = self.curves.nodes(parameters, self.nodes)
            rest = [p for p in range(len(parameters)) if p not in ed50]
            design = (self.rows.design @ gradient)[:, rest]
            parameters[rest] = solve_rows(with_design(self.rows, design), tau2).coefficients
            starts.append(parameters)
        low, high = np.full(len(self.curves.names), -np.inf), np.full(len(self.curves.names), np.inf)
        for p in ed50:
            low[p], high[p] = np.log(smallest[p] / 1000), np.log(largest[p] * 1000)
        found = [
            least_squares(residuals, s, jacobian, bounds=(low, high), xtol=1e-14, ftol=1e-15, gtol=1e-12, max_nfev=2000)
            for s in starts
        ]
        best = min(found, key=lambda f: float(f.cost))
        at_bound = [p for p in ed50 if min(best.x[p] - low[p], high[p] - best.x[p]) < 1e-3]
        if at_bound or not best.success:
            names = ", ".join(self.curves.names[p] for p in at_bound) or "the curves"
            raise NotConverged(
                f"{names} can't be told from the data: the effect is flat or straight over the doses seen; share the "
                "ED50 (ed50='shared', classes) or choose shape 'linear'"
            )
        self.start = np.asarray(best.x, dtype=float)
        return self.start

    def _doses(self, parameter: int) -> list[float]:
        """Doses above 0 of the agents whose ED50 this is."""
        agents = {a for a, (c, own) in self.curves.parts.items() if isinstance(c, EmaxCurve) and own[1] == parameter}
        return [n.dose for n in self.nodes if n.agent in agents and n.dose > 0]
