"""Bayesian synthesis without sampling: exact posteriors by quadrature, for pairs and for networks."""
