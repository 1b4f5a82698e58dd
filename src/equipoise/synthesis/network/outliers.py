"""Studies that don't fit in, and studies that the result hangs on.

``diagnose`` measures every study against the fit (leverages, residuals and deletion at the network's τ²; Noma,
Gosho, Ishii, Oba & Furukawa 2020, Research Synthesis Methods 11:891). ``shift_variance`` gives each study in turn a
variance of its own, V_s + (τ² + ω)R, and asks whether the restricted likelihood rises (Gumedze & Jackson 2011, BMC
Medical Research Methodology 11:19; for networks Petropoulou, Salanti, Rücker, Schwarzer, Moustaki & Mavridis 2021,
Statistics in Medicine 40:5642).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import chi2

from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray, Rotated
from equipoise.synthesis.network.fit import NetworkFit
from equipoise.synthesis.network.gls import Solution, System, solve
from equipoise.synthesis.network.leverage import leverages
from equipoise.synthesis.network.subsets import take
from equipoise.synthesis.network.tables import decimals, p_value, text_table


@dataclass(frozen=True, slots=True, eq=False)
class Diagnostics:
    """How each study stands to the fit, one entry a study of the network.

    ``leverage``: trace of its block of the hat matrix, over arms − 1; ``residual``: root mean square of its
    standardised residuals; ``deletion_q``: squared distance between the study and the network without it, χ² with
    ``contrasts`` degrees of freedom if it belongs there, and its ``deletion_p``; ``cook``: Cook's distance, the
    squared change of all effects on leaving it out, in their standard errors, over treatments − 1; ``covratio``:
    determinant of the effects' covariance without the study over that with it. NaN (``covratio`` infinite) where the
    network falls apart without the study.
    """

    fit: NetworkFit
    studies: tuple[str, ...]
    contrasts: IntArray
    leverage: FloatArray
    residual: FloatArray
    deletion_q: FloatArray
    deletion_p: FloatArray
    cook: FloatArray
    covratio: FloatArray

    def to_frame(self) -> Any:
        """One row a study."""
        from equipoise.frames import make_frame

        return make_frame(
            {
                "study": self.studies,
                "contrasts": self.contrasts,
                "leverage": self.leverage,
                "residual": self.residual,
                "deletion_q": self.deletion_q,
                "deletion_p": self.deletion_p,
                "cook": self.cook,
                "covratio": self.covratio,
            }
        )

    def summary(self) -> str:
        """The studies, the most outlying first, as text."""
        order = np.argsort(np.where(np.isnan(self.deletion_p), 2.0, self.deletion_p), kind="stable")
        return f"Studies against the network ({self.fit.model_text})\n\n" + text_table(
            {
                "study": [self.studies[i] for i in order],
                "leverage": [decimals(self.leverage[i], 3) for i in order],
                "residual": [decimals(self.residual[i], 2) for i in order],
                "deletion Q": [decimals(self.deletion_q[i], 2) for i in order],
                "df": [str(self.contrasts[i]) for i in order],
                "p-value": [p_value(self.deletion_p[i]) for i in order],
                "Cook": [decimals(self.cook[i], 3) for i in order],
                "covratio": [decimals(self.covratio[i], 3) for i in order],
            }
        )


@dataclass(frozen=True, slots=True, eq=False)
class ShiftVariance:
    """Each study with a variance of its own, one entry a study of the network.

    ``tau2``: the other studies' heterogeneity; ``omega``: the study's additional variance; ``statistic``: twice the
    rise of the restricted log likelihood; ``p``: its p-value, half of χ²₁ (ω = 0 lies on the boundary);
    ``p_adjusted``: by Holm, over all studies. ``estimates``: shape (studies, treatments), effects against the
    subnetwork's reference with the study so downweighted; ``references``: one a study.
    """

    fit: NetworkFit
    studies: tuple[str, ...]
    references: tuple[str, ...]
    tau2: FloatArray
    omega: FloatArray
    statistic: FloatArray
    p: FloatArray
    p_adjusted: FloatArray
    estimates: FloatArray

    def to_frame(self) -> Any:
        """One row a study."""
        from equipoise.frames import make_frame

        return make_frame(
            {
                "study": self.studies,
                "tau2": self.tau2,
                "omega": self.omega,
                "statistic": self.statistic,
                "p": self.p,
                "p_adjusted": self.p_adjusted,
            }
        )

    def summary(self) -> str:
        """The studies, the most outlying first, as text."""
        order = np.argsort(-self.statistic, kind="stable")
        return "Variance of each study shifted (restricted likelihood)\n\n" + text_table(
            {
                "study": [self.studies[i] for i in order],
                "tau²": [decimals(self.tau2[i]) for i in order],
                "omega": [decimals(self.omega[i]) for i in order],
                "statistic": [decimals(self.statistic[i], 2) for i in order],
                "p-value": [p_value(self.p[i]) for i in order],
                "Holm": [p_value(self.p_adjusted[i]) for i in order],
            }
        )


def diagnose(fit: NetworkFit) -> Diagnostics:
    """Leverage, residuals, deletion test, Cook's distance and covariance ratio of every study, in closed form."""
    count = len(fit.network.studies)
    contrasts = np.zeros(count, dtype=np.intp)
    leverage, residual, distance, cook, ratio = (np.full(count, np.nan) for _ in range(5))
    for system, solution in zip(fit.systems, fit.solutions, strict=True):
        for block in system.rotated:
            own = leverages(block, solution)
            size = own.residuals.shape[1]
            spectrum = np.linalg.eigvalsh(np.eye(size) - own.leverage)
            intact = spectrum[:, 0] > 1e-8
            inflated = np.matmul(own.inflation, own.residuals[:, :, None])[:, :, 0]
            change = np.einsum("kr,krs,ks->k", inflated, own.leverage, inflated)
            at = block.studies
            contrasts[at] = size
            leverage[at] = np.trace(own.leverage, axis1=1, axis2=2) / size
            residual[at] = np.sqrt((own.residuals**2).mean(axis=1))
            distance[at] = np.where(intact, (own.residuals * inflated).sum(axis=1), np.nan)
            cook[at] = np.where(intact, change / (system.size - 1), np.nan)
            ratio[at] = np.where(intact, 1 / np.where(intact, spectrum.prod(axis=1), 1.0), np.inf)
    return Diagnostics(
        fit=fit,
        studies=tuple(s.study for s in fit.network.studies),
        contrasts=contrasts,
        leverage=leverage,
        residual=residual,
        deletion_q=distance,
        deletion_p=np.asarray(chi2.sf(distance, contrasts), dtype=float),
        cook=cook,
        covratio=ratio,
    )


