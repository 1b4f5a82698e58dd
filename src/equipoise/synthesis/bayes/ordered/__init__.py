"""Networks of arms with counts in ordered categories, without sampling chains."""

from equipoise.synthesis.bayes.ordered.posterior import OrderedPosterior as OrderedPosterior
from equipoise.synthesis.bayes.ordered.posterior import posterior_from_ordered as posterior_from_ordered
from equipoise.synthesis.bayes.ordered.table import OrderedTable as OrderedTable
from equipoise.synthesis.bayes.ordered.table import read_ordered as read_ordered

__all__ = ["OrderedPosterior", "OrderedTable", "posterior_from_ordered", "read_ordered"]
