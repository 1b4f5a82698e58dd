"""Networks for the tests of figures and of the command."""

from __future__ import annotations

import numpy as np

from equipoise.synthesis.network import Network, StudyContrasts

# Glucose lowering, mean difference in HbA1c (Senn et al. 2013, Stat Methods Med Res 22:169).
SENN = """\
study,treat1,treat2,TE,seTE
DeFronzo1995,metf,plac,-1.9,0.1414
Lewin2007,metf,plac,-0.82,0.0992
Willms1999,metf,acar,-0.2,0.3579
Davidson2007,rosi,plac,-1.34,0.1435
Wolffenbuttel1999,rosi,plac,-1.1,0.1141
Kipnes2001,piog,plac,-1.3,0.1268
Kerenyi2004,rosi,plac,-0.77,0.1078
Hanefeld2004,piog,metf,0.16,0.0849
Derosa2004,piog,rosi,0.1,0.1831
Baksi2004,rosi,plac,-1.3,0.1014
Rosenstock2008,rosi,plac,-1.09,0.2263
Zhu2003,rosi,plac,-1.5,0.1624
Yang2003,rosi,metf,-0.14,0.2239
Vongthavaravat2002,rosi,sulf,-1.2,0.1436
Oyama2008,acar,sulf,-0.4,0.1549
Costa1997,acar,plac,-0.8,0.1432
Hermansen2007,sita,plac,-0.57,0.1291
Garber2008,vild,plac,-0.7,0.1273
Alex1998,metf,sulf,-0.37,0.1184
Johnston1994,migl,plac,-0.74,0.1839
Johnston1998a,migl,plac,-1.41,0.2235
Kim2007,rosi,metf,0,0.2339
Johnston1998b,migl,plac,-0.68,0.2828
Gonzalez-Ortiz2004,metf,plac,-0.4,0.4356
Stucci1996,benf,plac,-0.23,0.3467
Moulin2006,benf,plac,-1.01,0.1366
Willms1999,metf,plac,-1.2,0.3758
Willms1999,acar,plac,-1,0.4669
"""


def senn() -> Network:
    """Ten treatments, 26 studies, one of them with three arms; participants unknown."""
    rows = [line.split(",") for line in SENN.strip().splitlines()]
    columns = {name: [row[k] for row in rows[1:]] for k, name in enumerate(rows[0])}
    return Network.from_contrasts(columns, treatment="treat1", comparator="treat2", estimate="TE", se="seTE")


def made_up(treatments: int, studies: int, seed: int = 1) -> Network:
    """A connected network of treatments with long names, every fifth study with three arms; simulated."""
    rng = np.random.default_rng(seed)
    words = (
        "placebo",
        "cognitive therapy",
        "individual",
        "with support",
        "guided self-help",
        "enhanced",
        "shortened sessions",
    )
    names = [f"T{k:02d} {words[k % 7]} {words[(3 * k + 2) % 7]}" for k in range(treatments)]
    made = []
    for k in range(studies):
        arms = 3 if k % 5 == 0 and treatments > 2 else 2
        first = 0 if k < treatments - 1 else int(rng.integers(treatments))
        others = [k % (treatments - 1) + 1] if k < treatments - 1 else []
        pool = [t for t in range(treatments) if t != first and t not in others]
        others += [int(t) for t in rng.choice(pool, arms - 1 - len(others), replace=False)]
        covariance = np.full((arms - 1, arms - 1), 0.02) + 0.03 * np.eye(arms - 1)
        estimates = rng.normal(-0.03 * np.array(others) + 0.03 * first, 0.3)
        counts = tuple(int(n) for n in rng.integers(20, 400, arms))
        made.append(
            StudyContrasts(f"study {k}", tuple(names[t] for t in [first, *others]), estimates, covariance, counts)
        )
    return Network.from_studies(made, "SMD")


def apart() -> Network:
    """Two subnetworks."""
    one = np.array([[0.04]])
    studies = [
        StudyContrasts(f"{a}{b}{k}", (a, b), np.array([0.1 * k - 0.3]), one)
        for a, b in (("placebo", "A"), ("placebo", "B"), ("U", "V"), ("U", "W"))
        for k in range(3)
    ]
    return Network.from_studies(studies, "MD")
