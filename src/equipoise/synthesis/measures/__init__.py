"""Effect measures: from arm data to estimates and sampling variances.

One module a kind of data (`binary`, `continuous`, `rates`, …) with plain vectorised functions; `table` lists every
measure with the columns it needs and the scale it is pooled on; `effect_sizes` reads a dataframe.
"""
