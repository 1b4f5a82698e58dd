"""Networks of arms with competing events, without sampling chains."""

from equipoise.synthesis.bayes.competing.posterior import CompetingPosterior as CompetingPosterior
from equipoise.synthesis.bayes.competing.posterior import OutcomePosterior as OutcomePosterior
from equipoise.synthesis.bayes.competing.posterior import posterior_from_competing as posterior_from_competing
from equipoise.synthesis.bayes.competing.table import CompetingTable as CompetingTable
from equipoise.synthesis.bayes.competing.table import read_competing as read_competing

__all__ = ["CompetingPosterior", "CompetingTable", "OutcomePosterior", "posterior_from_competing", "read_competing"]
