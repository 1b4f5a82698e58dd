"""Effects from the retyped tables, and further published datasets, each with its publication."""

# fmt: off
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from datasets import NAN, PASSIVE_SMOKING, Table

FloatArray = NDArray[np.float64]


def column(table: Table, name: str) -> FloatArray:
    """A column of numbers."""
    return np.array(table[name], dtype=float)


def log_risk_ratio(table: Table) -> tuple[FloatArray, FloatArray]:
    """Log risk ratios and their variances from events and group sizes without zeros."""
    a, n1, c, n2 = (column(table, name) for name in ("events1", "n1", "events2", "n2"))
    return np.log(a / n1) - np.log(c / n2), 1 / a - 1 / n1 + 1 / c - 1 / n2


def log_odds_ratio(table: Table) -> tuple[FloatArray, FloatArray]:
    """Log odds ratios and their variances; ½ added to the four cells of a study with a zero."""
    a, n1, c, n2 = (column(table, name) for name in ("events1", "n1", "events2", "n2"))
    b, d = n1 - a, n2 - c
    half = np.where((a == 0) | (b == 0) | (c == 0) | (d == 0), 0.5, 0.0)
    a, b, c, d = a + half, b + half, c + half, d + half
    return np.log(a * d / (b * c)), 1 / a + 1 / b + 1 / c + 1 / d


def passive_smoking() -> tuple[FloatArray, FloatArray]:
    """Log odds ratios and variances of PASSIVE_SMOKING, from the ratios and their 95 % intervals."""
    odds, low, high = (column(PASSIVE_SMOKING, name) for name in ("or", "ci_low", "ci_high"))
    return np.log(odds), (np.log(high / low) / (2 * ndtri(0.975))) ** 2


STIMULATION: Table = {
    "study": [
        "Alegret (2001)", "Barichella (2003)", "Berney (2002)", "Burchiel (1999)", "Chen (2003)",
        "DBS for PD Study Grp. (2001)", "Dujardin (2001)", "Esselink (2004)", "Funkiewiez (2003)",
        "Herzog (2003)", "Iansek (2002)", "Just (2002)", "Kleiner-Fisman (1999)", "Krack (2003)",
        "Krause (2001)", "Krause (2004)", "Kumar (1998)", "Lagrange (2002)", "Limousin (1998)",
        "Linazasoro (2003)", "Lopiano (2001)", "Macia (2004)", "Martinez-Martin (2002)", "Molinuevo (2000)",
        "Moro (1999)", "Ostergaard (2002)", "Pahwa (2003)", "Patel (2003)", "Perozzo (2001)",
        "Pinter (1999) - Long FU", "Pinter (1999) - Short FU", "Rodriguez-Oroz (2000)", "Romito (2003)",
        "Rousseaux (2004)", "Russman (2004) (21m)", "Schneider (2003)", "Seif (2004) (17.5m)", "Simuni (2002)",
        "Straits-Troster (2000)", "Thobois (2002)", "Troster (2003)", "Valldeoriola (2002)", "Vesper (2002)",
        "Vingerhoets (2002)", "Volkman (2001)", "Weselburger (2002)",
    ],
    "y1": [
        -33.4, -20, -21.1, -20, NAN, -25.6, -30.3, NAN, NAN, NAN, NAN, -26, NAN, NAN, -27.5, NAN, NAN, NAN, -31,
        NAN, -33.9, NAN, NAN, NAN, -23, -31.2, -16.2, NAN, NAN, -32.2, -31.7, -29.3, -30.1, -17.6, NAN, NAN,
        NAN, -19.4, -9.3, NAN, -16.7, NAN, -27, -19.7, NAN, -22.1,
    ],
    "v1": [
        14.3, 7.3, 7.3, 8, NAN, 4.2, 88.2, NAN, NAN, NAN, NAN, 22.4, NAN, NAN, 3.8, NAN, NAN, NAN, 2.6, NAN,
        20.1, NAN, NAN, NAN, 38.1, 12.7, 5.9, NAN, NAN, 26.5, 19.1, 22.9, 9.4, 28.4, NAN, NAN, NAN, 1.6, 85.2,
        NAN, 9.8, NAN, 5.5, 18.5, NAN, 40.8,
    ],
    "y2": [
        NAN, NAN, NAN, -20, -32.9, -28.3, NAN, -25, NAN, -22.5, -8.6, -30, NAN, NAN, -23.5, NAN, -36.3, NAN,
        -34, NAN, NAN, NAN, -34.9, -32.7, -24.1, NAN, NAN, NAN, -31.7, NAN, NAN, -32, -30.5, NAN, NAN, NAN, NAN,
        -18, NAN, -24.7, NAN, -31.2, -30, -22.1, -37.8, NAN,
    ],
    "v2": [
        NAN, NAN, NAN, 8, 125, 4.6, NAN, 17, NAN, 6.8, 41, 20.6, NAN, NAN, 3.8, NAN, 27.3, NAN, 2, NAN, NAN,
        NAN, 18, 16.3, 32.9, NAN, NAN, NAN, 12.4, NAN, NAN, 20, 8.7, NAN, NAN, NAN, NAN, 1.7, NAN, 15.5, NAN,
        196, 3.5, 18.1, 20.9, NAN,
    ],
    "y3": [
        NAN, -30, NAN, -18, NAN, NAN, -24.5, NAN, -36, -25.2, NAN, NAN, -25.5, -36.7, -29, -25, NAN, -29.4,
        -32.5, -20.6, NAN, -35.4, NAN, NAN, -27.8, -33, -16.3, -29.2, NAN, -32.9, NAN, -36.7, -29.7, NAN, NAN,
        -36, NAN, -20.5, NAN, -27.9, NAN, NAN, NAN, -24.3, -34, NAN,
    ],
    "v3": [
        NAN, 5.7, NAN, 5, NAN, NAN, 170.7, NAN, 5, 11, NAN, NAN, 8.2, 5.8, 3.8, 13, NAN, 10.7, 2, 25.3, NAN,
        21.2, NAN, NAN, 31, 9.5, 7, 5.8, NAN, 29, NAN, 17.8, 10.4, NAN, NAN, 27.7, NAN, 1.5, NAN, 17.1, NAN,
        NAN, NAN, 18.2, 26.4, NAN,
    ],
    "y4": [
        NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, -25.7, NAN, NAN, -19.5, -32.9, NAN, -23, NAN, NAN, NAN,
        NAN, NAN, NAN, NAN, NAN, -28.3, NAN, -11.5, NAN, NAN, NAN, NAN, NAN, -31.9, NAN, -22.9, NAN, -22.5, NAN,
        NAN, NAN, NAN, -27.4, NAN, -21.9, NAN, NAN,
    ],
    "v4": [
        NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, 15.4, NAN, NAN, 13, 6.1, NAN, 15.4, NAN, NAN, NAN, NAN,
        NAN, NAN, NAN, NAN, 34.6, NAN, 12.7, NAN, NAN, NAN, NAN, NAN, 13.3, NAN, 20, NAN, 20.3, NAN, NAN, NAN,
        NAN, 201.6, NAN, 16.7, NAN, NAN,
    ],
}
"""Deep-brain stimulation in Parkinson's disease, change in motor score at 3, 6, 12 and over 12 months: Ishak et al.
(2007), Clin Trials 4:525."""
