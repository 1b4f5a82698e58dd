"""The result tables of `equipoise nma`, as plain columns: what goes into CSV, JSON and the report."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from equipoise.cli.network.analysis import Analysis
from equipoise.frames import FloatArray
from equipoise.synthesis.network.comparisons import Comparisons
from equipoise.synthesis.network.tables import RATIO_MEASURES, natural

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class ResultTable:
    """A table: ``name`` is its file's, ``title`` a sentence's beginning, ``columns`` hold unrounded values by heading."""

    name: str
    title: str
    columns: dict[str, list[Cell]]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))

    def csv(self) -> str:
        """The table as CSV, missing values as empty cells."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(zip(*self.columns.values(), strict=True))
        return out.getvalue()


def result_tables(analysis: Analysis) -> list[ResultTable]:
    """All tables but the league table, which has a form of its own."""
    fit = analysis.fit
    tables = [
        effects(analysis),
        _comparisons("comparisons", "Network estimates of all pairs", fit.comparisons()),
        _comparisons("direct", "Direct estimates", fit.direct().table),
        split(analysis),
        ranking(analysis),
        rank_probabilities(analysis),
        consistency(analysis),
        designs(analysis),
        contributions(analysis),
        study_contributions(analysis),
        studies(analysis),
    ]
    if analysis.funnel is not None:
        f = analysis.funnel
        tables.append(
            ResultTable(
                "funnel",
                "Comparison-adjusted funnel plot",
                {
                    "study": list(f.studies),
                    "treatment": list(f.treatment),
                    "comparator": list(f.comparator),
                    **_floats(estimate=f.estimates, se=f.standard_errors, centre=f.centres, adjusted=f.adjusted),
                },
            )
        )
    if analysis.network.left_out or analysis.network.changes:
        tables.append(set_aside(analysis))
    return tables


def effects(analysis: Analysis) -> ResultTable:
    """Every treatment against its reference, with prediction intervals where there are any."""
    fit = analysis.fit
    table = _comparisons("effects", "Effects against the reference", fit.effects())
    if analysis.predictions is not None:
        effects_table = fit.effects()
        rows = [fit.network.position(t) for t in effects_table.treatment]
        columns = [fit.network.position(t) for t in effects_table.comparator]
        lower, upper = analysis.predictions.lower[rows, columns], analysis.predictions.upper[rows, columns]
        table.columns.update(_floats(prediction_lower=lower, prediction_upper=upper))
        if fit.measure in RATIO_MEASURES:
            table.columns.update(
                _floats(
                    **{
                        f"{fit.measure}_prediction_lower": np.exp(lower),
                        f"{fit.measure}_prediction_upper": np.exp(upper),
                    }
                )
            )
    return table


def split(analysis: Analysis) -> ResultTable:
    """Direct, indirect and network estimates of all pairs."""
    s = analysis.split
    kinds: tuple[Literal["network", "direct", "indirect", "difference"], ...]
    kinds = ("network", "direct", "indirect", "difference")
    columns: dict[str, list[Cell]] = {
        "treatment": list(s.treatment),
        "comparator": list(s.comparator),
        "studies": [int(k) for k in s.studies],
        **_floats(proportion_direct=s.proportion),
    }
    for kind in kinds:
        lower, upper = s.limits(kind)
        columns |= _floats(
            **{
                kind: getattr(s, kind),
                f"{kind}_se": getattr(s, f"{kind}_se"),
                f"{kind}_lower": lower,
                f"{kind}_upper": upper,
            }
        )
    return ResultTable(
        "split", "Direct and indirect evidence (back-calculation)", {**columns, **_floats(statistic=s.statistic, p=s.p)}
    )


def ranking(analysis: Analysis) -> ResultTable:
    """P-scores and mean ranks, the best first."""
    r = analysis.ranking
    rows = [r.treatments.index(t) for t in r.order]
    return ResultTable(
        "ranking",
        "Ranking",
        {
            "treatment": list(r.order),
            **_floats(
                p_score=r.p_scores[rows],
                sucra=r.sucra[rows],
                mean_rank=r.mean_ranks[rows],
                rank_lower=r.rank_lower[rows],
                rank_upper=r.rank_upper[rows],
                probability_best=r.best[rows],
            ),
        },
    )


def rank_probabilities(analysis: Analysis) -> ResultTable:
    """The probability of every rank, one row a treatment."""
    r = analysis.ranking
    rows = [r.treatments.index(t) for t in r.order]
    columns: dict[str, list[Cell]] = {"treatment": list(r.order)}
    for rank in range(r.rank_probabilities.shape[1]):
        columns |= _floats(**{f"rank_{rank + 1}": r.rank_probabilities[rows, rank]})
    return ResultTable("rank_probabilities", "Rank probabilities", columns)


