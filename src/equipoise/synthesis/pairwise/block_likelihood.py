"""The Gaussian (restricted) likelihood of y ~ N(Xβ, M(θ)), with M block-diagonal and β profiled out.

Rows that no covariance and no random effect connects fall into separate blocks. Blocks of one size are stacked and
factorised together, so that ten thousand studies of three estimates cost no Python loop. With W = M⁻¹ and residuals
r, the gradient in M is −½ (W − WX C X′W − Wr r′W) for REML (without the middle term for ML), C = (X′WX)⁻¹; every
parameter's derivative is its inner product with ∂M.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, issparse
from scipy.sparse.csgraph import connected_components

from equipoise.errors import DataError
from equipoise.synthesis.pairwise.random_effects import RandomTerm

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Stack:
    """n blocks of up to s rows: their rows (n, s), V (n, s, s), X with y as its last column (n, s, p + 1), and for
    each random term which pairs of rows share effects (n, s, s) and the rows' loadings (n, s, m).

    A shorter block is filled up with rows −1 that have variance 1 and zeros elsewhere: they change nothing.
    """

    rows: IntArray
    V: FloatArray
    Xy: FloatArray
    shared: tuple[FloatArray, ...]
    loadings: tuple[FloatArray, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """The fixed effects at one θ: β, C = (X′M⁻¹X)⁻¹, and the log-likelihood."""

    beta: FloatArray
    covariance: FloatArray
    log_likelihood: float


class BlockLikelihood:
    """The likelihood as a function of the variance components θ."""

    def __init__(self, y: FloatArray, V: Any, X: FloatArray, terms: Sequence[RandomTerm], restricted: bool) -> None:
        self.restricted = restricted
        self.k, self.p = X.shape
        self.log_det_design = float(np.linalg.slogdet(X.T @ X)[1])
        self._search_over(terms)
        self.stacks = _stacks(y, V, X, self.terms)

    def _search_over(self, terms: Sequence[RandomTerm]) -> None:
        self.terms = tuple(terms)
        ends = np.cumsum([0, *(len(term.bounds()[0]) for term in self.terms)])
        self.parts = [slice(int(a), int(b)) for a, b in pairwise(ends)]
        self.size = int(ends[-1])

    def with_terms(self, terms: Sequence[RandomTerm]) -> BlockLikelihood:
        """The same data and random effects, their parameters searched in another way."""
        other = copy(self)
        other._search_over(terms)
        return other

    def marginal(self, theta: FloatArray) -> list[FloatArray]:
        """M of each stack."""
        covariances = [term.covariance(theta[part])[0] for term, part in zip(self.terms, self.parts, strict=True)]
        out = []
        for stack in self.stacks:
            M = stack.V.copy()
            for G, shared, Z in zip(covariances, stack.shared, stack.loadings, strict=True):
                M += shared * (Z @ G @ np.swapaxes(Z, 1, 2))
            out.append(M)
        return out

    def __call__(self, theta: FloatArray) -> tuple[float, FloatArray]:
        """The profile log-likelihood and its gradient in θ."""
        value, gradient, _ = self._evaluate(theta, information=False)
        return value, gradient

    def scored(self, theta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Log-likelihood, gradient and average information ½ y′P ∂M P ∂M P y (Gilmour, Thompson & Cullis 1995)."""
        return self._evaluate(theta, information=True)

    def profile(self, theta: FloatArray) -> Profile | None:
        """The generalised least squares fit at θ; None where M isn't positive definite."""
        solved = self._solve(theta)
        return None if solved is None else solved[0]

    def _solve(self, theta: FloatArray) -> tuple[Profile, list[tuple[FloatArray, FloatArray]]] | None:
        log_det, rss = 0.0, 0.0
        A, b = np.zeros((self.p, self.p)), np.zeros(self.p)
        solved = []
        for M, stack in zip(self.marginal(theta), self.stacks, strict=True):
            try:
                L = np.linalg.cholesky(M)
            except np.linalg.LinAlgError:
                return None
            log_det += 2.0 * float(np.log(np.diagonal(L, axis1=1, axis2=2)).sum())
            inverse = np.linalg.inv(L)
            half = inverse @ stack.Xy
            flat = half.reshape(-1, self.p + 1)
            A += flat[:, :-1].T @ flat[:, :-1]
            b += flat[:, :-1].T @ flat[:, -1]
            solved.append((inverse, half))
        try:
            C = np.linalg.inv(A)
        except np.linalg.LinAlgError:
            return None
        C = (C + C.T) / 2
        beta = C @ b
        contrast = np.append(-beta, 1.0)
        for _, half in solved:
            residual = half @ contrast
            rss += float(np.sum(residual * residual))
        value = -0.5 * (log_det + rss + self.k * np.log(2 * np.pi))
        if self.restricted:
            # With ½ log det X′X, as metafor has it: comparable between codings of the same model.
            value += 0.5 * (self.p * np.log(2 * np.pi) + self.log_det_design - float(np.linalg.slogdet(A)[1]))
        return Profile(beta, C, float(value)), solved

    def _evaluate(self, theta: FloatArray, information: bool) -> tuple[float, FloatArray, FloatArray]:
        result = self._solve(theta)
        if result is None:
            return -np.inf, np.zeros(self.size), np.zeros((self.size, self.size))
        profile, solved = result
        slopes = [term.covariance(theta[part])[1] for term, part in zip(self.terms, self.parts, strict=True)]
        totals = [np.zeros((term.m, term.m)) for term in self.terms]
        contrast = np.append(-profile.beta, 1.0)
        average = np.zeros((self.size, self.size))
        cross = np.zeros((self.p, self.size))
        for (inverse, half), stack in zip(solved, self.stacks, strict=True):
            back = np.swapaxes(inverse, 1, 2)
            whole = back @ half
            wr = whole @ contrast
            S = back @ inverse
            S -= wr[:, :, None] * wr[:, None, :]
            if self.restricted:
                wx = whole[:, :, :-1]
                S -= wx @ profile.covariance @ np.swapaxes(wx, 1, 2)
            for index, (shared, Z) in enumerate(zip(stack.shared, stack.loadings, strict=True)):
                m = Z.shape[2]
                totals[index] += Z.reshape(-1, m).T @ ((S * shared) @ Z).reshape(-1, m)
            if information:
                U = inverse @ self._moved(stack, wr, slopes)
                flat = U.reshape(-1, self.size)
                average += flat.T @ flat
                cross += half[:, :, :-1].reshape(-1, self.p).T @ flat
        gradient = np.zeros(self.size)
        for part, slope, total in zip(self.parts, slopes, totals, strict=True):
            gradient[part] = -0.5 * (slope.reshape(len(slope), -1) @ total.ravel())
        return profile.log_likelihood, gradient, 0.5 * (average - cross.T @ profile.covariance @ cross)

    def _moved(self, stack: Stack, wr: FloatArray, slopes: list[FloatArray]) -> FloatArray:
        """∂M Wr for every parameter, (n, s, parameters)."""
        n, s = wr.shape
        out = np.empty((n, s, self.size))
        for part, slope, shared, Z in zip(self.parts, slopes, stack.shared, stack.loadings, strict=True):
            gathered = shared @ (Z * wr[:, :, None])
            for offset, dG in enumerate(slope):
                out[:, :, part.start + offset] = np.sum((gathered @ dG) * Z, axis=2)
        return out

    def scatter(self, blocks: list[FloatArray]) -> FloatArray:
        """Blocks of each stack as one dense (k, k) matrix."""
        out = np.zeros((self.k, self.k))
        for block, stack in zip(blocks, self.stacks, strict=True):
            n, i, j = np.nonzero((stack.rows[:, :, None] >= 0) & (stack.rows[:, None, :] >= 0))
            out[stack.rows[n, i], stack.rows[n, j]] = block[n, i, j]
        return out


