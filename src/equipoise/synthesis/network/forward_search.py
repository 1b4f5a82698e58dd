"""Forward search: the network grows from a few studies that agree, and outliers come in last.

Starting from the connected set of studies, out of many candidates, whose fit has the highest median likelihood over
all studies, the study nearest to the fit is added and the network fitted again, until all are in. Sharp changes of
τ², Q, the effects or their ranking on the way betray the studies that cause them (Mavridis, Moustaki, Wall & Salanti
2017, Research Synthesis Methods 8(2); for networks Petropoulou et al. 2021, Statistics in Medicine 40:5642).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.fit import NetworkFit
from equipoise.synthesis.network.gls import Solution, System, fitted, solve, weights_at
from equipoise.synthesis.network.heterogeneity import estimate_tau2
from equipoise.synthesis.network.subsets import subset
from equipoise.synthesis.network.tables import decimals, first_of, text_table

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class ForwardSearch:
    """The search, one entry a step; the last has all studies of the subnetwork.

    ``initial``: the studies it started from; ``entered``: the study each later step added. ``treatments``: those of
    the subnetwork. ``tau2``, ``q`` (at τ² = 0), ``df``: shape (steps,); ``estimates``, ``standard_errors``: shape
    (steps, treatments), against ``reference``; ``p_scores``: shape (steps, treatments). ``residuals``: shape (steps,
    studies), the root mean square of each study's standardised residuals under the step's fit, whether it is in or
    not, in the order of ``studies``. ``cook``: the squared change of the effects from one step to the next, in
    standard errors, over treatments − 1; ``covratio``: the determinant of their covariance over the step before; both
    NaN for the first step.
    """

    fit: NetworkFit
    studies: tuple[str, ...]
    initial: tuple[str, ...]
    entered: tuple[str, ...]
    treatments: tuple[str, ...]
    reference: str
    tau2: FloatArray
    q: FloatArray
    df: IntArray
    estimates: FloatArray
    standard_errors: FloatArray
    p_scores: FloatArray
    residuals: FloatArray
    cook: FloatArray
    covratio: FloatArray

    def to_frame(self) -> Any:
        """One row a step."""
        from equipoise.frames import make_frame

        return make_frame(
            {
                "step": list(range(len(self.tau2))),
                "studies": [len(self.initial) + i for i in range(len(self.tau2))],
                "entered": ["", *self.entered],
                "tau2": self.tau2,
                "q": self.q,
                "df": self.df,
                "cook": self.cook,
                "covratio": self.covratio,
            }
        )

    def summary(self) -> str:
        """The steps as text."""
        where = f"; subnetwork {', '.join(self.treatments)}" if len(self.fit.subnetworks) > 1 else ""
        start = f"{len(self.initial)} studies: {first_of(self.initial)}"
        return f"Forward search ({self.fit.model_text}{where})\nfrom {start}\n\n" + text_table(
            {
                "entered": ["(start)", *self.entered],
                "studies": [str(len(self.initial) + i) for i in range(len(self.tau2))],
                "tau²": [decimals(x) for x in self.tau2],
                "Q": [decimals(x, 2) for x in self.q],
                "df": [str(x) for x in self.df],
                "Cook": [decimals(x, 3) for x in self.cook],
                "covratio": [decimals(x, 3) for x in self.covratio],
            }
        )


def forward_search(
    fit: NetworkFit,
    *,
    start: int | None = None,
    candidates: int = 100,
    seed: int = 0,
    smaller_is_better: bool = True,
    subnetwork: int = 0,
) -> ForwardSearch:
    """The forward search on one subnetwork (0: the largest), with the fit's model and τ² method.

    ``start``: how many studies it starts from (default: as many as treatments, or a fifth of the studies if that is
    more; never fewer than connect all treatments). ``candidates``: how many sets are drawn, reproducibly from
    ``seed``. Raises ``DataError`` for numbers out of range.
    """
    if not 0 <= subnetwork < len(fit.subnetworks):
        raise DataError(f"subnetwork {subnetwork} doesn't exist; there are {len(fit.subnetworks)}, numbered from 0")
    if candidates < 1:
        raise DataError(f"candidates = {candidates}; draw one set at least")
    system = fit.systems[subnetwork]
    count = system.studies
    size = max(system.size, -(-count // 5)) if start is None else start
    if not 1 <= size <= count:
        if start is not None:
            raise DataError(f"start = {start} of {count} studies; it must lie between 1 and that")
        size = count
    inside = _first_set(fit, system, size, candidates, np.random.default_rng(seed))
    first = inside.copy()
    reference = fit.references()[subnetwork]
    base = int(np.flatnonzero(system.treatments == fit.treatments.index(reference))[0])
    steps: list[_Step] = []
    residuals, order = [], []
    near: Solution | None = None
    while True:
        part = subset(system, inside)
        solution, q = _fit(fit, part, near)
        distance = _residuals(system, solution)
        steps.append(_step(part, solution, near, q, base, smaller_is_better))
        residuals.append(distance)
        near = solution
        if inside.all():
            break
        nearest = int(np.argmin(np.where(inside, np.inf, distance)))
        order.append(nearest)
        inside[nearest] = True
    positions = np.concatenate([block.studies for block in system.rotated])
    names = tuple(fit.network.studies[p].study for p in positions)
    return ForwardSearch(
        fit=fit,
        studies=names,
        initial=tuple(names[i] for i in np.flatnonzero(first)),
        entered=tuple(names[i] for i in order),
        treatments=tuple(fit.treatments[t] for t in system.treatments),
        reference=reference,
        tau2=np.array([s.tau2 for s in steps]),
        q=np.array([s.q for s in steps]),
        df=np.array([s.df for s in steps], dtype=np.intp),
        estimates=np.array([s.estimates for s in steps]),
        standard_errors=np.array([s.standard_errors for s in steps]),
        p_scores=np.array([s.p_scores for s in steps]),
        residuals=np.array(residuals),
        cook=np.array([s.cook for s in steps]),
        covratio=np.array([s.covratio for s in steps]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """One step's entries of a ``ForwardSearch``."""

    tau2: float
    q: float
    df: int
    estimates: FloatArray
    standard_errors: FloatArray
    p_scores: FloatArray
    cook: float
    covratio: float


