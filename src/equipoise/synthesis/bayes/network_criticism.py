"""How well a network posterior fits: deviance and leverage, information criteria, leaving studies out.

Everything has a closed form given τ, and is then averaged over the mixture; nothing is sampled.

Deviance. D_s = (y_s − δ_s)ᵀV_s⁻¹(y_s − δ_s), the residual deviance of study s at its own true effects δ_s, as in NICE
DSU TSD 2 (Dias et al. 2011, §3), gemtc and multinma: D̄ is its posterior mean, and the leverage D̄_s − D_s(E δ_s) adds
up to pD; DIC = D̄ + pD (Spiegelhalter et al. 2002, J R Stat Soc B 64:583). They are for contrasts. A model of arms with
flat baselines has one more datum and one more parameter a study: D̄ and pD each larger by the number of studies, DIC by
twice that; differences between models are the same.

Prediction. The unit is the study, and its likelihood is that with δ integrated out, N(y_s; Xd, V_s + τ²R): WAIC
(Watanabe 2010; Gelman, Hwang & Vehtari 2014, Statistics and Computing 24:997) and the leave-one-study-out density,
p(y_s | y_−s) = 1/E[1/p(y_s | y_−s, τ) | y], which needs no refit, since p(τ | y_−s) ∝ p(τ | y)/p(y_s | y_−s, τ). Where
the posterior of τ without a study lies where that with it is negligible, the model is fitted anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, logsumexp, ndtr

from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.linear import linear_model
from equipoise.synthesis.bayes.linear_posterior import (
    LinearPosterior,
    NoHeterogeneity,
    at_the_ends,
    far_reaching,
    posterior_of,
)
from equipoise.synthesis.bayes.network_part import PartPosterior
from equipoise.synthesis.bayes.network_studies import RowMoments, row_moments, to_contrasts, true_rows
from equipoise.synthesis.bayes.priors import LOG_2PI, Prior
from equipoise.synthesis.network.tables import decimals, text_table

if TYPE_CHECKING:
    from equipoise.synthesis.bayes.network_posterior import NetworkPosterior

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class NetworkCriticism:
    """The fit of a network posterior, study by study; arrays of shape (studies,) unless said otherwise.

    ``contrasts``: data of each study; ``deviance``: posterior mean of the residual deviance, to be compared with
    ``contrasts``; ``leverage``; ``lppd``, ``p_waic``: the logarithm of the mean density and its correction;
    ``elpd_loo``: log p(y_s | the other studies), NaN where those leave a treatment of the study unconnected and its
    effect has a flat prior; ``predictive_p``: the probability that a study of this design and size lies as far or
    further from what the others predict (0.05 or less: surprising). ``pit``: for each contrast, the probability that
    the others give to a smaller value, (contrasts,), aligned with ``pit_study``, ``pit_treatment``,
    ``pit_comparator``: uniform where the model is right.
    """

    study: tuple[str, ...]
    contrasts: NDArray[np.intp]
    deviance: FloatArray
    leverage: FloatArray
    lppd: FloatArray
    p_waic: FloatArray
    elpd_loo: FloatArray
    predictive_p: FloatArray
    pit: FloatArray
    pit_study: tuple[str, ...]
    pit_treatment: tuple[str, ...]
    pit_comparator: tuple[str, ...]
    refitted: tuple[str, ...]

    @property
    def total_deviance(self) -> float:
        """D̄, to be compared with the number of contrasts."""
        return float(self.deviance.sum())

    @property
    def p_d(self) -> float:
        """pD, the effective number of parameters: the sum of the leverages."""
        return float(self.leverage.sum())

    @property
    def dic(self) -> float:
        """The deviance information criterion, D̄ + pD."""
        return self.total_deviance + self.p_d

    @property
    def waic(self) -> float:
        """The widely applicable information criterion, −2(Σ lppd − Σ p)."""
        return -2.0 * float((self.lppd - self.p_waic).sum())

    @property
    def looic(self) -> float:
        """−2 times the sum of the leave-one-study-out log densities there are."""
        return -2.0 * float(np.nansum(self.elpd_loo))

    def to_frame(self) -> Any:
        """One row a study."""
        from equipoise.frames import make_frame

        return make_frame(
            {
                "study": self.study,
                "contrasts": self.contrasts,
                "deviance": self.deviance,
                "leverage": self.leverage,
                "lppd": self.lppd,
                "p_waic": self.p_waic,
                "elpd_loo": self.elpd_loo,
                "predictive_p": self.predictive_p,
            }
        )

    def summary(self) -> str:
        """Totals, and the studies that fit worst, as text."""
        worst = np.argsort(-self.deviance / self.contrasts)[:10]
        lines = [
            f"Residual deviance {decimals(self.total_deviance, 2)} from {self.contrasts.sum()} contrasts, pD "
            f"{decimals(self.p_d, 2)}, DIC {decimals(self.dic, 2)}; WAIC {decimals(self.waic, 2)} (p "
            f"{decimals(float(self.p_waic.sum()), 2)}), leave-one-study-out {decimals(self.looic, 2)}",
            "",
            text_table(
                {
                    "study": [self.study[i] for i in worst],
                    "contrasts": [str(self.contrasts[i]) for i in worst],
                    "deviance": [decimals(self.deviance[i], 2) for i in worst],
                    "leverage": [decimals(self.leverage[i], 2) for i in worst],
                    "predictive p": [decimals(self.predictive_p[i], 3) for i in worst],
                }
            ),
        ]
        unknown = [s for s, e in zip(self.study, self.elpd_loo, strict=True) if np.isnan(e)]
        if unknown:
            lines.append(f"Not predicted by the others, which don't connect its treatments: {', '.join(unknown)}")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, eq=False)
class _LeftOut:
    """Studies of a block under the others: log densities, predictive p, PIT; shapes (k,), (k,), (k, q)."""

    elpd: FloatArray
    p: FloatArray
    pit: FloatArray
    doubtful: BoolArray


def criticise(posterior: NetworkPosterior) -> NetworkCriticism:
    """See ``NetworkPosterior.criticism``."""
    studies = posterior.network.studies
    k = len(studies)
    dbar, leverage, lppd, p_waic, elpd, p = (np.full(k, np.nan) for _ in range(6))
    pit: list[FloatArray] = [np.full(len(s.estimates), np.nan) for s in studies]
    refitted: list[int] = []
    for part in posterior.parts:
        for moments in row_moments(part, part.means, part.covariances):
            at = moments.block.studies
            dbar[at], leverage[at] = deviance(moments, part.posterior)
            lppd[at], p_waic[at] = _waic(moments, part.posterior)
        for block, left_out in zip(part.system.rotated, _leave_out(part), strict=True):
            elpd[block.studies], p[block.studies] = left_out.elpd, left_out.p
            for i, position in enumerate(block.studies.tolist()):
                pit[position] = left_out.pit[i]
                if left_out.doubtful[i] and posterior.heterogeneity is not None:
                    elpd[position], p[position], pit[position] = _refit(part, posterior.heterogeneity, position)
                    refitted.append(position)
    rows = [(s, j) for s in studies for j in range(len(s.estimates))]
    return NetworkCriticism(
        study=tuple(s.study for s in studies),
        contrasts=np.array([len(s.estimates) for s in studies], dtype=np.intp),
        deviance=dbar,
        leverage=leverage,
        lppd=lppd,
        p_waic=p_waic,
        elpd_loo=elpd,
        predictive_p=p,
        pit=np.concatenate(pit),
        pit_study=tuple(s.study for s, _ in rows),
        pit_treatment=tuple(s.treatments[j + 1] for s, j in rows),
        pit_comparator=tuple(s.treatments[0] for s, _ in rows),
        refitted=tuple(studies[i].study for i in sorted(refitted)),
    )


def deviance(moments: RowMoments, posterior: LinearPosterior) -> tuple[FloatArray, FloatArray]:
    """Posterior mean of the residual deviance and leverage of every study of a block, each of shape (k,)."""
    means, covariances = true_rows(moments, posterior.tau)
    variances = np.diagonal(covariances, axis1=2, axis2=3)
    middle = np.tensordot(posterior.weights, means, axes=1)
    total = np.tensordot(posterior.weights, variances + (means - middle) ** 2, axes=1)
    d = moments.block.variances
    return ((moments.block.values - middle) ** 2 / d + total / d).sum(axis=1), (total / d).sum(axis=1)


def _waic(moments: RowMoments, posterior: LinearPosterior) -> tuple[FloatArray, FloatArray]:
    """The quadratic form eᵀV⁻¹e of a normal e has mean μᵀV⁻¹μ + tr(SV⁻¹), variance 2tr((SV⁻¹)²) + 4μᵀV⁻¹SV⁻¹μ."""
    d, y, q = moments.block.variances, moments.block.values, moments.block.values.shape[1]
    v = d + posterior.tau[:, None, None] ** 2
    e, s, w = y - moments.means, moments.covariances, posterior.weights
    total = s.copy()
    total[..., np.arange(q), np.arange(q)] += v
    jacobian = _log_jacobian(q)
    square = (e * np.linalg.solve(total, e[..., None])[..., 0]).sum(axis=-1)
    log = -0.5 * (q * LOG_2PI + np.linalg.slogdet(total)[1] + square)
    lppd = logsumexp(log + np.log(w)[:, None], axis=0) + jacobian
    scaled = s / np.sqrt(v[..., :, None] * v[..., None, :])
    z = e / np.sqrt(v)
    expected = (z * z).sum(axis=-1) + np.trace(scaled, axis1=2, axis2=3)
    spread = 2.0 * (scaled**2).sum(axis=(2, 3)) + 4.0 * (z * np.matmul(scaled, z[..., None])[..., 0]).sum(axis=-1)
    mean = -0.5 * (q * LOG_2PI + np.log(v).sum(axis=-1) + expected)
    middle = w @ mean
    return np.asarray(lppd), np.asarray(w @ (0.25 * spread + (mean - middle) ** 2))


def _leave_out(part: PartPosterior) -> Iterator[_LeftOut]:
    """Every study under the others, from the quadrature's own nodes, which reach as far as any posterior of τ."""
    found = far_reaching(part.posterior)
    means = np.insert(found.means, part.ground, 0.0, axis=1)
    covariances = np.insert(found.covariances, part.ground, 0.0, axis=1)
    covariances = np.insert(covariances, part.ground, 0.0, axis=2)
    with np.errstate(divide="ignore"):
        log_weights = np.log(found.weights)
    common = isinstance(found.heterogeneity, NoHeterogeneity)
    for moments in row_moments(part, means, covariances):
        yield _without(moments, found.tau, log_weights, common)


