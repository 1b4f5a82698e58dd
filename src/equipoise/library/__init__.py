"""Reviews that ship with the package: each is a review folder beside this file."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from equipoise.errors import ReviewError


def names() -> tuple[str, ...]:
    """The names of the reviews that ship with the package, in alphabetical order."""
    return tuple(sorted(_folders()))


def path(name: str) -> Path:
    """The folder of the review of that name.

    Raises ``ReviewError``, naming those there are, when none has it.
    """
    folders = _folders()
    if name not in folders:
        raise ReviewError(f"no review named {name!r} ships with Equipoise; there is {', '.join(sorted(folders))}")
    return folders[name]


def _folders() -> dict[str, Path]:
    home = Path(str(resources.files(__name__)))
    return {file.parent.name.replace("_", "-"): file.parent for file in home.glob("*/review.toml")}