def _step(
    part: System, solution: Solution, before: Solution | None, q: float, base: int, smaller_is_better: bool
) -> _Step:
    cook = ratio = float("nan")
    if before is not None:
        change = solution.potentials - before.potentials
        shifts = fitted(part, change)
        squares = sum(float((w * d * d).sum()) for w, d in zip(weights_at(part, solution.tau2), shifts, strict=True))
        cook = squares / (part.size - 1)
        ratio = float(np.exp(before.log_determinant - solution.log_determinant))
    errors = np.sqrt(solution.variances())
    return _Step(
        tau2=solution.tau2,
        q=q,
        df=part.df,
        estimates=solution.potentials - solution.potentials[base],
        standard_errors=errors[base],
        p_scores=_p_scores(solution.differences(), errors, smaller_is_better),
        cook=cook,
        covratio=ratio,
    )


def _fit(fit: NetworkFit, part: System, near: Solution | None = None) -> tuple[Solution, float]:
    """The fit to some of the studies and Q at τ² = 0; ``near``: that to one study less."""
    common = solve(part)
    if fit.model == "common" or part.df < 1:
        return common, common.q
    tau2 = estimate_tau2(part, fit.method, common, near.tau2 if near is not None else None)
    return solve(part, tau2), common.q


def _residuals(system: System, solution: Solution) -> FloatArray:
    """Root mean square of the standardised residuals of every study, shape (studies,)."""
    found = []
    for block in system.rotated:
        effects = np.matmul(block.coefficients, solution.potentials[block.arms][:, :, None])[:, :, 0]
        squares = (block.values - effects) ** 2 / (block.variances + solution.tau2)
        found.append(np.sqrt(squares.mean(axis=1)))
    return np.concatenate(found)


def _first_set(fit: NetworkFit, system: System, size: int, candidates: int, random: np.random.Generator) -> BoolArray:
    """Of sets drawn at random that connect all treatments, the one with the highest median likelihood.

    (The smallest median residual would favour sets that disagree so much that τ² makes every residual small.)
    """
    arms = [row for block in system.rotated for row in block.arms]
    best, lowest = np.ones(len(arms), dtype=bool), np.inf
    for _ in range(candidates if size < len(arms) else 1):
        inside = _spanning(arms, system.size, random.permutation(len(arms)), size)
        solution, _ = _fit(fit, subset(system, inside))
        spread = [np.log(b.variances + solution.tau2).mean(axis=1) for b in system.rotated]
        median = float(np.median(np.concatenate(spread) + _residuals(system, solution) ** 2))
        if median < lowest:
            best, lowest = inside, median
    return best


def _spanning(arms: list[IntArray], treatments: int, order: IntArray, size: int) -> BoolArray:
    """Studies in random order: first those that connect more treatments, then others up to ``size``."""
    parent = list(range(treatments))

    def root(t: int) -> int:
        while parent[t] != t:
            parent[t] = parent[parent[t]]
            t = parent[t]
        return t

    inside = np.zeros(len(arms), dtype=bool)
    for study in order.tolist():
        roots = {root(int(t)) for t in arms[study]}
        if len(roots) > 1:
            inside[study] = True
            keep = roots.pop()
            for other in roots:
                parent[other] = keep
    rest = [study for study in order.tolist() if not inside[study]]
    inside[rest[: max(0, size - int(inside.sum()))]] = True
    return inside


def _p_scores(differences: FloatArray, errors: FloatArray, smaller_is_better: bool) -> FloatArray:
    """The mean probability of being better than another treatment, shape (treatments,)."""
    spread = errors + np.eye(len(errors))
    chance = ndtr((-differences if smaller_is_better else differences) / spread)
    np.fill_diagonal(chance, 0.0)
    return np.asarray(chance.sum(axis=1) / (len(errors) - 1))
