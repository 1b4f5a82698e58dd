"""GRADE for one estimate: five domains as stated rules, each with its reason and its numbers.

The rules follow Core GRADE 1-7 (BMJ 2025;389) and GRADE guidance 34 (Zeng 2022); where GRADE leaves a limit to
judgement the limit used is named in the reason. Everything here is a proposal that a person may override with a
reason. All effects are on the analysis scale (logged for ratios), 0 is no effect.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from equipoise.certainty.wording import Level, lowered

LOW_RISK_SHARE = 0.55
"""Core GRADE 4: trials at low risk of bias carry the estimate when they have at least 55 to 65% of the weight."""
OPPOSING_SHARE = 0.10
STRONGLY_OPPOSING_SHARE = 0.30
UNREPORTED_SHARE = 0.20
FAR_BELOW = 0.30
"""GRADE guidance 34: a sample under 30 to 50% of the optimal information size calls for two levels."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial behind an estimate. ``risk_of_bias``: `low`, `unclear`, `high` or None where nobody appraised it."""

    label: str
    estimate: float
    standard_error: float
    weight: float
    participants: int | None
    risk_of_bias: str | None
    high_domains: int = 0


@dataclass(frozen=True, slots=True)
class Body:
    """The evidence behind one estimate, as far as the rules look at it.

    ``important`` is the smallest important difference on the analysis scale (None: the review states none);
    ``moderate`` and ``large`` bound the sizes of effect. ``widest_ratio`` is the ratio of an interval's bounds (natural
    scale) from which on a ratio measure fails the information size; None for differences.
    ``unreported`` are participants of randomised trials of the comparison that report nothing usable here.
    """

    estimate: float
    ci_low: float
    ci_high: float
    trials: tuple[Trial, ...]
    important: float | None
    moderate: float | None = None
    large: float | None = None
    widest_ratio: float | None = None
    direct: bool = True
    prediction: tuple[float, float] | None = None
    unreported: int = 0
    unreported_trials: tuple[str, ...] = ()
    optimal_information_size: int | None = None
    indirect_because: str = ""
    pooled_by_others: str = ""


@dataclass(frozen=True, slots=True)
class Rating:
    """Levels to rate down in one domain; ``down`` None: can't be judged, ``needs`` says what is missing."""

    domain: str
    rule: str
    down: int | None
    reason: str
    needs: str = ""
    by: str = ""


def rate(body: Body) -> tuple[Rating, ...]:
    """The five domains, in GRADE's order."""
    return (
        _risk_of_bias(body),
        _inconsistency(body),
        _indirectness(body),
        _imprecision(body),
        _publication_bias(body),
    )


def overall(ratings: Sequence[Rating], start: Level = "high") -> Level:
    """The level after rating down; a domain that nobody could judge counts as one level until somebody does."""
    return lowered(start, sum(1 if rating.down is None else rating.down for rating in ratings))


def override(ratings: Sequence[Rating], domain: str, down: int, by: str, when: str, why: str) -> tuple[Rating, ...]:
    """The ratings with one domain set by a person; the proposal stays in the reason."""

    def changed(rating: Rating) -> Rating:
        proposed = "not judged" if rating.down is None else f"{rating.down} down"
        reason = f"{why} (set by {by} on {when}; proposed: {proposed})"
        return replace(rating, down=down, reason=reason, needs="", by=by)

    return tuple(changed(rating) if rating.domain == domain else rating for rating in ratings)


def optimal_information_size(
    *, difference: float | None = None, risk: float | None = None, relative_reduction: float = 0.25
) -> int:
    """Participants in both arms together of a trial with two-sided 5% error and 80% power.

    Standardised ``difference`` for a continuous outcome, or the control ``risk`` with a relative risk reduction for a
    binary one (GRADE guidelines 6, Guyatt 2011; normal approximation).
    """
    z_alpha, z_beta = 1.959963984540054, 0.8416212335729143
    if difference is not None:
        return 2 * math.ceil(2 * ((z_alpha + z_beta) / difference) ** 2)
    if risk is None:
        raise ValueError("give a standardised difference or a control risk")
    treated = risk * (1 - relative_reduction)
    mean = (risk + treated) / 2
    spread = z_alpha * math.sqrt(2 * mean * (1 - mean)) + z_beta * math.sqrt(
        risk * (1 - risk) + treated * (1 - treated)
    )
    return 2 * math.ceil((spread / (risk - treated)) ** 2)


def _risk_of_bias(body: Body) -> Rating:
    def rating(down: int | None, reason: str, needs: str = "") -> Rating:
        return Rating("risk of bias", "grade-risk-of-bias", down, reason, needs)

    total = sum(trial.weight for trial in body.trials) or 1.0
    low = sum(trial.weight for trial in body.trials if trial.risk_of_bias == "low") / total
    unseen = [trial for trial in body.trials if trial.risk_of_bias is None]
    unseen_share = sum(trial.weight for trial in unseen) / total
    if low >= LOW_RISK_SHARE:
        return rating(0, f"trials at low risk of bias carry {low:.0%} of the weight")
    if unseen_share > 1 - LOW_RISK_SHARE:
        names = _names(trial.label for trial in unseen)
        verb = "was" if len(unseen) == 1 else "were"
        return rating(
            None,
            f"{names}, with {unseen_share:.0%} of the weight, {verb} not appraised; "
            "this counts as one level until judged",
            f"a risk-of-bias appraisal of {names}",
        )
    grave = all(trial.risk_of_bias == "high" and trial.high_domains > 1 for trial in body.trials)
    if grave:
        return rating(2, "every trial is at high risk of bias in more than one domain")
    share = f"only {low:.0%}" if low >= 0.005 else "none"
    return rating(1, f"trials at low risk of bias carry {share} of the weight")


