"""Settings for all tests; this file's place also lets them import `datasets`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import matplotlib as mpl
import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("repeatable", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("repeatable")
mpl.use("Agg")


@pytest.fixture(autouse=True)
def _figures_closed() -> Iterator[None]:
    """Figures are drawn without a screen, and closed after each test."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
