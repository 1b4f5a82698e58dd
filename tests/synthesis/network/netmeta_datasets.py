"""The networks that R's netmeta prints results of in the help pages of metadat, retyped.

One line a study: "label | treatment events/participants; …", for ``LINDE_2015`` "treatment responders/remissions/
participants" with - for what a trial doesn't report, for ``STOWE_2010`` "treatment mean sd participants".
"""

WOODS_2010 = """\
Boyd 1997 | Salmeterol 1/229; Placebo 1/227
Calverly 2003 | Fluticasone 4/374; Salmeterol 3/372; SFC 2/358; Placebo 7/361
Celli 2003 | Salmeterol 1/554; Placebo 2/270
"""
"""Deaths in trials of drugs for obstructive lung disease (Woods et al. 2010, BMC Med Res Methodol 10:54)."""

BAKER_2009 = """\
Llewellyn-Jones 1996 1 | Fluticasone 0/8; Placebo 3/8
Boyd 1997 2 | Salmeterol 47/229; Placebo 59/227
Paggiaro 1998 3 | Fluticasone 45/142; Placebo 51/139
Mahler 1999 4 | Salmeterol 28/135; Placebo 47/143
Casaburi 2000 5 | Tiotropium 45/279; Placebo 41/191
Burge 2000 6 | Fluticasone 290/372; Placebo 286/370
Littner 2000 7 | Tiotropium 0/33; Placebo 1/35
vanNoord 2000 8 | Salmeterol 11/47; Placebo 18/50
Rennard 2001 9 | Salmeterol 38/132; Placebo 41/135
Casaburi 2002 10 | Tiotropium 198/550; Placebo 156/371
Chapman 2002 11 | Salmeterol 52/201; Placebo 68/207
Donohue 2002 12 | Tiotropium 77/209; Salmeterol 82/213; Placebo 92/201
Hattotuwa 2002 13 | Fluticasone 3/16; Placebo 10/14
Mahler 2002 14 | Fluticasone 77/168; Salmeterol 63/160; Fluticasone+Salmeterol 68/165; Placebo 79/181
Rossi 2002 15 | Formoterol 117/425; Placebo 75/220
Brusasco 2003 16 | Tiotropium 129/402; Salmeterol 142/405; Placebo 156/400
Carverley-ERJ 2003 17 | Budesonide 167/257; Formoterol 179/255; Budesonide+Formoterol 140/254; Placebo 154/256
Carverley-L 2003 18 | Fluticasone 221/374; Salmeterol 216/372; Fluticasone+Salmeterol 218/358; Placebo 235/361
Celli 2003 19 | Salmeterol 95/554; Placebo 59/270
Hanania 2003 20 | Fluticasone 79/183; Salmeterol 65/177; Fluticasone+Salmeterol 71/178; Placebo 73/185
Szafranski 2004 21 | Budesonide 26/198; Formoterol 38/201; Budesonide+Formoterol 35/208; Placebo 53/205
Odonnel 2004 22 | Tiotropium 7/96; Placebo 11/91
Briggs 2005 23 | Tiotropium 30/328; Salmeterol 36/325
Campbell 2005 24 | Formoterol 35/215; Placebo 34/217
Niewoehner 2005 25 | Tiotropium 255/914; Placebo 296/915
vanNoord 2005 26 | Tiotropium 4/70; Formoterol 14/69
Barnes 2006 27 | Fluticasone+Salmeterol 11/67; Placebo 24/73
Beeh 2006 28 | Tiotropium 180/1236; Placebo 80/403
Dusser 2006 29 | Tiotropium 249/500; Placebo 307/510
Odonnel 2006 30 | Fluticasone+Salmeterol 2/62; Salmeterol 1/59; Placebo 6/64
Stokley 2006 31 | Salmeterol 146/316; Placebo 163/318
Verkindre 2006 32 | Tiotropium 0/43; Placebo 2/44
Baumgartner 2007 33 | Salmeterol 20/144; Placebo 24/143
Freeman 2007 34 | Tiotropium 19/200; Placebo 35/195
Carverley 2007 35 | Fluticasone 928/1534; Salmeterol 932/1521; Fluticasone+Salmeterol 879/1533; Placebo 969/1524
Kardos 2007 36 | Fluticasone+Salmeterol 210/507; Salmeterol 241/487
Powrie 2007 37 | Tiotropium 30/69; Placebo 47/73
Wedzicha 2008 38 | Fluticasone+Salmeterol 408/658; Tiotropium 392/665
DalNegro 2003 39 | Fluticasone+Salmeterol 6/6; Salmeterol 6/6; Placebo 6/6
"""
"""Patients with exacerbations of chronic obstructive pulmonary disease (Baker et al. 2009, Pharmacotherapy 29:891)."""

