"""From a review's rows to one result a trial: which rows are used, what was derived, what is left out and why.

The rule of selection, for each trial and outcome:

1. Only randomised designs.
2. Arm-level data first: counts for ratios, means with a spread for differences. Of several scales or time points the
   one with most participants is used, then the later one, then the first in the table.
3. Otherwise results reported as a difference: in the measure analysed first, then mean differences turned into
   standardised ones by their interval or p-value.
4. Doses and salts are combined into their node: arms by Cochrane Handbook 6.5.2.10, contrasts by generalised least
   squares with the covariance that a shared comparator brings.
5. A report that pools trials stands in for them only where it covers more participants than they do together.

Whatever isn't used comes back with its reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from equipoise.extraction.summaries import RATIOS, Derived, combined, spread, standard_error
from equipoise.frames import FloatArray
from equipoise.review.model import Analysis, Arm, Contrast, Review, Row, Study
from equipoise.synthesis.measures.continuous import hedges_correction, hedges_g
from equipoise.synthesis.measures.shared_arms import arm_variance, shared_covariance, shared_smd_covariance
from equipoise.synthesis.network.contrasts import StudyContrasts
from equipoise.synthesis.network.network import merge_arms

RANDOMISED = frozenset({"rct-parallel", "rct-crossover", "rct-cluster"})
COUNTS = frozenset({"OR", "RR", "RD"})


@dataclass(frozen=True, slots=True)
class TrialResult:
    """One trial's result for one outcome on the analysis scale, with the rows and derivations it came from."""

    study: Study
    contrasts: StudyContrasts
    rows: tuple[Row, ...]
    derived: tuple[Derived, ...]
    cautions: tuple[str, ...]

    @property
    def participants(self) -> int | None:
        """Everyone analysed; None where an arm's size is unknown."""
        counts = self.contrasts.participants
        return sum(n for n in counts if n is not None) if counts and None not in counts else None


@dataclass(frozen=True, slots=True)
class Unused:
    """A row that the analysis didn't use, and why."""

    row: Row
    why: str


@dataclass(frozen=True, slots=True)
class Extraction:
    """The trials of one analysis, and what was left out of it."""

    analysis: Analysis
    trials: tuple[TrialResult, ...]
    unused: tuple[Unused, ...]


@dataclass(frozen=True, slots=True)
class _Attempt:
    trial: TrialResult | None
    unused: tuple[Unused, ...]


def extract(review: Review, analysis: Analysis, lumped: Mapping[str, str] | None = None) -> Extraction:
    """One result a trial for the analysis' outcome and measure.

    ``lumped`` renames nodes (members of a class into the class); by default every intervention goes by its node.
    """
    nodes = {row.name: row.node for row in review.interventions}
    if lumped:
        nodes = {name: lumped.get(node, node) for name, node in nodes.items()}
    studies = {study.study_id: study for study in review.studies}
    arms: dict[str, list[Arm]] = {}
    for arm in review.arms:
        if arm.outcome == analysis.outcome:
            arms.setdefault(arm.study_id, []).append(arm)
    contrasts: dict[str, list[Contrast]] = {}
    for contrast in review.contrasts:
        if contrast.outcome == analysis.outcome:
            contrasts.setdefault(contrast.study_id, []).append(contrast)
    trials: list[TrialResult] = []
    unused: list[Unused] = []
    for study_id in dict.fromkeys((*arms, *contrasts)):
        attempt = _one_trial(
            studies[study_id], arms.get(study_id, []), contrasts.get(study_id, []), analysis.measure, nodes
        )
        unused.extend(attempt.unused)
        if attempt.trial:
            trials.append(attempt.trial)
    kept, replaced = _without_double_counting(trials)
    return Extraction(analysis, tuple(kept), (*unused, *replaced))


def _one_trial(
    study: Study, arms: Sequence[Arm], contrasts: Sequence[Contrast], measure: str, nodes: Mapping[str, str]
) -> _Attempt:
    if study.design not in RANDOMISED:
        return _Attempt(None, tuple(Unused(row, "not a randomised trial") for row in (*arms, *contrasts)))
    from_arms = _from_arms(study, arms, measure, nodes)
    if from_arms.trial:
        spare = tuple(Unused(row, "the trial's arm-level data are used") for row in contrasts)
        return _Attempt(from_arms.trial, from_arms.unused + spare)
    from_contrasts = _from_contrasts(study, contrasts, measure, nodes)
    if from_contrasts.trial and arms:
        explained = tuple(
            Unused(unused.row, f"{unused.why}; the trial's reported difference is used") for unused in from_arms.unused
        )
        return _Attempt(from_contrasts.trial, explained + from_contrasts.unused)
    return _Attempt(from_contrasts.trial, from_arms.unused + from_contrasts.unused)