def consistency(analysis: Analysis) -> ResultTable:
    """Q in all, within and between designs, and the random-effects interaction test."""
    i = analysis.inconsistency
    tests = {
        "Total": i.total,
        "Within designs": i.within,
        "Between designs": i.between,
        "Between designs, random effects (design-by-treatment interaction)": i.between_random,
    }
    return ResultTable(
        "inconsistency",
        "Heterogeneity and inconsistency",
        {
            "test": list(tests),
            "Q": [_float(t.q) for t in tests.values()],
            "df": [t.df for t in tests.values()],
            "p": [_float(t.p) for t in tests.values()],
        },
    )


def designs(analysis: Analysis) -> ResultTable:
    """Each design's share in heterogeneity and inconsistency."""
    i = analysis.inconsistency
    return ResultTable(
        "designs",
        "Q by design",
        {
            "design": [" : ".join(d) for d in i.designs],
            "studies": [int(k) for k in i.studies],
            **_floats(q_within=i.q_within),
            "df_within": [int(k) for k in i.df_within],
            **_floats(p_within=i.p_within, q_between=i.q_between, q_detached=i.q_detached),
            "df_detached": [int(k) for k in i.df_detached],
            **_floats(p_detached=i.p_detached),
        },
    )


def contributions(analysis: Analysis) -> ResultTable:
    """The share of every direct comparison in every network estimate, in per cent."""
    c = analysis.all_contributions
    columns: dict[str, list[Cell]] = {"treatment": list(c.treatment), "comparator": list(c.comparator)}
    for j, (a, b) in enumerate(zip(c.edge_treatment, c.edge_comparator, strict=True)):
        columns |= _floats(**{f"{a} : {b}": 100.0 * c.matrix[:, j]})
    return ResultTable("contributions", f"Contributions of direct comparisons, per cent ({c.method})", columns)


def study_contributions(analysis: Analysis) -> ResultTable:
    """The share of every study in the estimates against the reference, in per cent."""
    c = analysis.contributions
    columns: dict[str, list[Cell]] = {"study": list(c.studies)}
    for i, (a, b) in enumerate(zip(c.treatment, c.comparator, strict=True)):
        columns |= _floats(**{f"{a} : {b}": 100.0 * c.study_matrix[i]})
    return ResultTable("study_contributions", f"Contributions of studies, per cent ({c.method})", columns)


def studies(analysis: Analysis) -> ResultTable:
    """Every study's contrasts against its first arm."""
    rows = [(s, k) for s in analysis.network.studies for k in range(len(s.treatments) - 1)]
    return ResultTable(
        "studies",
        "Studies",
        {
            "study": [s.study for s, _ in rows],
            "treatment": [s.treatments[k + 1] for s, k in rows],
            "comparator": [s.treatments[0] for s, _ in rows],
            "estimate": [float(s.estimates[k]) for s, k in rows],
            "se": [float(np.sqrt(s.covariance[k, k])) for s, k in rows],
        },
    )


def set_aside(analysis: Analysis) -> ResultTable:
    """What was left out or changed, and why."""
    network = analysis.network
    return ResultTable(
        "left_out",
        "Left out or changed",
        {
            "what": [*(o.what for o in network.left_out), *(c.study for c in network.changes)],
            "status": [*("left out" for _ in network.left_out), *("changed" for _ in network.changes)],
            "reason": [*(o.reason for o in network.left_out), *(c.what for c in network.changes)],
        },
    )


def _comparisons(name: str, title: str, table: Comparisons) -> ResultTable:
    columns: dict[str, list[Cell]] = {
        "treatment": list(table.treatment),
        "comparator": list(table.comparator),
        "studies": [int(k) for k in table.studies],
        **_floats(estimate=table.estimates, se=table.standard_errors, lower=table.lower, upper=table.upper),
        **_floats(statistic=table.statistics, p=table.p),
    }
    if table.measure in RATIO_MEASURES:
        shown = {"": table.estimates, "_lower": table.lower, "_upper": table.upper}
        columns |= _floats(**{table.measure + end: np.asarray(natural(table.measure, x)) for end, x in shown.items()})
    return ResultTable(name, title, columns)


def _floats(**columns: FloatArray | Sequence[float]) -> dict[str, list[Cell]]:
    return {name: [_float(float(x)) for x in values] for name, values in columns.items()}


def _float(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
