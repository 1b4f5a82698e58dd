"""Network meta-regression: treatment effects that depend on characteristics of the studies.

The effect of treatment t against its reference in study s is d_t + β_t·(x_s − centre); the consistency equations
hold for d and for β (Cooper et al. 2009, Statistics in Medicine 28:1861; Dias, Sutton, Welton & Ades 2013, Medical
Decision Making 33:618). β is shared by all treatments other than the reference, one for each of them, or shared
within classes. The models of `netmetareg` of R's netmeta under consistency, with the exact (restricted) likelihood as
metafor's `rma.mv` has it given the full covariances.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from scipy.special import chdtrc

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import Rotated
from equipoise.synthesis.network.coefficients import Coefficients, tabulate
from equipoise.synthesis.network.covariates import StudyCovariates, study_covariates
from equipoise.synthesis.network.fit import Model
from equipoise.synthesis.network.heterogeneity import Tau2Method
from equipoise.synthesis.network.linear_model import (
    LinearFit,
    make_rows,
    solve_rows,
    tau2_of_rows,
    with_design,
)
from equipoise.synthesis.network.network import LeftOut, Network
from equipoise.synthesis.network.pair_effects import PairEffects, pair_effects
from equipoise.synthesis.network.tables import analysis_scale, decimals, p_statement

Slopes = Literal["shared", "treatment"] | Mapping[str, str | None]
"""One slope for all treatments but the reference, one for each, or one for each class (treatment → class; None: no
slope, as the reference)."""


@dataclass(frozen=True, slots=True, eq=False)
class RegressionFit:
    """A network meta-regression.

    ``covariates`` names the columns of covariates (a category has one for every level but the first), ``centre`` is
    what was subtracted, one number a column. ``slopes``: one row a coefficient, NaN where not identified. ``pairs``:
    the effects at the centre. ``qm``, ``qm_df``, ``qm_p``: Wald test of all slopes; ``q``, ``df``, ``p``: residual
    heterogeneity at τ² = 0. ``tau2`` is the residual heterogeneity, ``tau2_without`` that of the same studies
    without covariates, ``r2`` the proportion explained (NaN where there was none).
    """

    network: Network
    model: Model
    method: Tau2Method
    reference: str
    covariates: tuple[str, ...]
    centre: FloatArray
    slopes: Coefficients
    pairs: PairEffects
    qm: float
    qm_df: int
    qm_p: float
    q: float
    df: int
    p: float
    tau2: float
    tau2_without: float
    left_out: tuple[LeftOut, ...]
    fit: LinearFit = field(repr=False)
    groups: FloatArray = field(repr=False)

    @property
    def estimates(self) -> FloatArray:
        """Effects of all pairs at the centre, shape (treatments, treatments), row minus column."""
        return self.pairs.estimates

    @property
    def standard_errors(self) -> FloatArray:
        """Standard errors of ``estimates``."""
        return self.pairs.standard_errors

    @property
    def references(self) -> tuple[str, ...]:
        """What each subnetwork is compared with: the reference, or the first by name where that one isn't in it."""
        parts = self.network.subnetworks
        return tuple(self.reference if self.reference in part else part[0] for part in parts)

    def compared(self) -> list[tuple[str, str]]:
        """Every treatment with its subnetwork's reference."""
        parts = zip(self.network.subnetworks, self.references, strict=True)
        return [(t, base) for part, base in parts for t in part if t != base]

    @property
    def r2(self) -> float:
        """The proportion of τ² that the covariates explain, at least 0."""
        if not self.tau2_without > 0:
            return float("nan")
        return max(0.0, 1 - self.tau2 / self.tau2_without)

    def effects_at(self, **values: float) -> PairEffects:
        """Effects of all pairs in a study with the given values of covariates (the others at their centre).

        A category's level is a column of its own, 0 or 1. Raises ``DataError`` for an unknown covariate.
        """
        unknown = [name for name in values if name not in self.covariates]
        if unknown:
            raise DataError(f"no covariate {unknown[0]!r}; there are {', '.join(self.covariates)}")
        x = np.array([values.get(name, c) for name, c in zip(self.covariates, self.centre, strict=True)]) - self.centre
        return _pairs(self.network, self.fit, self.groups, x, self.pairs.level)

    def to_frame(self) -> Any:
        """One row a slope."""
        return self.slopes.to_frame()

    def summary(self) -> str:
        """Effects against the reference at the centre, slopes and heterogeneity, as text."""
        at = ", ".join(f"{name} = {c:.4g}" for name, c in zip(self.covariates, self.centre, strict=True))
        kind = "common effect" if self.model == "common" else f"random effects, tau² by {self.method}"
        position = self.pairs.position
        known = {
            pair: bool(np.isfinite(self.estimates[position(pair[0]), position(pair[1])])) for pair in self.compared()
        }
        lines = [
            self.pairs.table(
                [pair for pair in known if known[pair]], f"Network meta-regression ({kind}): effects at {at}"
            ).summary(),
            "",
            "Change of the effect for one unit of the covariate:",
            self.slopes.summary(analysis_scale(self.network.measure)),
            "",
            f"Test of the slopes: QM = {decimals(self.qm, 2)}, df = {self.qm_df}, {p_statement(self.qm_p)}",
            f"Residual heterogeneity: Q = {decimals(self.q, 2)}, df = {self.df}, {p_statement(self.p)}",
        ]
        if self.model == "random":
            lines.append(f"tau² = {decimals(self.tau2)} ({decimals(self.tau2_without)} without covariates)")
        unknown = [treatment for (treatment, _), fine in known.items() if not fine]
        if unknown:
            lines.append(f"Effect at these values can't be estimated: {', '.join(unknown)}")
        lines += [f"Left out: {o.what}: {o.reason}" for o in self.left_out]
        return "\n".join(lines)


