"""Networks with binary outcomes, retyped: one line a study, "treatment events/participants"."""

from __future__ import annotations

import numpy as np

from equipoise.synthesis.network import Network, StudyContrasts
from equipoise.synthesis.network.binary_arms import BinaryArms, binary_arms

# Dong et al. 2013, Thorax 68:48: deaths in trials of inhaled drugs for chronic obstructive pulmonary disease.
DONG_2013 = """\
id1 | TIO-SMI 52/1989; Placebo 38/2002
id2 | TIO-SMI 35/1337; Placebo 9/653
id3 | TIO-HH 381/2986; Placebo 411/3006
id4 | TIO-HH 3/266; Placebo 6/288
id5 | TIO-HH 0/117; Placebo 0/117
id6 | TIO-HH 15/608; Placebo 4/305
id7 | TIO-HH 1/69; Placebo 2/73
id8 | TIO-HH 7/500; Placebo 8/510
id9 | TIO-HH 1/55; Placebo 0/53
id10 | TIO-HH 22/914; Placebo 19/915
id11 | TIO-HH 7/550; Placebo 7/317
id12 | TIO-HH 64/3707; LABA 78/3669
id13 | TIO-HH 1/402; LABA 6/405; Placebo 5/400
id14 | TIO-HH 38/665; LABA-ICS 21/658
id15 | LABA 6/316; Placebo 5/318
id16 | LABA 3/440; Placebo 0/217
id17 | LABA 1/201; Placebo 2/207
id18 | ICS 5/127; Placebo 5/127
id19 | ICS 3/128; Placebo 0/132
id20 | ICS 4/123; Placebo 0/121
id21 | ICS 32/376; Placebo 36/375
id22 | ICS 8/634; Placebo 10/643
id23 | ICS 4/145; Placebo 5/145
id24 | ICS 0/142; Placebo 2/139
id25 | ICS 0/434; Placebo 0/206
id26 | LABA-ICS 6/479; LABA 0/239
id27 | LABA-ICS 4/394; LABA 6/403
id28 | LABA-ICS 6/394; LABA 3/388
id29 | LABA-ICS 7/507; LABA 9/487
id30 | LABA-ICS 2/189; LABA 4/184
id31 | LABA-ICS 5/92; LABA 7/94
id32 | LABA-ICS 7/988; LABA 4/495; Placebo 4/481
id33 | LABA-ICS 1/131; LABA 0/131; Placebo 0/125
id34 | LABA-ICS 2/297; Placebo 0/148
id35 | LABA-ICS 7/845; LABA 1/284; ICS 2/275; Placebo 1/300
id36 | LABA-ICS 193/1546; LABA 205/1542; ICS 246/1552; Placebo 231/1544
id37 | LABA-ICS 0/178; LABA 0/177; ICS 0/183; Placebo 0/185
id38 | LABA-ICS 2/358; LABA 3/372; ICS 3/374; Placebo 7/361
id39 | LABA-ICS 5/254; LABA 13/255; ICS 6/257; Placebo 5/256
id40 | LABA-ICS 6/208; LABA 6/201; ICS 5/198; Placebo 9/205
id41 | LABA-ICS 0/165; LABA 0/160; ICS 0/168; Placebo 3/181
"""

# Gurusamy et al. 2011, Cochrane CD009052: deaths in trials of drugs that reduce bleeding in liver transplantation.
GURUSAMY_2011 = """\
Findlay 2001 | Control/Placebo 1/30; Aprotonin 0/33
Garcia-Huete 1997 | Control/Placebo 3/41; Aprotonin 1/39
Porte 2000 | Control/Placebo 4/48; Aprotonin 5/89
Boylan 1996 | Control/Placebo 3/20; Tranexamic acid 0/25
Dalmau 2000 | Control/Placebo 2/20; Tranexamic acid 3/42; EACA 3/42
Kaspar 1997 | Control/Placebo 0/16; Tranexamic acid 1/16
Baudo 1992 | Control/Placebo 2/16; Antithrombin III 0/13
Lodge 2005 | Control/Placebo 1/62; rFVIIa 3/121
Planinsic 2005 | Control/Placebo 1/19; rFVIIa 5/64
Pugliese 2007 | Control/Placebo 0/10; rFVIIa 0/10
Himmelreich 1992 | Control/Placebo 0/10; Aprotonin 0/13
Williamson 1999 | Control/Placebo 0/13; Solvent detergent plasma 0/12
Dalmau 2004 | Aprotonin 1/63; Tranexamic acid 4/64
Ickx 2006 | Aprotonin 0/24; Tranexamic acid 2/27
"""

# Hasselblad 1998, Medical Decision Making 18:37: smoking cessation; A no contact, B self-help, C individual and
# D group counselling.
SMOKING = """\
1 | A 75/731; C 363/714
2 | A 9/140; C 23/140; D 10/138
3 | A 2/106; C 9/205
4 | A 58/549; C 237/1561
5 | A 0/33; C 9/48
6 | B 20/49; C 16/43
7 | A 3/100; C 31/98
8 | A 1/31; C 26/95
9 | B 11/78; C 12/85; D 29/170
10 | A 6/39; C 17/77
11 | A 79/702; B 77/694
12 | A 18/671; B 21/535
13 | A 64/642; C 107/761
14 | C 12/76; D 20/74
15 | C 9/55; D 3/26
16 | B 7/66; D 32/127
17 | A 5/62; C 8/90
18 | A 20/234; C 34/237
19 | A 0/20; D 9/20
20 | A 8/116; B 19/149
21 | A 95/1107; C 143/1031
22 | A 15/187; C 36/504
23 | A 78/584; C 73/675
24 | A 69/1177; C 54/888
"""

