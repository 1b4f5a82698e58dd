"""Pairwise meta-analysis: pooling, heterogeneity, meta-regression, influence, small-study effects."""
