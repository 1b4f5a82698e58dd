"""What the documentation names exists."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

import equipoise
from equipoise.synthesis.bayes.network_posterior import NetworkPosterior
from equipoise.synthesis.network.fit import NetworkFit
from equipoise.synthesis.network.network import Network

DOCS = Path(__file__).parent.parent / "docs"
TEXT = (DOCS / "analyses.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`(equipoise\.[\w.]+)`", TEXT))))
def test_a_documented_function_exists(path: str) -> None:
    try:
        import_module(path)
    except ModuleNotFoundError:
        module, name = path.rsplit(".", 1)
        assert getattr(import_module(module), name).__doc__ or isinstance(getattr(import_module(module), name), dict)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`eq\.(\w+)`", TEXT))))
def test_a_name_said_to_be_public_is(name: str) -> None:
    assert name in equipoise.__all__


def test_the_methods_named_exist() -> None:
    rows = [row for row in TEXT.splitlines() if "`NetworkFit." in row]
    names = {name for row in rows for name in re.findall(r"`(?:NetworkFit)?\.(\w+)`", row)}
    assert len(names) > 10
    assert all(hasattr(NetworkFit, name) for name in names)
    assert hasattr(Network, "fit")
    assert hasattr(Network, "posterior")
    rows = [row for row in TEXT.splitlines() if "`NetworkPosterior." in row]
    names = {name for row in rows for name in re.findall(r"`(?:NetworkPosterior)?\.(\w+)`", row)}
    assert len(names) > 5
    assert all(hasattr(NetworkPosterior, name) for name in names)


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_links_between_the_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
