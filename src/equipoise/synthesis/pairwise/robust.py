"""Cluster-robust inference: standard errors that hold whatever the dependence within clusters.

The sandwich estimator with the bias-reduced adjustment CR2 and Satterthwaite degrees of freedom (Bell & McCaffrey
2002; Tipton 2015, Psychological Methods 20:375; Pustejovsky & Tipton 2018, Journal of Business & Economic Statistics
36:672), and its simpler relatives. Joint tests use the approximate Hotelling T² with the same kind of degrees of
freedom (Tipton & Pustejovsky 2015, Journal of Educational and Behavioral Statistics 40:604). Agrees with the R
packages clubSandwich (its ``vcovCR``, ``coef_test``, ``Wald_test(test = "HTZ")``) and metafor (``robust``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import fdtrc

from equipoise.errors import DataError
from equipoise.frames import make_frame
from equipoise.synthesis.pairwise import inputs
from equipoise.synthesis.pairwise.design import Design, design_matrix
from equipoise.synthesis.pairwise.multilevel import Multilevel
from equipoise.synthesis.pairwise.regression import MetaRegression, WaldTest, quantile, two_sided, wald_test
from equipoise.synthesis.pairwise.result import Pooled
from equipoise.synthesis.pairwise.tables import number, p_cell, table

FloatArray = NDArray[np.float64]

KINDS = ("CR0", "CR1", "CR1p", "CR1S", "CR2", "CR3")


class _Cluster(NamedTuple):
    """Clusters of one size: rows (n, s), and L = C X′WA (n, p, s), by which residuals enter β's covariance."""

    rows: NDArray[np.intp]
    lever: FloatArray
    phi: FloatArray
    X: FloatArray


@dataclass(frozen=True)
class RobustInference:
    """Coefficients with a cluster-robust covariance.

    Arrays have one entry a coefficient, ``ci`` (p, 2). ``df`` are Satterthwaite's (or clusters − p). With fewer than
    four degrees of freedom the test of a coefficient can't be trusted (Tipton 2015): ``doubtful`` says which.
    """

    kind: str
    level: float
    clusters: int
    coefficients: FloatArray
    covariance: FloatArray
    se: FloatArray
    statistic: FloatArray
    df: FloatArray
    p_value: FloatArray
    ci: FloatArray
    design: Design
    _parts: tuple[_Cluster, ...] = field(repr=False, compare=False)
    _bread: FloatArray = field(repr=False, compare=False)
    _satterthwaite: bool = field(repr=False, default=True)

    @property
    def names(self) -> tuple[str, ...]:
        """The coefficients' names."""
        return self.design.names

    @property
    def doubtful(self) -> NDArray[np.bool_]:
        """Which coefficients have fewer than four degrees of freedom."""
        return self.df < 4

    def test(self, term: str | Sequence[int] | ArrayLike) -> WaldTest:
        """A joint test of a term, of columns, or of contrasts Lβ = 0: approximate Hotelling T² as F.

        NaN when there are too few clusters for the number of constraints.
        """
        L = self.design.contrast(term)
        if not self._satterthwaite:
            return wald_test(self.coefficients, self.covariance, L, float(self.df[0]))
        q = len(L)
        undefined = WaldTest(float("nan"), q, float("nan"), float("nan"))
        full = wald_test(self.coefficients, self.covariance, L, float("nan"))
        if np.isnan(full.statistic):
            return undefined
        P = _covariances(self._parts, self._bread, L)
        omega = np.einsum("stii->st", P)
        values, vectors = np.linalg.eigh(omega)
        root = vectors / np.sqrt(values) @ vectors.T
        B = np.einsum("as,stij,tb->abij", root, P, root, optimize=True)
        spread = np.einsum("stij,tsij->st", B, B) + np.einsum("ssij,ttij->st", B, B)
        eta = q * (q + 1) / float(spread.sum())
        df = eta - q + 1
        if df <= 0:
            return undefined
        f = df / eta * full.statistic / q
        return WaldTest(f, q, df, float(fdtrc(q, df, f)))

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
        """The inference as text."""
        rows = [
            [name, number(b), number(s), number(t), number(d, 2), p_cell(p), number(low), number(high)]
            for name, b, s, t, d, p, (low, high) in zip(
                self.names, self.coefficients, self.se, self.statistic, self.df, self.p_value, self.ci, strict=True
            )
        ]
        lines = [
            f"Cluster-robust inference ({self.kind}, {self.clusters} clusters)",
            "",
            table(["", "estimate", "se", "t", "df", "p", "ci.low", "ci.high"], rows),
        ]
        if self.doubtful.any():
            few = ", ".join(name for name, doubtful in zip(self.names, self.doubtful, strict=True) if doubtful)
            lines += [f"Note: fewer than 4 degrees of freedom for {few}: its p-value can't be trusted"]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.summary()


