"""A second network meta-analysis, with dense matrices and one refit for everything, to hold the engine against.

Written from the papers, sharing nothing with the engine but the studies' contrasts. Every function is the definition:
studies or designs are taken out by taking their rows out, whatever that costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag

from equipoise.synthesis.network import StudyContrasts

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Dense:
    """Contrasts of all studies with the first of their treatments by name: y ~ N(Xθ, V + τ²R), one row a contrast."""

    treatments: tuple[str, ...]
    y: Array
    v: Array
    r: Array
    x: Array
    study: list[str]
    design: list[tuple[str, ...]]
    treatment: list[str]


def dense(studies: Sequence[StudyContrasts]) -> Dense:
    treatments = tuple(sorted({t for s in studies for t in s.treatments}))
    y, v, r, x = [], [], [], []
    study: list[str] = []
    design: list[tuple[str, ...]] = []
    treatment: list[str] = []
    for s in studies:
        m = len(s.treatments)
        names = sorted(s.treatments)
        # every arm as the original contrasts see it, then the contrasts with the first by name
        arms = np.vstack([np.zeros(m - 1), np.eye(m - 1)])[[s.treatments.index(t) for t in names]]
        turn = arms[1:] - arms[0]
        y.append(turn @ s.estimates)
        v.append(turn @ s.covariance @ turn.T)
        r.append(0.5 * (np.eye(m - 1) + 1.0))
        for t in names[1:]:
            row = np.zeros(len(treatments))
            row[treatments.index(t)], row[treatments.index(names[0])] = 1.0, -1.0
            x.append(row)
            study.append(s.study)
            design.append(tuple(names))
            treatment.append(t)
    return Dense(treatments, np.concatenate(y), block_diag(*v), block_diag(*r), np.array(x), study, design, treatment)


def least_squares(y: Array, covariance: Array, x: Array) -> tuple[Array, Array, float]:
    """Estimates, their covariance (pseudo-inverses, so that x may be of deficient rank) and the residual Q."""
    weight = np.linalg.inv(covariance)
    inverse = np.linalg.pinv(x.T @ weight @ x, rcond=1e-10, hermitian=True)
    estimates = inverse @ x.T @ weight @ y
    residual = y - x @ estimates
    return estimates, np.asarray(inverse, dtype=float), float(residual @ weight @ residual)


def league(d: Dense, tau2: float) -> tuple[Array, Array]:
    """Estimates and standard errors of all pairs, row minus column."""
    theta, inverse, _ = least_squares(d.y, d.v + tau2 * d.r, d.x)
    diagonal = np.diag(inverse)
    variance = np.maximum(diagonal[:, None] + diagonal[None, :] - 2.0 * inverse, 0.0)
    np.fill_diagonal(variance, 0.0)
    return theta[:, None] - theta[None, :], np.sqrt(variance)


def moments(d: Dense, x: Array) -> float:
    """τ² by the generalised method of moments (Jackson, White & Riley 2012) of the model with columns ``x``."""
    weight = np.linalg.inv(d.v)
    inverse = np.linalg.pinv(x.T @ weight @ x, rcond=1e-10, hermitian=True)
    q = least_squares(d.y, d.v, x)[2]
    df = len(d.y) - np.linalg.matrix_rank(x, tol=1e-9)
    divisor = np.trace(weight @ d.r) - np.trace(inverse @ x.T @ weight @ d.r @ weight @ x)
    return max(0.0, float((q - df) / divisor))


def reachable(studies: Sequence[StudyContrasts], start: str) -> set[str]:
    """The treatments that the studies connect with ``start``."""
    seen = {start}
    while True:
        more = {t for s in studies if seen & set(s.treatments) for t in s.treatments} - seen
        if not more:
            return seen
        seen |= more


def direct(studies: Sequence[StudyContrasts], a: str, b: str, tau2: float) -> tuple[float, float]:
    """The pooled direct estimate of a minus b and its variance, every study by the variance of its own contrast."""
    total = weighted = 0.0
    for s in studies:
        if {a, b} <= set(s.treatments):
            values = np.concatenate([[0.0], s.estimates])
            spread = np.pad(s.covariance, ((1, 0), (1, 0)))
            i, j = s.treatments.index(a), s.treatments.index(b)
            weight = 1.0 / (spread[i, i] + spread[j, j] - 2.0 * spread[i, j] + tau2)
            total, weighted = total + weight, weighted + weight * (values[i] - values[j])
    return (weighted / total, 1.0 / total) if total else (float("nan"), float("nan"))


def without_pair(studies: Sequence[StudyContrasts], a: str, b: str, tau2: float) -> tuple[float, float]:
    """a minus b and its standard error from the studies that don't contain both; NaN where they don't connect them."""
    rest = [s for s in studies if not {a, b} <= set(s.treatments)]
    connected = reachable(rest, a)
    if b not in connected:
        return float("nan"), float("nan")
    d = dense([s for s in rest if connected >= set(s.treatments)])
    estimates, errors = league(d, tau2)
    i, j = d.treatments.index(a), d.treatments.index(b)
    return float(estimates[i, j]), float(errors[i, j])


@dataclass(frozen=True, slots=True)
class Designs:
    """The designs' own estimates at one τ²: one row a contrast with the design's baseline."""

    names: list[tuple[str, ...]]
    treatment: list[str]
    comparator: list[str]
    estimates: Array
    covariance: Array
    x: Array


def design_columns(d: Dense) -> tuple[list[tuple[tuple[str, ...], str]], Array]:
    """The parameters of the full design-by-treatment interaction model, and its columns."""
    parameters = sorted(set(zip(d.design, d.treatment, strict=True)), key=lambda p: (len(p[0]), p))
    columns = np.zeros((len(d.y), len(parameters)))
    for row, parameter in enumerate(zip(d.design, d.treatment, strict=True)):
        columns[row, parameters.index(parameter)] = 1.0
    return parameters, columns


def pool_designs(d: Dense, tau2: float, reference: str | None = None) -> Designs:
    """``reference`` is the baseline of designs that have it, the first treatment by name of the others."""
    parameters, columns = design_columns(d)
    estimates, covariance, _ = least_squares(d.y, d.v + tau2 * d.r, columns)
    names, treatment, comparator, turn = [], [], [], []
    for design in dict.fromkeys(p[0] for p in parameters):
        base = reference if reference in design else design[0]
        for t in design:
            if t != base:
                row = np.zeros(len(parameters))
                for name, sign in ((t, 1.0), (base, -1.0)):
                    if name != design[0]:
                        row[parameters.index((design, name))] = sign
                turn.append(row)
                names.append(design)
                treatment.append(t)
                comparator.append(str(base))
    x = np.zeros((len(names), len(d.treatments)))
    for place, (t, base) in enumerate(zip(treatment, comparator, strict=True)):
        x[place, d.treatments.index(t)], x[place, d.treatments.index(base)] = 1.0, -1.0
    turned = np.array(turn)
    return Designs(names, treatment, comparator, turned @ estimates, turned @ covariance @ turned.T, x)


def detached(pooled: Designs, design: tuple[str, ...]) -> Array | None:
    """Residuals of all rows when ``design`` has effects of its own (0 for its rows); None where it can't have."""
    kept = np.array([name != design for name in pooled.names])
    if not kept.any() or np.linalg.matrix_rank(pooled.x[kept], tol=1e-9) < pooled.x.shape[1] - 1:
        return None
    theta = least_squares(pooled.estimates[kept], pooled.covariance[np.ix_(kept, kept)], pooled.x[kept])[0]
    residual = np.where(kept, pooled.estimates - pooled.x @ theta, 0.0)
    return np.asarray(residual)


