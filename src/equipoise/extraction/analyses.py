"""Which analyses a review asks for, and which are made where it states none."""

from __future__ import annotations

from equipoise.review.model import Analysis, Review

DEFAULT_MEASURES = {"continuous": "SMD", "binary": "RR"}
"""The measure of an outcome that no analysis names: standardised, since scales may differ; relative for risks."""


def analyses(review: Review) -> tuple[Analysis, ...]:
    """The analyses of review.toml; without any, one for each outcome that the tables have results of.

    Defaults: random effects, REML, the measure of the outcome's type, `placebo` or else the first control as the
    reference; the first benefit with results is the primary outcome. Outcomes of other types are left to the review.
    """
    if review.protocol.analyses:
        return review.protocol.analyses
    reported = {row.outcome for row in review.arms} | {row.outcome for row in review.contrasts}
    nodes = {row.node: row.role for row in review.interventions}
    controls = [node for node, role in nodes.items() if role == "control"]
    reference = "placebo" if "placebo" in nodes else controls[0] if controls else next(iter(nodes), "placebo")
    wanted = [row for row in review.outcomes if row.outcome in reported and row.type in DEFAULT_MEASURES]
    wanted.sort(key=lambda row: row.kind != "benefit")
    return tuple(
        Analysis(
            outcome=row.outcome,
            measure=DEFAULT_MEASURES[row.type],
            primary=position == 0,
            reference=reference,
            why="The review states no analysis; this is the default for an outcome of its type.",
        )
        for position, row in enumerate(wanted)
    )
