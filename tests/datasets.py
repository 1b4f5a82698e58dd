"""Published datasets, retyped, each with the publication that its numbers come from.

Two-group tables have the treated group as 1 and the comparator as 2. A value that isn't published is NaN.
"""

# fmt: off
from __future__ import annotations

from typing import Any

Table = dict[str, list[Any]]

NAN = float("nan")

BCG: Table = {
    "study": [
        "Aronson 1948", "Ferguson & Simes 1949", "Rosenthal et al 1960", "Hart & Sutherland 1977",
        "Frimodt-Moller et al 1973", "Stein & Aronson 1953", "Vandiviere et al 1973", "TPT Madras 1980",
        "Coetzee & Berjak 1968", "Rosenthal et al 1961", "Comstock et al 1974", "Comstock & Webster 1969",
        "Comstock et al 1976",
    ],
    "year": [1948, 1949, 1960, 1977, 1973, 1953, 1973, 1980, 1968, 1961, 1974, 1969, 1976],
    "events1": [4, 6, 3, 62, 33, 180, 8, 505, 29, 17, 186, 5, 27],
    "n1": [123, 306, 231, 13598, 5069, 1541, 2545, 88391, 7499, 1716, 50634, 2498, 16913],
    "events2": [11, 29, 11, 248, 47, 372, 10, 499, 45, 65, 141, 3, 29],
    "n2": [139, 303, 220, 12867, 5808, 1451, 629, 88391, 7277, 1665, 27338, 2341, 17854],
    "ablat": [44, 55, 42, 52, 13, 44, 19, 13, 27, 42, 18, 33, 33],
    "alloc": [
        "random", "random", "random", "random", "alternate", "alternate", "random", "random", "random",
        "systematic", "systematic", "systematic", "systematic",
    ],
}
"""Tuberculosis after BCG vaccination, 13 trials: Colditz et al. (1994), JAMA 271:698."""

STROKE_STAY: Table = {
    "study": [
        "Edinburgh", "Orpington-Mild", "Orpington-Moderate", "Orpington-Severe", "Montreal-Home",
        "Montreal-Transfer", "Newcastle", "Umea", "Uppsala",
    ],
    "mean1": [55, 27, 64, 66, 14, 19, 52, 21, 30],
    "sd1": [47, 7, 17, 20, 8, 7, 45, 16, 27],
    "n1": [155, 31, 75, 18, 8, 57, 34, 110, 60],
    "mean2": [75, 29, 119, 137, 18, 18, 41, 31, 23],
    "sd2": [64, 4, 29, 48, 11, 4, 34, 27, 20],
    "n2": [156, 32, 71, 18, 13, 52, 33, 183, 52],
}
"""Days in hospital after a stroke, specialist against usual care: Normand (1999), Stat Med 18:321, table 2."""

TEACHER_EXPECTANCY: Table = {
    "study": [
        "Rosenthal et al.", "Conn et al.", "Jose & Cody", "Pellegrini & Hicks", "Pellegrini & Hicks",
        "Evans & Rosenthal", "Fielder et al.", "Claiborn", "Kester", "Maxwell", "Carter", "Flowers", "Keshock",
        "Henrikson", "Fine", "Grieger", "Rosenthal & Jacobson", "Fleming & Anttonen", "Ginsburg",
    ],
    "year": [
        1974, 1968, 1971, 1972, 1972, 1969, 1971, 1969, 1969, 1970, 1970, 1966, 1970, 1970, 1972, 1970, 1968, 1971,
        1970,
    ],
    "weeks": [2, 21, 19, 0, 0, 3, 17, 24, 0, 1, 0, 0, 1, 2, 17, 5, 1, 2, 7],
    "setting": [
        "group", "group", "group", "group", "group", "group", "group", "group", "group", "indiv", "group", "group",
        "indiv", "indiv", "group", "group", "group", "group", "group",
    ],
    "tester": [
        "aware", "aware", "aware", "aware", "blind", "aware", "blind", "aware", "aware", "blind", "blind", "blind",
        "blind", "blind", "aware", "blind", "aware", "blind", "aware",
    ],
    "n1": [77, 60, 72, 11, 11, 129, 110, 26, 75, 32, 22, 43, 24, 19, 80, 72, 65, 233, 65],
    "n2": [339, 198, 72, 22, 22, 348, 636, 99, 74, 32, 22, 38, 24, 32, 79, 72, 255, 224, 67],
    "yi": [
        0.03, 0.12, -0.14, 1.18, 0.26, -0.06, -0.02, -0.32, 0.27, 0.8, 0.54, 0.18, -0.02, 0.23, -0.18, -0.06, 0.3,
        0.07, -0.07,
    ],
    "vi": [
        0.0156, 0.0216, 0.0279, 0.1391, 0.1362, 0.0106, 0.0106, 0.0484, 0.0269, 0.063, 0.0912, 0.0497, 0.0835,
        0.0841, 0.0253, 0.0279, 0.0193, 0.0088, 0.0303,
    ],
}
"""Teacher expectancy and pupils' IQ (SMD): Raudenbush (1984), J Educ Psychol 76:85; Raudenbush & Bryk (1985)."""