DOGLIOTTI_2014 = """\
AFASAK-I 1989 | VKAs 9/335; Aspirin 16/336; Placebo/Control 19/336
BAATAF 1990 | VKAs 3/212; Placebo/Control 13/208
CAFA 1991 | VKAs 6/187; Placebo/Control 9/191
SPAF-I 1991 | VKAs 8/210; Aspirin 24/552; Placebo/Control 42/568
SPINAF 1992 | VKAs 7/260; Placebo/Control 23/265
EAFT 1993 | VKAs 20/225; Aspirin 88/404; Placebo/Control 90/378
SPAF-II 1994 | VKAs 39/555; Aspirin 42/545
AFASAK-II 1998 | VKAs 10/170; Aspirin 9/169
PATAF 1999 | VKAs 3/131; Aspirin 22/319
LASAF 1999 | Aspirin 5/194; Placebo/Control 3/91
ACTIVE (W) 2006 | VKAs 59/3371; Aspirin+Clopidogtrel 100/3335
JAST 2006 | Aspirin 17/426; Placebo/Control 18/445
ACTIVE (A) 2006 | Aspirin+Clopidogtrel 296/3772; Aspirin 408/3782
Chinese/ATAFS 2006 | VKAs 9/335; Aspirin 17/369
BAFTA 2007 | VKAs 21/488; Aspirin 44/485
RE-LY 2009 | Dabigatran 110mg 171/6015; Dabigatran 150mg 122/6076; VKAs 185/6022
ROCKET 2011 | Rivaroxaban 188/7081; VKAs 240/7090
ARISTOTLE 2011 | Apixaban 197/9120; VKAs 248/9081
AVERROES 2011 | Apixaban 49/2808; Aspirin 105/2791
WASPO, 2007 | VKAs 0/36; Aspirin 0/39
"""
"""Strokes in atrial fibrillation (Dogliotti et al. 2014, Heart 100:396)."""

LINDE_2015 = """\
1 | TCA 49/-/75; SNRI 60/-/78; Placebo 48/-/76
4 | TCA 20/16/35; Placebo 8/6/23
7 | TCA 16/9/32; Placebo 12/5/31
9 | TCA 59/95/363; SSRI 37/56/173
11 | TCA 48/-/108; SSRI 50/-/99; Placebo 40/-/101
14 | TCA -/-/10; SSRI -/-/11
17 | TCA 55/55/111; Placebo 27/30/108
18 | TCA -/-/73; Placebo -/-/73
20 | TCA 29/-/55; SSRI 27/-/51
21 | TCA -/12/46; rMAO-A -/29/98
22 | TCA 48/29/73; SSRI 46/20/71
23 | TCA 122/70/191; SSRI 127/76/184
24 | TCA 16/16/31; Placebo 9/8/30
26 | SSRI 183/-/314; Placebo 74/-/154
27 | SSRI -/45/80; Placebo -/37/81
29 | TCA 31/16/51; SSRI 19/9/49
30 | NaSSa 17/10/38; rMAO-A 34/12/79
31 | TCA 37/41/90; Placebo 23/28/88
33 | TCA 120/69/175; rMAO-A 95/51/170
34 | TCA 33/21/68; SSRI 38/28/70
37 | TCA 18/17/32; SSRI 35/39/58
39 | NaSSa 15/10/27; Placebo 12/7/25
41 | SSRI 98/53/170; SNRI 81/52/171
46 | SSRI 72/41/118; Hypericum 70/41/123
48 | SSRI 103/60/191; Placebo 79/44/189
49 | SSRI 60/52/137; Placebo 43/53/140
50 | SSRI 71/38/127; Hypericum 71/40/131; Placebo 51/25/130
51 | TCA -/25/71; rMAO-A -/36/71
52 | TCA 14/19/23; rMAO-A 13/21/30
53 | SSRI 66/-/122; NaSSa 60/-/121; Placebo 59/-/129
55 | TCA 70/50/110; Hypericum 76/48/106; Placebo 29/14/47
56 | TCA 49/-/92; SSRI 202/-/380
57 | TCA 317/185/506; SSRI 328/187/513
61 | SSRI 20/15/56; Hypericum 22/13/57; Placebo 21/4/57
64 | SSRI 45/13/114; Hypericum 75/20/126
65 | Hypericum 35/22/60; Placebo 10/8/60
66 | Hypericum 14/13/20; Placebo 9/5/20
67 | SSRI 57/51/84; Hypericum 50/46/77
68 | Hypericum 10/9/20; Placebo 4/2/20
70 | SSRI 23/13/45; Hypericum 25/17/45
71 | Hypericum 34/18/48; Placebo 25/11/49
72 | TCA 40/29/78; Hypericum 42/25/87
73 | Hypericum 32/-/55; Placebo 29/-/57
74 | Hypericum 43/24/98; Placebo 16/8/49
76 | SSRI 113/102/148; SNRI 113/99/145
83 | TCA 56/33/79; Low-dose SARI 58/31/112; NaSSa 14/7/36
88 | Low-dose SARI 38/27/61; NaSSa 25/18/64
90 | TCA 21/-/42; SSRI 15/-/42
91 | TCA 35/18/64; rMAO-A 31/13/66
94 | TCA 36/43/80; SSRI 29/34/82
95 | TCA 35/16/67; SSRI 29/20/67
96 | TCA 11/0/30; SSRI 15/0/29
100 | TCA 57/32/115; SSRI 72/42/122
105 | TCA 124/99/186; SSRI 122/96/179
112 | SSRI 113/84/178; SNRI 130/94/183
113 | TCA 52/34/114; Low-dose SARI 54/34/114
114 | Low-dose SARI 15/16/20; NaSSa 15/14/20
116 | SSRI 28/27/31; NaSSa 25/26/31
120 | TCA 63/98/218; SSRI 31/49/109
121 | Low-dose SARI 27/-/43; NaSSa 15/-/40
123 | SSRI 35/23/98; NaSSa 43/30/99
128 | TCA 22/21/50; SSRI 21/19/53
130 | TCA -/-/35; NaSSa -/-/36; Placebo -/-/34
131 | SSRI -/165/697; SNRI -/200/688
132 | TCA 21/13/43; SNRI 19/12/45
135 | SSRI 117/60/298; NRI 107/61/303
"""
"""Antidepressants in primary care: early response and remission (Linde et al. 2015, Ann Fam Med 13:69)."""

