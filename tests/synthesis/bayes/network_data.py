"""Published networks by arm, retyped, for Bayesian models; each names its publication.

A line is "study | treatment numbers; treatment numbers": events/participants, or events/person-years, or mean±se.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from arm_counts import GURUSAMY_2011, SMOKING

Likelihood = Literal["binomial", "poisson", "normal"]

# Lu & Ades 2006, J Am Stat Assoc 101:447, table 1: deaths within 30 or 35 days of thrombolytic treatment after a heart
# attack; SK streptokinase, AtPA accelerated alteplase, tPA alteplase, SKtPA both, Ten tenecteplase, Ret reteplase,
# UK urokinase, ASPAC anistreplase.
THROMBOLYTICS = """\
1 | SK 1472/20163; AtPA 652/10344; SKtPA 723/10328
2 | SK 1455/13780; tPA 1418/13746; ASPAC 1448/13773
3 | SK 9/130; tPA 6/123
4 | SK 5/63; tPA 2/59
5 | SK 3/65; tPA 3/64
6 | SK 887/10396; tPA 929/10372
7 | SK 7/85; tPA 4/86
8 | SK 12/147; tPA 7/143
9 | SK 10/135; tPA 5/135
10 | SK 4/107; SKtPA 6/109
11 | SK 285/2992; Ret 270/2994
12 | SK 10/203; UK 7/198
13 | SK 3/58; ASPAC 2/52
14 | SK 3/86; ASPAC 6/89
15 | SK 3/58; ASPAC 2/58
16 | SK 13/182; ASPAC 11/188
17 | AtPA 522/8488; Ten 523/8461
18 | AtPA 356/4921; Ret 757/10138
19 | AtPA 13/155; Ret 7/169
20 | AtPA 2/26; UK 7/54
21 | AtPA 12/268; UK 16/350
22 | AtPA 5/210; ASPAC 17/211
23 | AtPA 3/138; ASPAC 13/147
24 | tPA 8/132; UK 4/66
25 | tPA 10/164; UK 6/166
26 | tPA 6/124; UK 5/121
27 | tPA 13/164; ASPAC 10/161
28 | tPA 7/93; ASPAC 5/90
"""

# Hooper et al. 2000, Cochrane CD002137 (NICE DSU Technical Support Document 2, example 2): deaths per person-year of
# follow-up on the control diet and on a diet with less or other fat. One trial has two arms of the latter.
DIETARY_FAT = """\
DART | control 113/1917; reduced fat 111/1925
London Corn/Olive | control 1/43.6; reduced fat 5/41.3; reduced fat 3/38
London Low Fat | control 24/393.5; reduced fat 20/373.9
Minnesota Coronary | control 248/4715; reduced fat 269/4823
MRC Soya | control 31/715; reduced fat 28/751
Oslo Diet-Heart | control 65/885; reduced fat 48/895
STARS | control 3/87.8; reduced fat 1/91
Sydney Diet-Heart | control 28/1011; reduced fat 39/939
Veterans Administration | control 177/1544; reduced fat 174/1588
Veterans Diet & Skin CA | control 2/125; reduced fat 1/123
"""

# Elliott & Meyer 2007, Lancet 369:201 (NICE DSU Technical Support Document 2, example 3): new diabetes under drugs
# against high blood pressure; the years of follow-up are in DIABETES_YEARS.
DIABETES = """\
MRC-E | Diuretic 43/1081; Placebo 34/2213; BB 37/1102
EWPH | Diuretic 29/416; Placebo 20/424
SHEP | Diuretic 140/1631; Placebo 118/1578
HAPPHY | Diuretic 75/3272; BB 86/3297
ALLHAT | Diuretic 302/6766; CCB 154/3954; ACEi 119/4096
INSIGHT | Diuretic 176/2511; CCB 136/2508
ANBP-2 | Diuretic 200/2826; ACEi 138/2800
ALPINE | Diuretic 8/196; ARB 1/196
FEVER | Placebo 154/4870; CCB 177/4841
DREAM | Placebo 489/2646; ACEi 449/2623
HOPE | Placebo 155/2883; ACEi 102/2837
PEACE | Placebo 399/3472; ACEi 335/3432
CHARM | Placebo 202/2721; ARB 163/2715
SCOPE | Placebo 115/2175; ARB 93/2167
AASK | BB 70/405; CCB 32/202; ACEi 45/410
STOP-2 | BB 97/1960; CCB 95/1965; ACEi 93/1970
ASCOT | BB 799/7040; CCB 567/7072
NORDIL | BB 251/5059; CCB 216/5095
INVEST | BB 665/8078; CCB 569/8098
CAPPP | BB 380/5230; ACEi 337/5183
LIFE | BB 320/3979; ARB 242/4020
VALUE | CCB 845/5074; ARB 690/5087
"""
DIABETES_YEARS = {
    "MRC-E": 5.8,
    "EWPH": 4.7,
    "SHEP": 3.0,
    "HAPPHY": 3.8,
    "ALLHAT": 4.0,
    "INSIGHT": 3.0,
    "ANBP-2": 4.1,
    "ALPINE": 1.0,
    "FEVER": 3.3,
    "DREAM": 3.0,
    "HOPE": 4.5,
    "PEACE": 4.8,
    "CHARM": 3.1,
    "SCOPE": 3.7,
    "AASK": 3.8,
    "STOP-2": 4.0,
    "ASCOT": 5.5,
    "NORDIL": 4.5,
    "INVEST": 4.0,
    "CAPPP": 6.1,
    "LIFE": 4.8,
    "VALUE": 4.2,
}

# NICE DSU Technical Support Document 3 (as distributed with R's multinma): deaths in trials of statins.
STATINS = """\
4S | control 256/2223; statin 182/2221
Bestehorn | control 4/125; statin 1/129
Brown | control 0/52; statin 1/94
CCAIT | control 2/166; statin 2/165
Downs | control 77/3301; statin 80/3304
EXCEL | control 3/1663; statin 33/6582
Furberg | control 8/459; statin 1/460
Haskell | control 3/155; statin 3/145
Jones | control 0/42; statin 1/83
KAPS | control 4/223; statin 3/224
LIPID | control 633/4520; statin 498/4512
MARS | control 1/124; statin 2/123
MAAS | control 11/188; statin 4/193
PLAC 1 | control 5/78; statin 4/79
PLAC 2 | control 6/202; statin 4/206
PMSGCRP | control 3/532; statin 0/530
Riegger | control 4/178; statin 2/187
Weintraub | control 1/201; statin 3/203
Wscotland | control 135/3293; statin 106/3305
"""

# Carlin 1992, Stat Med 11:141 (NICE DSU Technical Support Document 2, example 1): deaths under β-blockers after a heart
# attack.
BLOCKER = """\
1 | control 3/39; blocker 3/38
2 | control 14/116; blocker 7/114
3 | control 11/93; blocker 5/69
4 | control 127/1520; blocker 102/1533
5 | control 27/365; blocker 28/355
6 | control 6/52; blocker 4/59
7 | control 152/939; blocker 98/945
8 | control 48/471; blocker 60/632
9 | control 37/282; blocker 25/278
10 | control 188/1921; blocker 138/1916
11 | control 52/583; blocker 64/873
12 | control 47/266; blocker 45/263
13 | control 16/293; blocker 9/291
14 | control 45/883; blocker 57/858
15 | control 31/147; blocker 25/154
16 | control 38/213; blocker 33/207
17 | control 12/122; blocker 28/251
18 | control 6/154; blocker 8/151
19 | control 3/134; blocker 6/174
20 | control 40/218; blocker 32/209
21 | control 43/364; blocker 27/391
22 | control 39/674; blocker 22/680
"""

# Franchini et al. 2012, Stat Med 31:1189 (NICE DSU Technical Support Document 2, example 5): change of the hours a day
# that patients with Parkinson's disease spend "off"; A placebo, B pramipexole, C ropinirole, D bromocriptine,
# E cabergoline.
PARKINSON_ARMS = """\
1 | A -1.22±0.504; C -1.53±0.439
2 | A -0.7±0.282; B -2.4±0.258
3 | A -0.3±0.505; B -2.6±0.510; D -1.2±0.478
4 | C -0.24±0.265; D -0.59±0.354
5 | C -0.73±0.335; D -0.18±0.442
6 | D -2.2±0.197; E -2.5±0.190
7 | D -1.8±0.2; E -2.1±0.25
"""


@dataclass(frozen=True)
class ArmTable:
    """A network by arm: parallel columns, as strings and numbers; ``size``: participants, person-years or se."""

    name: str
    publication: str
    likelihood: Likelihood
    link: str
    reference: str
    study: tuple[str, ...]
    treatment: tuple[str, ...]
    value: tuple[float, ...]
    size: tuple[float, ...]
    years: tuple[float, ...] | None = None

    @property
    def treatments(self) -> tuple[str, ...]:
        """The reference first, then in order of appearance."""
        return tuple(dict.fromkeys((self.reference, *self.treatment)))


def _arms(text: str) -> tuple[list[str], list[str], list[float], list[float]]:
    studies: list[str] = []
    treatments: list[str] = []
    values: list[float] = []
    sizes: list[float] = []
    for line in text.strip().splitlines():
        study, arms = line.split(" | ")
        for arm in arms.split(";"):
            treatment, numbers = arm.strip().rsplit(" ", 1)
            value, size = numbers.split("±" if "±" in numbers else "/")
            studies.append(study)
            treatments.append(treatment)
            values.append(float(value))
            sizes.append(float(size))
    return studies, treatments, values, sizes


def _table(
    name: str,
    publication: str,
    likelihood: Likelihood,
    link: str,
    reference: str,
    text: str,
    years: dict[str, float] | None = None,
) -> ArmTable:
    study, treatment, value, size = _arms(text)
    durations = None if years is None else tuple(years[name] for name in study)
    return ArmTable(
        name,
        publication,
        likelihood,
        link,
        reference,
        tuple(study),
        tuple(treatment),
        tuple(value),
        tuple(size),
        durations,
    )


TABLES = {
    table.name: table
    for table in (
        _table("smoking", "Hasselblad 1998, Med Decis Making 18:37", "binomial", "logit", "A", SMOKING),
        _table("thrombolytics", "Lu & Ades 2006, J Am Stat Assoc 101:447", "binomial", "logit", "SK", THROMBOLYTICS),
        _table("dietary_fat", "Hooper et al. 2000, Cochrane CD002137", "poisson", "log", "control", DIETARY_FAT),
        _table(
            "diabetes",
            "Elliott & Meyer 2007, Lancet 369:201",
            "binomial",
            "cloglog",
            "Diuretic",
            DIABETES,
            DIABETES_YEARS,
        ),
        _table("statins", "NICE DSU Technical Support Document 3", "binomial", "logit", "control", STATINS),
        _table("blocker", "Carlin 1992, Stat Med 11:141", "binomial", "logit", "control", BLOCKER),
        _table(
            "sparse", "Gurusamy et al. 2011, Cochrane CD009052", "binomial", "logit", "Control/Placebo", GURUSAMY_2011
        ),
        _table("parkinson_arms", "Franchini et al. 2012, Stat Med 31:1189", "normal", "identity", "A", PARKINSON_ARMS),
    )
}
