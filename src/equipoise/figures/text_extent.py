"""How wide a text is in print, and where to break it; in inches, whatever the resolution."""

from __future__ import annotations

from functools import lru_cache

from equipoise.figures.style import font

_ROUNDING = 1.05
"""On screens, letters are rounded to whole pixels, which makes lines wider than they are in print."""
LINE_SPACING = 1.25
"""Baseline to baseline within a wrapped text, as a multiple of the type size."""


@lru_cache(maxsize=8192)
def width(text: str, size: float, weight: str = "normal") -> float:
    """The width of one line, with room for the rounding of letters to pixels."""
    from matplotlib.textpath import text_to_path

    if not text:
        return 0.0
    across, _, _ = text_to_path.get_text_width_height_descent(text, font(size, weight), ismath=False)
    return _ROUNDING * float(across) / 72.0


def widest(texts: list[str], size: float, weight: str = "normal") -> float:
    """The width of the widest line of all texts."""
    return max((width(line, size, weight) for text in texts for line in text.split("\n")), default=0.0)


def wrap(text: str, limit: float, size: float, weight: str = "normal") -> str:
    """The text broken at spaces, and inside words that are too long, into lines no wider than ``limit`` inches.

    A no-break space (U+00A0) holds words together.
    """
    lines = [""]
    for word in filter(None, text.replace("\n", " ").split(" ")):
        joined = f"{lines[-1]} {word}".strip()
        if width(joined, size, weight) <= limit:
            lines[-1] = joined
            continue
        if lines[-1]:
            lines.append("")
        while width(word, size, weight) > limit and len(word) > 1:
            fits = next(n for n in range(len(word) - 1, 0, -1) if n == 1 or width(word[:n], size, weight) <= limit)
            lines[-1] = word[:fits]
            lines.append("")
            word = word[fits:]
        lines[-1] = word
    return "\n".join(lines)
