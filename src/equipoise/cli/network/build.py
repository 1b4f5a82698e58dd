"""From a table and how it is read to the network."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from typing import Any

import numpy as np

from equipoise.cli.network.columns import Reading
from equipoise.cli.network.table import TextTable
from equipoise.errors import DataError
from equipoise.synthesis.network import Network
from equipoise.synthesis.network.tables import RATIO_MEASURES

USUAL_REFERENCES = (
    "placebo", "pillplacebo", "plac", "pbo", "pla", "placebo0", "control", "notreatment", "nointervention", "nocontact",
    "usualcare", "standardcare", "treatmentasusual", "tau", "waitlist", "waitinglist", "supportivecare", "placebostandardcare",
)  # fmt: skip

BIAS_WORDS = {
    "l": "low", "low": "low", "1": "low", "m": "some concerns", "moderate": "some concerns", "unclear": "some concerns",
    "some": "some concerns", "someconcerns": "some concerns", "2": "some concerns", "u": "some concerns", "h": "high",
    "high": "high", "3": "high", "serious": "high", "critical": "high",
}  # fmt: skip


def build(table: TextTable, reading: Reading, measure: str) -> Network:
    """The network of the table's studies.

    Raises ``DataError`` naming study, row and value of what can't be used.
    """
    columns: dict[str, Any] = {role: name for role, name in reading.columns.items() if role != "risk_of_bias"}
    data: dict[str, Any] = {name: np.array(table.columns[name], dtype=object) for name in columns.values()}
    if reading.form == "arms":
        return Network.from_arms(data, measure=measure, **columns)
    if reading.form == "contrasts":
        return Network.from_contrasts(data, measure=measure, **columns)
    return Network.from_baseline(data, measure=measure, **columns)


def choose_reference(network: Network, wanted: str | None) -> tuple[str, str]:
    """The reference treatment, and why that one.

    ``wanted`` may differ in case and signs. Raises ``DataError`` naming similar treatments when there is none such.
    """
    names = network.treatments
    if wanted is not None:
        if wanted in names:
            return wanted, "as asked for"
        alike = [t for t in names if _plain(t) == _plain(wanted)]
        if len(alike) == 1:
            return alike[0], f"the table's name for {wanted!r}"
        near = difflib.get_close_matches(wanted.lower(), [t.lower() for t in names], n=3, cutoff=0.5)
        near += [t.lower() for t in names if wanted.lower() in t.lower() and t.lower() not in near]
        hint = [t for t in names if t.lower() in near]
        meant = f"; did you mean {' or '.join(map(repr, hint))}?" if hint else "."
        raise DataError(f"there is no treatment {wanted!r}{meant} The treatments are: {', '.join(names)}")
    largest = network.subnetworks[0]
    for usual in USUAL_REFERENCES:
        for treatment in largest:
            if _plain(treatment) == usual:
                return treatment, "by its name"
    counts = {t: sum(t in study.treatments for study in network.studies) for t in largest}
    best = max(largest, key=lambda t: counts[t])
    return best, f"the treatment with most studies ({counts[best]})"


def is_usual_reference(treatment: str) -> bool:
    """Whether a treatment's name is that of a placebo, a control or no treatment."""
    return _plain(treatment) in USUAL_REFERENCES


def bias_of(table: TextTable, reading: Reading, network: Network) -> tuple[dict[str, str] | None, str | None]:
    """Risk of bias by study, or why there is none."""
    column = reading.columns.get("risk_of_bias")
    if column is None:
        return None, None
    found: dict[str, str] = {}
    for study, cell in zip(table.columns[reading.columns["study"]], table.columns[column], strict=True):
        level = BIAS_WORDS.get(_plain(cell or ""))
        if study is None:
            continue
        if level is None:
            return (
                None,
                f"risk of bias not shown: {cell!r} in column {column!r} (study {study}) isn't low, some concerns or high",
            )
        if found.setdefault(study, level) != level:
            return None, f"risk of bias not shown: study {study} has two levels in column {column!r}"
    lacking = [s.study for s in network.studies if s.study not in found]
    return (None, f"risk of bias not shown: study {lacking[0]} has none") if lacking else (found, None)


def doubts(table: TextTable, reading: Reading, network: Network) -> list[str]:
    """What may be a mistake in the table, though it can be analysed."""
    found = []
    groups: dict[str, list[str]] = {}
    for treatment in network.treatments:
        groups.setdefault(_plain(treatment), []).append(treatment)
    for names in groups.values():
        if len(names) > 1:
            found.append(
                f"{' and '.join(map(repr, names))} count as different treatments; if they are one, spell them alike"
            )
    if network.measure in RATIO_MEASURES and reading.form != "arms":
        values = [float(cell) for cell in table.columns[reading.columns["estimate"]] if cell is not None]
        if len(values) > 4 and min(values) > 0:
            found.append(
                f"all estimates are positive; {network.measure} is analysed as its logarithm, so column "
                f"{reading.columns['estimate']!r} must hold log {network.measure}"
            )
    return found


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9+.]", "", name.lower())


def used_columns(table: TextTable, columns: Collection[str]) -> dict[str, list[str | None]]:
    """The columns that the analysis uses, each once, in the table's order."""
    return {name: cells for name, cells in table.columns.items() if name in columns}
