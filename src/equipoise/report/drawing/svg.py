"""SVG elements as text, escaped; and an estimate of how wide a text will be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

_NARROW = frozenset("iIjl.,;:'’‘|! f·")
_WIDE = frozenset("mwMWQGO@%&—⊕≥≤½−←→")
BOLD = 1.12
"""How much wider bold text is."""


def element(name: str, *children: str, **attributes: str | float | None) -> str:
    """``<name attributes>children</name>``; children are markup, attribute values are escaped.

    ``class_`` becomes ``class``, other underscores become hyphens; an attribute that is None is left out.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}>{''.join(children)}</{name}>" if children else f"<{name}{written}/>"


def text(content: str, x: float, y: float, **attributes: str | float | None) -> str:
    """A line of text with its baseline at y."""
    return element("text", escape(content), x=x, y=y, **attributes)


def lines(contents: Sequence[str], x: float, y: float, height: float, **attributes: str | float | None) -> str:
    """Lines of text, the first baseline at y, each `height` below the last."""
    return "".join(text(content, x, y + index * height, **attributes) for index, content in enumerate(contents))


def drawing(
    name: str,
    title: str,
    description: str,
    width: float,
    height: float,
    *children: str,
    **attributes: str | float | None,
) -> str:
    """The root element, with the title and description that stand for the picture; `name` makes their ids unique.

    The role is `group`, not `img`: the links inside must stay reachable.
    """
    return element(
        "svg",
        element("title", escape(title), id=f"{name}-title"),
        element("desc", escape(description), id=f"{name}-desc"),
        *children,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_value(width)} {_value(height)}",
        role="group",
        aria_labelledby=f"{name}-title {name}-desc",
        **attributes,
    )


def text_width(content: str, size: float, *, bold: bool = False) -> float:
    """About how wide a text is in a sans-serif font of `size`, erring on the wide side."""
    ems = 0.0
    for character in content:
        if character in _NARROW:
            ems += 0.36
        elif character in _WIDE:
            ems += 0.92
        elif ord(character) > 0x2E80:
            ems += 1.05
        elif character.isupper():
            ems += 0.72
        else:
            ems += 0.62
    return ems * size * (BOLD if bold else 1.0)


def wrap(content: str, width: float, size: float, most: int = 3) -> list[str]:
    """The text in lines no wider than `width`; what doesn't fit in `most` lines ends in an ellipsis.

    A word that is too long by itself is broken, at its own hyphens if it has any.
    """
    done: list[str] = []
    line = ""
    for word in content.split():
        for index, piece in enumerate(_pieces(word, width, size)):
            longer = f"{line} {piece}".strip()
            if line and (index or text_width(longer, size) > width):
                done.append(line)
                line = piece
            else:
                line = longer
    done.append(line)
    if len(done) <= most:
        return done
    last = done[most - 1]
    while last and text_width(last + "…", size) > width:
        last = last[:-1]
    return [*done[: most - 1], last.rstrip(" ,;–-") + "…"]


def _pieces(word: str, width: float, size: float) -> list[str]:
    if text_width(word, size) <= width:
        return [word]
    pieces, piece = [], ""
    for part in re.findall(r"[^-/]*[-/]+|[^-/]+", word):
        if piece and text_width(piece + part, size) > width:
            pieces.append(piece)
            piece = ""
        for character in part:
            if piece and text_width(piece + character + "-", size) > width:
                pieces.append(piece + "-" if piece[-1].isalpha() else piece)
                piece = ""
            piece += character
    return [*pieces, piece]


def _value(value: str | float) -> str:
    if isinstance(value, str):
        return escape(value, quote=True)
    return f"{value:.2f}".rstrip("0").rstrip(".")
