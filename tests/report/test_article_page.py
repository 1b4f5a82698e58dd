"""The page: a pure function of the answer, safe, complete in itself, and every sentence leads to its grounds."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
from pathlib import Path

import pytest
from article_sample import SCRIPT_TITLE, SCRIPT_URL, sample, says
from msgspec.structs import replace
from page_tree import Element, parse

from equipoise.report import html, links
from equipoise.report.answer import Answer, Certainty, Paragraph, Section, Statement, Table, TableRow
from equipoise.report.exchange import from_json, to_json
from equipoise.report.grounds import statements
from equipoise.report.html import RESERVED, crowded, render, section_anchor

TEMPLATES = Path(html.__file__).parent / "templates"
PHRASING_ONLY = {"p", "span", "h1", "h2", "h3", "h4", "h5", "h6", "dt", "summary", "cite", "sup", "b"}
FLOW = {
    "div",
    "p",
    "ul",
    "ol",
    "dl",
    "table",
    "section",
    "article",
    "figure",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "details",
}
PARENTS = {
    "li": {"ul", "ol"},
    "dt": {"div"},
    "dd": {"div"},
    "tr": {"thead", "tbody"},
    "td": {"tr"},
    "th": {"tr"},
    "thead": {"table"},
    "tbody": {"table"},
    "caption": {"table"},
    "figcaption": {"figure"},
    "summary": {"details"},
}


@pytest.fixture(scope="module")
def page() -> Element:
    return parse(render(sample()))


def test_the_page_is_a_pure_function_of_the_answer() -> None:
    answer = sample()
    assert render(from_json(to_json(answer))) == render(answer)
    assert render(answer) == render(sample())


# ---------------------------------------------------------------- provenance


def shown(answer: Answer) -> list[Statement]:
    """The sentences that a page has: all but those that only a terminal shows."""
    return [said for place, said in statements(answer) if not place.startswith(("compared", "safety_headlines"))]


def entries(page: Element) -> dict[str, Element]:
    return {element.attributes["id"]: element for element in page.walk() if "id" in element.attributes}


def test_every_sentence_is_on_the_page_with_a_mark_that_leads_to_its_grounds(page: Element) -> None:
    by_id = entries(page)
    sentences = page.find("span", class_="s")
    assert len(sentences) == len(shown(sample()))
    on_page: dict[str, list[list[str]]] = {}
    for sentence in sentences:
        (mark,) = sentence.find("a")
        note = by_id[mark.attributes["href"].removeprefix("#")]
        leads_to = [a.attributes["href"].removeprefix("#") for a in note.find("a") if "up" not in a.classes]
        assert all(by_id[target].name == "article" for target in leads_to)
        text = "".join(child for child in sentence.children if isinstance(child, str))
        on_page.setdefault(text, []).append(leads_to)
    for said in shown(sample()):
        assert [links.anchor(ground.kind, ground.id) for ground in said.grounds] in on_page[said.text]


def test_nothing_but_sentences_stands_in_paragraphs_of_sections(page: Element) -> None:
    (section,) = page.find("section", id="human-evidence")
    for paragraph in [child for child in section.children if isinstance(child, Element) and child.name == "p"]:
        assert all(isinstance(child, Element) or not child.strip() for child in paragraph.children)


def test_sentences_with_the_same_grounds_share_a_note(page: Element) -> None:
    notes = page.find("ol", class_="note-list")[0].find("li")
    assert [note.attributes["value"] for note in notes] == [str(number) for number in range(1, len(notes) + 1)]
    assert len(notes) == len({said.grounds for said in shown(sample())})


def test_a_number_leads_to_its_studies_and_rows_and_a_study_to_where_it_was_seen(page: Element) -> None:
    by_id = entries(page)
    result = by_id[links.anchor("result", "network/Quillamine/Placebo")]
    targets = {a.attributes["href"] for a in result.find("a")}
    assert {"#study-dunmore-2004", "#study-eastleigh-2005"} <= targets, "studies behind its parts"
    assert "−1.60" in result.text
    assert "95% CI −2.50 to −0.70" in result.text
    trial = by_id[links.anchor("result", "study/dunmore-2004")]
    assert "#row-arms:8" in {a.attributes["href"] for a in trial.find("a")}
    study = by_id["study-dunmore-2004"]
    assert "https://example.org/papers/dunmore" in {a.attributes["href"] for a in study.find("a")}
    assert "(abstract; low)" in study.text


def test_every_anchor_resolves_and_no_id_repeats(page: Element) -> None:
    ids = [element.attributes["id"] for element in page.walk() if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    for element in page.walk():
        href = element.attributes.get("href", "")
        if href.startswith("#"):
            assert href[1:] in ids, href
        for attribute in ("aria-labelledby", "aria-describedby"):
            assert set(element.attributes.get(attribute, "").split()) <= set(ids)


def test_a_section_cannot_take_an_anchor_of_the_page() -> None:
    answer = sample()
    names = (*RESERVED, "result-x", "title-summary", "note-1", "with space", "ü")
    block = Paragraph((says("A sentence.", "rule:wording"),))
    page = parse(render(replace(answer, sections=tuple(Section(name, name, (block,)) for name in names))))
    ids = [element.attributes["id"] for element in page.walk() if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    assert len({section_anchor(name) for name in names}) == len(names)
    assert section_anchor("human-evidence") == "human-evidence"


# ---------------------------------------------------------------- safety


def test_text_stays_text(page: Element) -> None:
    assert len(page.find("script")) == 1
    assert not page.find("img")
    assert not page.find("i")
    assert SCRIPT_TITLE in page.text
    assert "<img src=x onerror=alert(1)> | pipes & *stars*" in page.text
    assert not [name for element in page.walk() for name in element.attributes if name.startswith("on")]


def test_only_http_addresses_become_links(page: Element) -> None:
    for element in page.walk():
        href = element.attributes.get("href")
        assert href is None or href.startswith(("#", "https://", "http://")), href
    assert SCRIPT_URL in page.text, "the address is still to be read"


def test_text_in_titles_and_attributes_is_escaped() -> None:
    hostile = "\"><script>alert(1)</script>'"
    answer = replace(
        sample(), title=hostile, verdict=says(hostile, "rule:wording"), generator=hostile, disclaimer=hostile
    )
    page = parse(render(answer))
    assert len(page.find("script")) == 1
    assert page.find("meta", name="description")[0].attributes["content"] == hostile
    assert page.find("head")[0].find("title")[0].text == hostile


def test_the_page_loads_nothing(page: Element) -> None:
    assert not page.find("link") + page.find("iframe") + page.find("object") + page.find("embed") + page.find("base")
    for element in page.walk():
        assert not {"src", "srcset", "action", "poster", "data", "style"} & element.attributes.keys(), element
        assert element.name == "a" or "href" not in element.attributes
    (style,), (script,) = page.find("style"), page.find("script")
    assert not re.search(r"url\(|@import|@font-face", style.text)
    assert not re.search(r"fetch|XMLHttpRequest|WebSocket|import\(|innerHTML|eval\(|document\.write", script.text)


def test_the_content_security_policy_allows_this_style_and_this_script_only(page: Element) -> None:
    (policy,) = [
        meta.attributes["content"]
        for meta in page.find("meta")
        if meta.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    for element in (*page.find("style"), *page.find("script")):
        digest = base64.b64encode(hashlib.sha256(element.text.encode()).digest()).decode()
        assert f"{element.name}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "http" not in policy
    head = page.find("head")[0].find()
    names = [element.name for element in head]
    assert head[1].attributes.get("content") == policy, "the policy comes first"
    assert names.index("style") > 1


# ---------------------------------------------------------------- structure


def test_elements_nest_as_html_allows(page: Element) -> None:
    for element in page.walk():
        if element.parent is None or any(above.name == "svg" for above in element.ancestors()):
            continue
        if element.name in PARENTS:
            assert element.parent.name in PARENTS[element.name], f"<{element.name}> in <{element.parent.name}>"
        if element.name in FLOW:
            assert not {above.name for above in element.ancestors()} & PHRASING_ONLY, f"<{element.name}>"
        if element.name in {"a", "button"}:
            assert not {above.name for above in element.ancestors()} & {"a", "button"}


def test_table_rows_are_as_wide_as_their_header(page: Element) -> None:
    for table in page.find("table"):
        (head,) = table.find("thead")
        widths = {len(row.find("th") + row.find("td")) for row in table.find("tr")}
        assert widths == {len(head.find("th"))}
        for row in table.find("tbody")[0].find("tr"):
            labels = [cell.attributes["data-label"] for cell in row.find("td")]
            assert labels == [column.text for column in head.find("th")][1:], "cards name their cells"


def test_headings_go_down_one_step_at_a_time(page: Element) -> None:
    (main,) = page.find("main")
    levels = [int(element.name[1]) for element in main.walk() if re.fullmatch("h[1-6]", element.name)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels))


def test_the_page_has_landmarks_a_language_and_a_way_past_the_header(page: Element) -> None:
    assert page.find("html")[0].attributes["lang"] == "en-GB"
    assert [len(page.find(name)) for name in ("main", "nav", "h1")] == [1, 1, 1]
    first_link = page.find("body")[0].find("a")[0]
    assert first_link.classes == {"skip"}
    assert first_link.attributes["href"][1:] in entries(page)
    for nav in page.find("nav"):
        assert nav.attributes["aria-label"]


def test_the_contents_name_every_section_in_order(page: Element) -> None:
    listed = [a.attributes["href"][1:] for a in page.find("nav")[0].find("a")]
    sections = [
        child.attributes["id"]
        for child in page.find("main")[0].children
        if isinstance(child, Element) and child.name == "section"
    ]
    assert listed == sections


def test_drawings_have_text_alternatives(page: Element) -> None:
    drawings = [svg for svg in page.find("svg") if "aria-hidden" not in svg.attributes]
    assert len(drawings) == 6, "two forest plots and a network, wide and narrow"
    by_id = entries(page)
    for drawing in drawings:
        title, description = (by_id[name] for name in drawing.attributes["aria-labelledby"].split())
        assert (title.name, description.name) == ("title", "desc")
        assert title.text
        assert description.text


def test_a_treatment_without_trials_is_listed_as_not_in_the_network(page: Element) -> None:
    (absent,) = page.find("p", class_="absent")
    assert absent.text == "Not in the network: Magnorex, Zincovite."


def test_a_table_with_too_much_in_its_columns_becomes_sheets() -> None:
    def table(columns: int, words: int) -> Table:
        cell = (says(" ".join(["word"] * words), "rule:wording"),)
        names = tuple(f"Column {index}" for index in range(columns))
        return Table("A table", names, (TableRow("A row", (cell,) * (columns - 1)),))

    assert [crowded(table(*size)) for size in ((8, 5), (8, 30), (3, 60), (6, 20))] == [False, True, False, False]


def colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z0-9-]+):\s*(#[0-9a-f]{3,6});", block))


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    channels = [int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def palettes() -> dict[str, dict[str, str]]:
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    light, system, chosen = re.findall(r":root[^{}]*\{[^{}]*--paper[^{}]*\}", style)
    assert colours(system) == colours(chosen), "dark is the same whether the system or the reader asks for it"
    assert colours(system).keys() == colours(light).keys()
    return {"light": colours(light), "dark": colours(system)}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_on_every_ground(theme: str) -> None:
    """WCAG 2.2 AA: 4.5 for text, 3 for what is drawn."""
    palette = palettes()[theme]
    for ground in ("paper", "raised", "tint", "accent-soft"):
        for ink in ("ink", "soft", "accent"):
            assert contrast(palette[ink], palette[ground]) >= 4.5, (ink, ground)
    for step in range(5):
        assert contrast(palette[f"level-{step}"], palette["raised"]) >= 4.5
    for drawn in ("strong-rule", "accent", "soft"):
        assert contrast(palette[drawn], palette["paper"]) >= 3


# ---------------------------------------------------------------- what may be missing


@pytest.mark.parametrize(
    ("level", "words", "full"),
    [("high", "high (step 4 of 4)", 4), ("low", "low (step 2 of 4)", 2), (None, "not rated", 0)],
)
def test_certainty_is_shown_in_words_and_steps(level: str | None, words: str, full: int) -> None:
    summary = says("A reason.", "rule:wording")
    page = parse(render(replace(sample(), certainty=Certainty(level, None, summary))))  # type: ignore[arg-type]
    (badge,) = page.find("p", class_="badge")
    assert " ".join(badge.text.split()) == f"Certainty of the evidence: {words}"
    assert len(badge.find("circle", class_="full")) == full


def test_an_answer_with_next_to_nothing_still_makes_a_page() -> None:
    answer = sample()
    summary = says("Nothing was found.", "rule:wording")
    bare = replace(
        answer,
        verdict=summary,
        certainty=Certainty(None, None, summary),
        summary=(),
        key_points=(),
        lines=(),
        sections=(),
        left_out=(),
        results=(),
        studies=(),
        rows=(),
        paths=(),
    )
    page = parse(render(bare))
    assert len(page.find("span", class_="s")) == 2
    ids = entries(page).keys()
    assert all(a.attributes["href"][1:] in ids for a in page.find("a") if a.attributes["href"].startswith("#"))
