"""The covariance of estimates that come from the same participants: V for multilevel and multivariate models.

Estimates of one cluster (study) are correlated when they measure the same people on several outcomes, with several
instruments, at several times, or when contrasts share an arm. As metafor's `vcalc`: each estimate is the outcome of a
condition (group 1 at time 1), or its difference from a second condition; the correlation of two estimates is that of
their conditions, times the correlation of what was measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import DataError
from equipoise.synthesis.pairwise import inputs

FloatArray = NDArray[np.float64]
Labels = Sequence[Any] | NDArray[Any]
Correlation = float | Mapping[tuple[Any, Any], float]


def sampling_covariance(
    variances: ArrayLike,
    cluster: Labels,
    *,
    subgroup: Labels | None = None,
    outcome: Labels | None = None,
    observation: Labels | None = None,
    rho: Correlation | tuple[Correlation, Correlation] | None = None,
    time1: ArrayLike | None = None,
    time2: ArrayLike | None = None,
    phi: float | None = None,
    group1: Labels | None = None,
    group2: Labels | None = None,
    size1: ArrayLike | None = None,
    size2: ArrayLike | None = None,
) -> FloatArray:
    """The (k, k) sampling covariance of estimates with ``variances`` (k,).

    Estimates of different clusters, or of different ``subgroup``s of one, are independent.

    * ``outcome`` (what was measured) or ``observation`` (which of several measurements of it): ``rho`` is their
      correlation, one number or a mapping {(a, b): r}; with both, a pair (same outcome, different outcomes).
      With neither, ``rho`` correlates all estimates of a cluster.
    * ``time1`` (and ``time2`` of the second condition): measurements of one group have correlation φ^|Δt|.
    * ``group1``, ``group2``: the arms that were contrasted. Contrasts that share an arm are correlated by its share
      of their variances, ½ for equal arms; ``size1`` and ``size2`` are the arms' sizes (or other inverse variances).

    Raises ``DataError`` when a needed correlation isn't given or isn't between −1 and 1, and names the cluster whose
    covariance isn't positive definite.
    """
    v = inputs.column(variances, "variances")
    k = len(v)
    v = inputs.positive(v, "variances", k)
    labelled = {
        name: inputs.labels(values, k, name)
        for name, values in (
            ("cluster", cluster),
            ("subgroup", subgroup),
            ("outcome", outcome),
            ("observation", observation),
            ("group1", group1),
            ("group2", group2),
        )
        if values is not None
    }
    if group2 is not None and group1 is None:
        raise DataError("group2 needs group1")
    together = _same(labelled["cluster"])
    if subgroup is not None:
        together &= _same(labelled["subgroup"])
    correlation = _measured(k, labelled, rho)
    if group1 is not None or time1 is not None:
        correlation = correlation * _conditions(k, labelled, time1, time2, phi, size1, size2)
    np.fill_diagonal(correlation, 1.0)
    V = np.where(together, correlation, 0.0) * np.sqrt(np.outer(v, v))
    _check(V, labelled["cluster"])
    return V


def _measured(k: int, labelled: Mapping[str, tuple[str, ...]], rho: Any) -> FloatArray:
    """How strongly what two estimates measured is correlated."""
    outcome, observation = labelled.get("outcome"), labelled.get("observation")
    if rho is None:
        if outcome is not None or observation is not None:
            raise DataError("outcome and observation need rho, the correlation of what was measured")
        return np.ones((k, k))
    if outcome is not None and observation is not None:
        if not isinstance(rho, tuple) or len(rho) != 2:
            raise DataError("with outcome and observation, rho is a pair: (same outcome, different outcomes)")
        within, between = _pairwise(rho[0], observation), _pairwise(rho[1], outcome)
        return np.where(_same(outcome), np.where(_same(observation), 1.0, within), between)
    kinds = outcome or observation
    if kinds is None:
        return _pairwise(rho, tuple(map(str, range(k))))
    return np.where(_same(kinds), 1.0, _pairwise(rho, kinds))


def _pairwise(rho: Any, kinds: tuple[str, ...]) -> FloatArray:
    k = len(kinds)
    if isinstance(rho, Mapping):
        known = {(str(a), str(b)): float(r) for (a, b), r in rho.items()}
        known |= {(b, a): r for (a, b), r in known.items()}
        matrix = np.ones((k, k))
        for i, j in zip(*np.triu_indices(k, 1), strict=True):
            a, b = kinds[i], kinds[j]
            if a != b:
                if (a, b) not in known:
                    raise DataError(f"rho has no correlation for {a!r} with {b!r}")
                matrix[i, j] = matrix[j, i] = _bounded(known[a, b], "rho")
        return matrix
    return np.full((k, k), _bounded(float(rho), "rho"))


def _conditions(
    k: int,
    labelled: Mapping[str, tuple[str, ...]],
    time1: ArrayLike | None,
    time2: ArrayLike | None,
    phi: float | None,
    size1: ArrayLike | None,
    size2: ArrayLike | None,
) -> FloatArray:
    """The correlation of the conditions, or of the contrasts of conditions, behind each pair of estimates."""
    first = labelled.get("group1", ("",) * k)
    second = labelled.get("group2")
    if time1 is not None and phi is None:
        raise DataError("time1 needs phi, the correlation of measurements one unit of time apart")
    t1 = np.zeros(k) if time1 is None else inputs.column(time1, "time1", k)
    t2 = t1 if time2 is None else inputs.column(time2, "time2", k)
    decay = 1.0 if phi is None else _bounded(float(phi), "phi")
    w1 = np.ones(k) if size1 is None else inputs.positive(size1, "size1", k)
    w2 = w1 if size2 is None else inputs.positive(size2, "size2", k)
    ends = [(first, t1, 1 / np.sqrt(w1))]
    if second is not None:
        ends.append((second, t2, -1 / np.sqrt(w2)))
    covariance = np.zeros((k, k))
    for group_i, time_i, scale_i in ends:
        for group_j, time_j, scale_j in ends:
            apart = np.abs(time_i[:, None] - time_j[None, :])
            covariance += _same(group_i, group_j) * decay**apart * np.outer(scale_i, scale_j)
    spread = np.sqrt(np.diag(covariance))
    if np.any(spread == 0):
        raise DataError(f"row {int(np.flatnonzero(spread == 0)[0]) + 1} contrasts a condition with itself")
    return np.asarray(covariance / np.outer(spread, spread))


def _same(labels: tuple[str, ...], others: tuple[str, ...] | None = None) -> NDArray[np.bool_]:
    one, two = np.array(labels, dtype=object), np.array(labels if others is None else others, dtype=object)
    return np.asarray(one[:, None] == two[None, :], dtype=bool)


def _bounded(value: float, name: str) -> float:
    if not -1 <= value <= 1:
        raise DataError(f"{name} is {value:g}; a correlation lies between -1 and 1")
    return value


def _check(V: FloatArray, cluster: tuple[str, ...]) -> None:
    names = np.array(cluster, dtype=object)
    for name in dict.fromkeys(cluster):
        rows = np.flatnonzero(names == name)
        block = V[np.ix_(rows, rows)]
        scale = np.sqrt(np.diag(block))
        if np.linalg.eigvalsh(block / np.outer(scale, scale))[0] < 1e-12:
            raise DataError(
                f"cluster {name!r}: the covariance of its {len(rows)} estimates isn't positive definite; check for "
                "repeated rows and for correlations that contradict each other"
            )
