"""From a file and its roles to results."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from equipoise.cli.pooling.bad_option import BadOption
from equipoise.cli.pooling.roles import Roles
from equipoise.cli.pooling.textfile import TextFile
from equipoise.errors import DataError
from equipoise.synthesis.measures.effect import LeftOut
from equipoise.synthesis.measures.effect_sizes import EffectSizes, effect_sizes
from equipoise.synthesis.pairwise.design import FUNCTIONS
from equipoise.synthesis.pairwise.pooling import pool
from equipoise.synthesis.pairwise.result import Pooled

if TYPE_CHECKING:
    from equipoise.synthesis.pairwise.regression import MetaRegression
    from equipoise.synthesis.pairwise.subgroups import Subgroups

PLAIN_METHODS = {"MH", "PETO"}


@dataclass(frozen=True, slots=True)
class Settings:
    """How to pool, in the words of `pool`, `effect_sizes`, `subgroups` and `meta_regression`."""

    method: str = "REML"
    ci: str = "z"
    model: str = "random"
    level: float = 0.95
    prediction: str = "metafor"
    add: float | None = None
    to: str = "only0"
    drop00: bool = False
    by: str | None = None
    moderator: str | None = None


@dataclass(frozen=True, slots=True)
class Analysis:
    """What was computed. ``regression_left_out`` are the studies without a value of a moderator."""

    effects: EffectSizes
    fit: Pooled
    subgroups: Subgroups | None = None
    regression: MetaRegression | None = None
    regression_left_out: tuple[LeftOut, ...] = ()


def analyse(table: TextFile, roles: Roles, settings: Settings) -> Analysis:
    """Effect sizes, the pooled effect, and the subgroups and the regression that were asked for.

    Raises ``DataError``; where a study is to blame, its rows in the file are named.
    """
    try:
        effects = effects_of(table, roles, settings)
        fit = pool(
            effects, method=settings.method, ci=settings.ci, model=settings.model, level=settings.level,
            prediction=settings.prediction,
        )  # fmt: skip
    except DataError as error:
        raise DataError(_located(table, roles, str(error))) from error
    groups, regression = None, None
    absent: tuple[LeftOut, ...] = ()
    if settings.by is not None:
        groups = _subgroups(table, roles, settings, effects)
    if settings.moderator is not None:
        regression, absent = _regression(table, roles, settings, effects)
    return Analysis(effects, fit, groups, regression, absent)


def effects_of(table: TextFile, roles: Roles, settings: Settings) -> EffectSizes:
    """The effect sizes of the file's studies."""
    data: dict[str, Any] = {"study": labels(table, roles)}
    for name in dict.fromkeys(column for each in roles.columns.values() for column in _each(each)):
        data[name] = np.array(table.numbers(name))
    if roles.form == "estimates":
        return _published(data, roles, settings)
    if roles.treatment is not None:
        data[roles.treatment] = texts(table, roles.treatment)
    return effect_sizes(
        data, measure=str(roles.measure), study="study", treatment=roles.treatment, reference=roles.reference,
        add=settings.add, to=settings.to, drop00=settings.drop00, **roles.columns,  # type: ignore[arg-type]
    )  # fmt: skip


def _published(data: dict[str, Any], roles: Roles, settings: Settings) -> EffectSizes:
    names = {role: str(column) for role, column in roles.columns.items()}
    if roles.logged:
        for role in ("estimate", "ci_low", "ci_high"):
            if role in names:
                data[names[role]] = np.exp(data[names[role]])
    if "variance" in names:
        if np.any(data[names["variance"]] < 0):
            row = int(np.flatnonzero(data[names["variance"]] < 0)[0])
            raise DataError(f"{data['study'][row]}: {names['variance']} = {data[names['variance']][row]:g} is negative")
        names["se"] = f"√{names.pop('variance')}"
        data[names["se"]] = np.sqrt(data[str(roles.columns["variance"])])
    effects = effect_sizes(data, measure=roles.measure or "MD", study="study", ci_level=settings.level, **names)  # type: ignore[arg-type]
    return effects if roles.measure is not None else replace(effects, measure="GEN", label="effect")


def labels(table: TextFile, roles: Roles) -> list[str]:
    """One label a row. Rows of one study share it where a row is an arm; else a repeated label gets a number.

    Raises ``DataError`` naming the row whose label is empty.
    """
    if not roles.study:
        return [f"Study {i}" for i in range(1, len(table) + 1)]
    parts = [texts(table, roles.study[0]), *(table.columns[name] for name in roles.study[1:])]
    joined = [" ".join(part for part in row if part) for row in zip(*parts, strict=True)]
    return joined if roles.form == "long" else numbered(joined)


def numbered(names: Sequence[str]) -> list[str]:
    """The names, with a number after those that come again: "Li 1990", "Li 1990 (2)"."""
    seen: dict[str, int] = {}
    told_apart = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        told_apart.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return told_apart


def texts(table: TextFile, name: str) -> list[str]:
    """A column as text; raises ``DataError`` naming the row that is empty."""
    for line, text in zip(table.lines, table.columns[name], strict=True):
        if text == "":
            raise DataError(
                f"{table.path}, row {line}, column {name!r}: empty; write the study's or group's name there"
            )
    return list(table.columns[name])


