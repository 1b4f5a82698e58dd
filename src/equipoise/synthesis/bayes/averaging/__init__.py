"""Model averaging over effect, heterogeneity and publication bias, by marginal likelihoods without sampling."""
