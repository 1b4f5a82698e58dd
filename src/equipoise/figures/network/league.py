"""The league table, coloured by the size and the direction of the effects: as a picture, as HTML and as CSV."""

from __future__ import annotations

import csv
import io
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from equipoise.figures.network import scale, style
from equipoise.frames import FloatArray
from equipoise.synthesis.network.league import League

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INTERVALS = 24
"""Pictures of so many treatments show intervals; larger ones estimates only."""

_BETTER = (33, 102, 172)
_WORSE = (179, 88, 6)
_STRONGEST = 0.62


def strengths(league: League) -> FloatArray:
    """How strongly each cell is coloured, −1 to 1: the estimate over the largest of its triangle's measure.

    Positive where the row's value is larger than the column's. The largest is the 95 % quantile, so that one extreme
    treatment doesn't make all others pale. Cells without an estimate, and the diagonal, are NaN.
    """
    n = len(league.treatments)
    found = np.full((n, n), np.nan)
    same = league.measure == league.upper_measure
    lower, upper = np.tril(np.ones((n, n), dtype=bool), -1), np.triu(np.ones((n, n), dtype=bool), 1)
    for triangle in (lower | upper,) if same and "second" not in league.upper_triangle else (lower, upper):
        sizes = np.abs(league.estimates[triangle & np.isfinite(league.estimates)])
        if sizes.size:
            largest = max(float(np.quantile(sizes, 0.95)), 1e-12)
            found[triangle] = np.clip(league.estimates[triangle] / largest, -1.0, 1.0)
    return found


def colours(league: League, smaller_is_better: bool | tuple[bool, bool] = True) -> list[list[str]]:
    """The colour of every cell as "#rrggbb": blue where the row is better than the column, orange where worse.

    ``smaller_is_better``: of the lower and the upper triangle, where they show different outcomes.
    """
    both = smaller_is_better if isinstance(smaller_is_better, tuple) else (smaller_is_better, smaller_is_better)
    values = strengths(league)
    n = len(league.treatments)
    table = []
    for i in range(n):
        row = []
        for j in range(n):
            if i == j:
                row.append("#ffffff")
                continue
            gain = values[i, j] * (-1.0 if both[0 if i > j else 1] else 1.0)
            row.append("#f4f3ef" if np.isnan(gain) else _mixed(gain))
        table.append(row)
    return table


def _mixed(gain: float) -> str:
    target = _BETTER if gain > 0 else _WORSE
    share = _STRONGEST * abs(gain)
    return "#" + "".join(f"{round(255 + share * (part - 255)):02x}" for part in target)


def excludes_no_effect(league: League) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Which cells' intervals leave out no effect; shape (treatments, treatments)."""
    with np.errstate(invalid="ignore"):
        return np.asarray((league.lower > 0.0) | (league.upper < 0.0)) & ~np.eye(len(league.treatments), dtype=bool)


def cell_text(league: League, row: int, column: int, digits: int = 2) -> tuple[str, str]:
    """The estimate and its interval; both empty without an estimate."""
    measure = league.measure if row > column else league.upper_measure
    text = scale.estimate_text(
        measure,
        float(league.estimates[row, column]),
        float(league.lower[row, column]),
        float(league.upper[row, column]),
        digits,
    )
    estimate, _, interval = text.partition(" ")
    return estimate, interval.strip("()")


def league_picture(
    league: League,
    ax: Axes | None = None,
    *,
    smaller_is_better: bool | tuple[bool, bool] = True,
    digits: int = 2,
    names: tuple[str, str] = ("the first outcome", "the second"),
) -> Axes:
    """The league table as a picture, row against column.

    Blue: the row is better than the column, orange: worse, the stronger the larger the effect; bold: the interval
    leaves out no effect. With more than 24 treatments the cells hold estimates only (their intervals are in the HTML
    and CSV tables), and the columns' names stand above them.

    Raises ``MissingExtra`` without matplotlib.
    """
    treatments = league.treatments
    n = len(treatments)
    fills = colours(league, smaller_is_better)
    sure = excludes_no_effect(league)
    whole = n <= INTERVALS
    with style.drawing():
        from matplotlib.collections import PatchCollection
        from matplotlib.patches import Rectangle

        texts = [[cell_text(league, i, j, digits) if i != j else ("", "") for j in range(n)] for i in range(n)]
        font = 7.0 if n <= 12 else 6.0
        flat = [t for line in texts for t in line]
        shown = [interval for _, interval in flat] if whole else [estimate for estimate, _ in flat]
        cell = max(style.widest(shown, font, "normal" if whole else "bold") + 7.0, 22.0)
        row = 25.0 if whole else 13.0
        names_left = style.widest(treatments, style.SIZE - 1.0) + 8.0
        names_top = names_left if not whole or names_left > cell else 14.0
        foot = 34.0
        note = caption(league, names)
        whole_width = names_left + max(n * cell, style.width_of(note, 6.5)) + 4.0
        ax = style.place(ax, whole_width, names_top + n * row + foot)
        width, height = style.canvas(ax)
        shrink = min(1.0, width / whole_width, height / (names_top + n * row + foot))
        x0, y0 = names_left * shrink, height - names_top * shrink
        w, h = cell * shrink, row * shrink
        upright = names_top > 14.0
        cells = []
        for i, name in enumerate(treatments):
            ax.text(x0 - 4, y0 - (i + 0.5) * h, name, ha="right", va="center", fontsize=(style.SIZE - 1.0) * shrink)
            ax.text(
                x0 + (i + 0.5) * w, y0 + 4, name, ha="center", va="bottom", rotation=90 if upright else 0,
                fontsize=(style.SIZE - 1.0) * shrink,
            )  # fmt: skip
            for j in range(n):
                corner = (x0 + j * w, y0 - (i + 1) * h)
                cells.append(Rectangle(corner, w, h, facecolor=style.FAINT if i == j else fills[i][j]))
                estimate, interval = texts[i][j]
                weight = "bold" if sure[i, j] else "normal"
                middle = corner[0] + 0.5 * w
                if whole and estimate:
                    ax.text(
                        middle,
                        corner[1] + 0.68 * h,
                        estimate,
                        ha="center",
                        va="center",
                        fontsize=(font + 1.0) * shrink,
                        fontweight=weight,
                    )
                    ax.text(middle, corner[1] + 0.27 * h, interval, ha="center", va="center", fontsize=font * shrink)
                elif estimate:
                    ax.text(
                        middle,
                        corner[1] + 0.48 * h,
                        estimate,
                        ha="center",
                        va="center",
                        fontsize=font * shrink,
                        fontweight=weight,
                    )
        ax.add_collection(PatchCollection(cells, match_original=True, edgecolor="white", linewidth=0.8), autolim=False)
        ax.text(x0, y0 - n * h - 8.0 * shrink, note, va="top", fontsize=6.5 * shrink, color=style.SOFT, linespacing=1.3)
    return ax


