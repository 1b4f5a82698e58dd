"""Mantel–Haenszel network meta-analysis of rare events.

Each design (set of treatments compared) is pooled over its studies by the generalised Mantel–Haenszel estimators of
Greenland (1989, Biometrics 45:183); the designs are then combined by generalised least squares
(Efthimiou et al. 2019, Statistics in Medicine 38:2992). Common effect only, odds ratios only; the estimators of
`netmetabin(method = "MH")` of R's netmeta.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from equipoise.errors import DataError, InconsistentVariances
from equipoise.frames import FloatArray
from equipoise.synthesis.network.binary_arms import (
    BinaryArms,
    design_totals,
    drop_one_sided,
    drop_uninformative,
    lost_treatments,
)
from equipoise.synthesis.network.binary_fit import BinaryFit, Part, assemble, check_request
from equipoise.synthesis.network.contrasts import StudyContrasts
from equipoise.synthesis.network.network import Change, LeftOut, Network


def mantel_haenszel(
    arms: BinaryArms, *, reference: str | None = None, continuity_correction: float = 0.0, level: float = 0.95
) -> BinaryFit:
    """Log odds ratios by the Mantel–Haenszel method.

    Left out, and reported: studies without any or with only events, treatments without events (or non-events) in all
    studies of a design, designs left with one arm. A design that loses a treatment remains a design of its own. With a ``continuity_correction`` c > 0, c is instead added to the
    events and the non-events of every arm of such designs (netmeta: ``cc.pooled = TRUE``). ``q`` tests whether the
    designs agree. Raises ``DataError`` when nothing is left or the reference is.
    """
    used = _correct(arms, continuity_correction) if continuity_correction > 0 else drop_uninformative(arms)
    check_request(used, arms, reference, level)
    names, design = np.unique(_original_designs(arms, used), return_inverse=True)
    by_study = np.split(np.arange(len(used.study)), np.flatnonzero(np.diff(used.study)) + 1)
    pooled: list[StudyContrasts] = []
    out: list[LeftOut] = []
    unusable = np.zeros(len(names), dtype=bool)
    for number, name in enumerate(names.tolist()):
        rows = np.array([by_study[s] for s in np.flatnonzero(design == number)])
        treatments = tuple(used.treatments[t] for t in used.treatment[rows[0]])
        log_odds_ratios, covariance = pool_design(used.events[rows], used.nonevents[rows])
        if not (np.isfinite(log_odds_ratios).all() and np.isfinite(covariance).all()):
            out.append(LeftOut(f"design {name}", "its Mantel–Haenszel odds ratio is 0 or infinite"))
            unusable[number] = True
            continue
        pooled.append(StudyContrasts(name, treatments, -log_odds_ratios, covariance))
    used = used.keep(~unusable[design][used.study])
    used = replace(used, left_out=(*used.left_out, *out, *lost_treatments(arms, used)))
    check_request(used, arms, reference, level)
    try:
        fit = Network.from_studies(pooled, "OR").fit(model="common", method="DL", level=level)
    except InconsistentVariances as error:
        raise DataError(
            f"the Mantel–Haenszel covariance of a design isn't positive definite ({error}); "
            "its events are too few: use penalised logistic regression"
        ) from error
    parts = [Part(s.treatments, f.potentials, f.inverse) for s, f in zip(fit.systems, fit.solutions, strict=True)]
    q, df = float(fit.q.sum()), int(fit.df.sum())
    return assemble(
        "Mantel–Haenszel network meta-analysis (common effect)",
        used,
        parts,
        reference=reference,
        level=level,
        test=(q, df, float(chdtrc(df, q)) if df > 0 else float("nan")),
    )


def pool_design(events: FloatArray, nonevents: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Generalised Mantel–Haenszel log odds ratios of arm 0 against arms 1 … m−1, and their covariance.

    ``events``, ``nonevents``: shape (studies, m). Returns shapes (m−1,) and (m−1, m−1). The estimator of a pair is
    the average over all paths of length one and two (Greenland's L-bar); with two arms it is the Mantel–Haenszel
    odds ratio with the variance of Robins, Breslow & Greenland (1986, Biometrics 42:311). Not finite where a sum of
    cross products is 0.
    """
    arms = events.shape[1]
    participants = events + nonevents
    total = participants.sum(axis=1)
    # c[x, y, s] = events in x × non-events in y / N, the numerator of the odds ratio of x against y in study s
    cross = np.einsum("sx,sy,s->xys", events, nonevents, 1 / total)
    concordant = (events[:, :, None] + nonevents[:, None, :]).transpose(1, 2, 0) / total
    back, concordant_back = cross.transpose(1, 0, 2), concordant.transpose(1, 0, 2)
    numerator, denominator = cross.sum(axis=2), back.sum(axis=2)
    off = ~np.eye(arms, dtype=bool)
    with np.errstate(divide="ignore", invalid="ignore"):
        pairs = np.where(off, np.log(numerator / denominator), 0.0)
        variance = (
            (cross * concordant).sum(axis=2) / (2 * numerator**2)
            + (cross * concordant_back + back * concordant).sum(axis=2) / (2 * numerator * denominator)
            + (back * concordant_back).sum(axis=2) / (2 * denominator**2)
        )
        variance = np.where(off, variance, 0.0)
        covariance = _shared_arm_covariance(events, nonevents, 1 / total**2, numerator) if arms > 2 else None
    sums = pairs.sum(axis=1)
    spread = np.diag(variance.sum(axis=1)) - np.where(off, variance, 0.0)
    if covariance is not None:
        by_end = covariance.sum(axis=2)
        spread += np.diag(covariance.sum(axis=(1, 2))) + np.where(off, covariance.sum(axis=0) - by_end - by_end.T, 0.0)
    first = np.hstack([np.ones((arms - 1, 1)), -np.eye(arms - 1)]) / arms
    return first @ sums, first @ spread @ first.T


