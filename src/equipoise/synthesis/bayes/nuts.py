"""Sampling a posterior by NUTS, to check the exact one, or in its stead where its diagnostic says not to trust it.

The sampler is nutpie's (extra ``nuts``), a No-U-Turn sampler (Hoffman & Gelman 2014, J Mach Learn Res 15:1593) with a
mass matrix adapted from gradients. The density is written from the model's definition (``nuts_density``): nothing of
the quadrature enters but the data and the priors.
"""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from equipoise.errors import DataError, MissingExtra
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.convergence import ess_bulk, ess_tail, rhat
from equipoise.synthesis.bayes.nuts_density import Density, of_arms, of_network, of_pair
from equipoise.synthesis.bayes.nuts_result import Convergence, SampledPosterior

if TYPE_CHECKING:
    from equipoise.synthesis.bayes.arm_level import ArmPosterior
    from equipoise.synthesis.bayes.network_posterior import NetworkPosterior
    from equipoise.synthesis.bayes.pair import PairPosterior


def sample(
    posterior: PairPosterior | NetworkPosterior | ArmPosterior,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    seed: int = 0,
    target_accept: float = 0.9,
) -> SampledPosterior:
    """Chains of draws from the posterior that ``posterior`` is of: its data, its model, its priors.

    ``draws``, ``tune``: a chain, after and during adaptation; ``seed``: the same one gives the same draws;
    ``target_accept``: the acceptance rate aimed at; nearer to 1 the steps are smaller, and divergences fewer. Look at
    ``convergence`` first: what chains say is only as good as that.

    Raises ``MissingExtra`` without nutpie, and ``DataError`` for a network that isn't connected and for models that it doesn't
    know (ordered categories, competing events).
    """
    from equipoise.synthesis.bayes.arm_level import ArmPosterior
    from equipoise.synthesis.bayes.network_posterior import NetworkPosterior

    if draws < 4 or chains < 1:
        raise DataError(f"draws={draws}, chains={chains}: at least 4 draws of 1 chain are needed")
    if isinstance(posterior, NetworkPosterior):
        density, names = of_network(posterior), posterior.treatments
        reference, measure, counts = posterior.reference, posterior.measure, posterior.pair_counts()
    elif isinstance(posterior, ArmPosterior):
        density, names = of_arms(posterior), posterior.treatments
        reference, measure, counts = posterior.reference, posterior.measure, posterior.pair_counts()
    else:
        if not hasattr(posterior, "k"):
            raise DataError(f"the model of a {type(posterior).__name__} can't be sampled")
        density, names, reference = of_pair(posterior), ("control", "treatment"), "control"
        measure = posterior.measure or "MD"
        counts = np.array([[0, posterior.k], [posterior.k, 0]])
    found, divergences, seconds = run(density, draws, tune, chains, seed, target_accept)
    with np.errstate(over="ignore"):
        tau, beta, _ = density.split(found)
    effects = np.zeros((*tau.shape, len(names)))
    others = [i for i, name in enumerate(names) if name != reference]
    effects[..., others] = beta[..., : len(others)]
    convergence = Convergence(
        float(np.max(rhat(found))), float(np.min(ess_bulk(found))), float(np.min(ess_tail(found))), divergences, seconds
    )
    return SampledPosterior(
        names,
        reference,
        measure,
        posterior.model,
        posterior.level,
        _priors(posterior),
        counts,
        tau,
        effects,
        convergence,
    )


def run(
    density: Density, draws: int, tune: int, chains: int, seed: int, target_accept: float
) -> tuple[FloatArray, int, float]:
    """Draws of the density's parameters, (chains, draws, size), the divergences, and the sampler's seconds."""
    nutpie = _nutpie()
    from nutpie.compiled_pyfunc import from_pyfunc

    size, start = density.size, density.start()

    def make_log_density() -> Any:
        def log_density(x: FloatArray) -> tuple[float, FloatArray]:
            with np.errstate(all="ignore"):
                return density(x)

        return log_density

    def make_expansion(*_: int) -> Any:
        return lambda x: {"x": np.array(x)}

    def first(seed: int) -> FloatArray:
        return start + np.random.default_rng(seed).uniform(-0.5, 0.5, size)

    model = from_pyfunc(
        size, make_log_density, make_expansion, [np.dtype("float64")], [(size,)], ["x"], make_initial_point_fn=first
    )
    begun = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trace = nutpie.sample(
            model, draws=draws, tune=tune, chains=chains, cores=1, seed=seed, target_accept=target_accept,
            progress_bar=False, save_warmup=False,
        )  # fmt: skip
    seconds = time.perf_counter() - begun
    found = np.asarray(trace.posterior["x"].values, dtype=float)
    return found, int(trace.sample_stats["diverging"].values.sum()), seconds


def _nutpie() -> Any:
    try:
        with warnings.catch_warnings():
            # What it brings announces changes of its own on import.
            warnings.simplefilter("ignore")
            import nutpie
    except ImportError as error:
        raise MissingExtra("nutpie", "nuts", "sampling a posterior") from error
    return nutpie


def _priors(posterior: PairPosterior | NetworkPosterior | ArmPosterior) -> tuple[str, ...]:
    from equipoise.synthesis.bayes.pair import PairPosterior

    if not isinstance(posterior, PairPosterior):
        return tuple(line for line in posterior.notes if line.startswith(("Likelihood:", "Priors:")))
    tau = posterior.heterogeneity_prior
    first = "no heterogeneity" if tau is None else f"τ {tau.describe()}"
    return (f"Priors: {first}; effect {posterior.effect_prior.describe()}.",)
