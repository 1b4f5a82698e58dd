"""Do small studies show other effects than large ones?

``comparison_adjusted`` centres every study at its comparison's direct estimate, for the funnel plot, and tests its
asymmetry by Egger's regression (Chaimani & Salanti 2012, Research Synthesis Methods 3:161; Chaimani et al. 2013,
PLoS ONE 8:e76654). ``small_study_regression`` is the network's own: a meta-regression on the studies' variance or
standard error, read off at the most precise study, as ROB-MEN wants it (Chiocchia et al. 2021, BMC Medicine 19:276).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.network.coefficients import Coefficients, tabulate
from equipoise.synthesis.network.direct import pairs_of
from equipoise.synthesis.network.fit import Model, NetworkFit
from equipoise.synthesis.network.heterogeneity import Tau2Method
from equipoise.synthesis.network.network import Network
from equipoise.synthesis.network.pair_effects import PairEffects
from equipoise.synthesis.network.regression import RegressionFit, Slopes, fit_regression
from equipoise.synthesis.network.tables import analysis_scale, decimals, interval, natural, p_statement, text_table

Precision = Literal["variance", "se"]


@dataclass(frozen=True, slots=True, eq=False)
class ComparisonAdjusted:
    """The comparison-adjusted funnel plot's points, one a comparison of a study, and Egger's test of its asymmetry.

    ``estimates`` are treatment minus comparator, ``standard_errors`` without heterogeneity, ``centres`` the pooled
    direct estimates of the comparison, ``adjusted`` = estimates − centres. ``egger``: the weighted regression of
    ``adjusted`` on the standard error, "bias" its slope, "limit" its value at 0, on t with points − 2 degrees of
    freedom. A study of m arms has m(m−1)/2 points, which the test treats as independent, as netmeta's does.
    """

    fit: NetworkFit
    order: tuple[str, ...]
    studies: tuple[str, ...]
    treatment: tuple[str, ...]
    comparator: tuple[str, ...]
    estimates: FloatArray
    standard_errors: FloatArray
    centres: FloatArray
    adjusted: FloatArray
    egger: Coefficients

    def __len__(self) -> int:
        return len(self.studies)

    def to_frame(self) -> Any:
        """One row a point."""
        from equipoise.frames import make_frame

        return make_frame(
            {
                "study": self.studies,
                "treatment": self.treatment,
                "comparator": self.comparator,
                "estimate": self.estimates,
                "se": self.standard_errors,
                "centre": self.centres,
                "adjusted": self.adjusted,
            }
        )

    def summary(self) -> str:
        """Egger's test as text."""
        bias = self.egger.names.index("bias")
        statistic, p = self.egger.statistics[bias], self.egger.p[bias]
        return (
            f"Comparison-adjusted funnel plot: {len(self)} comparisons, centred at direct estimates "
            f"({self.fit.model_text})\n\n{self.egger.summary()}\n\nTest of asymmetry: "
            f"t = {decimals(statistic, 2)}, df = {self.egger.df:g}, {p_statement(p)}"
        )


@dataclass(frozen=True, slots=True, eq=False)
class SmallStudyRegression:
    """Network meta-regression on the size of studies.

    ``regression``: with the covariate ``on`` not centred; ``at``: the value at which ``adjusted`` reads the effects
    off; ``unadjusted``: the same studies' network meta-analysis.
    """

    on: Precision
    at: float
    regression: RegressionFit
    adjusted: PairEffects
    unadjusted: NetworkFit

    def to_frame(self) -> Any:
        """One row a treatment against its subnetwork's reference: unadjusted and adjusted."""
        from equipoise.frames import make_frame

        pairs, place = self._pairs()
        columns: dict[str, Any] = {"treatment": [t for t, _ in pairs], "comparator": [base for _, base in pairs]}
        for name, fit in (("", self.unadjusted), ("adjusted_", self.adjusted)):
            columns[f"{name}estimate"] = fit.estimates[place]
            columns[f"{name}lower"] = fit.lower[place]
            columns[f"{name}upper"] = fit.upper[place]
        return make_frame(columns)

    def summary(self) -> str:
        """The slopes, and the effects before and after, as text."""
        measure = self.unadjusted.measure
        pairs, place = self._pairs()
        level = f"{100 * self.adjusted.level:g}%-CI"
        columns: dict[str, list[str]] = {"comparison": [f"{t} : {base}" for t, base in pairs]}
        for name, fit in (("", self.unadjusted), (" adjusted", self.adjusted)):
            columns[measure + name] = [decimals(x) for x in natural(measure, fit.estimates[place])]
            bounds = natural(measure, np.stack([fit.lower[place], fit.upper[place]], axis=1))
            columns[level + name] = [interval(low, high) for low, high in bounds]
        return (
            f"Small-study regression on the {self.on} (adjusted to {self.on} {self.at:.4g})\n\n{text_table(columns)}\n\nChange of the effect for one unit:\n"
            f"{self.regression.slopes.summary(analysis_scale(measure))}"
        )

    def _pairs(self) -> tuple[list[tuple[str, str]], tuple[list[int], list[int]]]:
        """Every treatment with its subnetwork's reference, and where arrays over pairs have them."""
        pairs, position = self.regression.compared(), self.adjusted.position
        return pairs, ([position(t) for t, _ in pairs], [position(base) for _, base in pairs])


