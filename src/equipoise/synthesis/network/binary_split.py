"""Direct against indirect evidence on events, without a normal approximation of each study's log odds ratio.

"sidde" of Efthimiou et al. 2019 (Statistics in Medicine 38:2992; R: ``netsplit(netmetabin(…))``): the direct estimate
comes from the two arms of the studies that contain both treatments, the indirect one from the network without these
studies.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import ndtr, ndtri

from equipoise.errors import DataError
from equipoise.synthesis.network.binary_arms import BinaryArms
from equipoise.synthesis.network.binary_fit import BinaryFit
from equipoise.synthesis.network.mantel_haenszel import mantel_haenszel
from equipoise.synthesis.network.removal import BoolArray
from equipoise.synthesis.network.splitting import Split

Analysis = Callable[..., BinaryFit]


def split_binary(arms: BinaryArms, analyse: Analysis = mantel_haenszel, *, level: float = 0.95) -> Split:
    """Direct, indirect and network log odds ratios of every connected pair.

    ``analyse``: the method for all three, ``mantel_haenszel``, ``hypergeometric`` or ``penalised_logistic``, with
    options fixed by ``functools.partial``. NaN where a method has nothing to estimate from; ``proportion`` is the
    network's variance over the direct one's. Raises what ``analyse`` raises for the whole network.
    """
    fit = analyse(arms, level=level)
    used = fit.arms
    present = _presence(used)
    part = {t: number for number, names in enumerate(fit.subnetworks) for t in names}
    n = len(fit.treatments)
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n) if part[fit.treatments[i]] == part[fit.treatments[j]]]
    studies = np.zeros(len(pairs), dtype=np.intp)
    direct, indirect, network = (np.full((len(pairs), 2), np.nan) for _ in range(3))
    for row, (i, j) in enumerate(pairs):
        first, second = fit.treatments[i], fit.treatments[j]
        network[row] = fit.estimates[i, j], fit.standard_errors[i, j]
        both = present[:, i] & present[:, j]
        studies[row] = int(both.sum())
        if not both.any():
            indirect[row] = network[row]
            continue
        direct[row] = _estimate(analyse, used.keep(both[used.study] & np.isin(used.treatment, (i, j))), first, second)
        named = {used.studies[s] for s in np.flatnonzero(both)}
        rest = np.array([arms.studies[s] not in named for s in arms.study])
        indirect[row] = _estimate(analyse, arms.keep(rest), first, second)
    difference = direct[:, 0] - indirect[:, 0]
    difference[studies == 0] = np.nan
    difference_se = np.hypot(direct[:, 1], indirect[:, 1])
    statistic = difference / difference_se
    return Split(
        method="sidde",
        measure=fit.measure,
        level=level,
        treatment=tuple(fit.treatments[i] for i, _ in pairs),
        comparator=tuple(fit.treatments[j] for _, j in pairs),
        studies=studies,
        proportion=np.where(studies > 0, (network[:, 1] / direct[:, 1]) ** 2, 0.0),
        network=network[:, 0],
        network_se=network[:, 1],
        direct=direct[:, 0],
        direct_se=direct[:, 1],
        indirect=indirect[:, 0],
        indirect_se=indirect[:, 1],
        difference=difference,
        difference_se=difference_se,
        statistic=statistic,
        p=2.0 * ndtr(-np.abs(statistic)),
        quantile=np.full(len(pairs), float(ndtri(0.5 + level / 2.0))),
    )


def _presence(arms: BinaryArms) -> BoolArray:
    """Whether each study has each treatment, shape (studies, treatments)."""
    present = np.zeros((len(arms.studies), len(arms.treatments)), dtype=bool)
    present[arms.study, arms.treatment] = True
    return present


def _estimate(analyse: Analysis, arms: BinaryArms, first: str, second: str) -> tuple[float, float]:
    """The log odds ratio of two treatments and its standard error, NaN where these arms don't give one."""
    try:
        fit = analyse(arms) if len(arms.studies) else None
    except DataError:
        fit = None
    if fit is None or first not in fit.treatments or second not in fit.treatments:
        return float("nan"), float("nan")
    i, j = fit.treatments.index(first), fit.treatments.index(second)
    return float(fit.estimates[i, j]), float(fit.standard_errors[i, j])
