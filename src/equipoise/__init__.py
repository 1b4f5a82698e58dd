"""Equipoise: evidence answers you can check.

The public names are imported on first use, so that `import equipoise` and `equipoise --help` stay quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from equipoise.question import read_question as read_question
    from equipoise.report.answer import Answer as Answer
    from equipoise.report.build import answer_question as answer_question
    from equipoise.review.model import Review as Review
    from equipoise.synthesis.network.network import Network as Network

__version__ = "0.1.0"

_HOME: dict[str, str] = {
    "Answer": "equipoise.report.answer",
    "Network": "equipoise.synthesis.network.network",
    "Review": "equipoise.review.model",
    "answer_question": "equipoise.report.build",
    "read_question": "equipoise.question",
}
"""Public name → the module that defines it."""

__all__ = ["Answer", "Network", "Review", "__version__", "answer_question", "read_question"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'equipoise' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
