"""An answer into files: each written whole or not at all, and nobody else's file overwritten unasked."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from equipoise.errors import OutputError
from equipoise.report.answer import Answer

FILES = {"html": "article.html", "json": "answer.json", "md": "article.md"}
"""Formats and the names of their files."""


def publish(
    answer: Answer, folder: str | Path, formats: Sequence[str] = ("html", "json", "md"), overwrite: bool = False
) -> list[Path]:
    """Write the answer into a folder, made if need be; earlier files of Equipoise are replaced.

    Raises ``OutputError`` for an unknown format, a folder that can't be written to, and files in it that Equipoise
    didn't write (unless ``overwrite``).
    """
    from equipoise.report import exchange, html, markdown

    make: dict[str, Callable[[Answer], str | bytes]] = {
        "html": html.render,
        "json": exchange.to_json,
        "md": markdown.render,
    }
    unknown = [name for name in formats if name not in make]
    if unknown:
        raise OutputError(f"unknown format {', '.join(map(repr, unknown))}; choose from {', '.join(make)}")
    folder = Path(folder)
    contents = {folder / FILES[name]: make[name](answer) for name in formats}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        foreign = [path for path in contents if path.exists() and not _ours(path)]
    except (FileExistsError, NotADirectoryError):
        raise OutputError(f"{folder} is, or lies below, a file; name a folder") from None
    except OSError as error:
        raise OutputError(f"can't use the folder {folder} ({error.strerror}); name another") from None
    if foreign and not overwrite:
        names = ", ".join(path.name for path in foreign)
        raise OutputError(
            f"{folder} has {names}, which Equipoise didn't write; name another folder, or ask to overwrite"
        )
    for path, content in contents.items():
        partial = path.with_name(f".{path.name}.part")
        try:
            partial.write_bytes(content.encode() if isinstance(content, str) else content)
            partial.replace(path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise OutputError(f"can't write {path} ({error.strerror}); name another folder") from None
    return list(contents)


def _ours(path: Path) -> bool:
    """Whether a file was written by Equipoise: each of its formats names its maker with the version."""
    return re.search(rb"Equipoise \d+\.\d+", path.read_bytes()) is not None