def shift_variance(fit: NetworkFit) -> ShiftVariance:
    """The shift-variance model of every study, by restricted maximum likelihood (whatever the fit's own method).

    For a given τ² the best ω of a study follows from its residuals and leverages; only τ² is searched for. A study
    that the network falls apart without can't be told to be an outlier: its ω is 0.
    """
    count, n = len(fit.network.studies), len(fit.treatments)
    tau2, omega, statistic = np.zeros(count), np.zeros(count), np.zeros(count)
    estimates = np.full((count, n), np.nan)
    references = [fit.reference] * count
    for number, system in enumerate(fit.systems):
        base = fit.treatments.index(fit.references()[number])
        local = int(np.flatnonzero(system.treatments == base)[0])
        for shifted in _shift_each(system):
            at = shifted.study
            tau2[at], omega[at], statistic[at] = shifted.tau2, shifted.omega, 2 * shifted.gain
            estimates[at, system.treatments] = shifted.potentials - shifted.potentials[local]
            references[at] = fit.treatments[base]
    p = np.where(statistic > 0, 0.5 * chi2.sf(statistic, 1), 1.0)
    return ShiftVariance(
        fit=fit,
        studies=tuple(s.study for s in fit.network.studies),
        references=tuple(references),
        tau2=tau2,
        omega=omega,
        statistic=statistic,
        p=p,
        p_adjusted=_holm(p),
        estimates=estimates,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Shifted:
    """One study's own variance ω at the best τ², and the rise of the restricted log likelihood."""

    study: int
    tau2: float
    omega: float
    gain: float
    potentials: FloatArray


def _shift_each(system: System) -> list[_Shifted]:
    """The shift-variance model of every study of one connected network."""
    grid, heights, rises = _profile(system)

    def height(tau2: float) -> float:
        return _height(system, solve(system, tau2))

    null, null_height = _best(grid, heights, height)
    after = int(np.searchsorted(grid, null))
    near = slice(max(after - 1, 0), after + 1)
    found = []
    start = 0
    for block in system.rotated:
        for k, study in enumerate(block.studies.tolist()):
            one, rise = take(block, np.array([k])), rises[:, start + k]
            best, gain = null, 0.0
            if (rise[near] > 0).any() or (heights + rise).max() > null_height:
                best, top = _best(grid, heights + rise, lambda t, one=one: _total(system, one, t))  # type: ignore[misc]
                gain = top - null_height
            if gain <= 1e-10:
                best, gain = null, 0.0
            solution = solve(system, best)
            omega = _shift(one, solution)[0] if gain > 0 else 0.0
            found.append(_Shifted(study, best, omega, gain, _downweighted(one, solution, omega)))
        start += len(block.studies)
    return found


def _height(system: System, solution: Solution) -> float:
    """The restricted log likelihood at the solution's τ², up to a constant."""
    spread = sum(float(np.log(block.variances + solution.tau2).sum()) for block in system.rotated)
    return -0.5 * (spread + solution.q + solution.log_determinant)


def _total(system: System, one: Rotated, tau2: float) -> float:
    """The restricted log likelihood at ``tau2`` with the study's best ω."""
    solution = solve(system, tau2)
    return _height(system, solution) + _shift(one, solution)[1]


def _profile(system: System) -> tuple[FloatArray, FloatArray, FloatArray]:
    """A grid of τ², the restricted log likelihood on it, and its rise for every study's best ω, (grid, studies)."""
    typical = sum(float(b.variances.sum()) for b in system.rotated) / system.contrasts
    widest = max(float(b.values.max() - b.values.min()) for b in system.rotated)
    grid = np.concatenate([[0.0], 4.0 * max(typical, widest**2) * np.logspace(-7, 0, 29)])
    solutions = [solve(system, float(t)) for t in grid]
    rises = [np.concatenate([_rises(block, solution) for block in system.rotated]) for solution in solutions]
    return grid, np.array([_height(system, solution) for solution in solutions]), np.array(rises)


def _spectra(block: Rotated, solution: Solution) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Eigenvalues λ (k, r) and vectors of each study's block of P = W − WX(XᵀWX)⁻¹XᵀW, and g = vectorsᵀ Py."""
    own = leverages(block, solution)
    root = np.sqrt(own.weights)
    rest = np.eye(root.shape[1]) - own.leverage
    values, vectors = np.linalg.eigh(root[:, :, None] * rest * root[:, None, :])
    scores = np.matmul(vectors.transpose(0, 2, 1), (root * own.residuals)[:, :, None])[:, :, 0]
    tiny = values <= 1e-9 * own.weights.max(axis=1, keepdims=True)
    return np.where(tiny, 0.0, values), vectors, np.where(tiny, 0.0, scores)


def _gain(omega: FloatArray, values: FloatArray, scores: FloatArray) -> FloatArray:
    """The rise of the restricted log likelihood, −½Σ[log(1+ωλ) − ωg²/(1+ωλ)], for ω broadcast against (…, r)."""
    inflated = 1 + omega * values
    gain: FloatArray = -0.5 * (np.log(inflated) - omega * scores**2 / inflated).sum(axis=-1)
    return gain


def _best_omega(values: FloatArray, scores: FloatArray) -> FloatArray:
    """The ω ≥ 0 of the highest rise for each study, shape (k,), from a grid, then by bisection of the derivative."""
    with np.errstate(divide="ignore", invalid="ignore"):
        alone = np.where(values > 0, (scores**2 / values - 1) / values, 0.0)
    top = np.maximum(alone.max(axis=1), 0.0)
    if values.shape[1] == 1:
        return np.asarray(top)
    grid = np.concatenate([[0.0], np.logspace(-4, 0, 33)])[:, None] * top[None, :]
    heights = _gain(grid[:, :, None], values, scores)
    at = heights.argmax(axis=0)
    k = np.arange(len(top))
    low, high = grid[np.maximum(at - 1, 0), k], grid[np.minimum(at + 1, len(grid) - 1), k]
    for _ in range(80):  # bisection on the derivative, which falls through 0 between the neighbours of the maximum
        middle = (low + high) / 2
        inflated = 1 + middle[:, None] * values
        slope = (scores**2 / inflated**2 - values / inflated).sum(axis=1)
        low, high = np.where(slope > 0, middle, low), np.where(slope > 0, high, middle)
    best: FloatArray = np.where(at == 0, np.where(high < 1e-12 * top, 0.0, high), (low + high) / 2)
    return best


def _rises(block: Rotated, solution: Solution) -> FloatArray:
    values, _, scores = _spectra(block, solution)
    return _gain(_best_omega(values, scores)[:, None], values, scores)


def _shift(one: Rotated, solution: Solution) -> tuple[float, float]:
    """The best ω of a single study at the solution's τ², and the rise of the restricted log likelihood."""
    values, _, scores = _spectra(one, solution)
    omega = _best_omega(values, scores)
    return float(omega[0]), float(_gain(omega[:, None], values, scores)[0])


def _downweighted(one: Rotated, solution: Solution, omega: float) -> FloatArray:
    """The effects with a single study's variance raised by ω."""
    if omega == 0:
        return solution.potentials
    values, vectors, scores = _spectra(one, solution)
    own = leverages(one, solution)
    pulled = vectors[0] @ (scores[0] * omega / (1 + omega * values[0]))
    across = solution.inverse[:, one.arms[0]] @ (own.rows[0].T @ (np.sqrt(own.weights[0]) * pulled))
    shifted: FloatArray = solution.potentials - across
    return shifted


def _best(grid: FloatArray, heights: FloatArray, height: Callable[[float], float]) -> tuple[float, float]:
    """The maximum of a profile likelihood near its highest grid point, and its height."""
    at = int(heights.argmax())
    low, high = float(grid[max(at - 1, 0)]), float(grid[min(at + 1, len(grid) - 1)])
    found = minimize_scalar(
        lambda t: -height(float(t)), bounds=(low, high), method="bounded", options={"xatol": 1e-9 * high}
    )
    if at == 0 and height(0.0) >= -float(found.fun):
        return 0.0, float(height(0.0))
    return float(found.x), -float(found.fun)


def _holm(p: FloatArray) -> FloatArray:
    order = np.argsort(p, kind="stable")
    adjusted = np.minimum(1.0, np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order]))
    result = np.empty_like(adjusted)
    result[order] = adjusted
    return result
