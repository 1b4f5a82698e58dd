"""A new review folder: its question filled in, its tables empty, everything explained."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from equipoise.errors import OutputError, QuestionError
from equipoise.review.describing import reference
from equipoise.review.protocol import FILE, FORMAT
from equipoise.review.rows import TABLES
from equipoise.review.writing import table_text, write_files

_CAN = r"(?:does|do|did|can|could|will|would|should|may|might)"
_PEOPLE = r"(?:people|persons|patients|adults|children|adolescents|men|women|those)"
_TREAT = r"(?:treat|reduce|improve|relieve|prevent|ease|cure|alleviate|lessen)"
_ASKING = r"(?:which|what|how|why|who|when|is|are|does|do|can)"
_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"{_CAN} (?P<treatment>.+?) (?:help|work|be used|make a difference)(?: {_PEOPLE})?"
        r" (?:with|for|in|against|to treat) (?P<condition>.+)",
        rf"{_CAN} (?P<treatment>.+?) (?:help )?(?:to )?{_TREAT} (?P<condition>.+)",
        r"(?:is|are) (?P<treatment>.+?) (?:an? )?(?:effective|useful|helpful|beneficial|good|any good|safe|better)"
        r"(?: treatments?| therapy)?(?P<against> than .+?)? (?:for|in|against|with) (?P<condition>.+)",
        r"(?:what (?:is|are) )?the effects? of (?P<treatment>.+?) (?:on|in|for) (?P<condition>.+)",
        rf"(?!{_ASKING}\b)(?P<treatment>.+?) (?:for|in|against) (?P<condition>.+)",
    )
)
_AGAINST = re.compile(r"^(.+?),? (?:than|compared (?:with|to)|versus|vs\.?|v|or|instead of|over) (.+)$", re.IGNORECASE)
_AMONG = re.compile(rf"^(.+?) (?:in|among) ((?:\w+ ){{0,2}}{_PEOPLE}\b.*)$", re.IGNORECASE)
_WITH = re.compile(rf"^((?:\w+ )?{_PEOPLE}) with (.+)$", re.IGNORECASE)
_THE = re.compile(r"^(?:the )?(?:(?:symptoms?|signs?|treatment) of )?(?:the |an? )?(?=\S)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a plain question names; empty where it names nothing."""

    treatment: str = ""
    condition: str = ""
    comparator: str = ""
    population: str = ""


def read_words(question: str) -> Asked:
    """The treatment, condition, comparator and population that a question names.

    No review is at hand to know names by, so that the words around them are all there is to go on.
    """
    text = " ".join(question.split()).rstrip("?!. ")
    found = next((match for match in (form.fullmatch(text) for form in _FORMS) if match), None)
    if found is None:
        return Asked()
    treatment, condition = found["treatment"], found["condition"]
    comparator = (found.groupdict().get("against") or "").removeprefix(" than ")
    population = ""
    if not comparator:
        condition, comparator = _split(_AGAINST, condition)
    if not comparator:
        treatment, comparator = _split(_AGAINST, treatment)
    condition, population = _split(_AMONG, condition)
    whom = _WITH.match(condition)
    if whom:
        population, condition = population or whom[1], whom[2]
    condition = _THE.sub("", condition)
    return Asked(_THE.sub("", treatment), condition, comparator, population)


def _split(pattern: re.Pattern[str], text: str) -> tuple[str, str]:
    found = pattern.match(text)
    return (found[1], found[2]) if found else (text, "")


def start(directory: Path, question: str) -> Asked:
    """Write a new review folder for a question and return what was read from it.

    The folder passes `equipoise check`. Raises ``QuestionError`` for an empty question and ``OutputError``, with
    nothing touched, when the place is a file, isn't empty or can't be written to.
    """
    question = " ".join(question.split())
    if not question:
        raise QuestionError('say the question: equipoise new DIR --question "Does TREATMENT help with CONDITION?"')
    _refuse_if_taken(directory)
    asked = read_words(question)
    files = {FILE: _decisions(question, asked)}
    files |= {f"{name}.csv": table_text(kind.columns()) for name, kind in TABLES.items()}
    files["README.md"] = f"# {question}\n\n{_READ_ME}\n{reference().replace('# The review folder', '# The files', 1)}"
    write_files(directory, files)
    return asked


