"""Treatments in categories against the reference, and who is better by an important difference."""

from __future__ import annotations

import numpy as np

from equipoise.cli.network.analysis import Settings
from equipoise.cli.network.part import Part, Shown, table_of, view_of
from equipoise.cli.network.tables import Cell, ResultTable
from equipoise.figures.network import scale
from equipoise.synthesis.network.fit import NetworkFit
from equipoise.synthesis.network.tables import natural


def categories(fit: NetworkFit, settings: Settings) -> Part:
    """GRADE's minimally contextualised categories, by the important difference."""
    result = fit.categories(settings.reference, settings.smaller_is_better, settings.important_difference)
    table = table_of("categories", f"Categories against {settings.reference}", result)
    others = [row for row, treatment in enumerate(table.columns["treatment"]) if treatment != settings.reference]
    columns = [
        Shown("Treatment", ("treatment",)),
        Shown("Level", ("level",), "count"),
        Shown("Category", ("category",)),
        Shown("P-score", ("p_score",), "number"),
    ]
    notes = ["The certainty of the evidence isn’t rated here; GRADE puts treatments of low certainty apart."]
    if len(fit.subnetworks) > 1:
        notes.append(f"Only treatments that are connected with {settings.reference} can be held against it.")
    if result.review:
        notes.append(
            f"P-score and category disagree for {', '.join(result.review)}: look at the width of the interval before "
            "relying on either."
        )
    return Part(
        "categories",
        "ranking",
        "Categories",
        f"Treatments are put into groups by whether their confidence intervals leave out {_margin(settings)}, against "
        "the reference first and then within the better ones (GRADE, minimally contextualised).",
        tuple(notes),
        (table,),
        (view_of(table, fit.measure, columns, rows=others),),
        f"categories = fit.categories({settings.reference!r}, smaller_is_better={settings.smaller_is_better!r}, "
        f"threshold={settings.important_difference!r})",
        texts=(("categories.summary()", result.summary()),),
        result=result,
    )


def importantly_better(fit: NetworkFit, settings: Settings) -> Part:
    """The probability that each treatment is better than each other one by the important difference."""
    result = fit.ranking(settings.smaller_is_better, settings.important_difference)
    places = [result.treatments.index(t) for t in result.order]
    columns: dict[str, list[Cell]] = {"better": list(result.order)}
    for j in places:
        values = result.better[places, j].tolist()
        columns[f"than {result.treatments[j]}"] = [float(x) if np.isfinite(x) else None for x in values]
    table = ResultTable(
        "importantly_better", f"Probability that the row is better than the column by {_margin(settings)}", columns
    )
    shown = [Shown("", ("better",)), *(Shown(name, (name,), "number") for name in list(columns)[1:])]
    return Part(
        "importantly_better",
        "ranking",
        "Better by an important difference",
        "Each cell is the probability that the row’s true effect is better than the column’s by more than the important "
        "difference; near 1 it is, near 0 it isn’t.",
        (),
        (table,),
        (view_of(table, fit.measure, shown),),
        f"importantly_better = fit.ranking(smaller_is_better={settings.smaller_is_better!r}, "
        f"threshold={settings.important_difference!r})",
        texts=(),
        result=result,
    )


def _margin(settings: Settings) -> str:
    if not settings.important_difference:
        return "no difference"
    value = float(natural(settings.measure, settings.important_difference))
    return f"an important difference ({settings.measure} {scale.number_text(value)})"
