"""The output folder of `equipoise nma`: each file written whole or not at all, nobody else's folder used unasked."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path

from equipoise.errors import OutputError

RESULTS = "results.json"
MAKER = "equipoise nma"


def claim(folder: Path, overwrite: bool) -> None:
    """Make the folder; raises ``OutputError`` if it can't be used, or holds files of somebody else."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        foreign = any(folder.iterdir()) and not _ours(folder)
    except (FileExistsError, NotADirectoryError):
        raise OutputError(f"{folder} is, or lies below, a file; name a folder with --out") from None
    except OSError as error:
        raise OutputError(f"can't use the folder {folder} ({error.strerror}); name another with --out") from None
    if foreign and not overwrite:
        raise OutputError(
            f"{folder} holds files that `equipoise nma` didn't write; name another folder with --out, or say --overwrite"
        )


def write(path: Path, content: str | bytes) -> Path:
    """Write a file by way of a partial one; raises ``OutputError`` when the place doesn't allow it."""
    partial = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content.encode() if isinstance(content, str) else content)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OutputError(f"can't write {path} ({error.strerror}); name another folder with --out") from None
    return path


def table_csv(columns: Mapping[str, list[str | None]]) -> str:
    """Columns of text as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return out.getvalue()


def _ours(folder: Path) -> bool:
    try:
        made = json.loads((folder / RESULTS).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(made, dict) and str(made.get("maker", "")).startswith(MAKER)