# ------------------------------------------------------------------------------------------------ arm-level data


def _from_arms(study: Study, arms: Sequence[Arm], measure: str, nodes: Mapping[str, str]) -> _Attempt:
    unused: list[Unused] = []
    sets: dict[tuple[str, float | None], list[tuple[Arm, tuple[Derived, ...], float]]] = {}
    for arm in arms:
        usable = _usable_arm(arm, measure)
        if isinstance(usable, str):
            unused.append(Unused(arm, usable))
        else:
            sets.setdefault((arm.scale, arm.timepoint_weeks), []).append((arm, *usable))
    comparing = []
    for group in sets.values():
        if len({nodes[arm.treatment] for arm, _, _ in group}) > 1:
            comparing.append(group)
        else:
            unused.extend(
                Unused(arm, "no other arm of the trial has usable data to compare it with") for arm, _, _ in group
            )
    if not comparing:
        return _Attempt(None, tuple(unused))
    chosen = max(
        comparing, key=lambda group: (sum(arm.n or 0 for arm, _, _ in group), group[0][0].timepoint_weeks or 0.0)
    )
    for group in comparing:
        if group is not chosen:
            where = _place(chosen[0][0])
            unused.extend(Unused(arm, f"another result of the trial is used ({where})") for arm, _, _ in group)
    if measure not in COUNTS:
        kinds = {arm.change_from_baseline for arm, _, _ in chosen}
        if len(kinds) > 1:
            why = "some arms report change from baseline and others the endpoint"
            return _Attempt(None, (*unused, *(Unused(arm, why) for arm, _, _ in chosen)))
    return _combine_arms(study, chosen, measure, nodes, unused)


def _combine_arms(
    study: Study,
    chosen: Sequence[tuple[Arm, tuple[Derived, ...], float]],
    measure: str,
    nodes: Mapping[str, str],
    unused: Sequence[Unused],
) -> _Attempt:
    by_node: dict[str, list[tuple[Arm, float]]] = {}
    for arm, _, sd in chosen:
        by_node.setdefault(nodes[arm.treatment], []).append((arm, sd))
    treatments = tuple(sorted(by_node, key=lambda node: (node != nodes[_baseline(chosen)], node)))
    sizes = [sum(arm.n or 0 for arm, _ in by_node[node]) for node in treatments]
    derived = [item for _, items, _ in chosen for item in items]
    try:
        if measure in COUNTS:
            events = [sum(arm.events or 0 for arm, _ in by_node[node]) for node in treatments]
            estimates, covariance, note = contrasts_from_counts(measure, events, sizes)
            if note:
                derived.append(
                    Derived(chosen[0][0], "added to each cell", 0.5, note, "metafor escalc, add=1/2, to=only0")
                )
        else:
            means, sds = [], []
            for node in treatments:
                mean, sd, record = combined(by_node[node], node)
                means.append(mean)
                sds.append(sd)
                derived.extend([record] if record else [])
            estimates, covariance = contrasts_from_means(measure, means, sds, sizes)
    except ValueError as error:
        return _Attempt(None, (*unused, *(Unused(arm, str(error)) for arm, _, _ in chosen)))
    contrasts = StudyContrasts(study.study_id, treatments, estimates, covariance, tuple(sizes))
    rows = tuple(arm for arm, _, _ in chosen)
    return _Attempt(TrialResult(study, contrasts, rows, tuple(derived), _cautions(rows)), tuple(unused))


def _usable_arm(arm: Arm, measure: str) -> tuple[tuple[Derived, ...], float] | str:
    """The derivations and spread (SD; 0 for counts) of an arm, or why it can't be used."""
    if arm.n is None:
        return "the arm's size is not reported"
    if measure in COUNTS:
        return ((), 0.0) if arm.events is not None else "no count of events is reported"
    if arm.mean is None:
        return "no mean is reported"
    found = spread(arm)
    if found is None:
        return "no standard deviation, standard error or interval is reported"
    if isinstance(found, Derived):
        return (found,), found.value
    return ((), found) if found > 0 else "the standard deviation is zero"


