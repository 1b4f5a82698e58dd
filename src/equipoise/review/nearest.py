"""The known word nearest to a mistyped one."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

LIKENESS = 60.0
"""Similarity (0 to 100, twice the common letters in order over all letters) from which a word is worth suggesting."""
PATIENCE = 300
"""How many unknown words of a column get a suggestion: a long list of them has one cause, which isn't typing."""


class Words:
    """Known words, ready to be searched for the one nearest to another."""

    def __init__(self, known: Iterable[str]) -> None:
        self.known = sorted(set(known) - {""})
        self._plain = [plain(word) for word in self.known]
        self._asked = 0

    def nearest(self, word: str, likeness: float = LIKENESS) -> str | None:
        """The known word most like ``word``, letter case and look-alike characters aside; None when none is near."""
        from rapidfuzz import fuzz, process

        self._asked += 1
        if self._asked > PATIENCE:
            return None
        found = process.extractOne(plain(word), self._plain, scorer=fuzz.ratio, score_cutoff=likeness)
        return self.known[found[2]] if found else None

    def did_you_mean(self, word: str, otherwise: str) -> str:
        """The mend for an unknown word: the nearest known one, or ``otherwise``."""
        match = self.nearest(word)
        if match is None:
            return otherwise
        if plain(match) == plain(word) and match.casefold() != word.casefold():
            odd = next((char for char in word if not char.isascii()), " ")
            return f"write {match!r}, which looks alike but has other characters (here U+{ord(odd):04X})"
        return f"did you mean {match!r}?"


def nearest(word: str, known: Iterable[str], likeness: float = LIKENESS) -> str | None:
    """The known word most like ``word``; None when none is near."""
    return Words(known).nearest(word, likeness)


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """The mend for an unknown word: the nearest known one, or ``otherwise``."""
    return Words(known).did_you_mean(word, otherwise)


def plain(text: str) -> str:
    """The text with look-alike characters, letter case, runs of spaces and underscores evened out."""
    if not text.isascii():
        text = "".join(char for char in unicodedata.normalize("NFKC", text) if unicodedata.category(char) != "Cf")
    return " ".join(text.casefold().replace("_", " ").split())
