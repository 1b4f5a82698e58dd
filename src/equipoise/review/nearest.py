"""The known word nearest to a mistyped one."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

LIKENESS = 70.0
"""Indel similarity (0 to 100) from which a known word is worth suggesting."""


def nearest(word: str, known: Iterable[str], likeness: float = LIKENESS) -> str | None:
    """The known word most like ``word``, letter case and look-alike characters aside; None when none is near."""
    from rapidfuzz import fuzz, process, utils

    choices = sorted(set(known) - {"", word})
    found = process.extractOne(
        word,
        choices,
        scorer=fuzz.ratio,
        processor=lambda text: utils.default_process(plain(text)),
        score_cutoff=likeness,
    )
    return found[0] if found else None


def plain(text: str) -> str:
    """The text with look-alike characters, letter case and runs of spaces evened out."""
    shown = "".join(char for char in unicodedata.normalize("NFKC", text) if unicodedata.category(char) != "Cf")
    return " ".join(shown.casefold().split())


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """The mend for an unknown word: the nearest known one, or ``otherwise``."""
    match = nearest(word, known)
    if match is None:
        return otherwise
    if plain(match) == plain(word) and match.casefold() != word.casefold():
        odd = next((char for char in word if not char.isascii()), " ")
        return f"write {match!r}: it looks the same but holds other characters (U+{ord(odd):04X})"
    return f"did you mean {match!r}?"
