"""From a dataframe of arm data to estimates and sampling variances, with everything that was changed or left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import DataError
from equipoise.frames import labels, make_frame, numbers, read_columns
from equipoise.synthesis.measures.columns import (
    Column,
    Comparisons,
    check,
    read_long,
    read_wide,
    select,
    why_undefined,
)
from equipoise.synthesis.measures.effect import Effect, LeftOut
from equipoise.synthesis.measures.scale import Scale
from equipoise.synthesis.measures.shared_arms import SHARING_KNOWN, contrast_covariance
from equipoise.synthesis.measures.survival import from_interval
from equipoise.synthesis.measures.table import Measure
from equipoise.synthesis.measures.table import measure as find_measure
from equipoise.synthesis.measures.zero_cells import ZeroCells

FloatArray = NDArray[np.float64]


class ZeroCellChange(NamedTuple):
    """What was added to each cell of a study before its estimate was computed."""

    study: str
    added: float


@dataclass(frozen=True, slots=True)
class Arms:
    """The numbers as given, before any change for zero cells: for Mantel–Haenszel, Peto and GLMMs, and for figures.

    ``columns`` maps the measure's arguments (``events1``, ``n1``, …) to arrays; a row is a comparison. ``estimated``
    says which rows have an estimate.
    """

    studies: tuple[str, ...]
    columns: Mapping[str, FloatArray]
    estimated: NDArray[np.bool_]


LOPSIDED = 2.0
"""How many times longer one half of a published interval may be than the other before it is pointed out."""


@dataclass(frozen=True, slots=True)
class EffectSizes:
    """Estimates and sampling variances, one row a comparison, on the scale of pooling (``scale``; log for ratios).

    ``shared`` is the (k, k) covariance where comparisons of a study share their comparator arm, else None.
    ``left_out`` names the studies without an estimate, ``zero_cells`` those whose counts were changed, ``notes``
    what looks wrong. ``sizes`` (k,) are sample sizes or person-times where they are known.
    """

    measure: str
    label: str
    scale: Scale
    studies: tuple[str, ...]
    estimates: FloatArray
    variances: FloatArray
    treatments: tuple[str, ...] = ()
    comparators: tuple[str, ...] = ()
    variance_form: str = "LS"
    shared: FloatArray | None = None
    sizes: FloatArray | None = None
    arms: Arms | None = None
    left_out: tuple[LeftOut, ...] = ()
    zero_cells: tuple[ZeroCellChange, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.studies)

    @property
    def covariance(self) -> FloatArray:
        """The (k, k) sampling covariance: diagonal unless arms are shared."""
        return np.diag(self.variances) if self.shared is None else self.shared

    def to_frame(self) -> Any:
        """A dataframe: study, treatment, comparator, estimate, variance, se."""
        columns: dict[str, Any] = {"study": list(self.studies)}
        if any(self.treatments):
            columns |= {"treatment": list(self.treatments), "comparator": list(self.comparators)}
        columns |= {"estimate": self.estimates, "variance": self.variances, "se": np.sqrt(self.variances)}
        return make_frame(columns)


def effect_sizes(
    data: Any,
    *,
    measure: str,
    study: str | None = None,
    treatment: str | None = None,
    reference: str | None = None,
    events: Column | None = None,
    non_events: Column | None = None,
    n: Column | None = None,
    mean: Column | None = None,
    sd: Column | None = None,
    time: Column | None = None,
    r: str | None = None,
    o_minus_e: str | None = None,
    v: str | None = None,
    estimate: str | None = None,
    se: str | None = None,
    ci_low: str | None = None,
    ci_high: str | None = None,
    ci_level: float = 0.95,
    variance: str | None = None,
    add: float | None = None,
    to: str = "only0",
    drop00: bool = False,
) -> EffectSizes:
    """Effect sizes of the studies in a dataframe (or a mapping of columns).

    Three forms of input, by what is named:

    * wide, one row a study: a pair of columns for each group's numbers, the treated group first, as
      ``events=("r1", "r2"), n=("n1", "n2")``; one column for measures of one group and for ``r``;
    * long, one row an arm: ``treatment`` names the column of treatments, ``reference`` the comparator among them, and
      every other argument one column. Multi-arm studies give several rows with their covariance in ``shared``;
    * published estimates: ``estimate`` with ``se``, or with ``ci_low`` and ``ci_high`` at ``ci_level``; ratios on
      their natural scale, but ``se`` on the log scale.

    ``measure`` is a code of `table.MEASURES`; ``variance`` one of its forms (metafor's ``vtype``). ``add``, ``to``
    and ``drop00`` are metafor's treatment of zero cells, with its defaults: ½ to every cell of the studies that have
    a zero, nothing for AS, IRSD, PAS, PFT, IRS and IRFT. In a multi-arm study a zero in any arm changes them all.

    Raises ``DataError`` for an unknown measure or column, a value that isn't a number, and numbers that can't be
    (negative counts, more events than people), naming the study. A study whose numbers are missing, or for which the
    measure isn't defined, is left out and listed with the reason.
    """
    row = find_measure(measure)
    form = variance or row.variances[0]
    if form not in row.variances:
        raise DataError(f"{row.code} has no variance {variance!r}; known are {', '.join(row.variances)}")
    if estimate is not None:
        return _published(data, row, study, estimate, se, ci_low, ci_high, ci_level)
    given = {"events": events, "n": n, "mean": mean, "sd": sd, "time": time, "r": r, "o_minus_e": o_minus_e, "v": v}
    columns = {role: column for role, column in given.items() if column is not None}
    if non_events is not None:
        data, columns["n"] = _with_sizes(data, study, treatment, columns, non_events)
    lacking = [role for role in row.roles if role not in columns]
    if lacking:
        raise DataError(f"{row.code} needs {', '.join(row.roles)}; name the columns of {', '.join(lacking)}")
    if treatment is None:
        comparisons = read_wide(data, row, study, columns)
    else:
        comparisons = read_long(data, row, study, treatment, reference, columns)
    check(comparisons, row)
    policy = ZeroCells(add if add is not None else (0.5 if row.adds else 0.0), to, drop00)
    return _compute(row, comparisons, form, policy)


def _compute(row: Measure, comparisons: Comparisons, form: str, policy: ZeroCells) -> EffectSizes:
    arguments = dict(comparisons.arguments)
    if "events" in row.roles:
        arguments, changed, dropped = _zero_cells(arguments, comparisons.study_index, policy)
    else:
        changed = dropped = np.zeros(len(comparisons.studies), dtype=bool)
    options = {} if len(row.variances) == 1 else {"variance": form}
    known = np.all([np.isfinite(arguments[need]) for need in row.needs], axis=0) & ~dropped
    complete = {need: np.where(known, arguments[need], np.nan) for need in row.needs}
    effect = row.formula(*(complete[need] for need in row.needs), **options)

    left_out = [LeftOut(*pair) for pair in comparisons.left_out]
    keep = np.zeros(len(known), dtype=bool)
    for i, name in enumerate(comparisons.studies):
        reason = why_undefined(comparisons, row, i, float(effect.estimates[i]), float(effect.variances[i]))
        if dropped[i]:
            reason = "no events, or nothing but events, in both groups (drop00)"
        if reason is None:
            keep[i] = True
        else:
            left_out.append(LeftOut(name, reason))
    changes = dict.fromkeys(select(comparisons.studies, changed & keep), policy.add)
    kept = Effect(effect.estimates[keep], effect.variances[keep])
    present = np.all([np.isfinite(comparisons.arguments[need]) for need in row.needs], axis=0)
    return EffectSizes(
        measure=row.code,
        label=row.label,
        scale=row.scale,
        studies=select(comparisons.studies, keep),
        estimates=kept.estimates,
        variances=kept.variances,
        treatments=select(comparisons.treatments, keep),
        comparators=select(comparisons.comparators, keep),
        variance_form=form,
        shared=_shared(row, comparisons.study_index[keep], {a: x[keep] for a, x in arguments.items()}, kept),
        sizes=_sizes(arguments, keep),
        arms=Arms(
            select(comparisons.studies, present),
            {a: x[present] for a, x in comparisons.arguments.items()},
            keep[present],
        ),
        left_out=tuple(left_out),
        zero_cells=tuple(ZeroCellChange(name, added) for name, added in changes.items()),
        notes=_notes(row, select(comparisons.studies, keep), kept),
    )


def _zero_cells(
    arguments: dict[str, FloatArray], study_index: NDArray[np.intp], policy: ZeroCells
) -> tuple[dict[str, FloatArray], NDArray[np.bool_], NDArray[np.bool_]]:
    """The arguments with the policy's addition; which rows were changed, and which dropped."""
    changed_arguments = dict(arguments)
    suffixes = [need[len("events") :] for need in arguments if need.startswith("events")]
    size_names = {suffix: (f"n{suffix}" if f"n{suffix}" in arguments else "n") for suffix in suffixes}
    has_sizes = size_names[suffixes[0]] in arguments
    cells: list[FloatArray] = []
    for suffix in suffixes:
        cells.append(arguments[f"events{suffix}"])
        if has_sizes:
            cells.append(arguments[size_names[suffix]] - arguments[f"events{suffix}"])
    changed = policy.changed(tuple(cells))
    for index in np.unique(study_index[changed]):
        changed |= study_index == index
    for suffix in suffixes:
        changed_arguments[f"events{suffix}"] = arguments[f"events{suffix}"] + policy.add * changed
    if has_sizes:
        for name in set(size_names.values()):
            changed_arguments[name] = arguments[name] + 2 * policy.add * changed
    return changed_arguments, changed, policy.dropped(tuple(cells))


def _shared(
    row: Measure, study_index: NDArray[np.intp], arguments: Mapping[str, FloatArray], effect: Effect
) -> FloatArray | None:
    repeated = len(set(study_index.tolist())) < len(study_index)
    if not repeated or row.code not in SHARING_KNOWN:
        return None
    matrix = np.diag(effect.variances)
    for index in np.unique(study_index):
        rows = np.flatnonzero(study_index == index)
        if len(rows) > 1:
            block = contrast_covariance(row.code, {a: x[rows] for a, x in arguments.items()}, effect.estimates[rows])
            off = ~np.eye(len(rows), dtype=bool)
            matrix[np.ix_(rows, rows)] = np.where(off, block, matrix[np.ix_(rows, rows)])
    return matrix


def _sizes(arguments: Mapping[str, FloatArray], keep: NDArray[np.bool_]) -> FloatArray | None:
    for names in (("n",), ("n1", "n2"), ("time",), ("time1", "time2")):
        if all(name in arguments for name in names):
            return np.asarray(sum(arguments[name][keep] for name in names))
    return None


def _notes(row: Measure, studies: tuple[str, ...], effect: Effect) -> tuple[str, ...]:
    notes = []
    if row.code.startswith("SM") and row.groups == 2:
        large = np.flatnonzero(np.abs(effect.estimates) > 2)
        if len(large):
            names = ", ".join(dict.fromkeys(studies[i] for i in large))
            notes.append(f"{names}: a standardised difference beyond 2; were standard errors entered as SDs?")
    zero = np.flatnonzero(effect.variances == 0)
    if len(zero):
        names = ", ".join(dict.fromkeys(studies[i] for i in zero))
        notes.append(f"{names}: a sampling variance of 0, which can't be pooled by inverse variance")
    return tuple(notes)


def _with_sizes(
    data: Any, study: str | None, treatment: str | None, columns: Mapping[str, Column], non_events: Column
) -> tuple[dict[str, Any], Column]:
    """The columns that are used, with n = events + non-events."""
    if "events" not in columns or "n" in columns:
        raise DataError("non_events goes with events, in place of n")
    events = columns["events"]
    pairs = list(zip(_names(events), _names(non_events), strict=True))
    used = [name for name in (study, treatment) if name is not None]
    for column in columns.values():
        used += [name for name in _names(column) if name not in used]
    table: dict[str, Any] = dict(
        read_columns(data, [*used, *(name for name in _names(non_events) if name not in used)])
    )
    sizes = []
    for one, other in pairs:
        name = f"{one} + {other}"
        table[name] = numbers(table[one], one) + numbers(table[other], other)
        sizes.append(name)
    return table, (sizes[0] if isinstance(events, str) else (sizes[0], sizes[1]))


def _names(column: Column) -> tuple[str, ...]:
    return (column,) if isinstance(column, str) else tuple(column)


def _published(
    data: Any, row: Measure, study: str | None, estimate: str, se: str | None, low: str | None, high: str | None,
    level: float,
) -> EffectSizes:  # fmt: skip
    """Estimates as published, taken to the scale of pooling."""
    if row.scale.name not in {"identity", "log"}:
        raise DataError(f"{row.code}: published estimates are read for differences and ratios only; give the counts")
    if se is None and (low is None or high is None):
        raise DataError("estimate= needs se=, or ci_low= and ci_high=")
    names = [estimate, *([se] if se is not None else [str(low), str(high)])]
    raw = read_columns(data, [*names, *([study] if study else [])])
    values = [numbers(raw[name], name) for name in names]
    k = len(values[0])
    studies = tuple(labels(raw[study], study)) if study else tuple(f"Study {i}" for i in range(1, k + 1))
    logged = row.is_ratio
    notes: list[str] = []
    with np.errstate(divide="ignore", invalid="ignore"):
        y = np.log(values[0]) if logged else values[0]
        if se is not None:
            effect = Effect(y, values[1] ** 2)
        else:
            ends = [np.log(end) if logged else end for end in values[1:]]
            effect = from_interval(y, ends[0], ends[1], level)
            for i in np.flatnonzero(ends[0] > ends[1]):
                raise DataError(f"{studies[i]}: {low} = {values[1][i]:g} is above {high} = {values[2][i]:g}")
            for i in np.flatnonzero((y < ends[0]) | (y > ends[1])):
                raise DataError(
                    f"{studies[i]}: {estimate} = {values[0][i]:g} lies outside its own interval "
                    f"[{values[1][i]:g}, {values[2][i]:g}]; correct the one or the other"
                )
            arms = np.array([y - ends[0], ends[1] - y])
            for i in np.flatnonzero(arms.max(axis=0) > LOPSIDED * arms.min(axis=0)):
                notes.append(
                    f"{studies[i]}: {estimate} = {values[0][i]:g} is far from the middle of its interval "
                    f"[{values[1][i]:g}, {values[2][i]:g}]{' on the log scale' if logged else ''}; check the three"
                )
    keep = np.isfinite(effect.estimates) & np.isfinite(effect.variances) & (effect.variances > 0)
    left_out = []
    for i in np.flatnonzero(~keep):
        missing = [name for name, value in zip(names, values, strict=True) if np.isnan(value[i])]
        left_out.append(LeftOut(studies[i], f"{', '.join(missing)} missing" if missing else "not a usable estimate"))
    return EffectSizes(
        measure=row.code,
        label=row.label,
        scale=row.scale,
        studies=select(studies, keep),
        estimates=effect.estimates[keep],
        variances=effect.variances[keep],
        variance_form="published",
        left_out=tuple(left_out),
        notes=tuple(notes),
    )
