"""From the text of cells to values, a column at a time.

A column's distinct texts are read once; numbers are read all together, and one by one only when that fails. What
can't be read is returned with what is wrong and how to mend it.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from equipoise.review.columns import Column, PValue
from equipoise.review.nearest import nearest
from equipoise.review.problem import Severity


class Unreadable(ValueError):
    """A text that isn't what its column holds."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.what = what
        self.mend = mend


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with one text wherever it stands in the column."""

    what: str
    mend: str
    severity: Severity = "error"


EMPTY: dict[str, Any] = {"text": "", "choice": "", "url": "", "list": ()}
"""What an empty cell becomes by the column's kind; None for the other kinds."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_NUMERALS = frozenset("0123456789.+-eE")


def parse_column(spec: Column, cells: Sequence[str]) -> tuple[Sequence[Any], dict[str, Complaint]]:
    """The values of a column (an unreadable text becomes an empty cell) and the complaints by text."""
    distinct = set(cells)
    values: dict[str, Any] | None = None
    if spec.kind in ("number", "integer"):
        values = _all_numbers(spec, distinct)
    elif spec.kind == "text" and spec.pattern is None and _all_clean(distinct):
        return cells, _absent(spec, distinct)
    complaints = _absent(spec, distinct)
    if values is None:
        values = {text: _value(spec, text, complaints) for text in sorted(distinct)}
    return list(map(values.__getitem__, cells)), complaints


def parse(spec: Column, text: str) -> Any:
    """The value of one cell without spaces at its ends; raises ``Unreadable``."""
    if not text:
        return EMPTY.get(spec.kind)
    value = _READERS[spec.kind](spec, text)
    if spec.kind in ("number", "integer"):
        _check_bounds(spec, value)
    return value


def _all_clean(texts: Iterable[str]) -> bool:
    """Whether all are plain ASCII without spaces at their ends: tested on all at once."""
    joined = "".join(texts)
    if not (joined.isascii() and joined.isprintable()):
        return False
    lines = "\n".join(("", *texts, ""))
    return "\n " not in lines and " \n" not in lines


def _absent(spec: Column, distinct: Iterable[str]) -> dict[str, Complaint]:
    if spec.required and "" in distinct:
        return {"": Complaint("the cell is empty", f"fill it in: {spec.meaning or 'every row needs it'}")}
    return {}


def _all_numbers(spec: Column, distinct: set[str]) -> dict[str, Any] | None:
    """The numbers of all texts when each is plain and within bounds; None sends them through one by one."""
    texts = [text for text in distinct if text]
    if not texts:
        return {"": None}
    if not _NUMERALS.issuperset("".join(texts)):
        return None
    try:
        numbers: list[Any] = list(map(int if spec.kind == "integer" else float, texts))
    except ValueError:
        return None
    low, high = min(numbers), max(numbers)
    if _out_of_bounds(spec, low) or _out_of_bounds(spec, high):
        return None
    return {"": None, **dict(zip(texts, numbers, strict=True))}


def _value(spec: Column, text: str, complaints: dict[str, Complaint]) -> Any:
    clean = text.strip()
    complaint = None
    if clean != text:
        complaint = Complaint("spaces around the value", f"write {clean!r}" if clean else "empty the cell", "warning")
        if not clean and spec.required:
            complaint = Complaint("the cell holds only spaces", f"fill it in: {spec.meaning or 'every row needs it'}")
    complaint = _odd_characters(clean) or complaint
    try:
        value = parse(spec, clean)
    except Unreadable as trouble:
        complaint = Complaint(trouble.what, trouble.mend)
        value = EMPTY.get(spec.kind)
    if spec.kind == "list" and complaint is None and any(not item.strip() for item in clean.split(";")) and clean:
        complaint = Complaint("an empty item in the list", f"write {'; '.join(value)!r}", "warning")
    if complaint is not None:
        complaints[text] = complaint
    return value


