"""What a column's name says: its role and, for a group's number, which group.

The words are those of metafor's and meta's data sets, RevMan's exports, and what people write.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Meaning(NamedTuple):
    """A role ("events", "n", …) and the group: "1" treated, "2" comparator, "" none, else a word of the file's own."""

    role: str
    group: str = ""


def _words(text: str, role: str) -> dict[str, str]:
    return dict.fromkeys(text.split(), role)


ROLES = {
    **_words("events event e r responders responder cases case deaths death died dead positive pos success successes x "
             "responses eventcount nevents numevents affected", "events"),
    **_words("nonevents nonevent noevents noevent neg negative alive survivors failures nonresponders", "non_events"),
    **_words("n total totaln ntotal ntot size samplesize ss sample randomised randomized participants patients number num "
             "analysed analyzed subjects groupsize tot", "n"),
    **_words("mean m means avg average", "mean"),
    **_words("sd std stdev standarddeviation stddev sds", "sd"),
    **_words("time persontime personyears personyear py exposure followup persondays", "time"),
    **_words("cor correlation pearsonr corr", "r"),
    **_words("yi te es effect estimate effectsize est beta b coef coefficient theta y g d hedgesg cohensd smd md meandiff "
             "meandifference or rr rd hr irr rom oddsratio riskratio riskdifference hazardratio rateratio logor lnor "
             "logrr lnrr loghr lnhr logirr lnirr logoddsratio logriskratio loghazardratio", "estimate"),
    **_words("sei sete se stderr standarderror seestimate seyi selogor selnor selogrr selogs seloghr selnrr", "se"),
    **_words("vi var variance v samplingvariance vary", "variance"),
    **_words("lower low lcl lci ll cilow cilower lowerci lb lower95 cilb l95 cilo lowercl loci lowci lo", "ci_low"),
    **_words("upper high ucl uci ul cihigh ciupper upperci ub upper95 ciub u95 cihi uppercl hici highci up", "ci_high"),
}  # fmt: skip

GROUPS = {
    **_words("1 e t exp experimental trt treat treatment treated intervention int active drug tx i", "1"),
    **_words("2 c ctrl ctl control controls comparator comparison comp placebo pbo plac pla standard usual untreated 0 "
             "reference ref", "2"),
}  # fmt: skip

LEVELS = ("90", "95", "99")

FIXED = {
    "ai": Meaning("events", "1"), "bi": Meaning("non_events", "1"), "ci": Meaning("events", "2"),
    "di": Meaning("non_events", "2"), "n1i": Meaning("n", "1"), "n2i": Meaning("n", "2"), "x1i": Meaning("events", "1"),
    "x2i": Meaning("events", "2"), "t1i": Meaning("time", "1"), "t2i": Meaning("time", "2"), "m1i": Meaning("mean", "1"),
    "m2i": Meaning("mean", "2"), "sd1i": Meaning("sd", "1"), "sd2i": Meaning("sd", "2"), "xi": Meaning("events"),
    "mi": Meaning("non_events"), "ni": Meaning("n"), "ti": Meaning("time"), "sdi": Meaning("sd"), "ri": Meaning("r"),
    "tpos": Meaning("events", "1"), "tneg": Meaning("non_events", "1"), "cpos": Meaning("events", "2"),
    "cneg": Meaning("non_events", "2"), "ee": Meaning("events", "1"), "ne": Meaning("n", "1"),
    "ec": Meaning("events", "2"), "nc": Meaning("n", "2"), "nt": Meaning("n", "1"), "et": Meaning("events", "1"),
    "te": Meaning("estimate"), "me": Meaning("mean", "1"), "mc": Meaning("mean", "2"), "sde": Meaning("sd", "1"),
    "sdc": Meaning("sd", "2"), "mt": Meaning("mean", "1"), "sdt": Meaning("sd", "1"),
}  # fmt: skip
"""Names whose letters mean something together."""

FOURFOLD = {
    "a": Meaning("events", "1"), "b": Meaning("non_events", "1"), "c": Meaning("events", "2"),
    "d": Meaning("non_events", "2"),
}  # fmt: skip
"""The cells of a fourfold table, when a file has all of them."""

STUDY = (
    "study study_id studyid studlab slab study_label studyname study_name trial trial_name paper publication citation "
    "source author authors first_author firstauthor label name id trialid trial_id"
).split()
"""Names of the column that says which study a row is of, the likeliest first."""
AUTHOR = ("author", "authors", "first_author", "firstauthor")
YEAR = ("year", "yr", "pubyear", "publication_year", "year_published", "date")
TREATMENT = "treatment treat arm trt group intervention drug therapy arm_name treatment_name".split()
CONTROLS = (
    "control placebo pbo plac no usual standard untreated sham waitlist waiting reference comparator nothing".split()
)
"""Words that mark a comparator among the treatments of long data."""

NATURAL = {
    "or": "OR", "oddsratio": "OR", "rr": "RR", "riskratio": "RR", "hr": "HR", "hazardratio": "HR", "irr": "IRR",
    "rateratio": "IRR", "rom": "ROM", "md": "MD", "meandiff": "MD", "meandifference": "MD", "smd": "SMD",
    "hedgesg": "SMD", "g": "SMD", "cohensd": "SMD", "d": "SMD", "rd": "RD", "riskdifference": "RD",
}  # fmt: skip
"""Names of estimates on their natural scale, with the measure."""
LOGGED = {
    "logor": "OR", "lnor": "OR", "logoddsratio": "OR", "logrr": "RR", "lnrr": "RR", "logriskratio": "RR", "loghr": "HR",
    "lnhr": "HR", "loghazardratio": "HR", "logirr": "IRR", "lnirr": "IRR",
}  # fmt: skip
"""Names of estimates on the log scale, with the measure."""


def plain(name: str) -> str:
    """Letters and digits only, in lower case."""
    return "".join(char for char in name.casefold() if char.isalnum())


def meaning(name: str) -> Meaning | None:
    """A column name's meaning, or None."""
    whole = plain(name)
    if whole in FIXED:
        return FIXED[whole]
    if whole in ROLES:
        return Meaning(ROLES[whole])
    words = [word for word in tokens(name) if word not in LEVELS]
    whole = "".join(words)
    if whole in ROLES:
        return Meaning(ROLES[whole])
    for at in range(len(words)):
        rest = "".join(words[:at] + words[at + 1 :])
        if rest in ROLES and words[at] in GROUPS:
            return Meaning(ROLES[rest], GROUPS[words[at]])
    for at in (0, len(words) - 1):
        rest = "".join(words[:at] + words[at + 1 :])
        if len(words) > 1 and words[at] in ROLES:
            return Meaning(ROLES[words[at]], rest)
    return None


def tokens(name: str) -> list[str]:
    """A name's words, in lower case: "nTreat.1" is n, treat, 1."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])", " ", name)
    return [part for part in re.split(r"[^a-z0-9]+", spaced.casefold()) if part]