def robust(
    fit: MetaRegression | Multilevel | Pooled,
    cluster: Sequence[Any] | NDArray[Any],
    *,
    kind: str = "CR2",
    df: str = "satterthwaite",
    level: float = 0.95,
) -> RobustInference:
    """Cluster-robust covariance of a fitted model's coefficients.

    ``cluster`` (k,) labels the rows. ``kind``: "CR0" (no adjustment), "CR1" (× m/(m − 1) for m clusters), "CR1p"
    (× m/(m − p), metafor's default), "CR1S" (Stata's), "CR2" (exactly unbiased if the model's covariance is right),
    "CR3" (approximate jackknife). ``df``: "satterthwaite", or "residual" for m − p.

    Raises ``DataError`` when a random effect or sampling covariance reaches across clusters (cluster on the outermost
    level), for a single cluster, and when m − p leaves nothing.
    """
    inputs.choice(kind, KINDS, "kind")
    inputs.choice(df, ("satterthwaite", "residual"), "df")
    inputs.probability(level, "level")
    design, y, beta, phi = _model(fit)
    X = design.X
    k, p = X.shape
    names = np.array(inputs.labels(cluster, k, "cluster"))
    _, codes = np.unique(names, return_inverse=True)
    codes = codes.ravel()
    m = int(codes.max()) + 1
    if m < 2:
        raise DataError("one cluster only: nothing tells how estimates vary between clusters")
    if (kind == "CR1p" or df == "residual") and m <= p:
        raise DataError(f"{m} clusters can't support {p} coefficients; use kind='CR2' and Satterthwaite's df")
    across = np.argwhere((phi != 0) & (codes[:, None] != codes[None, :]))
    if len(across):
        i, j = across[0]
        raise DataError(
            f"rows {i + 1} and {j + 1} are correlated in the model but lie in different clusters ({names[i]!r} and "
            f"{names[j]!r}); cluster on the outermost level"
        )
    parts, bread = _levers(X, phi, codes, kind, m)
    residual = y - X @ beta
    covariance = np.zeros((p, p))
    for part in parts:
        pull = (part.lever @ residual[part.rows][:, :, None])[:, :, 0]
        covariance += pull.T @ pull
    se = np.sqrt(np.diag(covariance))
    if df == "satterthwaite":
        freedom = np.array([_satterthwaite(parts, bread, row) for row in np.eye(p)])
    else:
        freedom = np.full(p, float(m - p))
    with np.errstate(divide="ignore", invalid="ignore"):
        # Residuals that are all 0 leave no standard error to divide by.
        statistic = np.where(se > 0, beta / se, np.nan)
    half = np.array([quantile(level, d) for d in freedom]) * se
    return RobustInference(
        kind=kind,
        level=level,
        clusters=m,
        coefficients=beta,
        covariance=covariance,
        se=se,
        statistic=statistic,
        df=freedom,
        p_value=np.array([float(two_sided(t, d)) for t, d in zip(statistic, freedom, strict=True)]),
        ci=np.column_stack([beta - half, beta + half]),
        design=design,
        _parts=parts,
        _bread=bread,
        _satterthwaite=df == "satterthwaite",
    )


def _model(fit: MetaRegression | Multilevel | Pooled) -> tuple[Design, FloatArray, FloatArray, FloatArray]:
    """Design, estimates, coefficients and the model's covariance of the estimates, whose inverse weighted them."""
    if isinstance(fit, Multilevel):
        return fit.design, fit.estimates, fit.coefficients, fit.marginal_covariance()
    phi = np.diag(fit.variances + fit.tau2)
    if isinstance(fit, MetaRegression):
        return fit.design, fit.estimates, fit.coefficients, phi
    if not np.allclose(fit.weights / fit.weights.sum() * np.sum(1 / np.diag(phi)), 1 / np.diag(phi), rtol=1e-6):
        raise DataError("robust inference needs inverse-variance weights; this result was pooled with others")
    return design_matrix(None, len(fit.estimates)), fit.estimates, np.array([fit.estimate]), phi