def _baseline(chosen: Sequence[tuple[Arm, tuple[Derived, ...], float]]) -> str:
    return chosen[-1][0].treatment


def _place(row: Arm | Contrast) -> str:
    weeks = f"week {row.timepoint_weeks:g}" if row.timepoint_weeks is not None else ""
    return ", ".join(part for part in (row.scale, weeks) if part) or "no scale named"


# ------------------------------------------------------------------------------------- results given as a difference


@dataclass(frozen=True, slots=True)
class _Difference:
    contrast: Contrast
    estimate: float
    standard_error: float
    derived: tuple[Derived, ...]


def _from_contrasts(study: Study, contrasts: Sequence[Contrast], measure: str, nodes: Mapping[str, str]) -> _Attempt:
    unused: list[Unused] = []
    groups: dict[tuple[str, str, str, float | None], list[_Difference]] = {}
    for contrast in contrasts:
        usable = _usable_difference(contrast, measure)
        if isinstance(usable, str):
            unused.append(Unused(contrast, usable))
        else:
            key = (nodes[contrast.comparator], contrast.measure, contrast.scale, contrast.timepoint_weeks)
            groups.setdefault(key, []).append(usable)
    if not groups:
        return _Attempt(None, tuple(unused))
    best = max(groups, key=lambda key: (key[1] == measure, len(groups[key]), key[3] or 0.0))
    for key, group in groups.items():
        if key != best:
            where = _place(groups[best][0].contrast)
            unused.extend(Unused(item.contrast, f"another result of the trial is used ({where})") for item in group)
    chosen = groups[best]
    if len(chosen) > 1 and measure != "SMD":
        # Without the comparator arm's own variance the covariance of two differences is unknown.
        why = "differences that share a comparator need its variance, which is not reported"
        return _Attempt(None, (*unused, *(Unused(item.contrast, why) for item in chosen)))
    first = chosen[0].contrast
    treatments = (nodes[first.comparator], *(nodes[item.contrast.treatment] for item in chosen))
    sizes = (first.n_comparator, *(item.contrast.n_treatment for item in chosen))
    estimates = np.array([item.estimate for item in chosen])
    if measure == "SMD" and None not in sizes:
        covariance = shared_smd_covariance(
            estimates, [item.contrast.n_treatment or 0 for item in chosen], float(first.n_comparator or 0)
        )
    else:
        covariance = np.diag([item.standard_error**2 for item in chosen])
    made = StudyContrasts(study.study_id, treatments, estimates, covariance, sizes)
    if len(set(treatments)) < 2:
        return _Attempt(
            None, (*unused, *(Unused(item.contrast, "it compares doses of one treatment") for item in chosen))
        )
    derived = [item for difference in chosen for item in difference.derived]
    if len(set(treatments)) < len(treatments):
        made = merge_arms(made)
        derived.append(
            Derived(
                first,
                f"{measure} of {made.treatments[1]}",
                float(made.estimates[0]),
                f"{len(chosen)} doses combined by generalised least squares, sharing the comparator arm",
                "Gleser & Olkin 2009; Lu & Ades 2004",
            )
        )
    rows = tuple(item.contrast for item in chosen)
    return _Attempt(TrialResult(study, made, rows, tuple(derived), _cautions(rows)), tuple(unused))


def _usable_difference(contrast: Contrast, measure: str) -> _Difference | str:
    """The estimate and standard error on the analysis scale, or why the row can't be used."""
    if contrast.estimate is None:
        return "no estimate is reported"
    if measure == "SMD":
        return _as_smd(contrast)
    if contrast.measure != measure:
        return f"reported as {contrast.measure}, which can't be turned into {measure} without arm-level data"
    found = standard_error(contrast)
    if isinstance(found, str):
        return found
    estimate = math.log(contrast.estimate) if measure in RATIOS else contrast.estimate
    return _Difference(contrast, estimate, found.value, (found,))


