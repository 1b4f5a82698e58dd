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
    from equipoise.synthesis.bayes.batch import posterior_many as posterior_many
    from equipoise.synthesis.bayes.borrowing import commensurate_prior as commensurate_prior
    from equipoise.synthesis.bayes.borrowing import meta_analytic_predictive as meta_analytic_predictive
    from equipoise.synthesis.bayes.borrowing import power_prior as power_prior
    from equipoise.synthesis.bayes.borrowing import robust_prior as robust_prior
    from equipoise.synthesis.bayes.empirical import empirical_heterogeneity as empirical_heterogeneity
    from equipoise.synthesis.bayes.heterogeneity_priors import Exponential as Exponential
    from equipoise.synthesis.bayes.heterogeneity_priors import HalfCauchy as HalfCauchy
    from equipoise.synthesis.bayes.heterogeneity_priors import HalfNormal as HalfNormal
    from equipoise.synthesis.bayes.heterogeneity_priors import HalfStudent as HalfStudent
    from equipoise.synthesis.bayes.heterogeneity_priors import InverseGamma as InverseGamma
    from equipoise.synthesis.bayes.heterogeneity_priors import LogNormal as LogNormal
    from equipoise.synthesis.bayes.heterogeneity_priors import LogStudent as LogStudent
    from equipoise.synthesis.bayes.heterogeneity_priors import OnVariance as OnVariance
    from equipoise.synthesis.bayes.network_comparison import compare as compare
    from equipoise.synthesis.bayes.pair import PairPosterior as PairPosterior
    from equipoise.synthesis.bayes.prior_sensitivity import prior_sensitivity as prior_sensitivity
    from equipoise.synthesis.bayes.priors import Flat as Flat
    from equipoise.synthesis.bayes.priors import Mixture as Mixture
    from equipoise.synthesis.bayes.priors import Normal as Normal
    from equipoise.synthesis.bayes.priors import Student as Student
    from equipoise.synthesis.bayes.priors import Uniform as Uniform
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
    "Exponential": "equipoise.synthesis.bayes.heterogeneity_priors",
    "Flat": "equipoise.synthesis.bayes.priors",
    "HalfCauchy": "equipoise.synthesis.bayes.heterogeneity_priors",
    "HalfNormal": "equipoise.synthesis.bayes.heterogeneity_priors",
    "HalfStudent": "equipoise.synthesis.bayes.heterogeneity_priors",
    "InverseGamma": "equipoise.synthesis.bayes.heterogeneity_priors",
    "LogNormal": "equipoise.synthesis.bayes.heterogeneity_priors",
    "LogStudent": "equipoise.synthesis.bayes.heterogeneity_priors",
    "Mixture": "equipoise.synthesis.bayes.priors",
    "ModelAverage": "equipoise.synthesis.bayes.averaging.result",
    "Network": "equipoise.synthesis.network.network",
    "NetworkFit": "equipoise.synthesis.network.fit",
    "Normal": "equipoise.synthesis.bayes.priors",
    "OnVariance": "equipoise.synthesis.bayes.heterogeneity_priors",
    "PEESE": "equipoise.synthesis.bayes.averaging.bias",
    "PET": "equipoise.synthesis.bayes.averaging.bias",
    "PairPosterior": "equipoise.synthesis.bayes.pair",
    "Pooled": "equipoise.synthesis.pairwise.result",
    "Review": "equipoise.review.model",
    "SelectionWeights": "equipoise.synthesis.bayes.averaging.bias",
    "Student": "equipoise.synthesis.bayes.priors",
    "StudyContrasts": "equipoise.synthesis.network.contrasts",
    "Truncated": "equipoise.synthesis.bayes.truncation",
    "Uniform": "equipoise.synthesis.bayes.priors",
    "answer_question": "equipoise.report.build",
    "commensurate_prior": "equipoise.synthesis.bayes.borrowing",
    "compare": "equipoise.synthesis.bayes.network_comparison",
    "cumulative": "equipoise.synthesis.pairwise.cumulative",
    "effect_sizes": "equipoise.synthesis.measures.effect_sizes",
    "egger": "equipoise.synthesis.pairwise.asymmetry",
    "empirical_heterogeneity": "equipoise.synthesis.bayes.empirical",
    "gosh": "equipoise.synthesis.pairwise.gosh",
    "influence": "equipoise.synthesis.pairwise.influence",
    "leave_one_out": "equipoise.synthesis.pairwise.leave_one_out",
    "meta_analytic_predictive": "equipoise.synthesis.bayes.borrowing",
    "meta_regression": "equipoise.synthesis.pairwise.regression",
    "model_average": "equipoise.synthesis.bayes.averaging.average",
    "multilevel": "equipoise.synthesis.pairwise.multilevel",
    "pool": "equipoise.synthesis.pairwise.pooling",
    "pool_many": "equipoise.synthesis.pairwise.batch",
    "posterior_many": "equipoise.synthesis.bayes.batch",
    "power_prior": "equipoise.synthesis.bayes.borrowing",
    "prior_sensitivity": "equipoise.synthesis.bayes.prior_sensitivity",
    "read_question": "equipoise.question",
    "robust": "equipoise.synthesis.pairwise.robust",
    "robust_prior": "equipoise.synthesis.bayes.borrowing",
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
    "Exponential",
    "Flat",
    "HalfCauchy",
    "HalfNormal",
    "HalfStudent",
    "InverseGamma",
    "LogNormal",
    "LogStudent",
    "Mixture",
    "ModelAverage",
    "Network",
    "NetworkFit",
    "Normal",
    "OnVariance",
    "PairPosterior",
    "Pooled",
    "Review",
    "SelectionWeights",
    "Student",
    "StudyContrasts",
    "Truncated",
    "Uniform",
    "__version__",
    "answer_question",
    "commensurate_prior",
    "compare",
    "cumulative",
    "effect_sizes",
    "egger",
    "empirical_heterogeneity",
    "gosh",
    "influence",
    "leave_one_out",
    "meta_analytic_predictive",
    "meta_regression",
    "model_average",
    "multilevel",
    "pool",
    "pool_many",
    "posterior_many",
    "power_prior",
    "prior_sensitivity",
    "read_question",
    "robust",
    "robust_prior",
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