PASSIVE_SMOKING: Table = {
    "study": [
        "Garfinkel 1981", "Hirayama 1984", "Butler 1988", "Cardenas 1997", "Chan 1982", "Correa 1983",
        "Trichopolous 1983", "Buffler 1984", "Kabat 1984", "Lam 1985", "Garfinkel 1985", "Wu 1985", "Akiba 1986",
        "Lee 1986", "Koo 1987", "Pershagen 1987", "Humble 1987", "Lam 1987", "Gao 1987", "Brownson 1987",
        "Geng 1988", "Shimizu 1988", "Inoue 1988", "Kalandidi 1990", "Sobue 1990", "Wu-Williams 1990", "Liu 1991",
        "Jockel 1991", "Brownson 1992", "Stockwell 1992", "Du 1993", "Liu 1993", "Fontham 1994", "Kabat 1995",
        "Zaridze 1995", "Sun 1996", "Wang 1996",
    ],
    "country": [
        "USA", "Japan", "USA", "USA", "Hong Kong", "USA", "Greece", "USA", "USA", "Hong Kong", "USA", "USA",
        "Japan", "UK", "Hong Kong", "Sweden", "USA", "Hong Kong", "China", "USA", "China", "Japan", "Japan",
        "Greece", "Japan", "China", "China", "Germany", "USA", "USA", "China", "China", "USA", "USA", "Russia",
        "China", "China",
    ],
    "design": [
        "cohort", "cohort", "cohort", "cohort", "case-control", "case-control", "case-control", "case-control",
        "case-control", "case-control", "case-control", "case-control", "case-control", "case-control",
        "case-control", "case-control", "case-control", "case-control", "case-control", "case-control",
        "case-control", "case-control", "case-control", "case-control", "case-control", "case-control",
        "case-control", "case-control", "case-control", "case-control", "case-control", "case-control",
        "case-control", "case-control", "case-control", "case-control", "case-control",
    ],
    "cases": [
        153, 200, 8, 150, 84, 22, 62, 41, 24, 60, 134, 29, 94, 32, 86, 70, 20, 199, 246, 19, 54, 90, 22, 90, 144,
        417, 54, 23, 431, 210, 75, 38, 651, 67, 162, 230, 135,
    ],
    "or": [
        1.18, 1.45, 2.02, 1.2, 0.75, 2.07, 2.13, 0.8, 0.79, 2.01, 1.23, 1.2, 1.52, 1.03, 1.55, 1.03, 2.34, 1.65,
        1.19, 1.52, 2.16, 1.08, 2.55, 1.62, 1.06, 0.79, 0.74, 2.27, 0.97, 1.6, 1.19, 1.66, 1.26, 1.1, 1.66, 1.16,
        1.11,
    ],
    "ci_low": [
        0.9, 1.02, 0.48, 0.8, 0.43, 0.81, 1.19, 0.34, 0.25, 1.09, 0.81, 0.5, 0.87, 0.41, 0.9, 0.61, 0.81, 1.16,
        0.82, 0.39, 1.08, 0.64, 0.74, 0.9, 0.74, 0.62, 0.32, 0.75, 0.78, 0.8, 0.66, 0.73, 1.04, 0.62, 1.12, 0.8,
        0.67,
    ],
    "ci_high": [
        1.54, 2.08, 8.56, 1.6, 1.3, 5.25, 3.83, 1.9, 2.45, 3.72, 1.87, 3.3, 2.63, 2.55, 2.67, 1.74, 6.75, 2.35,
        1.73, 5.96, 4.29, 1.82, 8.78, 2.91, 1.52, 1.02, 1.69, 6.82, 1.21, 3, 2.13, 3.78, 1.54, 1.96, 2.45, 1.69,
        1.84,
    ],
}
"""Lung cancer in women whose husbands smoke: Hackshaw, Law & Wald (1997), BMJ 315:980; Hackshaw (1998)."""

MAGNESIUM_MI: Table = {
    "study": [
        "Morton 1984", "Rasmussen 1986", "Smith 1986", "Abraham 1987", "Ceremuzynski 1989", "Shechter 1990",
        "Singh 1990", "Feldstedt 1991", "Shechter 1991", "Woods 1992", "Wu 1992", "Thogersen 1995", "Shechter 1995",
        "ISIS-4 1995", "Bhargava 1995", "Urek 1996", "Raghu 1999", "MAGIC 2000", "Gyamlani 2000", "Santoro 2000",
        "Zhu 2002", "Nakashima 2004",
    ],
    "events1": [1, 4, 2, 1, 1, 1, 6, 10, 2, 90, 5, 4, 4, 2216, 3, 1, 6, 475, 2, 0, 101, 1],
    "n1": [40, 56, 92, 48, 25, 50, 81, 150, 21, 1150, 125, 130, 96, 29011, 40, 31, 169, 3113, 50, 75, 1691, 89],
    "events2": [2, 14, 7, 1, 3, 9, 11, 8, 4, 118, 12, 8, 17, 2103, 3, 0, 18, 472, 10, 1, 134, 3],
    "n2": [36, 74, 93, 46, 23, 53, 81, 148, 25, 1150, 102, 122, 98, 29039, 38, 30, 181, 3100, 50, 75, 1488, 91],
}
"""Death after myocardial infarction, intravenous magnesium: Li et al. (2007), Cochrane Database Syst Rev CD002755."""

MAGNESIUM_EGGER: Table = {
    "study": [
        "Morton 1984", "Rasmussen 1986", "Smith 1986", "Abraham 1987", "Feldstedt 1988", "Shechter 1989",
        "Ceremuzynski 1989", "Bertschat 1989", "Singh 1990", "Pereira 1990", "Shechter 1991", "Golf 1991",
        "Thogersen 1991", "LIMIT-2 1992", "Shechter 1995", "ISIS-4 1995",
    ],
    "events1": [1, 9, 2, 1, 10, 1, 1, 0, 6, 1, 2, 5, 4, 90, 4, 2216],
    "n1": [40, 135, 200, 48, 150, 59, 25, 22, 76, 27, 89, 23, 130, 1159, 107, 29011],
    "events2": [2, 23, 7, 1, 8, 9, 3, 1, 11, 7, 12, 13, 8, 118, 17, 2103],
    "n2": [36, 135, 200, 46, 148, 56, 23, 21, 75, 27, 80, 33, 122, 1157, 108, 29039],
}
"""Magnesium in myocardial infarction, with ISIS-4: Egger, Davey Smith & Altman (2001), Systematic Reviews in
Health Care, ch. 18."""

