"""Reading a plain question: which treatment, for which condition, against what, out of which review.

Names and synonyms come from the reviews alone; rapidfuzz forgives typing errors. A word of up to three letters has
to be exact (`MS`, `Fe`), a longer one may differ by about one letter in six.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from equipoise.errors import Ambiguous, NotCovered, QuestionError
from equipoise.review.model import Review

_SMALL_WORDS = frozenset(
    "a about against am an and any are as at be been better but by can compared could did do does effective effects"
    " ever evidence find for from get give good has have having help helped helpful helping helps how i if improve"
    " improves in into is it its less like make makes may me might more most much my need not of off on or our"
    " patients people person placebo please reduce reduces relieve relieves safe should show so some stop such take"
    " taking than that the their them there these they this to treat treating treatment treatments treats try use"
    " used useful using versus vs v was we were what when whether which who why will with without work works worse"
    " would you your doctor drug drugs medicine medicines therapy therapies someone suffering symptoms cure cures"
    " best benefit benefits option options adults question tell really supplement supplements".split()
)
LONGEST = 300
"""Characters that a question may have."""
_AGAINST = re.compile(r"\b(versus|vs\.?|v\.?|than|or|compared (?:with|to)|against|over|instead of)\b")
_TOKEN = re.compile(r"[^\W_]+(?:['’.+/-][^\W_]+)*\+?")


@dataclass(frozen=True, slots=True)
class Reading:
    """A question as understood: nodes of `review`, and notes on whatever was not taken literally."""

    asked: str
    review: Review
    treatment: str
    comparator: str | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Match:
    start: int
    stop: int
    score: float
    phrase: str
    node: str
    """A treatment's node; empty for the condition."""
    broader: bool = False

    @property
    def exact(self) -> bool:
        return self.score == 100.0


def read_question(text: str, reviews: Sequence[Review]) -> Reading:
    """The reading of ``text`` by the review that covers it.

    Raises ``NotCovered`` when no review knows the treatment or the condition (with what is covered), ``Ambiguous``
    when several fit equally well, and ``QuestionError`` when there is nothing to read.
    """
    if len(text) > LONGEST:
        raise QuestionError(f"the question has {len(text):,} characters; ask in one sentence of at most {LONGEST}")
    words = _words(text)
    if not words:
        raise QuestionError('the question is empty; ask for example "Does TREATMENT help with CONDITION?"')
    if not reviews:
        raise NotCovered("there is no review to answer from; name one with --review DIR or start one with `new`")
    readings: list[Reading] = []
    refusals: list[QuestionError] = []
    for review in reviews:
        try:
            readings.append(_read_with(text, words, review))
        except QuestionError as error:
            refusals.append(error)
    if len(readings) > 1:
        raise Ambiguous(
            "several reviews cover this question; choose one with --review DIR",
            [reading.review.protocol.title for reading in readings],
        )
    if readings:
        return readings[0]
    ambiguous = [error for error in refusals if isinstance(error, Ambiguous)]
    raise ambiguous[0] if ambiguous else refusals[0]


def treatments_covered(review: Review) -> tuple[str, ...]:
    """The nodes that a question can be about, in alphabetical order; inert controls are not among them."""
    reference = {analysis.reference for analysis in review.protocol.analyses}
    nodes = {row.node for row in review.interventions if row.node not in reference and not _inert(row.class_)}
    return tuple(sorted(nodes, key=str.casefold))


def _read_with(text: str, words: list[str], review: Review) -> Reading:
    condition = _best(_condition_matches(words, review))
    taken = set(range(condition[0].start, condition[0].stop)) if condition else set()
    treatments = _best(_treatment_matches(words, review, taken))
    treatments = [match for match in treatments if not _names_a_cause(words, match)]
    free = [i for i in range(len(words)) if i not in taken and words[i] not in _SMALL_WORDS]
    if not treatments:
        treatments = _by_part_of_name(words, free, review)
    else:
        treatments = sorted((*treatments, *_named_besides(words, free, treatments, review)), key=lambda m: m.start)
    if not treatments:
        raise _not_covered(words, free, condition, review)
    used = taken | {i for match in treatments for i in range(match.start, match.stop)}
    unread = [words[i] for i in free if i not in used]
    other = _other_condition(words, condition, taken | used, review)
    if other:
        raise _unknown_condition([other], review)
    if not condition and _asks_for_a_condition(words, unread):
        raise _unknown_condition(unread, review)
    treatment, comparator = _roles(words, treatments, review)
    return Reading(
        asked=text.strip(),
        review=review,
        treatment=treatment,
        comparator=comparator,
        notes=tuple(_notes(words, condition, treatments, unread, review)),
    )


