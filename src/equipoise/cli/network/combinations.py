"""Treatments made of components ("A + B"), and their additive model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from equipoise.cli.network.analysis import Settings
from equipoise.cli.network.build import is_usual_reference
from equipoise.cli.network.part import Part, Shown, p_text, table_of, view_of
from equipoise.cli.network.tables import Cell, ResultTable
from equipoise.errors import DataError
from equipoise.synthesis.network.components import ComponentFit, fit_components
from equipoise.synthesis.network.fit import NetworkFit
from equipoise.synthesis.network.network import Network
from equipoise.synthesis.network.tables import analysis_scale

LIKELY = (" + ", "+")
"""What joins components in the names of treatments, the likelier first."""


def likely_separator(network: Network) -> tuple[str, str] | None:
    """What seems to join components, with a treatment that has it; None if no name looks like a combination."""
    for separator in LIKELY:
        for treatment in network.treatments:
            parts = treatment.split(separator)
            if len(parts) > 1 and all(part.strip() for part in parts):
                return separator.strip(), treatment
    return None


def components(
    fit: NetworkFit, settings: Settings, separator: str, inactive: str | None, interactions: Sequence[str] = ()
) -> Part:
    """The component model; ``inactive``: the component without effect, default a placebo as reference.

    It is additive but for ``interactions``, written as "A*B".

    Raises ``DataError`` if no treatment has the separator.
    """
    network = fit.network
    if not any(separator in treatment for treatment in network.treatments):
        raise DataError(
            f"no treatment has {separator!r} in its name, so none is a combination; name another sign: --components SIGN"
        )
    if inactive is None and is_usual_reference(settings.reference) and separator not in settings.reference:
        inactive = settings.reference
    joint = [tuple(part.strip() for part in interaction.split("*")) for interaction in interactions]
    result = fit_components(
        network, separator=separator, inactive=inactive, interactions=joint, model=settings.model,
        method=settings.method, level=settings.level,
    )  # fmt: skip
    scale = analysis_scale(fit.measure)
    table = table_of("components", "Effects of components", result, fit.measure)
    treatments = _treatments(result, fit, settings.reference)
    level = f"{100 * settings.level:g}% CI"
    shown = [
        Shown("Component", ("name",)),
        Shown(f"{fit.measure} ({level})", ("estimate", "lower", "upper"), "effect"),
        Shown("p", ("p",), "p"),
    ]
    against = [
        Shown("Treatment", ("treatment",)),
        Shown("Against", ("comparator",)),
        Shown("Components", ("estimate", "lower", "upper"), "effect"),
        Shown("Each treatment by itself", ("standard_estimate", "standard_lower", "standard_upper"), "effect"),
    ]
    notes = [
        f"Test of additivity: Q = {result.difference_q:.2f}, df = {result.difference_df}, {p_text(result.difference_p)} "
        "(a small p: the components’ sums don’t explain the treatments’ effects).",
        *(
            [
                f"Not additive: {', '.join(interactions)}; its effect is what the combination adds to the sum of its parts."
            ]
            if interactions
            else []
        ),
        f"{inactive} counts as having no effect of its own."
        if inactive is not None
        else "No component counts as inactive; --inactive COMPONENT names one.",
    ]
    if result.unidentified:
        notes.append(f"The data don’t determine the effect of {', '.join(result.unidentified)}.")
    return Part(
        "components",
        "components",
        "Components",
        f"Each combination’s effect is taken as the sum of its components’{' and interactions' if joint else ''}; a component’s effect (on the scale of "
        f"{scale}, shown as {fit.measure}) is what adding it to any treatment does.",
        tuple(notes),
        (table, treatments),
        (view_of(table, fit.measure, shown), view_of(treatments, fit.measure, against)),
        f"components = fit_components(\n    network,\n    separator={separator!r},\n    inactive={inactive!r},\n"
        + (f"    interactions={joint!r},\n" if joint else "")
        + f"    model={settings.model!r},\n    method={settings.method!r},\n    level={settings.level!r},\n)",
        ("from equipoise.synthesis.network import fit_components",),
        (("components.summary()", result.summary()),),
        result,
    )


def _treatments(result: ComponentFit, fit: NetworkFit, reference: str) -> ResultTable:
    """Every treatment against the reference by the component model and by the standard one."""
    pairs, base = result.pairs, result.pairs.position(reference)
    rows = [i for i, t in enumerate(pairs.treatments) if t != reference]
    own = [fit.network.position(pairs.treatments[i]) for i in rows]
    home = fit.network.position(reference)
    columns: dict[str, list[Cell]] = {
        "treatment": [pairs.treatments[i] for i in rows],
        "comparator": [reference] * len(rows),
    }
    for name, values in (
        ("estimate", pairs.estimates[rows, base]),
        ("se", pairs.standard_errors[rows, base]),
        ("lower", pairs.lower[rows, base]),
        ("upper", pairs.upper[rows, base]),
        ("standard_estimate", fit.estimates[own, home]),
        ("standard_lower", fit.lower[own, home]),
        ("standard_upper", fit.upper[own, home]),
    ):
        columns[name] = [float(x) if np.isfinite(x) else None for x in values]
    return ResultTable("component_treatments", f"Treatments against {reference} by both models", columns)