SCHOOL_CALENDAR: Table = {
    "district": [
        11, 11, 11, 11, 12, 12, 12, 12, 18, 18, 18, 27, 27, 27, 27, 56, 56, 56, 56, 58, 58, 58, 58, 58, 58, 58, 58,
        58, 58, 58, 71, 71, 71, 86, 86, 86, 86, 86, 86, 86, 86, 91, 91, 91, 91, 91, 91, 108, 108, 108, 108, 108,
        644, 644, 644, 644,
    ],
    "school": [
        1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2, 3, 1, 2,
        3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 1, 2, 3, 4,
    ],
    "study": [
        1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29,
        30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56,
    ],
    "year": [
        1976, 1976, 1976, 1976, 1989, 1989, 1989, 1989, 1994, 1994, 1994, 1976, 1976, 1976, 1976, 1997, 1997, 1997,
        1997, 1976, 1976, 1976, 1976, 1976, 1976, 1976, 1976, 1976, 1976, 1976, 1997, 1997, 1997, 1997, 1997, 1997,
        1997, 1997, 1997, 1997, 1997, 2000, 2000, 2000, 2000, 2000, 2000, 2000, 2000, 2000, 2000, 2000, 1995, 1995,
        1994, 1994,
    ],
    "yi": [
        -0.18, -0.22, 0.23, -0.3, 0.13, -0.26, 0.19, 0.32, 0.45, 0.38, 0.29, 0.16, 0.65, 0.36, 0.6, 0.08, 0.04,
        0.19, -0.06, -0.18, 0, 0, -0.28, -0.04, -0.3, 0.07, 0, 0.05, -0.08, -0.09, 0.3, 0.98, 1.19, -0.07, -0.05,
        -0.01, 0.02, -0.03, 0, 0.01, -0.1, 0.5, 0.66, 0.2, 0, 0.05, 0.07, -0.52, 0.7, -0.03, 0.27, -0.34, 0.12,
        0.61, 0.04, -0.05,
    ],
    "vi": [
        0.118, 0.118, 0.144, 0.144, 0.014, 0.014, 0.015, 0.024, 0.023, 0.043, 0.012, 0.02, 0.004, 0.004, 0.007,
        0.019, 0.007, 0.005, 0.004, 0.02, 0.018, 0.019, 0.022, 0.02, 0.021, 0.006, 0.007, 0.007, 0.007, 0.007,
        0.015, 0.011, 0.01, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.01, 0.011, 0.01, 0.009, 0.013,
        0.013, 0.031, 0.031, 0.03, 0.03, 0.03, 0.087, 0.082, 0.067, 0.067,
    ],
}
"""Modified school calendars and achievement, schools in districts: Konstantopoulos (2011), Res Synth Methods 2:61."""

BETA_BLOCKERS: Table = {
    "study": [
        "Balcon", "Clausen", "Multicentre", "Barber", "Norris", "Kahler", "Ledwich", "Snow 1", "Snow 2", "Fuccella",
        "Briant", "Pitt", "Lombardo", "Thompson", "Hutton", "Tonkin", "Gupta", "Barber", "Yusuf", "Wilcox 1",
        "Wilcox 2", "CPRG",
    ],
    "events1": [14, 18, 15, 10, 21, 3, 2, NAN, 19, 15, 5, 0, 8, 3, 0, 1, 0, 14, 0, 8, 6, 3],
    "n1": [56, 66, 100, 52, 226, 38, 20, NAN, 76, 106, 62, 9, 133, 48, 16, 42, 25, 221, 11, 259, 157, 177],
    "events2": [15, 19, 12, 12, 24, 6, 3, NAN, 15, 9, 4, 0, 11, 3, 0, 1, 3, 15, 0, 7, 4, 2],
    "n2": [58, 64, 95, 47, 228, 31, 20, NAN, 67, 114, 57, 8, 127, 49, 13, 46, 25, 228, 11, 129, 158, 136],
}
"""Death, early beta blockade after myocardial infarction: Yusuf et al. (1985), Prog Cardiovasc Dis 27:335, table
6."""

CATHETERS: Table = {
    "study": [
        "Bach 1996", "George 1997", "Maki 1997", "Raad 1997", "Heard 1998", "Collin 1999", "Hannan 1999",
        "Marik 1999", "Pierce 2000", "Sheng 2000", "Chatzinikolaou 2003", "Corral 2003", "Brun-Buisson 2004",
        "Leon 2004", "Yucel 2004", "Moretti 2005", "Rupp 2005", "Osma 2006",
    ],
    "events1": [0, 1, 2, 0, 5, 1, 1, 1, 1, 1, 0, 0, 3, 6, 0, 0, 1, 4],
    "n1": [116, 44, 208, 130, 151, 98, 174, 74, 97, 113, 66, 70, 188, 187, 118, 252, 345, 64],
    "events2": [3, 3, 9, 7, 6, 4, 3, 2, 19, 2, 7, 1, 5, 11, 0, 1, 3, 1],
    "n2": [117, 35, 195, 136, 157, 139, 177, 39, 103, 122, 64, 58, 175, 180, 105, 262, 362, 69],
}
"""Bloodstream infection, anti-infective against standard catheters: Niël-Weise et al. (2007); Stijnen et al.
(2010), Stat Med 29:3046."""

CATHETER_DAYS: Table = {
    "study": [
        "Bong et al. 2003", "Ciresi et al. 1996", "Hanna et al. 2004", "Harter et al. 2002", "Jaeger et al. 2001",
        "Jaeger et al. 2005", "Logghe et al. 1997", "Ostendorf et al. 2005", "Pemberton et al. 1996",
    ],
    "events1": [7, 8, 3, 6, 1, 1, 17, 3, 2],
    "time1": [1344, 1600, 12012, 1536, 370, 729, 6760, 1107, 320],
    "events2": [11, 8, 14, 10, 1, 8, 15, 7, 3],
    "time2": [1988, 1461, 10962, 1503, 483, 913, 6840, 1015, 440],
}
"""Infections per catheter day (times in days): Niël-Weise et al. (2008); Stijnen et al. (2010), Stat Med 29:3046."""

VASOSPASM: Table = {
    "study": [
        "Giannotta et al.", "Haraguchi and Ebina", "Swift and Solomon", "Kassell et al.", "Tanabe et al.",
        "Awad et al.", "Finn et al.", "Hadeishi et al.", "Otsubo et al.", "Muizelaar and Becker",
        "Rosenstein et al.", "Levy et al.", "Shimoda et al.", "Solomon et al.",
    ],
    "events": [16, 10, 4, 43, 10, 25, 13, 12, 22, 4, 5, 18, 58, 6],
    "n": [17, 12, 8, 58, 10, 42, 14, 12, 41, 5, 6, 23, 68, 10],
}
"""Improvement under hyperdynamic therapy of vasospasm: Pritz & Zhou (1997); Zhou et al. (1999)."""

ADHERENCE: Table = {
    "study": [
        "Andrade et al. 2005", "Fairley et al. 2003", "Goujard et al. 2003", "Holzemer et al. 2006",
        "Knobel et al. 1999", "Murphy et al. 2002", "Pradier et al. 2003", "Rathbun et al. 2005",
        "Remien et al. 2005", "Tuldra et al. 2000", "van Servellen 2005", "Wagner et al. 2006", "Wohl et al. 2006",
    ],
    "scq": [21, 22.67, 15.07, 3.67, 8.6, 27.8, 4.8, 12.07, 20, 7.47, 7.8, 10.47, 22.8],
    "n": [29, 33, 326, 240, 110, 29, 244, 17, 215, 26, 138, 55, 54],
    "events": [11, 24, 179, 82, 60, 11, 99, 9, 88, 17, 26, 23, 40],
    "ethnicity": [
        "other", "caucasian", "caucasian", "other", "caucasian", "other", "caucasian", "caucasian", "other",
        "caucasian", "other", "other", "other",
    ],
    "patients": [
        "starting", "continuing", "continuing", "continuing", "starting", "continuing", "continuing", "starting",
        "continuing", "starting", "continuing", "starting", "starting",
    ],
}
"""Undetectable viral load under standard adherence care: de Bruin et al. (2009), Health Psychol 28:421."""