def comparison_adjusted(fit: NetworkFit, order: Sequence[str]) -> ComparisonAdjusted:
    """The points of the comparison-adjusted funnel plot and Egger's test.

    ``order`` says what is compared with what: each comparison is the earlier treatment minus the later one, so list
    the treatments that small studies may favour first (new before old, active before placebo). If some treatments are
    missing from it, only comparisons with those listed count, and the others come before them. Raises ``DataError``
    for unknown or repeated treatments and when fewer than three points are left.
    """
    for treatment in order:
        fit.network.position(treatment)
    if len(set(order)) < len(order):
        raise DataError(f"a treatment occurs twice in the order: {', '.join(order)}")
    listed = set(order)
    whole = (*(t for t in fit.treatments if t not in listed), *order)
    rank = np.array([whole.index(t) for t in fit.treatments])
    direct = fit.direct()
    studies, rows, columns, estimates, variances = [], [], [], [], []
    for block in fit.network.blocks:
        first, second, differences, spread = pairs_of(block)
        chosen = rank[first] < rank[second]
        if len(listed) < len(whole):
            wanted = np.array([t in listed for t in fit.treatments])
            chosen &= wanted[first] | wanted[second]
        studies.append(np.broadcast_to(block.studies[:, None, None], first.shape)[chosen])
        rows.append(first[chosen])
        columns.append(second[chosen])
        estimates.append(differences[chosen])
        variances.append(spread[chosen])
    row, column = np.concatenate(rows), np.concatenate(columns)
    sort = np.lexsort((np.concatenate(studies), rank[column], rank[row]))
    row, column, at = row[sort], column[sort], np.concatenate(studies)[sort]
    values, errors = np.concatenate(estimates)[sort], np.sqrt(np.concatenate(variances)[sort])
    if len(values) < 3:
        raise DataError(f"Egger's test needs three comparisons at least; these treatments have {len(values)}")
    centres = direct.estimates[row, column]
    return ComparisonAdjusted(
        fit=fit,
        order=whole,
        studies=tuple(fit.network.studies[s].study for s in at),
        treatment=tuple(fit.treatments[t] for t in row),
        comparator=tuple(fit.treatments[t] for t in column),
        estimates=values,
        standard_errors=errors,
        centres=centres,
        adjusted=values - centres,
        egger=egger(values - centres, errors, fit.level),
    )


def egger(estimates: FloatArray, standard_errors: FloatArray, level: float = 0.95) -> Coefficients:
    """Egger's regression: least squares of the estimates on their standard errors with weights 1/se².

    The residual variance is estimated (multiplicative), as in Egger et al. 1997 (BMJ 315:629). Raises ``DataError``
    when all standard errors are the same.
    """
    if np.ptp(standard_errors) <= 1e-12 * float(np.max(standard_errors)):
        raise DataError("all standard errors are the same, so there are no small and large studies to compare")
    design = np.column_stack([1 / standard_errors, np.ones(len(estimates))])
    values = estimates / standard_errors
    orthogonal, triangle = np.linalg.qr(design)
    coefficients = np.linalg.solve(triangle, orthogonal.T @ values)
    df = len(values) - 2
    residuals = values - design @ coefficients
    inverse = np.linalg.inv(triangle)
    errors = np.sqrt((inverse**2).sum(axis=1) * float(residuals @ residuals) / df)
    return tabulate(("limit", "bias"), coefficients, errors, level, df)


def small_study_regression(
    network: Network,
    *,
    on: Precision = "variance",
    at: Literal["smallest", "zero"] = "smallest",
    slopes: Slopes = "shared",
    reference: str | None = None,
    model: Model = "random",
    method: Tau2Method = "REML",
    level: float = 0.95,
) -> SmallStudyRegression:
    """Regress the treatment effects on each study's variance (or standard error) and read them off ``at`` the
    smallest one observed, or at 0.

    A study's variance is the mean of its comparisons' sampling variances. ``slopes`` as in ``fit_regression``: shared
    by all treatments but the reference (so that the reference is what small studies may be biased against; by default
    the treatment compared in most studies), one for each, or by class. Raises ``DataError`` for unknown options and when all studies are equally precise.
    """
    if not isinstance(network, Network):
        raise DataError(f"a Network is needed, not a {type(network).__name__}; a fit has it as .network")
    if on not in ("variance", "se") or at not in ("smallest", "zero"):
        raise DataError(f"on = {on!r}, at = {at!r}: choose 'variance' or 'se', and 'smallest' or 'zero'")
    values = np.empty(len(network.studies))
    for block in network.blocks:
        _, _, _, variances = pairs_of(block)
        values[block.studies] = np.where(np.isfinite(variances), variances, 0.0).sum(axis=(1, 2))
        values[block.studies] /= variances.shape[1] * (variances.shape[1] - 1)
    if on == "se":
        values = np.sqrt(values)
    if np.ptp(values) <= 1e-12 * float(values.max()):
        raise DataError("all studies are equally precise, so there are no small and large studies to compare")
    if reference is None:
        reference = network.treatments[int(network.pair_counts().sum(axis=1).argmax())]
    data = {"study": [s.study for s in network.studies], on: values}
    regression = fit_regression(
        network, data, on, slopes=slopes, centre=False, reference=reference, model=model, method=method, level=level
    )
    point = 0.0 if at == "zero" else float(values.min())
    return SmallStudyRegression(
        on=on,
        at=point,
        regression=regression,
        adjusted=regression.effects_at(**{on: point}),
        unadjusted=network.fit(model=model, method=method, reference=reference, level=level),
    )
