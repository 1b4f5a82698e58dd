"""The forest plot of a network: every treatment against the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from equipoise.errors import DataError
from equipoise.figures.network import scale, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from equipoise.frames import FloatArray
    from equipoise.synthesis.network.blocks import IntArray
    from equipoise.synthesis.network.prediction import Predictions

ROW = 14.0
"""Height of a row in points."""


class NetworkEffects(Protocol):
    """What is drawn: a ``NetworkFit`` or the posterior of a network."""

    @property
    def treatments(self) -> tuple[str, ...]: ...
    @property
    def subnetworks(self) -> tuple[tuple[str, ...], ...]: ...
    @property
    def measure(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def level(self) -> float: ...
    @property
    def estimates(self) -> FloatArray: ...
    @property
    def standard_errors(self) -> FloatArray: ...
    @property
    def lower(self) -> FloatArray: ...
    @property
    def upper(self) -> FloatArray: ...
    def references(self, reference: str | None = None) -> tuple[str, ...]: ...
    def pair_counts(self) -> IntArray: ...
    def predict(self) -> Predictions: ...


@dataclass(frozen=True, slots=True)
class Row:
    """One treatment against its reference on the analysis scale, or the title of a subnetwork (``studies`` None)."""

    label: str
    studies: int | None = None
    estimate: float = float("nan")
    lower: float = float("nan")
    upper: float = float("nan")
    prediction_lower: float = float("nan")
    prediction_upper: float = float("nan")


def rows_of(
    fit: NetworkEffects, reference: str | None = None, order: Sequence[str] | None = None, prediction: bool = True
) -> list[Row]:
    """The rows from top to bottom: by estimate, the smallest first, unless ``order`` says otherwise.

    A treatment that no study compares with the reference directly has ``studies`` 0.
    """
    if order is not None and not set(fit.treatments) >= set(order):
        raise DataError(f"unknown treatment {', '.join(sorted(set(order) - set(fit.treatments)))} in the order")
    predicted = fit.predict() if prediction and fit.model == "random" else None
    counts = fit.pair_counts()
    # As in the tables of posteriors: a mean needn't exist, nor is it the mean of the ratio.
    estimates = getattr(fit, "medians", fit.estimates)
    rows: list[Row] = []
    for number, (part, base) in enumerate(zip(fit.subnetworks, fit.references(reference), strict=True), start=1):
        column = fit.treatments.index(base)
        if len(fit.subnetworks) > 1:
            rows.append(Row(f"Subnetwork {number}, against {base}"))
        others = [fit.treatments.index(t) for t in part if t != base]
        if order is None:
            others.sort(key=lambda i: float(estimates[i, column]))
        else:
            listed = {t: k for k, t in enumerate(order)}
            others = sorted((i for i in others if fit.treatments[i] in listed), key=lambda i: listed[fit.treatments[i]])
        for i in others:
            rows.append(
                Row(
                    fit.treatments[i],
                    int(counts[i, column]),
                    float(estimates[i, column]),
                    float(fit.lower[i, column]),
                    float(fit.upper[i, column]),
                    float("nan") if predicted is None else float(predicted.lower[i, column]),
                    float("nan") if predicted is None else float(predicted.upper[i, column]),
                )
            )
    return rows


def network_forest(
    fit: NetworkEffects,
    ax: Axes | None = None,
    *,
    reference: str | None = None,
    order: Sequence[str] | None = None,
    prediction: bool = True,
    smaller_is_better: bool | None = None,
) -> Axes:
    """Every treatment against the reference (default: the fit's), each subnetwork against its own.

    Points with confidence (of a posterior: credible) intervals; the thin line reaches as far as the prediction interval (random effects only).
    An arrow marks an interval that goes on beyond the axis. Rows are sorted by estimate unless ``order`` lists
    treatments. ``smaller_is_better`` adds which side favours which.

    Raises ``DataError`` for unknown treatments, ``MissingExtra`` without matplotlib.
    """
    rows = rows_of(fit, reference, order, prediction)
    bases = fit.references(reference)
    digits = scale.digits_for(fit.standard_errors)
    with style.drawing():
        texts = [scale.estimate_text(fit.measure, r.estimate, r.lower, r.upper, digits) for r in rows]
        short, long = scale.interval_words(fit)
        heading = f"{fit.measure} ({100 * fit.level:g}% {short})"
        predicted = any(np.isfinite(r.prediction_lower) for r in rows)
        left = max(style.widest([r.label for r in rows]), style.width_of("Treatment", weight="bold")) + 14.0
        direct = style.width_of("Direct studies", weight="bold") + 6.0
        right = max(style.widest(texts), style.width_of(heading, weight="bold")) + 16.0
        height = ROW * len(rows) + 26.0 + (52.0 if smaller_is_better is not None else 40.0)
        ax = style.place(ax, left + direct + 250.0 + right, height)
        style.inset(ax, left + direct, right, 52.0 if smaller_is_better is not None else 40.0, 26.0)
        bounds = [
            np.array([getattr(r, f) for r in rows if r.studies is not None], dtype=float)
            for f in ("estimate", "lower", "upper", "prediction_lower", "prediction_upper")
        ]
        low, high = scale.limits(bounds[0], np.fmin(bounds[1], bounds[3]), np.fmax(bounds[2], bounds[4]))
        y = -np.arange(len(rows), dtype=float)
        ax.set_ylim(-len(rows) + 0.4, 0.6)
        scale.effect_axis(ax, fit.measure, low, high)
        frame(ax)
        named = f"{scale.name_of(fit.measure)} against {bases[0]}" if len(bases) == 1 else scale.name_of(fit.measure)
        ax.set_xlabel(named, labelpad=15.0 if smaller_is_better is not None else 4.0)
        for at, row, text in zip(y.tolist(), rows, texts, strict=True):
            if row.studies is None:
                beside(ax, row.label, at, -(left + direct), weight="bold")
                continue
            if np.isfinite(row.prediction_lower):
                whisker(ax, at, row.prediction_lower, row.prediction_upper, low, high, 0.7, style.SOFT)
            whisker(ax, at, row.lower, row.upper, low, high, 2.4, style.ACCENT)
            ax.plot([row.estimate], [at], "s", ms=5.0, color=style.ACCENT, mec="white", mew=0.7, zorder=4)
            beside(ax, row.label, at, -(left + direct))
            beside(
                ax, str(row.studies) if row.studies else "–", at, -8.0 - 0.5 * direct, ha="center", colour=style.SOFT
            )
            beside(ax, text, at, right, ha="right", edge="right")
        for text, offset, ha, edge in (
            ("Treatment", -(left + direct), "left", "left"),
            ("Direct studies", -8.0 - 0.5 * direct, "center", "left"),
            (heading, right, "right", "right"),
        ):
            beside(ax, text, 1.0, offset, ha=ha, edge=edge, weight="bold")
        if smaller_is_better is not None:
            favours(ax, "treatment", bases[0] if len(bases) == 1 else "reference", smaller_is_better)
        if predicted:
            ax.annotate(
                f"Thick: {long}; thin: prediction interval", (1.0, 0.0), (right, -46.0 if smaller_is_better is not None else -32.0), xycoords="axes fraction",
                textcoords="offset points", ha="right", va="top", fontsize=6.5, color=style.SOFT, annotation_clip=False,
            )  # fmt: skip
    return ax


def frame(ax: Axes) -> None:
    """The axis below, a line at no effect, and nothing else."""
    for side in ("left", "right", "top"):
        ax.spines[side].set_visible(False)
    ax.set_yticks([])
    low, high = ax.get_xlim()
    if low <= 0.0 <= high:
        ax.axvline(0.0, color=style.SOFT, lw=0.8, zorder=1)


def whisker(ax: Axes, y: float, lower: float, upper: float, low: float, high: float, width: float, colour: str) -> None:
    """An interval, with an arrow head where it goes on beyond the axis."""
    if not (np.isfinite(lower) and np.isfinite(upper)):
        return
    ax.plot([max(lower, low), min(upper, high)], [y, y], color=colour, lw=width, zorder=2, solid_capstyle="butt")
    for beyond, x, marker in ((lower < low, low, "<"), (upper > high, high, ">")):
        if beyond:
            ax.plot([x], [y], marker, ms=3.5 + 0.6 * width, color=colour, clip_on=False, zorder=3, mew=0)


def beside(
    ax: Axes,
    text: str,
    y: float,
    offset: float,
    ha: str = "left",
    edge: str = "left",
    weight: str = "normal",
    colour: str = style.INK,
    size: float = style.SIZE,
) -> None:
    """Text at height ``y`` (data), ``offset`` points from the left or right edge of the Axes."""
    ax.annotate(
        text,
        (0.0 if edge == "left" else 1.0, y),
        (offset, 0.0),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha=ha,
        va="center",
        fontsize=size,
        fontweight=weight,
        color=colour,
        annotation_clip=False,
        gid=f"cell-{len(ax.texts)}",
    )


def favours(ax: Axes, treatment: str, reference: str, smaller_is_better: bool) -> None:
    """Below the axis: which side is better for whom."""
    low, high = ax.get_xlim()
    middle = (0.0 - low) / (high - low) if low < 0.0 < high else 0.5
    sides = (f"← Favours {treatment}", f"Favours {reference} →")
    if not smaller_is_better:
        sides = (f"← Favours {reference}", f"Favours {treatment} →")
    for text, shift, ha in ((sides[0], -6.0, "right"), (sides[1], 6.0, "left")):
        ax.annotate(
            text,
            (middle, 0.0),
            (shift, -16.0),
            xycoords="axes fraction",
            textcoords="offset points",
            ha=ha,
            va="top",
            fontsize=style.SIZE - 1.0,
            color=style.SOFT,
            annotation_clip=False,
        )