def _odd_characters(text: str) -> Complaint | None:
    """Characters that nobody sees or that an earlier conversion garbled."""
    if text.isascii() and text.isprintable():
        return None
    for char in text:
        category = unicodedata.category(char)
        if char == "\n" or category == "Zs" or char in "\u200c\u200d":  # joiners belong to some scripts
            continue
        if category in ("Cc", "Cf", "Co", "Cn", "Zl", "Zp"):
            name = unicodedata.name(char, {"\t": "a tab"}.get(char, "a control character")).lower()
            return Complaint(f"the cell holds an invisible character, U+{ord(char):04X} ({name})", "delete it")
    if "\ufffd" in text:
        return Complaint("letters were lost when the file was converted (�)", "write them again", "warning")
    try:
        repaired = text.encode("cp1252").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return None
    if repaired != text:
        return Complaint("letters were garbled when the file was converted", f"write {repaired!r}", "warning")
    return None


def _out_of_bounds(spec: Column, number: float) -> bool:
    return (
        not math.isfinite(number)
        or (spec.minimum is not None and number < spec.minimum)
        or (spec.above is not None and number <= spec.above)
        or (spec.maximum is not None and number > spec.maximum)
    )


def _check_bounds(spec: Column, number: float) -> None:
    if not _out_of_bounds(spec, number):
        return
    if not math.isfinite(number):
        raise Unreadable("not a finite number", "write the number, or leave the cell empty when it isn't known")
    limits = []
    if spec.above is not None:
        limits.append(f"above {spec.above:g}")
    if spec.minimum is not None:
        limits.append(f"{spec.minimum:g} or more" if spec.maximum is None else f"from {spec.minimum:g}")
    if spec.maximum is not None:
        limits.append(f"to {spec.maximum:g}")
    bounds = " ".join(limits)
    raise Unreadable(f"an impossible number: it must be {bounds}", "correct it, or leave the cell empty")


def _text(spec: Column, text: str) -> str:
    if spec.pattern is None or re.fullmatch(spec.pattern, text):
        return text
    inside = re.search(spec.pattern, text.upper() if spec.pattern.startswith("NCT") else text)
    mend = f"write {inside[0]!r}" if inside else f"write it like {spec.example}"
    raise Unreadable("not of the form that the column needs", mend)


def _choice(spec: Column, text: str) -> str:
    if text in spec.choices:
        return text
    match = nearest(text, spec.choices)
    words = ", ".join(spec.choices)
    raise Unreadable(
        "not a word that the column knows", f"did you mean {match!r}?" if match else f"write one of {words}"
    )


def _list(spec: Column, text: str) -> tuple[str, ...]:
    items = tuple(item for item in (part.strip() for part in text.split(";")) if item)
    for item in items:
        if spec.choices and item not in spec.choices:
            if "," in item and {part.strip() for part in item.split(",")} <= set(spec.choices):
                mend = f"separate items by semicolons: {item.replace(',', ';')!r}"
                raise Unreadable("the items are separated by commas", mend)
            match = nearest(item, spec.choices)
            mend = f"did you mean {match!r}?" if match else f"write some of {'; '.join(spec.choices)}"
            raise Unreadable(f"{item!r} isn't a word that the column knows", mend)
    return items


def _url(_spec: Column, text: str) -> str:
    if re.fullmatch(r"https?://[^\s/]+\S*", text):
        return text
    what = "not a web address that begins with https:// or http://"
    if any(char.isspace() for char in text) and re.match(r"https?://", text):
        raise Unreadable("a web address with a space in it", "give one address, with %20 for a space")
    if re.fullmatch(r"(doi:\s*)?10\.\d{4,9}/\S+", text, re.IGNORECASE):
        raise Unreadable(what, f"write 'https://doi.org/{text[text.index('10.') :]}'")
    if re.fullmatch(r"[\w-]+(\.[\w-]+)+(/\S*)?", text):
        raise Unreadable(what, f"write 'https://{text}'")
    raise Unreadable(what, "give the address of the page where the fact was seen")


def _boolean(_spec: Column, text: str) -> bool:
    value = {"true": True, "false": False}.get(text.lower())  # spreadsheets write TRUE
    if value is None:
        meant = {"yes": "true", "y": "true", "1": "true", "no": "false", "n": "false", "0": "false"}.get(text.lower())
        raise Unreadable("neither true nor false", f"write {meant}" if meant else "write true, false or nothing")
    return value


def _integer(spec: Column, text: str) -> int:
    if re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII):
        return int(text)
    number = _number(spec, text)
    if math.isfinite(number) and not number.is_integer():
        raise Unreadable("not a whole number", "write the count itself; what isn't a count belongs in a note")
    if not math.isfinite(number):
        raise Unreadable("not a finite number", "write the number, or leave the cell empty when it isn't known")
    return int(number)


