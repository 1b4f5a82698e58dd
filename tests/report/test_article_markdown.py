"""The article in Markdown: the same sentences, each with its grounds as a footnote; data stays text."""

from __future__ import annotations

import re

import pytest
from article_sample import sample
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from equipoise.report.exchange import from_json, to_json
from equipoise.report.grounds import statements
from equipoise.report.markdown import escape, render

MARKDOWN = MarkdownIt("gfm-like", {"linkify": False})


def tokens(text: str) -> list[Token]:
    return [part for token in MARKDOWN.parse(text) for part in (token, *(token.children or ()))]


def test_it_is_a_pure_function_of_the_answer() -> None:
    assert render(from_json(to_json(sample()))) == render(sample())


def test_every_sentence_is_followed_by_a_footnote_that_is_defined() -> None:
    text = render(sample())
    defined = set(re.findall(r"^\[\^(\d+)\]: ", text, re.MULTILINE))
    for place, said in statements(sample()):
        if not place.startswith(("compared", "safety_headlines", "verdict")):
            found = re.search(re.escape(escape(said.text)) + r"\[\^(\d+)\]", text)
            assert found, said.text
            assert found.group(1) in defined
    assert set(re.findall(r"\[\^(\d+)\](?!:)", text)) == defined


def test_nothing_in_it_is_html_and_only_http_addresses_are_links() -> None:
    found = tokens(render(sample()))
    assert not [token for token in found if token.type in {"html_block", "html_inline", "image"}]
    hrefs = [str(token.attrs["href"]) for token in found if token.type == "link_open"]
    assert hrefs
    assert all(href.startswith(("https://", "http://")) for href in hrefs)


def test_hostile_text_is_read_as_it_was_written() -> None:
    shown = "".join(token.content for token in tokens(render(sample())) if token.type in {"text", "text_special"})
    assert "<script>alert('title')</script> & a trial of “borvanil” in <b>wobble syndrome</b>" in shown
    assert "<img src=x onerror=alert(1)> | pipes & *stars*" in shown


def test_tables_have_as_many_cells_as_columns() -> None:
    for table in re.findall(r"(?:^\|.*\n)+", render(sample()), re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1


def test_headings_are_those_of_the_page() -> None:
    text = render(sample())
    assert text.startswith("# Does Magnorex help with wobble syndrome?\n")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings == ["Key points", "Lines of evidence", *(s.title for s in sample().sections), "Evidence register"]


@pytest.mark.parametrize(
    "text", ["- a", "+ a", "1. a", "12) a", "# a", "> a", "    a", "| a |", "---", "===", "***", "~~~", "[^1]: a"]
)
def test_a_sentence_cannot_start_a_list_a_heading_or_a_block(text: str) -> None:
    assert [token.type for token in MARKDOWN.parse(escape(text))] == ["paragraph_open", "inline", "paragraph_close"]


@given(st.text(st.sampled_from("ab1.-+*_`[]()<>!#|~\\&;^:= \n") | st.characters(codec="utf-8")))
def test_escaped_text_reads_back_as_itself(text: str) -> None:
    parts = tokens(escape(text))
    assert {part.type for part in parts} <= {"paragraph_open", "inline", "paragraph_close", "text", "text_special"}
    shown = "".join(part.content for part in parts if part.type in {"text", "text_special"})
    assert shown.split() == text.replace("\x00", "\ufffd").split()