def _notes(
    words: list[str], condition: list[_Match], treatments: list[_Match], unread: list[str], review: Review
) -> Iterable[str]:
    name = review.protocol.condition.name
    for match in (*treatments, *condition):
        said = " ".join(words[match.start : match.stop])
        if not match.exact and said != match.phrase:
            yield f"“{said}” was read as “{match.phrase}”."
    if not condition:
        yield f"The question names no condition; it is answered for {name}."
    elif condition[0].broader:
        said = " ".join(words[condition[0].start : condition[0].stop])
        yield f"“{said.capitalize()}” means more than this review covers; it is answered for {name}."
    if unread:
        yield f"Not taken into account: {', '.join(f'“{word}”' for word in unread)}."


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    return [token.casefold() for token in _TOKEN.findall(plain.replace("²", "2"))]


def _condition_matches(words: list[str], review: Review) -> list[_Match]:
    condition = review.protocol.condition
    names = [condition.name, condition.abbreviation, *condition.synonyms]
    matches = _find(words, ((name, "") for name in names if name), set())
    exact = _find(words, ((name, "") for name in condition.broader), set())
    return matches + [_Match(match.start, match.stop, match.score, match.phrase, "", broader=True) for match in exact]


def _treatment_matches(words: list[str], review: Review, taken: set[int]) -> list[_Match]:
    return _find(words, _names(review), taken)


def _names(review: Review) -> Iterable[tuple[str, str]]:
    for row in review.interventions:
        if _inert(row.class_) or row.node == "placebo":
            continue
        for name in (row.name, row.node, *row.synonyms):
            yield name, row.node
        if row.is_class:
            yield row.class_, row.node


def _find(words: list[str], names: Iterable[tuple[str, str]], taken: set[int]) -> list[_Match]:
    from rapidfuzz import fuzz

    matches = []
    for name, node in names:
        phrase_words = _words(re.sub(r"\(.*?\)", " ", name))
        if not phrase_words:
            continue
        phrase = " ".join(phrase_words)
        for length in {len(phrase_words) - 1, len(phrase_words), len(phrase_words) + 1}:
            for start in range(len(words) - length + 1 if length > 0 else 0):
                window = words[start : start + length]
                if taken.intersection(range(start, start + length)):
                    continue
                said = " ".join(window)
                if said == phrase:
                    score = 100.0
                elif _too_short_to_guess(said, phrase) or (length == 1 and said in _SMALL_WORDS):
                    continue
                else:
                    score = min(99.0, _score(fuzz.ratio, said, phrase))
                if score >= 82.0:
                    matches.append(_Match(start, start + length, score, phrase, node))
    return matches


def _score(ratio: Callable[[str, str], float], said: str, phrase: str) -> float:
    return max(ratio(said, phrase), ratio(said.removesuffix("s"), phrase.removesuffix("s")))


def _too_short_to_guess(said: str, phrase: str) -> bool:
    # Names that differ in one short word (vitamin E, vitamin B6) differ in everything that matters.
    if min(len(said), len(phrase)) <= 3:
        return True
    short_said = {word for word in said.split() if len(word) <= 3}
    short_phrase = {word for word in phrase.split() if len(word) <= 3}
    return short_said != short_phrase


def _best(matches: list[_Match]) -> list[_Match]:
    """The matches that don't overlap, better and longer ones first, in the order of the question."""
    chosen: list[_Match] = []
    ordered = sorted(matches, key=lambda m: (-m.score, m.broader, -(m.stop - m.start), m.start))
    for match in ordered:
        overlapping = [other for other in chosen if match.start < other.stop and other.start < match.stop]
        if not overlapping:
            chosen.append(match)
        elif any(
            other.node != match.node and abs(other.score - match.score) < 2 and not other.exact for other in overlapping
        ):
            raise Ambiguous(
                f"“{match.phrase}” and “{overlapping[0].phrase}” fit equally well; write one in full",
                sorted({match.node, *(other.node for other in overlapping)}),
            )
    return sorted(chosen, key=lambda m: m.start)


