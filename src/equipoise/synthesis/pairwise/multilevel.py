"""Multilevel and multivariate meta-analysis: several estimates a study, random effects at several levels.

y ~ N(Xβ, V + Σ ZGZ′) with V known, as metafor's `rma.mv` fits it (Konstantopoulos 2011, Research Synthesis Methods
2:61; Berkey et al. 1998, Statistics in Medicine 17:2537). The variance components maximise the (restricted)
likelihood exactly; the analytic gradient and the block structure make that quick.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import chdtrc, chdtri

from equipoise.errors import DataError, NotConverged
from equipoise.frames import make_frame
from equipoise.synthesis.pairwise import inputs
from equipoise.synthesis.pairwise.block_likelihood import BlockLikelihood
from equipoise.synthesis.pairwise.design import Design, design_matrix
from equipoise.synthesis.pairwise.optimum import Optimum, score
from equipoise.synthesis.pairwise.random_effects import RandomTerm
from equipoise.synthesis.pairwise.regression import WaldTest, quantile, two_sided, wald_test
from equipoise.synthesis.pairwise.tables import number, p_cell, table

FloatArray = NDArray[np.float64]


class Component(NamedTuple):
    """A variance or correlation of the random effects; ``se`` is NaN where fixed or at the edge of its range."""

    name: str
    value: float
    se: float
    fixed: bool


@dataclass(frozen=True)
class Multilevel:
    """A fitted multilevel or multivariate model.

    Coefficients have one entry a column of the design, ``ci`` (p, 2), ``df`` (p,) (NaN: normal distribution).
    ``components`` are the variances (σ², τ²) and correlations (ρ). ``residual_test`` (QE) tests heterogeneity beyond
    V, ``moderator_test`` (QM) all coefficients but the intercept.
    """

    method: str
    test_distribution: str
    level: float
    coefficients: FloatArray
    se: FloatArray
    statistic: FloatArray
    df: FloatArray
    p_value: FloatArray
    ci: FloatArray
    covariance: FloatArray
    components: tuple[Component, ...]
    residual_test: WaldTest
    moderator_test: WaldTest
    log_likelihood: float
    estimates: FloatArray
    design: Design
    random: tuple[RandomTerm, ...]
    warnings: tuple[str, ...]
    likelihood: BlockLikelihood = field(repr=False, compare=False)
    theta: FloatArray = field(repr=False, compare=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The coefficients' names."""
        return self.design.names

    @property
    def k(self) -> int:
        """The number of estimates."""
        return len(self.estimates)

    @property
    def p(self) -> int:
        """The number of coefficients."""
        return len(self.coefficients)

    @property
    def fitted(self) -> FloatArray:
        """Xβ."""
        return self.design.X @ self.coefficients

    @property
    def _parameters(self) -> int:
        return self.p + sum(not component.fixed for component in self.components)

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return -2 * self.log_likelihood + 2 * self._parameters

    @property
    def bic(self) -> float:
        """Schwarz's criterion, on k (REML: k − p) observations."""
        observations = self.k - self.p if self.method == "REML" else self.k
        return float(-2 * self.log_likelihood + self._parameters * np.log(observations))

    def component(self, name: str) -> Component:
        """A component by name; ``DataError`` lists the names."""
        for component in self.components:
            if component.name == name:
                return component
        raise DataError(f"no component {name!r}; the model has {', '.join(c.name for c in self.components)}")

    def marginal_covariance(self) -> FloatArray:
        """M = V + ΣZGZ′, (k, k)."""
        return self.likelihood.scatter(self.likelihood.marginal(self.theta))

    def test(self, term: str | Sequence[int] | ArrayLike) -> WaldTest:
        """A joint test: of a term by name, of columns by index, or of contrasts Lβ = 0 with L (m, p)."""
        return wald_test(self.coefficients, self.covariance, self.design.contrast(term), float(np.min(self.df)))

    def component_ci(self, name: str, level: float | None = None) -> tuple[float, float]:
        """The profile-likelihood interval of a component; an end of its range where the likelihood doesn't fall."""
        return _profile_interval(self, name, self.level if level is None else inputs.probability(level, "level"))

    def effects(self) -> Any:
        """Best linear unbiased predictions of the random effects as a frame: term, group, level, estimate, se."""
        return make_frame(_predicted_effects(self))

    def to_frame(self) -> Any:
        """One row a coefficient."""
        return make_frame(
            {
                "term": list(self.names),
                "estimate": self.coefficients,
                "se": self.se,
                "statistic": self.statistic,
                "df": self.df,
                "p_value": self.p_value,
                "ci_low": self.ci[:, 0],
                "ci_high": self.ci[:, 1],
            }
        )

    def summary(self) -> str:
        """The fit as text."""
        rows = [
            [name, number(b), number(s), number(t), p_cell(p), number(low), number(high)]
            for name, b, s, t, p, (low, high) in zip(
                self.names, self.coefficients, self.se, self.statistic, self.p_value, self.ci, strict=True
            )
        ]
        spread = [[c.name, number(c.value), number(c.se), "fixed" if c.fixed else ""] for c in self.components]
        return "\n".join(
            [
                f"Multilevel meta-analysis (k = {self.k}; {self.method})",
                "",
                table(["component", "estimate", "se", ""], spread),
                "",
                f"Test for (residual) heterogeneity: {self.residual_test}",
                f"Test of moderators: {self.moderator_test}",
                "",
                table(["", "estimate", "se", "z" if np.isnan(self.df[0]) else "t", "p", "ci.low", "ci.high"], rows),
                "",
                f"log-likelihood {number(self.log_likelihood)}, AIC {number(self.aic)}, BIC {number(self.bic)}",
                *(f"Note: {warning}" for warning in self.warnings),
            ]
        )

    def __str__(self) -> str:
        return self.summary()


