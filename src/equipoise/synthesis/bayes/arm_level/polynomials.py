"""Polynomials in several variables, in place of what takes long to compute."""

from __future__ import annotations

from functools import cache

import numpy as np

from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray


@cache
def exponents(variables: int, degree: int) -> IntArray:
    """The exponents of all monomials up to a total degree, shape (terms, variables)."""
    if variables == 0:
        return np.zeros((1, 0), dtype=np.intp)
    rows = [
        np.concatenate([np.full((len(rest), 1), power, dtype=np.intp), rest], axis=1)
        for power in range(degree + 1)
        for rest in [exponents(variables - 1, degree - power)]
    ]
    return np.concatenate(rows)


def chebyshev_products(place: FloatArray, powers: IntArray) -> FloatArray:
    """Products of Chebyshev polynomials, shape (points, terms)."""
    each = np.polynomial.chebyshev.chebvander(place, int(powers.max()))
    result = each[:, 0][:, powers[:, 0]]
    for axis in range(1, place.shape[1]):
        result = result * each[:, axis][:, powers[:, axis]]
    return np.asarray(result)