def _stacks(y: FloatArray, V: Any, X: FloatArray, terms: tuple[RandomTerm, ...]) -> list[Stack]:
    k = len(y)
    rows, columns, values = _entries(V, k)
    links = [(rows, columns)]
    for term in terms:
        if term.outer.shape != (k,):
            raise DataError(f"random effects {term.name!r} have {len(term.outer)} rows, but there are {k} estimates")
        order = np.argsort(term.outer, kind="stable")
        same = term.outer[order][1:] == term.outer[order][:-1]
        links.append((order[1:][same], order[:-1][same]))
    i = np.concatenate([link[0] for link in links])
    j = np.concatenate([link[1] for link in links])
    linked: Any = (np.ones(len(i)), (i, j))
    _, block = connected_components(coo_array(linked, shape=(k, k)), directed=False)
    order = np.argsort(block, kind="stable")
    counts = np.bincount(block)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    place = np.empty(k, dtype=np.intp)
    place[order] = np.arange(k) - np.repeat(starts, counts)
    stacks = []
    # Sizes up to a power of two go together, so that there are few stacks however uneven the studies.
    widths = 2 ** np.ceil(np.log2(counts)).astype(int)
    for width in np.unique(widths):
        which = np.flatnonzero(widths == width)
        size = int(counts[which].max())
        members = np.full((len(which), size), -1, dtype=np.intp)
        filled = np.arange(size) < counts[which][:, None]
        members[filled] = order[(starts[which][:, None] + np.arange(size))[filled]]
        position = np.full(len(counts), -1, dtype=np.intp)
        position[which] = np.arange(len(which))
        mine = position[block[rows]] >= 0
        dense = np.eye(size) * ~filled[:, :, None]
        dense[position[block[rows[mine]]], place[rows[mine]], place[columns[mine]]] = values[mine]
        real = filled[:, :, None] & filled[:, None, :]
        outers = [term.outer[members] for term in terms]
        stacks.append(
            Stack(
                rows=members,
                V=dense,
                Xy=np.column_stack([X, y])[members] * filled[:, :, None],
                shared=tuple(((outer[:, :, None] == outer[:, None, :]) & real).astype(float) for outer in outers),
                loadings=tuple(term.loadings[members] for term in terms),
            )
        )
    return stacks


