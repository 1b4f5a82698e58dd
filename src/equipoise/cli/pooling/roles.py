"""Which column is what: as the user said, else as the columns' names say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from equipoise.cli.pooling import names
from equipoise.cli.pooling.bad_option import BadOption
from equipoise.cli.pooling.textfile import TextFile
from equipoise.synthesis.measures.table import MEASURES, Measure
from equipoise.synthesis.measures.table import measure as find_measure

Columns = str | tuple[str, str]

BY_KIND = {
    ("events", "n"): ("OR", "RR", "RD"),
    ("events", "time"): ("IRR", "IRD"),
    ("mean", "sd", "n"): ("MD", "SMD", "ROM"),
}
"""Measures worth naming for what two groups' columns hold."""
BY_KIND_OF_ONE = {
    ("events", "n"): ("PLO", "PR", "PFT"),
    ("events", "time"): ("IRLN", "IR"),
    ("mean", "sd", "n"): ("MN",),
    ("r", "n"): ("ZCOR", "COR"),
}


@dataclass(frozen=True, slots=True)
class Roles:
    """What the columns are.

    ``columns`` maps roles to a column, or to the pair of the treated and the comparator group. ``study`` are the
    columns that make the label. ``form`` is "wide", "long" or "estimates". ``logged`` says that estimates are on the
    log scale already. ``measure`` is None for estimates of an unnamed effect. ``groups`` are the groups' names.
    """

    form: str
    measure: str | None
    study: tuple[str, ...]
    columns: Mapping[str, Columns]
    treatment: str | None = None
    reference: str | None = None
    groups: tuple[str, str] | None = None
    logged: bool = False
    remarks: tuple[str, ...] = ()

    def used(self) -> set[str]:
        """The columns that have a role."""
        found = set(self.study) | ({self.treatment} if self.treatment else set())
        for column in self.columns.values():
            found |= {column} if isinstance(column, str) else set(column)
        return found


def find_roles(
    table: TextFile,
    measure: str | None,
    said: Mapping[str, str],
    study: str | None = None,
    treatment: str | None = None,
    reference: str | None = None,
    scale: str | None = None,
) -> Roles:
    """The roles of a file's columns.

    ``said`` maps roles to what the user wrote, one column or two with a comma between, and goes before any guess.
    Raises ``BadOption`` that says what is missing, what there is, and which option names it.
    """
    row = None if measure is None else find_measure(measure)
    given = {role: _named(table, role, text) for role, text in said.items()}
    label = _study(table, study)
    arm = _treatment(table, treatment, label, given)
    guesses, group_words = _guesses(table, row, arm is not None)
    roles = {**guesses, **given}
    if arm is not None:
        roles = {role: column for role, column in roles.items() if isinstance(column, str)}
    needed = _for_measure(row, roles, arm is not None)
    if needed is None and row is None:
        options = _possible(roles, arm is not None)
        if options:
            held, (first, *others) = options
            further = f" (or {', '.join(others)})" if others else ""
            raise BadOption(f"{table.path} holds {held}; say what to pool, as --measure {first}{further}")
    if needed is not None and row is not None:
        if arm is None:
            return Roles("wide", row.code, label, needed, groups=group_words if row.groups == 2 else None)
        against, remarks = (None, ()) if row.groups == 1 else _reference(table, arm, reference)
        if row.groups == 1:
            return Roles("wide", row.code, (*label, arm), needed)
        return Roles("long", row.code, label, needed, arm, against, remarks=remarks)
    estimates = _estimates(table, row, roles, label, scale)
    if estimates is not None:
        return estimates
    raise BadOption(_lacking(table, row, roles, arm))


def _named(table: TextFile, role: str, text: str) -> Columns:
    whole = text.strip()
    parts = (whole,) if whole in table.columns else tuple(part.strip() for part in text.split(","))
    option = "--" + role.replace("_", "-")
    for part in parts:
        if part not in table.columns:
            raise BadOption(f"{option}: {table.path} has no column {part!r}; it has {', '.join(table.columns)}")
    if len(parts) > 2:
        raise BadOption(
            f"{option}: {len(parts)} columns; one is needed, or two for the treated and the comparator group"
        )
    return parts[0] if len(parts) == 1 else (parts[0], parts[1])


def _study(table: TextFile, said: str | None) -> tuple[str, ...]:
    if said is not None:
        parts = [said] if said in table.columns else [part.strip() for part in said.replace("+", ",").split(",")]
        for part in parts:
            if part not in table.columns:
                raise BadOption(f"--study: {table.path} has no column {part!r}; it has {', '.join(table.columns)}")
        return tuple(parts)
    plain = {names.plain(name): name for name in reversed(table.columns)}
    found = [plain[names.plain(word)] for word in names.STUDY if names.plain(word) in plain]
    text = [name for name in found if not table.is_numeric(name)]
    author = next((plain[names.plain(word)] for word in names.AUTHOR if names.plain(word) in plain), None)
    year = next((plain[names.plain(word)] for word in names.YEAR if names.plain(word) in plain), None)
    if text and text[0] != author:
        return (text[0],)
    if author and year:
        return (author, year)
    return (author,) if author else tuple(found[:1])