def _original_designs(arms: BinaryArms, used: BinaryArms) -> NDArray[np.str_]:
    """The design of every study of ``used``, by name: the treatments it compared before any were left out.

    Studies that lost a treatment stay apart from those that never had it, as in netmeta.
    """
    sets, design = arms.designs()
    names = {study: " – ".join(sets[d]) for study, d in zip(arms.studies, design.tolist(), strict=True)}
    return np.array([names[study] for study in used.studies])


def _shared_arm_covariance(
    events: FloatArray, nonevents: FloatArray, weight: FloatArray, numerator: FloatArray
) -> FloatArray:
    """cov(log OR of x against y, log OR of x against z), shape (m, m, m), 0 unless x, y and z differ."""
    participants = events + nonevents
    denominator = numerator.T

    def triple(shared: FloatArray, first: FloatArray, second: FloatArray) -> FloatArray:
        summed: FloatArray = np.einsum("sx,sy,sz,s->xyz", shared, first, second, weight, optimize=True)
        return summed

    covariance = (
        triple(events, nonevents, nonevents) / (numerator[:, :, None] * numerator[:, None, :])
        + triple(participants, nonevents, events) / (numerator[:, :, None] * denominator[:, None, :])
        + triple(participants, events, nonevents) / (denominator[:, :, None] * numerator[:, None, :])
        + triple(nonevents, events, events) / (denominator[:, :, None] * denominator[:, None, :])
    ) / 3
    index = np.arange(len(numerator))
    x, y, z = np.ix_(index, index, index)
    return np.where((x != y) & (x != z) & (y != z), covariance, 0.0)


def _correct(arms: BinaryArms, correction: float) -> BinaryArms:
    """The arms with ``correction`` added where a treatment has no events or no non-events in a design."""
    arms = drop_one_sided(arms)
    _, design = arms.designs()
    _, events, nonevents = design_totals(arms, design)
    affected = np.isin(design, design[arms.study[(events == 0) | (nonevents == 0)]])
    added = np.where(affected[arms.study], correction, 0.0)
    changes = (
        Change(arms.studies[s], f"{correction:g} added to the events and non-events of every arm")
        for s in np.flatnonzero(affected)
    )
    return replace(
        arms,
        events=arms.events + added,
        participants=arms.participants + 2 * added,
        changes=(*arms.changes, *changes),
    )