def _refuse_if_taken(directory: Path) -> None:
    if directory.is_dir():
        try:
            inside = sorted(path.name for path in directory.iterdir())
        except OSError as error:
            raise OutputError(f"can't look into {directory}: {error.strerror}") from error
        if inside:
            what = f"{directory} already holds {', '.join(inside[:3])}{' and more' if len(inside) > 3 else ''}"
            raise OutputError(f"{what}; name a new or empty folder (nothing was touched)")
    elif directory.exists() or directory.is_symlink():
        raise OutputError(f"{directory} is a file; name a new or empty folder (nothing was touched)")


_READ_ME = f"""\
This folder is a systematic review in plain files. Begin so:

1. `{FILE}`: read it through, correct what was filled in from the question.
2. `outcomes.csv`: what is measured. `interventions.csv`: the treatments, with `placebo` or whatever they are
   compared with.
3. `studies.csv`: a row for every study. Then what each reports: `arms.csv` for trials that give each arm's numbers,
   `contrasts.csv` for those that give only the difference, `findings.csv` for what can't be pooled.
4. `appraisal.csv`: the risk of bias of each trial. `safety.csv`, `mechanisms.csv`, `syntheses.csv`: what is known
   besides. `certainty.csv` and `set_aside.csv`: your own judgements, with their reasons.
5. `equipoise check .` after every change; `equipoise answer "…" --review .` for the article.
"""


def _decisions(question: str, asked: Asked) -> str:
    condition = asked.condition or "the condition"
    title = question.rstrip("?!. ")
    if asked.treatment and asked.condition:
        title = f"{asked.treatment[:1].upper()}{asked.treatment[1:]} for {asked.condition}"
    population = f"{(asked.population or 'people')[:1].upper()}{(asked.population or 'people')[1:]} with {condition}"
    named = "" if asked.condition else "  # to be named: the question didn't say it in words that could be read"
    return f"""\
# The decisions of this review. The evidence is in the tables beside this file; README.md explains each.
# Check the folder after every change:  equipoise check .

format = {FORMAT}
title = {_toml(title)}
version = "0.1"

[question]
text = {_toml(question)}
population = {_toml(population)}
{"" if asked.treatment else "# "}interventions = {_toml([asked.treatment or "a treatment"])}
comparators = {_toml([asked.comparator or "placebo"])}
# outcomes = ["severity", "leaving the study early"]

[condition]
name = {_toml(condition)}{named}
# abbreviation = "COPD"           # its short form
# synonyms = ["another name"]     # other words for the same, by which questions find this review
# broader = ["a wider term"]      # words that mean more than this review covers, which people use for it

# ---------------------------------------------------------------------------------------------------------- analyses
# One [[analysis]] for each synthesis to make. Take the marks off and repeat.
#
# [[analysis]]
# outcome = "severity"                    # an outcome of outcomes.csv
# measure = "SMD"                         # continuous: MD, SMD, ROM; binary: OR, RR, RD; rate: IRR; time-to-event: HR
# primary = true                          # the analysis that answers the question
# model = "random"                        # or "common"
# method = "REML"                         # the estimator of heterogeneity: REML, DL or ML
# reference = "placebo"                   # a node of interventions.csv
# smallest_important_difference = 0.2     # a difference above 0, or a ratio above 1
# why = "The reason for these choices."

# ----------------------------------------------------------------------------------------------------------- remarks
# Sentences in the review's own words: [[background]] says what the condition and the treatments are, [[conflict]]
# where sources disagree, [[gap]] what is not known. Each names the rows that it rests on.
#
# [[background]]
# about = ["condition"]                               # or nodes of interventions.csv
# text = "One or two plain sentences."
# grounds = ["studies?study_id=smith2001"]            # table?column=value&column=value
"""


def _toml(value: str | list[str]) -> str:
    import tomli_w

    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return tomli_w.dumps({"value": value}).removeprefix("value = ").rstrip("\n")
