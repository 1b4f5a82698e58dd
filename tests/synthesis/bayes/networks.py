"""Networks for the Bayesian tests, and a posterior of a network by brute force: dense matrices and general quadrature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from scipy.integrate import quad
from scipy.special import ndtr

from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.priors import Prior
from equipoise.synthesis.network import Network, StudyContrasts


def parkinson() -> Network:
    """Reduction of off-time in Parkinson's disease, mean changes by arm (NICE DSU TSD 2, example 5, Table A4)."""
    rows = [
        (1, "1", -1.22, 3.7, 54), (1, "3", -1.53, 4.28, 95), (2, "1", -0.7, 3.7, 172), (2, "2", -2.4, 3.4, 173),
        (3, "1", -0.3, 4.4, 76), (3, "2", -2.6, 4.3, 71), (3, "4", -1.2, 4.3, 81), (4, "3", -0.24, 3.0, 128),
        (4, "4", -0.59, 3.0, 72), (5, "3", -0.73, 3.0, 80), (5, "4", -0.18, 3.0, 46), (6, "4", -2.2, 2.31, 137),
        (6, "5", -2.5, 2.18, 131), (7, "4", -1.8, 2.48, 154), (7, "5", -2.1, 2.99, 143),
    ]  # fmt: skip
    names = ("study", "treatment", "mean", "sd", "n")
    columns = {name: [row[k] for row in rows] for k, name in enumerate(names)}
    return Network.from_arms(columns, measure="MD", mean="mean", sd="sd", n="n")


def triangle(seed: int = 3, parts: int = 1) -> Network:
    """Made up: three treatments, a three-arm study and two-arm studies; ``parts`` unconnected copies of the like."""
    random = np.random.default_rng(seed)
    studies = []
    for part in range(parts):
        a, b, c = (f"{name}{part or ''}" for name in "abc")
        for number, arms in enumerate([(a, b), (b, c), (a, c), (c, b, a), (a, b)]):
            q = len(arms) - 1
            spread = 0.1 * random.random() + 0.02
            covariance = spread * (np.eye(q) + np.ones((q, q)) * random.random())
            studies.append(StudyContrasts(f"{part}.{number}", arms, random.normal(0.3, 0.5, q), covariance))
    return Network.from_studies(studies)


@dataclass(frozen=True)
class BruteForce:
    """y ~ N(Xd, V + τ²R) from dense matrices, d against the first treatment, with a prior of d or without one.

    ``arm_column``: one more parameter, multiplied with what it gives for an arm of a study.
    """

    network: Network
    prior: Prior
    prior_mean: FloatArray | None = None
    prior_covariance: FloatArray | None = None
    arm_column: Callable[[StudyContrasts, str], float] | None = None

    @cached_property
    def _stacked(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        studies, names = self.network.studies, self.network.treatments
        n = sum(len(s.estimates) for s in studies)
        y, x = np.zeros(n), np.zeros((n, len(names)))
        v, r = np.zeros((n, n)), np.zeros((n, n))
        at = 0
        for s in studies:
            q = len(s.estimates)
            place = slice(at, at + q)
            y[place], v[place, place] = s.estimates, s.covariance
            r[place, place] = 0.5 * (np.eye(q) + 1.0)
            for k, t in enumerate(s.treatments[1:]):
                x[at + k, names.index(t)] += 1.0
                x[at + k, names.index(s.treatments[0])] -= 1.0
            at += q
        x = x[:, 1:]
        if self.arm_column is not None:
            extra = [
                self.arm_column(s, t) - self.arm_column(s, s.treatments[0]) for s in studies for t in s.treatments[1:]
            ]
            x = np.column_stack([x, extra])
        return y, x, v, r

    def given(self, tau: float) -> tuple[float, FloatArray, FloatArray]:
        """log p(y | τ), mean and covariance of d."""
        y, x, v, r = self._stacked
        sigma = v + tau**2 * r
        n, p = x.shape
        if self.prior_mean is not None and self.prior_covariance is not None:
            total = sigma + x @ self.prior_covariance @ x.T
            gain = self.prior_covariance @ x.T @ np.linalg.inv(total)
            e = y - x @ self.prior_mean
            log = -0.5 * (n * np.log(2 * np.pi) + np.linalg.slogdet(total)[1] + e @ np.linalg.solve(total, e))
            left: FloatArray = self.prior_covariance - gain @ x @ self.prior_covariance
            return float(log), self.prior_mean + gain @ e, left
        inverse = np.linalg.inv(sigma)
        covariance: FloatArray = np.asarray(np.linalg.inv(x.T @ inverse @ x), dtype=float)
        mean = covariance @ x.T @ inverse @ y
        e = y - x @ mean
        log = -0.5 * (
            (n - p) * np.log(2 * np.pi)
            + np.linalg.slogdet(sigma)[1]
            - np.linalg.slogdet(covariance)[1]
            + e @ inverse @ e
        )
        return float(log), mean, covariance

    def expect(self, function: Callable[[float, FloatArray, FloatArray], float], top: float = 15.0) -> float:
        """∫ f(τ, mean, covariance) p(y | τ) p(τ) dτ."""

        def integrand(tau: float) -> float:
            log, mean, covariance = self.given(tau)
            return float(np.exp(log + self.prior.logpdf(tau)) * function(tau, mean, covariance))

        low, high = max(self.prior.support[0], 0.0), min(self.prior.support[1], top)
        edges = np.concatenate([[low], low + (high - low) * np.array([0.01, 0.03, 0.1, 0.3, 1.0])])
        pieces = pairwise(edges.tolist())
        return float(sum(quad(integrand, a, b, epsabs=0, epsrel=1e-10, limit=200)[0] for a, b in pieces))

    def evidence(self) -> float:
        """p(y)."""
        return self.expect(lambda *_: 1.0)

    def mean(self, direction: FloatArray) -> float:
        """E of direction·d."""
        return self.expect(lambda _, m, __: float(direction @ m)) / self.evidence()

    def cdf(self, direction: FloatArray, x: float, new_study: bool = False) -> float:
        """P(direction·d ≤ x), or of the effect in a new study."""
        return (
            self.expect(
                lambda t, m, c: float(
                    ndtr((x - direction @ m) / np.sqrt(direction @ c @ direction + (t**2 if new_study else 0.0)))
                )
            )
            / self.evidence()
        )
