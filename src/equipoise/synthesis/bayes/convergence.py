"""Whether chains agree, and how many independent draws they are worth.

R̂ and the effective sample sizes of split, rank-normalised chains (Vehtari et al. 2021, Bayesian Analysis 16:667), as
Stan and ArviZ have them. Arrays are (chains, draws, quantities).
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from equipoise.errors import DataError
from equipoise.frames import FloatArray


def rhat(draws: FloatArray) -> FloatArray:
    """The larger R̂ of the ranks and of the ranks of distances from the median, shape (quantities,)."""
    split = _split(draws)
    far = np.abs(split - np.median(split, axis=(0, 1)))
    return np.asarray(np.maximum(_rhat(_normalised(split)), _rhat(_normalised(far))))


def ess_bulk(draws: FloatArray) -> FloatArray:
    """Effective draws in the bulk, shape (quantities,)."""
    return _ess(_normalised(_split(draws)))


def ess_tail(draws: FloatArray) -> FloatArray:
    """Effective draws of the 5 % and 95 % quantiles, the smaller, shape (quantities,)."""
    low, high = np.quantile(draws, [0.05, 0.95], axis=(0, 1))
    split = _split(draws)
    return np.asarray(np.minimum(_ess((split <= low).astype(float)), _ess((split <= high).astype(float))))


def ess_mean(draws: FloatArray) -> FloatArray:
    """Effective draws of the mean, shape (quantities,)."""
    return _ess(_split(draws))


def _split(draws: FloatArray) -> FloatArray:
    half = draws.shape[1] // 2
    if half < 2:
        raise DataError(f"{draws.shape[1]} draws a chain are too few to judge convergence; 4 at least")
    return np.concatenate([draws[:, :half], draws[:, -half:]])


def _normalised(draws: FloatArray) -> FloatArray:
    chains, n, q = draws.shape
    ranks = rankdata(draws.reshape(chains * n, q), axis=0)
    return np.asarray(ndtri((ranks - 0.375) / (chains * n + 0.25)).reshape(draws.shape))


def _rhat(draws: FloatArray) -> FloatArray:
    n = draws.shape[1]
    between = n * draws.mean(axis=1).var(axis=0, ddof=1)
    within = draws.var(axis=1, ddof=1).mean(axis=0)
    return np.asarray(np.sqrt((between / within + n - 1) / n))


def _ess(draws: FloatArray) -> FloatArray:
    """By Geyer's initial monotone sequence (1992, Statistical Science 7:473) of the chains' joint autocorrelation."""
    chains, n, _ = draws.shape
    length = 2 ** int(np.ceil(np.log2(2 * n)))
    centred = draws - draws.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(centred, length, axis=1)
    covariance = np.fft.irfft(np.abs(spectrum) ** 2, length, axis=1)[:, :n].mean(axis=0) / n
    within = covariance[0] * n / (n - 1.0)
    total = covariance[0] + draws.mean(axis=1).var(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        rho = 1.0 - (within - covariance) / total
    rho[0] = 1.0
    longest = max((n - 3) // 2, 1)  # as ArviZ has it
    pairs = rho[: 2 * longest].reshape(longest, 2, -1).sum(axis=1)
    positive = np.logical_and.accumulate(pairs > 0, axis=0)
    falling = np.where(positive, np.minimum.accumulate(np.where(positive, pairs, np.inf), axis=0), 0.0)
    count = positive.sum(axis=0)
    # The first correlation after the sequence still counts where it is positive.
    after = rho[np.minimum(2 * count, n - 1), np.arange(rho.shape[1])]
    time = -1.0 + 2.0 * falling.sum(axis=0) + np.maximum(after, 0.0)
    time = np.maximum(time, 1.0 / np.log10(chains * n))
    return np.asarray(np.where(total > 0, chains * n / time, float(chains * n)))
