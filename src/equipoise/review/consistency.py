"""Do a table's rows agree with themselves and with the outcomes and studies that they are about?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from equipoise.review.problem import Problem
from equipoise.review.references import Sheets
from equipoise.review.sheet import Sheet
from equipoise.review.vocabulary import CERTAINTIES, MEASURES_OF, RATIOS

_CONTINUOUS_DATA = ("mean", "sd", "se", "ci_low", "ci_high")
_RATIO_WORDS = frozenset((*RATIOS, "rate ratio"))
_WORD = re.compile(r"[^\W_]+")


def check_consistency(sheets: Sheets) -> Iterator[Problem]:
    """Repeated rows, numbers that can't be true together, and data that don't fit their outcome."""
    for sheet in sheets.tables.values():
        yield from _repeated(sheet)
    tables = sheets.tables
    outcomes = tables.get("outcomes")
    if "arms" in tables:
        yield from _arms(tables["arms"])
        yield from _larger_than_study(tables["arms"], ("n",), sheets)
    if "contrasts" in tables:
        yield from _contrasts(tables["contrasts"])
        yield from _larger_than_study(tables["contrasts"], ("n_treatment", "n_comparator"), sheets)
    if "syntheses" in tables:
        yield from _syntheses(tables["syntheses"])
    if outcomes is not None:
        for name in ("arms", "contrasts"):
            if name in tables:
                yield from _against_outcomes(tables[name], outcomes)
    if "certainty" in tables:
        yield from _overrides(tables["certainty"], sheets)


def _repeated(sheet: Sheet) -> Iterator[Problem]:
    key = sheet.kind.key
    columns = [column for column in (key or sheet.texts) if column in sheet.texts]
    if not columns or len(columns) < len([column for column in key if sheet.kind.columns()[column].required]):
        return
    cells = [
        sheet.texts[name] if name in sheet.unreadable else sheet.values.get(name, sheet.texts[name]) for name in columns
    ]
    if len(set(zip(*cells, strict=True))) == len(sheet):
        return
    rows = list(zip(*cells, strict=True))
    whole = list(zip(*sheet.texts.values(), strict=True))
    required = [i for i, name in enumerate(columns) if key and sheet.kind.columns()[name].required]
    first: dict[tuple[Any, ...], int] = {}
    for row, cell in enumerate(rows):
        earlier = first.setdefault(cell, row)
        if earlier == row or not all(cell[i] for i in required):
            continue
        line = sheet.lines[earlier]
        if whole[earlier] == whole[row]:
            yield sheet.problem(row, columns[0] if key else None, f"the row repeats row {line}", "delete one of them")
        else:
            same = _listed(columns)
            what = f"row {line} has the same {same} but other cells"
            yield sheet.problem(row, columns[0], what, "delete one of them, or correct what tells them apart")


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _arms(sheet: Sheet) -> Iterator[Problem]:
    for row, (events, n) in enumerate(zip(sheet["events"], sheet["n"], strict=True)):
        if events is not None and n is not None and events > n:
            what = f"more events than participants ({events} of {n})"
            yield sheet.problem(row, "events", what, "correct events or n; count participants, not occurrences")
    for row, (sd, se, n) in enumerate(zip(sheet["sd"], sheet["se"], sheet["n"], strict=True)):
        if sd is not None and se is not None and n is not None and n > 1 and sd < se:
            what = f"the SD is smaller than the standard error ({sd:g} < {se:g})"
            yield sheet.problem(row, "sd", what, "check whether the two are swapped", "warning")
    yield from _intervals(sheet, "mean")


def _intervals(sheet: Sheet, centre: str) -> Iterator[Problem]:
    """Limits in the wrong order, or on one side of what they should contain."""
    if "ci_low" not in sheet.values and "ci_high" not in sheet.values:
        return
    for row, (value, low, high) in enumerate(zip(sheet[centre], sheet["ci_low"], sheet["ci_high"], strict=True)):
        if low is not None and high is not None and low > high:
            what = f"the interval is reversed ({low:g} to {high:g})"
            yield sheet.problem(row, "ci_low", what, "exchange ci_low and ci_high, or correct a sign")
        elif value is not None and ((low is not None and value < low) or (high is not None and value > high)):
            limits = f"{'…' if low is None else f'{low:g}'} to {'…' if high is None else f'{high:g}'}"
            what = f"the interval ({limits}) doesn't contain the {centre}"
            yield sheet.problem(row, centre, what, f"correct the {centre} or a limit; check signs and the log scale")


def _contrasts(sheet: Sheet) -> Iterator[Problem]:
    yield from _intervals(sheet, "estimate")
    yield from _impossible_for_measure(sheet)
    for row, (treatment, comparator) in enumerate(zip(sheet["treatment"], sheet["comparator"], strict=True)):
        if treatment and treatment == comparator:
            what = "the treatment is compared with itself"
            yield sheet.problem(row, "comparator", what, "name what it was compared with")


def _syntheses(sheet: Sheet) -> Iterator[Problem]:
    yield from _intervals(sheet, "estimate")
    yield from _impossible_for_measure(sheet)
    for row, (treatments, comparator) in enumerate(zip(sheet["treatment"], sheet["comparator"], strict=True)):
        if comparator and comparator in treatments:
            what = "the treatment is compared with itself"
            yield sheet.problem(row, "comparator", what, "name what it was compared with")


def _impossible_for_measure(sheet: Sheet) -> Iterator[Problem]:
    measures = sheet["measure"]
    for column in ("estimate", "ci_low", "ci_high"):
        if column not in sheet.values:
            continue
        for row, (measure, value) in enumerate(zip(measures, sheet[column], strict=True)):
            if value is None:
                continue
            if measure in _RATIO_WORDS:
                if value <= 0:
                    what = f"a ratio ({measure}) must be above 0"
                    yield sheet.problem(row, column, what, "give it on the natural scale, not as a logarithm")
            elif measure == "RD":
                if not -1 <= value <= 1:
                    what = "a risk difference must be from -1 to 1"
                    yield sheet.problem(row, column, what, "write 5% as 0.05")
            elif measure == "I2 percent":
                if not 0 <= value <= 100:
                    yield sheet.problem(row, column, "I² must be from 0 to 100", "correct it, or leave the cell empty")
            elif measure in ("tau2", "Q") and value < 0:
                yield sheet.problem(row, column, f"{measure} can't be negative", "correct it, or leave the cell empty")


def _larger_than_study(sheet: Sheet, columns: Sequence[str], sheets: Sheets) -> Iterator[Problem]:
    totals = dict(zip(sheets.column("studies", "study_id"), sheets.column("studies", "n_total"), strict=True))
    for column in columns:
        for row, (study, n) in enumerate(zip(sheet["study_id"], sheet[column], strict=True)):
            total = totals.get(study)
            if n is not None and total is not None and n > total:
                what = f"more participants than studies.csv gives the whole study ({total})"
                yield sheet.problem(row, column, what, "correct one of the two", "warning")


def _against_outcomes(sheet: Sheet, outcomes: Sheet) -> Iterator[Problem]:
    """Data of another type than the outcome, the other direction, or a scale that the outcome doesn't list."""
    names = outcomes["outcome"]
    types = dict(zip(names, outcomes["type"], strict=True))
    lower = dict(zip(names, outcomes["lower_is_better"], strict=True))
    if sheet.name == "arms":
        yield from _data_of_type(sheet, types)
    else:
        for row, (outcome, measure) in enumerate(zip(sheet["outcome"], sheet["measure"], strict=True)):
            suited = MEASURES_OF.get(types.get(outcome, ""))
            if suited and measure and measure not in suited:
                what = f"{measure} doesn't measure a {types[outcome]} outcome"
                mend = f"use {_or(suited)}, or name an outcome of the type that {measure} measures"
                yield sheet.problem(row, "measure", what, mend)
    if "lower_is_better" in sheet.values:
        for row, (outcome, says) in enumerate(zip(sheet["outcome"], sheet["lower_is_better"], strict=True)):
            expected = lower.get(outcome)
            if says is not None and expected is not None and says != expected:
                what = f"outcomes.csv says {str(expected).lower()} for {outcome!r}"
                mend = "write the same in both, or name the opposite outcome (failure instead of response)"
                yield sheet.problem(row, "lower_is_better", what, mend)
    yield from _unknown_scales(sheet, dict(zip(names, outcomes["scales"], strict=True)))