def by_row(pooled: Designs, residual: Array) -> Array:
    """Each row's part of residualᵀ V⁻¹ residual."""
    return np.asarray(residual * np.linalg.solve(pooled.covariance, residual))


def net_heat(pooled: Designs) -> Array:
    """Krahn, Binder & König 2013: how much less inconsistent each row is without each column's design."""
    theta = least_squares(pooled.estimates, pooled.covariance, pooled.x)[0]
    own = by_row(pooled, pooled.estimates - pooled.x @ theta)
    heat = np.full((len(own), len(own)), np.nan)
    for column, design in enumerate(pooled.names):
        residual = detached(pooled, design)
        if residual is not None:
            heat[:, column] = own - by_row(pooled, residual)
    np.fill_diagonal(heat, own)
    return heat


def flows(x: Array, covariance: Array, groups: Sequence[object], treatments: int) -> Array:
    """König, Krahn & Binder 2013: the evidence of every pair that runs through every group of rows, (pairs, groups).

    With h the row of the hat matrix and the group's rows contrasts with one baseline: ½(|Σh| + Σ|h|).
    """
    pairs = np.array([np.eye(treatments)[i] - np.eye(treatments)[j] for i, j in combinations(range(treatments), 2)])
    weight = np.linalg.inv(covariance)
    hat = pairs @ np.linalg.pinv(x.T @ weight @ x, rcond=1e-10, hermitian=True) @ x.T @ weight
    distinct = list(dict.fromkeys(groups))
    member = np.array([[g == other for g in groups] for other in distinct])
    return np.array([0.5 * (np.abs(hat[:, m].sum(axis=1)) + np.abs(hat[:, m]).sum(axis=1)) for m in member]).T
