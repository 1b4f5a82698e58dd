"""Names beside points, where there is room for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from equipoise.figures import style
from equipoise.figures.text_extent import widest, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LONGEST = 1.6
"""Names wider than this (inches) are broken into lines."""


def name_points(
    ax: Axes, x: NDArray[np.float64], y: NDArray[np.float64], names: Sequence[str], order: Sequence[int], most: int
) -> list[str]:
    """Names beside up to ``most`` points, the first of ``order`` first, each where it covers neither point nor name.

    Axis limits must be final. Returns the names that were written; a point without room stays unnamed.
    """
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    box = ax.get_window_extent()
    inch = figure.dpi
    points = ax.transData.transform(np.column_stack([x, y])) / inch
    low, high = np.array([box.x0, box.y0]) / inch, np.array([box.x1, box.y1]) / inch
    size = style.SIZE - 1.5
    taken = [(px - 0.045, py - 0.045, px + 0.045, py + 0.045) for px, py in points]
    written: list[str] = []
    for i in order:
        if len(written) >= most:
            break
        text = wrap(names[i], LONGEST, size)
        width, height = widest([text], size), (text.count("\n") * 1.2 + 1.0) * size / 72
        for right, up in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            cx = points[i, 0] + right * (width / 2 + 0.075)
            cy = points[i, 1] + up * (height / 2 + 0.075)
            area = (cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2)
            inside = area[0] >= low[0] and area[1] >= low[1] and area[2] <= high[0] and area[3] <= high[1]
            others = [other for j, other in enumerate(taken) if j != i]
            if inside and not any(_overlap(area, other) for other in others):
                taken.append(area)
                ax.annotate(
                    text, (float(x[i]), float(y[i])), ((cx - points[i, 0]) * 72, (cy - points[i, 1]) * 72),
                    textcoords="offset points", ha="center", va="center", color=style.INK, linespacing=1.0,
                    fontproperties=style.font(size), parse_math=False, annotation_clip=False,
                )  # fmt: skip
                written.append(names[i])
                break
    return written


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
