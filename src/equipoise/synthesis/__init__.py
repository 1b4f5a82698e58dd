"""The numerical core: arrays in, frozen results out.

Knows nothing of files, screens or reviews. Imports NumPy, SciPy, `equipoise.errors` and (for dataframes in and
out, lazily) `equipoise.frames`; nothing else of the package at module level.
"""