ELEVATED_CO2: Table = {
    "study": [
        "21", "22", "27", "32", "35", "38", "44", "63", "86", "87", "95", "96", "120", "125", "130", "163", "170",
        "182", "208", "209", "230", "231", "236", "242",
    ],
    "mean1": [
        6.8169, 2.5961, 2.99, 5.91, 4.61, 10.78, 153.5, 1439, 183.6, 71.72, 45.8, 72.5, 59.1, 4.9, 19, 146, 129,
        6.91, 17.89, 14.68, 63.97, 6.01, 14.15, 2.2,
    ],
    "sd1": [
        1.769982, 0.6674662, 0.856, 1.742, 1.407, 1.163, 27.1932, 142.028, 39.06, 14.3, 15.8, 15, 12.9, 1.9, 5.4,
        10, 59, 3.22, 10.185, 5.013, 7.66, 1.02, 8.6467, 0.4111,
    ],
    "n1": [3, 5, 5, 5, 4, 5, 3, 3, 20, 16, 20, 24, 8, 8, 8, 5, 12, 5, 5, 5, 5, 5, 6, 10],
    "mean2": [
        3.945, 2.2512, 1.93, 6.62, 4.1, 6.42, 127.3, 1140.6, 144.1, 59.94, 28.2, 60.5, 46.4, 4.2, 18.5, 136, 90.4,
        6.81, 14.62, 11.18, 54.03, 4.93, 8.2, 1.33,
    ],
    "sd2": [
        1.115797, 0.3275839, 0.552, 1.631, 1.257, 2.026, 47.4582, 82.965, 25.7, 14.28, 11.9, 14, 13.1, 1, 8.1, 35,
        36, 1.57, 2.294, 5.749, 1.62, 1.35, 3.3558, 0.1897,
    ],
    "n2": [5, 5, 5, 5, 4, 3, 3, 3, 20, 16, 23, 24, 8, 8, 8, 5, 12, 5, 5, 5, 5, 5, 6, 10],
}
"""Tree biomass under elevated CO2, the first 24 of 102 rows: Curtis & Wang (1998), Oecologia 113:299."""

ASTHMA_SELF_MANAGEMENT: Table = {
    "study": [
        "Cote 1997", "Ghosh 1998", "Hayward 1996", "Heard 1999", "Ignacio-Garcia 1995", "Knoell 1998",
        "Lahdensuo 1996", "Sommaruga 1995", "Zeiger 1991", "Garret 1994", "Neri 1996", "Hilton 1986",
        "Gallefoss 1999", "Yoon 1993", "Brewin 1995",
    ],
    "mean1": [2.2, 17.6, 0.38, 2.09, 4.92, 0.85, 2.8, 24.1, 1.4, 6.23, 2.1, 0.73, 8, NAN, NAN],
    "sd1": [12.73, 24.2, 0.56, 5.93, 6.05, 4.75, 9, 11.8, 3.3, 12.2, 8, 1.48, 32, NAN, NAN],
    "n1": [50, 140, 23, 97, 35, 45, 56, 20, 128, 119, 32, 86, 25, 28, 12],
    "mean2": [5.2, 34.1, 0.23, 2.66, 20, 2.31, 4.8, 31.8, 2.3, 5.71, 5.1, 0.47, 26, NAN, NAN],
    "sd2": [12.5, 38.8, 0.29, 4.95, 26.34, 9.16, 7.2, 17.9, 7.6, 8.57, 14, 1.2, 70, NAN, NAN],
    "n2": [54, 136, 19, 94, 35, 55, 59, 20, 143, 100, 33, 100, 24, 28, 33],
    "events1": [NAN, NAN, NAN, 34, 24, NAN, 13, NAN, NAN, 58, 7, NAN, NAN, 5, 0],
    "others1": [NAN, NAN, NAN, 63, 11, NAN, 43, NAN, NAN, 42, 25, NAN, NAN, 23, 12],
    "events2": [NAN, NAN, NAN, 36, 29, NAN, 25, NAN, NAN, 57, 13, NAN, NAN, 4, 16],
    "others2": [NAN, NAN, NAN, 58, 6, NAN, 34, NAN, NAN, 33, 20, NAN, NAN, 24, 17],
}
"""Days off work, asthma self-management education: Gibson et al. (2002), Cochrane Database Syst Rev CD001117."""

CONSCIENTIOUSNESS: Table = {
    "study": [
        "Axelsson et al. 2009", "Axelsson et al. 2011", "Bruce et al. 2010", "Christensen et al. 1999",
        "Christensen & Smith 1995", "Cohen et al. 2004", "Dobbels et al. 2005", "Ediger et al. 2007",
        "Insel et al. 2006", "Jerant et al. 2011", "Moran et al. 1997", "O'Cleirigh et al. 2007",
        "Penedo et al. 2003", "Quine et al. 2012", "Stilley et al. 2004", "Wiebe & Christensen 1997",
    ],
    "n": [109, 749, 55, 107, 72, 65, 174, 326, 58, 771, 56, 91, 116, 537, 158, 65],
    "r": [0.187, 0.162, 0.34, 0.32, 0.27, 0, 0.175, 0.05, 0.26, 0.01, -0.09, 0.37, 0, 0.15, 0.24, 0.04],
    "design": [
        "cross-sectional", "cross-sectional", "prospective", "cross-sectional", "prospective", "prospective",
        "cross-sectional", "prospective", "prospective", "prospective", "prospective", "prospective",
        "cross-sectional", "prospective", "prospective", "prospective",
    ],
    "meanage": [22, 53.59, 43.36, 41.7, 46.39, 41.2, 52.3, 41, 77, 78.6, 57.2, 37.9, 39.2, 69, 46.2, 56],
    "quality": [1, 1, 2, 1, 2, 2, 1, 3, 2, 3, 2, 2, 1, 2, 3, 1],
}
"""Conscientiousness and medication adherence (correlations): Molloy et al. (2014), Ann Behav Med 47:92."""

