"""Contrast-level input: one row a pair of arms.

A study with m arms lists all m(m−1)/2 pairs, from whose variances its covariance is rebuilt; or the m−1 pairs with
one comparator and that comparator arm's standard error, whose square is the covariance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import combinations

import numpy as np

from equipoise.errors import DataError, InconsistentVariances
from equipoise.frames import FloatArray
from equipoise.synthesis.network.contrasts import StudyContrasts, contrast_covariances

ESTIMATE_TOLERANCE = 1e-3
"""How far a multi-arm study's estimates may be from adding up (netmeta's tol.multiarm)."""

NOT_ADDITIVE = 0.01
"""Share of a pair's variance by which it may differ from the sum of its arms' variances without a note."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One row: ``estimate`` is treatment minus comparator, on the analysis scale; NaN where missing.

    ``comparator_se``: standard error of the comparator arm itself, NaN where not given.
    """

    row: int
    treatment: str
    comparator: str
    estimate: float
    se: float
    comparator_se: float = float("nan")


@dataclass(slots=True)
class _Study:
    label: str
    pairs: list[Pair] = field(default_factory=list)
    participants: dict[str, int] = field(default_factory=dict)

    def treatments(self) -> tuple[str, ...]:
        """The comparator of the first pair first, then by appearance."""
        names = [name for pair in self.pairs for name in (pair.comparator, pair.treatment)]
        return tuple(dict.fromkeys(names))


def studies_from_pairs(
    labels: Sequence[str],
    treatments: Sequence[str],
    comparators: Sequence[str],
    estimates: FloatArray,
    errors: FloatArray,
    comparator_errors: FloatArray | None = None,
    counts: tuple[FloatArray, FloatArray] | None = None,
) -> tuple[list[StudyContrasts], list[tuple[str, str]], list[tuple[str, str]], list[str]]:
    """The studies of a pairwise table; what was left out and what was changed, each as (study, text); what to know.

    All sequences have one entry a row. ``counts``: participants of treatment and comparator. A row without estimate
    or standard error is left out; a row that repeats another of its study exactly is merged.

    Raises ``DataError`` naming the study and the row for anything that makes the study unusable, and
    ``InconsistentVariances`` for variances that no set of arms can have.
    """
    treatments, comparators = _numbered_arms(labels, treatments, comparators)
    grouped: dict[str, _Study] = {}
    left_out: list[tuple[str, str]] = []
    changes: list[tuple[str, str]] = []
    for row, (label, treatment, comparator) in enumerate(zip(labels, treatments, comparators, strict=True)):
        extra = float(comparator_errors[row]) if comparator_errors is not None else float("nan")
        pair = Pair(row + 1, treatment, comparator, float(estimates[row]), float(errors[row]), extra)
        where = f"study {label!r}, row {pair.row} ({_name(treatment)} – {_name(comparator)})"
        if np.isnan(pair.estimate) or np.isnan(pair.se):
            missing = "estimate" if np.isnan(pair.estimate) else "standard error"
            pair_name = f"{_name(treatment)} – {_name(comparator)}"
            left_out.append((f"{label}: {pair_name} (row {pair.row})", f"its {missing} is missing"))
            continue
        if treatment == comparator:
            raise DataError(f"{where}: a treatment is compared with itself; name the two arms apart or merge them")
        if not (np.isfinite(pair.estimate) and np.isfinite(pair.se) and pair.se > 0):
            raise DataError(
                f"{where}: estimate {pair.estimate:g} and standard error {pair.se:g} must be finite and the standard "
                "error positive"
            )
        study = grouped.setdefault(label, _Study(label))
        same = [p for p in study.pairs if {p.treatment, p.comparator} == {treatment, comparator}]
        if same:
            sign = 1.0 if same[0].treatment == treatment else -1.0
            if (sign * same[0].estimate, same[0].se) != (pair.estimate, pair.se):
                raise DataError(
                    f"{where}: this pair is already given in row {same[0].row} with other numbers; for two arms of "
                    "one treatment supply arm-level data, for two studies give each its own label"
                )
            changes.append((label, f"row {pair.row} repeats row {same[0].row} and was merged with it"))
            continue
        study.pairs.append(pair)
        if counts is not None:
            for name, count in ((treatment, counts[0][row]), (comparator, counts[1][row])):
                if np.isfinite(count):
                    study.participants.setdefault(name, round(float(count)))
    assembled = _assemble(list(grouped.values()))
    studies = [replace(s, treatments=tuple(map(_name, s.treatments))) for s in assembled]
    return studies, left_out, changes, [n for s in grouped.values() if (n := _not_additive(s)) is not None]


def _not_additive(study: _Study) -> str | None:
    """What to say of standard errors that independent arms can't have: a pair's variance is the sum of its arms'.

    Only four arms or more can show it. Standard errors count as known to half a unit of their last digit (zeros at the end don't
    show, so it is that of the one with most).
    """
    arms = study.treatments()
    if len(arms) < 4 or len(study.pairs) < len(arms) * (len(arms) - 1) // 2:
        return None
    index = {arm: i for i, arm in enumerate(arms)}
    design = np.zeros((len(study.pairs), len(arms)))
    for row, pair in enumerate(study.pairs):
        design[row, [index[pair.treatment], index[pair.comparator]]] = 1.0
    variances = np.array([pair.se**2 for pair in study.pairs])
    fitted = design @ np.linalg.lstsq(design, variances, rcond=None)[0]
    rounding = 2.0 * np.sqrt(variances) * min(_half_unit(pair.se) for pair in study.pairs)
    excess = np.abs(variances - fitted) - NOT_ADDITIVE * variances - 2.0 * rounding.max()
    worst = int(np.argmax(excess))
    if excess[worst] <= 0:
        return None
    given = ", ".join(f"{_name(p.treatment)} – {_name(p.comparator)} {p.se:g}" for p in study.pairs)
    pair = study.pairs[worst]
    return (
        f"study {study.label!r}: its standard errors ({given}) aren't those of independent arms, whose "
        f"{_name(pair.treatment)} – {_name(pair.comparator)} would be about {max(fitted[worst], 0.0) ** 0.5:.4g}; they "
        "are used as given"
    )


def _half_unit(value: float) -> float:
    """Half a unit of a number's last decimal."""
    return 0.5 * float(10.0 ** int(Decimal(repr(value)).as_tuple().exponent))


