"""How well a network posterior fits (`criticism.py`), study by study, and contrast by contrast."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from equipoise.synthesis.bayes.criticism import Criticism, StudyFits
from equipoise.synthesis.bayes.linear_posterior import LinearPosterior, far_reaching
from equipoise.synthesis.bayes.network_part import PartPosterior
from equipoise.synthesis.bayes.network_studies import RowMoments, row_moments

if TYPE_CHECKING:
    from equipoise.synthesis.bayes.network_posterior import NetworkPosterior


@dataclass(frozen=True, slots=True, eq=False)
class NetworkCriticism(Criticism):
    """The fit of a network posterior; ``pit_treatment``, ``pit_comparator``: what each entry of ``pit`` compares."""

    pit_treatment: tuple[str, ...]
    pit_comparator: tuple[str, ...]


def criticise(posterior: NetworkPosterior) -> NetworkCriticism:
    """See ``NetworkPosterior.criticism``."""
    studies = posterior.network.studies
    fits = StudyFits.empty([len(s.estimates) for s in studies])
    for part in posterior.parts:
        reaching = far_reaching(part.posterior)
        near, far = row_moments(part, part.means, part.covariances), _moments(part, reaching)
        fits.fill(part.posterior, reaching, posterior.heterogeneity, part.rows, near, far)
    rows = [(s, j) for s in studies for j in range(len(s.estimates))]
    return NetworkCriticism(
        study=tuple(s.study for s in studies),
        contrasts=np.array([len(s.estimates) for s in studies], dtype=np.intp),
        deviance=fits.deviance,
        leverage=fits.leverage,
        lppd=fits.lppd,
        p_waic=fits.p_waic,
        elpd_loo=fits.elpd,
        predictive_p=fits.p,
        pit=np.concatenate(fits.pit),
        pit_study=tuple(s.study for s, _ in rows),
        pit_treatment=tuple(s.treatments[j + 1] for s, j in rows),
        pit_comparator=tuple(s.treatments[0] for s, _ in rows),
        refitted=tuple(studies[i].study for i in sorted(fits.refitted)),
    )


def _moments(part: PartPosterior, found: LinearPosterior) -> Iterator[RowMoments]:
    """The part's rows under ``found``."""
    means = np.insert(found.means, part.ground, 0.0, axis=1)
    covariances = np.insert(found.covariances, part.ground, 0.0, axis=1)
    return row_moments(part, means, np.insert(covariances, part.ground, 0.0, axis=2))
