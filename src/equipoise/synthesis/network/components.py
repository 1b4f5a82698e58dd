"""Component network meta-analysis: the effect of a combination is the sum of its components' effects.

The additive model of Rücker, Petropoulou & Schwarzer (2020, Biometrical Journal 62:808), with interactions where
asked for. Treatments that share components connect networks that no study connects. The model of `netcomb` and
`discomb` of R's netmeta, which take τ² by DL from the additive model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import chdtrc

from equipoise.errors import DataError
from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.coefficients import Coefficients, tabulate
from equipoise.synthesis.network.comparisons import Comparisons
from equipoise.synthesis.network.fit import Model
from equipoise.synthesis.network.gls import build, solve
from equipoise.synthesis.network.heterogeneity import Tau2Method
from equipoise.synthesis.network.linear_model import LinearFit, make_rows, solve_rows, tau2_of_rows
from equipoise.synthesis.network.network import Network
from equipoise.synthesis.network.pair_effects import PairEffects, pair_effects
from equipoise.synthesis.network.tables import decimals, p_statement


@dataclass(frozen=True, slots=True, eq=False)
class ComponentFit:
    """A component network meta-analysis.

    ``components`` names the columns, interactions as "A*B"; ``matrix``: shape (treatments, components), which
    treatment has which. ``effects``: one row a component, NaN where the data don't identify it (``unidentified``).
    ``pairs``: every treatment against every other under the model. ``q``, ``df``, ``p``: fit of the component model
    at τ² = 0; ``standard_q`` …: of the standard model, each treatment with an effect of its own; ``difference_q`` …:
    the test of one against the other (a small p: the components don't explain the treatments' effects).
    """

    network: Network
    model: Model
    method: Tau2Method
    separator: str
    components: tuple[str, ...]
    inactive: str | None
    matrix: FloatArray
    effects: Coefficients
    pairs: PairEffects
    tau2: float
    q: float
    df: int
    p: float
    standard_q: float
    standard_df: int
    standard_p: float
    difference_q: float
    difference_df: int
    difference_p: float
    fit: LinearFit = field(repr=False)

    @property
    def estimates(self) -> FloatArray:
        """Effects of all pairs of treatments, shape (treatments, treatments), row minus column."""
        return self.pairs.estimates

    @property
    def standard_errors(self) -> FloatArray:
        """Standard errors of ``estimates``."""
        return self.pairs.standard_errors

    @property
    def unidentified(self) -> tuple[str, ...]:
        """Components whose effect the data don't determine."""
        return tuple(n for n, e in zip(self.components, self.effects.estimates, strict=True) if np.isnan(e))

    @property
    def i2(self) -> float:
        """(Q − df)/Q of the component model, at least 0; NaN without degrees of freedom."""
        if self.df < 1:
            return float("nan")
        return max(0.0, (self.q - self.df) / self.q) if self.q > 0 else 0.0

    def combination(self, treatment: str, comparator: str | None = None) -> Coefficients:
        """The effect of any combination, tried or not, against another (default: against no active component).

        Both are written as treatments are ("A + B"); interactions apply where all of their parts are there. NaN where
        the data don't determine it. Raises ``DataError`` for an unknown component.
        """
        row = self._row(treatment)
        name = treatment
        if comparator is not None:
            row, name = row - self._row(comparator), f"{treatment} : {comparator}"
        value, error = self.fit.estimate(row[None, :])
        return tabulate([name], value, error, self.effects.level, measure=self.network.measure)

    def treatment_effects(self) -> Coefficients:
        """Every treatment of the network against no active component."""
        values, errors = self.fit.estimate(self.matrix)
        return tabulate(self.network.treatments, values, errors, self.effects.level, measure=self.network.measure)

    def comparisons(self) -> Comparisons:
        """Every pair of treatments that the model lets one compare."""
        return self.pairs.all_pairs("Component network meta-analysis")

    def to_frame(self, exponentiate: bool = False) -> Any:
        """One row a component; with ``exponentiate`` effects of a ratio measure are ratios."""
        return self.effects.to_frame(exponentiate)

    def summary(self) -> str:
        """Components, heterogeneity and the test against the standard model, as text."""
        kind = "common effect" if self.model == "common" else f"random effects, tau² by {self.method}"
        lines = [
            f"Component network meta-analysis ({kind}), {self.network.measure}",
            "",
            self.effects.summary(),
            "",
        ]
        if self.inactive is not None:
            lines.append(f"Inactive: {self.inactive}")
        if self.unidentified:
            mend = (
                ""
                if self.inactive is not None
                else " (no treatment is without them: name one that does nothing, inactive=)"
            )
            lines.append(f"Not identified: {', '.join(self.unidentified)}{mend}")
        if self.model == "random":
            lines.append(f"tau² = {decimals(self.tau2)}; I² = {decimals(100 * self.i2, 1)}%")
        for name, q, df, p in (
            ("Component model", self.q, self.df, self.p),
            ("Standard model", self.standard_q, self.standard_df, self.standard_p),
            ("Difference", self.difference_q, self.difference_df, self.difference_p),
        ):
            lines.append(f"{name}: Q = {decimals(q, 2)}, df = {df}, {p_statement(p)}")
        return "\n".join(lines)

    def _row(self, treatment: str) -> FloatArray:
        single = [c for c in self.components if "*" not in c]
        parts = _split(treatment, self.separator, self.inactive)
        unknown = [p for p in parts if p not in single]
        if unknown:
            raise DataError(f"no component {', '.join(map(repr, unknown))}; there are {', '.join(single)}")
        return _has(parts, self.components)