def multilevel(
    estimates: ArrayLike,
    V: Any,
    X: Any = None,
    *,
    random: RandomTerm | Sequence[RandomTerm] = (),
    formula: str | None = None,
    data: Any = None,
    method: str = "REML",
    test: str = "z",
    level: float = 0.95,
) -> Multilevel:
    """Fit y ~ N(Xβ, V + Σ ZGZ′).

    ``estimates`` (k,); ``V`` their sampling variances (k,) or covariance (k, k), dense or sparse (see
    `sampling_covariance`); moderators as in `meta_regression`; ``random`` the terms of `random_effects`. ``method``:
    "REML" or "ML". ``test``: "z", "t" with k − p degrees of freedom, or "contain" (the smallest number of levels of a
    random effect that contains the coefficient, minus p).

    Raises ``DataError`` for input that doesn't fit (row named) and ``NotConverged`` when no maximum is found.
    """
    y = inputs.column(estimates, "estimates")
    if not len(y):
        raise DataError("no studies: estimates is empty")
    bad = np.flatnonzero(~np.isfinite(y))
    if bad.size:
        raise DataError(f"estimates, row {bad[0] + 1}: {y[bad[0]]:g}; leave the row out and say so")
    inputs.choice(method, ("REML", "ML"), "method")
    inputs.choice(test, ("z", "t", "contain"), "test")
    inputs.probability(level, "level")
    design = design_matrix(X, len(y), formula=formula, data=data)
    terms = (random,) if isinstance(random, RandomTerm) else tuple(random)
    k, p = design.X.shape
    if k <= p and terms:
        raise DataError(f"{k} estimates can't support {p} coefficients and random effects")
    likelihood = BlockLikelihood(y, V, design.X, terms, restricted=method == "REML")
    known = BlockLikelihood(y, V, design.X, (), restricted=False)
    without = known.profile(np.zeros(0))
    if without is None:
        raise DataError("V isn't positive definite: check for repeated rows and impossible correlations")
    qe = _quadratic(known, without.beta)

    optimum = _search(likelihood, y, design) if likelihood.size else None
    theta = np.zeros(0) if optimum is None else optimum.x
    profile = likelihood.profile(theta)
    assert profile is not None
    df = _freedom(test, design, terms)
    se = np.sqrt(np.diag(profile.covariance))
    statistic = profile.beta / se
    half = np.array([quantile(level, d) for d in df]) * se
    tested = list(design.tested)
    components, warnings = _components(likelihood, optimum)
    return Multilevel(
        method=method,
        test_distribution=test,
        level=level,
        coefficients=profile.beta,
        se=se,
        statistic=statistic,
        df=df,
        p_value=np.array([float(two_sided(t, d)) for t, d in zip(statistic, df, strict=True)]),
        ci=np.column_stack([profile.beta - half, profile.beta + half]),
        covariance=profile.covariance,
        components=components,
        residual_test=WaldTest(qe, k - p, float("nan"), float(chdtrc(k - p, qe)) if k > p else 1.0),
        moderator_test=wald_test(profile.beta, profile.covariance, np.eye(p)[tested], float(df[tested].min())),
        log_likelihood=profile.log_likelihood,
        estimates=y,
        design=design,
        random=terms,
        warnings=warnings,
        likelihood=likelihood,
        theta=theta,
    )


