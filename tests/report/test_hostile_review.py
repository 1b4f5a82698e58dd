"""A review is somebody else's text: whatever its cells hold stays text on the page."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

from equipoise import library
from equipoise.question import Reading
from equipoise.report import html, markdown
from equipoise.report.build import build
from equipoise.review.model import Review
from equipoise.review.reading import read

SCRIPT = "<script>alert('x')</script>"
TAG = '"><img src=x onerror=alert(1)>'


def hostile() -> Review:
    """The shipped review with markup in the cells that reach the page in most ways."""
    review = read(library.path("tardive-dyskinesia"))
    studies = tuple(
        replace(study, title=SCRIPT + study.title, citation=study.citation + TAG, notes=TAG + study.notes)
        for study in review.studies
    )
    findings = tuple(replace(finding, detail=SCRIPT + finding.detail) for finding in review.findings)
    safety = tuple(replace(row, effect=TAG, source_url="javascript:alert(1)") for row in review.safety)
    interventions = tuple(
        replace(row, status=SCRIPT, synonyms=(*row.synonyms, TAG) if row.name == "magnesium" else row.synonyms)
        for row in review.interventions
    )
    return replace(review, studies=studies, findings=findings, safety=safety, interventions=interventions)


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_markup_in_the_data_stays_text_on_the_page() -> None:
    review = hostile()
    for treatment in ("magnesium", "valbenazine"):
        clean, dirty = Tags(), Tags()
        clean.feed(html.render(build(Reading(treatment, read(library.path("tardive-dyskinesia")), treatment, None))))
        dirty.feed(html.render(build(Reading(treatment, review, treatment, None))))
        count = [sum(tag == "script" for tag, _ in page.seen) for page in (clean, dirty)]
        assert count[0] == count[1]
        assert not [tag for tag, _ in dirty.seen if tag == "img"]
        assert not [attrs for _, attrs in dirty.seen if any(name.startswith("on") for name in attrs)]
        links = [attrs["href"] or "" for tag, attrs in dirty.seen if tag == "a"]
        assert all(link.startswith(("#", "https://", "http://")) for link in links)


def test_markup_in_the_data_stays_text_in_markdown() -> None:
    text = markdown.render(build(Reading("magnesium", hostile(), "magnesium", None)))
    assert "<script" not in text
    assert "<img" not in text