STUDENT_RATINGS: Table = {
    "study": [
        "Bolton et al. 1979", "Bryson 1974", "Centra 1977", "Centra 1977", "Crooks & Smock 1974",
        "Doyle & Crichton 1978", "Doyle & Whitely 1974", "Elliott 1950", "Ellis & Rickard 1977", "Frey et al. 1975",
        "Greenwood et al. 1976", "Hoffman 1978", "McKeachie et al. 1971", "Morsh et al. 1956",
        "Remmers et al. 1949", "Sullivan & Skanes 1974", "Sullivan & Skanes 1974", "Sullivan & Skanes 1974",
        "Sullivan & Skanes 1974", "Wherry 1952",
    ],
    "n": [10, 20, 13, 22, 28, 12, 12, 36, 19, 12, 36, 75, 33, 121, 37, 14, 40, 16, 14, 20],
    "r": [
        0.68, 0.56, 0.23, 0.64, 0.49, -0.04, 0.49, 0.33, 0.58, 0.18, -0.11, 0.27, 0.26, 0.4, 0.49, 0.51, 0.4, 0.34,
        0.42, 0.16,
    ],
}
"""Student ratings and achievement (correlations): Cohen (1981), Rev Educ Res 51:281."""

ACUPOINT: Table = {
    "study": [
        "Agarwal 2000", "Agarwal 2002", "Alkaissi 1999", "Alkaissi 2002", "Allen 1994", "Andrzejowski 1996",
        "Duggal 1998", "Dundee 1986", "Ferrera-Love 1996", "Gieron 1993", "Harmon 1999", "Harmon 2000", "Ho 1996",
        "Rusy 2002", "Wang 2002", "Zarate 2001",
    ],
    "events1": [18, 5, 9, 32, 9, 11, 69, 3, 1, 11, 7, 4, 1, 24, 16, 28],
    "n1": [100, 50, 20, 135, 23, 18, 122, 25, 30, 30, 44, 47, 30, 40, 50, 110],
    "events2": [20, 18, 7, 31, 10, 12, 80, 12, 1, 19, 16, 6, 13, 71, 53, 25],
    "n2": [100, 50, 20, 139, 23, 18, 122, 25, 30, 30, 39, 47, 30, 80, 88, 111],
}
"""Postoperative nausea, wrist acupoint P6 stimulation: Lee & Done (2004), Cochrane Database Syst Rev CD003281."""

WARFARIN: Table = {
    "study": ["AFASAK", "SPAF", "BAATAF", "CAFA", "SPINAF", "EAFT"],
    "events1": [9, 8, 3, 6, 7, 20],
    "n1": [335, 210, 212, 187, 281, 225],
    "time1": [413, 263, 487, 237, 489, 507],
    "events2": [19, 19, 13, 9, 23, 50],
    "n2": [336, 211, 208, 191, 290, 214],
    "time2": [398, 245, 435, 241, 483, 405],
}
"""Strokes under warfarin in atrial fibrillation (patient-years): Hart et al. (1999), Ann Intern Med 131:492."""

PERIODONTAL: Table = {
    "study": [
        "Pihlstrom et al.", "Pihlstrom et al.", "Lindhe et al.", "Lindhe et al.", "Knowles et al.",
        "Knowles et al.", "Ramfjord et al.", "Ramfjord et al.", "Becker et al.", "Becker et al.",
    ],
    "trial": [1, 1, 2, 2, 3, 3, 4, 4, 5, 5],
    "outcome": ["PD", "AL", "PD", "AL", "PD", "AL", "PD", "AL", "PD", "AL"],
    "yi": [0.47, -0.32, 0.2, -0.6, 0.4, -0.12, 0.26, -0.31, 0.56, -0.39],
    "vi": [0.0075, 0.0077, 0.0057, 0.0008, 0.0021, 0.0014, 0.0029, 0.0015, 0.0148, 0.0304],
    "v1i": [0.0075, 0.003, 0.0057, 0.0009, 0.0021, 0.0007, 0.0029, 0.0009, 0.0148, 0.0072],
    "v2i": [0.003, 0.0077, 0.0009, 0.0008, 0.0007, 0.0014, 0.0009, 0.0015, 0.0072, 0.0304],
}
"""Surgery against non-surgical periodontal treatment, two outcomes: Berkey et al. (1998), Stat Med 17:2537."""

PLACEBO_IBS: Table = {
    "study": [
        "Bensoussan 1998", "Blanchard 1992", "Brinkhaus 2005", "Carling 1989", "Davis 2006", "Dew 1984",
        "Gade 1989", "Halpern 1996", "Kim 2003", "Leung 2006", "Lu 2005", "Madisch 2004", "Nash 1986",
        "Niedzielin 2001", "Olesen 2000", "Rees 1979", "Sallon 2002", "Yadav 1989", "Whorwell 2006",
    ],
    "events1": [29, 20, 14, 17, 11, 24, 26, 17, 4, 21, 15, 37, 13, 19, 29, 13, 25, 37, 55],
    "n1": [38, 31, 23, 30, 27, 29, 32, 18, 12, 60, 17, 51, 33, 20, 50, 16, 33, 57, 90],
    "events2": [11, 21, 30, 5, 6, 5, 9, 13, 5, 26, 8, 20, 17, 3, 30, 5, 8, 17, 37],
    "n2": [32, 30, 46, 13, 23, 29, 22, 18, 13, 59, 17, 52, 33, 20, 46, 16, 26, 50, 90],
}
"""Complementary medicine against placebo in irritable bowel syndrome: Dorn et al. (2007), Neurogastroenterol
Motil 19:630."""

DIURETICS: Table = {
    "study": [
        "Weseley & Douglas 1962", "Flowers et al. 1962", "Menzies 1964", "Fallis et al. 1964",
        "Cuadros & Tatum 1964", "Landesman et al. 1965", "Kraus et al. 1966", "Tervila & Vartiainen 1971",
        "Campbell & MacGillivray 1975",
    ],
    "events1": [14, 21, 14, 6, 12, 138, 15, 6, 65],
    "n1": [131, 385, 57, 38, 1011, 1370, 506, 108, 153],
    "events2": [14, 17, 24, 18, 35, 175, 20, 2, 40],
    "n2": [136, 134, 48, 40, 760, 1336, 524, 103, 102],
}
"""Pre-eclampsia under diuretics: Collins, Yusuf & Peto (1985), BMJ 290:17."""