def _treatment(table: TextFile, said: str | None, study: tuple[str, ...], given: Mapping[str, Columns]) -> str | None:
    """The column of treatments, where a row is an arm: studies come several times and none of the roles is a pair."""
    if said is not None:
        if said not in table.columns:
            raise BadOption(f"--treatment: {table.path} has no column {said!r}; it has {', '.join(table.columns)}")
        if not study:
            raise BadOption("one row an arm needs --study, the column that says which arms belong together")
        return said
    if any(not isinstance(column, str) for column in given.values()) or not study:
        return None
    keys = list(zip(*(table.columns[name] for name in study), strict=True))
    if len(set(keys)) == len(keys):
        return None
    plain = {names.plain(name): name for name in table.columns}
    wide = any(found is not None and found.group for found in map(names.meaning, table.columns))
    for word in names.TREATMENT:
        name = plain.get(names.plain(word))
        if name is None or name in study:
            continue
        if not wide or len(set(zip(keys, table.columns[name], strict=True))) == len(keys):
            return name
    return None


def _guesses(table: TextFile, row: Measure | None, long: bool) -> tuple[dict[str, Columns], tuple[str, str] | None]:
    """Roles by the columns' names, and the groups' names where they are words of the file's own."""
    correlation = row is not None and "r" in row.roles
    single: dict[str, str] = {}
    pairs: dict[str, dict[str, str]] = {}
    crossed = set(names.FOURFOLD) <= set(map(names.plain, table.columns))
    for name in table.columns:
        found = names.FOURFOLD.get(names.plain(name)) if crossed else None
        found = found or names.meaning(name)
        if found is None or not table.mostly_numeric(name):
            continue
        role = "r" if correlation and names.plain(name) == "r" else found.role
        if found.group == "":
            single.setdefault(role, name)
        else:
            pairs.setdefault(role, {}).setdefault(found.group, name)
    roles: dict[str, Columns] = dict(single)
    words = _two_groups(pairs)
    if words is not None and not long:
        for role, columns in pairs.items():
            if words[0] in columns and words[1] in columns:
                roles[role] = (columns[words[0]], columns[words[1]])
    own = None if words is None or words == ("1", "2") else (words[0].capitalize(), words[1].capitalize())
    return roles, own


def _two_groups(pairs: Mapping[str, Mapping[str, str]]) -> tuple[str, str] | None:
    """The words for the treated and the comparator group: those that most roles have in common."""
    counts: dict[str, int] = {}
    for columns in pairs.values():
        for group in columns:
            counts[group] = counts.get(group, 0) + 1
    if "1" in counts and "2" in counts:
        return "1", "2"
    most = max(counts.values(), default=0)
    words = [word for word in counts if counts[word] == most]
    if len(words) != 2:
        return None
    second = next((word for word in words if word == "2" or word in names.GROUPS), words[1])
    first = words[0] if words[1] == second else words[1]
    return (second, first) if second == "1" else (first, second)


def _for_measure(row: Measure | None, roles: Mapping[str, Columns], long: bool) -> dict[str, Columns] | None:
    """The measure's columns where all are there, else None. Non-events do in place of sizes."""
    if row is None:
        return None
    chosen: dict[str, Columns] = {}
    for role in row.roles:
        pair = f"{role}1" in row.needs and not long
        column = roles.get(role)
        if column is None and role == "n" and "events" in row.roles:
            role, column = "non_events", roles.get("non_events")
        if column is None or isinstance(column, str) == pair:
            return None
        chosen[role] = column
    return chosen


def _possible(roles: Mapping[str, Columns], long: bool) -> tuple[str, tuple[str, ...]] | None:
    words = {
        "events": "events",
        "n": "group sizes",
        "time": "person-time",
        "mean": "means",
        "sd": "SDs",
        "r": "correlations",
    }
    for kinds, two in ((BY_KIND, True), (BY_KIND_OF_ONE, False)):
        for kind, codes in kinds.items():
            row = MEASURES[codes[0]]
            if _for_measure(row, roles, long and two) is not None:
                held = ", ".join(words[role] for role in kind[:-1]) + f" and {words[kind[-1]]}"
                return f"{held} of {'two groups' if two else 'one group'}", codes
    return None


def _reference(table: TextFile, arm: str, said: str | None) -> tuple[str, tuple[str, ...]]:
    arms = list(dict.fromkeys(value for value in table.columns[arm] if value))
    if said is not None:
        if said not in arms:
            raise BadOption(f"--reference: no row of column {arm!r} says {said!r}; it has {', '.join(arms)}")
        return said, ()
    controls = [name for name in arms if set(names.tokens(name)) & set(names.CONTROLS)]
    if len(controls) == 1:
        return controls[0], (f"every other arm is compared with {controls[0]!r}; --reference names another",)
    if len(arms) == 2:
        return arms[1], (f"{arms[0]!r} is compared with {arms[1]!r}; --reference turns them round",)
    raise BadOption(
        f"column {arm!r} has {len(arms)} treatments ({', '.join(arms[:8])}{', …' if len(arms) > 8 else ''}); "
        "say which the others are compared with: --reference NAME"
    )