def _without(moments: RowMoments, tau: FloatArray, log_weights: FloatArray, common: bool) -> _LeftOut:
    """With V the rows' variances: residuals V(V − S)⁻¹e and predictive covariance V(V − S)⁻¹V without the study."""
    block = moments.block
    q = block.values.shape[1]
    root = np.sqrt(block.variances + tau[:, None, None] ** 2)
    z = (block.values - moments.means) / root
    left = np.eye(q) - moments.covariances / (root[..., :, None] * root[..., None, :])
    values, vectors = np.linalg.eigh(left)
    connected = values[..., 0].min(axis=0) > 1e-9
    values = np.maximum(values, 1e-300)
    turned = np.matmul(vectors.swapaxes(-1, -2), z[..., None])[..., 0]
    distance = (turned**2 / values).sum(axis=-1)
    log = -0.5 * (q * LOG_2PI + 2.0 * np.log(root).sum(axis=-1) - np.log(values).sum(axis=-1) + distance)
    reweighted = log_weights[:, None] - log
    total = logsumexp(reweighted, axis=0)
    weights = np.exp(reweighted - total)
    # Back on the study's contrasts: what the others predict for each.
    spread = vectors / np.sqrt(values)[..., None, :]
    back = to_contrasts(block) * root[..., None, :]
    off = np.matmul(back, np.matmul(vectors, (turned / values)[..., None]))[..., 0]
    with np.errstate(over="ignore"):  # τ beyond 1e154, under priors with heavy tails
        sds = np.sqrt((np.matmul(back, spread) ** 2).sum(axis=-1))
    pit = (weights[..., None] * ndtr(off / sds)).sum(axis=0)
    p = (weights * chdtrc(q, distance)).sum(axis=0)
    # Mass at either end of the nodes: the posterior without the study goes on beyond them.
    edge = sum(weights[end].sum(axis=0) for end in at_the_ends(tau))
    doubtful = connected & (edge > 1e-6) & (not common)
    missing = np.where(connected, 0.0, np.nan)
    return _LeftOut(-total + _log_jacobian(q) + missing, p + missing, pit + missing[:, None], doubtful)


