"""Node-splitting of a posterior: what direct and indirect evidence say apart, and how far they differ.

The studies that compare a with b get an effect of their own, d_ab + ω, shared equally between the two arms in
multi-arm studies (Dias et al. 2010, Statistics in Medicine 29:932; White 2015, Stata Journal 15:951); ω has a flat or a
normal prior and τ a posterior anew. One more column z in the linear model is a closed form at every node of τ: with
s = zᵀWz − zᵀWX A⁻¹ XᵀWz and u = zᵀW(y − Xm), ω given τ is normal with precision s + 1/σ² and mean u/(s + 1/σ²), and
the density of the data changes by √(2π/s)·exp(u²/2s) under the flat prior, by exp(u²/2(s + 1/σ²))/√(1 + sσ²) under
the normal one. So every pair is split at once, by reweighting the nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack
from scipy.special import logsumexp

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.linear import GaussianPrior, linear_model
from equipoise.synthesis.bayes.linear_posterior import at_the_ends, far_reaching, posterior_of
from equipoise.synthesis.bayes.mixture import NormalMixture
from equipoise.synthesis.bayes.network_part import PartPosterior
from equipoise.synthesis.bayes.priors import LOG_2PI, Flat, Normal, Prior
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.gls import solve as solve_at
from equipoise.synthesis.network.separation import separate
from equipoise.synthesis.network.tables import decimals, interval, natural, text_table

if TYPE_CHECKING:
    from equipoise.synthesis.bayes.network_posterior import NetworkPosterior

_CHUNK = 2**22


@dataclass(frozen=True, slots=True, eq=False)
class PosteriorSplit:
    """Direct, indirect and network evidence of every comparison that has both; arrays of shape (pairs,).

    All are ``treatment`` minus ``comparator`` on the analysis scale: posterior means with standard deviations
    (``…_se``); ``difference`` is direct minus indirect, ``p`` twice the smaller of the probabilities that it is above
    and below 0. ``log_bayes_factor``: for an inconsistency of this comparison against consistency, NaN under a flat
    prior of the difference. ``distributions``: of direct, indirect and difference, one triple a pair.
    """

    measure: str
    level: float
    prior: str
    treatment: tuple[str, ...]
    comparator: tuple[str, ...]
    studies: IntArray
    network: FloatArray
    network_se: FloatArray
    network_limits: tuple[FloatArray, FloatArray]
    direct: FloatArray
    direct_se: FloatArray
    indirect: FloatArray
    indirect_se: FloatArray
    difference: FloatArray
    difference_se: FloatArray
    p: FloatArray
    log_bayes_factor: FloatArray
    distributions: tuple[tuple[NormalMixture, NormalMixture, NormalMixture], ...]

    @property
    def interval_name(self) -> str:
        """What its intervals are: "credible"."""
        return "credible"

    def __len__(self) -> int:
        return len(self.treatment)

    @property
    def mixed(self) -> NDArray[np.bool_]:
        """Which rows have direct and indirect evidence: all."""
        return np.ones(len(self), dtype=bool)

    def limits(self, kind: Literal["network", "direct", "indirect", "difference"]) -> tuple[FloatArray, FloatArray]:
        """Equal-tailed limits of one kind of evidence."""
        if kind == "network":
            return self.network_limits
        place = ("direct", "indirect", "difference").index(kind)
        each = np.array([triple[place].interval(self.level) for triple in self.distributions]).reshape(-1, 2)
        return each[:, 0], each[:, 1]

    def to_frame(self) -> Any:
        """One row a comparison, on the analysis scale."""
        from equipoise.frames import make_frame

        columns: dict[str, Any] = {
            "treatment": self.treatment,
            "comparator": self.comparator,
            "studies": self.studies,
        }
        kinds: tuple[Literal["network", "direct", "indirect", "difference"], ...]
        kinds = ("network", "direct", "indirect", "difference")
        for kind in kinds:
            lower, upper = self.limits(kind)
            columns |= {
                kind: getattr(self, kind),
                f"{kind}_sd": getattr(self, f"{kind}_se"),
                f"{kind}_lower": lower,
                f"{kind}_upper": upper,
            }
        return make_frame({**columns, "p": self.p, "log_bayes_factor": self.log_bayes_factor})

    def summary(self) -> str:
        """The table as text; ratio measures as ratios."""
        if not len(self):
            return "No comparison has both direct and indirect evidence."
        lower, upper = self.limits("difference")
        shown = natural(self.measure, np.stack([self.difference, lower, upper]))
        text = {
            "comparison": [f"{a} : {b}" for a, b in zip(self.treatment, self.comparator, strict=True)],
            "k": [str(k) for k in self.studies],
        }
        for heading, values in (("network", self.network), ("direct", self.direct), ("indirect", self.indirect)):
            text[heading] = [decimals(x) for x in natural(self.measure, values)]
        text |= {
            "ratio" if natural(self.measure, 0.0) == 1.0 else "difference": [decimals(x) for x in shown[0]],
            f"{100 * self.level:g}%-CrI": [interval(a, b) for a, b in zip(shown[1], shown[2], strict=True)],
            "p": [decimals(x, 3) for x in self.p],
        }
        if np.isfinite(self.log_bayes_factor).any():
            text["BF"] = [f"{np.exp(x):.3g}" for x in self.log_bayes_factor]
        return f"Node-splitting; prior of the difference: {self.prior}\n\n{text_table(text)}"


def split(posterior: NetworkPosterior, difference: Prior | None) -> PosteriorSplit:
    """See ``NetworkPosterior.split``."""
    if difference is not None and not isinstance(difference, (Flat, Normal)):
        raise DataError("the prior of the difference between direct and indirect evidence is flat (None) or Normal")
    normal = difference if isinstance(difference, Normal) else None
    triples: list[tuple[NormalMixture, NormalMixture, NormalMixture]] = []
    places: list[IntArray] = []
    factors: list[FloatArray] = []
    for part in posterior.parts:
        pairs = _pairs(part)
        components = len(part.posterior.heterogeneity.tau) * len(part.posterior.model.prior.log_constants)
        step = max(1, _CHUNK // (part.size * components))
        for start in range(0, len(pairs), step):
            some = pairs[start : start + step]
            mixtures, factor = _split(part, some, normal, posterior.heterogeneity)
            triples += mixtures
            factors.append(factor)
            places.append(part.treatments[some])
    place = np.concatenate(places) if places else np.zeros((0, 2), dtype=np.intp)
    at = (place[:, 0], place[:, 1])
    means, sds = (
        np.array([[float(getattr(m, name)) for m in triple] for triple in triples]).reshape(-1, 3)
        for name in ("mean", "sd")
    )
    below = np.array([float(triple[2].cdf(0.0)) for triple in triples])
    proper = normal is not None
    return PosteriorSplit(
        measure=posterior.measure,
        level=posterior.level,
        prior="flat" if normal is None else normal.describe(),
        treatment=tuple(posterior.treatments[i] for i in at[0]),
        comparator=tuple(posterior.treatments[j] for j in at[1]),
        studies=posterior.pair_counts()[at],
        network=posterior.estimates[at],
        network_se=posterior.standard_errors[at],
        network_limits=(posterior.lower[at], posterior.upper[at]),
        direct=means[:, 0],
        direct_se=sds[:, 0],
        indirect=means[:, 1],
        indirect_se=sds[:, 1],
        difference=means[:, 2],
        difference_se=sds[:, 2],
        p=2.0 * np.minimum(below, 1.0 - below),
        log_bayes_factor=np.concatenate(factors) if proper and factors else np.full(len(place), np.nan),
        distributions=tuple(triples),
    )


def _pairs(part: PartPosterior) -> IntArray:
    """The comparisons with direct and indirect evidence, local indices, shape (pairs, 2)."""
    tau = float(part.posterior.heterogeneity.quantile(0.5))
    found = separate(part.system, solve_at(part.system, tau**2), "node")
    local = np.stack([np.searchsorted(part.treatments, x) for x in (found.rows, found.columns)], axis=1)
    order = np.lexsort((local[:, 1], local[:, 0]))
    return np.asarray(local[order], dtype=np.intp)


def _columns(part: PartPosterior, pairs: IntArray) -> csr_array[np.float64, tuple[int, int]]:
    """z of every pair: ±½ on the arms of the studies that compare it, shape (N, pairs)."""
    rows, columns, values, start = [], [], [], 0
    for block in part.system.rotated:
        k, q, _ = block.coefficients.shape
        first, second = (block.arms[:, None, :] == pairs[None, :, side, None] for side in (0, 1))
        study, pair = np.nonzero(first.any(axis=2) & second.any(axis=2))
        shift = 0.5 * (first[study, pair].astype(float) - second[study, pair])
        values.append(np.matmul(block.coefficients[study], shift[:, :, None])[:, :, 0].ravel())
        rows.append((start + study[:, None] * q + np.arange(q)).ravel())
        columns.append(np.repeat(pair, q))
        start += k * q
    place = (np.concatenate(rows), np.concatenate(columns))
    return csr_array((np.concatenate(values), place), shape=(start, len(pairs)))


def _split(
    part: PartPosterior, pairs: IntArray, prior: Normal | None, heterogeneity: Prior | None
) -> tuple[list[tuple[NormalMixture, NormalMixture, NormalMixture]], FloatArray]:
    found, model = far_reaching(part.posterior), part.posterior.model
    z = _columns(part, pairs)
    n = len(pairs)
    weights = 1.0 / (model.variances[:, None] + found.tau**2)
    # XᵀWz of every pair, shape (C, p, pairs), from the products of its rows.
    products = csr_array(_row_products(model.design, z))
    crossed = np.asarray(products @ weights).reshape(n, model.parameters, -1).transpose(2, 1, 0)
    squares = np.asarray((z.multiply(z)).T @ weights).T
    values = np.asarray(z.T @ (weights * model.values[:, None])).T
    turned = np.matmul(found.covariances, crossed)
    precision = squares - (crossed * turned).sum(axis=1)
    push = values - (crossed * found.means[:, :, None]).sum(axis=1)
    center, added = (prior.mean, prior.sd**-2) if prior is not None else (0.0, 0.0)
    shifted = push - precision * center
    total = precision + added
    gap, gap_variance = center + shifted / total, 1.0 / total
    factor = (
        center * (push - 0.5 * precision * center)
        + 0.5 * shifted**2 / total
        + 0.5 * (LOG_2PI - np.log(precision) if prior is None else -np.log1p(precision / added))
    )
    with np.errstate(divide="ignore"):
        reweighted = np.log(found.weights)[:, None] + factor
    evidence = logsumexp(reweighted, axis=0)
    share = np.exp(reweighted - evidence)
    contrast = np.zeros((n, part.size))
    contrast[np.arange(n), pairs[:, 0]], contrast[np.arange(n), pairs[:, 1]] = 1.0, -1.0
    contrast = np.delete(contrast, part.ground, axis=1)
    along = (turned * contrast.T).sum(axis=1)
    middle = found.means @ contrast.T
    spread = ((contrast @ found.covariances) * contrast).sum(axis=-1)
    edges = sum(share[end].sum(axis=0) for end in at_the_ends(found.tau))
    triples = []
    for i in range(n):
        if heterogeneity is not None and edges[i] > 1e-6:
            triple, evidence[i] = _refit(part, z[:, [i]], contrast[i], prior, heterogeneity)
            triples.append(triple)
            continue
        kept = share[:, i] > 1e-14
        w, k = share[kept, i] / share[kept, i].sum(), along[kept, i]
        g, v = gap[kept, i], gap_variance[kept, i]
        # Where the mean m of θ is that without ω, θ given ω is m − A⁻¹XᵀWz·ω.
        indirect = middle[kept, i] - k * g
        inner = spread[kept, i]
        triples.append(
            (
                NormalMixture(w, indirect + g, np.sqrt(inner + (1.0 - k) ** 2 * v)),
                NormalMixture(w, indirect, np.sqrt(inner + k**2 * v)),
                NormalMixture(w, g, np.sqrt(v)),
            )
        )
    return triples, np.asarray(evidence)


def _refit(
    part: PartPosterior, z: Any, contrast: FloatArray, prior: Normal | None, heterogeneity: Prior
) -> tuple[tuple[NormalMixture, NormalMixture, NormalMixture], float]:
    """One pair with τ integrated anew, where its posterior leaves the nodes of the consistent model's."""
    model, old = part.posterior.model, part.posterior.model.prior
    k, p = old.means.shape
    means, precisions = np.zeros((k, p + 1)), np.zeros((k, p + 1, p + 1))
    means[:, :p], precisions[:, :p, :p] = old.means, old.precisions
    constants = old.log_constants
    if prior is not None:
        means[:, p], precisions[:, p, p] = prior.mean, prior.sd**-2
        constants = constants - 0.5 * LOG_2PI - np.log(prior.sd)
    wide = GaussianPrior(means, precisions, constants)
    split_model = linear_model(model.values, model.variances, hstack([model.design, z]), wide, model.log_jacobian)
    found = posterior_of(split_model, heterogeneity)
    gap = np.append(np.zeros(p), 1.0)
    indirect = np.append(contrast, 0.0)
    each = found.mixture(indirect + gap), found.mixture(indirect), found.mixture(gap)
    return each, found.heterogeneity.log_evidence - part.posterior.heterogeneity.log_evidence


def _row_products(design: Any, z: Any) -> Any:
    """The rows' z_ri x_rj, sparse, shape (pairs·p, N), the pairs' parameters one after the other."""
    p = design.shape[1]
    entries = z.tocoo()
    wide = design.tocsr()[entries.row].tocoo()
    pair, row, value = entries.col[wide.row], entries.row[wide.row], entries.data[wide.row] * wide.data
    place = (pair.astype(np.intp) * p + wide.col, row)
    return csr_array((value, place), shape=(z.shape[1] * p, design.shape[0]))
