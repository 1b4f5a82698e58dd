"""How the network figures look, and where their parts go: sizes in points (1/72 inch), as on the printed page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from equipoise.errors import MissingExtra
from equipoise.figures.style import families
from equipoise.figures.text_extent import ROUNDING, points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#1a1d21"
SOFT = "#50575e"
RULE = "#c9c6be"
FAINT = "#eceae4"
ACCENT = "#0f4c81"
WARM = "#b35806"
COOL = "#2166ac"
BIAS = {"low": "#3b7db4", "some concerns": "#e3b23c", "high": "#a32a2a"}
"""Risk of bias: apart in hue and in lightness, so also in grey and to colour-blind readers."""
CATEGORIES = ("#0f4c81", "#d55e00", "#009e73", "#cc79a7", "#e0a100", "#56b4e9", "#6b4c9a", "#50575e")
"""Colours of categories (after Okabe & Ito 2008, Color Universal Design)."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<")

SIZE = 8.0
"""Font size of ordinary text."""
MARGIN = 6.0
"""White around a figure of its own, in points."""


@contextmanager
def drawing() -> Iterator[None]:
    """Inside it, texts and lines have the style of the figures; treatment names are never read as formulas.

    Raises ``MissingExtra`` without matplotlib.
    """
    try:
        import matplotlib as mpl
    except ImportError:
        raise MissingExtra("matplotlib", "figures", "a figure") from None
    with mpl.rc_context(
        {
            "font.family": families(),
            "font.size": SIZE,
            "text.color": INK,
            "text.parse_math": False,
            "axes.edgecolor": SOFT,
            "axes.labelcolor": INK,
            "axes.labelsize": SIZE,
            "axes.linewidth": 0.7,
            "axes.unicode_minus": True,
            "xtick.color": SOFT,
            "ytick.color": SOFT,
            "xtick.labelcolor": INK,
            "ytick.labelcolor": INK,
            "xtick.labelsize": SIZE,
            "ytick.labelsize": SIZE,
            "xtick.major.width": 0.7,
            "ytick.major.width": 0.7,
            "xtick.major.size": 3.0,
            "ytick.major.size": 3.0,
            "lines.solid_capstyle": "butt",
            "patch.linewidth": 0.0,
            "figure.facecolor": "white",
            "svg.fonttype": "none",
            "pdf.fonttype": 42,
        }
    ):
        yield


def place(ax: Axes | None, width: float, height: float) -> Axes:
    """The Axes given, or one of this size in points that fills a new figure but for its margin."""
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    across, up = width + 2.0 * MARGIN, height + 2.0 * MARGIN
    figure = plt.figure(figsize=(across / 72.0, up / 72.0))
    return figure.add_axes((MARGIN / across, MARGIN / up, width / across, height / up))


def size_of(ax: Axes) -> tuple[float, float]:
    """Width and height of the Axes in points."""
    box = ax.get_position()
    width, height = ax.figure.get_figwidth(), ax.figure.get_figheight()  # type: ignore[union-attr]
    return 72.0 * box.width * width, 72.0 * box.height * height


def inset(ax: Axes, left: float = 0.0, right: float = 0.0, bottom: float = 0.0, top: float = 0.0) -> None:
    """Keep margins in points free inside the Axes' place, for the texts beside what is plotted."""
    box = ax.get_position()
    width, height = size_of(ax)
    x, y = box.width / width, box.height / height
    inner = (width - left - right, height - bottom - top)
    ax.set_position(
        (box.x0 + left * x, box.y0 + bottom * y, max(inner[0], 0.2 * width) * x, max(inner[1], 0.2 * height) * y)
    )


def canvas(ax: Axes) -> tuple[float, float]:
    """Make the Axes a blank sheet whose data units are points; returns its width and height."""
    width, height = size_of(ax)
    ax.set_axis_off()
    ax.set_xlim(0.0, width)
    ax.set_ylim(0.0, height)
    return width, height


def width_of(text: str, size: float = SIZE, weight: str = "normal") -> float:
    """The width of one or more lines of text in points, with room for the rounding of letters to pixels."""
    return ROUNDING * max(points(line, size, weight) for line in text.split("\n"))


def widest(texts: Sequence[str], size: float = SIZE, weight: str = "normal") -> float:
    """The width of the widest text in points, 0 without any."""
    return max((width_of(text, size, weight) for text in texts), default=0.0)


def save(ax: Axes, path: Path, dpi: int = 300) -> None:
    """Write the figure that the Axes are in; the ending of ``path`` says as what. Text stays text in SVG and PDF."""
    from matplotlib.figure import Figure

    figure = ax.get_figure(root=True)
    assert isinstance(figure, Figure)
    undated: dict[str, dict[str, None]] = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    with drawing():
        import matplotlib as mpl

        with mpl.rc_context({"svg.hashsalt": path.stem}):
            figure.savefig(path, dpi=dpi, metadata=undated.get(path.suffix))
    if path.suffix == ".svg":
        # Readers without the font that was at hand get one of the same widths.
        named = "font-family: " + ", ".join(f"'{name}'" for name in families())
        everywhere = "font-family: Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
        path.write_text(path.read_text(encoding="utf-8").replace(named, everywhere), encoding="utf-8")
