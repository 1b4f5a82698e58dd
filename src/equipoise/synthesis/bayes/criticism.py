"""How well a posterior with normal likelihoods fits: deviance and leverage, information criteria, leaving studies out.

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

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, logsumexp, ndtr

from equipoise.errors import DataError
from equipoise.frames import FloatArray, make_frame
from equipoise.synthesis.bayes.deviance_information import DevianceInformation
from equipoise.synthesis.bayes.known_tau import KnownTau
from equipoise.synthesis.bayes.linear import linear_model
from equipoise.synthesis.bayes.linear_posterior import (
    LinearPosterior,
    at_the_ends,
    far_reaching,
    posterior_of,
)
from equipoise.synthesis.bayes.network_studies import RowMoments, moments_of, to_contrasts, true_rows
from equipoise.synthesis.bayes.priors import LOG_2PI, Prior
from equipoise.synthesis.network.blocks import IntArray, Rotated
from equipoise.synthesis.network.tables import decimals, text_table

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Criticism(DevianceInformation):
    """The fit of a posterior, study by study; arrays of shape (studies,) unless said otherwise.

    ``contrasts``: data of each study (1 where there are two treatments); ``deviance``: posterior mean of the residual
    deviance, to be compared with ``contrasts``; ``leverage``; ``lppd``, ``p_waic``: the logarithm of the mean density
    and its correction; ``elpd_loo``: log p(y_s | the other studies), NaN where those don't determine a prediction
    (too few, or not connected, under a flat prior); ``predictive_p``: the probability that a study of this design and
    size lies as far or further from what the others predict (0.05 or less: surprising). ``pit``: for each contrast, the
    probability that the others give to a smaller value, (contrasts,), aligned with ``pit_study``: uniform where the
    model is right. ``refitted``: the studies for which the model was fitted anew without them.
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
    refitted: tuple[str, ...]

    @property
    def waic(self) -> float:
        """The widely applicable information criterion, −2(Σ lppd − Σ p)."""
        return -2.0 * float((self.lppd - self.p_waic).sum())

    @property
    def looic(self) -> float:
        """−2 times the sum of the leave-one-study-out log densities there are; NaN where there is none."""
        known = self.elpd_loo[~np.isnan(self.elpd_loo)]
        return -2.0 * float(known.sum()) if len(known) else float("nan")

    def to_frame(self) -> Any:
        """One row a study."""
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
        """Totals, and the ten studies that fit worst, as text."""
        worst = np.argsort(-self.deviance / self.contrasts, kind="stable")[:10]
        several = bool((self.contrasts > 1).any())
        table = {
            "study": [self.study[i] for i in worst],
            **({"contrasts": [str(self.contrasts[i]) for i in worst]} if several else {}),
            "deviance": [decimals(self.deviance[i], 2) for i in worst],
            "leverage": [decimals(self.leverage[i], 2) for i in worst],
            "predictive p": [decimals(self.predictive_p[i], 3) for i in worst],
        }
        lines = [
            f"Residual deviance {decimals(self.total_deviance, 2)} from {self.contrasts.sum()} "
            f"{'contrasts' if several else 'estimates'}, pD {decimals(self.p_d, 2)}, DIC {decimals(self.dic, 2)}; WAIC "
            f"{decimals(self.waic, 2)} (p {decimals(float(self.p_waic.sum()), 2)}), leave-one-study-out "
            f"{decimals(self.looic, 2)}",
            "",
            text_table(table),
        ]
        unknown = [s for s, e in zip(self.study, self.elpd_loo, strict=True) if np.isnan(e)]
        if unknown:
            lines.append(f"Not predicted by the others, which are too few or not connected: {', '.join(unknown)}")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.summary()


@dataclass(frozen=True, slots=True, eq=False)
class StudyFits:
    """What `Criticism` is made of, filled part by part; ``pit`` by study, ``refitted`` study positions."""

    deviance: FloatArray
    leverage: FloatArray
    lppd: FloatArray
    p_waic: FloatArray
    elpd: FloatArray
    p: FloatArray
    pit: list[FloatArray]
    refitted: list[int] = field(default_factory=list)

    @classmethod
    def empty(cls, sizes: Sequence[int]) -> StudyFits:
        """Nothing known yet of studies with so many contrasts."""
        a, b, c, d, e, f = np.full((6, len(sizes)), np.nan)
        return cls(a, b, c, d, e, f, [np.full(size, np.nan) for size in sizes])

    def fill(
        self,
        found: LinearPosterior,
        reaching: LinearPosterior,
        heterogeneity: Prior | None,
        rows: IntArray,
        near: Iterable[RowMoments],
        far: Iterable[RowMoments],
    ) -> None:
        """The studies of one posterior.

        ``reaching``: the same by `far_reaching`, which reweighting needs; ``rows``: the study of every row of the
        model; ``near``, ``far``: the rows' moments at the components of either.
        """
        for moments in near:
            at = moments.block.studies
            self.deviance[at], self.leverage[at] = deviance(moments, found)
            self.lppd[at], self.p_waic[at] = waic(moments, found)
        with np.errstate(divide="ignore"):
            log_weights = np.log(reaching.weights)
        for moments in far:
            block = moments.block
            left_out = _without(moments, reaching.tau, log_weights, isinstance(found.heterogeneity, KnownTau))
            self.elpd[block.studies], self.p[block.studies] = left_out.elpd, left_out.p
            for i, position in enumerate(block.studies.tolist()):
                self.pit[position] = left_out.pit[i]
                if left_out.doubtful[i] and heterogeneity is not None:
                    self.elpd[position], self.p[position], self.pit[position] = _refit(
                        found, heterogeneity, rows, block, position
                    )
                    self.refitted.append(position)


