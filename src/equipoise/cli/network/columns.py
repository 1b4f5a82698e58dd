"""What the columns of a network's table mean, told from their names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from equipoise.cli.network.table import TextTable
from equipoise.errors import EquipoiseError

Form = Literal["arms", "contrasts", "baseline"]

FORMS: dict[Form, str] = {
    "arms": "one row an arm",
    "contrasts": "one row a pair of arms",
    "baseline": "one row an arm, each against its study's baseline arm (the row without an estimate)",
}

KNOWN: dict[str, tuple[str, ...]] = {
    "study": ("study", "studyid", "studlab", "studyname", "trial", "trialid", "author", "authors", "id", "paper"),
    "treatment": ("treatment", "treat", "treatments", "trt", "intervention", "arm", "drug", "treatmentname", "node", "t"),
    "events": ("events", "event", "r", "responders", "cases", "deaths", "nevents", "eventn", "x"),
    "n": ("n", "total", "samplesize", "ntotal", "participants", "patients", "randomised", "randomized", "nrandomised", "ss"),
    "mean": ("mean", "y", "avg", "average", "m", "meanchange", "change"),
    "sd": ("sd", "stddev", "std", "standarddeviation", "sdchange"),
    "se": ("se", "sete", "sei", "stderr", "stderror", "standarderror", "sediff", "selog", "selogor", "seloghr", "selogrr"),
    "time": ("time", "exposure", "persontime", "personyears", "patientyears", "py", "followuptime"),
    "estimate": (
        "te", "estimate", "effect", "effectsize", "yi", "diff", "difference", "es", "logor", "lnor", "logrr", "lnrr",
        "loghr", "lnhr", "logirr", "smd", "md", "d", "g", "y",
    ),
    "treatment1": ("treat1", "treatment1", "trt1", "t1", "arm1", "treatment", "treat", "trt", "intervention", "drug1", "experimental"),
    "comparator": ("treat2", "treatment2", "trt2", "t2", "arm2", "comparator", "comparison", "control", "drug2", "reference", "versus"),
    "comparator_se": ("comparatorse", "basese", "sebase", "sebaseline"),
    "n_treatment": ("n1", "ntreatment", "n1i"),
    "n_comparator": ("n2", "ncomparator", "ncontrol", "n2i"),
    "risk_of_bias": ("rob", "riskofbias", "bias", "overallrob", "robinoverall", "overallbias"),
}  # fmt: skip
"""By role, the names it is known under in small letters without other signs, the likeliest first."""

NEEDED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("OR", "RR", "RD", "ASD", "HR"), ("events", "n")),
    **dict.fromkeys(("IRR", "IRD", "IRSD"), ("events", "time")),
    "MD": ("mean",),
    "ROM": ("mean",),
    "SMD": ("mean", "sd", "n"),
}
"""The columns of arms that a measure can't do without (MD and ROM also sd with n, or se)."""


class Unclear(EquipoiseError):
    """What the columns mean can't be told from their names; the text names the options to say it with."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a table is read: its form and the column of every role; ``guessed`` are the roles nobody named."""

    form: Form
    columns: dict[str, str]
    guessed: frozenset[str]


def guess(table: TextTable, named: Mapping[str, str]) -> Reading:
    """How to read the table; ``named`` maps roles to columns that somebody named.

    Raises ``Unclear`` where a role that every form needs can't be found, or a named column isn't there.
    """
    for role, column in named.items():
        if column not in table.columns:
            raise Unclear(f"{_option(role)}: there is no column {column!r}; the table has {_list(table)}")
    study = _find(table, "study", named)
    if study is None:
        raise Unclear(f"which column names the study? The table has {_list(table)}; say it with --study COLUMN")
    comparator = _find(table, "comparator", named)
    if comparator is not None:
        return _contrasts(table, named, study, comparator)
    treatment = _find(table, "treatment", named)
    if treatment is None:
        raise Unclear(
            f"which column names the treatment? The table has {_list(table)}; say it with --treatment COLUMN (and "
            "--comparator COLUMN if each row compares two)"
        )
    found = {"study": study, "treatment": treatment}
    estimate, se = _find(table, "estimate", named), _find(table, "se", named)
    arms = {role: _find(table, role, named) for role in ("events", "n", "mean", "sd", "se", "time")}
    if estimate is not None and se is not None and ("estimate" in named or arms["mean"] in (None, estimate)):
        blanks = {
            label for label, cell in zip(table.columns[study], table.columns[estimate], strict=True) if cell is None
        }
        if blanks == set(table.columns[study]):
            return _reading("baseline", {**found, "estimate": estimate, "se": se}, table, named)
        if "estimate" in named or (arms["events"] is None and estimate != arms["mean"]):
            raise Unclear(
                f"column {estimate!r} looks like a comparison's estimate, but nothing says with what: name the other "
                "treatment's column with --comparator, or leave the estimate of each study's baseline arm empty"
            )
    found |= {role: column for role, column in arms.items() if column is not None}
    if not {"events", "mean"} & set(found):
        ordered = _ordered_categories(table)
        if ordered:
            raise Unclear(
                f"{', '.join(ordered)} look like ordered categories, which aren't analysed together; name the column that "
                "counts the participants with one outcome: --events COLUMN"
            )
        raise Unclear(
            "which columns hold the results? For arms: --events with --n (or --time), or --mean with --sd and --n; for "
            f"comparisons: --comparator, --estimate and --se. The table has {_list(table)}"
        )
    return _reading("arms", found, table, named)