def _inconsistency(body: Body) -> Rating:
    def rating(down: int, reason: str) -> Rating:
        return Rating("inconsistency", "grade-inconsistency", down, reason)

    if not body.direct:
        return rating(0, "an indirect estimate; disagreement between trials enters through the network's variance")
    if len(body.trials) < 2:
        return rating(0, "a single trial can't disagree with itself")
    threshold = body.important or 0.0
    beyond = abs(body.estimate) >= threshold
    towards = math.copysign(1.0, body.estimate)

    def opposite(trial: Trial) -> bool:
        reaches = towards * trial.estimate >= threshold if threshold else towards * trial.estimate > 0
        return reaches != beyond if threshold else not reaches

    total = sum(trial.weight for trial in body.trials) or 1.0
    opposing = [trial for trial in body.trials if opposite(trial)]
    share = sum(trial.weight for trial in opposing) / total
    apart = any(abs(trial.estimate - body.estimate) > 1.959963984540054 * trial.standard_error for trial in body.trials)
    if share < OPPOSING_SHARE or not apart:
        where = (
            "all trials' intervals include the pooled estimate"
            if not apart
            else (f"trials on the other side of the threshold carry {share:.0%} of the weight")
        )
        return rating(0, where)
    wide = body.prediction is not None and body.prediction[0] < -threshold and body.prediction[1] > threshold
    down = 2 if share >= STRONGLY_OPPOSING_SHARE and wide else 1
    return rating(
        down,
        f"{_names(t.label for t in opposing)} with {share:.0%} of the weight "
        f"{'lies' if len(opposing) == 1 else 'lie'} on the other side of the threshold",
    )


def _indirectness(body: Body) -> Rating:
    def rating(down: int, reason: str) -> Rating:
        return Rating("indirectness", "grade-indirectness", down, reason)

    if body.indirect_because:
        return rating(1, body.indirect_because)
    if not body.direct:
        return rating(1, "no trial compared the two directly")
    return rating(0, "the trials studied this condition and compared the two directly")


def _imprecision(body: Body) -> Rating:
    def rating(down: int | None, reason: str, needs: str = "") -> Rating:
        return Rating("imprecision", "grade-imprecision", down, reason, needs)

    if body.important is None:
        crosses = body.ci_low < 0 < body.ci_high
        return rating(
            1 if crosses else 0,
            "the interval includes no effect" if crosses else "the interval excludes no effect",
            "a smallest important difference for this outcome",
        )
    limit = body.important
    crossed = sum(body.ci_low < end < body.ci_high for end in (-limit, limit))
    spread = math.exp(min(body.ci_high - body.ci_low, 700.0)) if body.widest_ratio is not None else 0.0
    if body.widest_ratio is not None and spread > body.widest_ratio:
        return rating(
            2,
            f"the interval's upper bound is {spread:.3g} times its lower one, where beyond {body.widest_ratio:g} the "
            "information is far too little",
        )
    if crossed == 2:
        return rating(2, "the interval includes an important benefit and an important harm")
    if crossed == 1:
        return rating(1, "the interval includes both an important and an unimportant difference")
    participants = sum(trial.participants or 0 for trial in body.trials)
    size = body.optimal_information_size
    if size is not None and participants < size and body.moderate is not None:
        large = body.large is not None and abs(body.estimate) >= body.large
        considerable = abs(body.estimate) >= body.moderate
        far_below = participants < FAR_BELOW * size
        if large or (considerable and far_below):
            return rating(
                2 if large and far_below else 1,
                f"{'a large' if large else 'a considerable'} effect from {participants} participants, where {size} would "
                "be the optimal information size",
            )
    return rating(0, "the interval lies on one side of the smallest important difference")


def _publication_bias(body: Body) -> Rating:
    def rating(down: int, reason: str) -> Rating:
        return Rating("publication bias", "grade-publication-bias", down, reason)

    reported = sum(trial.participants or 0 for trial in body.trials)
    elsewhere = f"; {body.pooled_by_others}" if body.pooled_by_others else ""
    share = body.unreported / (body.unreported + reported) if body.unreported else 0.0
    tested = "" if len(body.trials) >= 10 else "; with fewer than ten trials small-study effects can't be tested"
    if share >= UNREPORTED_SHARE:
        return rating(
            1,
            f"{_names(body.unreported_trials)} with {body.unreported} participants ({share:.0%}) "
            f"reported no usable result{elsewhere}{tested}",
        )
    missing = (
        f"{share:.0%} of the participants are in trials without a usable result"
        if share
        else "every trial of the comparison in this review reported a usable result"
    )
    return rating(0, missing + elsewhere + tested)


def _names(labels: Iterable[str]) -> str:
    names = list(labels)
    if len(names) > 3:
        names = [*names[:2], f"{len(names) - 2} more"]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
