"""Where the keys of a TOML text stand; `tomllib` reads their values but not their places."""

from __future__ import annotations

import re

_HEADER = re.compile(r"\s*(\[\[?)\s*([\w.-]+)\s*\]")
_KEY = re.compile(r"""\s*["']?([\w-]+)["']?\s*(?:\.\s*[\w-]+\s*)*=""")

Place = tuple[str, int, str]
"""Table (``""`` for the top), its number among those of its name (from 0), key (``""`` for its header)."""


class TomlLines:
    """The lines (from 1) on which the tables and keys of a TOML text begin."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._places: dict[Place, int] = {}
        self._index()

    def _index(self) -> None:
        table, number, seen, within = "", 0, dict[str, int](), ""
        for line, content in enumerate(self._lines, start=1):
            if not within:
                header, key = _HEADER.match(content), _KEY.match(content)
                if header:
                    table = header[2]
                    number = seen.get(table, 0)
                    seen[table] = number + 1
                    self._places[table, number, ""] = line
                elif key:
                    self._places.setdefault((table, number, key[1]), line)
            for mark in ('"""', "'''"):
                if (not within or within == mark) and content.count(mark) % 2:
                    within = "" if within else mark

    def states(self, table: str, number: int, key: str) -> bool:
        """Whether the table has a line for the key."""
        return (table, number, key) in self._places

    def line(self, table: str, number: int = 0, key: str = "", holding: str = "") -> int | None:
        """The line of a key, or of its table where the key isn't there; within it, of the text ``holding``."""
        places = [(table, number, key), (table, number, "")]
        if not table:
            places.append((key, 0, ""))  # a key at the top may be a table's name
        start = next((self._places[place] for place in places if place in self._places), None)
        if start is None or not holding:
            return start
        later = [line for line in self._places.values() if line > start]
        for line in range(start, min(later, default=len(self._lines) + 1)):
            if holding in self._lines[line - 1]:
                return line
        return start