def _by_part_of_name(words: list[str], free: list[int], review: Review) -> list[_Match]:
    """Treatments by one telling word of their name, such as the `B6` of `vitamin B6`."""
    from rapidfuzz import fuzz

    combined = {row.node for row in review.interventions if row.related}
    by_word: dict[str, set[str]] = {}
    for name, node in _names(review):
        for part in _words(name):
            by_word.setdefault(part, set()).add(node)
    for i in free:
        word = words[i]
        if len(word) < 4 and not any(character.isdigit() for character in word):
            continue
        nodes = by_word.get(word, set()) | by_word.get(word.removesuffix("s"), set())
        said = word
        if not nodes and len(word) >= 5:
            near = [(fuzz.ratio(word, part), part) for part in by_word if len(part) >= 5]
            score, said = max(near, default=(0.0, word))
            nodes = by_word[said] if score >= 82 else set()
        nodes = nodes - combined or nodes
        if len(nodes) == 1:
            return [_Match(i, i + 1, 100.0 if said == word else 90.0, said, next(iter(nodes)))]
        if nodes:
            raise Ambiguous(f"“{word}” fits several treatments; name one", sorted(nodes, key=str.casefold))
    return []


def _named_besides(words: list[str], free: list[int], found: list[_Match], review: Review) -> list[_Match]:
    """Treatments named only by the first word of their name, in a question that names another in full."""
    used = {i for match in found for i in range(match.start, match.stop)}
    nodes = {match.node for match in found}
    firsts: dict[str, set[str]] = {}
    for name, node in _names(review):
        if len(_words(name)) > 1:
            firsts.setdefault(_words(name)[0], set()).add(node)
    return [
        _Match(i, i + 1, 100.0, words[i], next(iter(named)))
        for i in free
        if i not in used and len(words[i]) >= 5 and len(named := firsts.get(words[i], set()) - nodes) == 1
    ]


def _other_condition(words: list[str], condition: list[_Match], used: set[int], review: Review) -> str:
    """The condition that a word before a broader term makes it (`X-induced Y`), if it isn't the review's."""
    if not condition or not condition[0].broader:
        return ""
    before = condition[0].start - 1
    names = {
        word for name in (review.protocol.condition.name, *review.protocol.condition.synonyms) for word in _words(name)
    }
    if before < 0 or before in used or words[before] in _SMALL_WORDS or words[before] in names:
        return ""
    return " ".join(words[before : condition[0].stop])


def _names_a_cause(words: list[str], match: _Match) -> bool:
    """Whether the words name what brought the condition on, as in `haloperidol-induced`."""
    following = words[match.stop] if match.stop < len(words) else ""
    return following in {"induced", "associated", "related"} or words[match.stop - 1].endswith("-induced")


def _roles(words: list[str], treatments: list[_Match], review: Review) -> tuple[str, str | None]:
    nodes = list(dict.fromkeys(match.node for match in treatments))
    if len(nodes) == 1:
        return nodes[0], None
    if len(nodes) == 2:
        between = " ".join(words[treatments[0].stop : treatments[1].start])
        if _AGAINST.search(between):
            return nodes[0], nodes[1]
    both = next((row.node for row in review.interventions if set(nodes) == set(row.related)), None)
    raise Ambiguous(
        f"the question names {len(nodes)} treatments; ask about one, or about one against another (A versus B)",
        [*nodes, *([both] if both else [])],
    )


def _asks_for_a_condition(words: list[str], unread: list[str]) -> bool:
    text = " ".join(words)
    return any(
        re.search(rf"\b(with|for|in|of|against|treat\w*|cures?)\b.*\b{re.escape(word)}\b", text) for word in unread
    )


def _unknown_condition(unread: list[str], review: Review) -> NotCovered:
    quoted = " and ".join(f"“{word}”" for word in unread)
    return NotCovered(
        f"no review at hand covers {quoted}", [f"{review.protocol.condition.name} ({review.protocol.title})"]
    )


def _not_covered(words: list[str], free: list[int], condition: list[_Match], review: Review) -> QuestionError:
    from rapidfuzz import fuzz, process

    names = sorted({name for name, _ in _names(review)})
    if not names:
        return QuestionError(
            f"the review “{review.protocol.title}” has no treatments yet; add them to interventions.csv"
        )
    asked = " ".join(words[i] for i in free)
    quoted = " and ".join(f"“{words[i]}”" for i in free)
    if not asked:
        return QuestionError(
            f"the question names no treatment; ask about one of those that the review of "
            f"{review.protocol.condition.name} covers"
        )
    near = [
        name
        for name, *_ in process.extract(
            asked, names, scorer=fuzz.ratio, limit=2, score_cutoff=60, processor=str.casefold
        )
    ]
    hint = f"; did you mean {' or '.join(near)}?" if near and condition else ""
    return NotCovered(f"no review at hand covers {quoted}{hint}", treatments_covered(review))


def _inert(class_: str) -> bool:
    return class_ in {"placebo", "sham stimulation", "no added treatment"}
