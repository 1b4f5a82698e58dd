"""Only what is certainly a web address becomes a link."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.report import links


@pytest.mark.parametrize("text", ["https://example.org/a?b=1&c=2#d", "http://example.org", " https://example.org/x "])
def test_web_addresses_pass(text: str) -> None:
    assert links.web_address(text) == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "file:///etc/passwd",
        "ftp://example.org/x",
        "//example.org/x",
        "https://",
        "https:///path",
        "https://exa mple.org",
        "https://[bad",
        "example.org",
    ],
)
def test_everything_else_stays_text(text: str) -> None:
    assert links.web_address(text) is None


@pytest.mark.parametrize(
    ("text", "shown", "href"),
    [
        ("10.1000/xyz.1", "10.1000/xyz.1", "https://doi.org/10.1000/xyz.1"),
        ("https://doi.org/10.1000/xyz", "10.1000/xyz", "https://doi.org/10.1000/xyz"),
        ("doi:10.1000/xyz", "10.1000/xyz", "https://doi.org/10.1000/xyz"),
        ("10.1002/(SICI)1099<1::AID>3.0", "10.1002/(SICI)1099<1::AID>3.0", "https://doi.org/10.1002/(SICI)1099%3C1::AID%3E3.0"),
        ("not a doi", "not a doi", None),
        ("javascript:10.1000/x", "javascript:10.1000/x", None),
    ],
)  # fmt: skip
def test_dois(text: str, shown: str, href: str | None) -> None:
    assert links.doi(text) == (shown, href)


def test_pubmed_numbers() -> None:
    assert links.pmid("12345678") == ("12345678", "https://pubmed.ncbi.nlm.nih.gov/12345678/")
    assert links.pmid("12345678/../evil") == ("12345678/../evil", None)
    assert links.pmid("١٢٣") == ("١٢٣", None)
    assert links.pmid(" ") is None
    assert links.doi("") is None


def test_registrations_are_linked_one_by_one() -> None:
    assert links.registry("NCT01688037; ISRCTN12345678, 2004-001234-56 JapicCTI-1") == (
        ("NCT01688037", "https://clinicaltrials.gov/study/NCT01688037"),
        ("ISRCTN12345678", "https://www.isrctn.com/ISRCTN12345678"),
        ("2004-001234-56", "https://www.clinicaltrialsregister.eu/ctr-search/search?query=2004-001234-56"),
        ("JapicCTI-1", None),
    )
    assert links.registry("") == ()


@given(st.text(), st.text())
def test_anchors_are_valid_and_distinct(first: str, second: str) -> None:
    one, other = links.anchor("row", first), links.anchor("row", second)
    assert (one == other) == (first == second)
    assert not set(one) & set(" \t\n\r\f\"'<>&%#")
