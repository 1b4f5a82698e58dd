"""Direct against indirect evidence, comparison by comparison.

Three ways to get the indirect estimate of a pair a, b that some studies compare directly:

* "back-calculation": what must be added to the pooled direct estimate to give the network's, by the proportion of
  direct evidence (König, Krahn & Binder 2013, Statistics in Medicine 32:5414; netmeta's default);
* "sidde": the network without the studies that contain both a and b (Efthimiou et al. 2019, Statistics in Medicine
  38:2992; netmeta's SIDDE);
* "node": node-splitting, one more parameter for how much those studies' a–b effect differs, shared equally between
  the two arms in multi-arm studies (Dias et al. 2010, Statistics in Medicine 29:932; symmetric side-splitting of
  White 2015, Stata Journal 15:951).

All pairs come from the one factorisation of the network. Removing studies on the arms U changes the Laplacian only
there, so its Kron reduction to U (the inverse of the network's covariance on U) tells everything. As in netmeta, τ² is
the network's, but indirect estimates by "sidde" have the τ² of the network without the pair's studies, estimated by
the network's method; ``tau2`` asks for the other.

netmeta's SIDDE gives no indirect estimate where the network without the pair's studies isn't connected. Here there is
one whenever the two treatments stay connected, from the part of the network that connects them: what other treatments
the removal cuts off says nothing about the pair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.direct import pool_direct
from equipoise.synthesis.network.removal import BoolArray
from equipoise.synthesis.network.separation import Separated, separate, separate_each, split_each
from equipoise.synthesis.network.tables import decimals, interval, natural, p_value, text_table

if TYPE_CHECKING:
    from equipoise.synthesis.network.fit import NetworkFit

SplitMethod = Literal["back-calculation", "sidde", "node"]
SplitTau2 = Literal["network", "each"]

ALL_DIRECT = 5e-4
"""A proportion of direct evidence this close to 1 leaves no indirect estimate (netmeta's tol.direct)."""


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Direct, indirect and network estimates of every connected pair; arrays of shape (pairs,), analysis scale.

    All estimates are ``treatment`` minus ``comparator``. ``proportion``: of direct evidence in the network estimate
    (its variance over the direct one's). Direct values are NaN without direct, indirect ones without indirect
    evidence; ``difference`` is direct minus indirect, ``p`` tests it (two-sided).
    """

    method: str
    measure: str
    level: float
    treatment: tuple[str, ...]
    comparator: tuple[str, ...]
    studies: IntArray
    proportion: FloatArray
    network: FloatArray
    network_se: FloatArray
    direct: FloatArray
    direct_se: FloatArray
    indirect: FloatArray
    indirect_se: FloatArray
    difference: FloatArray
    difference_se: FloatArray
    statistic: FloatArray
    p: FloatArray
    quantile: FloatArray

    def __len__(self) -> int:
        return len(self.treatment)

    @property
    def mixed(self) -> BoolArray:
        """Which rows have direct and indirect evidence (boolean, shape (pairs,))."""
        return np.isfinite(self.direct) & np.isfinite(self.indirect)

    def limits(self, kind: Literal["network", "direct", "indirect", "difference"]) -> tuple[FloatArray, FloatArray]:
        """Lower and upper confidence limits of one kind of estimate."""
        estimates, errors = getattr(self, kind), getattr(self, f"{kind}_se")
        return estimates - self.quantile * errors, estimates + self.quantile * errors

    def to_frame(self) -> Any:
        """One row a pair, on the analysis scale."""
        from equipoise.frames import make_frame

        columns: dict[str, Any] = {
            "treatment": self.treatment,
            "comparator": self.comparator,
            "studies": self.studies,
            "proportion_direct": self.proportion,
        }
        kinds: tuple[Literal["network", "direct", "indirect", "difference"], ...]
        kinds = ("network", "direct", "indirect", "difference")
        for kind in kinds:
            lower, upper = self.limits(kind)
            columns |= {
                kind: getattr(self, kind),
                f"{kind}_se": getattr(self, f"{kind}_se"),
                f"{kind}_lower": lower,
                f"{kind}_upper": upper,
            }
        return make_frame({**columns, "statistic": self.statistic, "p": self.p})

    def summary(self, mixed_only: bool = True) -> str:
        """The table as text, ratio measures as ratios; by default only pairs with direct and indirect evidence."""
        rows = np.flatnonzero(self.mixed) if mixed_only else np.arange(len(self))
        if not len(rows):
            return f"{_TITLES[self.method]}\n\nNo comparison has both direct and indirect evidence."
        lower, upper = self.limits("difference")
        text = {
            "comparison": [f"{self.treatment[i]} : {self.comparator[i]}" for i in rows],
            "k": [str(self.studies[i]) for i in rows],
            "prop": [decimals(self.proportion[i], 2) for i in rows],
        }
        for heading, values in (("nma", self.network), ("direct", self.direct), ("indir.", self.indirect)):
            text[heading] = [decimals(x) for x in natural(self.measure, values[rows])]
        shown = natural(self.measure, np.stack([self.difference, lower, upper])[:, rows])
        text |= {
            "RoR" if natural(self.measure, 0.0) == 1.0 else "Diff": [decimals(x) for x in shown[0]],
            f"{100 * self.level:g}%-CI": [interval(a, b) for a, b in zip(shown[1], shown[2], strict=True)],
            "z": [decimals(self.statistic[i], 2) for i in rows],
            "p-value": [p_value(self.p[i]) for i in rows],
        }
        return f"{_TITLES[self.method]}\n\n{text_table(text)}"


_TITLES = {
    "back-calculation": "Separate indirect from direct evidence using back-calculation",
    "sidde": "Separate indirect from direct design evidence (studies with both treatments removed)",
    "node": "Node-splitting (studies with both treatments have an effect of their own)",
}


def split(fit: NetworkFit, method: SplitMethod = "back-calculation", tau2: SplitTau2 | None = None) -> Split:
    """See ``NetworkFit.split``."""
    if method not in _TITLES:
        raise DataError(f"method {method!r} isn't known; choose {', '.join(map(repr, _TITLES))}")
    if tau2 not in (None, "network", "each"):
        raise DataError(f"tau2 {tau2!r} isn't known; choose 'network' or 'each'")
    if method == "back-calculation" and tau2 == "each":
        raise DataError("back-calculation has the network's tau² only; choose method 'sidde' or 'node' for tau2='each'")
    each = fit.model == "random" and (tau2 or ("each" if method == "sidde" else "network")) == "each"
    n = len(fit.treatments)
    part = fit.part_of()
    scale = np.array([i.scale for i in fit.inferences])
    pooled = pool_direct(fit.network.blocks, n, fit.tau2[part])
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(pooled.studies > 0, (fit.standard_errors / scale[part][:, None]) ** 2 / pooled.variances, 0.0)
    np.fill_diagonal(share, np.nan)
    share = np.minimum(share, 1.0)
    direct, direct_variance = pooled.estimates.copy(), pooled.variances.copy()
    indirect = np.where(pooled.studies > 0, np.nan, fit.estimates)
    indirect_variance = np.where(pooled.studies > 0, np.nan, (fit.standard_errors / scale[part][:, None]) ** 2)
    difference_variance = np.full((n, n), np.nan)
    if method == "back-calculation":
        _back_calculate(fit, share, pooled.studies, direct, indirect, indirect_variance)
        difference_variance = direct_variance + indirect_variance
    else:
        for system, solution in zip(fit.systems, fit.solutions, strict=True):
            if not each:
                found = separate(system, solution, method, fit.network.blocks)
            elif method == "sidde":
                found = separate_each(system, solution, fit.method)
            else:
                found = split_each(fit.network.blocks, system, solution, fit.method)
            _enter(found, direct, direct_variance, indirect, indirect_variance, difference_variance)
    rows, columns = np.nonzero(np.triu(part[:, None] == part[None, :], 1))
    place = (rows, columns)
    factor = scale[part[rows]]
    difference = direct[place] - indirect[place]
    difference_se = factor * np.sqrt(difference_variance[place])
    statistic = difference / difference_se
    p = np.full(len(rows), np.nan)
    for number, inference in enumerate(fit.inferences):
        inside = part[rows] == number
        p[inside] = inference.p_values(statistic[inside])
    return Split(
        method=method,
        measure=fit.measure,
        level=fit.level,
        treatment=tuple(fit.treatments[i] for i in rows.tolist()),
        comparator=tuple(fit.treatments[j] for j in columns.tolist()),
        studies=pooled.studies[place],
        proportion=share[place],
        network=fit.estimates[place],
        network_se=fit.standard_errors[place],
        direct=direct[place],
        direct_se=factor * np.sqrt(direct_variance[place]),
        indirect=indirect[place],
        indirect_se=factor * np.sqrt(indirect_variance[place]),
        difference=difference,
        difference_se=difference_se,
        statistic=statistic,
        p=p,
        quantile=np.array([i.quantile for i in fit.inferences])[part[rows]],
    )


def _back_calculate(
    fit: NetworkFit,
    share: FloatArray,
    studies: IntArray,
    direct: FloatArray,
    indirect: FloatArray,
    indirect_variance: FloatArray,
) -> None:
    """Fill in the indirect estimates that the proportion of direct evidence implies."""
    scale = np.array([i.scale for i in fit.inferences])[fit.part_of()][:, None]
    mixed = (studies > 0) & (share < 1.0 - ALL_DIRECT)
    rest = 1.0 - share[mixed]
    indirect[mixed] = (fit.estimates[mixed] - share[mixed] * direct[mixed]) / rest
    indirect_variance[mixed] = ((fit.standard_errors / scale)[mixed]) ** 2 / rest


def _enter(
    found: Separated,
    direct: FloatArray,
    direct_variance: FloatArray,
    indirect: FloatArray,
    indirect_variance: FloatArray,
    difference_variance: FloatArray,
) -> None:
    """Put separated evidence into the matrices of all pairs, in both directions."""
    given = np.isfinite(found.direct)
    for rows, columns, sign in ((found.rows, found.columns, 1.0), (found.columns, found.rows, -1.0)):
        indirect[rows, columns] = sign * found.indirect
        indirect_variance[rows, columns] = found.indirect_variance
        direct[rows[given], columns[given]] = sign * found.direct[given]
        direct_variance[rows[given], columns[given]] = found.direct_variance[given]
        total = direct_variance[rows, columns] + found.indirect_variance
        difference_variance[rows, columns] = np.where(given, found.difference_variance, total)
