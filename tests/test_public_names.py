"""The public face: what is exported exists, is documented and costs nothing until it is used."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

import equipoise
from equipoise.cli import COMMANDS
from equipoise.cli import equipoise as group

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", equipoise.__all__)
def test_every_public_name_resolves_and_is_documented(name: str) -> None:
    found = getattr(equipoise, name)
    assert isinstance(found, str) or (found.__doc__ or "").strip()


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_thing"):
        equipoise.no_such_thing  # noqa: B018


def test_the_version_is_the_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert equipoise.__version__ == project["version"]
    assert f"version: {equipoise.__version__}\n" in citation


@pytest.mark.parametrize("heavy", ["numpy", "scipy", "rich", "jinja2", "matplotlib", "narwhals", "msgspec"])
def test_help_imports_nothing_heavy(heavy: str) -> None:
    code = (
        "import sys, equipoise\n"
        "from click.testing import CliRunner\n"
        "from equipoise.cli import equipoise as group\n"
        "assert CliRunner().invoke(group, ['--help']).exit_code == 0\n"
        f"sys.exit({heavy!r} in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_stands_in_the_readme(command: str) -> None:
    result = CliRunner().invoke(group, [command, "--help"])
    assert result.exit_code == 0
    assert f"equipoise {command}" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_an_unknown_command_is_refused() -> None:
    assert CliRunner().invoke(group, ["bake"]).exit_code == 2