WRITING_TO_LEARN: Table = {
    "study": [
        "Ashworth 1992", "Ayers 1993", "Baisch 1990", "Baker 1994", "Bauman 1992", "Becker 1996",
        "Bell & Bell 1985", "Brodney 1994", "Burton 1986", "Davis, BH 1990", "Davis, JJ 1996", "Day 1994",
        "Dipillo 1994", "Ganguli 1989", "Giovinazzo 1996", "Goss 1998", "Greene et al. 1991", "Guckin 1992",
        "Guckin 1992", "Horton et al. 1985", "Hyser 1992", "Johnson, LA 1991", "Johnson, VM 1998", "Kasparek 1993",
        "Konopack et al. 1990", "Langer & Applebee 1987", "Langer & Applebee 1987", "Licata 1993", "Lodholz 1980",
        "Madden 1993", "Millican 1994", "Moynihan 1994", "Mulvaney 1991", "Nieswandt 1997", "Radmacher 1995",
        "Reaves 1991", "Rivard 1996", "Rodgers 1996", "Ross & Faucette 1994", "Sharp 1987", "Shepard 1992",
        "Stewart 1992", "Ullrich 1926", "Weiss & Walters 1980", "Wells 1986", "Willey 1988", "Willey 1988",
        "Youngberg 1989",
    ],
    "grade": [
        4, 2, 2, 4, 1, 4, 3, 1, 4, 1, 4, 4, 1, 4, 4, 4, 4, 4, 4, 4, 1, 3, 1, 3, 2, 3, 3, 3, 1, 1, 1, 1, 4, 3, 4, 3,
        2, 4, 4, 4, 2, 3, 4, 4, 1, 3, 2, 4,
    ],
    "length": [
        15, 10, 2, 9, 14, 1, 4, 15, 4, 9, 15, 15, 8, 4, 14, 15, 4, 10, 10, 3, 24, 19, 4, 12, 1, 1, 1, 1, 14, 20, 10,
        7, 11, NAN, NAN, 1, 6, 15, 15, 2, 4, 24, 11, 15, 8, 15, 15, 15,
    ],
    "info": [
        1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, NAN, NAN, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1,
    ],
    "pers": [
        1, 1, 1, 0, 1, 1, 1, 1, 0, 1, 0, 1, 1, 0, 0, 0, 1, NAN, NAN, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0,
        0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 1, 1, 0,
    ],
    "imag": [
        0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ],
    "meta": [
        1, 0, 1, 0, 1, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, NAN, NAN, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1,
        0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 1, 1, 0,
    ],
    "n": [
        60, 34, 95, 209, 182, 462, 38, 542, 99, 77, 40, 190, 113, 50, 47, 44, 24, 78, 46, 64, 57, 68, 40, 68, 48,
        107, 58, 225, 446, 77, 243, 39, 67, 91, 36, 177, 20, 120, 16, 105, 195, 62, 289, 25, 250, 51, 46, 56,
    ],
    "yi": [
        0.65, -0.75, -0.21, -0.04, 0.23, 0.03, 0.26, 0.06, 0.06, 0.12, 0.77, 0, 0.52, 0.54, 0.2, 0.2, -0.16, 0.42,
        0.6, 0.51, 0.58, 0.54, 0.09, 0.37, -0.01, -0.13, 0.18, 0.27, -0.02, 0.33, 0.59, 0.84, -0.32, 0.12, 1.12,
        -0.12, -0.44, -0.07, 0.7, 0.49, 0.2, 0.58, 0.15, 0.63, 0.04, 1.46, 0.04, 0.25,
    ],
    "vi": [
        0.07, 0.126, 0.042, 0.019, 0.022, 0.009, 0.106, 0.007, 0.04, 0.052, 0.107, 0.021, 0.037, 0.083, 0.086,
        0.091, 0.167, 0.052, 0.091, 0.065, 0.073, 0.061, 0.1, 0.06, 0.083, 0.037, 0.069, 0.018, 0.009, 0.053, 0.017,
        0.112, 0.06, 0.044, 0.129, 0.023, 0.205, 0.033, 0.265, 0.039, 0.021, 0.067, 0.014, 0.168, 0.016, 0.099,
        0.087, 0.072,
    ],
}
"""School-based writing-to-learn interventions (SMD): Bangert-Drowns, Hurley & Wilkinson (2004), Rev Educ Res
74:29."""

ST_JOHNS_WORT: Table = {
    "study": [
        "Hoffman & Kuehl 1979", "Schlich et al. 1987", "Schmidt et al. 1989", "Halama 1991", "Harrer et al. 1991",
        "Osterheider et al. 1992", "Reh et al. 1992", "Huebner et al. 1993", "Lehrl & Woelk 1993",
        "Schmidt & Sommer 1993", "Quandt et al. 1993", "Koenig 1993", "Sommer & Harrer 1994", "Witte et al. 1995",
        "Haensgen & Vesper 1996", "Laakmann et al. 1998", "Schrader et al. 1998", "Philipp et al. 1999",
        "Winkel et al. 2000", "Volz et al. 2000", "Montgomery et al. 2000", "Kalb et al. 2001",
        "Shelton et al. 2001", "HDTSG 2002", "Lecrubier et al. 2002", "Bjerkenstedt et al. NA",
    ],
    "events1": [
        19, 15, 10, 10, NAN, 0, 20, 14, 4, 20, 29, 29, 28, 34, 35, 24, 45, 67, 34, 46, 55, 23, 26, 46, 98, NAN,
    ],
    "n1": [
        30, 25, 20, 25, NAN, 22, 25, 20, 25, 32, 44, 55, 50, 48, 53, 49, 80, 106, 60, 70, 123, 37, 98, 113, 186,
        NAN,
    ],
    "events2": [3, 3, 4, 0, NAN, 0, 11, 9, 2, 6, 3, 31, 13, 25, 12, 16, 12, 22, 17, 34, 57, 15, 19, 56, 80, NAN],
    "n2": [
        30, 24, 20, 25, NAN, 23, 25, 20, 25, 33, 44, 57, 55, 49, 54, 49, 79, 47, 59, 70, 124, 35, 102, 116, 189,
        NAN,
    ],
    "group": [3, 3, 3, 3, NAN, 3, 4, 4, 1, 4, 3, 4, 4, 2, 1, 1, 1, 2, 4, 2, 2, 1, 1, 2, 2, NAN],
}
"""Response to St John's wort in depression: Linde et al. (2005), Br J Psychiatry 186:99."""