def _data_of_type(sheet: Sheet, types: Mapping[str, str]) -> Iterator[Problem]:
    counted = {name for name, type_ in types.items() if type_ and type_ != "continuous"}
    measured = {name for name, type_ in types.items() if type_ == "continuous"}
    outcomes = sheet["outcome"]
    for column, wrong in (*((column, counted) for column in _CONTINUOUS_DATA), ("events", measured)):
        if column not in sheet.values or wrong.isdisjoint(outcomes):
            continue
        for row, (outcome, value) in enumerate(zip(outcomes, sheet[column], strict=True)):
            if value is not None and outcome in wrong:
                holds = "events" if column == "events" else "a mean or its spread"
                what = f"{holds} for {outcome!r}, which is {types[outcome]}"
                mend = "correct the outcome's type in outcomes.csv, or name the outcome that was measured"
                yield sheet.problem(row, column, what, mend)


def _unknown_scales(sheet: Sheet, scales: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
    """outcomes.csv lists instruments in prose: a scale is known by its first word, the instrument's name."""
    names = {outcome: {_instrument(scale) for scale in listed} for outcome, listed in scales.items()}
    pairs = list(zip(sheet["outcome"], sheet["scale"], strict=True))
    strange = {
        (outcome, scale)
        for outcome, scale in set(pairs)
        if scale and names.get(outcome) and _instrument(scale) not in names[outcome]
    }
    if not strange:
        return
    for row, (outcome, scale) in enumerate(pairs):
        if (outcome, scale) in strange:
            what = f"unknown scale for {outcome!r}"
            mend = f"add it to the outcome's scales ({'; '.join(scales[outcome])}) or correct it"
            yield sheet.problem(row, "scale", what, mend)


def _instrument(scale: str) -> str:
    return next(iter(_WORD.findall(scale.casefold())), "")


def _or(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _overrides(sheet: Sheet, sheets: Sheets) -> Iterator[Problem]:
    """Overrides of certainty: known nodes on both sides, and a level that the domain can have."""
    from datetime import date

    rows = zip(sheet["comparison"], sheet["outcome"], sheet["domain"], sheet["level"], sheet["when"], strict=True)
    rated: dict[tuple[frozenset[str], str, str], str] = {}
    for row, (comparison, outcome, domain, level, when) in enumerate(rows):
        if comparison:
            yield from _comparison(sheet, row, comparison, sheets)
            other = rated.setdefault((frozenset(comparison.split(" v ")), outcome, domain), comparison)
            if other != comparison:
                what = f"{other!r} is the same comparison the other way round, rated already"
                yield sheet.problem(row, "comparison", what, "delete one of the two")
        if domain == "overall" and level not in ("", *CERTAINTIES):
            yield sheet.problem(row, "level", "not a certainty", f"write one of {', '.join(CERTAINTIES)}")
        elif domain and domain != "overall" and level not in ("", "0", "1", "2", "3"):
            what = f"not a number of levels to rate down by for {domain}"
            yield sheet.problem(row, "level", what, "write 0, 1, 2 or 3")
        try:
            date.fromisoformat(when or "2000-01-01")
        except ValueError:
            yield sheet.problem(row, "when", "no such day", "write the date as year-month-day, like 2026-01-31")


def _comparison(sheet: Sheet, row: int, comparison: str, sheets: Sheets) -> Iterator[Problem]:
    from equipoise.review.nearest import did_you_mean

    parts = comparison.split(" v ")
    ways = [(" v ".join(parts[:i]), " v ".join(parts[i:])) for i in range(1, len(parts))]
    if not ways:
        what, mend = "not a comparison", "write it as “treatment v comparator”, with the nodes of interventions.csv"
        yield sheet.problem(row, "comparison", what, mend)
        return
    nodes = sheets.known("interventions", "node")
    treatment, comparator = next((way for way in ways if set(way) <= nodes), ways[0])
    for node in (treatment, comparator):
        if sheets.unknown("interventions", "node", [node]):
            mend = did_you_mean(node, nodes, "name a node of interventions.csv")
            yield sheet.problem(row, "comparison", f"{node!r} is no treatment's node", mend)
    if treatment == comparator:
        yield sheet.problem(
            row, "comparison", "the treatment is compared with itself", "name what it was compared with"
        )