def _estimates(
    table: TextFile, row: Measure | None, roles: Mapping[str, Columns], study: tuple[str, ...], scale: str | None
) -> Roles | None:
    """Estimates with their standard errors, variances or intervals, where they are there."""
    estimate = roles.get("estimate")
    if not isinstance(estimate, str):
        return None
    columns: dict[str, Columns] = {"estimate": estimate}
    for wanted in (("se",), ("variance",), ("ci_low", "ci_high")):
        if all(isinstance(roles.get(role), str) for role in wanted):
            columns |= {role: roles[role] for role in wanted}
            break
    else:
        return None
    word = names.plain(estimate)
    code = row.code if row is not None else names.NATURAL.get(word, names.LOGGED.get(word))
    found = Roles("estimates", code, study, columns)
    if code is None or not MEASURES[code].is_ratio:
        return found
    logged, why = _logged(table, columns, word, scale, code)
    remarks = [why] if why else []
    if "se" in columns or "variance" in columns:
        what = "standard errors" if "se" in columns else "variances"
        remarks.append(f"the {what} are taken to be those of log {code}")
    return replace(found, logged=logged, remarks=tuple(remarks))


def _logged(
    table: TextFile, columns: Mapping[str, Columns], word: str, scale: str | None, code: str
) -> tuple[bool, str]:
    """Whether a ratio's estimates are logarithms, and how that was told."""
    if scale is not None:
        return scale == "log", ""
    if word in names.LOGGED or word in {"yi", "te"}:
        return True, f"{columns['estimate']} is read as log {code}; --scale natural says otherwise"
    if word in names.NATURAL:
        return False, f"{columns['estimate']} is read as {code} on its natural scale; --scale log says otherwise"
    values = table.numbers(str(columns["estimate"]))
    if any(value <= 0 for value in values):
        return True, f"{columns['estimate']} has values of 0 or less, so it is read as log {code}"
    if "ci_low" in columns:
        lows, highs = (table.numbers(str(columns[role])) for role in ("ci_low", "ci_high"))
        if any(low <= 0 for low in lows):
            return True, f"{columns['ci_low']} has values of 0 or less, so estimates are read as log {code}"
        whole = [
            (abs(high + low - 2 * y) / (high - low), y * y / (low * high))
            for y, low, high in zip(values, lows, highs, strict=True)
            if low < y < high
        ]
        if whole and all(abs(square - 1) < 0.1 for _, square in whole):
            return False, f"the intervals are symmetric on the log scale, so {columns['estimate']} is read as {code}"
    raise BadOption(f"{columns['estimate']!r} could be {code} or log {code}: say --scale natural or --scale log")


def _lacking(table: TextFile, row: Measure | None, roles: Mapping[str, Columns], arm: str | None) -> str:
    there = f"{table.path} has the columns {', '.join(table.columns)}"
    if row is None:
        return (
            f"{there}; none of the names tells what to pool. Name the columns, as --events r1,r2 --n n1,n2 with "
            "--measure OR, or --estimate y --se s"
        )
    pair = row.groups == 2 and arm is None
    missing = [role for role in row.roles if _for_measure(_needing(row, role), roles, arm is not None) is None]
    awry = [role for role in missing if role in roles and isinstance(roles[role], str) == pair]
    if awry:
        role = awry[0]
        column = roles[role]
        option = "--" + role.replace("_", "-")
        if isinstance(column, str):
            return (
                f"{row.code} compares two groups, so {option} needs two columns, TREATED,COMPARATOR (where a row is a "
                f"study), or --treatment names the column of treatments (where a row is an arm); found was {column!r} alone"
            )
        return (
            f"{row.code} is about one group, so {option} needs one column; found were {column[0]!r} and {column[1]!r}. "
            f"Name one: {option} {column[0]}"
        )
    found = [
        f"{role.replace('_', '-')} ({column if isinstance(column, str) else ', '.join(column)})"
        for role, column in roles.items()
    ]
    guessed = f"; found were {', '.join(found)}" if found else ""
    example = " ".join(f"--{role.replace('_', '-')} {'TREATED,COMPARATOR' if pair else 'COLUMN'}" for role in missing)
    return (
        f"{row.code} needs {', '.join(row.roles)}; not found: {', '.join(missing)}{guessed}. {there}. "
        f"Name them: {example}"
    )


def _needing(row: Measure, role: str) -> Measure:
    """The measure as if it needed one role only."""
    return replace(row, needs=tuple(need for need in row.needs if need.rstrip("12") == role))
