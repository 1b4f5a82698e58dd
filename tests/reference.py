"""Reference values that validation/ wrote, and the tolerances at which they are met."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.testing import assert_allclose

CLOSED_FORM = 1e-8
ITERATIVE = 1e-6


def reference(name: str) -> dict[str, dict[str, Any]]:
    """The cases of tests/data/<name>.json; a missing value is None."""
    path = Path(__file__).parent / "data" / f"{name}.json"
    cases: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cases"]
    return cases


def agrees(ours: Any, theirs: Any, rtol: float, atol: float = 0.0, what: str = "") -> None:
    """Equal within ``rtol``; where the reference has no value, neither may we."""
    expected = np.array([np.nan if x is None else x for x in np.atleast_1d(np.asarray(theirs, dtype=object))], float)
    assert_allclose(np.atleast_1d(ours), expected, rtol=rtol, atol=atol, err_msg=what)
