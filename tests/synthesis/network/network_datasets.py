"""Published networks, retyped; each names its publication."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from arm_counts import DONG_2013, SMOKING

from equipoise.synthesis.network import Network, StudyContrasts

SENN = """\
DeFronzo1995 metf plac -1.9 0.1414
Lewin2007 metf plac -0.82 0.0992
Willms1999 metf acar -0.2 0.3579
Davidson2007 rosi plac -1.34 0.1435
Wolffenbuttel1999 rosi plac -1.1 0.1141
Kipnes2001 piog plac -1.3 0.1268
Kerenyi2004 rosi plac -0.77 0.1078
Hanefeld2004 piog metf 0.16 0.0849
Derosa2004 piog rosi 0.1 0.1831
Baksi2004 rosi plac -1.3 0.1014
Rosenstock2008 rosi plac -1.09 0.2263
Zhu2003 rosi plac -1.5 0.1624
Yang2003 rosi metf -0.14 0.2239
Vongthavaravat2002 rosi sulf -1.2 0.1436
Oyama2008 acar sulf -0.4 0.1549
Costa1997 acar plac -0.8 0.1432
Hermansen2007 sita plac -0.57 0.1291
Garber2008 vild plac -0.7 0.1273
Alex1998 metf sulf -0.37 0.1184
Johnston1994 migl plac -0.74 0.1839
Johnston1998a migl plac -1.41 0.2235
Kim2007 rosi metf 0 0.2339
Johnston1998b migl plac -0.68 0.2828
Gonzalez-Ortiz2004 metf plac -0.4 0.4356
Stucci1996 benf plac -0.23 0.3467
Moulin2006 benf plac -1.01 0.1366
Willms1999 metf plac -1.2 0.3758
Willms1999 acar plac -1 0.4669
"""
"""Glucose lowering, mean difference in HbA1c (Senn et al. 2013, Stat Methods Med Res 22:169)."""

PARKINSON = """\
s1 A C 0.31 0.668089651
s2 A B 1.7 0.382640605
s3 C D 0.35 0.441941738
s4 C D -0.55 0.555114559
s5 D E 0.3 0.274276316
s6 D E 0.3 0.320087245
s7 A B 2.3 0.71774604
s7 A D 0.9 0.694988091
s7 B D -1.4 0.6990666417883104
"""
"""Parkinson's disease, mean off-time reduction (NICE DSU Technical Support Document 2, example 7)."""


def pairs(text: str) -> dict[str, list[object]]:
    """The table of pairwise contrasts: study, treatment, comparator, estimate, se."""
    rows = [line.split() for line in text.strip().splitlines()]
    return {
        "study": [row[0] for row in rows],
        "treatment": [row[1] for row in rows],
        "comparator": [row[2] for row in rows],
        "estimate": [float(row[3]) for row in rows],
        "se": [float(row[4]) for row in rows],
    }


def senn() -> Network:
    return Network.from_contrasts(pairs(SENN), measure="MD")


def parkinson() -> Network:
    return Network.from_contrasts(pairs(PARKINSON), measure="MD")


def counts(text: str) -> dict[str, list[object]]:
    """The table of arms: study, treatment, events, n; from lines "study | treatment events/n; …"."""
    table: dict[str, list[object]] = {"study": [], "treatment": [], "events": [], "n": []}
    for line in text.strip().splitlines():
        study, arms = line.split(" | ")
        for arm in arms.split(";"):
            treatment, numbers = arm.strip().rsplit(" ", 1)
            events, n = numbers.split("/")
            for column, value in zip(table, (study, treatment, float(events), float(n)), strict=True):
                table[column].append(value)
    return table


def smoking() -> Network:
    return Network.from_arms(counts(SMOKING), events="events", n="n", measure="OR")


def dong() -> Network:
    return Network.from_arms(counts(DONG_2013), events="events", n="n", measure="OR")


NETWORKS = {"senn": senn, "parkinson": parkinson, "smoking": smoking, "dong": dong}


@cache
def reference() -> dict[str, Any]:
    """What R's metafor says of these networks; made by validation/network/network_reference.R."""
    found: dict[str, Any] = json.loads(Path(__file__).with_name("network_reference.json").read_text(encoding="utf-8"))
    return found


def study_of_arms(study: str, arms: dict[str, tuple[float, float]]) -> StudyContrasts:
    """A study with independent arms, each an effect and a variance."""
    values = np.array(list(arms.values()))
    contrasts = values[1:, 0] - values[0, 0]
    return StudyContrasts(study, tuple(arms), contrasts, np.diag(values[1:, 1]) + values[0, 1])


def two_arms(study: str, treatment: str, comparator: str, estimate: float, variance: float) -> StudyContrasts:
    return StudyContrasts(study, (comparator, treatment), np.array([estimate]), np.array([[variance]]))