def _levers(
    X: FloatArray, phi: FloatArray, codes: NDArray[np.intp], kind: str, m: int
) -> tuple[tuple[_Cluster, ...], FloatArray]:
    k, p = X.shape
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    groups = []
    information = np.zeros((p, p))
    for size in np.unique(counts):
        rows = order[starts[counts == size][:, None] + np.arange(size)]
        block, Xs = phi[rows[:, :, None], rows[:, None, :]], X[rows]
        wx = np.linalg.solve(block, Xs)
        information += np.einsum("nsi,nsj->ij", Xs, wx)
        groups.append((rows, block, Xs, wx))
    bread: FloatArray = np.asarray(np.linalg.inv(information), dtype=float)
    scale = {
        "CR1": np.sqrt(m / (m - 1)),
        "CR1p": np.sqrt(m / (m - p)) if m > p else np.nan,
        "CR1S": np.sqrt(m * (k - 1) / ((m - 1) * (k - p))) if k > p else np.nan,
    }.get(kind, 1.0)
    parts = []
    for rows, block, Xs, wx in groups:
        lever = bread @ np.swapaxes(wx, 1, 2) * scale
        if kind in {"CR2", "CR3"}:
            lever = lever @ _adjustment(block, Xs, bread, kind)
        parts.append(_Cluster(rows, lever, block, Xs))
    return tuple(parts), bread


def _adjustment(phi: FloatArray, X: FloatArray, bread: FloatArray, kind: str) -> FloatArray:
    """A of each cluster, by which its residuals are multiplied to undo the fit's pull towards them."""
    left = phi - X @ bread @ np.swapaxes(X, 1, 2)
    if kind == "CR3":
        return phi @ np.linalg.pinv(left, rcond=1e-10, hermitian=True)
    D = np.swapaxes(np.linalg.cholesky(phi), 1, 2)
    values, vectors = np.linalg.eigh(D @ left @ np.swapaxes(D, 1, 2))
    # A coefficient that one cluster alone determines leaves it no residual: the generalised inverse ignores it.
    kept = values > 1e-12 * values[:, -1:]
    root = np.where(kept, 1 / np.sqrt(np.where(kept, values, 1.0)), 0.0)
    power = vectors * root[:, None, :] @ np.swapaxes(vectors, 1, 2)
    return np.asarray(np.swapaxes(D, 1, 2) @ power @ D)


def _pieces(parts: tuple[_Cluster, ...], L: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Of each cluster and contrast: own covariance (q, q, m), and reach L X (q, p, m) through the fitted values."""
    own, reach = [], []
    for part in parts:
        lever = L @ part.lever
        own.append(lever @ part.phi @ np.swapaxes(lever, 1, 2))
        reach.append(lever @ part.X)
    return np.moveaxis(np.concatenate(own), 0, -1), np.moveaxis(np.concatenate(reach), 0, -1)


def _covariances(parts: tuple[_Cluster, ...], bread: FloatArray, L: FloatArray) -> FloatArray:
    """Under the model, the covariance between clusters i and j of their shares in Lβ: (q, q, m, m)."""
    own, reach = _pieces(parts, L)
    P = -np.einsum("sai,ab,tbj->stij", reach, bread, reach, optimize=True)
    each = np.arange(own.shape[-1])
    P[:, :, each, each] += own
    return np.asarray(P)


def _satterthwaite(parts: tuple[_Cluster, ...], bread: FloatArray, contrast: FloatArray) -> float:
    """2 E[V]² / Var[V] for one contrast, from the eigen-free form (Σ_i P_ii)² / Σ_ij P_ij²."""
    own, reach = _pieces(parts, contrast[None, :])
    u = reach[0]
    cross = u.T @ bread @ u
    diagonal = own[0, 0]
    trace = float(np.sum(diagonal - np.diag(cross)))
    square = float(np.sum(cross**2) - 2 * np.sum(diagonal * np.diag(cross)) + np.sum(diagonal**2))
    return trace**2 / square
