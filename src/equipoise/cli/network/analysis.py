"""Everything that `equipoise nma` computes, in one go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from equipoise.errors import DataError
from equipoise.synthesis.network.contributions import ContributionMethod, Contributions
from equipoise.synthesis.network.fit import Model, NetworkFit
from equipoise.synthesis.network.heat import NetHeat
from equipoise.synthesis.network.heterogeneity import Tau2Method
from equipoise.synthesis.network.inconsistency import Inconsistency
from equipoise.synthesis.network.inference import Interval
from equipoise.synthesis.network.league import League
from equipoise.synthesis.network.network import Network
from equipoise.synthesis.network.prediction import Predictions
from equipoise.synthesis.network.ranking import Ranking
from equipoise.synthesis.network.small_study import ComparisonAdjusted, comparison_adjusted
from equipoise.synthesis.network.splitting import Split

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Settings:
    """The choices of the analysis; ``smaller_is_better``: what ranks treatments, on the analysis scale.

    ``important_difference``: the size of a difference that matters, on the analysis scale; 0: any.
    """

    measure: str
    reference: str
    model: Model
    method: Tau2Method
    ci: Interval
    level: float
    smaller_is_better: bool
    important_difference: float = 0.0
    contributions: ContributionMethod = "random walk"


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """The results; ``contributions`` of the comparisons with the reference, ``all_contributions`` of every pair.

    ``impossible`` says, by name, why a result that is None can't be had from these data.
    """

    settings: Settings
    fit: NetworkFit
    ranking: Ranking
    league: League
    inconsistency: Inconsistency
    split: Split
    net_heat: NetHeat
    contributions: Contributions
    all_contributions: Contributions
    predictions: Predictions | None
    funnel: ComparisonAdjusted | None
    impossible: dict[str, str]

    @property
    def network(self) -> Network:
        """The network analysed."""
        return self.fit.network


def analyse(network: Network, settings: Settings, progress: Callable[[str], None]) -> Analysis:
    """Fit the network and take from it all that the report shows."""
    progress("Fitting the network")
    fit = network.fit(settings.model, settings.method, settings.reference, settings.ci, settings.level)
    progress("Ranking the treatments")
    ranking = fit.ranking(settings.smaller_is_better)
    progress("Comparing direct with indirect evidence")
    split, consistency, heat = fit.split(), fit.inconsistency(), fit.net_heat()
    progress("Tracing contributions")
    table = fit.effects()
    pairs = list(zip(table.treatment, table.comparator, strict=True))
    impossible: dict[str, str] = {}
    bases = fit.references()
    order = [*(t for t in ranking.order if t not in bases), *bases]
    return Analysis(
        settings=settings,
        fit=fit,
        ranking=ranking,
        league=fit.league("direct", order=ranking.order),
        inconsistency=consistency,
        split=split,
        net_heat=heat,
        contributions=fit.contributions(settings.contributions, pairs),
        all_contributions=fit.contributions(settings.contributions),
        predictions=fit.predict() if settings.model == "random" else None,
        funnel=_possible("funnel", impossible, lambda: comparison_adjusted(fit, order)),
        impossible=impossible,
    )


def _possible(name: str, impossible: dict[str, str], compute: Callable[[], Result]) -> Result | None:
    try:
        return compute()
    except DataError as error:
        impossible[name] = str(error)
        return None
