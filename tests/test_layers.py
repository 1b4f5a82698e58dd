"""Data flows one way: no module imports, at module level, from a layer above its own."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "equipoise"

BASE = {"errors", "frames"}
ALLOWED: dict[str, set[str]] = {
    "errors": {"review"},  # for annotations only
    "frames": {"errors"},
    "synthesis": BASE,
    "review": {"errors"},
    "question": {"errors", "review"},
    "extraction": BASE | {"review", "synthesis"},
    "appraisal": BASE | {"review"},
    "certainty": BASE | {"review", "synthesis"},
    "mechanism": BASE | {"review"},
    "safety": BASE | {"review"},
    "figures": BASE | {"synthesis"},
    "library": {"errors", "review"},
    "report": BASE | {"review", "question", "extraction", "synthesis", "certainty", "mechanism", "safety", "library"},
}
MODULES = sorted(path for path in SOURCE.rglob("*.py"))


def module_level_imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("equipoise."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            found.update(name.name.split(".")[1] for name in node.names if name.name.startswith("equipoise."))
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_down(path: Path) -> None:
    layer = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    if layer in {"__init__", "__main__", "cli", "web"}:
        return
    assert module_level_imports(path) <= ALLOWED[layer] | {layer}


def test_the_numerical_core_needs_numpy_and_scipy_only() -> None:
    third_party = {"numpy", "scipy", "equipoise"}
    standard = set(__import__("sys").stdlib_module_names)
    for path in SOURCE.joinpath("synthesis").rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [name.name for name in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            for name in names:
                assert name.split(".")[0] in third_party | standard, f"{path}: {name}"