def study_values(table: TextFile, roles: Roles, column: str, studies: Sequence[str]) -> list[str]:
    """A study-level column for each of ``studies``, as text.

    Raises ``DataError`` for an unknown column, and for a study whose rows disagree.
    """
    if column not in table.columns:
        raise BadOption(f"{table.path} has no column {column!r}; it has {', '.join(table.columns)}")
    found: dict[str, tuple[str, int]] = {}
    for label, value, line in zip(labels(table, roles), table.columns[column], table.lines, strict=True):
        known, first = found.setdefault(label, (value, line))
        if known != value:
            raise DataError(
                f"{table.path}, rows {first} and {line}, column {column!r}: {label} has {known!r} and {value!r}; "
                "a study needs one value in all its rows"
            )
    return [found[study][0] for study in studies]


def _subgroups(table: TextFile, roles: Roles, settings: Settings, effects: EffectSizes) -> Subgroups:
    from equipoise.synthesis.pairwise.subgroups import subgroups

    column = str(settings.by)
    groups = study_values(table, roles, column, effects.studies)
    for study, group in zip(effects.studies, groups, strict=True):
        if group == "":
            line = table.lines[labels(table, roles).index(study)]
            raise DataError(
                f"{table.path}, row {line}, column {column!r}: empty; write {study}'s group there, such as “not reported”"
            )
    found = subgroups(
        effects.estimates, effects.variances, groups, method=_inverse_variance(settings, "--by"), ci=settings.ci,
        level=settings.level, studies=effects.studies,
    )  # fmt: skip
    named = {"measure": effects.measure, "label": effects.label, "scale": effects.scale}
    members = {group: [i for i, own in enumerate(groups) if own == group] for group in found.groups}
    sizes = effects.sizes
    return replace(
        found,
        groups={
            group: replace(fit, **named, sizes=None if sizes is None else sizes[members[group]])  # type: ignore[arg-type]
            for group, fit in found.groups.items()
        },
        overall=replace(found.overall, **named, sizes=sizes),  # type: ignore[arg-type]
    )


def _regression(
    table: TextFile, roles: Roles, settings: Settings, effects: EffectSizes
) -> tuple[MetaRegression, tuple[LeftOut, ...]]:
    from equipoise.synthesis.pairwise.regression import meta_regression

    formula = str(settings.moderator)
    used = moderators(table, formula)
    texts_of = {name: study_values(table, roles, name, effects.studies) for name in used}
    keep = np.array([all(texts_of[name][i] != "" for name in used) for i in range(len(effects))], dtype=bool)
    absent = tuple(
        LeftOut(study, ", ".join(f"{name} missing" for name in used if texts_of[name][i] == ""))
        for i, study in enumerate(effects.studies)
        if not keep[i]
    )
    if not keep.any():
        raise DataError(f"--moderator {formula!r}: no study has a value of {', '.join(used)}")
    data = {
        name: _typed(table, name, [v for v, kept in zip(values, keep, strict=True) if kept])
        for name, values in texts_of.items()
    }
    fit = meta_regression(
        effects.estimates[keep], effects.variances[keep], formula=f"~ {formula.split('~')[-1].strip()}", data=data,
        method=_inverse_variance(settings, "--moderator"), ci=settings.ci, level=settings.level,
        studies=[study for study, kept in zip(effects.studies, keep, strict=True) if kept],
    )  # fmt: skip
    return fit, absent


def moderators(table: TextFile, formula: str) -> list[str]:
    """The columns that a formula names.

    Raises ``DataError`` when it names none.
    """
    words = re.findall(r"`([^`]+)`|([^\W\d]\w*(?:\.\w+)*)", formula)
    used = list(dict.fromkeys(a or b for a, b in words if (a or b) in table.columns))
    unknown = sorted({a or b for a, b in words} - set(used) - FUNCTIONS)
    if used and unknown:
        raise BadOption(f"--moderator: {table.path} has no column {unknown[0]!r}; it has {', '.join(table.columns)}")
    if not used:
        raise BadOption(f"--moderator {formula!r} names no column; {table.path} has {', '.join(table.columns)}")
    return used


def _typed(table: TextFile, name: str, values: list[str]) -> list[Any]:
    from equipoise.cli.pooling.textfile import to_number

    return [to_number(value, table.decimal_comma) for value in values] if table.is_numeric(name) else values


def _inverse_variance(settings: Settings, option: str) -> str:
    from equipoise.synthesis.pairwise.glmm import MODELS

    if settings.method.upper() in PLAIN_METHODS or settings.model in MODELS:
        raise BadOption(
            f"{option} pools by inverse variance, which {settings.method if settings.model == 'random' else settings.model} "
            "isn't; choose another --method, such as REML or CE"
        )
    return "CE" if settings.model == "common" else settings.method


def _located(table: TextFile, roles: Roles, message: str) -> str:
    """The message with the file and, where it starts with a study's name, that study's rows."""
    if message.startswith(str(table.path)):
        return message
    try:
        names = labels(table, roles)
    except DataError:
        return f"{table.path}: {message}"
    about = [name for name in names if message.startswith((f"{name}:", f"{name},"))]
    if not about:
        return f"{table.path}: {message}"
    longest = max(about, key=len)
    rows = [str(line) for line, name in zip(table.lines, names, strict=True) if name == longest]
    return f"{table.path}, row{'s' if len(rows) > 1 else ''} {' and '.join(rows)}: {message}"


def _each(columns: str | tuple[str, str]) -> tuple[str, ...]:
    return (columns,) if isinstance(columns, str) else columns