def fit_components(
    network: Network,
    *,
    separator: str = "+",
    inactive: str | None = None,
    components: Mapping[str, Sequence[str]] | None = None,
    interactions: Sequence[Sequence[str]] = (),
    model: Model = "random",
    method: Tau2Method = "REML",
    level: float = 0.95,
) -> ComponentFit:
    """Fit the component model to a network, connected or not.

    Components are read from treatments' names ("A + B"), or given by ``components`` (treatment → its components).
    ``inactive`` (placebo, say) has effect 0 wherever it occurs. ``interactions`` lists sets of components whose
    combination may differ from their sum. One τ² is common to the whole network, also where it isn't connected.

    Raises ``DataError`` for an unknown inactive component or option, an interaction that no treatment has, and when
    components are missing for a treatment.
    """
    if model not in ("random", "common"):
        raise DataError(f"model {model!r} isn't known; choose 'random' or 'common'")
    parts = _parts(network, separator, inactive, components)
    names, matrix = _matrix(parts, interactions)
    rows = make_rows(network.blocks, lambda block: matrix[block.arms])
    common = solve_rows(rows)
    tau2 = tau2_of_rows(rows, method) if model == "random" else 0.0
    fit = solve_rows(rows, tau2)
    values, errors = fit.estimate(np.eye(len(names)))
    estimates, standard_errors = fit.estimate(matrix[:, None, :] - matrix[None, :, :])
    standard_q, standard_df = _standard(network)
    tests = [
        (common.q, common.df),
        (standard_q, standard_df),
        (max(0.0, common.q - standard_q), common.df - standard_df),
    ]
    p_values = [float(chdtrc(df, q)) if df > 0 else float("nan") for q, df in tests]
    return ComponentFit(
        network=network,
        model=model,
        method=method,
        separator=separator,
        components=names,
        inactive=inactive,
        matrix=matrix,
        effects=tabulate(names, values, errors, level, measure=network.measure),
        pairs=pair_effects(
            network.measure, network.treatments, network.pair_counts(), estimates, standard_errors, level
        ),
        tau2=tau2,
        q=tests[0][0],
        df=tests[0][1],
        p=p_values[0],
        standard_q=tests[1][0],
        standard_df=tests[1][1],
        standard_p=p_values[1],
        difference_q=tests[2][0],
        difference_df=tests[2][1],
        difference_p=p_values[2],
        fit=fit,
    )


def _split(treatment: str, separator: str, inactive: str | None) -> tuple[str, ...]:
    """The active components of a treatment's name, each once."""
    pieces = [piece.strip() for piece in treatment.split(separator)] if separator else [treatment.strip()]
    if not all(pieces):
        raise DataError(f"treatment {treatment!r} has an empty component between {separator!r}")
    return tuple(dict.fromkeys(piece for piece in pieces if piece != inactive))


def _parts(
    network: Network, separator: str, inactive: str | None, components: Mapping[str, Sequence[str]] | None
) -> list[tuple[str, ...]]:
    """The active components of every treatment."""
    if components is None:
        everything = [_split(t, separator, None) for t in network.treatments]
    else:
        missing = [t for t in network.treatments if t not in components]
        if missing:
            raise DataError(f"no components given for {', '.join(missing)}")
        everything = [tuple(dict.fromkeys(components[t])) for t in network.treatments]
    found = sorted({c for parts in everything for c in parts})
    if inactive is not None and inactive not in found:
        raise DataError(f"inactive {inactive!r} isn't a component; there are {', '.join(found)}")
    return [tuple(c for c in parts if c != inactive) for parts in everything]


def _matrix(
    parts: Sequence[tuple[str, ...]], interactions: Sequence[Sequence[str]]
) -> tuple[tuple[str, ...], FloatArray]:
    """Names of the columns and, shape (treatments, columns), which treatment has which."""
    single = sorted({c for own in parts for c in own})
    starred = [c for c in single if "*" in c]
    if starred:
        raise DataError(f"component {starred[0]!r} contains '*', which marks interactions; rename it")
    joint = []
    for interaction in interactions:
        members = tuple(dict.fromkeys(interaction))
        unknown = [m for m in members if m not in single]
        if unknown or len(members) < 2:
            raise DataError(
                f"interaction {' * '.join(interaction)}: needs two or more active components; there are "
                f"{', '.join(single)}"
            )
        if not any(set(members) <= set(own) for own in parts):
            raise DataError(f"interaction {' * '.join(members)}: no treatment combines these components")
        joint.append("*".join(members))
    names = (*single, *joint)
    if not names:
        raise DataError("no active component: every treatment is the inactive one")
    return names, np.array([_has(own, names) for own in parts])


def _has(parts: Sequence[str], names: Sequence[str]) -> FloatArray:
    """The row of a combination: 1 for each of its components, and for each interaction all of whose parts it has."""
    own = set(parts)
    return np.array([float(set(name.split("*")) <= own) for name in names])


def _standard(network: Network) -> tuple[float, int]:
    """Q and its degrees of freedom when every treatment has its own effect, over all subnetworks."""
    index = {t: i for i, t in enumerate(network.treatments)}
    q, df = 0.0, 0
    for part in network.subnetworks:
        members: IntArray = np.array([index[t] for t in part], dtype=np.intp)
        system = build(network.blocks, members, len(network.treatments))
        q, df = q + solve(system).q, df + system.df
    return q, df
