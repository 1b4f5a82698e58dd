"""Web addresses and anchors made from data: only what is certainly an address becomes a link."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote, urlsplit

_DOI = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:\s*)?(10\.\d{4,9}/\S+)", re.IGNORECASE)
_REGISTRIES = (
    (re.compile(r"NCT\d{8}"), "https://clinicaltrials.gov/study/{}"),
    (re.compile(r"ISRCTN\d{8}"), "https://www.isrctn.com/{}"),
    (re.compile(r"\d{4}-\d{6}-\d{2}"), "https://www.clinicaltrialsregister.eu/ctr-search/search?query={}"),
)


class Link(NamedTuple):
    """What to show and where it leads; `href` None: text only."""

    text: str
    href: str | None


def web_address(text: str) -> str | None:
    """`text` if it is a plain http(s) address, else None (so that ``javascript:`` and the like stay text)."""
    address = text.strip()
    if any(character.isspace() or ord(character) < 32 for character in address):
        return None
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return None
    return address if parts.scheme in {"http", "https"} and host else None


def doi(text: str) -> Link | None:
    """The DOI without its prefix and its resolver's address; None for an empty cell."""
    if not text.strip():
        return None
    found = _DOI.fullmatch(text.strip())
    if found is None:
        return Link(text.strip(), None)
    name = found.group(1)
    return Link(name, "https://doi.org/" + quote(name, safe="/:;()._-"))


def pmid(text: str) -> Link | None:
    """The PubMed number and its page; None for an empty cell."""
    number = text.strip()
    if not number:
        return None
    return Link(number, f"https://pubmed.ncbi.nlm.nih.gov/{number}/" if re.fullmatch(r"[0-9]{1,9}", number) else None)


def registry(text: str) -> tuple[Link, ...]:
    """Each registration number in the cell, linked where its registry is known."""
    found: list[Link] = []
    for number in re.split(r"[;,\s]+", text.strip()):
        if number:
            address = next((form.format(number) for known, form in _REGISTRIES if known.fullmatch(number)), None)
            found.append(Link(number, address))
    return tuple(found)


def anchor(kind: str, name: str) -> str:
    """An HTML id for an entry; distinct names give distinct ids, whatever characters they hold."""
    return f"{kind}-" + re.sub(r"[^A-Za-z0-9._:-]", lambda found: f"~{ord(found.group()):x}~", name)
