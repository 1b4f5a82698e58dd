"""A few nodes for what depends on τ: the Gauss rule of its posterior.

The adaptive quadrature of `quadrature.py` has hundreds of nodes, since it must find the posterior of τ. Once found, the
posterior is itself a weight function, and the Gauss rule of n nodes belonging to it (Gautschi 2004, Orthogonal
Polynomials, §2.2.3: Lanczos) integrates what is smooth in τ (means, variances, probabilities) with an error that falls
geometrically in n. The last coefficients of a function's expansion in the rule's orthogonal polynomials bound that
error from far above, because its first unseen coefficient has twice their degree (null rules: Berntsen & Espelid 1991,
SIAM J Numer Anal 28:1141).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.quadrature import TauPosterior


@dataclass(frozen=True, slots=True, eq=False)
class TauNodes:
    """A rule for expectations over the posterior of τ.

    ``tau``: shape (n,); ``weights``: (n,), positive, sum 1; ``checks``: (2, n), null rules: the sum of the absolute
    values of both, applied to a function, bounds the error of its expectation.
    """

    tau: FloatArray
    weights: FloatArray
    checks: FloatArray

    def error_of(self, values: FloatArray) -> FloatArray:
        """A bound on the error of the expectation of ``values``, shape (n, …)."""
        return np.asarray(np.abs(np.tensordot(self.checks, values, axes=1)).sum(axis=0))


def condense(posterior: TauPosterior, nodes: int) -> TauNodes:
    """The Gauss rule with ``nodes`` nodes, in x = arsinh(τ/scale)."""
    kept = posterior.weights > 0
    weights = posterior.weights[kept]
    x = np.arcsinh(posterior.tau[kept] / posterior.scale)
    middle = float(weights @ x)
    spread = float(np.sqrt(weights @ (x - middle) ** 2))
    nodes = min(nodes, len(x))
    z = (x - middle) / spread
    basis = np.zeros((nodes, len(z)))
    basis[0] = np.sqrt(weights)
    diagonal, beside = np.empty(nodes), np.empty(nodes)
    for k in range(nodes):
        vector = z * basis[k]
        diagonal[k] = vector @ basis[k]
        # Twice, since once leaves rounding errors that grow from step to step.
        for _ in range(2):
            vector = vector - basis[: k + 1].T @ (basis[: k + 1] @ vector)
        beside[k] = np.sqrt(vector @ vector)
        if k + 1 < nodes:
            basis[k + 1] = vector / beside[k]
    jacobi = np.diag(diagonal) + np.diag(beside[: nodes - 1], 1) + np.diag(beside[: nodes - 1], -1)
    found, vectors = np.linalg.eigh(jacobi)
    root = np.abs(vectors[0])
    vectors = vectors * np.sign(vectors[0])
    checks = vectors[-2:] * root if nodes > 2 else np.zeros((2, nodes))
    tau = np.maximum(posterior.scale * np.sinh(middle + spread * found), 0.0)
    return TauNodes(tau, root**2, checks)
