"""The words for kinds of results, measures and levels that every form of the article uses."""

from __future__ import annotations

from equipoise.report.answer import DomainRating, ResultCard

KINDS = {
    "study": "One study’s result",
    "network": "Network estimate",
    "direct": "Pooled direct comparison",
    "published": "Published by others",
    "count": "Count",
    "certainty": "Certainty rating",
}
MEASURES = {
    "MD": "mean difference",
    "SMD": "standardised mean difference",
    "ROM": "ratio of means",
    "OR": "odds ratio",
    "RR": "risk ratio",
    "RD": "risk difference",
    "IRR": "incidence rate ratio",
    "HR": "hazard ratio",
    "NNT": "number needed to treat",
}
CERTAINTY_STEPS = {"high": 4, "moderate": 3, "low": 2, "very low": 1, None: 0}


def comparison(result: ResultCard) -> str:
    """Which treatments a result compares, empty if none is named."""
    if result.treatment and result.comparator:
        return f"{result.treatment} compared with {result.comparator}"
    return result.treatment


def rating(domain: DomainRating) -> str:
    """What a domain did to the certainty."""
    if domain.down is None:
        return "Not judged"
    return f"Down {abs(domain.down)}" if domain.down else "No concern"