def single_rows(values: FloatArray, variances: FloatArray) -> Rotated:
    """Studies with one estimate each, shape (k,), as the rows of a linear model."""
    k = len(values)
    return Rotated(
        np.arange(k), np.zeros((k, 2), dtype=np.intp), variances[:, None], values[:, None], np.ones((k, 1, 2))
    )


def criticise_estimates(found: LinearPosterior, heterogeneity: Prior | None, studies: Sequence[str]) -> Criticism:
    """The fit of a linear model whose rows are the estimates of ``studies``, one each."""
    k = len(studies)
    rows = single_rows(found.model.values, found.model.variances)
    reaching = far_reaching(found)
    fits = StudyFits.empty([1] * k)
    fits.fill(found, reaching, heterogeneity, np.arange(k), moments_of(found, [rows]), moments_of(reaching, [rows]))
    return Criticism(
        study=tuple(studies),
        contrasts=np.ones(k, dtype=np.intp),
        deviance=fits.deviance,
        leverage=fits.leverage,
        lppd=fits.lppd,
        p_waic=fits.p_waic,
        elpd_loo=fits.elpd,
        predictive_p=fits.p,
        pit=np.concatenate(fits.pit),
        pit_study=tuple(studies),
        refitted=tuple(studies[i] for i in sorted(fits.refitted)),
    )


def deviance(moments: RowMoments, posterior: LinearPosterior) -> tuple[FloatArray, FloatArray]:
    """Posterior mean of the residual deviance and leverage of every study of a block, each of shape (k,)."""
    means, covariances = true_rows(moments, posterior.tau)
    variances = np.diagonal(covariances, axis1=2, axis2=3)
    middle = np.tensordot(posterior.weights, means, axes=1)
    total = np.tensordot(posterior.weights, variances + (means - middle) ** 2, axes=1)
    d = moments.block.variances
    return ((moments.block.values - middle) ** 2 / d + total / d).sum(axis=1), (total / d).sum(axis=1)


def waic(moments: RowMoments, posterior: LinearPosterior) -> tuple[FloatArray, FloatArray]:
    """The quadratic form eᵀV⁻¹e of a normal e has mean μᵀV⁻¹μ + tr(SV⁻¹), variance 2tr((SV⁻¹)²) + 4μᵀV⁻¹SV⁻¹μ."""
    d, y, q = moments.block.variances, moments.block.values, moments.block.values.shape[1]
    v = d + posterior.tau[:, None, None] ** 2
    e, s, w = y - moments.means, moments.covariances, posterior.weights
    total = s.copy()
    total[..., np.arange(q), np.arange(q)] += v
    jacobian = _log_jacobian(q)
    square = (e * np.linalg.solve(total, e[..., None])[..., 0]).sum(axis=-1)
    log = -0.5 * (q * LOG_2PI + np.linalg.slogdet(total)[1] + square)
    lppd = logsumexp(log, b=w[:, None], axis=0) + jacobian
    scaled = s / np.sqrt(v[..., :, None] * v[..., None, :])
    z = e / np.sqrt(v)
    expected = (z * z).sum(axis=-1) + np.trace(scaled, axis1=2, axis2=3)
    spread = 2.0 * (scaled**2).sum(axis=(2, 3)) + 4.0 * (z * np.matmul(scaled, z[..., None])[..., 0]).sum(axis=-1)
    mean = -0.5 * (q * LOG_2PI + np.log(v).sum(axis=-1) + expected)
    middle = w @ mean
    return np.asarray(lppd), np.asarray(w @ (0.25 * spread + (mean - middle) ** 2))


@dataclass(frozen=True, slots=True, eq=False)
class _LeftOut:
    """Studies of a block under the others: log densities, predictive p, PIT; shapes (k,), (k,), (k, q)."""

    elpd: FloatArray
    p: FloatArray
    pit: FloatArray
    doubtful: BoolArray


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


def _refit(
    found: LinearPosterior, heterogeneity: Prior, rows: IntArray, block: Rotated, position: int
) -> tuple[float, float, FloatArray]:
    """One study under a posterior of the others; NaN where that is improper."""
    model, mine = found.model, rows == position
    q = int(mine.sum())
    try:
        others = posterior_of(
            linear_model(model.values[~mine], model.variances[~mine], model.design[np.flatnonzero(~mine)], model.prior),
            heterogeneity,
        )
    except DataError:
        return np.nan, np.nan, np.full(q, np.nan)
    x = model.design[np.flatnonzero(mine)].toarray()
    e = model.values[mine] - others.means @ x.T
    covariance = x @ others.covariances @ x.T
    covariance[:, np.arange(q), np.arange(q)] += model.variances[mine] + others.tau[:, None] ** 2
    distance = (e * np.linalg.solve(covariance, e[..., None])[..., 0]).sum(axis=-1)
    back = to_contrasts(block)[int(np.flatnonzero(block.studies == position)[0])]
    sds = np.sqrt(np.diagonal(back @ covariance @ back.T, axis1=1, axis2=2))
    pit = others.weights @ ndtr(e @ back.T / sds)
    # As a ratio of evidences, since a wild study's density comes from a τ that the others all but exclude.
    elpd = found.heterogeneity.log_evidence - others.heterogeneity.log_evidence
    elpd -= model.log_jacobian - _log_jacobian(q)
    return elpd, float(others.weights @ chdtrc(q, distance)), np.asarray(pit)


def _log_jacobian(contrasts: int) -> float:
    """Of one study's rotation (`network_part.stacked`)."""
    return -0.5 * float(np.log(contrasts + 1.0) - contrasts * np.log(2.0))