_MARK = "\N{SYMBOL FOR UNIT SEPARATOR}"
"""Stands between a treatment's name and the number of its arm while two arms of a study have the same treatment."""


def _name(arm: str) -> str:
    return arm.split(_MARK)[0]


def _numbered_arms(
    labels: Sequence[str], treatments: Sequence[str], comparators: Sequence[str]
) -> tuple[list[str], list[str]]:
    """The columns with arms told apart in studies that compare a treatment with itself.

    Such a study's arms can be recovered where its rows are all pairs in order (1–2, 1–3, …, 2–3, …), as R's
    `pairwise()` and `combn` write them; elsewhere the columns are left as they are.
    """
    first, second = list(treatments), list(comparators)
    repeated = {label for label, t, c in zip(labels, treatments, comparators, strict=True) if t == c}
    for study in repeated:
        rows = [row for row, label in enumerate(labels) if label == study]
        m = math.isqrt(2 * len(rows)) + 1
        arms = [treatments[rows[0]], *(comparators[row] for row in rows[: m - 1])]
        pairs = list(combinations(range(m), 2))
        if len(pairs) != len(rows) or [(arms[i], arms[j]) for i, j in pairs] != [
            (treatments[row], comparators[row]) for row in rows
        ]:
            continue
        for row, (i, j) in zip(rows, pairs, strict=True):
            first[row], second[row] = f"{arms[i]}{_MARK}{i}", f"{arms[j]}{_MARK}{j}"
    return first, second


def _assemble(grouped: list[_Study]) -> list[StudyContrasts]:
    by_arms: dict[int, list[tuple[int, _Study]]] = {}
    assembled: dict[int, StudyContrasts] = {}
    for position, study in enumerate(grouped):
        arms = study.treatments()
        m = len(arms)
        if m == 2:
            pair = study.pairs[0]
            contrast, covariance = np.array([pair.estimate]), np.array([[pair.se**2]])
            assembled[position] = StudyContrasts(study.label, arms, contrast, covariance, _participants(study, arms))
        elif len(study.pairs) == m * (m - 1) // 2:
            by_arms.setdefault(m, []).append((position, study))
        else:
            assembled[position] = _from_baseline(study)
    for m, members in by_arms.items():
        for (position, _), built in zip(members, _from_all_pairs(m, [s for _, s in members]), strict=True):
            assembled[position] = built
    return [assembled[position] for position in range(len(grouped))]


def _participants(study: _Study, arms: tuple[str, ...]) -> tuple[int | None, ...]:
    return tuple(study.participants.get(arm) for arm in arms) if study.participants else ()


def _from_baseline(study: _Study) -> StudyContrasts:
    """A study given as contrasts with one comparator whose own standard error is known."""
    arms = study.treatments()
    m = len(arms)
    common = set.intersection(*({p.treatment, p.comparator} for p in study.pairs))
    errors = {p.comparator_se for p in study.pairs if np.isfinite(p.comparator_se)}
    if len(study.pairs) != m - 1 or not common or len(errors) != 1:
        given = ", ".join(f"{p.treatment} – {p.comparator}" for p in study.pairs)
        raise DataError(
            f"study {study.label!r} has {m} arms ({', '.join(arms)}) but {len(study.pairs)} of the "
            f"{m * (m - 1) // 2} pairs ({given}), so its covariances are unknown; supply all pairs, or the pairs "
            "with one comparator and comparator_se, or arm-level data"
        )
    baseline = next(iter(common))
    signs = np.array([1.0 if p.comparator == baseline else -1.0 for p in study.pairs])
    others = tuple(p.treatment if p.comparator == baseline else p.comparator for p in study.pairs)
    shared = errors.pop() ** 2
    covariance = np.full((m - 1, m - 1), shared)
    np.fill_diagonal(covariance, [p.se**2 for p in study.pairs])
    negative = [p for p in study.pairs if p.se**2 < shared]
    if negative:
        raise InconsistentVariances(
            f"study {study.label!r}: {negative[0].treatment} – {negative[0].comparator} has standard error "
            f"{negative[0].se:g}, less than that of the {baseline} arm alone ({shared**0.5:g})"
        )
    ordered = (baseline, *others)
    estimates = signs * np.array([p.estimate for p in study.pairs])
    return StudyContrasts(study.label, ordered, estimates, covariance, _participants(study, ordered))


