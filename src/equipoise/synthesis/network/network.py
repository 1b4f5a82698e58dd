"""The evidence network: studies that compare treatments, and what they connect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from equipoise.errors import DataError
from equipoise.frames import FloatArray, labels, numbers, read_columns
from equipoise.synthesis.network.arm_effects import SmdForm
from equipoise.synthesis.network.arms import DoubleZero, studies_from_arms
from equipoise.synthesis.network.baseline import studies_from_baseline
from equipoise.synthesis.network.blocks import Block, IntArray, stack
from equipoise.synthesis.network.connectivity import subnetworks
from equipoise.synthesis.network.contrasts import StudyContrasts, check_study
from equipoise.synthesis.network.pairs import studies_from_pairs
from equipoise.synthesis.network.tables import spelt

if TYPE_CHECKING:
    from equipoise.synthesis.bayes.arm_level import ArmPosterior
    from equipoise.synthesis.bayes.arm_level.likelihoods import Family, Link
    from equipoise.synthesis.bayes.effects_posterior import EffectsPrior
    from equipoise.synthesis.bayes.network_part import PriorOn
    from equipoise.synthesis.bayes.network_posterior import NetworkPosterior
    from equipoise.synthesis.bayes.priors import Prior
    from equipoise.synthesis.network.fit import Model, NetworkFit
    from equipoise.synthesis.network.heterogeneity import Tau2Method
    from equipoise.synthesis.network.inference import Interval


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A study or arm that is not in the analysis, and why."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class Change:
    """What was done to a study's data before analysis (arms merged, a continuity correction added)."""

    study: str
    what: str


