"""Models of one network side by side: common against random effects, one prior against another.

Bayes factors compare the marginal likelihoods p(y | model). Under the same flat prior of effects the arbitrary constant
cancels; an improper prior of τ leaves none that could be compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import logsumexp

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.mixture import NormalMixture
from equipoise.synthesis.network.tables import decimals, text_table

if TYPE_CHECKING:
    from equipoise.synthesis.bayes.network_posterior import NetworkPosterior


@dataclass(frozen=True, slots=True, eq=False)
class ModelComparison:
    """One entry a model: logarithms of the evidence, posterior probabilities of the models (equal before the data),
    residual deviance, pD, DIC, WAIC and leave-one-study-out criterion (small is good). The first two are NaN for all
    models where they can't be compared; ``notes`` say why.
    """

    names: tuple[str, ...]
    log_evidence: FloatArray
    probability: FloatArray
    deviance: FloatArray
    p_d: FloatArray
    dic: FloatArray
    waic: FloatArray
    looic: FloatArray
    notes: tuple[str, ...]
    posteriors: Mapping[str, NetworkPosterior] = field(repr=False)

    def averaged(self, treatment: str, comparator: str) -> NormalMixture:
        """The effect of ``treatment`` against ``comparator``, averaged over the models by their probabilities.

        Hoeting et al. 1999, Statistical Science 14:382. Raises ``DataError`` where the models have none.
        """
        if np.isnan(self.probability).any():
            raise DataError(f"the models have no probabilities to average by. {' '.join(self.notes)}")
        each = [fit.contrast(treatment, comparator) for fit in self.posteriors.values()]
        tail = min(effect.tail for effect in each)
        shares = [share * effect.weights for share, effect in zip(self.probability, each, strict=True)]
        return NormalMixture(
            np.concatenate(shares), np.concatenate([e.means for e in each]), np.concatenate([e.sds for e in each]), tail
        )

    def bayes_factor(self, first: str, second: str) -> float:
        """How much better ``first`` predicted the data than ``second``."""
        i, j = (self.names.index(name) for name in (first, second))
        return float(np.exp(self.log_evidence[i] - self.log_evidence[j]))

    def to_frame(self) -> Any:
        """One row a model."""
        from equipoise.frames import make_frame

        return make_frame(
            {
                "model": self.names,
                "log_evidence": self.log_evidence,
                "probability": self.probability,
                "deviance": self.deviance,
                "p_d": self.p_d,
                "dic": self.dic,
                "waic": self.waic,
                "looic": self.looic,
            }
        )

    def summary(self) -> str:
        """The same as text."""
        columns = {"model": list(self.names)}
        for heading, values, digits in (
            ("log evidence", self.log_evidence, 2),
            ("probability", self.probability, 3),
            ("deviance", self.deviance, 2),
            ("pD", self.p_d, 2),
            ("DIC", self.dic, 2),
            ("WAIC", self.waic, 2),
            ("LOO", self.looic, 2),
        ):
            columns[heading] = [decimals(x, digits) for x in values]
        return "\n".join([text_table(columns), *self.notes])


def compare(posteriors: Mapping[str, NetworkPosterior]) -> ModelComparison:
    """Compare posteriors of one network by name.

    Raises ``DataError`` for fewer than two, for what isn't a network's posterior, and for different studies.
    """
    from equipoise.synthesis.bayes.network_posterior import NetworkPosterior

    if not isinstance(posteriors, Mapping) or len(posteriors) < 2:
        raise DataError("comparing takes two models at least, by name: compare({'common': …, 'random': …})")
    each = list(posteriors.values())
    for name, posterior in posteriors.items():
        if not isinstance(posterior, NetworkPosterior):
            raise DataError(f"{name}: a posterior of a network (Network.posterior) is needed, not {posterior!r:.60}")
    if any(p.network.studies != each[0].network.studies for p in each):
        raise DataError("the posteriors are of different studies, so their fit can't be compared")
    evidence = np.array([p.log_evidence for p in each])
    notes = []
    if any(p.heterogeneity is not None and not p.heterogeneity.proper for p in each):
        notes.append("No Bayes factors: an improper prior of τ has an arbitrary constant.")
    flat = [tuple(not part.posterior.model.prior.proper for part in p.parts) for p in each]
    if len(set(flat)) > 1:
        notes.append("No Bayes factors: effects have flat priors in some models and proper ones in others.")
    if notes:
        evidence = np.full(len(each), np.nan)
    found = [p.criticism() for p in each]
    return ModelComparison(
        names=tuple(posteriors),
        log_evidence=evidence,
        probability=np.exp(evidence - logsumexp(evidence)),
        deviance=np.array([f.total_deviance for f in found]),
        p_d=np.array([f.p_d for f in found]),
        dic=np.array([f.dic for f in found]),
        waic=np.array([f.waic for f in found]),
        looic=np.array([f.looic for f in found]),
        notes=tuple(notes),
        posteriors=dict(posteriors),
    )
