"""Networks of arms with their own likelihoods (binomial, Poisson, normal), without sampling chains."""

from equipoise.synthesis.bayes.arm_level.baselines import PooledBaseline as PooledBaseline
from equipoise.synthesis.bayes.arm_level.baselines import StudyBaseline as StudyBaseline
from equipoise.synthesis.bayes.arm_level.posterior import ArmPosterior as ArmPosterior
from equipoise.synthesis.bayes.arm_level.posterior import posterior_from_arms as posterior_from_arms
from equipoise.synthesis.bayes.arm_level.table import ArmTable as ArmTable
from equipoise.synthesis.bayes.arm_level.table import read_arms as read_arms

__all__ = ["ArmPosterior", "ArmTable", "PooledBaseline", "StudyBaseline", "posterior_from_arms", "read_arms"]
