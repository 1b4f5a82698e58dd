"""Numbers and lists as a reader expects them; no content of its own."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from equipoise.certainty.sizes import RATIOS
from equipoise.report.answer import Figures
from equipoise.review.model import Study

MINUS = "\N{MINUS SIGN}"
_SMALL_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
MEASURE_NAMES = {
    "MD": "mean difference",
    "SMD": "standardised mean difference",
    "ROM": "ratio of means",
    "OR": "odds ratio",
    "RR": "risk ratio",
    "RD": "risk difference",
    "IRR": "incidence rate ratio",
    "HR": "hazard ratio",
    "NNT": "number needed to treat",
}


def decimal(value: float, digits: int = 2) -> str:
    """A number with a true minus sign; very large and very small ones keep two figures."""
    size = abs(value)
    if size >= 1000:
        text = f"{size:,.0f}"
    elif size >= 100:
        text = f"{size:.0f}"
    elif size >= 10:
        text = f"{size:.1f}"
    else:
        text = f"{size:.{digits}f}"
        if float(text) == 0 and size > 0:
            text = f"{size:.1g}" if size > 1e-4 else "0"
    return (MINUS if value < 0 and float(text.replace(",", "")) != 0 else "") + text


def figures(values: Figures) -> str:
    """`−0.63 (95% CI −0.91 to −0.35)`."""
    return f"{decimal(values.estimate)} (95% CI {decimal(values.ci_low)} to {decimal(values.ci_high)})"


def measured(measure: str, values: Figures) -> str:
    """`SMD −0.63 (95% CI −0.91 to −0.35)`; numbers needed to treat without decimals."""
    if measure == "NNT":
        shown = [decimal(value, 0) for value in (values.estimate, values.ci_low, values.ci_high)]
        return f"NNT {shown[0]} (95% CI {shown[1]} to {shown[2]})"
    return f"{measure} {figures(values)}"


def measured_inside(measure: str, values: Figures) -> str:
    """`SMD −0.63, 95% CI −0.91 to −0.35`, for use inside brackets."""
    return measured(measure, values).replace(" (95% CI", ", 95% CI").removesuffix(")")


def number_word(number: int) -> str:
    """`two`, `14`, `1,250`."""
    return _SMALL_NUMBERS[number] if number < len(_SMALL_NUMBERS) else f"{number:,}"


def count(number: int, noun: str, plural: str = "") -> str:
    """`two trials`, `14 participants`."""
    return f"{number_word(number)} {noun if number == 1 else plural or noun + 's'}"


def is_plural(name: str) -> bool:
    """Whether a name takes a plural verb: `VMAT2 inhibitors do`, `tetanus does`."""
    head = re.split(r" (?:at|of|in|on|to|from|with|for|by) ", re.sub(r"\(.*?\)", "", name))[0]
    last = head.split()[-1:] or [""]
    return last[0].endswith("s") and not last[0].endswith(("ss", "us", "is")) and len(last[0]) > 3


def verb(third_person: str, subject: str) -> str:
    """`blocks` or `block` after the subject."""
    return third_person.removesuffix("s") if is_plural(subject) else third_person


def without_brackets(text: str) -> str:
    """The text up to its first bracket."""
    return text.split(" (")[0].strip()


def listed(items: Iterable[str], joint: str = "and") -> str:
    """`a, b and c`."""
    parts = list(items)
    return f" {joint} ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def capitalised(text: str) -> str:
    """The text with its first letter large, other letters as they are; a name such as `rTMS` keeps its own."""
    first = text.split(" ", 1)[0]
    own = first[:1].islower() and any(letter.isupper() for letter in first[1:])
    return text if own else text[:1].upper() + text[1:]


def sentence(text: str) -> str:
    """The text with a capital and a full stop."""
    text = capitalised(text.strip())
    return text if text[-1:] in {".", "?", "!", "”"} and not text.endswith("...") else text + "."


def uncapitalised(text: str) -> str:
    """The text with a small first letter, unless its first word is an abbreviation or name in capitals."""
    first = text.split(" ", 1)[0]
    return (
        text if len(first) > 1 and any(c.isupper() or c.isdigit() for c in first[1:]) else text[:1].lower() + text[1:]
    )


def p_value(p: float) -> str:
    """`p = 0.034`, `p < 0.001`."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}" if p < 0.1 else f"p = {p:.2f}"


def natural(measure: str, value: float) -> float:
    """A value of the analysis scale on the natural scale (ratios are exponentiated)."""
    return math.exp(value) if measure in RATIOS else value


def study_label(study: Study) -> str:
    """`Hauser 2017`; the trial's acronym or the source's name where the citation names no author."""
    citation = study.citation.strip()
    author = re.match(r"([A-Z][\w'’-]+(?: [a-z]{2,3} [A-Z][\w'’-]+)?)(?: [A-Z]{1,3}\b| et al)", citation)
    acronym = re.match(r"([A-Z][A-Z0-9-]{3,}(?: \d+)?):", study.title)
    name = author[1] if author else acronym[1] if acronym else re.split(r",| \(|;", citation)[0]
    year = str(study.year) if study.year and str(study.year) not in name else ""
    return " ".join(part for part in (name, year) if part)


DESIGN_NAMES = {
    "rct-parallel": "randomised trial",
    "rct-crossover": "randomised crossover trial",
    "rct-cluster": "cluster-randomised trial",
    "open-label": "open-label study",
    "cohort": "cohort study",
    "case-control": "case-control study",
    "case-series": "case series",
    "case-report": "case report",
    "animal": "animal study",
    "in-vitro": "laboratory study",
    "systematic-review": "systematic review",
    "network-meta-analysis": "network meta-analysis",
    "narrative-review": "narrative review",
    "guideline": "guideline",
    "monograph": "reference sheet",
    "label": "product label",
    "": "report",
}
RANDOMISED = frozenset({"rct-parallel", "rct-crossover", "rct-cluster"})