def _from_all_pairs(m: int, studies: list[_Study]) -> list[StudyContrasts]:
    """Studies with m arms and all their pairs; estimates that don't quite add up are reconciled by least squares."""
    differences = np.zeros((len(studies), m, m))
    variances = np.zeros((len(studies), m, m))
    arms = [study.treatments() for study in studies]
    for number, study in enumerate(studies):
        index = {t: i for i, t in enumerate(arms[number])}
        for pair in study.pairs:
            i, j = index[pair.treatment], index[pair.comparator]
            differences[number, i, j], differences[number, j, i] = pair.estimate, -pair.estimate
            variances[number, i, j] = variances[number, j, i] = pair.se**2
    _check_estimates(studies, arms, differences)
    _check_arm_variances(studies, arms, variances)
    covariances = contrast_covariances(variances)
    estimates = _reconciled(differences, variances)
    return [
        StudyContrasts(study.label, arms[k], estimates[k], covariances[k], _participants(study, arms[k]))
        for k, study in enumerate(studies)
    ]


def _check_estimates(studies: list[_Study], arms: list[tuple[str, ...]], differences: FloatArray) -> None:
    levels = differences.mean(axis=2)
    misfit = differences - (levels[:, :, None] - levels[:, None, :])
    wrong = np.abs(misfit).max(axis=(1, 2)) > ESTIMATE_TOLERANCE
    if not wrong.any():
        return
    k = int(np.argmax(wrong))
    given = ", ".join(f"{p.treatment} – {p.comparator} {p.estimate:g}" for p in studies[k].pairs)
    i, j = np.unravel_index(int(np.argmax(np.abs(misfit[k]))), misfit[k].shape)
    raise DataError(
        f"study {studies[k].label!r}: its estimates don't add up ({given}); {arms[k][i]} – {arms[k][j]} is off by "
        f"{misfit[k, i, j]:.4g}, more than {ESTIMATE_TOLERANCE:g}; check signs and transcription"
    )


def _check_arm_variances(studies: list[_Study], arms: list[tuple[str, ...]], variances: FloatArray) -> None:
    """A pair's variance is the sum of its arms'; the arms' variances by least squares must not be negative."""
    m = variances.shape[1]
    rows = variances.sum(axis=2)
    total = rows.sum(axis=1, keepdims=True) / (2.0 * (m - 1))
    per_arm = (rows - total) / (m - 2)
    wrong = per_arm.min(axis=1) < -1e-10 * variances.max(axis=(1, 2))
    if not wrong.any():
        return
    k = int(np.argmax(wrong))
    arm = int(np.argmin(per_arm[k]))
    given = ", ".join(f"{p.treatment} – {p.comparator} {p.se:g}" for p in studies[k].pairs)
    raise InconsistentVariances(
        f"study {studies[k].label!r} ({', '.join(arms[k])}): its standard errors ({given}) imply a negative variance "
        f"of the {arms[k][arm]} arm ({per_arm[k, arm]:.4g}); check them, or supply arm-level data"
    )


def _reconciled(differences: FloatArray, variances: FloatArray) -> FloatArray:
    """Contrasts with arm 0, shape (k, m−1), from all pairs weighted as the network weighs them.

    The weight of a pair is minus the entry of the study's Laplacian (Rücker & Schwarzer 2014, Statistics in Medicine
    33:4353); pairs that add up are returned as they are.
    """
    m = differences.shape[1]
    additive = np.abs(differences[:, 1:, 1:] - (differences[:, 1:, :1] - differences[:, 1:, :1].transpose(0, 2, 1)))
    baseline: FloatArray = differences[:, 1:, 0].copy()
    scale = np.abs(differences).max(axis=(1, 2)) + 1e-300
    loose = additive.max(axis=(1, 2)) > 1e-13 * scale
    if not loose.any():
        return baseline
    centring = np.eye(m) - 1.0 / m
    inverse = -0.5 * centring @ variances[loose] @ centring
    laplacian = np.linalg.pinv(inverse, hermitian=True)
    weights = -laplacian * (1.0 - np.eye(m))
    right = (weights * differences[loose]).sum(axis=2)
    levels = (inverse @ right[:, :, None])[:, :, 0]
    baseline[loose] = levels[:, 1:] - levels[:, :1]
    return baseline
