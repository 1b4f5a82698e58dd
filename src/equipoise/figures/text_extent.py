"""How wide a text is in print, and where to break it; in inches, whatever the resolution."""

from __future__ import annotations

from functools import lru_cache

from equipoise.figures.style import SIZE, font

ROUNDING = 1.05
"""On screens, letters are rounded to whole pixels, which makes lines wider than they are in print."""
LINE_SPACING = 1.25
"""Baseline to baseline within a wrapped text, as a multiple of the type size."""


def width(text: str, size: float, weight: str = "normal") -> float:
    """The width of one line, with room for the rounding of letters to pixels."""
    return ROUNDING * points(text, size, weight) / 72.0


@lru_cache(maxsize=8192)
def points(text: str, size: float, weight: str = "normal") -> float:
    """The width of one line in points, as its letters' advances: kerning left out, which makes lines narrower."""
    return size * sum(_advance(letter, weight) for letter in text)


@lru_cache(maxsize=4096)
def _advance(letter: str, weight: str) -> float:
    """How far a letter moves on, in type sizes; 1 for a letter that no font has."""
    from matplotlib.font_manager import fontManager, get_font

    face = get_font(fontManager._find_fonts_by_props(font(SIZE, weight)))
    if not face.get_char_index(ord(letter)):
        return 1.0
    face.set_size(100.0, 72.0)
    return float(face.load_char(ord(letter)).linearHoriAdvance) / 65536.0 / 100.0


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
