"""The network without consistency: unrelated mean effects, against the consistent model by DIC and evidence.

Every comparison that some study makes has an effect of its own; a study's contrasts are those with one of its arms, the
reference or the first by name (NICE DSU TSD 4, Dias et al. 2011, §3; gemtc's "ume").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_array

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.criticism import deviance
from equipoise.synthesis.bayes.deviance_information import DevianceInformation
from equipoise.synthesis.bayes.linear import independent_priors, linear_model
from equipoise.synthesis.bayes.linear_posterior import Heterogeneity, posterior_of
from equipoise.synthesis.bayes.network_part import stacked
from equipoise.synthesis.bayes.network_studies import moments_of
from equipoise.synthesis.bayes.network_table import EffectsTable
from equipoise.synthesis.bayes.priors import Prior
from equipoise.synthesis.network.tables import decimals
from equipoise.synthesis.network.unrelated import by_comparison

if TYPE_CHECKING:
    from equipoise.synthesis.bayes.network_posterior import NetworkPosterior


@dataclass(frozen=True, slots=True, eq=False)
class UnrelatedPosterior(DevianceInformation):
    """Unrelated mean effects next to the consistent model.

    ``effects``: the comparisons' own effects; ``network``: the same under consistency, (comparisons,); ``taus``: one a
    subnetwork; ``deviance``, ``leverage``: shape (studies,); ``consistent_dic``: the DIC of the consistent model;
    ``log_evidence``: comparable with the consistent model's only under proper priors of effects.
    """

    effects: EffectsTable
    network: FloatArray
    taus: tuple[Heterogeneity, ...]
    study: tuple[str, ...]
    deviance: FloatArray
    leverage: FloatArray
    consistent_dic: float
    log_evidence: float

    def to_frame(self) -> Any:
        """One row a comparison."""
        return self.effects.to_frame()

    def summary(self) -> str:
        """The comparisons and both DICs, as text."""
        taus = ", ".join(decimals(float(t.quantile(0.5))) for t in self.taus)
        return (
            f"{self.effects.summary()}\n\ntau (median) {taus}; residual deviance "
            f"{decimals(float(self.deviance.sum()), 2)}, pD {decimals(self.p_d, 2)}, DIC {decimals(self.dic, 2)}; "
            f"with consistency DIC {decimals(self.consistent_dic, 2)}"
        )


def unrelated(posterior: NetworkPosterior, effects: Prior | None) -> UnrelatedPosterior:
    """See ``NetworkPosterior.unrelated``."""
    if effects is not None and not effects.proper:
        effects = None
    network = posterior.network
    dbar, leverage = np.zeros(len(network.studies)), np.zeros(len(network.studies))
    rows, columns, tables, taus, evidence = [], [], [], [], 0.0
    for part, base in zip(posterior.parts, posterior.references(), strict=True):
        system = part.system
        own = by_comparison(system, int(np.searchsorted(system.treatments, network.position(base))))
        places, parameters, entries, start = [], [], [], 0
        for block, assigned in zip(system.rotated, own.assignments, strict=True):
            k, q = block.values.shape
            kept = np.take_along_axis(block.coefficients, assigned.others[:, None, :], axis=2)
            places.append(np.repeat(np.arange(start, start + k * q), q))
            parameters.append(np.broadcast_to(assigned.parameters[:, None, :], (k, q, q)).ravel())
            entries.append(kept.ravel())
            start += k * q
        count = len(own.treatments)
        design = csr_array(
            (np.concatenate(entries), (np.concatenate(places), np.concatenate(parameters))), shape=(start, count)
        )
        _, variances, values, jacobian = stacked(system)
        try:
            model = linear_model(values, variances, design, independent_priors([effects] * count), jacobian)
            found = posterior_of(model, posterior.heterogeneity)
        except DataError as error:
            raise DataError(f"unrelated mean effects: {error}") from None
        for moments in moments_of(found, system.rotated):
            dbar[moments.block.studies], leverage[moments.block.studies] = deviance(moments, found)
        rows.append(system.treatments[own.treatments])
        columns.append(system.treatments[own.baselines])
        tail = (1.0 - posterior.level) / 2.0
        each = found.mixture(np.eye(count))
        low, middle, high = each.quantile(np.array([tail, 0.5, 1.0 - tail]))
        tables.append(np.stack([each.mean, each.sd, low, middle, high, each.cdf(0.0)]))
        taus.append(found.heterogeneity)
        evidence += found.heterogeneity.log_evidence
    place = (np.concatenate(rows), np.concatenate(columns))
    mean, sd, low, middle, high, below = np.concatenate(tables, axis=1)
    table = EffectsTable(
        title=f"Unrelated mean effects ({posterior.model_text})",
        measure=posterior.measure,
        level=posterior.level,
        treatment=tuple(network.treatments[i] for i in place[0].tolist()),
        comparator=tuple(network.treatments[j] for j in place[1].tolist()),
        studies=posterior.pair_counts()[place],
        estimates=mean,
        standard_errors=sd,
        medians=middle,
        lower=low,
        upper=high,
        below=below,
    )
    return UnrelatedPosterior(
        effects=table,
        network=posterior.estimates[place],
        taus=tuple(taus),
        study=tuple(s.study for s in network.studies),
        deviance=dbar,
        leverage=leverage,
        consistent_dic=posterior.criticism().dic,
        log_evidence=evidence,
    )
