"""Equipoise: evidence answers you can check.

The public names are imported on first use, so that `import equipoise` and `equipoise --help` stay quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from equipoise.question import read_question as read_question
    from equipoise.report.answer import Answer as Answer
    from equipoise.report.build import answer_question as answer_question
    from equipoise.review.model import Review as Review
    from equipoise.synthesis.bayes.averaging.average import model_average as model_average
    from equipoise.synthesis.bayes.averaging.bias import PEESE as PEESE
    from equipoise.synthesis.bayes.averaging.bias import PET as PET
    from equipoise.synthesis.bayes.averaging.bias import SelectionWeights as SelectionWeights
    from equipoise.synthesis.bayes.averaging.models import AveragedModel as AveragedModel
    from equipoise.synthesis.bayes.averaging.result import ModelAverage as ModelAverage
    from equipoise.synthesis.bayes.truncation import Truncated as Truncated
    from equipoise.synthesis.measures.effect_sizes import EffectSizes as EffectSizes
    from equipoise.synthesis.measures.effect_sizes import effect_sizes as effect_sizes
    from equipoise.synthesis.network.contrasts import StudyContrasts as StudyContrasts
    from equipoise.synthesis.network.fit import NetworkFit as NetworkFit
    from equipoise.synthesis.network.network import Network as Network
    from equipoise.synthesis.pairwise.asymmetry import egger as egger
    from equipoise.synthesis.pairwise.batch import pool_many as pool_many
    from equipoise.synthesis.pairwise.cumulative import cumulative as cumulative
    from equipoise.synthesis.pairwise.gosh import gosh as gosh
    from equipoise.synthesis.pairwise.influence import influence as influence
    from equipoise.synthesis.pairwise.leave_one_out import leave_one_out as leave_one_out
    from equipoise.synthesis.pairwise.multilevel import multilevel as multilevel
    from equipoise.synthesis.pairwise.pooling import pool as pool
    from equipoise.synthesis.pairwise.regression import meta_regression as meta_regression
    from equipoise.synthesis.pairwise.result import Pooled as Pooled
    from equipoise.synthesis.pairwise.robust import robust as robust
    from equipoise.synthesis.pairwise.sampling_covariance import sampling_covariance as sampling_covariance
    from equipoise.synthesis.pairwise.selection import selection_model as selection_model
    from equipoise.synthesis.pairwise.subgroups import subgroups as subgroups
    from equipoise.synthesis.pairwise.trim_and_fill import trim_and_fill as trim_and_fill

__version__ = "0.1.0"

_HOME: dict[str, str] = {
    "Answer": "equipoise.report.answer",
    "AveragedModel": "equipoise.synthesis.bayes.averaging.models",
    "EffectSizes": "equipoise.synthesis.measures.effect_sizes",
    "ModelAverage": "equipoise.synthesis.bayes.averaging.result",
    "Network": "equipoise.synthesis.network.network",
    "NetworkFit": "equipoise.synthesis.network.fit",
    "PEESE": "equipoise.synthesis.bayes.averaging.bias",
    "PET": "equipoise.synthesis.bayes.averaging.bias",
    "Pooled": "equipoise.synthesis.pairwise.result",
    "Review": "equipoise.review.model",
    "SelectionWeights": "equipoise.synthesis.bayes.averaging.bias",
    "StudyContrasts": "equipoise.synthesis.network.contrasts",
    "Truncated": "equipoise.synthesis.bayes.truncation",
    "answer_question": "equipoise.report.build",
    "cumulative": "equipoise.synthesis.pairwise.cumulative",
    "effect_sizes": "equipoise.synthesis.measures.effect_sizes",
    "egger": "equipoise.synthesis.pairwise.asymmetry",
    "gosh": "equipoise.synthesis.pairwise.gosh",
    "influence": "equipoise.synthesis.pairwise.influence",
    "leave_one_out": "equipoise.synthesis.pairwise.leave_one_out",
    "meta_regression": "equipoise.synthesis.pairwise.regression",
    "model_average": "equipoise.synthesis.bayes.averaging.average",
    "multilevel": "equipoise.synthesis.pairwise.multilevel",
    "pool": "equipoise.synthesis.pairwise.pooling",
    "pool_many": "equipoise.synthesis.pairwise.batch",
    "read_question": "equipoise.question",
    "robust": "equipoise.synthesis.pairwise.robust",
    "sampling_covariance": "equipoise.synthesis.pairwise.sampling_covariance",
    "selection_model": "equipoise.synthesis.pairwise.selection",
    "subgroups": "equipoise.synthesis.pairwise.subgroups",
    "trim_and_fill": "equipoise.synthesis.pairwise.trim_and_fill",
}
"""Public name → the module that defines it."""

__all__ = [
    "PEESE",
    "PET",
    "Answer",
    "AveragedModel",
    "EffectSizes",
    "ModelAverage",
    "Network",
    "NetworkFit",
    "Pooled",
    "Review",
    "SelectionWeights",
    "StudyContrasts",
    "Truncated",
    "__version__",
    "answer_question",
    "cumulative",
    "effect_sizes",
    "egger",
    "gosh",
    "influence",
    "leave_one_out",
    "meta_regression",
    "model_average",
    "multilevel",
    "pool",
    "pool_many",
    "read_question",
    "robust",
    "sampling_covariance",
    "selection_model",
    "subgroups",
    "trim_and_fill",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'equipoise' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