def _as_smd(contrast: Contrast) -> _Difference | str:
    """Hedges' g from a standardised difference, or from a mean difference with its p-value, interval or SE."""
    n_1, n_2 = contrast.n_treatment, contrast.n_comparator
    if n_1 is None or n_2 is None:
        return "arm sizes are not reported, so no standardised difference follows"
    assert contrast.estimate is not None
    how: tuple[Derived, ...] = ()
    if contrast.measure == "SMD":
        d = contrast.estimate
    elif contrast.measure == "MD":
        found = standard_error(contrast)
        if isinstance(found, str):
            return found
        d = contrast.estimate / found.value * math.sqrt(1 / n_1 + 1 / n_2)
        how = (
            found,
            Derived(contrast, "d", d, f"d = (MD / SE) √(1/{n_1} + 1/{n_2})", "Cochrane Handbook 6.5.2.3 and 23.2.7"),
        )
    else:
        return f"reported as {contrast.measure}, which can't be turned into a standardised difference"
    effect = hedges_g(np.array(d), np.array(n_1), np.array(n_2))
    g, variance = float(effect.estimates), float(effect.variances)
    corrected = Derived(contrast, "g", g, f"Hedges' g from d = {d:.4g}, n = {n_1} and {n_2}", "Hedges 1981")
    return _Difference(contrast, g, math.sqrt(variance), (*how, corrected))


# ------------------------------------------------------------------------------------------------ arms to contrasts


def contrasts_from_counts(
    measure: str, events: Sequence[int], sizes: Sequence[int]
) -> tuple[FloatArray, FloatArray, str]:
    """Contrasts of every arm with the first and their covariance, from counts; and what was done about zero cells.

    Half an event is added to every cell of a study that has an empty one (ratios only), as in metafor's escalc.
    Raises ``ValueError`` where all arms have no events or nothing but events: a ratio says nothing then.
    """
    a, n = np.array(events, dtype=float), np.array(sizes, dtype=float)
    note = ""
    if measure != "RD":
        if not a.any() or (a == n).all():
            raise ValueError("no events (or only events) in every arm, so the ratio can't be estimated")
        if (a == 0).any() or (a == n).any():
            a, n = a + 0.5, n + 1.0
            note = "0.5 added to every cell, because an arm has no events or only events"
    value = {"OR": lambda: np.log(a / (n - a)), "RR": lambda: np.log(a / n), "RD": lambda: a / n}[measure]()
    variances = arm_variance(measure, {"events": a, "n": n})
    return value[1:] - value[0], shared_covariance(variances[1:] + variances[0], float(variances[0])), note


def contrasts_from_means(
    measure: str, means: Sequence[float], sds: Sequence[float], sizes: Sequence[int]
) -> tuple[FloatArray, FloatArray]:
    """Contrasts of every arm with the first and their covariance, from means.

    SMD: Hedges' g with the SD pooled over all arms and its exact correction; covariance after Gleser & Olkin 2009.
    Raises ``ValueError`` for a measure that means can't give.
    """
    mean, sd, n = (np.array(values, dtype=float) for values in (means, sds, sizes))
    if measure == "SMD":
        df = n.sum() - len(n)
        pooled = math.sqrt(float(((n - 1) * sd**2).sum() / df))
        g = float(hedges_correction(df)) * (mean[1:] - mean[0]) / pooled
        return g, shared_smd_covariance(g, n[1:], float(n[0]))
    if measure == "MD":
        variances = arm_variance("MD", {"sd": sd, "n": n})
        return mean[1:] - mean[0], shared_covariance(variances[1:] + variances[0], float(variances[0]))
    raise ValueError(f"means give no {measure}")


# ------------------------------------------------------------------------------------------------ trials as a whole


def _without_double_counting(trials: Sequence[TrialResult]) -> tuple[list[TrialResult], list[Unused]]:
    """Where one report pools others, keep it or them, whichever covers more participants (the trials on a tie)."""
    by_id = {trial.study.study_id: trial for trial in trials}
    dropped: dict[str, str] = {}
    for trial in trials:
        inside = [by_id[study_id] for study_id in trial.study.includes if study_id in by_id]
        if not inside:
            continue
        together = sum(part.participants or 0 for part in inside)
        if (trial.participants or 0) > together:
            for part in inside:
                dropped[part.study.study_id] = (
                    f"its participants are counted in {trial.study.study_id}, which pools more"
                )
        else:
            names = " and ".join(part.study.study_id for part in inside)
            dropped[trial.study.study_id] = f"it pools {names}, which are used themselves"
    unused = [Unused(row, dropped[id_]) for id_, trial in by_id.items() if id_ in dropped for row in trial.rows]
    return [trial for trial in trials if trial.study.study_id not in dropped], unused


def _cautions(rows: Iterable[Arm | Contrast]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(caution for row in rows for caution in row.caution))
