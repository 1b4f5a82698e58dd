"""The published datasets as effect sizes, by the names that validation/metafor/pooling.R gives them."""

from __future__ import annotations

from typing import Any

import numpy as np

import datasets
from equipoise.synthesis.measures.effect_sizes import EffectSizes, effect_sizes
from equipoise.synthesis.measures.table import measure

_COUNTS: dict[str, Any] = {"events": ("events1", "events2"), "n": ("n1", "n2")}
_TIMES: dict[str, Any] = {"events": ("events1", "events2"), "time": ("time1", "time2")}
_MEANS: dict[str, Any] = {"mean": ("mean1", "mean2"), "sd": ("sd1", "sd2"), "n": ("n1", "n2")}
_OTHER: dict[str, dict[str, Any]] = {
    "PASSIVE_SMOKING": {"estimate": "or", "ci_low": "ci_low", "ci_high": "ci_high"},
    "HEAD_NECK_CHEMOTHERAPY": {"o_minus_e": "o_minus_e", "v": "v"},
}


def columns(dataset: str, code: str) -> dict[str, Any]:
    """Which columns of a dataset hold what a measure needs."""
    if dataset in _OTHER:
        return _OTHER[dataset]
    needs = measure(code).needs
    if "r" in needs:
        return {"r": "r", "n": "n"}
    if "sd1" in needs:
        return _MEANS
    if "time1" in needs:
        return _TIMES
    return _COUNTS if "events1" in needs else {"events": "events", "n": "n"}


def sizes(name: str) -> EffectSizes:
    """The effect sizes of a dataset and measure, as "BCG RR"."""
    dataset, code = name.split()
    return effect_sizes(getattr(datasets, dataset), measure=code, study="study", **columns(dataset, code))


def estimates(name: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Estimates and variances, also of the datasets that are published as such."""
    if " " in name:
        es = sizes(name)
        return es.estimates, es.variances
    table = getattr(datasets, name)
    if "yi" in table:
        return np.array(table["yi"], float), np.array(table["vi"], float)
    return np.array(table["smd"], float), np.array(table["se"], float) ** 2