def _quadratic(known: BlockLikelihood, beta: FloatArray) -> float:
    """The generalised Q about Xβ."""
    return float(
        sum(
            np.einsum("ns,ns->", r, np.linalg.solve(stack.V, r[:, :, None])[:, :, 0])
            for stack in known.stacks
            for r in [stack.Xy @ np.append(-beta, 1.0)]
        )
    )


def _search(likelihood: BlockLikelihood, y: FloatArray, design: Design) -> Optimum:
    low = np.concatenate([term.bounds()[0] for term in likelihood.terms])
    high = np.concatenate([term.bounds()[1] for term in likelihood.terms])
    X = design.X
    residual = float(np.mean((y - X @ np.linalg.lstsq(X, y, rcond=None)[0]) ** 2))
    typical = float(np.mean(np.diagonal(likelihood.stacks[0].V, axis1=1, axis2=2)))
    spread = max(residual - typical, 0.1 * typical) / len(likelihood.terms)
    guesses = [(1.0, 0.4), (0.1, 0.4)]
    if any(len(term.components) > 2 for term in likelihood.terms):
        # Several variances and their correlations can have several maxima.
        guesses += [(1.0, 0.0), (1.0, 0.9), (5.0, 0.4)]
    starts = [
        np.concatenate([term.start(factor * spread, correlation) for term in likelihood.terms])
        for factor, correlation in guesses
    ]
    optimum = score(
        likelihood.scored, starts, low, high, scale=_units(likelihood.terms, spread), sticky=_sticky(likelihood, low)
    )
    if not optimum.converged:
        raise NotConverged(
            "the variance components found no maximum of the likelihood; use fewer of them (a simpler structure), or "
            "check that each is identified by groups with several rows"
        )
    return optimum


def _units(terms: Sequence[RandomTerm], variance: float) -> FloatArray:
    return np.concatenate([term.units(variance) for term in terms])


def _sticky(likelihood: BlockLikelihood, low: FloatArray) -> NDArray[np.bool_]:
    """Variances searched as standard deviations: at 0 the likelihood has no slope in them."""
    roots = [np.full(part.stop - part.start, term.searches_roots) for term, part in _parts(likelihood)]
    return np.asarray(np.concatenate(roots) & (low == 0), dtype=bool)


def _parts(likelihood: BlockLikelihood) -> list[tuple[RandomTerm, slice]]:
    return list(zip(likelihood.terms, likelihood.parts, strict=True))


def _components(likelihood: BlockLikelihood, optimum: Optimum | None) -> tuple[tuple[Component, ...], tuple[str, ...]]:
    if optimum is None:
        return (), ()
    covariance = optimum.covariance()
    components: list[Component] = []
    warnings: list[str] = []
    for term, part in _parts(likelihood):
        theta = optimum.x[part]
        natural = term.natural(theta)
        J = _jacobian(term, theta)
        spread = covariance[part, part]
        free = ~np.isnan(np.diag(spread))
        with np.errstate(invalid="ignore"):
            se = np.sqrt(np.einsum("ij,jk,ik->i", J[:, free], spread[np.ix_(free, free)], J[:, free]))
        touched = np.any((J != 0) & ~free, axis=1)
        for name, value, error, fixed, unsure in zip(term.components, natural, se, term.fixed, touched, strict=True):
            if fixed or unsure or not error > 0:
                error = np.nan
            components.append(Component(name, float(value), float(error), bool(fixed)))
            if not fixed and "rho" not in name and value == 0:
                warnings.append(f"{name} is 0, the edge of its range")
            elif not fixed and "rho" in name and abs(value) > 1 - 1e-6:
                warnings.append(f"{name} is {value:.3f}, the edge of its range: too few groups to estimate it")
        if term.meet is not None and term.structure == "UN" and not term.meet.all():
            warnings.append(f"{term.name or 'random effects'}: levels that never meet in a group have correlation 0")
    return tuple(components), tuple(warnings)


def _jacobian(term: RandomTerm, theta: FloatArray) -> FloatArray:
    """∂ components / ∂ θ."""
    J = np.empty((len(term.components), len(theta)))
    for j in range(len(theta)):
        h = 1e-6 * max(abs(theta[j]), 1e-3)
        up, down = theta.copy(), theta.copy()
        up[j] += h
        down[j] -= h
        J[:, j] = (term.natural(up) - term.natural(down)) / (2 * h)
    return J


