"""The results as files: tables, JSON, text."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from equipoise import __version__
from equipoise.cli.pooling.analysis import Analysis, Settings
from equipoise.cli.pooling.roles import Roles
from equipoise.cli.pooling.textfile import TextFile
from equipoise.errors import OutputError
from equipoise.figures.effect_axis import effect_scale
from equipoise.synthesis.pairwise.intervals import normal_quantile

if TYPE_CHECKING:
    from equipoise.synthesis.pairwise.result import Pooled

NAMES = ("results.json", "results.csv", "studies.csv", "summary.txt", "reproduce.py")
"""The files beside the figures; `results.json` says by its first key who wrote the folder."""


def prepare(folder: Path, overwrite: bool) -> None:
    """Make the folder.

    Raises ``OutputError`` where it can't be made, and for files of these names in it that Equipoise didn't write
    (unless ``overwrite``).
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise OutputError(f"{folder} is, or lies below, a file; name a folder with --out") from None
    except OSError as error:
        raise OutputError(f"can't make the folder {folder} ({error.strerror}); name another with --out") from None
    there = [name for name in NAMES if (folder / name).exists()]
    if there and not overwrite and not _ours(folder):
        raise OutputError(
            f"{folder} has {', '.join(there)}, which Equipoise didn't write; name another folder with --out, or say "
            "--overwrite"
        )


def write_text(path: Path, text: str) -> Path:
    """Write a file whole; raises ``OutputError``."""
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise OutputError(f"can't write {path} ({error.strerror}); name another folder with --out") from None
    return path


def studies_csv(done: Analysis) -> str:
    """One row a study: the numbers that were pooled, on the scale of pooling and on the natural scale."""
    fit, effects = done.fit, done.effects
    shown = effect_scale(fit.measure, fit.label, fit.scale)
    se = np.sqrt(fit.variances)
    z = normal_quantile(fit.level)
    columns: dict[str, Any] = {"study": fit.studies}
    if any(effects.treatments):
        columns |= {"treatment": effects.treatments, "comparator": effects.comparators}
    low, high = fit.estimates - z * se, fit.estimates + z * se
    columns |= {"estimate": fit.estimates, "se": se, "ci_low": low, "ci_high": high}
    if shown.scale.name != "identity":
        for name, values in (("estimate", fit.estimates), ("ci_low", low), ("ci_high", high)):
            columns[f"natural_{name}"] = shown.natural(values, fit.sizes)
    columns["weight_percent"] = fit.weights
    return _csv(list(columns), list(zip(*columns.values(), strict=True)))


def results_csv(done: Analysis) -> str:
    """One row a result: pooled effects (all, and each group's) and regression coefficients."""
    header = (
        "analysis", "term", "k", "estimate", "se", "ci_low", "ci_high", "p_value", "prediction_low", "prediction_high",
        "natural_estimate", "natural_ci_low", "natural_ci_high", "tau2", "i2", "q", "q_df", "q_p",
    )  # fmt: skip
    rows: list[tuple[Any, ...]] = [_pooled_row("pooled", "all", done.fit)]
    if done.subgroups is not None:
        rows += [_pooled_row("subgroup", group, fit) for group, fit in done.subgroups.groups.items()]
        test = done.subgroups.between
        rows.append(("subgroup differences", "", *[""] * 13, test.statistic, test.df1, test.p_value))
    if done.regression is not None:
        fit = done.regression
        for j, name in enumerate(fit.names):
            numbers = (fit.coefficients[j], fit.se[j], fit.ci[j, 0], fit.ci[j, 1], fit.p_value[j])
            tail = (fit.tau2, fit.i2, fit.residual_test.statistic, fit.residual_test.df1, fit.residual_test.p_value)
            rows.append(("regression", name, fit.k, *numbers, *[""] * 5, *tail))
    return _csv(header, rows)


def results_json(table: TextFile, roles: Roles, settings: Settings, done: Analysis, command_line: str) -> str:
    """Everything: the data file's digest, what its columns were taken for, the settings, and all results."""
    answer: dict[str, Any] = {
        "equipoise": __version__,
        "command": command_line,
        "data": {"file": str(table.path), "sha256": table.sha256, "rows": len(table)},
        "columns": {
            "form": roles.form,
            "study": list(roles.study),
            **{role: column if isinstance(column, str) else list(column) for role, column in roles.columns.items()},
            **({"treatment": roles.treatment, "reference": roles.reference} if roles.treatment else {}),
            **({"estimates_are_logarithms": roles.logged} if roles.form == "estimates" else {}),
        },
        "settings": {name: getattr(settings, name) for name in Settings.__slots__},
        "pooled": _pooled(done.fit),
        "studies": [
            {"study": study, "estimate": y, "variance": v, "weight": w}
            for study, y, v, w in zip(done.fit.studies, done.fit.estimates, done.fit.variances, done.fit.weights, strict=True)
        ],
        "left_out": [{"study": study, "reason": reason} for study, reason in done.fit.left_out],
        "zero_cells": [{"study": study, "added": added} for study, added in done.effects.zero_cells],
        "notes": [*roles.remarks, *done.fit.warnings],
    }  # fmt: skip
    if done.subgroups is not None:
        answer["subgroups"] = {
            "by": settings.by,
            "groups": {group: _pooled(fit) for group, fit in done.subgroups.groups.items()},
            "between": done.subgroups.between._asdict(),
        }
    if done.regression is not None:
        fit = done.regression
        answer["regression"] = {
            "formula": settings.moderator,
            "k": fit.k,
            "coefficients": [
                {"term": name, "estimate": b, "se": s, "statistic": t, "p_value": p, "ci": ci}
                for name, b, s, t, p, ci in zip(fit.names, fit.coefficients, fit.se, fit.statistic, fit.p_value, fit.ci, strict=True)
            ],
            "df": fit.df, "tau2": fit.tau2, "i2": fit.i2, "r2": fit.r2,
            "residual_test": fit.residual_test._asdict(),
            "moderator_test": fit.moderator_test._asdict(),
            "left_out": [{"study": study, "reason": reason} for study, reason in done.regression_left_out],
        }  # fmt: skip
    return json.dumps(_plain(answer), ensure_ascii=False, indent=2) + "\n"


def _pooled(fit: Pooled) -> dict[str, Any]:
    names = (
        "measure", "label", "model", "method", "ci_method", "level", "k", "estimate", "se", "statistic", "df", "p_value",
        "ci", "prediction", "tau2", "tau2_se", "i2", "h2", "q", "q_df", "q_p", "natural",
    )  # fmt: skip
    return {name: getattr(fit, name) for name in names} | {"tests": dict(fit.tests)}


def _pooled_row(analysis: str, term: str, fit: Pooled) -> tuple[Any, ...]:
    natural = fit.natural
    return (
        analysis, term, fit.k, fit.estimate, fit.se, *fit.ci, fit.p_value, *fit.prediction, natural["estimate"],
        natural["ci_low"], natural["ci_high"], fit.tau2, fit.i2, fit.q, fit.q_df, fit.q_p,
    )  # fmt: skip


def _csv(header: Any, rows: Any) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow(["" if isinstance(cell, float) and np.isnan(cell) else _scalar(cell) for cell in row])
    return text.getvalue()


def _scalar(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _plain(value: Any) -> Any:
    """For JSON: no NumPy, no NaN (null instead), no infinity (as text)."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(item) for item in value]
    value = _scalar(value)
    if isinstance(value, float) and not np.isfinite(value):
        return None if np.isnan(value) else str(value)
    return value


def _ours(folder: Path) -> bool:
    try:
        return "equipoise" in json.loads((folder / "results.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False
