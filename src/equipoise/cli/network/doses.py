"""Dose–response over the network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equipoise.cli.network.analysis import Settings
from equipoise.cli.network.part import Part, Shown, p_text, table_of, view_of
from equipoise.cli.network.tables import Cell, ResultTable
from equipoise.errors import DataError, NotConverged
from equipoise.frames import columns_of
from equipoise.synthesis.network.dose import DoseResponse, fit_doses
from equipoise.synthesis.network.fit import NetworkFit
from equipoise.synthesis.network.network import Network
from equipoise.synthesis.network.tables import RATIO_MEASURES

SHAPES = ("linear", "log", "quadratic", "exponential", "spline", "emax")
TRIED = ("linear", "log", "emax")
"""The shapes that are compared when none is asked for."""
STEPS = 25
"""Doses at which each curve is tabulated."""


@dataclass(frozen=True, slots=True)
class DoseCurves:
    """The chosen shape's curves on a grid of doses, one row an agent and dose."""

    response: DoseResponse
    columns: dict[str, list[Cell]]


def doses_of(
    network: Network, treatment: str, agent: str, dose: str, data: dict[str, list[str | None]]
) -> dict[str, tuple[str, float]]:
    """What each treatment of the network is, by the columns of agent and dose.

    Raises ``DataError`` naming the row of a dose that isn't a number, is missing, or differs within a treatment.
    """
    found: dict[str, tuple[str, float]] = {}
    rows = zip(data[treatment], data[agent], data[dose], strict=True)
    for row, (name, what, text) in enumerate(rows, start=1):
        if name is None or name not in network.treatments:
            continue
        if what is None or text is None:
            raise DataError(
                f"row {row}: treatment {name!r} has no {'agent' if what is None else 'dose (0 for placebo)'}"
            )
        try:
            amount = float(text)
        except ValueError:
            raise DataError(f"column {dose!r}, row {row}: {text!r} is not a number") from None
        if found.setdefault(name, (what, amount)) != (what, amount):
            raise DataError(
                f"row {row}: treatment {name!r} is {found[name][0]} {found[name][1]:g} before and {what} {amount:g} "
                "here; name treatments apart by dose, as in 'fluoxetine_20'"
            )
    return found


def dose_response(
    fit: NetworkFit,
    settings: Settings,
    columns: tuple[str, str, str],
    shape: str | None,
    data: dict[str, list[str | None]],
) -> Part:
    """Dose–response curves: the shape asked for, or of a few the one with the smallest AIC.

    ``columns``: of treatment, agent and dose. Raises ``DataError`` where no shape can be fitted.
    """
    doses = doses_of(fit.network, *columns, data)
    fits: dict[str, DoseResponse] = {}
    failed: dict[str, str] = {}
    for name in (shape,) if shape else TRIED:
        try:
            fits[name] = fit_doses(
                fit.network, doses, shape=name, model=settings.model, method=settings.method, level=settings.level  # type: ignore[arg-type]
            )  # fmt: skip
        except (DataError, NotConverged) as error:
            failed[name] = str(error)
    if not fits:
        raise DataError("no dose–response curve can be fitted: " + "; ".join(failed.values()))
    best = min(fits.values(), key=lambda f: f.aic)
    shapes = ResultTable(
        "dose_shapes",
        "Shapes, the smaller the AIC the better",
        {
            "shape": list(fits),
            "aic": [f.aic for f in fits.values()],
            "tau2": [f.tau2 for f in fits.values()],
            "q": [f.q for f in fits.values()],
            "df": [f.df for f in fits.values()],
            "difference_q": [f.difference_q for f in fits.values()],
            "difference_df": [f.difference_df for f in fits.values()],
            "difference_p": [f.difference_p if np.isfinite(f.difference_p) else None for f in fits.values()],
        },
    )
    parameters = table_of("dose_parameters", f"Parameters of the {best.shape} curves", best)
    curves = curve_table(best)
    shown = [
        Shown("Shape", ("shape",)),
        Shown("AIC", ("aic",), "number", 1),
        Shown("τ²", ("tau2",), "number", 4),
        Shown("Misfit: Q", ("difference_q",), "number"),
        Shown("df", ("difference_df",), "count"),
        Shown("p", ("difference_p",), "p"),
    ]
    numbers = [
        Shown("Parameter", ("name",)),
        Shown("Estimate", ("estimate",), "number", 4),
        Shown("Standard error", ("se",), "number", 4),
        Shown("p", ("p",), "p"),
    ]
    notes = [
        f"Shown: {best.shape}"
        + ("" if len(fits) == 1 else ", which has the smallest AIC of those tried (--dose-shape for another)")
        + f". Against a model in which each dose has an effect of its own: Q = {best.difference_q:.2f}, "
        f"df = {best.difference_df}, {p_text(best.difference_p)} (a small p: the shape doesn’t fit)."
    ]
    notes += [f"Not fitted: {name} ({why})." for name, why in failed.items()]
    return Part(
        "dose_response",
        "doses",
        "Dose–response",
        "Each agent’s effect against dose 0 is a smooth curve of its dose, fitted to the whole network; points are the "
        "network estimates of the doses tried.",
        tuple(notes),
        (shapes, parameters, curves),
        (view_of(shapes, fit.measure, shown), view_of(parameters, fit.measure, numbers)),
        _code(columns, tuple(fits), settings),
        ("from equipoise.synthesis.network import fit_doses",),
        (("dose_response.summary()", best.summary()),),
        best,
    )


def curve_table(response: DoseResponse) -> ResultTable:
    """Each agent's curve against dose 0 from 0 to its largest dose tried."""
    columns: dict[str, list[Cell]] = {}
    for agent in response.agents:
        largest = max((node.dose for node in response.nodes if node.agent == agent), default=float("nan"))
        tried = {node.dose for node in response.nodes if node.agent == agent and node.dose > 0}
        if not np.isfinite(largest):
            continue
        grid = np.array(sorted(tried)) if len(tried) == 1 else np.linspace(0.0, largest, STEPS)
        for name, cells in columns_of(response.curve(agent, grid)).items():
            columns.setdefault(name, []).extend(
                None if isinstance(cell, float) and not np.isfinite(cell) else cell for cell in cells
            )
    if response.network.measure in RATIO_MEASURES:
        for end in ("estimate", "lower", "upper"):
            name = response.network.measure + ("" if end == "estimate" else f"_{end}")
            columns[name] = [float(np.exp(x)) if isinstance(x, float) else None for x in columns.get(end, [])]
    return ResultTable("dose_curves", "Curves against dose 0", columns)


def _code(columns: tuple[str, str, str], shapes: tuple[str, ...], settings: Settings) -> str:
    treatment, agent, dose = columns
    return (
        f"doses = {{row[{treatment!r}]: (row[{agent!r}], float(row[{dose!r}])) for row in rows if row[{treatment!r}] in network.treatments}}\n"
        f"shapes = [\n    fit_doses(network, doses, shape=shape, model={settings.model!r}, method={settings.method!r}, "
        f"level={settings.level!r})\n    for shape in {shapes!r}\n]\n"
        "dose_response = min(shapes, key=lambda curves: curves.aic)"
    )