@dataclass(frozen=True, slots=True, eq=False)
class ArmRows:
    """The table of arms that a network was made from: labels and columns by role, one entry a row."""

    study: tuple[str, ...]
    treatment: tuple[str, ...]
    columns: Mapping[str, FloatArray]


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Studies on an analysis scale, the treatments they compare and the parts they connect.

    Made by ``from_arms``, ``from_contrasts``, ``from_baseline`` or ``from_studies``. ``treatments`` are sorted by name;
    ``subnetworks`` lists the connected parts, the largest first. ``left_out`` and ``changes`` say what the data lost or
    had done to them, ``notes`` which form of the measure is used and what else to know of them. ``blocks`` holds the
    studies stacked by their number of arms; ``arm_rows`` the table it was made from, where that had a row an arm.
    """

    measure: str
    treatments: tuple[str, ...]
    studies: tuple[StudyContrasts, ...]
    subnetworks: tuple[tuple[str, ...], ...]
    left_out: tuple[LeftOut, ...] = ()
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = field(default=(), repr=False)
    arm_rows: ArmRows | None = field(default=None, repr=False)

    @classmethod
    def from_studies(
        cls,
        studies: Iterable[StudyContrasts],
        measure: str = "MD",
        left_out: Sequence[LeftOut] = (),
        changes: Sequence[Change] = (),
        notes: Sequence[str] = (),
    ) -> Network:
        """A network of studies given as contrasts with covariances.

        ``measure`` names the scale of the estimates. A study with a single arm is left out and reported; one in which
        a treatment occurs twice has those arms merged and is reported.

        Raises ``DataError`` for an unusable study or a repeated study label, ``InconsistentVariances`` for a
        covariance that isn't positive definite.
        """
        measure = spelt(measure)
        kept: list[StudyContrasts] = []
        out, changed = list(left_out), list(changes)
        for study in studies:
            check_study(study)
            if len(set(study.treatments)) < len(study.treatments):
                merged = merge_arms(study)
                repeated = sorted({t for t in study.treatments if study.treatments.count(t) > 1})
                changed.append(Change(study.study, f"arms with the same treatment merged: {', '.join(repeated)}"))
                study = merged
            if len(study.treatments) < 2:
                out.append(LeftOut(study.study, "only one treatment, so it compares nothing"))
            else:
                kept.append(study)
        seen: set[str] = set()
        for study in kept:
            if study.study in seen:
                raise DataError(f"study {study.study!r} occurs twice; give each study its own label")
            seen.add(study.study)
        if not kept:
            why = "".join(f"; {o.what}: {o.reason}" for o in out[:3])
            more = f"; and {len(out) - 3} more left out" if len(out) > 3 else ""
            raise DataError(f"no study compares two treatments in a way that can be analysed{why}{more}")
        treatments = tuple(sorted({t for study in kept for t in study.treatments}))
        blocks = stack(kept, {t: i for i, t in enumerate(treatments)})
        parts = subnetworks(treatments, (block.arms for block in blocks))
        return cls(measure, treatments, tuple(kept), parts, tuple(out), tuple(changed), tuple(notes), blocks)

    @classmethod
    def from_arms(
        cls,
        data: Any,
        study: str = "study",
        treatment: str = "treatment",
        measure: str = "OR",
        events: str | None = None,
        n: str | None = None,
        mean: str | None = None,
        sd: str | None = None,
        se: str | None = None,
        time: str | None = None,
        increment: float = 0.5,
        double_zero: DoubleZero = "leave out",
        smd: SmdForm = "hedges",
    ) -> Network:
        """A network from a table with one row an arm; the arguments name its columns.

        ``measure`` and what it needs: "OR", "RR", "RD", "ASD" (arcsine difference) and "HR" (complementary log-log of
        the proportion, with ``time`` of its follow-up time) ``events`` and ``n``; "MD" and "ROM" (ratio of means)
        ``mean`` with ``sd`` and ``n`` or with ``se``; "SMD" ``mean``, ``sd`` and ``n``; "IRR", "IRD" and "IRSD"
        (difference of square roots) ``events`` and ``time``.

        Studies with a zero cell get ``increment`` added to all their arms (as meta's ``pairwise``); a study without
        any event (for "OR" and "HR" also one with nothing but events) is left out of ratio measures unless
        ``double_zero="keep"`` (meta: ``allstudies = TRUE``). ``smd``:
        "hedges" (g, as metafor) or "cohen" (d, as netmeta), the standard deviation pooled over all arms of a study.
        Arms with missing numbers are left out, arms of the same treatment merged; all of this is reported in
        ``left_out`` and ``changes``.

        Raises ``DataError`` naming the study, row and value of what can't be true.
        """
        measure = spelt(measure)
        if double_zero not in ("leave out", "keep"):
            raise DataError(f"double_zero {double_zero!r} isn't known; choose 'leave out' or 'keep'")
        if smd not in ("hedges", "cohen"):
            raise DataError(f"smd {smd!r} isn't known; choose 'hedges' or 'cohen'")
        if not increment >= 0:
            raise DataError(f"increment {increment} must not be negative")
        given = {"events": events, "n": n, "mean": mean, "sd": sd, "se": se, "time": time}
        named = {name: column for name, column in given.items() if column is not None}
        columns = read_columns(data, [study, treatment, *named.values()])
        rows = ArmRows(
            tuple(labels(columns[study], study)),
            tuple(labels(columns[treatment], treatment)),
            {name: numbers(columns[column], column) for name, column in named.items()},
        )
        made = studies_from_arms(
            rows.study,
            rows.treatment,
            rows.columns,
            measure,
            increment,
            double_zero,
            smd,
        )
        net = cls.from_studies(
            made.studies,
            measure,
            left_out=[LeftOut(what, reason) for what, reason in made.left_out],
            changes=[Change(label, what) for label, what in made.changes],
            notes=_form_of(measure, smd, time is not None),
        )
        return replace(_with_lost_treatments(net, rows.treatment), arm_rows=rows)

    @classmethod
    def from_contrasts(
        cls,
        data: Any,
        study: str = "study",
        treatment: str = "treatment",
        comparator: str = "comparator",
        estimate: str = "estimate",
        se: str = "se",
        measure: str = "MD",
        comparator_se: str | None = None,
        n_treatment: str | None = None,
        n_comparator: str | None = None,
    ) -> Network:
        """A network from a table with one row a pair of arms; the arguments name its columns.

        ``estimate`` is treatment minus comparator on the analysis scale (log for ratio measures), ``se`` its standard
        error. A study with m ≥ 3 arms lists all m(m−1)/2 pairs, from which its covariance is rebuilt, or the m−1
        pairs with one comparator and ``comparator_se``, that arm's own standard error. ``n_treatment`` and
        ``n_comparator`` are participants. Rows without estimate or standard error are left out and reported.

        Raises ``DataError`` naming the study and row of what can't be used, ``InconsistentVariances`` for multi-arm
        standard errors that no set of arms can have.
        """
        optional = [name for name in (comparator_se, n_treatment, n_comparator) if name is not None]
        columns = read_columns(data, [study, treatment, comparator, estimate, se, *optional])
        counts = None
        if n_treatment is not None and n_comparator is not None:
            counts = numbers(columns[n_treatment], n_treatment), numbers(columns[n_comparator], n_comparator)
        treatments, comparators = labels(columns[treatment], treatment), labels(columns[comparator], comparator)
        measure = spelt(measure)
        studies, left_out, changes, notes = studies_from_pairs(
            labels(columns[study], study),
            treatments,
            comparators,
            numbers(columns[estimate], estimate),
            numbers(columns[se], se),
            numbers(columns[comparator_se], comparator_se) if comparator_se is not None else None,
            counts,
        )
        net = cls.from_studies(
            studies,
            measure,
            left_out=[LeftOut(what, reason) for what, reason in left_out],
            changes=[Change(label, what) for label, what in changes],
            # Standardised differences share their studies' standard deviations, so their arms aren't independent.
            notes=notes if measure != "SMD" else [],
        )
        return _with_lost_treatments(net, [*treatments, *comparators])

    @classmethod
    def from_baseline(
        cls,
        data: Any,
        study: str = "study",
        treatment: str = "treatment",
        estimate: str = "estimate",
        se: str = "se",
        measure: str = "MD",
        n: str | None = None,
    ) -> Network:
        """A network from a table with one row an arm, each against its study's baseline; the arguments name columns.

        The baseline arm is the row without ``estimate``. The others' ``estimate`` is treatment minus baseline on the
        analysis scale (log for ratio measures), ``se`` its standard error; the baseline row's ``se`` is that of the
        baseline arm itself, whose square is the covariance of the study's estimates (not needed with two arms). ``n``
        are participants.

        Raises ``DataError`` naming study, row and value for a study without one baseline, a standard error that is
        missing or not positive, and ``InconsistentVariances`` for one that the baseline arm's exceeds.
        """
        columns = read_columns(data, [study, treatment, estimate, se, *([n] if n is not None else [])])
        treatments = labels(columns[treatment], treatment)
        studies = studies_from_baseline(
            labels(columns[study], study),
            treatments,
            numbers(columns[estimate], estimate),
            numbers(columns[se], se),
            numbers(columns[n], n) if n is not None else None,
        )
        return cls.from_studies(studies, measure)

    def fit(
        self,
        model: Model = "random",
        method: Tau2Method = "REML",
        reference: str | None = None,
        ci: Interval = "normal",
        level: float = 0.95,
    ) -> NetworkFit:
        """Network meta-analysis by generalised least squares, subnetwork by subnetwork.

        ``model``: "common" (one true effect a comparison) or "random" (τ² common to all comparisons of a subnetwork);
        ``method``: how τ² is estimated, "REML", "DL" or "ML"; ``ci``: "normal", "t" (with the degrees of freedom of
        Q) or "hksj" (Hartung–Knapp: t, and standard errors scaled by √(Q(τ²)/df)); ``reference``: the treatment that
        tables compare with (default: the first by name, in each subnetwork).

        Raises ``DataError`` for an unknown reference or option.
        """
        from equipoise.synthesis.network.fit import fit_network

        return fit_network(self, model=model, method=method, reference=reference, ci=ci, level=level)

    @overload
    def posterior(
        self,
        heterogeneity: Prior | None = None,
        effects: EffectsPrior = None,
        model: Model = "random",
        reference: str | None = None,
        level: float = 0.95,
        prior_on: PriorOn = "basic parameters",
        likelihood: Literal["normal"] = "normal",
    ) -> NetworkPosterior: ...
    @overload
    def posterior(
        self,
        heterogeneity: Prior | None = None,
        effects: EffectsPrior = None,
        model: Model = "random",
        reference: str | None = None,
        level: float = 0.95,
        *,
        likelihood: Literal["binomial", "poisson"],
        link: Link | None = None,
        baseline: Prior | None = None,
    ) -> ArmPosterior: ...
    def posterior(
        self,
        heterogeneity: Prior | None = None,
        effects: EffectsPrior = None,
        model: Model = "random",
        reference: str | None = None,
        level: float = 0.95,
        prior_on: PriorOn = "basic parameters",
        likelihood: Family = "normal",
        link: Link | None = None,
        baseline: Prior | None = None,
        **others: Any,
    ) -> NetworkPosterior | ArmPosterior:
        """Bayesian network meta-analysis, exact to the stated ``error``, subnetwork by subnetwork.

        ``heterogeneity``: the prior of τ, which has no default (``HalfNormal(0.5)``, say); none with
        ``model="common"``. ``effects``: None for a flat prior, one prior for all effects, or one for each of some
        treatments (the others flat). ``prior_on``: "basic parameters" gives it to the effects against the reference,
        independently (as gemtc and multinma do; contrasts between others are then less certain beforehand); with
        "all contrasts" every contrast has the prior Normal(0, sd) whatever the reference. ``reference``: also the
        treatment that tables compare with (default: the first by name, in each subnetwork).

        ``likelihood``: "normal" for the contrasts; "binomial" or "poisson" for the events of a network made
        ``from_arms``, without normal approximation or continuity correction. ``link``: by default the one that makes
        the network's measure (OR: logit, HR: cloglog, RR: log). ``baseline``: the prior of the linear predictor of every
        study's first arm, flat by default: with binomial risk ratios flat in the logarithm of a risk, and every arm's
        risk, random effect included, is below 1.

        Raises ``DataError`` for unknown options, a prior stated for another measure, and an improper posterior.
        """
        if others:
            name = next(iter(others))
            meant = {"prior": "heterogeneity", "effect_prior": "effects"}.get(name)
            raise DataError(f"no option {name}" + (f": a network takes that prior as {meant}=" if meant else ""))
        if likelihood == "normal":
            from equipoise.synthesis.bayes.network_posterior import network_posterior

            if link is not None or baseline is not None:
                raise DataError("link and baseline belong to arms: say likelihood='binomial' or 'poisson' as well")
            return network_posterior(self, heterogeneity, effects, model, reference, level, prior_on)
        from equipoise.synthesis.bayes.arm_level.posterior import posterior_from_arms
        from equipoise.synthesis.bayes.arm_level.table import arm_table, link_of

        if prior_on != "basic parameters":
            raise DataError("with arms, the prior of effects is of the basic parameters; leave prior_on out")
        rows = self.arm_rows
        if rows is None:
            raise DataError(
                f"the {likelihood} likelihood needs arms, and this network was made of contrasts; make it with "
                "Network.from_arms, or take likelihood='normal'"
            )
        made = arm_table(
            rows.study, rows.treatment, rows.columns, likelihood, link or link_of(likelihood, self.measure)
        )
        return posterior_from_arms(made, heterogeneity, effects, baseline, model, reference, level)

    def position(self, treatment: str) -> int:
        """The index of a treatment; raises ``DataError`` naming those there are."""
        try:
            return self.treatments.index(treatment)
        except ValueError:
            raise DataError(f"no treatment {treatment!r} in the network; it has {', '.join(self.treatments)}") from None

    def pair_counts(self) -> IntArray:
        """How many studies compare each pair directly, shape (treatments, treatments)."""
        n = len(self.treatments)
        counts = np.zeros(n * n, dtype=np.intp)
        for block in self.blocks:
            place = block.arms[:, :, None] * n + block.arms[:, None, :]
            counts += np.bincount(place.ravel(), minlength=n * n)
        table = counts.reshape(n, n)
        np.fill_diagonal(table, 0)
        return table

    @property
    def designs(self) -> tuple[tuple[str, ...], ...]:
        """The distinct sets of treatments that studies compare, sorted by size and name."""
        return tuple(sorted({s.design for s in self.studies}, key=lambda design: (len(design), design)))

    def to_frame(self) -> Any:
        """One row a contrast against the study's first arm."""
        from equipoise.frames import make_frame

        rows = [(s, k) for s in self.studies for k in range(len(s.treatments) - 1)]
        return make_frame(
            {
                "study": [s.study for s, _ in rows],
                "treatment": [s.treatments[k + 1] for s, k in rows],
                "comparator": [s.treatments[0] for s, _ in rows],
                "estimate": [float(s.estimates[k]) for s, k in rows],
                "se": [float(np.sqrt(s.covariance[k, k])) for s, k in rows],
            }
        )

    def summary(self) -> str:
        """What the network consists of, as text."""
        multi = sum(len(s.treatments) > 2 for s in self.studies)
        pairs = int((np.triu(self.pair_counts()) > 0).sum())
        lines = [
            f"Network of {len(self.treatments)} treatments, {len(self.studies)} studies ({multi} with three or more "
            f"arms), {pairs} direct comparisons, {len(self.designs)} designs; measure {self.measure}",
        ]
        if len(self.subnetworks) > 1:
            lines.append(f"Not connected: {len(self.subnetworks)} subnetworks, each analysed by itself:")
            lines += [f"  {i}. {', '.join(part)}" for i, part in enumerate(self.subnetworks, start=1)]
        lines += self.notes
        lines += [f"Left out: {o.what}: {o.reason}" for o in self.left_out]
        lines += [f"Changed: {c.study}: {c.what}" for c in self.changes]
        return "\n".join(lines)


def _form_of(measure: str, smd: SmdForm, timed: bool) -> list[str]:
    """Which form of the measure is used, where there are several."""
    if measure == "SMD":
        form = {"hedges": "Hedges' g", "cohen": "Cohen's d"}[smd]
        return [f"SMD: {form}, standard deviation pooled over a study's arms"]
    if measure == "HR":
        follow_up = "constant hazards over each arm's time" if timed else "the same follow-up in all arms of a study"
        return [f"HR: from the complementary log-log of the proportions with the event, assuming {follow_up}"]
    return []


def _with_lost_treatments(net: Network, mentioned: Iterable[str]) -> Network:
    """The network, with the treatments that fell out of it reported."""
    lost = sorted(set(mentioned) - set(net.treatments))
    reports = tuple(LeftOut(f"treatment {t}", "no study that is left compares it with another") for t in lost)
    return replace(net, left_out=(*net.left_out, *reports)) if lost else net


def merge_arms(study: StudyContrasts) -> StudyContrasts:
    """The study with arms of the same treatment merged, assuming that they have the same true effect.

    The merged contrasts are the generalised least-squares estimates from the original ones (for two arms of a
    two-treatment study: the average weighted by precision). Participants are added up.
    """
    treatments = tuple(dict.fromkeys(study.treatments))
    counts = study.participants or (None,) * len(study.treatments)
    totals: list[int | None] = []
    for treatment in treatments:
        of_treatment = [n for t, n in zip(study.treatments, counts, strict=True) if t == treatment]
        totals.append(None if any(n is None for n in of_treatment) else sum(n for n in of_treatment if n is not None))
    columns = np.zeros((len(study.treatments) - 1, len(treatments)))
    for row, treatment in enumerate(study.treatments[1:]):
        columns[row, treatments.index(treatment)] += 1.0
    design = columns[:, 1:]
    weighted = np.linalg.solve(study.covariance, design)
    covariance = np.linalg.inv(design.T @ weighted)
    estimates = covariance @ (weighted.T @ study.estimates)
    participants = tuple(totals) if study.participants else ()
    return StudyContrasts(study.study, treatments, estimates, covariance, participants)
