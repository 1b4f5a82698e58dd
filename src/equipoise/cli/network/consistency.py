"""Loops of direct comparisons, and the model without consistency."""

from __future__ import annotations

from equipoise.cli.network.part import Part, Shown, by, heading, number, p_text, table_of, view_of
from equipoise.synthesis.network.fit import NetworkFit


def loops(fit: NetworkFit) -> Part:
    """Inconsistency around every loop of three or four treatments."""
    result = fit.loops()
    table = table_of("loops", "Loops, the least consistent first", result, fit.measure)
    columns = [
        Shown("Loop", ("loop",)),
        Shown(_difference(fit), ("difference", "lower", "upper"), "effect"),
        Shown("p", ("p",), "p"),
    ]
    small = sum(number(p) < 0.05 for p in table.columns["p"])
    notes = (
        (
            f"{len(table)} loops, {small} of them with p < 0.05 (about {0.05 * len(table):.1f} would be expected by chance).",
        )
        if len(table)
        else ("There is no loop of direct comparisons that could be inconsistent.",)
    )
    return Part(
        "loops",
        "inconsistency",
        "Around loops",
        "Direct effects added up around a loop of comparisons should come to nothing; a difference whose interval leaves "
        "out no difference marks a loop that contradicts itself.",
        notes,
        (table,),
        (view_of(table, fit.measure, columns, rows=by(table, "p")),) if len(table) else (),
        "loops = fit.loops()",
        texts=(heading("Loop inconsistency"), ("loops.summary()", result.summary())),
        result=result,
    )


def unrelated(fit: NetworkFit) -> Part:
    """The model of unrelated mean effects."""
    result = fit.unrelated()
    table = table_of("unrelated", "Unrelated effects against network estimates", result, fit.measure)
    columns = [
        Shown("Comparison", ("treatment", "comparator")),
        Shown(f"Unrelated {fit.measure}", ("estimate",), "value"),
        Shown(f"Network {fit.measure}", ("network",), "value"),
    ]
    note = f"Test of consistency: Q = {result.difference:.2f}, df = {result.difference_df}, {p_text(result.p)}."
    tau2 = ", ".join(f"{x:.4f}" for x in result.tau2)
    if fit.model == "random":
        note += f" τ² without consistency {tau2}; with it {', '.join(f'{x:.4f}' for x in fit.tau2)}."
    return Part(
        "unrelated",
        "inconsistency",
        "Without consistency (unrelated mean effects)",
        "Every comparison is estimated by itself; where this lies far from the network estimate, or fits clearly better, "
        "direct and indirect evidence disagree.",
        (note,),
        (table,),
        (view_of(table, fit.measure, columns),),
        "unrelated = fit.unrelated()",
        texts=(("unrelated.summary()", result.summary()),),
        result=result,
    )


def _difference(fit: NetworkFit) -> str:
    from equipoise.synthesis.network.tables import RATIO_MEASURES

    kind = f"Ratio of {fit.measure}s" if fit.measure in RATIO_MEASURES else f"Difference of {fit.measure}s"
    return f"{kind} ({100 * fit.level:g}% CI)"
