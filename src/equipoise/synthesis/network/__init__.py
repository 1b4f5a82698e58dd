"""Network meta-analysis: the network, its fit, inconsistency, ranking, contributions, and what goes beyond.

The names are imported on first use. `mantel_haenszel`, `hypergeometric` and `forward_search` are functions in modules of
the same name.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from equipoise.synthesis.network.binary_arms import read_binary_arms as read_binary_arms
    from equipoise.synthesis.network.binary_split import split_binary as split_binary
    from equipoise.synthesis.network.components import fit_components as fit_components
    from equipoise.synthesis.network.contrasts import StudyContrasts as StudyContrasts
    from equipoise.synthesis.network.dose import fit_doses as fit_doses
    from equipoise.synthesis.network.dose_monotone import fit_monotone as fit_monotone
    from equipoise.synthesis.network.fit import NetworkFit as NetworkFit
    from equipoise.synthesis.network.hierarchy import benefit_harm as benefit_harm
    from equipoise.synthesis.network.hierarchy import partial_order as partial_order
    from equipoise.synthesis.network.leave_out import (
        leave_one_study_out as leave_one_study_out,
    )
    from equipoise.synthesis.network.leave_out import (
        leave_one_treatment_out as leave_one_treatment_out,
    )
    from equipoise.synthesis.network.network import Change as Change
    from equipoise.synthesis.network.network import LeftOut as LeftOut
    from equipoise.synthesis.network.network import Network as Network
    from equipoise.synthesis.network.outliers import diagnose as diagnose
    from equipoise.synthesis.network.outliers import shift_variance as shift_variance
    from equipoise.synthesis.network.penalised import penalised_logistic as penalised_logistic
    from equipoise.synthesis.network.regression import fit_regression as fit_regression
    from equipoise.synthesis.network.small_study import (
        comparison_adjusted as comparison_adjusted,
    )
    from equipoise.synthesis.network.small_study import (
        small_study_regression as small_study_regression,
    )
    from equipoise.synthesis.network.subgroups import fit_subgroups as fit_subgroups
    from equipoise.synthesis.network.threshold import (
        comparison_thresholds as comparison_thresholds,
    )
    from equipoise.synthesis.network.threshold import (
        study_thresholds as study_thresholds,
    )

_HOME = {
    "Change": "network",
    "LeftOut": "network",
    "Network": "network",
    "NetworkFit": "fit",
    "StudyContrasts": "contrasts",
    "benefit_harm": "hierarchy",
    "comparison_adjusted": "small_study",
    "comparison_thresholds": "threshold",
    "diagnose": "outliers",
    "fit_components": "components",
    "fit_doses": "dose",
    "fit_monotone": "dose_monotone",
    "fit_regression": "regression",
    "fit_subgroups": "subgroups",
    "leave_one_study_out": "leave_out",
    "leave_one_treatment_out": "leave_out",
    "partial_order": "hierarchy",
    "penalised_logistic": "penalised",
    "read_binary_arms": "binary_arms",
    "shift_variance": "outliers",
    "small_study_regression": "small_study",
    "split_binary": "binary_split",
    "study_thresholds": "threshold",
}
"""Name → the module of this package that defines it."""

__all__ = [
    "Change",
    "LeftOut",
    "Network",
    "NetworkFit",
    "StudyContrasts",
    "benefit_harm",
    "comparison_adjusted",
    "comparison_thresholds",
    "diagnose",
    "fit_components",
    "fit_doses",
    "fit_monotone",
    "fit_regression",
    "fit_subgroups",
    "leave_one_study_out",
    "leave_one_treatment_out",
    "partial_order",
    "penalised_logistic",
    "read_binary_arms",
    "shift_variance",
    "small_study_regression",
    "split_binary",
    "study_thresholds",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