# NICE DSU Technical Support Document 3, example 2: ACR-50 at six months in trials of drugs for rheumatoid arthritis.
CERTOLIZUMAB = """\
Abe2006 | Infliximab 15/49; Placebo 0/47
ARMADA | Adalimumab 37/67; Placebo 5/62
ATTEST | Infliximab 61/165; Placebo 22/110
CHARISMA | Placebo 14/49; Tocilizumab 26/50
DE019 | Adalimumab 81/207; Placebo 19/200
Kim2007 | Adalimumab 28/65; Placebo 9/63
OPTION | Placebo 22/204; Tocilizumab 90/205
RAPID1 | CZP 146/393; Placebo 15/199
RAPID2 | CZP 80/246; Placebo 4/127
START | Infliximab 110/360; Placebo 33/363
Strand2006 | Placebo 5/40; Rituximab 5/40
Weinblatt1999 | Etanercept 23/59; Placebo 1/30
"""

# Thorlund et al. 2014, Cephalalgia 34:258: headache-free at two hours, the first 24 trials of placebo, sumatriptan,
# eletriptan and rizatriptan; doses in multiples of the common one.
TRIPTANS = """\
s1 | placebo_0 6/22; sumatriptan_1 14/30
s4 | placebo_0 55/177; rizatriptan_1 200/351
s5 | placebo_0 52/167; rizatriptan_1 195/331
s6 | placebo_0 13/63; sumatriptan_1 48/98; sumatriptan_2 56/99
s7 | placebo_0 35/138; sumatriptan_0.5 47/150; sumatriptan_1 39/141; sumatriptan_2 49/152
s9 | placebo_0 14/241; sumatriptan_1 45/226
s10 | placebo_0 43/195; eletriptan_0.5 61/173; eletriptan_1 93/197
s12 | placebo_0 84/456; sumatriptan_1 180/448; sumatriptan_2 219/462
s13 | placebo_0 53/436; sumatriptan_1 178/454; sumatriptan_2 207/440
s15 | placebo_0 21/100; sumatriptan_1 58/110; sumatriptan_2 77/103
s18 | placebo_0 22/152; sumatriptan_1 33/135
s19 | sumatriptan_1 185/550; rizatriptan_1 208/547
s20 | sumatriptan_0.5 152/554; rizatriptan_0.5 179/536
s23 | placebo_0 34/118; sumatriptan_1 59/116; sumatriptan_2 70/115
s24 | placebo_0 34/117; sumatriptan_1 59/122; sumatriptan_2 61/115
s25 | placebo_0 35/119; sumatriptan_1 59/111; sumatriptan_2 66/107
s26 | placebo_0 5/74; eletriptan_1 54/154; eletriptan_2 64/152
s27 | placebo_0 20/404; eletriptan_1 280/779; sumatriptan_2 216/799
s28 | placebo_0 12/292; eletriptan_0.5 41/290; eletriptan_1 80/296; eletriptan_2 84/312
s30 | placebo_0 10/79; eletriptan_0.5 19/80; eletriptan_1 17/76; eletriptan_2 21/74
s36 | placebo_0 7/232; eletriptan_1 138/430; eletriptan_2 152/446
s38 | placebo_0 5/102; eletriptan_1 58/206; eletriptan_2 79/209
s41 | placebo_0 6/53; sumatriptan_1 49/147
s42 | placebo_0 15/159; sumatriptan_2 127/387; rizatriptan_0.5 41/164; rizatriptan_1 155/385
"""


def arms_of(text: str) -> BinaryArms:
    """The arms of one of the tables above."""
    rows = []
    for line in text.splitlines():
        study, arms = line.split(" | ")
        for arm in arms.split("; "):
            treatment, _, counts = arm.rpartition(" ")
            events, participants = counts.split("/")
            rows.append((study, treatment, int(events), int(participants)))
    study_labels, treatments, event_counts, sizes = zip(*rows, strict=True)
    return binary_arms(study_labels, treatments, event_counts, sizes)


def log_odds_ratios(text: str) -> Network:
    """The network of log odds ratios, ½ added to all cells of a study with an empty one; no study without events."""
    arms = arms_of(text)
    studies = []
    for number, study in enumerate(arms.studies):
        own = arms.study == number
        events, nonevents = arms.events[own], arms.nonevents[own]
        if (events == 0).any() or (nonevents == 0).any():
            events, nonevents = events + 0.5, nonevents + 0.5
        log_odds, variances = np.log(events / nonevents), 1 / events + 1 / nonevents
        size = len(log_odds) - 1
        covariance = np.full((size, size), variances[0]) + np.diag(variances[1:])
        treatments = tuple(arms.treatments[t] for t in arms.treatment[own])
        studies.append(StudyContrasts(study, treatments, log_odds[1:] - log_odds[0], covariance))
    return Network.from_studies(studies, "OR")
