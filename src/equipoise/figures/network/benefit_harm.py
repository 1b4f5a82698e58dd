"""The benefit–harm plane: two outcomes against the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from equipoise.figures.network import scale, style
from equipoise.figures.network.labels import place_labels
from equipoise.frames import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from equipoise.synthesis.network.hierarchy import BenefitHarm

CROSSES = 20
"""With more treatments the intervals are drawn faintly."""


def benefit_harm_plane(
    result: BenefitHarm,
    ax: Axes | None = None,
    *,
    smaller_is_better: tuple[bool, bool] = (True, True),
    names: tuple[str, str] = ("Benefit", "Harm"),
) -> Axes:
    """Each treatment's effect on the benefit (across) and on the harm (up), with confidence intervals.

    Better is right and up, whichever way the outcomes count (``smaller_is_better`` of benefit and harm). Filled points:
    treatments that no other equals or beats in both. ``names``: of the outcomes, for the axes.

    Raises ``MissingExtra`` without matplotlib.
    """
    with style.drawing():
        many = len(result.treatments) > CROSSES
        ax = style.place(ax, *((620.0, 560.0) if many else (430.0, 400.0)))
        style.inset(ax, 52.0, 14.0, 48.0, 12.0)
        for which, values, measure, smaller, name in (
            ("x", result.benefit, result.benefit_measure, smaller_is_better[0], names[0]),
            ("y", result.harm, result.harm_measure, smaller_is_better[1], names[1]),
        ):
            low, high = scale.limits(values[:, 0], values[:, 1], values[:, 2])
            if many:
                low, high = _closer(values[:, 0], low, high)
            scale.effect_axis(ax, measure, low, high, which)  # type: ignore[arg-type]
            text = f"{name}: {scale.name_of(measure)[0].lower()}{scale.name_of(measure)[1:]} against {result.reference}, better →"
            if which == "x":
                ax.axvline(0.0, color=style.RULE, lw=0.8, zorder=0)
                ax.set_xlabel(text)
                if smaller:
                    ax.invert_xaxis()
            else:
                ax.axhline(0.0, color=style.RULE, lw=0.8, zorder=0)
                ax.set_ylabel(text)
                if smaller:
                    ax.invert_yaxis()
        for side in ("right", "top"):
            ax.spines[side].set_visible(False)
        faint = 0.35 if len(result.treatments) <= CROSSES else 0.16
        for benefit, harm in zip(result.benefit, result.harm, strict=True):
            ax.plot(benefit[1:], [harm[0]] * 2, color=style.SOFT, lw=0.8, alpha=faint, zorder=1)
            ax.plot([benefit[0]] * 2, harm[1:], color=style.SOFT, lw=0.8, alpha=faint, zorder=1)
        front = np.array([t in result.front for t in result.treatments])
        for chosen, fill in ((~front, "white"), (front, style.ACCENT)):
            ax.plot(
                result.benefit[chosen, 0], result.harm[chosen, 0], "o", ms=5.0, mfc=fill, mec=style.ACCENT, mew=1.0, ls="",
                zorder=3,
            )  # fmt: skip
        _label(ax, result)
    return ax


def _closer(estimates: FloatArray, low: float, high: float) -> tuple[float, float]:
    """With many treatments the points fill the plane; their intervals may go on beyond it."""
    points = np.append(estimates, 0.0)
    margin = 0.18 * float(np.ptp(points))
    return max(low, float(points.min()) - margin), min(high, float(points.max()) + margin)


def _label(ax: Axes, result: BenefitHarm) -> None:
    size = style.SIZE - (0.5 if len(result.treatments) <= CROSSES else 1.5)
    width, height = style.size_of(ax)
    (x0, x1), (y0, y1) = ax.get_xlim(), ax.get_ylim()
    points = np.stack(
        [(result.benefit[:, 0] - x0) / (x1 - x0) * width, (result.harm[:, 0] - y0) / (y1 - y0) * height], axis=1
    )
    boxes = place_labels(points, [style.width_of(t, size) for t in result.treatments], 1.15 * size, (width, height))
    for name, box, (px, py) in zip(result.treatments, boxes, points.tolist(), strict=True):
        x, y = box.middle
        if box.led:
            near = (min(max(px, box.x), box.x + box.width), min(max(py, box.y), box.y + box.height))
            ax.annotate(
                "", (px / width, py / height), (near[0] / width, near[1] / height), xycoords="axes fraction",
                textcoords="axes fraction", arrowprops={"arrowstyle": "-", "color": style.SOFT, "lw": 0.5, "shrinkA": 0, "shrinkB": 2},
                zorder=2,
            )  # fmt: skip
        ax.text(
            x / width,
            y / height,
            name,
            transform=ax.transAxes,
            ha="center",
            va="center",
            fontsize=size,
            gid=f"label-{len(ax.texts)}",
            zorder=4,
        )
