"""Network meta-analysis: the network, its fit, inconsistency, ranking, contributions."""

from equipoise.synthesis.network.contrasts import StudyContrasts
from equipoise.synthesis.network.fit import NetworkFit
from equipoise.synthesis.network.hierarchy import benefit_harm, partial_order
from equipoise.synthesis.network.network import Change, LeftOut, Network

__all__ = ["Change", "LeftOut", "Network", "NetworkFit", "StudyContrasts", "benefit_harm", "partial_order"]