def default_measure(reading: Reading) -> str | None:
    """The measure that arms are analysed by when none is asked for; None for contrasts, which may be anything."""
    if reading.form != "arms":
        return None
    if "events" in reading.columns:
        return "OR" if "n" in reading.columns else "IRR"
    return "MD"


def check_measure(reading: Reading, measure: str, table: TextTable, option: str = "--measure") -> None:
    """Raise ``Unclear`` if the measure needs columns of the arms that weren't found."""
    if reading.form != "arms":
        return
    lacking = [role for role in NEEDED[measure] if role not in reading.columns]
    if (
        not lacking
        and measure in ("MD", "ROM")
        and not ({"sd", "n"} <= set(reading.columns) or "se" in reading.columns)
    ):
        lacking = ["sd (with n) or se"]
    if lacking:
        able = [m for m in NEEDED if all(role in reading.columns for role in NEEDED[m])]
        also = f" These columns allow {', '.join(able)}." if able else ""
        raise Unclear(
            f"{option} {measure} needs {' and '.join(lacking)} of every arm, which I don't find in {_list(table)}; "
            f"name the column ({', '.join('--' + role.split()[0] for role in lacking)}).{also}"
        )


def check_column(table: TextTable, option: str, column: str) -> None:
    """Raise ``Unclear`` if the table doesn't have the column."""
    if column not in table.columns:
        raise Unclear(f"{option}: there is no column {column!r}; the table has {_list(table)}")


def dose_columns(
    table: TextTable, reading: Reading, dose: str | None, agent: str | None
) -> tuple[str | None, str | None]:
    """The columns of agent and dose; none without a ``dose``.

    Raises ``Unclear`` for columns that aren't there and for tables with one row a pair of arms.
    """
    if dose is None:
        return None, None
    if reading.form == "contrasts":
        raise Unclear("--dose needs one row an arm, so that every treatment has its agent and dose")
    check_column(table, "--dose", dose)
    if agent is None:
        agent = agent_and_dose(table)[0]
        if agent is None:
            raise Unclear(
                f"which column names the drug, whatever its dose? Say it with --agent; there are {_list(table)}"
            )
    check_column(table, "--agent", agent)
    return agent, dose


def agent_and_dose(table: TextTable) -> tuple[str | None, str | None]:
    """The columns that by their names hold agents and doses."""
    plain = {re.sub(r"[^a-z0-9]", "", column.lower()): column for column in table.columns}
    agent = next((plain[name] for name in ("agent", "drug", "substance") if name in plain), None)
    return agent, next((plain[name] for name in ("dose", "dosage", "dosemg", "mg") if name in plain), None)


def _contrasts(table: TextTable, named: Mapping[str, str], study: str, comparator: str) -> Reading:
    treatment = _find(
        table, "treatment1", {**named, **({"treatment1": named["treatment"]} if "treatment" in named else {})}
    )
    if treatment is None or treatment == comparator:
        raise Unclear(
            f"each row compares something with {comparator!r}: which column names the first treatment? The table has "
            f"{_list(table)}; say it with --treatment COLUMN"
        )
    found = {"study": study, "treatment": treatment, "comparator": comparator}
    for role, what in (("estimate", "the estimate (first treatment minus second)"), ("se", "its standard error")):
        column = _find(table, role, named)
        if column is None:
            raise Unclear(
                f"each row compares {treatment!r} with {comparator!r}: which column holds {what}? The table has "
                f"{_list(table)}; say it with --{role} COLUMN, or give the table with one row an arm"
            )
        found[role] = column
    for role in ("comparator_se", "n_treatment", "n_comparator"):
        column = _find(table, role, named)
        if column is not None:
            found[role] = column
    return _reading("contrasts", found, table, named)


def _reading(form: Form, found: dict[str, str], table: TextTable, named: Mapping[str, str]) -> Reading:
    bias = _find(table, "risk_of_bias", named)
    if bias is not None:
        found = {**found, "risk_of_bias": bias}
    return Reading(form, found, frozenset(found) - frozenset(named))


def _find(table: TextTable, role: str, named: Mapping[str, str]) -> str | None:
    if role in named:
        return named[role]
    taken = set(named.values())
    plain: dict[str, str] = {}
    for column in table.columns:
        if column not in taken:
            plain.setdefault(re.sub(r"[^a-z0-9]", "", column.lower()), column)
    return next((plain[name] for name in KNOWN[role] if name in plain), None)


def _ordered_categories(table: TextTable) -> list[str]:
    """Columns called alike but for a number at their end, such as PASI50 and PASI75."""
    stems: dict[str, list[str]] = {}
    for column in table.columns:
        stem = re.sub(r"[\d.]+$", "", column)
        if stem and stem != column:
            stems.setdefault(stem, []).append(column)
    return next((columns for columns in stems.values() if len(columns) > 1), [])


def _list(table: TextTable) -> str:
    return ", ".join(table.columns)


def _option(role: str) -> str:
    return "--" + role.replace("_", "-")
