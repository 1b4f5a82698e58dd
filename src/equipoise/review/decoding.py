"""From the bytes of a file to its text, whatever program wrote it; what isn't UTF-8 is named with its mend."""

from __future__ import annotations

import codecs

from equipoise.review.problem import Problem

_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


def decode(data: bytes, file: str) -> tuple[str | None, list[Problem]]:
    """The text with ``\\n`` for every kind of line end and no byte-order mark; None when it isn't UTF-8."""
    data = data.removeprefix(codecs.BOM_UTF8)
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return None, [_wrong(file, 1, None, "", f"the file is {encoding}, not UTF-8", encoding)]
    zero = data.find(b"\0")
    if zero >= 0:
        wide = data[:200].count(b"\0") * 3 > len(data[:200])
        if wide:
            return None, [
                _wrong(file, 1, None, "", "the file is UTF-16 without a byte-order mark, not UTF-8", "UTF-16")
            ]
        row = data.count(b"\n", 0, zero) + 1
        what = "the file holds a zero byte: it is damaged or not a text file"
        return None, [Problem(file, row, None, "\\x00", what, "save it again as text (CSV UTF-8)")]
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return None, [_not_utf8(data, error, file)]
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text, []


def _not_utf8(data: bytes, error: UnicodeDecodeError, file: str) -> Problem:
    before = data[: error.start].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    start = before.rfind(b"\n") + 1
    row = before.count(b"\n") + 1
    place = str(len(before[start:].decode("utf-8")) + 1)
    rest = data[error.start : error.start + 24].splitlines()[0].decode("cp1252", errors="replace")
    shown = before[start:][-24:].decode("utf-8", errors="ignore") + rest
    what = f"character {place} isn't UTF-8 (byte 0x{data[error.start]:02X}); read as Windows-1252 it says {shown!r}"
    return _wrong(file, row, place, rest[:1], what, "Latin-1")


def _wrong(file: str, row: int | None, column: str | None, value: str, what: str, encoding: str) -> Problem:
    source = {"Latin-1": "WINDOWS-1252"}.get(encoding, encoding)
    mend = f"save it as “CSV UTF-8”, or convert it: iconv -f {source} -t UTF-8 {file}"
    return Problem(file, row, column, value, what, mend)
