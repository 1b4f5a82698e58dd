"""The consistency model against the model with unrelated mean effects.

Without consistency every comparison with direct evidence has an effect of its own (NICE DSU Technical Support
Document 4, section 3). What the residual Q loses against the degrees of freedom it costs tests consistency globally.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import chdtrc

from equipoise.frames import FloatArray
from equipoise.synthesis.network.blocks import IntArray
from equipoise.synthesis.network.gls import solve
from equipoise.synthesis.network.tables import decimals, natural, p_statement, text_table
from equipoise.synthesis.network.unrelated import by_comparison, estimate_unrelated_tau2, solve_unrelated

if TYPE_CHECKING:
    from equipoise.synthesis.network.fit import NetworkFit


@dataclass(frozen=True, slots=True, eq=False)
class UnrelatedEffects:
    """Unrelated mean effects next to the network's; arrays over comparisons on the analysis scale.

    ``estimates``, ``standard_errors``: treatment minus comparator with no consistency assumed, ``network`` with it.
    In a multi-arm study the contrasts against one baseline have parameters: the reference, or the first by name.
    ``tau2``, ``q``, ``df``: one a subnetwork, of this model (q at τ² = 0); ``difference``: how much smaller Q is than
    the consistency model's, both at this model's τ², with ``difference_df`` and ``p``, over all subnetworks.
    """

    measure: str
    treatment: tuple[str, ...]
    comparator: tuple[str, ...]
    estimates: FloatArray
    standard_errors: FloatArray
    network: FloatArray
    network_se: FloatArray
    tau2: FloatArray
    q: FloatArray
    df: IntArray
    difference: float
    difference_df: int
    p: float

    def to_frame(self) -> Any:
        """One row a comparison."""
        from equipoise.frames import make_frame

        return make_frame(
            {
                "treatment": self.treatment,
                "comparator": self.comparator,
                "estimate": self.estimates,
                "se": self.standard_errors,
                "network": self.network,
                "network_se": self.network_se,
            }
        )

    def summary(self) -> str:
        """The comparisons and the test as text, ratio measures as ratios."""
        unrelated, network = (natural(self.measure, x) for x in (self.estimates, self.network))
        table = text_table(
            {
                "comparison": [f"{a} : {b}" for a, b in zip(self.treatment, self.comparator, strict=True)],
                "unrelated": [decimals(x) for x in unrelated],
                "network": [decimals(x) for x in network],
            }
        )
        tau2 = ", ".join(decimals(x) for x in self.tau2)
        return (
            f"Unrelated mean effects, tau² = {tau2}\n\n{table}\n\nConsistency against unrelated mean effects: "
            f"Q = {decimals(self.difference, 2)}, d.f. = {self.difference_df}, {p_statement(self.p)}"
        )


def unrelated_effects(fit: NetworkFit) -> UnrelatedEffects:
    """See ``NetworkFit.unrelated``."""
    rows, columns, estimates, errors = [], [], [], []
    tau2, q, df = [], [], []
    difference, difference_df = 0.0, 0
    index = {t: i for i, t in enumerate(fit.treatments)}
    for system, reference in zip(fit.systems, fit.references(), strict=True):
        model = by_comparison(system, int(np.searchsorted(system.treatments, index[reference])))
        own = estimate_unrelated_tau2(model, fit.method) if fit.model == "random" else 0.0
        solution = solve_unrelated(model, own)
        rows.append(system.treatments[model.treatments])
        columns.append(system.treatments[model.baselines])
        estimates.append(solution.estimates)
        errors.append(np.sqrt(solution.variances))
        tau2.append(own)
        q.append(solve_unrelated(model).q)
        df.append(model.df)
        difference += solve(system, own).q - solution.q
        difference_df += system.df - model.df
    place = (np.concatenate(rows), np.concatenate(columns))
    return UnrelatedEffects(
        fit.measure,
        tuple(fit.treatments[i] for i in place[0].tolist()),
        tuple(fit.treatments[j] for j in place[1].tolist()),
        np.concatenate(estimates),
        np.concatenate(errors),
        fit.estimates[place],
        fit.standard_errors[place],
        np.array(tau2),
        np.array(q),
        np.array(df, dtype=np.intp),
        max(difference, 0.0),
        difference_df,
        float(chdtrc(difference_df, max(difference, 0.0))) if difference_df > 0 else float("nan"),
    )