def _refit(part: PartPosterior, heterogeneity: Prior, position: int) -> tuple[float, float, FloatArray]:
    """One study (network position) under a posterior of the others."""
    model, mine = part.posterior.model, part.rows == position
    others = linear_model(model.values[~mine], model.variances[~mine], model.design[np.flatnonzero(~mine)], model.prior)
    found = posterior_of(others, heterogeneity)
    x = model.design[np.flatnonzero(mine)].toarray()
    e = model.values[mine] - found.means @ x.T
    q = e.shape[1]
    covariance = x @ found.covariances @ x.T
    covariance[:, np.arange(q), np.arange(q)] += model.variances[mine] + found.tau[:, None] ** 2
    distance = (e * np.linalg.solve(covariance, e[..., None])[..., 0]).sum(axis=-1)
    block = next(b for b in part.system.rotated if position in b.studies)
    back = to_contrasts(block)[int(np.flatnonzero(block.studies == position)[0])]
    sds = np.sqrt(np.diagonal(back @ covariance @ back.T, axis1=1, axis2=2))
    pit = found.weights @ ndtr(e @ back.T / sds)
    # As a ratio of evidences, since a wild study's density comes from a τ that the others all but exclude.
    elpd = part.posterior.heterogeneity.log_evidence - found.heterogeneity.log_evidence
    elpd -= model.log_jacobian - _log_jacobian(q)
    return elpd, float(found.weights @ chdtrc(q, distance)), np.asarray(pit)


def _log_jacobian(contrasts: int) -> float:
    """Of one study's rotation (`network_part.stacked`)."""
    return -0.5 * float(np.log(contrasts + 1.0) - contrasts * np.log(2.0))
