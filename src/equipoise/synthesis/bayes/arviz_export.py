"""Posteriors as ArviZ data, for its plots and diagnostics (Kumar et al. 2019, J Open Source Softw 4(33):1143)."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Protocol

from equipoise.errors import DataError, MissingExtra
from equipoise.frames import FloatArray
from equipoise.synthesis.bayes.nuts_result import SampledPosterior

if TYPE_CHECKING:
    from equipoise.synthesis.bayes.pair import PairPosterior

_CHAINS = 4
"""Independent draws are told as so many chains: with a single one, diagnostics have nothing to compare."""


class NetworkDraws(Protocol):
    """A network's posterior that draws can be taken from."""

    @property
    def treatments(self) -> tuple[str, ...]: ...
    @property
    def subnetworks(self) -> tuple[tuple[str, ...], ...]: ...
    @property
    def model(self) -> Any: ...
    def references(self) -> tuple[str, ...]: ...
    def draws(self, n: int, seed: int = 0) -> tuple[FloatArray, FloatArray]: ...


def to_arviz(posterior: NetworkDraws | PairPosterior | SampledPosterior, draws: int = 4000, seed: int = 0) -> Any:
    """The posterior as ArviZ holds one: ``InferenceData`` before its version 1, a ``DataTree`` since.

    Variables: ``tau`` (with several subnetworks, one each; none for a common effect) and ``effect``, of every treatment
    against its subnetwork's reference, analysis scale; ``mu`` for one comparison. An exact posterior gives ``draws``
    independent draws, rounded up to a multiple of four, as four chains; chains that were sampled stay as they are, and
    ``draws`` and ``seed`` aren't used.

    Raises ``MissingExtra`` without ArviZ.
    """
    arviz = _arviz()
    coords: dict[str, Any] = {}
    dims: dict[str, list[str]] = {}
    if isinstance(posterior, SampledPosterior):
        tau, effects = posterior.tau_draws, posterior.effect_draws
        references: tuple[str, ...] = (posterior.reference,)
    else:
        if draws < 1:
            raise DataError(f"draws={draws}: at least one is needed")
        each = -(-draws // _CHAINS)
        tau, effects = (a.reshape(_CHAINS, each, *a.shape[1:]) for a in posterior.draws(each * _CHAINS, seed))
        references = () if effects.ndim == 2 else posterior.references()  # type: ignore[union-attr]
    variables: dict[str, FloatArray] = {}
    if posterior.model != "common":
        variables["tau"] = tau
        if tau.ndim == 3:
            coords["subnetwork"] = [f"{part[0]}, …" for part in posterior.subnetworks]  # type: ignore[union-attr]
            dims["tau"] = ["subnetwork"]
    if effects.ndim == 2:
        variables["mu"] = effects
    else:
        names = posterior.treatments  # type: ignore[union-attr]
        kept = [i for i, name in enumerate(names) if name not in references]
        variables["effect"] = effects[..., kept]
        coords["treatment"] = [names[i] for i in kept]
        dims["effect"] = ["treatment"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if hasattr(arviz, "InferenceData"):
            return arviz.from_dict(posterior=variables, coords=coords, dims=dims)
        return arviz.from_dict({"posterior": variables}, coords=coords, dims=dims)


def _arviz() -> Any:
    try:
        with warnings.catch_warnings():
            # Its 0.x versions announce those to come on import.
            warnings.simplefilter("ignore")
            import arviz
    except ImportError as error:
        raise MissingExtra("arviz", "arviz", "ArviZ data of a posterior") from error
    return arviz
