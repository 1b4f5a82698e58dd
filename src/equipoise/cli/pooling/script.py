"""The Python script that repeats a run, in the calls that anyone would write."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from equipoise import __version__
from equipoise.cli.pooling.analysis import Analysis, Settings, moderators
from equipoise.cli.pooling.roles import Roles
from equipoise.cli.pooling.textfile import TextFile


def script(
    table: TextFile, roles: Roles, settings: Settings, done: Analysis, folder: Path, command_line: str,
    figures: Sequence[str], groups: tuple[str, str] | None, favours: tuple[str, str] | None,
) -> str:  # fmt: skip
    """Python that reads the data file (by its path from ``folder``, the script's own) and computes the same numbers."""
    imports = {
        "import sys",
        "from pathlib import Path",
        "from equipoise.cli.pooling.textfile import read",
        "from equipoise.synthesis.measures.effect_sizes import effect_sizes",
        "from equipoise.synthesis.pairwise.pooling import pool",
    }
    relative = Path(os.path.relpath(table.path.resolve(), folder.resolve())).as_posix()
    body = [
        f"# The data; SHA-256 {table.sha256}",
        f"file = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / {relative!r}",
        "table = read(file)",
        *_data(roles, imports),
        "",
        *_effects(roles, settings, imports),
        "fit = pool(",
        f"    effects, method={settings.method!r}, ci={settings.ci!r}, model={settings.model!r}, level={settings.level!r},",
        f"    prediction={settings.prediction!r},",
        ")",
        "print(fit.summary())",
    ]
    if done.subgroups is not None:
        imports.add("from equipoise.synthesis.pairwise.subgroups import subgroups")
        method = "CE" if settings.model == "common" else settings.method
        body += [
            "",
            f"group_of = dict(zip(data['study'], table.columns[{settings.by!r}], strict=True))",
            "by_group = subgroups(",
            "    effects.estimates, effects.variances, [group_of[study] for study in effects.studies],",
            f"    method={method!r}, ci={settings.ci!r}, level={settings.level!r}, studies=effects.studies,",
            ")",
            "print(by_group.summary())",
        ]
    if done.regression is not None:
        body += ["", *_regression(table, settings, imports)]
    if figures:
        body += ["", *_figures(figures, groups, favours, done, imports)]
    plain = sorted(line for line in imports if line.startswith("import "))
    named = [line for line in sorted(imports) if line.startswith("from ")]
    third = [line for line in plain if line != "import sys"]
    own = [line for line in named if "equipoise" in line]
    standard = ["import sys", *(line for line in named if "equipoise" not in line)]
    head = [
        f"# Repeats `{command_line}` (Equipoise {__version__}).",
        "",
        *standard,
        "",
        *([*third, ""] if third else []),
        *own,
        "",
    ]
    return "\n".join([*head, *body]) + "\n"


def _data(roles: Roles, imports: set[str]) -> list[str]:
    numeric = list(dict.fromkeys(name for each in roles.columns.values() for name in _each(each)))
    lines = [f"data = {{name: table.numbers(name) for name in {numeric!r}}}"]
    if not roles.study:
        label = "[f'Study {i}' for i in range(1, len(table) + 1)]"
    elif len(roles.study) == 1:
        label = f"table.columns[{roles.study[0]!r}]"
    else:
        parts = ", ".join(f"table.columns[{name!r}]" for name in roles.study)
        label = f"[' '.join(filter(None, parts)) for parts in zip({parts}, strict=True)]"
    if roles.form != "long" and roles.study:
        imports.add("from equipoise.cli.pooling.analysis import numbered")
        label = f"numbered({label})"
    lines.append(f"data['study'] = {label}")
    if roles.treatment is not None:
        lines.append(f"data[{roles.treatment!r}] = table.columns[{roles.treatment!r}]")
    if roles.form == "estimates":
        imports.add("import numpy as np")
        if roles.logged:
            for role in ("estimate", "ci_low", "ci_high"):
                if role in roles.columns:
                    name = str(roles.columns[role])
                    lines.append(f"data[{name!r}] = np.exp(data[{name!r}])  # effect_sizes reads natural values")
        if "variance" in roles.columns:
            name = str(roles.columns["variance"])
            lines.append(f"data['√{name}'] = np.sqrt(data[{name!r}])")
    return lines


def _effects(roles: Roles, settings: Settings, imports: set[str]) -> list[str]:
    columns = dict(roles.columns)
    if "variance" in columns:
        columns["se"] = f"√{columns.pop('variance')}"
    named = ", ".join(f"{role}={column!r}" for role, column in columns.items())
    lines = ["effects = effect_sizes(", f"    data, measure={roles.measure or 'MD'!r}, study='study',"]
    if roles.treatment is not None:
        lines.append(f"    treatment={roles.treatment!r}, reference={roles.reference!r},")
    lines.append(f"    {named},")
    if roles.form == "estimates":
        lines.append(f"    ci_level={settings.level!r},")
    else:
        lines.append(f"    add={settings.add!r}, to={settings.to!r}, drop00={settings.drop00!r},")
    lines.append(")")
    if roles.measure is None:
        imports.add("from dataclasses import replace")
        lines.append("effects = replace(effects, measure='GEN', label='effect')")
    return lines


def _regression(table: TextFile, settings: Settings, imports: set[str]) -> list[str]:
    imports.add("from equipoise.synthesis.pairwise.regression import meta_regression")
    formula = str(settings.moderator)
    used = moderators(table, formula)
    method = "CE" if settings.model == "common" else settings.method
    lines = ["# Studies without a value of a moderator are left out of the regression.", "moderators = {"]
    for name in used:
        column = f"table.numbers({name!r})" if table.is_numeric(name) else f"table.columns[{name!r}]"
        lines.append(f"    {name!r}: dict(zip(data['study'], {column}, strict=True)),")
    return [
        *lines,
        "}",
        "kept = [",
        "    i for i, study in enumerate(effects.studies)",
        "    if all(values[study] == values[study] and values[study] != '' for values in moderators.values())",
        "]",
        "regression = meta_regression(",
        f"    effects.estimates[kept], effects.variances[kept], formula={'~ ' + formula.split('~')[-1].strip()!r},",
        "    data={name: [values[effects.studies[i]] for i in kept] for name, values in moderators.items()},",
        f"    method={method!r}, ci={settings.ci!r}, level={settings.level!r},",
        "    studies=[effects.studies[i] for i in kept],",
        ")",
        "print(regression.summary())",
    ]


def _figures(
    figures: Sequence[str], groups: tuple[str, str] | None, favours: tuple[str, str] | None, done: Analysis,
    imports: set[str],
) -> list[str]:  # fmt: skip
    calls = {
        "forest": f"forest({'fit' if done.subgroups is None else 'by_group'}, effects, groups={groups!r}, favours={favours!r})",
        "funnel": "funnel(fit)",
        "radial": "radial(fit)",
        "drapery": "drapery(fit)",
        "labbe": f"labbe(fit, effects, groups={groups!r})",
    }
    lines = ["here = Path(__file__).parent"]
    drawn = [name for name in figures if name in calls]
    imports.add(f"from equipoise.figures import {', '.join(sorted([*drawn, 'write']))}")
    lines += [f"write({calls[name]}, here / {name!r})" for name in drawn]
    return lines


def _each(columns: str | tuple[str, str]) -> tuple[str, ...]:
    return (columns,) if isinstance(columns, str) else columns
