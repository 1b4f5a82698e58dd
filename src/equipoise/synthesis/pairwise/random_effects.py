"""Random effects of a multilevel or multivariate model: who shares them, and how they covary.

`intercepts` and `nested` are metafor's ``~ 1 | group``; `structured` is ``~ inner | outer`` with a ``struct``;
`slopes` is ``struct="GEN"``. All give a `RandomTerm`: rows of one outer group share effects with covariance G, row i
through its loadings z_i, so that cov(row i, row j) = z_i′ G z_j.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import DataError
from equipoise.synthesis.pairwise import inputs

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
Labels = Sequence[Any] | NDArray[Any]

STRUCTURES = ("CS", "HCS", "UN", "ID", "DIAG", "AR", "HAR", "CAR")


@dataclass(frozen=True, eq=False)
class RandomTerm:
    """A set of random effects.

    ``outer`` (k,): rows with equal codes may share effects; ``loadings`` (k, m); ``levels`` (m,) name the effects.
    ``distance`` (m, m) is that of AR and CAR, ``known`` (m, m) a given correlation. ``pairs`` are the (i, j), i > j,
    of an unstructured correlation and ``meet`` says which of them are ever seen in one outer group: a correlation
    that isn't can't be estimated and is 0. ``groups`` name the outer codes. ``tau2`` and ``rho`` are fixed values.
    ``by_factor``: search an unstructured G by its Cholesky factor rather than by its components.
    """

    name: str
    structure: str
    outer: IntArray
    loadings: FloatArray
    levels: tuple[str, ...]
    groups: tuple[str, ...]
    distance: FloatArray | None = None
    known: FloatArray | None = None
    pairs: tuple[tuple[int, int], ...] = ()
    meet: NDArray[np.bool_] | None = None
    tau2: float | None = None
    rho: float | None = None
    by_factor: bool = True

    @property
    def m(self) -> int:
        """The number of covarying effects."""
        return len(self.levels)

    @property
    def components(self) -> tuple[str, ...]:
        """The names of the variances and correlations."""
        if self.structure == "intercept":
            return (f"sigma2[{self.name}]",)
        spread = [f"tau2[{level}]" for level in self.levels] if self._each else ["tau2"]
        if self.structure == "UN":
            spread += [f"rho[{self.levels[j]},{self.levels[i]}]" for i, j in self.pairs]
        elif self.structure not in {"ID", "DIAG"}:
            spread += ["rho"]
        return tuple(spread if self.name == "" else [f"{self.name}: {part}" for part in spread])

    @property
    def fixed(self) -> NDArray[np.bool_]:
        """Which components aren't estimated."""
        spread = self.m if self._each else 1
        correlations = [self.rho is not None or not meets for meets in self._correlated()]
        return np.array([self.tau2 is not None] * spread + correlations, dtype=bool)

    @property
    def searches_roots(self) -> bool:
        """Whether the search is over standard deviations, which keeps products of them smooth at 0."""
        return self.structure in {"HCS", "UN", "HAR"} and not self._factored

    @property
    def roots(self) -> NDArray[np.bool_]:
        """Which components are searched as standard deviations."""
        spread = self.m if self._each else 1
        return np.array([self.searches_roots] * spread + [False] * (len(self.components) - spread), dtype=bool)

    def search(self, natural: FloatArray) -> FloatArray:
        """The parameters of the search from the components (not by factor)."""
        return np.where(self.roots, np.sqrt(np.abs(natural)), natural)

    @property
    def _each(self) -> bool:
        return self.structure in {"HCS", "UN", "DIAG", "HAR"}

    @property
    def _factored(self) -> bool:
        """Whether the search is over G's Cholesky factor: every matrix it can reach is positive semidefinite."""
        return self.by_factor and self.structure == "UN" and self.m > 2 and not self.fixed.any()

    def _correlated(self) -> list[bool]:
        if self.structure in {"ID", "DIAG", "intercept"}:
            return []
        meet = np.zeros(0, dtype=bool) if self.meet is None else self.meet
        return [bool(pair) for pair in meet] if self.structure == "UN" else [bool(meet.any())]

    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """The range of each parameter of the search."""
        if self._factored:
            size = self.m * (self.m + 1) // 2
            return np.full(size, -np.inf), np.full(size, np.inf)
        spread = self.m if self._each else 1
        low, high = [0.0] * spread, [np.inf] * spread
        if self.tau2 is not None:
            low = high = [float(np.sqrt(self.tau2)) if self.searches_roots else float(self.tau2)] * spread
        smallest = {"CS": -1 / max(self.m - 1, 1), "HCS": -1 / max(self.m - 1, 1), "CAR": 0.0}.get(self.structure, -1.0)
        for meets in self._correlated():
            given = self.rho if self.rho is not None else (None if meets else 0.0)
            low = [*low, smallest if given is None else given]
            high = [*high, 1.0 if given is None else given]
        return np.array(low), np.array(high)

    def start(self, variance: float, correlation: float = 0.4) -> FloatArray:
        """Where the search begins, given a guess at the effects' variance and correlation."""
        if self._factored:
            equal = variance * ((1 - correlation) * np.eye(self.m) + correlation)
            return np.asarray(np.linalg.cholesky(equal)[np.tril_indices(self.m)], dtype=float)
        spread = float(np.sqrt(variance)) if self.searches_roots else variance
        guess = np.array([spread] * (self.m if self._each else 1) + [correlation] * len(self._correlated()))
        low, high = self.bounds()
        return np.asarray(np.clip(guess, low, high), dtype=float)

    def units(self, variance: float) -> FloatArray:
        """The size of each parameter of the search when effects have about this variance."""
        if self._factored:
            return np.full(self.m * (self.m + 1) // 2, float(np.sqrt(variance)))
        spread = float(np.sqrt(variance)) if self.searches_roots else variance
        return np.array([spread] * (self.m if self._each else 1) + [1.0] * len(self._correlated()))

    def covariance(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """G (m, m) and its derivatives (parameters, m, m)."""
        m = self.m
        if self._factored:
            return _from_factor(theta, m)
        spread = m if self._each else 1
        R, dR = self._correlation(theta[spread:])
        if not self._each:
            return theta[0] * R, np.concatenate([R[None], theta[0] * dR])
        each = np.arange(m)
        if self.structure == "DIAG":
            unit = np.zeros((m, m, m))
            unit[each, each, each] = 1.0
            return np.diag(theta), unit
        s = theta[:m]
        by_s = np.zeros((m, m, m))
        by_s[each, each, :] += s * R
        by_s[each, :, each] += s * R
        return np.outer(s, s) * R, np.concatenate([by_s, np.outer(s, s) * dR])

    def _correlation(self, rho: FloatArray) -> tuple[FloatArray, FloatArray]:
        m = self.m
        if self.structure == "intercept":
            return (np.ones((1, 1)) if self.known is None else self.known), np.zeros((0, m, m))
        if self.structure in {"ID", "DIAG"}:
            return np.eye(m), np.zeros((0, m, m))
        if self.structure in {"CS", "HCS"}:
            off = 1.0 - np.eye(m)
            return np.eye(m) + rho[0] * off, off[None]
        if self.structure == "UN":
            R, dR = np.eye(m), np.zeros((len(rho), m, m))
            for index, (i, j) in enumerate(self.pairs):
                R[i, j] = R[j, i] = rho[index]
                dR[index, i, j] = dR[index, j, i] = 1.0
            return R, dR
        assert self.distance is not None
        return _decay(float(rho[0]), self.distance)

    def natural(self, theta: FloatArray) -> FloatArray:
        """The components (variances and correlations) from the parameters of the search."""
        if self._factored:
            G = self.covariance(theta)[0]
            s = np.sqrt(np.diag(G))
            with np.errstate(invalid="ignore", divide="ignore"):
                return np.concatenate([s**2, [G[i, j] / (s[i] * s[j]) for i, j in self.pairs]])
        if not self.searches_roots:
            return theta
        return np.concatenate([theta[: self.m] ** 2, theta[self.m :]])


def intercepts(
    groups: Labels,
    name: str = "group",
    *,
    sigma2: float | None = None,
    correlation: ArrayLike | None = None,
    levels: Sequence[Any] | None = None,
) -> RandomTerm:
    """One effect for each level of ``groups`` (k,), with variance σ² (``sigma2`` fixes it).

    ``correlation`` (levels × levels, in the order of ``levels``, else of first appearance) makes the effects
    correlated in a known way, e.g. through a phylogeny.
    """
    texts = _texts(groups, name)
    if correlation is None:
        distinct, codes = np.unique(texts, return_inverse=True)
        return RandomTerm(
            name, "intercept", _codes(codes), np.ones((len(texts), 1)), ("1",), _names(distinct), tau2=sigma2
        )
    R = np.asarray(correlation, dtype=float)
    order = list(dict.fromkeys(texts)) if levels is None else [str(level) for level in levels]
    if R.shape != (len(order), len(order)) or not np.allclose(R, R.T) or not np.allclose(np.diag(R), 1):
        raise DataError(f"{name}: the correlation must be {len(order)} × {len(order)}, symmetric, 1 on the diagonal")
    missing = sorted(set(texts) - set(order))
    if missing:
        raise DataError(f"{name}: the correlation matrix has no level {missing[0]!r}")
    loadings = np.array([[float(text == level) for level in order] for text in texts])
    return RandomTerm(
        name,
        "intercept",
        np.zeros(len(texts), dtype=np.intp),
        loadings,
        tuple(order),
        ("all",),
        known=R,
        tau2=sigma2,
    )


def nested(*groups: Labels, names: Sequence[str] | None = None) -> tuple[RandomTerm, ...]:
    """Intercepts of groups that are nested in each other, the outermost first: ``nested(district, school)``."""
    labels = tuple(names) if names is not None else tuple(f"level{j}" for j in range(1, len(groups) + 1))
    terms: list[RandomTerm] = []
    path: list[str] = []
    for j, group in enumerate(groups):
        own = _texts(group, labels[j])
        path = [f"{outer}/{inner}" for outer, inner in zip(path, own, strict=True)] if j else list(own)
        terms.append(intercepts(path, "/".join(labels[: j + 1])))
    return tuple(terms)


def structured(
    inner: Labels,
    outer: Labels,
    structure: str = "CS",
    *,
    name: str = "",
    tau2: float | None = None,
    rho: float | None = None,
) -> RandomTerm:
    """Effects of the levels of ``inner`` that covary within each level of ``outer``, both (k,).

    ``structure``: "CS" (one τ², one ρ), "HCS" (a τ² a level, one ρ), "UN" (every variance and correlation), "ID" and
    "DIAG" (one τ², or one a level, uncorrelated), "AR" and "HAR" (ρ^|i−j| over the ordered levels), "CAR"
    (ρ^|t_i−t_j| where ``inner`` holds numbers). ``tau2`` and ``rho`` fix all variances or correlations. Levels are
    taken in sorted order.
    """
    inputs.choice(structure, STRUCTURES, "structure")
    if len(inner) != len(outer):
        raise DataError(f"inner has {len(inner)} values and outer {len(outer)}")
    numeric = all(isinstance(value, int | float | np.number) for value in inner)
    if structure == "CAR" and not numeric:
        raise DataError("structure 'CAR' needs numbers (times) as inner")
    values = np.asarray(inner, dtype=float) if numeric else _texts(inner, "inner")
    levels, codes = np.unique(values, return_inverse=True)
    distinct, groups = np.unique(_texts(outer, "outer"), return_inverse=True)
    codes, groups = _codes(codes), _codes(groups)
    m = len(levels)
    seen = np.zeros((len(distinct), m))
    seen[groups, codes] = 1
    together = seen.T @ seen > 0
    pairs = tuple((i, j) for j in range(m) for i in range(j + 1, m))
    place = levels if structure == "CAR" else np.arange(m)
    return RandomTerm(
        name=name,
        structure=structure,
        outer=groups,
        loadings=np.eye(m)[codes],
        levels=tuple(f"{level:g}" if numeric else str(level) for level in levels),
        groups=_names(distinct),
        distance=np.abs(np.subtract.outer(place, place)).astype(float),
        pairs=pairs,
        meet=np.array([together[i, j] for i, j in pairs], dtype=bool),
        tau2=tau2,
        rho=rho,
    )


def slopes(loadings: ArrayLike, outer: Labels, names: Sequence[str] | None = None, *, name: str = "") -> RandomTerm:
    """Correlated random coefficients of the columns of ``loadings`` (k, m) within each level of ``outer``."""
    Z = np.asarray(loadings, dtype=float)
    Z = Z[:, None] if Z.ndim == 1 else Z
    if len(Z) != len(outer) or not np.all(np.isfinite(Z)):
        raise DataError("loadings need one row of finite numbers for each value of outer")
    m = Z.shape[1]
    distinct, groups = np.unique(_texts(outer, "outer"), return_inverse=True)
    pairs = tuple((i, j) for j in range(m) for i in range(j + 1, m))
    return RandomTerm(
        name=name,
        structure="UN",
        outer=_codes(groups),
        loadings=Z,
        levels=tuple(names) if names is not None else tuple(f"x{j}" for j in range(m)),
        groups=_names(distinct),
        pairs=pairs,
        meet=np.ones(len(pairs), dtype=bool),
    )


def _from_factor(theta: FloatArray, m: int) -> tuple[FloatArray, FloatArray]:
    L = np.zeros((m, m))
    rows, columns = np.tril_indices(m)
    L[rows, columns] = theta
    dG = np.zeros((len(theta), m, m))
    for index, (i, j) in enumerate(zip(rows, columns, strict=True)):
        dG[index, i, :] += L[:, j]
        dG[index, :, i] += L[:, j]
    return L @ L.T, dG


def _decay(rho: float, distance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """ρ^distance and its derivative; distances are whole numbers when ρ may be negative."""
    apart = np.where(distance == 0, 1.0, distance)
    size, sign = abs(rho), (1.0 if rho >= 0 else -1.0)
    with np.errstate(divide="ignore"):
        R = np.where(distance == 0, 1.0, sign**apart * size**apart)
        slope = apart * sign ** (apart - 1) * size ** (apart - 1)
    return R, np.where(distance == 0, 0.0, np.minimum(slope, 1e300))[None]


def _texts(labels: Labels, name: str) -> NDArray[np.str_]:
    for row, label in enumerate(labels, start=1):
        if label is None or (isinstance(label, float) and np.isnan(label)):
            raise DataError(f"{name}, row {row}: empty; every row needs its group")
    return np.array([str(label) for label in labels])


def _names(labels: NDArray[Any]) -> tuple[str, ...]:
    return tuple(str(label) for label in labels)


def _codes(codes: NDArray[Any]) -> IntArray:
    return np.asarray(codes, dtype=np.intp).ravel()