LIDOCAINE: Table = {
    "study": ["Chopra et al.", "Mogensen", "Pitt et al.", "Darby et al.", "Bennett et al.", "O'Brien et al."],
    "events1": [2, 4, 6, 7, 7, 11],
    "n1": [39, 44, 107, 103, 110, 154],
    "events2": [1, 4, 4, 5, 3, 4],
    "n2": [43, 44, 110, 100, 106, 146],
}
"""Death under prophylactic lidocaine: Hine et al. (1989), Arch Intern Med 149:2694; Normand (1999), table 1."""

DOSE_RESPONSE: Table = {
    "study": [
        "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19",
        "20",
    ],
    "events1": [42, 42, 96, 51, 47, 38, 390, 10, 165, 58, 72, 79, 48, 8, 44, 10, 11, 47, 144, 48],
    "n1": [66, 59, 253, 137, 327, 584, 526, 28, 191, 86, 229, 153, 93, 40, 85, 100, 72, 80, 191, 85],
    "events2": [24, 34, 32, 44, 39, 87, 323, 3, 126, 39, 60, 56, 35, 4, 21, 13, 9, 23, 116, 49],
    "n2": [59, 65, 257, 144, 326, 588, 532, 30, 201, 94, 221, 144, 95, 40, 88, 107, 64, 74, 195, 85],
    "dose": [100, 200, 250, 125, 50, 25, 125, 125, 125, 150, 100, 150, 200, 25, 175, 25, 25, 200, 100, 75],
}
"""Twenty trials of a drug by dose (constructed): Viechtbauer (2021), in Schmid, Stijnen & White, Handbook of
Meta-Analysis, ch. 11."""

AZITHROMYCIN: Table = {
    "study": [
        "Balmes 1991", "Beghi 1995", "Biebuyck 1996", "Daniel 1991", "Ferwerda 2001", "Gris 1996", "Harris 1998",
        "Hoepelman 1993", "Hoepelman 1998", "Mertens 1992", "Sevieri 1993", "Whitlock 1995", "Wubbel 1999",
        "Zachariah 1996", "Zheng 2002",
    ],
    "events1": [4, 22, 53, 5, 5, 6, 11, 4, 3, 1, 5, 0, 1, 8, 12],
    "n1": [48, 69, 497, 121, 55, 34, 125, 48, 62, 25, 25, 29, 39, 173, 38],
    "events2": [7, 2, 53, 10, 7, 2, 4, 4, 5, 5, 2, 2, 2, 7, 2],
    "n2": [56, 73, 257, 120, 53, 33, 63, 51, 61, 25, 25, 27, 49, 173, 42],
    "age": [
        "adults", "adults", "adults", "adults", "children", "adults", "children", "adults", "adults", "adults",
        "adults", "adults", "children", "adults", "adults",
    ],
    "ctrl": [
        "amoxyclav", "amoxyclav", "amoxyclav", "amoxycillin", "amoxyclav", "amoxyclav", "amoxyclav", "amoxyclav",
        "amoxyclav", "amoxycillin", "amoxyclav", "amoxyclav", "amoxyclav", "amoxyclav", "amoxyclav",
    ],
}
"""Treatment failure, azithromycin in lower respiratory infection: Laopaiboon, Panpanich & Swa Mya (2015),
CD001954."""

PRACTICE_FACILITATION: Table = {
    "study": [
        "Kottke et al. 1992", "McBride et al. 2000", "Stange et al. 2000", "Lobo et al. 2004",
        "Roetzhiem et al. 2005", "Hogg et al. 2008", "Aspy et al. 2008", "Jaen et al. 2010", "Cockburn et al. 1992",
        "Modell et al. 1998", "Engels et al. 2006", "Aspy et al. 2008", "Deitrich et al. 1992", "Lobo et al. 2002",
        "Bryce et al. 1995", "Kinsinger et al. 1998", "Solberg et al. 1998", "Lemelin et al. 2001",
        "Frijling et al. 2002", "Frijling et al. 2003", "Margolis et al. 2004", "Mold et al. 2008",
        "Hogg et al. 2008",
    ],
    "smd": [
        1.01, 0.82, 0.59, 0.44, 0.84, 0.73, 1.12, 0.04, 0.24, 0.32, 1.04, 1.31, 0.59, 0.66, 0.62, 0.47, 1.08, 0.98,
        0.26, 0.39, 0.6, 0.94, 0.11,
    ],
    "se": [
        0.52, 0.46, 0.23, 0.18, 0.29, 0.29, 0.36, 0.37, 0.15, 0.4, 0.32, 0.57, 0.29, 0.19, 0.31, 0.27, 0.32, 0.32,
        0.18, 0.18, 0.31, 0.53, 0.27,
    ],
    "score": [6, 6, 6, 6, 6, 6, 6, 6, 7, 7, 7, 7, 18, 8, 9, 9, 9, 9, 9, 9, 10, 10, 12],
    "design": [
        "cct", "rct", "rct", "rct", "crct", "cct", "cct", "rct", "rct", "rct", "rct", "rct", "rct", "rct", "rct",
        "rct", "rct", "rct", "crct", "crct", "rct", "rct", "rct",
    ],
}
"""Practice facilitation in primary care (SMD): Baskerville, Liddy & Hogg (2012), Ann Fam Med 10:63."""

ANTIBIOTICS_ICU: Table = {
    "study": [
        "Abele-Horn 1997", "Aerdts 1991", "Blair 1991", "Boland 1991", "Cockerill 1992", "Finch 1991",
        "Jacobs 1992", "Kerver 1988", "Palomar 1997", "Rocha 1992", "Sanchez-Garcia 1992", "Stoutenbeek 2007",
        "Ulrich 1989", "Verwaest 1997", "Winter 1992", "Krueger 2002",
    ],
    "events1": [13, 1, 12, 14, 4, 4, 0, 5, 10, 7, 32, 62, 7, 22, 3, 91],
    "n1": [58, 28, 161, 32, 75, 20, 45, 49, 50, 47, 131, 201, 55, 193, 91, 265],
    "events2": [23, 29, 38, 17, 12, 7, 4, 31, 25, 25, 60, 100, 26, 40, 17, 149],
    "n2": [30, 60, 170, 32, 75, 24, 46, 47, 49, 54, 140, 200, 57, 185, 92, 262],
}
"""Respiratory infection, topical plus systemic antibiotics in intensive care: D'Amico et al. (2009), CD000022."""

