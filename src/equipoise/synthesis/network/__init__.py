"""Network meta-analysis: the network, its fit, inconsistency, ranking, contributions."""