STOWE_2010 = """\
DA(pr/B) Int | Dopamine Agonist -1.9 4.3 152; Placebo -0.3 4.4 76
DA(B) Germany | Dopamine Agonist -3.4 2.78 20; Placebo 0.3 3.66 20
DA(C)Spain | Dopamine Agonist -3.33 3.47 14; Placebo -2.47 3.91 12
DA(C) UK | Dopamine Agonist -2 2.33 18; Placebo -0.7 2.25 16
DA(C) USA | Dopamine Agonist -2.08 3.19 89; Placebo -0.77 3.34 46
DA(pe) N America | Dopamine Agonist -1.8 4.8 189; Placebo -0.2 4.8 187
DA(Pr) Aus/ger | Dopamine Agonist -2.3 2.7 23; Placebo 0.4 3.5 37
DA(Pr) CLEOPATRA | Dopamine Agonist -2.8 2.83 200; Placebo -0.9 5 100
DA(Pr) Denmark | Dopamine Agonist -1.2 2.9 29; Placebo -0.9 5 29
DA(Pr) Europe | Dopamine Agonist -1.94 2.59 174; Placebo -0.12 3.11 180
DA(Pr) US/CANADA | Dopamine Agonist -2.4 3.4 174; Placebo -0.7 3.7 172
DA(Pr) EASE-PD | Dopamine Agonist -2.1 4.54 201; Placebo -0.3 4.41 190
DA(Pr) France/Eng | Dopamine Agonist -1.74 2.36 23; Placebo -2.22 3 23
DA(Pr) UK/Israel | Dopamine Agonist -1.33 2.35 42; Placebo -0.75 2.81 22
DA(Pr) USA | Dopamine Agonist -1.53 4.28 90; Placebo -1.22 3.7 53
COMTI(E) Colemen | COMTI -1.6 2.5 129; Placebo -0.9 3.4 74
COMTI(E) ComQol | COMTI -1 1.9 174; Placebo -0.9 2 96
COMTI(E) INT-OZ | COMTI -0.86 2.9 99; Placebo -0.54 3.13 63
LARGO | COMTI -1.2 2.21 218; Placebo -0.4 2.21 218; MAOBI -1.18 2.23 222
COMTI(E) Nomecomt | COMTI -1.3 2.2 85; Placebo -0.1 2.45 86
COMTI(E) Sth Korea | COMTI -1.5 2.55 98; Placebo -1 2.29 99
COMTI(E) UK/Irish | COMTI -1.1 2.55 115; Placebo -0.3 2.85 57
COMTI(T) China | COMTI -1.9 3.3 20; Placebo 0.15 3.3 20
COMTI(T) Europe | COMTI -2.03 2.6 60; Placebo -0.67 2.8 58
COMTI(T) TFSG1 | COMTI -1.61 1.77 40; Placebo -0.04 1.75 42
COMTI(T) TFSG3 | COMTI -2 2.49 69; Placebo -0.3 2.55 72
COMTI(T) TIPS I | COMTI -1.78 2.76 31; Placebo -0.11 2.63 37
MAOBI(R) PRESTO | MAOBI -1.85 2.5 149; Placebo -0.91 2.5 159
MAOBI(ZS) USA | MAOBI -2.2 2.43 94; Placebo -0.6 2.49 46
"""
"""Parkinson's disease, change of off-time in hours (Stowe et al. 2010, Cochrane Database Syst Rev 7:CD007166)."""

