"""The fitted network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.comparisons import Comparisons
from equipoise.synthesis.network.gls import Solution, System, build, solve
from equipoise.synthesis.network.heterogeneity import Heterogeneity, Tau2Method, heterogeneity
from equipoise.synthesis.network.tables import decimals, natural, p_value

if TYPE_CHECKING:
    from equipoise.synthesis.network.network import Network

Model = Literal["random", "common"]
Interval = Literal["normal", "t", "hksj"]


@dataclass(frozen=True, slots=True, eq=False)
class NetworkFit:
    """A network meta-analysis: every treatment against every other, subnetwork by subnetwork.

    Arrays over pairs have shape (treatments, treatments), row minus column on the analysis scale, NaN between
    subnetworks. Arrays over subnetworks are aligned with ``subnetworks``: ``tau2`` (0 in the common-effect model),
    ``q``, ``df``, ``p`` (Cochran's Q at τ² = 0: heterogeneity and inconsistency together) and ``i2`` (a fraction).
    ``systems`` and ``solutions`` hold the normal equations and their solution, one a subnetwork.
    """

    network: Network
    model: Model
    method: Tau2Method
    ci: Interval
    level: float
    reference: str
    estimates: FloatArray
    standard_errors: FloatArray
    lower: FloatArray
    upper: FloatArray
    statistics: FloatArray
    p_values: FloatArray
    tau2: FloatArray
    q: FloatArray
    df: IntArray
    p: FloatArray
    i2: FloatArray
    systems: tuple[System, ...] = field(repr=False)
    solutions: tuple[Solution, ...] = field(repr=False)

    @property
    def treatments(self) -> tuple[str, ...]:
        """The treatments, in the order of the arrays."""
        return self.network.treatments

    @property
    def subnetworks(self) -> tuple[tuple[str, ...], ...]:
        """The connected parts, in the order of ``tau2``, ``q``, …"""
        return self.network.subnetworks

    @property
    def measure(self) -> str:
        """The effect measure."""
        return self.network.measure

    def part_of(self) -> IntArray:
        """The number of the subnetwork each treatment lies in, shape (treatments,)."""
        part = np.empty(len(self.treatments), dtype=np.intp)
        for number, system in enumerate(self.systems):
            part[system.treatments] = number
        return part

    def references(self) -> tuple[str, ...]:
        """What each subnetwork is compared with: the reference, or the first by name where that one isn't in it."""
        return tuple(self.reference if self.reference in part else part[0] for part in self.subnetworks)

    def effects(self, reference: str | None = None) -> Comparisons:
        """Every treatment against the reference (each subnetwork against its own)."""
        if reference is not None:
            self.network.position(reference)
        wanted = reference or self.reference
        bases = {part: wanted if wanted in part else part[0] for part in self.subnetworks}
        pairs = [(t, base) for part, base in bases.items() for t in part if t != base]
        against = ", ".join(dict.fromkeys(bases.values()))
        return self._comparisons(pairs, f"Network estimates ({self._model_text()}) against {against}")

    def comparisons(self) -> Comparisons:
        """Every pair of treatments that is connected, once each, the first by name minus the second."""
        pairs = [(a, b) for part in self.subnetworks for i, a in enumerate(part) for b in part[i + 1 :]]
        return self._comparisons(pairs, f"Network estimates ({self._model_text()})")

    def to_frame(self) -> Any:
        """Every connected pair, one a row."""
        return self.comparisons().to_frame()

    def summary(self) -> str:
        """Effects against the reference and the heterogeneity, as text."""
        lines = [self.network.summary(), "", self.effects().summary(), ""]
        for number, part in enumerate(self.subnetworks):
            name = f" (subnetwork {number + 1}: {part[0]}, …)" if len(self.subnetworks) > 1 else ""
            lines.append(
                f"Heterogeneity{name}: tau² = {decimals(self.tau2[number])} ({self.method}); "
                f"I² = {decimals(100 * self.i2[number], 1)}%"
            )
            lines.append(
                f"Test of heterogeneity and inconsistency: Q = {decimals(self.q[number], 2)}, "
                f"df = {self.df[number]}, p = {p_value(self.p[number])}"
            )
        return "\n".join(lines)

    def natural(self, value: Any) -> Any:
        """``value`` on the scale a reader sees: exponentiated for ratio measures."""
        return natural(self.measure, value)

    def _comparisons(self, pairs: list[tuple[str, str]], title: str) -> Comparisons:
        index = {t: i for i, t in enumerate(self.treatments)}
        rows = np.array([index[a] for a, _ in pairs], dtype=np.intp)
        columns = np.array([index[b] for _, b in pairs], dtype=np.intp)
        place = (rows, columns)
        return Comparisons(
            title=title,
            measure=self.measure,
            level=self.level,
            treatment=tuple(a for a, _ in pairs),
            comparator=tuple(b for _, b in pairs),
            studies=self.network.pair_counts()[place],
            estimates=self.estimates[place],
            standard_errors=self.standard_errors[place],
            lower=self.lower[place],
            upper=self.upper[place],
            statistics=self.statistics[place],
            p=self.p_values[place],
        )

    def _model_text(self) -> str:
        return "common effect" if self.model == "common" else f"random effects, tau² by {self.method}"


def fit_network(
    network: Network, model: Model, method: Tau2Method, reference: str | None, ci: Interval, level: float
) -> NetworkFit:
    """See ``Network.fit``."""
    for name, value, known in (
        ("model", model, ("random", "common")),
        ("ci", ci, ("normal", "t", "hksj")),
        ("method", method, ("REML", "DL", "ML")),
    ):
        if value not in known:
            raise DataError(f"{name} {value!r} isn't known; choose {' or '.join(map(repr, known))}")
    if not 0 < level < 1:
        raise DataError(f"level {level} must lie between 0 and 1")
    if reference is not None:
        network.position(reference)
    n = len(network.treatments)
    index = {t: i for i, t in enumerate(network.treatments)}
    estimates, errors, lower, upper, statistics, p_values = (np.full((n, n), np.nan) for _ in range(6))
    systems, solutions, found = [], [], []
    for part in network.subnetworks:
        system = build(network.blocks, np.array([index[t] for t in part], dtype=np.intp), n)
        measured = heterogeneity(system, method)
        if model == "common":
            measured = Heterogeneity(0.0, measured.q, measured.df, measured.p, measured.i2)
        solution = solve(system, measured.tau2)
        scale, quantile, tail = _interval(ci, level, solution, system.df)
        place = np.ix_(system.treatments, system.treatments)
        difference = solution.differences()
        error = scale * np.sqrt(solution.variances())
        with np.errstate(divide="ignore", invalid="ignore"):
            statistic = np.where(error > 0, difference / error, 0.0)
        estimates[place], errors[place], statistics[place] = difference, error, statistic
        lower[place], upper[place] = difference - quantile * error, difference + quantile * error
        p_values[place] = tail(statistic)
        systems.append(system)
        solutions.append(solution)
        found.append(measured)
    return NetworkFit(
        network=network,
        model=model,
        method=method,
        ci=ci,
        level=level,
        reference=reference if reference is not None else network.subnetworks[0][0],
        estimates=estimates,
        standard_errors=errors,
        lower=lower,
        upper=upper,
        statistics=statistics,
        p_values=p_values,
        tau2=np.array([h.tau2 for h in found]),
        q=np.array([h.q for h in found]),
        df=np.array([h.df for h in found], dtype=np.intp),
        p=np.array([h.p for h in found]),
        i2=np.array([h.i2 for h in found]),
        systems=tuple(systems),
        solutions=tuple(solutions),
    )


def _interval(ci: Interval, level: float, solution: Solution, df: int) -> tuple[float, float, Any]:
    """The factor on standard errors, the quantile, and the function from statistic to two-sided p."""
    upper = 1 - (1 - level) / 2
    if ci == "normal":
        return 1.0, float(norm.ppf(upper)), lambda z: 2 * norm.sf(np.abs(z))
    if df < 1:
        return float("nan"), float("nan"), lambda z: np.full_like(z, np.nan)
    scale = 1.0 if ci == "t" else float(np.sqrt(solution.q / df))
    return scale, float(student.ppf(upper, df)), lambda z: 2 * student.sf(np.abs(z), df)
