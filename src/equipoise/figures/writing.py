"""Figures into files: vectors with their type as text, and pixels for slides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from equipoise.errors import OutputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = ("svg", "pdf", "png")
SETTINGS: dict[Any, Any] = {"svg.fonttype": "none", "pdf.fonttype": 42, "svg.hashsalt": "equipoise"}
"""Type stays text: searchable, and editable in a drawing program."""
METADATA = {
    "svg": {"Date": None, "Creator": "Equipoise"},
    "pdf": {"CreationDate": None, "Creator": "Equipoise"},
    "png": {},
}
"""No dates, so that the same figure gives the same file."""
_MOST_PIXELS = 30_000


def write(ax: Axes, stem: str | Path, formats: Sequence[str] = FORMATS, dpi: int = 300) -> list[Path]:
    """Write the figure of ``ax`` as STEM.svg, STEM.pdf and STEM.png (``dpi`` is the PNG's); returns the paths.

    Raises ``OutputError`` for an unknown format and for places that can't be written to.
    """
    import matplotlib

    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise OutputError(f"unknown format {', '.join(map(repr, unknown))}; choose from {', '.join(FORMATS)}")
    figure = ax.get_figure(root=True)
    assert figure is not None
    density = min(dpi, int(_MOST_PIXELS / max(figure.get_size_inches())))
    paths = []
    with matplotlib.rc_context(SETTINGS):
        for name in formats:
            path = Path(f"{stem}.{name}")
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                figure.savefig(path, format=name, dpi=density, metadata=METADATA[name], facecolor="white")
            except OSError as error:
                raise OutputError(f"can't write {path} ({error.strerror}); name another folder") from None
            paths.append(path)
    return paths