def _number(_spec: Column, text: str) -> float:
    if _NUMBER.fullmatch(text):
        return float(text)
    raise _not_a_number(text)


def _p_value(spec: Column, text: str) -> PValue:
    relation: Literal["=", "<", ">"] = "="
    bare = text
    if text[0] == "<" or text[0] == ">":
        relation, bare = ("<" if text[0] == "<" else ">"), text[1:].lstrip()
    if re.fullmatch(r"n\.?\s?s\.?|not significant", text, re.IGNORECASE):
        raise Unreadable("not a p-value", "leave the cell empty and say “not significant” in the note")
    if text[0] in "=≤≥pP":
        number = re.search(r"\d*\.?\d+([eE][+-]?\d+)?$", text)
        sign = "<" if "<" in text or "≤" in text else ">" if ">" in text or "≥" in text else ""
        raise Unreadable("more than a p-value", f"write {sign + number[0]!r}" if number else "write it like <0.001")
    value = _number(spec, bare)
    if not 0 <= value <= 1 or (value == 0 and relation == "<") or (value == 1 and relation == ">"):
        raise Unreadable("an impossible number: a p-value is from 0 to 1", "correct it, or leave the cell empty")
    return PValue(value, relation)


def _not_a_number(text: str) -> Unreadable:
    """What a text in a number column probably meant."""
    dashes = str.maketrans("−–—", "---")
    plain = text.translate(dashes)
    if plain != text and _NUMBER.fullmatch(plain):
        return Unreadable("a dash where a minus sign should be", f"write {plain!r}")
    if re.fullmatch(r"[-+]?\d{1,3}(,\d{3})+", plain) or re.fullmatch(r"[-+]?\d{1,3}(,\d{3})+\.\d+", plain):
        whole = plain.replace(",", "")
        other = (
            ""
            if plain.count(",") > 1 or "." in plain
            else f", or {plain.replace(',', '.')!r} if the comma is a decimal comma"
        )
        return Unreadable("a comma in a number", f"write {whole!r}{other}")
    if re.fullmatch(r"[-+]?\d*,\d+", plain):
        return Unreadable("a decimal comma", f"write {plain.replace(',', '.')!r}")
    if re.fullmatch(r"[-+]?\d{1,3}([.'’ \u00a0\u2009\u202f]\d{3})+([.,]\d+)?", plain):
        parts = re.split(r"[.,](?=\d+$)", plain) if re.search(r"[.,]\d{1,2}$", plain) else [plain]
        whole = re.sub(r"[^\d+-]", "", parts[0]) + (f".{parts[1]}" if len(parts) > 1 else "")
        return Unreadable("separators between thousands", f"write {whole!r}")
    if re.fullmatch(r"[-+]?[\d.,]+\s*%", plain):
        number = plain.rstrip("% ").replace(",", ".")
        return Unreadable("a percent sign in a number column", f"write {number!r} and state the unit in its own column")
    if plain.startswith("#"):
        return Unreadable("an error value of a spreadsheet", "mend the formula and paste its value")
    if re.fullmatch(r"[-+]?(nan|inf(inity)?)", plain, re.IGNORECASE):
        return Unreadable("not a finite number", "leave the cell empty when the number isn't known")
    if re.fullmatch(r"n\.?/?a\.?|n\.?[rsd]\.?|[-.?*]+|null|none|missing|unknown|not reported", plain, re.IGNORECASE):
        return Unreadable("a word for a missing value", "leave the cell empty")
    if re.match(r"[<>≤≥~≈]", plain):
        return Unreadable("a bound isn't a number", "leave the cell empty and give the bound in the note")
    if re.match(r"[-+]?[\d.]+\s*(±|\+/-|\()", plain):
        return Unreadable("more than one number", "give each number its own column")
    if re.match(r"[-+]?[\d.]+\s*[^\d\s]", plain):
        return Unreadable("text in a number column", "write the number alone; units and marks belong in a note")
    return Unreadable("text in a number column", "write the number, or leave the cell empty when it isn't known")


_READERS: dict[str, Callable[[Column, str], Any]] = {
    "text": _text,
    "choice": _choice,
    "list": _list,
    "url": _url,
    "boolean": _boolean,
    "integer": _integer,
    "number": _number,
    "p_value": _p_value,
}