def fit_regression(
    network: Network,
    data: Any,
    covariates: str | Sequence[str],
    *,
    study: str = "study",
    slopes: Slopes = "shared",
    centre: bool | Mapping[str, float] = True,
    reference: str | None = None,
    model: Model = "random",
    method: Tau2Method = "REML",
    level: float = 0.95,
) -> RegressionFit:
    """Regress treatment effects on one or several characteristics of the studies.

    ``data``: a dataframe or mapping with the column ``study`` and the covariates, numbers or categories, constant
    within a study. A study without a value is left out and reported. ``centre``: True for the mean over the studies,
    False for 0, or the values. A part of the network without ``reference`` has its first treatment as reference; τ²
    and slopes are the same in all parts.

    Raises ``DataError`` for unknown columns or options, covariates that vary within a study or don't vary at all,
    and when no slope is identified.
    """
    if model not in ("random", "common"):
        raise DataError(f"model {model!r} isn't known; choose 'random' or 'common'")
    if reference is not None:
        network.position(reference)
    wanted = (covariates,) if isinstance(covariates, str) else tuple(covariates)
    moderators = moderators_of(network, data, wanted, study, slopes, centre, reference)
    network, bases, groups, x = moderators.network, moderators.bases, moderators.groups, moderators.values
    rows = make_rows(network.blocks, lambda block: arm_columns(block, groups, x))
    common = solve_rows(rows)
    tau2 = tau2_of_rows(rows, method) if model == "random" else 0.0
    fit = solve_rows(rows, tau2)
    n, width = groups.shape
    functions = np.hstack([np.zeros((width * x.shape[1], n)), np.eye(width * x.shape[1])])
    values, errors = fit.estimate(functions)
    known = np.isfinite(values)
    if not known.any():
        raise DataError(
            f"the slope of {', '.join(wanted)} can't be estimated: it takes several studies with different values "
            f"that compare {' or '.join(bases)} with the treatments that share a slope; choose another reference"
            + (", or share slopes" if slopes == "treatment" else "")
        )
    used = functions[known]
    spread = used @ fit.covariance @ used.T
    qm, qm_df = _wald(values[known], spread)
    without = tau2_of_rows(with_design(rows, rows.design[:, :n]), method) if model == "random" else 0.0
    return RegressionFit(
        network=network,
        model=model,
        method=method,
        reference=reference if reference is not None else network.subnetworks[0][0],
        covariates=moderators.names,
        centre=moderators.centre,
        slopes=tabulate(moderators.slope_names, values, errors, level),
        pairs=_pairs(network, fit, groups, np.zeros(x.shape[1]), level),
        qm=qm,
        qm_df=qm_df,
        qm_p=float(chdtrc(qm_df, qm)),
        q=common.q,
        df=common.df,
        p=float(chdtrc(common.df, common.q)) if common.df > 0 else float("nan"),
        tau2=tau2,
        tau2_without=without,
        left_out=(*network.left_out,),
        fit=fit,
        groups=groups,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Moderators:
    """What both kinds of network regression begin with.

    ``network``: with the studies that have all covariates; ``bases``: the reference of each subnetwork; ``values``: of
    the covariates less their ``centre``, (studies, covariates); ``groups``: (treatments, slopes).
    """

    network: Network
    bases: tuple[str, ...]
    names: tuple[str, ...]
    centre: FloatArray
    values: FloatArray
    groups: FloatArray
    slope_names: list[str]


def moderators_of(
    network: Network,
    data: Any,
    covariates: Sequence[str],
    study: str,
    slopes: Slopes,
    centre: bool | Mapping[str, float],
    reference: str | None,
) -> Moderators:
    """The covariates of a network's studies and which slope each treatment has; arguments as in `fit_regression`."""
    table = study_covariates(network, data, covariates, study)
    network = table.network
    if reference is not None:
        network.position(reference)
    bases = tuple(reference if reference in part else part[0] for part in network.subnetworks)
    middle = centre_of(table, centre)
    groups, group_names = slope_groups(network, bases, slopes)
    names = [f"{c}: {g}" if g else c for c in table.names for g in group_names]
    return Moderators(network, bases, table.names, middle, table.values - middle, groups, names)


def arm_columns(block: Rotated, groups: FloatArray, x: FloatArray) -> FloatArray:
    """An arm's columns: one a treatment, then, for every covariate, one a slope."""
    n = len(groups)
    slopes = x[block.studies][:, None, :, None] * groups[block.arms][:, :, None, :]
    return np.concatenate([np.eye(n)[block.arms], slopes.reshape(*block.arms.shape, -1)], axis=2)


def _pairs(network: Network, fit: LinearFit, groups: FloatArray, x: FloatArray, level: float) -> PairEffects:
    n = len(groups)
    arms = np.hstack([np.eye(n), np.einsum("c,tg->tcg", x, groups).reshape(n, -1)])
    estimates, errors = fit.estimate(arms[:, None, :] - arms[None, :, :])
    return pair_effects(network.measure, network.treatments, network.pair_counts(), estimates, errors, level)


def slope_groups(network: Network, bases: Sequence[str], slopes: Slopes) -> tuple[FloatArray, list[str]]:
    """Which slope each treatment has, shape (treatments, slopes), and the slopes' names."""
    if isinstance(slopes, str):
        if slopes not in ("shared", "treatment"):
            raise DataError(
                f"slopes {slopes!r} isn't known; choose 'shared', 'treatment' or a class for each treatment"
            )
        of: dict[str, str | None] = {t: "" if slopes == "shared" else t for t in network.treatments}
    else:
        missing = [t for t in network.treatments if t not in bases and t not in slopes]
        if missing:
            raise DataError(f"no class of slopes given for {', '.join(missing)}")
        of = {t: slopes.get(t) for t in network.treatments}
    names = sorted({name for t, name in of.items() if t not in bases and name is not None})
    if not names:
        raise DataError("no treatment has a slope; give a class to one at least")
    groups = np.array([[float(t not in bases and of[t] == name) for name in names] for t in network.treatments])
    return groups, names


def centre_of(table: StudyCovariates, centre: bool | Mapping[str, float]) -> FloatArray:
    """What is subtracted from each column of covariates; levels of a category aren't centred on their mean."""
    if isinstance(centre, bool):
        middle: FloatArray = table.values.mean(axis=0) if centre else np.zeros(len(table.names))
        return middle if not centre else np.where(table.categorical, 0.0, middle)
    unknown = [name for name in centre if name not in table.names]
    if unknown:
        raise DataError(f"no covariate {unknown[0]!r} to centre; there are {', '.join(table.names)}")
    return np.array([float(centre.get(name, 0.0)) for name in table.names])


def _wald(values: FloatArray, covariance: FloatArray) -> tuple[float, int]:
    """Wald's statistic and the rank of the covariance."""
    scale = np.sqrt(np.diag(covariance))
    spectrum, vectors = np.linalg.eigh(covariance / np.outer(scale, scale))
    kept = spectrum > 1e-10 * spectrum.max()
    z = vectors[:, kept].T @ (values / scale)
    return float((z**2 / spectrum[kept]).sum()), int(kept.sum())
