"""Node-splitting of an arm-level posterior: what direct and indirect evidence say apart.

The studies that compare two treatments get an effect of their own: in them one of the two, never the reference, becomes a
treatment apart, so that its effect against the other is the direct evidence and that of its namesake the indirect one; τ is
common, and the model is fitted anew for every comparison (Dias et al. 2010, Statistics in Medicine 29:932; van Valkenhoef et
al. 2016, Research Synthesis Methods 7:80, whose rule says which comparisons have indirect evidence).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from equipoise.synthesis.bayes.arm_level.part import part_posterior
from equipoise.synthesis.bayes.mixture import NormalMixture
from equipoise.synthesis.bayes.network_splitting import PosteriorSplit
from equipoise.synthesis.bayes.priors import Flat
from equipoise.synthesis.network.connectivity import subnetworks

if TYPE_CHECKING:
    from equipoise.synthesis.bayes.arm_level.posterior import ArmPosterior

_POWER = 10
_SEED = 1
_APART = "{} (direct)"


def split(posterior: ArmPosterior) -> PosteriorSplit:
    """See ``ArmPosterior.split``."""
    pairs = _splittable(posterior)
    rows = np.empty((len(pairs), 6))
    triples = []
    for row, (i, j) in enumerate(pairs):
        triple = _split(posterior, i, j)
        triples.append(triple)
        rows[row] = [value for each in triple for value in (float(each.mean), float(each.sd))]
    place = tuple(np.array(pairs, dtype=np.intp).reshape(-1, 2).T)
    p = [2.0 * min(float(apart.cdf(0.0)), 1.0 - float(apart.cdf(0.0))) for *_, apart in triples]
    names = posterior.treatments
    return PosteriorSplit(
        measure=posterior.measure,
        level=posterior.level,
        prior="that of the effects",
        treatment=tuple(names[i] for i, _ in pairs),
        comparator=tuple(names[j] for _, j in pairs),
        studies=posterior.pair_counts()[place],
        network=posterior.estimates[place],
        network_se=posterior.standard_errors[place],
        network_limits=(posterior.lower[place], posterior.upper[place]),
        direct=rows[:, 0],
        direct_se=rows[:, 1],
        indirect=rows[:, 2],
        indirect_se=rows[:, 3],
        difference=rows[:, 4],
        difference_se=rows[:, 5],
        p=np.array(p),
        log_bayes_factor=np.full(len(pairs), np.nan),
        distributions=tuple(triples),
    )


def _splittable(posterior: ArmPosterior) -> list[tuple[int, int]]:
    """The compared pairs that studies without the two of them together connect as well."""
    table = posterior.table
    has = np.zeros((len(table.studies), len(table.treatments)), dtype=bool)
    has[table.study, table.treatment] = True
    found = []
    for i, j in zip(*np.nonzero(np.triu(posterior.pair_counts(), 1)), strict=True):
        rest = [np.flatnonzero(row)[None] for row in has[~(has[:, i] & has[:, j])]]
        parts = subnetworks(table.treatments, rest)
        if any({table.treatments[i], table.treatments[j]} <= set(part) for part in parts):
            found.append((int(i), int(j)))
    return found


def _split(posterior: ArmPosterior, i: int, j: int) -> tuple[NormalMixture, NormalMixture, NormalMixture]:
    """Direct, indirect and their difference of treatment i minus j."""
    table, names = posterior.table, posterior.treatments
    number = int(posterior.part_of()[i])
    members, base = posterior.subnetworks[number], posterior.references()[number]
    moved, other = (i, j) if names[i] != base else (j, i)
    apart = _APART.format(names[moved])
    together = [set(table.study[table.treatment == t].tolist()) for t in (i, j)]
    inside = np.isin(table.study, list(together[0] & together[1])) & (table.treatment == moved)
    # Behind all others, so that their places stay.
    split_table = replace(
        table,
        treatments=(*names, apart),
        treatment=np.where(inside, len(names), table.treatment).astype(np.intp),
    )
    prior = posterior.effects_prior
    basic = [t for t in (*members, apart) if t != base]
    priors = [
        (prior.get(names[moved] if t == apart else t, Flat()) if isinstance(prior, Mapping) else prior or Flat())
        for t in basic
    ]
    part = part_posterior(split_table, (*members, apart), base, posterior.heterogeneity, priors, _POWER, _SEED)
    place = {int(t): k for k, t in enumerate(part.treatments)}
    own, namesake, against = place[len(names)], place[moved], place[other]
    if moved == i:
        ends = ((own, against), (namesake, against), (own, namesake))
    else:
        ends = ((against, own), (against, namesake), (namesake, own))
    direct, indirect, difference = (part.differences(a, b) for a, b in ends)
    return direct, indirect, difference
