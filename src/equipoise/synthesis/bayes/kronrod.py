"""The Gauss–Kronrod rule with 10 and 21 nodes on [−1, 1] (QUADPACK's qk21), and the polynomial through its nodes."""

from __future__ import annotations

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# Positive nodes in descending order; Gauss's are at the odd places.
_HALF = (
    0.995657163025808080735527280689003, 0.973906528517171720077964012084452,
    0.930157491355708226001207180059508, 0.865063366688984510732096688423493,
    0.780817726586416897063717578345042, 0.679409568299024406234327365114874,
    0.562757134668604683339000099272694, 0.433395394129247190799265943165784,
    0.294392862701460198131126603103866, 0.148874338981631210884826001129720,
)  # fmt: skip
_KRONROD_HALF = (
    0.011694638867371874278064396062192, 0.032558162307964727478818972459390,
    0.054755896574351996031381300244580, 0.075039674810919952767043140916190,
    0.093125454583697605535065465083366, 0.109387158802297641899210590325805,
    0.123491976262065851077958109585166, 0.134709217311473325928054001771707,
    0.142775938577060080797094273138717, 0.147739104901338491374841515972068,
)  # fmt: skip
_KRONROD_CENTRE = 0.149445554002916905664936468389821
_GAUSS_HALF = (
    0.066671344308688137593568809893332, 0.149451349150580593145863396957658,
    0.219086362515982043995534934228163, 0.269266719309996355091226921569469,
    0.295524224714752870173815619188769,
)  # fmt: skip


def _rule() -> tuple[FloatArray, FloatArray, FloatArray]:
    half = np.array(_HALF)
    nodes = np.concatenate([-half, [0.0], half[::-1]])
    kronrod = np.concatenate([_KRONROD_HALF, [_KRONROD_CENTRE], _KRONROD_HALF[::-1]])
    gauss_half = np.zeros(10)
    gauss_half[1::2] = _GAUSS_HALF
    gauss = np.concatenate([gauss_half, [0.0], gauss_half[::-1]])
    return nodes, kronrod, gauss


NODES, KRONROD, GAUSS = _rule()
COUNT = len(NODES)

TO_LEGENDRE: FloatArray = np.asarray(np.linalg.inv(legendre.legvander(NODES, COUNT - 1)))
"""From values at the nodes to the Legendre coefficients of the polynomial of degree 20 through them."""

ENDS_TOO: FloatArray = np.concatenate([[-1.0], NODES, [1.0]])
"""The nodes with both ends: as many values determine the polynomial's integral."""

CUMULATE: FloatArray = np.asarray(
    legendre.legval(ENDS_TOO, legendre.legint(np.eye(COUNT), lbnd=-1.0) @ TO_LEGENDRE, tensor=True).T
)
"""From values at the nodes to that polynomial's integrals from −1 up to each of ``ENDS_TOO``."""


def _barycentric(points: FloatArray) -> FloatArray:
    apart = 2.0 * (points[:, None] - points)
    np.fill_diagonal(apart, 1.0)
    return np.asarray(1.0 / apart.prod(axis=1))


_WEIGHTS = {COUNT: _barycentric(NODES), COUNT + 2: _barycentric(ENDS_TOO)}


def interpolate(values: FloatArray, z: FloatArray) -> FloatArray:
    """The polynomial through ``values`` (n, 21 at the nodes or 23 with the ends) at ``z`` (n,), one each."""
    count = values.shape[1]
    apart = z[:, None] - (NODES if count == COUNT else ENDS_TOO)
    hit = apart == 0.0
    share = _WEIGHTS[count] / np.where(hit, 1.0, apart)
    result = (share * values).sum(axis=1) / share.sum(axis=1)
    return np.asarray(np.where(hit.any(axis=1), (values * hit).sum(axis=1), result))


def solve(values: FloatArray, integrals: FloatArray, target: FloatArray) -> FloatArray:
    """Where in its panel each density's integral from −1 reaches ``target`` (n,).

    ``values`` (n, 21) at the nodes, ``integrals`` (n, 23) at ``ENDS_TOO``. Newton's method between the two nodes
    that enclose it.
    """
    above = np.clip((integrals < target[:, None]).sum(axis=1), 1, COUNT + 1)
    low, high = ENDS_TOO[above - 1], ENDS_TOO[above]
    rows = np.arange(len(target))
    before, after = integrals[rows, above - 1], integrals[rows, above]
    with np.errstate(divide="ignore", invalid="ignore"):
        z = low + (high - low) * np.nan_to_num((target - before) / (after - before), nan=0.5)
    z = np.clip(z, low, high)
    for _ in range(60):
        off = interpolate(integrals, z) - target
        low, high = np.where(off < 0, z, low), np.where(off < 0, high, z)
        with np.errstate(divide="ignore", invalid="ignore"):
            new = z - off / interpolate(values, z)
        new = np.where((new >= low) & (new <= high), new, 0.5 * (low + high))
        moved = np.abs(new - z)
        z = new
        if np.all(moved < 1e-14):
            break
    return np.asarray(z)
