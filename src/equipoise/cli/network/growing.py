"""The forward search: what each study changes when it enters a network that grows from studies that agree."""

from __future__ import annotations

import numpy as np

from equipoise.cli.network.part import Part, Shown, table_of, view_of
from equipoise.cli.network.tables import Cell, ResultTable
from equipoise.synthesis.network.fit import NetworkFit
from equipoise.synthesis.network.forward_search import ForwardSearch, forward_search
from equipoise.synthesis.network.tables import RATIO_MEASURES, natural

SHARP = 5.0
"""A step's change of the effects that is named: so many times the median step's."""
LAST = 5
"""So many studies that entered last are named."""


def search(fit: NetworkFit, smaller_is_better: bool) -> Part:
    """Studies in the order in which they enter, the least agreeing last."""
    result = forward_search(fit, smaller_is_better=smaller_is_better)
    table = table_of("forward_search", "The network as it grows", result)
    columns = [
        Shown("Studies", ("studies",), "count"),
        Shown("Entered", ("entered",)),
        Shown("τ²", ("tau2",), "number", 4),
        Shown("Q", ("q",), "number"),
        Shown("df", ("df",), "count"),
        Shown("Cook’s distance", ("cook",), "number", 3),
        Shown("Covariance ratio", ("covratio",), "number", 3),
    ]
    several = len(fit.subnetworks) > 1
    among = f" of the largest subnetwork ({', '.join(sorted(result.treatments))})" if several else ""
    return Part(
        "search",
        "robustness",
        "Forward search",
        f"From {len(result.initial)} studies{among} that agree best the network grows by the study nearest to it, one at a "
        "time. Outliers come in last, and what they change (τ², Q, Cook’s distance of the effects) jumps when they do.",
        _notes(result),
        (table, _effects(result), _residuals(result)),
        (view_of(table, fit.measure, columns),),
        f"search = forward_search(fit, smaller_is_better={smaller_is_better!r})",
        ("from equipoise.synthesis.network.forward_search import forward_search",),
        (("search.summary()", result.summary()),),
        result,
    )


def _notes(result: ForwardSearch) -> tuple[str, ...]:
    """Which studies came in last, and which changed the effects sharply."""
    if not result.entered:
        return ("All studies are needed to connect the treatments, so that none enters later.",)
    last = ", ".join(result.entered[-LAST:])
    cook = result.cook[1:]
    sharp = [
        f"{study} ({change:.2f})"
        for study, change in zip(result.entered, cook.tolist(), strict=True)
        if change > SHARP * float(np.median(cook))
    ]
    jump = int(np.argmax(np.diff(result.tau2)))
    notes = [f"Entered last: {last}."]
    if sharp:
        notes.append(f"Cook’s distance above {SHARP:g} times the median step’s: {', '.join(sharp)}.")
    if result.tau2[jump + 1] > result.tau2[jump]:
        notes.append(
            f"τ² rises most with {result.entered[jump]}, from {result.tau2[jump]:.4f} to {result.tau2[jump + 1]:.4f}."
        )
    return (" ".join(notes),)


def _effects(result: ForwardSearch) -> ResultTable:
    """Effects against the reference and P-scores at every step."""
    steps, treatments = result.estimates.shape
    columns: dict[str, list[Cell]] = {
        "step": [k for k in range(steps) for _ in range(treatments)],
        "treatment": list(result.treatments) * steps,
        "comparator": [result.reference] * (steps * treatments),
        "estimate": [float(x) for x in result.estimates.ravel()],
        "se": [float(x) for x in result.standard_errors.ravel()],
        "p_score": [float(x) for x in result.p_scores.ravel()],
    }
    measure = result.fit.measure
    if measure in RATIO_MEASURES:
        columns[measure] = [float(x) for x in np.asarray(natural(measure, result.estimates)).ravel()]
    return ResultTable("forward_search_effects", "Effects as the network grows", columns)


def _residuals(result: ForwardSearch) -> ResultTable:
    """Every study's residual at every step."""
    columns: dict[str, list[Cell]] = {"study": list(result.studies)}
    for step, residuals in enumerate(result.residuals):
        columns[f"step {step}"] = [float(x) for x in residuals]
    return ResultTable("forward_search_residuals", "Standardised residuals as the network grows", columns)