def caption(league: League, names: tuple[str, str] = ("the first outcome", "the second")) -> str:
    """What the cells show, in two lines; ``names``: of the outcomes, where there are two."""
    interval = f"{100 * league.level:g}% {scale.interval_words(league)[1]}"
    if "second" in league.upper_triangle:
        first = f"Lower triangle: {names[0]} ({league.measure}); upper triangle: {names[1]} ({league.upper_measure})"
    elif league.upper_triangle == "direct":
        first = f"{league.measure} with {interval}; lower triangle: network, upper triangle: direct estimates"
    elif league.upper_triangle == "prediction":
        first = f"{league.measure} with {interval}; upper triangle: effects in a new study"
    else:
        kind = "network estimates" if league.interval_name == "confidence" else "posterior medians"
        first = f"{league.measure} with {interval}, {kind}"
    return (
        first
        + "; row against column.\nBlue: row better than column; orange: worse. Bold: the interval leaves out no effect."
    )


def league_html(
    league: League,
    *,
    smaller_is_better: bool | tuple[bool, bool] = True,
    digits: int = 2,
    names: tuple[str, str] = ("the first outcome", "the second"),
) -> str:
    """The league table as an HTML table whose styles are in the cells, so that word processors keep them."""
    fills = colours(league, smaller_is_better)
    sure = excludes_no_effect(league)
    side = "border:1px solid #c9c6be;padding:4px 6px;text-align:center;vertical-align:middle;"
    head = f"{side}font-weight:600;background-color:#eceae4;"
    text = "font-family:Arial,Helvetica,sans-serif;font-size:9pt;border-collapse:collapse;color:#1a1d21;"
    lines = [
        f'<table style="{text}">',
        f'<caption style="text-align:left;caption-side:bottom;padding-top:6px;">{escape(caption(league, names))}</caption>',
    ]
    lines.append(f'<thead><tr><td style="{head}"></td>')
    lines += [f'<th scope="col" style="{head}">{escape(name)}</th>' for name in league.treatments]
    lines.append("</tr></thead><tbody>")
    for i, name in enumerate(league.treatments):
        cells = [f'<th scope="row" style="{head}text-align:left;white-space:nowrap;">{escape(name)}</th>']
        for j in range(len(league.treatments)):
            if i == j:
                cells.append(f'<td style="{side}background-color:#eceae4;"></td>')
                continue
            estimate, interval = cell_text(league, i, j, digits)
            weight = "font-weight:700;" if sure[i, j] else ""
            body = f'<span style="{weight}">{estimate}</span><br>{interval}' if estimate else "–"
            cells.append(f'<td style="{side}white-space:nowrap;background-color:{fills[i][j]};">{body}</td>')
        lines.append("<tr>" + "".join(cells) + "</tr>")
    lines.append("</tbody></table>")
    return "\n".join(lines)


def league_csv(league: League, digits: int = 2) -> str:
    """The league table as CSV: a heading row, then one row a treatment; "0.52 (0.31 to 0.85)" in the cells."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["", *league.treatments])
    for i, name in enumerate(league.treatments):
        cells = []
        for j in range(len(league.treatments)):
            estimate, interval = cell_text(league, i, j, digits) if i != j else ("", "")
            cells.append(f"{estimate} ({interval})".replace("−", "-") if estimate else "")
        writer.writerow([name, *cells])
    return out.getvalue()
