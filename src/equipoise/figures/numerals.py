"""Numbers as figures print them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def decimal(value: float, digits: int) -> str:
    """A number with ``digits`` decimals and a true minus sign; "" when it isn't defined, no "−0.00"."""
    if np.isnan(value):
        return ""
    if np.isinf(value):
        return "∞" if value > 0 else "−∞"
    if abs(value) >= 1e5:
        return f"{value:.1e}".replace("e+0", "e").replace("e+", "e").replace("-", "−")
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.removeprefix("-")
    return text.replace("-", "−")


def count(value: float) -> str:
    """A count without decimals when it is whole."""
    if np.isnan(value):
        return ""
    return f"{value:.0f}" if float(value).is_integer() else decimal(value, 1)


def p(value: float) -> str:
    """A p-value with its sign, as journals print it: three decimals, two from 0.1."""
    if np.isnan(value):
        return "not computed"
    if value < 0.001:
        return "< 0.001"
    return f"= {value:.3f}" if value < 0.1 else f"= {value:.2f}"


def digits_for(standard_errors: ArrayLike, ratio: bool) -> int:
    """Decimals for estimates: two for ratios, else by the size of the typical standard error."""
    if ratio:
        return 2
    se = np.asarray(standard_errors, dtype=float)
    se = se[np.isfinite(se) & (se > 0)]
    return int(np.clip(round(1.0 - float(np.log10(np.median(se)))), 1, 4)) if se.size else 2


def decimals_of(values: ArrayLike, most: int = 2) -> int:
    """The fewest decimals (up to ``most``) that show all values as they were given."""
    x = np.asarray(values, dtype=float)
    x = x[np.isfinite(x)]
    for digits in range(most):
        if np.allclose(x, np.round(x, digits), rtol=0, atol=1e-9):
            return digits
    return most