def _entries(V: Any, k: int) -> tuple[IntArray, IntArray, FloatArray]:
    """The nonzero entries of V: a vector of variances, a dense or a sparse matrix."""
    if issparse(V):
        # tocsr sums entries that are stored twice.
        sparse = cast("Any", V).tocsr().tocoo()
        if sparse.shape != (k, k):
            raise DataError(f"V has shape {sparse.shape}, but there are {k} estimates")
        rows, columns = (np.asarray(c, dtype=np.intp) for c in (sparse.row, sparse.col))
        values = np.asarray(sparse.data, dtype=float)
    else:
        matrix = np.asarray(V, dtype=float)
        if matrix.shape == (k,):
            rows = columns = np.arange(k)
            values = matrix
        elif matrix.shape == (k, k):
            if not np.allclose(matrix, matrix.T, rtol=1e-8, atol=0, equal_nan=True):
                raise DataError("V isn't symmetric")
            rows, columns = (np.asarray(c, dtype=np.intp) for c in np.nonzero(matrix))
            values = matrix[rows, columns]
        else:
            raise DataError(f"V has shape {matrix.shape}; ({k},) or ({k}, {k}) is needed")
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise DataError(f"V, row {rows[bad[0]] + 1}, column {columns[bad[0]] + 1}: {values[bad[0]]:g}")
    diagonal = np.zeros(k)
    on = rows == columns
    np.add.at(diagonal, rows[on], values[on])
    if np.any(diagonal <= 0):
        row = int(np.flatnonzero(diagonal <= 0)[0])
        raise DataError(f"V, row {row + 1}: variance {diagonal[row]:g}; a sampling variance must be positive")
    return rows, columns, values