LINDE_2016 = """\
Lecrubier 1997 1 | SNRI 60/78; Placebo 48/76; TCA 49/75
Smit 2006 2 | Face-to-face CBT 16/44; UC 19/72
Blashki 1971 4 | TCA 20/35; Placebo 8/23
Bedi 2000 5 | Ind drug 20/51; Other face-to-face 17/52
Proudfoot 2004 6 | Self-help CBT 49/146; UC 29/128
Barge-Schaapveld 2002 7 | TCA 16/32; Placebo 12/31
Simon 1996 9 | TCA 101/363; SSRI 48/173
Doogan 1994 11 | SSRI 50/99; Placebo 40/101; TCA 48/108
Van Schaik 2006 12 | Face-to-face interpsy 16/69; UC 18/74
Mynor-Wallis 2000 16 | Face-to-face PST 41/80; Face-to-face PST + SSRI 20/35; SSRI 24/36
Boyer Teil 1 1996 17 | TCA 55/111; Placebo 27/108
Boyer Teil 2 1996 18 | TCA 31/73; Placebo 22/73
Moon 1994 20 | TCA 29/55; SSRI 27/51
Christiansen 1996 22 | TCA 48/73; SSRI 46/71
Freed 1999 23 | TCA 122/191; SSRI 127/184
Mynor-Wallis 1995 24 | Face-to-face PST 19/30; Placebo 9/30; TCA 16/31
Lepola 2003 26 | SSRI 183/314; Placebo 74/154
Corne 1989 29 | TCA 31/51; SSRI 19/49
Wheatley 1989 30 | NaSSa 17/38; rMAO-A 34/79
Hollyman 1988 31 | TCA 37/90; Placebo 23/88
Beaumont 1993 33 | TCA 120/175; rMAO-A 95/170
Moon 1996 34 | TCA 33/68; SSRI 38/70
Teasdale 1984 35 | Face-to-face CBT 11/24; UC 6/20
Hutchinson 1992 37 | TCA 18/32; SSRI 35/58
Brink 1984 39 | NaSSa 15/27; Placebo 12/25
Tylee 1997 41 | SSRI 98/170; SNRI 81/171
Schulberg 1996 43 | Face-to-face interpsy 43/93; UC 33/92; TCA 50/91
Gastpar 2005 46 | SSRI 72/118; Hypericum 70/123
Wade 2002 48 | SSRI 103/191; Placebo 79/189
Williams 2000 49 | Face-to-face PST 52/138; Placebo 43/140; SSRI 60/137
Gastpar 2006 50 | Hypericum 71/131; Placebo 51/130; SSRI 71/127
Lingjarde 1995 52 | TCA 14/23; rMAO-A 13/30
Malt 1999 53 | NaSSa 65/121; Placebo 60/129; SSRI 74/122
Philipp 1999 55 | Hypericum 76/106; Placebo 29/47; TCA 70/110
Rosenberg 1994 56 | TCA 49/92; SSRI 202/380
Ravindran 1997 57 | TCA 317/506; SSRI 328/513
Scott 1992 58 | Face-to-face CBT 19/30; Other face-to-face 20/30; UC 17/30; TCA 14/31
Scott 1997 59 | Face-to-face CBT 5/24; UC 4/24
Bjerkenstedt 2005 61 | Hypericum 22/57; Placebo 21/57; SSRI 20/56
Schrader 2000 64 | SSRI 45/114; Hypericum 75/126
Harrer 1991 65 | Hypericum 35/60; Placebo 10/60
Huebner 1993 66 | Hypericum 14/20; Placebo 9/20
Harrer 1999 67 | SSRI 57/84; Hypericum 50/77
Schmidt 1989 68 | Hypericum 10/20; Placebo 4/20
van Gurp 2002 70 | SSRI 23/45; Hypericum 25/45
Witte 1995 71 | Hypericum 34/48; Placebo 25/49
Wheatley 1997 72 | TCA 40/78; Hypericum 42/87
König 1993 73 | Hypericum 32/55; Placebo 29/57
Laakmann 1998 74 | Hypericum 43/98; Placebo 16/49
Montgomery 2004 76 | SSRI 113/148; SNRI 113/145
Kessler 2009 78 | Remote CBT 64/149; UC 34/148
Corney 2005 79 | Other face-to-face 23/92; UC 18/89
Browne 2002 82 | Face-to-face interpsy 83/231; Face-to-face interpsy + SSRI 122/247; SSRI 117/229
Blacker 1988 83 | Low-dose SARI 58/112; NaSSa 14/36; TCA 56/79
Casanas 2012 84 | Other face-to-face 30/119; UC 16/112
de Graaf 2009 86 | No contact CBT 37/200; UC 13/103
Beaumont 1984 88 | Low-dose SARI 38/61; NaSSa 25/64
Fairwheather 1999 90 | TCA 21/42; SSRI 15/42
Gachoud 1994 91 | TCA 35/64; rMAO-A 31/66
GSK-PAR2906 1985 94 | TCA 36/80; SSRI 29/82
GSK-2906 1991 95 | TCA 35/67; SSRI 29/67
GSK-PARMDUK 1986 96 | TCA 11/30; SSRI 15/29
Guelfi 1999 100 | TCA 57/115; SSRI 72/122
King 2000 103 | Face-to-face CBT 33/71; Other face-to-face 28/59
Ward 2000 104 | Face-to-face CBT 30/63; Other face-to-face 33/67; UC 23/67
Kyle 1998 105 | TCA 124/186; SSRI 122/179
Laidlaw 2008 107 | Face-to-face CBT 11/21; UC 8/23
Simon 2004 110 | Remote CBT 100/198; UC 76/195
McPartlin 1998 112 | SSRI 113/178; SNRI 130/183
Moon 1990 113 | TCA 52/114; Low-dose SARI 54/114
Moon 1988 114 | Low-dose SARI 15/20; NaSSa 15/20
Dwight-Johnson 2011 115 | Remote CBT 23/50; UC 12/51
Moon 1991 116 | SSRI 28/31; NaSSa 25/31
Naeem 2010 117 | SSRI 2/17; Face-to-face CBT + SSRI 12/17
Oxman 2008 118 | Face-to-face PST 32/72; UC 30/69
Peveler 2005 120 | TCA 63/218; SSRI 31/109
Richards 1982 121 | Low-dose SARI 27/43; NaSSa 15/40
Wade 2003 123 | SSRI 47/98; NaSSa 59/99
Salminen 2008 124 | SSRI 16/25; Face-to-face psychodyn 16/26
Naylor 2008 125 | No contact CBT 4/19; UC 3/19
Serfaty 2009 126 | Face-to-face CBT 21/70; UC 16/67
Corney 1984 127 | Other face-to-face 28/45; UC 24/42
Serrano-Blanco 2006 128 | TCA 22/50; SSRI 21/53
Thase 2011 131 | SSRI 336/697; SNRI 374/688
Trick 2004 132 | TCA 21/43; SNRI 20/45
Mohr 2012 134 | Face-to-face CBT 79/162; Remote CBT 72/163
Wiles 2012 135 | SSRI 117/298; NRI 107/303
Levesque 2011 200 | No contact CBT 41/174; UC 30/176
Levin 2011 201 | No contact CBT 38/100; UC 26/91
Joling 2011 202 | Self-help CBT 40/86; UC 37/84
Williams 2013 204 | Self-help CBT 43/141; UC 25/140
Watkins 2012 205 | Self-help CBT 15/40; UC 8/42
MacPherson 2013 206 | Other face-to-face 81/302; UC 31/151
"""
"""Response to 22 treatments of depression in primary care (Linde et al. 2016, J Clin Epidemiol 71:86)."""