def _freedom(test: str, design: Design, terms: tuple[RandomTerm, ...]) -> FloatArray:
    k, p = design.X.shape
    if test == "z":
        return np.full(p, np.nan)
    df = np.full(p, float(k - p))
    if test == "contain":
        for j in range(p):
            for term in terms:
                codes = term.outer
                first = np.full(codes.max() + 1, np.nan)
                first[codes[::-1]] = design.X[::-1, j]
                if np.array_equal(first[codes], design.X[:, j]):
                    df[j] = min(df[j], len(term.groups) - p)
    if np.any(df < 1):
        raise DataError(f"test={test!r} leaves no degrees of freedom; use test='z'")
    return df


def _predicted_effects(fit: Multilevel) -> dict[str, list[Any]]:
    out: dict[str, list[Any]] = {"term": [], "group": [], "level": [], "estimate": [], "se": []}
    M = fit.marginal_covariance()
    W = np.linalg.inv(M)
    wx = W @ fit.design.X
    P = W - wx @ fit.covariance @ wx.T
    weighted = W @ (fit.estimates - fit.fitted)
    for term, part in _parts(fit.likelihood):
        G = term.covariance(fit.theta[part])[0]
        for code, group in enumerate(term.groups):
            rows = np.flatnonzero(term.outer == code)
            Z = term.loadings[rows]
            estimate = G @ Z.T @ weighted[rows]
            error = G - G @ Z.T @ P[np.ix_(rows, rows)] @ Z @ G
            seen = np.flatnonzero(np.any(Z != 0, axis=0))
            for j in seen:
                out["term"].append(term.name)
                out["group"].append(group)
                out["level"].append(term.levels[j])
                out["estimate"].append(float(estimate[j]))
                out["se"].append(float(np.sqrt(max(error[j, j], 0.0))))
    return out


def _profile_interval(fit: Multilevel, name: str, level: float) -> tuple[float, float]:
    component = fit.component(name)
    if component.fixed:
        raise DataError(f"{name} is fixed; it has no interval")
    terms = [replace(term, by_factor=False) for term in fit.random]
    likelihood = fit.likelihood.with_terms(terms)
    low = np.concatenate([term.bounds()[0] for term in terms])
    high = np.concatenate([term.bounds()[1] for term in terms])
    start = np.concatenate([term.search(natural) for term, natural in _naturals(fit, terms)])
    index = [c.name for c in fit.components].index(name)
    root = bool(np.concatenate([term.roots for term in terms])[index])
    drop = 0.5 * float(chdtri(1, 1 - level))
    sticky = _sticky(likelihood, low)
    largest = max(c.value for c in fit.components if "rho" not in c.name)
    typical = float(np.mean(np.diagonal(likelihood.stacks[0].V, axis1=1, axis2=2)))
    units = _units(terms, max(largest, 0.01 * typical))
    top = max(fit.log_likelihood, likelihood(start)[0])
    last = start.copy()

    def fall(value: float) -> float:
        nonlocal last
        held_low, held_high, begin = low.copy(), high.copy(), last.copy()
        held_low[index] = held_high[index] = begin[index] = value
        found = score(likelihood.scored, [begin], held_low, held_high, scale=units, sticky=sticky)
        last = found.x
        return top - found.value - drop

    at = start[index]
    ends = []
    for side, edge in ((-1, low[index]), (1, high[index])):
        last = start.copy()
        inside = edge - side * 1e-9 * units[index]
        if at == edge or (np.isfinite(edge) and fall(inside) < 0):
            ends.append(edge)
            continue
        last = start.copy()
        far = inside
        if not np.isfinite(edge):
            step = max(abs(at), 0.01 * units[index])
            far = at + step
            while fall(far) < 0:
                step *= 2
                far = at + step
                if step > 1e9 * units[index]:
                    raise NotConverged(f"the profile likelihood of {name} doesn't fall far enough for an interval")
        last = start.copy()
        ends.append(float(brentq(fall, min(at, far), max(at, far), xtol=1e-11 * units[index], rtol=1e-11)))
    if root:
        ends = [end**2 for end in ends]
    return float(ends[0]), float(ends[1])


def _naturals(fit: Multilevel, terms: Sequence[RandomTerm]) -> list[tuple[RandomTerm, FloatArray]]:
    values = np.array([component.value for component in fit.components])
    ends = np.cumsum([0, *(len(term.components) for term in terms)])
    return [(term, values[a:b]) for term, a, b in zip(terms, ends[:-1], ends[1:], strict=True)]