STREPTOKINASE: Table = {
    "study": [
        "Fletcher 1959", "Dewar 1963", "European 1 1969", "European 2 1971", "Heikinheimo 1971", "Italian 1971",
        "Australian 1 1973", "Frankfurt 2 1973", "NHLBI SMIT 1974", "Frank 1975", "Valere 1975", "Klein 1976",
        "UK Collab 1976", "Austrian 1977", "Australian 2 1977", "Lasierra 1977", "N Ger Collab 1977",
        "Witchitz 1977", "European 3 1979", "ISAM 1986", "GISSI-1 1986", "Olson 1986", "Baroffio 1986",
        "Schreiber 1986", "Cribier 1986", "Sainsous 1986", "Durand 1987", "White 1987", "Bassand 1987", "Vlay 1988",
        "Kennedy 1988", "ISIS-2 1988", "Wisenberg 1988",
    ],
    "year": [
        1959, 1963, 1969, 1971, 1971, 1971, 1973, 1973, 1974, 1975, 1975, 1976, 1976, 1977, 1977, 1977, 1977, 1977,
        1979, 1986, 1986, 1986, 1986, 1986, 1986, 1986, 1987, 1987, 1987, 1988, 1988, 1988, 1988,
    ],
    "events1": [
        1, 4, 20, 69, 22, 19, 26, 13, 7, 6, 11, 4, 38, 37, 25, 1, 63, 5, 18, 54, 628, 1, 0, 1, 1, 3, 3, 2, 4, 1, 12,
        791, 2,
    ],
    "n1": [
        12, 21, 83, 373, 219, 164, 264, 102, 53, 55, 49, 14, 302, 352, 123, 13, 249, 32, 156, 859, 5860, 28, 29, 19,
        21, 49, 35, 107, 52, 13, 191, 8592, 41,
    ],
    "events2": [
        4, 7, 15, 94, 17, 18, 32, 29, 3, 6, 9, 1, 40, 65, 31, 3, 51, 5, 30, 63, 758, 2, 6, 3, 1, 6, 4, 12, 7, 2, 17,
        1029, 5,
    ],
    "n2": [
        11, 21, 84, 357, 207, 157, 253, 104, 54, 53, 42, 9, 293, 376, 107, 11, 234, 26, 159, 882, 5852, 24, 30, 19,
        23, 49, 29, 112, 55, 12, 177, 8595, 25,
    ],
}
"""Death after myocardial infarction, intravenous streptokinase: Lau et al. (1992), N Engl J Med 327:248."""

HYDROXYCHLOROQUINE: Table = {
    "study": [
        "NCT04353336", "PATCH", "PROTECT C", "PROTECT A", "PROTECT B", "CCAP-1", "COVID-PEP", "NCT04384380",
        "NO COVID-19", "NCT04325893", "COV-HCQ", "REMAP-CAP", "ChiCTR2000029868", "RECOVERY", "CloroCOVID19II B",
        "CloroCOVID19II A", "NCT04261517", "TEACH", "HYDRA", "ChiCTR2000031204", "NCT04333654", "OAHU-COVID19",
        "NCT04335552 A", "NCT04335552 B", "ARCHAIC", "ARCHAIC", "Coalition I", "ChiCTR2000030054",
        "ChiCTR2000030054", "BCN PEP CoV-2 Study", "ChiCTR2000029559", "COMIHY", "NCT04491994",
    ],
    "events1": [
        6, 0, 0, 0, 1, 0, 1, 0, 1, 6, 1, 17, 0, 418, 0, 17, 0, 7, 28, 0, 0, 2, 1, 1, 1, 2, 7, 0, 0, 0, 0, 0, 0,
    ],
    "n1": [
        97, 15, 64, 62, 59, 1, 244, 21, 27, 124, 13, 61, 75, 1561, 78, 41, 15, 67, 75, 18, 5, 10, 4, 2, 5, 4, 221,
        18, 18, 136, 31, 8, 349,
    ],
    "events2": [
        5, 0, 0, 1, 2, 0, 1, 0, 1, 11, 0, 22, 0, 788, 0, 12, 0, 6, 29, 0, 0, 0, 0, 2, 0, 0, 6, 0, 0, 0, 0, 0, 0,
    ],
    "n2": [
        97, 15, 64, 63, 61, 1, 247, 12, 26, 123, 14, 81, 75, 3155, 74, 41, 15, 61, 77, 17, 3, 6, 2, 3, 3, 3, 227,
        12, 12, 157, 31, 8, 151,
    ],
}
"""Death from COVID-19, (hydroxy)chloroquine: Axfors et al. (2021), Nat Commun 12:2349."""

ORAL_REHYDRATION: Table = {
    "study": [
        "Banhladesh 1995a", "Banhladesh 1996a", "CHOICE 2001", "Colombia 2000", "Egypt 1886a", "Egypt 1996b",
        "India 1984a", "India 2000b", "Mexico 1990a", "Panama 1982", "USA 1982", "WHO 1995",
    ],
    "events1": [4, 0, 34, 7, 6, 1, 0, 11, 2, 0, 0, 33],
    "n1": [19, 18, 341, 71, 45, 94, 22, 88, 82, 33, 15, 221],
    "events2": [5, 0, 50, 16, 5, 8, 0, 12, 7, 0, 1, 43],
    "n2": [19, 18, 334, 69, 44, 96, 22, 82, 84, 30, 20, 218],
}
"""Unscheduled infusion, reduced osmolarity rehydration: Hahn, Kim & Garner (2001), BMJ 323:81."""

HEAD_NECK_CHEMOTHERAPY: Table = {
    "study": ["Pitie-74", "GETTECadj", "Int 0034", "JHCFUS", "TMH R-4", "KKD-86", "HNU-87a", "HNU-87b"],
    "o_minus_e": [-1.8, 11.8, -7.4, -5.6, 0.4, 1.8, -0.2, -3.9],
    "v": [14.5, 57.1, 80.6, 8.5, 6.4, 8.7, 5, 30.2],
}
"""Death, adjuvant chemotherapy in head and neck cancer (O − E and V), the group of adjuvant trials: Pignon et
al. (2000), Lancet 355:949."""
