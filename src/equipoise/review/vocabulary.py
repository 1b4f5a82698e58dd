"""The words that the tables and review.toml may use."""

from __future__ import annotations

from collections.abc import Mapping

MEASURES = ("MD", "SMD", "ROM", "OR", "RR", "RD", "IRR", "HR")
"""Effect measures that a between-arm result may be given in; ratios are written on the natural scale."""
RATIOS = ("ROM", "OR", "RR", "IRR", "HR")
MEASURES_OF: Mapping[str, tuple[str, ...]] = {
    "continuous": ("MD", "SMD", "ROM"),
    "binary": ("OR", "RR", "RD"),
    "rate": ("IRR",),
    "time-to-event": ("HR",),
}
"""Type of outcome → the measures that suit it."""
SYNTHESIS_MEASURES = (
    *MEASURES,
    "NNT",
    "rate ratio",
    "percent per year",
    "I2 percent",
    "tau2",
    "Q",
    "recommendation",
    "narrative",
)
MODELS = ("random", "common")
METHODS = ("REML", "DL", "ML")
"""Estimators of the heterogeneity variance."""
DESIGNS = (
    "rct-parallel",
    "rct-crossover",
    "rct-cluster",
    "open-label",
    "cohort",
    "case-control",
    "case-series",
    "case-report",
    "animal",
    "in-vitro",
    "systematic-review",
    "network-meta-analysis",
    "narrative-review",
    "guideline",
    "monograph",
    "label",
)
SOURCE_KINDS = (
    "abstract",
    "full-text",
    "table",
    "label",
    "registry",
    "review",
    "guideline",
    "press-release",
    "congress-abstract",
    "monograph",
    "consumer-site",
    "blog",
)
SOURCE_QUALITIES = ("primary", "official", "secondary", "low")
CERTAINTY_DOMAINS = ("risk of bias", "inconsistency", "indirectness", "imprecision", "publication bias")
CERTAINTIES = ("high", "moderate", "low", "very low")
TABLES_TO_SET_ASIDE = (
    "outcomes",
    "interventions",
    "studies",
    "arms",
    "contrasts",
    "findings",
    "syntheses",
    "appraisal",
    "mechanisms",
    "safety",
    "certainty",
)
