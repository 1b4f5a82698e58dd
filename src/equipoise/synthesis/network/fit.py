"""The fitted network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.comparisons import Comparisons, tabulate
from equipoise.synthesis.network.consistency import UnrelatedEffects, unrelated_effects
from equipoise.synthesis.network.contributions import ContributionMethod, Contributions, contributions
from equipoise.synthesis.network.direct import DirectEvidence, direct_evidence
from equipoise.synthesis.network.gls import Solution, System, build, solve
from equipoise.synthesis.network.hat import EvidenceFlow, NetworkMeasures, evidence_flow, network_measures
from equipoise.synthesis.network.heat import NetHeat, net_heat
from equipoise.synthesis.network.heterogeneity import (
    Heterogeneity,
    Tau2Method,
    heterogeneity,
    i2_interval,
    tau2_interval,
)
from equipoise.synthesis.network.hierarchy import Categories, Certainty, categories
from equipoise.synthesis.network.importance import Importance, importance
from equipoise.synthesis.network.inconsistency import Inconsistency, inconsistency
from equipoise.synthesis.network.inference import Inference, Interval, infer
from equipoise.synthesis.network.league import Compared, League, league_table
from equipoise.synthesis.network.loops import Loops, loop_inconsistency
from equipoise.synthesis.network.prediction import Predictions, predict
from equipoise.synthesis.network.ranking import Connected, Ranking, rank
from equipoise.synthesis.network.splitting import Split, SplitMethod, SplitTau2, split
from equipoise.synthesis.network.tables import decimals, interval, natural, p_statement

if TYPE_CHECKING:
    from equipoise.synthesis.network.network import Network

Model = Literal["random", "common"]


@dataclass(frozen=True, slots=True, eq=False)
class NetworkFit:
    """A network meta-analysis: every treatment against every other, subnetwork by subnetwork.

    Arrays over pairs have shape (treatments, treatments), row minus column on the analysis scale, NaN between
    subnetworks. Arrays over subnetworks are aligned with ``subnetworks``: ``tau2`` (0 in the common-effect model),
    ``q``, ``df``, ``p`` (Cochran's Q at τ² = 0: heterogeneity and inconsistency together) and ``i2`` (a fraction).
    ``systems``, ``solutions`` and ``inferences`` hold, one a subnetwork, the normal equations, their solution and how
    intervals are made.
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
    inferences: tuple[Inference, ...] = field(repr=False)

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

    @property
    def model_text(self) -> str:
        """The model in words."""
        return "common effect" if self.model == "common" else f"random effects, tau² by {self.method}"

    def pair_counts(self) -> IntArray:
        """How many studies compare each pair directly, shape (treatments, treatments)."""
        return self.network.pair_counts()

    def part_of(self) -> IntArray:
        """The number of the subnetwork each treatment lies in, shape (treatments,)."""
        part = np.empty(len(self.treatments), dtype=np.intp)
        for number, system in enumerate(self.systems):
            part[system.treatments] = number
        return part

    def references(self, reference: str | None = None) -> tuple[str, ...]:
        """What each subnetwork is compared with: the reference, or the first by name where that one isn't in it."""
        if reference is not None:
            self.network.position(reference)
        wanted = reference or self.reference
        return tuple(wanted if wanted in part else part[0] for part in self.subnetworks)

    def effects(self, reference: str | None = None) -> Comparisons:
        """Every treatment against the reference (each subnetwork against its own)."""
        bases = self.references(reference)
        pairs = [(t, base) for part, base in zip(self.subnetworks, bases, strict=True) for t in part if t != base]
        return self._table(pairs, f"Network estimates ({self.model_text}) against {', '.join(bases)}")

    def comparisons(self) -> Comparisons:
        """Every pair of treatments that is connected, once each, the first by name minus the second."""
        pairs = [(a, b) for part in self.subnetworks for i, a in enumerate(part) for b in part[i + 1 :]]
        return self._table(pairs, f"Network estimates ({self.model_text})")

    def direct(self) -> DirectEvidence:
        """Direct estimates: the studies that compare a pair, pooled with the model's τ²."""
        return direct_evidence(self)

    def predict(self, level: float | None = None) -> Predictions:
        """Prediction intervals of all pairs: estimate ± t·√(se² + τ²), t with the degrees of freedom of Q.

        ``level`` defaults to the fit's. Raises ``DataError`` for a common-effect model.
        """
        return predict(self, level)

    def tau2_interval(self, level: float | None = None) -> FloatArray:
        """Confidence limits of τ² by the Q-profile method, shape (subnetworks, 2); ``level``: default the fit's."""
        wanted = self.level if level is None else level
        return np.array([tau2_interval(system, wanted) for system in self.systems])

    def i2_interval(self, level: float | None = None) -> FloatArray:
        """Test-based confidence limits of I² as fractions, shape (subnetworks, 2); ``level``: default the fit's.

        As netmeta gives them; NaN with fewer than two degrees of freedom.
        """
        wanted = self.level if level is None else level
        return np.array([i2_interval(q, df, wanted) for q, df in zip(self.q.tolist(), self.df.tolist(), strict=True)])

    @property
    def h(self) -> FloatArray:
        """H = √(Q/df), at least 1, one a subnetwork; NaN without degrees of freedom."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(self.df > 0, np.sqrt(self.q / self.df), np.nan)
        return np.asarray(np.maximum(1.0, ratio))

    def h_interval(self, level: float | None = None) -> FloatArray:
        """Test-based confidence limits of H, shape (subnetworks, 2): those of I² = 1 − 1/H²."""
        return np.asarray(1.0 / np.sqrt(1.0 - self.i2_interval(level)))

    def league(
        self,
        upper_triangle: Literal["network", "direct"] = "network",
        other: Compared | None = None,
        order: Sequence[str] | None = None,
    ) -> League:
        """The league table: network estimates in the lower triangle, row minus column.

        The upper triangle shows the same estimates, the direct ones (``upper_triangle="direct"``) or the network
        estimates of a second outcome (``other``). ``order`` lists the treatments as they shall appear (for example
        ``ranking().order``).
        """
        if upper_triangle not in ("network", "direct"):
            raise DataError(f"upper_triangle {upper_triangle!r} isn't known; choose 'network' or 'direct'")
        return league_table(self, self.direct() if upper_triangle == "direct" else None, other, order)

    def connected(self) -> list[Connected]:
        """The subnetworks as ranking needs them: effects with their covariance."""
        return [
            Connected(s.treatments, f.potentials, f.inverse, i)
            for s, f, i in zip(self.systems, self.solutions, self.inferences, strict=True)
        ]

    def ranking(
        self, smaller_is_better: bool = True, threshold: float = 0.0, samples: int | None = None, seed: int = 0
    ) -> Ranking:
        """P-scores, SUCRA, rank probabilities, mean ranks; each subnetwork ranked by itself.

        ``smaller_is_better``: whether a smaller value on the analysis scale is the better outcome (netmeta's
        ``small.values = "desirable"``); ``threshold``: the difference that matters, for ``Ranking.better``;
        ``samples``: integration points for rank probabilities (rounded up to a power of two; by default the more the
        fewer treatments there are), ``seed``: their randomisation.
        """
        return rank(self, smaller_is_better, threshold, samples, seed)

    def categories(
        self,
        reference: str | None = None,
        smaller_is_better: bool = True,
        threshold: float = 0.0,
        certainty: Mapping[str, Certainty] | None = None,
    ) -> Categories:
        """Treatments in categories against the reference, by confidence intervals (GRADE, minimally contextualised).

        ``threshold``: the difference on the analysis scale that matters (0: any); ``certainty``: of each treatment's
        estimate against the reference. Only the reference's subnetwork is categorised.
        """
        return categories(self, reference or self.reference, smaller_is_better, threshold, certainty)

    def split(self, method: SplitMethod = "back-calculation", tau2: SplitTau2 | None = None) -> Split:
        """Direct against indirect evidence for every pair.

        ``method``: "back-calculation" (netmeta's default), "sidde" (the studies comparing the pair taken out) or
        "node" (node-splitting). ``tau2``: "network" keeps the network's τ², "each" estimates it anew for every pair,
        by the fit's method; by default "each" for "sidde", as in netmeta, and "network" for the others. With "sidde"
        that is the τ² of indirect estimates; direct ones have the network's, and the confidence intervals' factor and
        degrees of freedom are the network's too. A pair has an indirect estimate whenever its two treatments stay
        connected without the studies comparing them, even where others are cut off (netmeta: NA). Raises
        ``DataError`` for an unknown option, and for "each" with "back-calculation".
        """
        return split(self, method, tau2)

    def inconsistency(self, method: Tau2Method = "DL") -> Inconsistency:
        """Q within and between designs, the design-by-treatment interaction test, and each design detached.

        ``method``: how τ² within designs is estimated for the random-effects test (netmeta: "DL").
        """
        return inconsistency(self, method)

    def net_heat(self, model: Literal["common", "random"] = "common", method: Tau2Method = "DL") -> NetHeat:
        """The net heat matrix; with ``model="random"`` at the τ² within designs, estimated by ``method``."""
        return net_heat(self, model, method)

    def loops(self) -> Loops:
        """Inconsistency around every informative loop of three or four treatments."""
        return loop_inconsistency(self)

    def unrelated(self) -> UnrelatedEffects:
        """The model without consistency (unrelated mean effects), and a global test of consistency."""
        return unrelated_effects(self)

    def evidence_flow(self, pairs: Iterable[tuple[str, str]] | None = None) -> EvidenceFlow:
        """The hat matrix of the aggregated network, for all connected pairs or for ``pairs``."""
        return evidence_flow(self, pairs)

    def contributions(
        self, method: ContributionMethod = "random walk", pairs: Iterable[tuple[str, str]] | None = None
    ) -> Contributions:
        """Shares of direct comparisons and of studies in every network estimate, or in those of ``pairs``.

        ``method``: "random walk" (the same whatever the order of the treatments) or "shortest path" (netmeta's
        default; ties between equally short paths are broken by the treatments' order). Raises ``DataError`` where
        all pairs of a large network are too many.
        """
        return contributions(self, method, pairs)

    def measures(self) -> NetworkMeasures:
        """Proportion of direct evidence, mean path length and minimal parallelism of every network estimate."""
        return network_measures(self)

    def importance(self, pairs: Iterable[tuple[str, str]] | None = None) -> Importance:
        """The share of precision every estimate would lose without each study and each direct comparison.

        For all connected pairs or for ``pairs``. Raises ``DataError`` where all of them wouldn't fit in memory.
        """
        return importance(self, pairs)

    def to_frame(self) -> Any:
        """Every connected pair, one a row."""
        return self.comparisons().to_frame()

    def summary(self) -> str:
        """Effects against the reference and the heterogeneity, as text."""
        lines = [self.network.summary(), "", self.effects().summary(), ""]
        for number, part in enumerate(self.subnetworks):
            name = f" (subnetwork {number + 1}: {part[0]}, …)" if len(self.subnetworks) > 1 else ""
            limits = tau2_interval(self.systems[number], self.level)
            share, times = self.i2_interval()[number], self.h_interval()[number]
            lines.append(
                f"Heterogeneity{name}: tau² = {decimals(self.tau2[number])} ({self.method}), "
                f"{100 * self.level:g}% Q-profile interval {interval(*limits)}; "
                f"I² = {decimals(100 * self.i2[number], 1)}% {interval(100 * share[0], 100 * share[1], 1)}, "
                f"H = {decimals(self.h[number], 2)} {interval(times[0], times[1], 2)} (intervals of I² and H from Q)"
            )
            lines.append(
                f"Test of heterogeneity and inconsistency: Q = {decimals(self.q[number], 2)}, "
                f"df = {self.df[number]}, {p_statement(self.p[number])}"
            )
            lines += _cautions(self.inferences[number], self.ci)
        return "\n".join(lines)

    def natural(self, value: Any) -> Any:
        """``value`` on the scale a reader sees: exponentiated for ratio measures."""
        return natural(self.measure, value)

    def _table(self, pairs: list[tuple[str, str]], title: str) -> Comparisons:
        index = {t: i for i, t in enumerate(self.treatments)}
        rows = np.array([index[a] for a, _ in pairs], dtype=np.intp)
        columns = np.array([index[b] for _, b in pairs], dtype=np.intp)
        return tabulate(self, title, rows, columns, self.estimates, self.standard_errors)


def _cautions(inference: Inference, ci: Interval) -> list[str]:
    """What a reader of the intervals has to know."""
    if np.isnan(inference.df):
        return [f"No degrees of freedom are left, so there are no {ci!r} intervals; fit with ci='normal'."]
    if ci == "hksj" and inference.scale < 1:
        return [f"Hartung–Knapp makes the intervals narrower here (standard errors × {inference.scale:.3f})."]
    return []


def _spelt(model: Model, method: Tau2Method, ci: Interval) -> tuple[Model, Tau2Method, Interval]:
    """The options in the case they are known by; others as they are."""
    kinds: dict[str, Model] = {"random": "random", "common": "common"}
    methods: dict[str, Tau2Method] = {"reml": "REML", "dl": "DL", "ml": "ML"}
    intervals: dict[str, Interval] = {"normal": "normal", "t": "t", "hksj": "hksj"}
    return (
        kinds.get(str(model).lower(), model),
        methods.get(str(method).lower(), method),
        intervals.get(str(ci).lower(), ci),
    )


def fit_network(
    network: Network, model: Model, method: Tau2Method, reference: str | None, ci: Interval, level: float
) -> NetworkFit:
    """See ``Network.fit``."""
    model, method, ci = _spelt(model, method, ci)
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
    systems, solutions, found, inferences = [], [], [], []
    for part in network.subnetworks:
        system = build(network.blocks, np.array([index[t] for t in part], dtype=np.intp), n)
        measured = heterogeneity(system, method)
        if model == "common":
            measured = Heterogeneity(0.0, measured.q, measured.df, measured.p, measured.i2)
        solution = solve(system, measured.tau2)
        inference = infer(ci, level, solution.q, system.df)
        place = np.ix_(system.treatments, system.treatments)
        difference = solution.differences()
        error = inference.scale * np.sqrt(solution.variances())
        with np.errstate(divide="ignore", invalid="ignore"):
            statistic = np.where(error > 0, difference / error, 0.0)
        estimates[place], errors[place], statistics[place] = difference, error, statistic
        half = inference.quantile * error
        lower[place], upper[place] = difference - half, difference + half
        p_values[place] = inference.p_values(statistic)
        systems.append(system)
        solutions.append(solution)
        found.append(measured)
        inferences.append(inference)
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
        inferences=tuple(inferences),
    )
