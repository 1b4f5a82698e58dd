"""Posterior densities beside their priors, and how much a posterior depends on the prior."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import DataError
from equipoise.figures import numerals, style
from equipoise.figures.effect_axis import EffectScale, effect_scale, limits, set_effect_axis, straight
from equipoise.figures.network.scale import name_of
from equipoise.synthesis.bayes.network_posterior import NetworkPosterior
from equipoise.synthesis.bayes.pair import PairPosterior
from equipoise.synthesis.bayes.prior_sensitivity import PriorSensitivity
from equipoise.synthesis.measures.scale import IDENTITY, LOG
from equipoise.synthesis.network.tables import RATIO_MEASURES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from equipoise.synthesis.bayes.arm_level.posterior import ArmPosterior
    from equipoise.synthesis.bayes.priors import Prior

FloatArray = NDArray[np.float64]

_COLUMNS = (1.55, 1.72, 1.92)
"""Right ends of the columns beside the axes, in their widths."""


@dataclass(frozen=True)
class _Shown:
    """What a posterior shows: the scale of effects, distributions, and priors (None: not drawn)."""

    scale: EffectScale
    label: str
    level: float
    effect: Any
    new_effect: Any
    effect_prior: Callable[[FloatArray], FloatArray] | None
    tau: Any
    heterogeneity: Prior | None


def posterior_density(
    result: PairPosterior | NetworkPosterior | ArmPosterior,
    quantity: Literal["effect", "tau"] = "effect",
    *,
    treatment: str | None = None,
    comparator: str | None = None,
    xlim: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The posterior density of an effect, with that of the effect in a new study, or of τ; each with its prior.

    Of networks, the effect of ``treatment`` against ``comparator`` (the reference when not said); in a network of
    several parts, τ is that of the part with ``treatment``. The interval between equal tails is filled. Densities are
    per unit of the scale of pooling, effects on the axis natural; τ is on the scale of pooling. ``xlim`` are the values
    on the axis. A flat prior is not drawn, nor that of effects between arms with their own likelihood.

    Raises ``DataError`` for τ of a common effect and unknown treatments, ``MissingExtra`` without matplotlib.
    """
    if quantity not in ("effect", "tau"):
        raise DataError(f"quantity = {quantity!r}: say effect or tau")
    shown = _shown(result, treatment, comparator, quantity)
    if quantity == "effect":
        return _effect(shown, xlim, ax)
    if shown.heterogeneity is None:
        raise DataError("a common-effect posterior has no density of τ: it is 0")
    ax = style.new_axes(5.6, 3.6, ax)
    low, high = (0.0, 1.2 * float(shown.tau.quantile(0.995))) if xlim is None else xlim
    grid = np.linspace(low, high, 601)
    grid[0] = max(grid[0], 1e-6 * high)
    density = shown.tau.pdf(grid)
    prior = np.exp(shown.heterogeneity.logpdf(grid)) if shown.heterogeneity.proper else None
    _curves(ax, grid, density, grid, prior, shown.tau.interval(shown.level), shown.level)
    ax.set_xlim(low, high)
    # Some priors grow without bound towards 0; the posterior sets the height.
    inner = density[len(grid) // 60 :]
    ax.set_ylim(0.0, 1.15 * max(float(inner.max()), float(min(density[0], 2.0 * inner.max()))))
    style.plain(ax)
    style.label_axes(ax, f"Heterogeneity τ ({'log ' if shown.scale.log else ''}{shown.label})", "Density")
    style.legend(ax)
    return ax


def _shown(
    result: PairPosterior | NetworkPosterior | ArmPosterior,
    treatment: str | None,
    comparator: str | None,
    quantity: str,
) -> _Shown:
    if isinstance(result, PairPosterior):
        if treatment is not None or comparator is not None:
            raise DataError("treatment and comparator belong to networks: leave them out")
        proper = result.effect_prior.proper
        return _Shown(
            straight(effect_scale(result.measure, result.label, result.scale)), result.label.lower(), result.level,
            result.effect, None if result.model == "common" else result.new_effect,
            (lambda x: np.exp(result.effect_prior.logpdf(x))) if proper else None,
            result.tau, result.heterogeneity_prior,
        )  # fmt: skip
    several = len(result.subnetworks) > 1
    if treatment is None and (quantity == "effect" or several):
        raise DataError(f"say which effect: treatment= one of {', '.join(result.treatments)}")
    part = next((k for k, members in enumerate(result.subnetworks) if treatment in members), 0)
    tau = result.taus[part] if result.heterogeneity is not None else None
    log = result.measure in RATIO_MEASURES
    scale = effect_scale(result.measure, name_of(result.measure), LOG if log else IDENTITY)
    if quantity == "tau":
        return _Shown(scale, scale.label.lower(), result.level, None, None, None, tau, result.heterogeneity)
    assert treatment is not None  # refused above
    base = result.reference if comparator is None else comparator
    random = result.heterogeneity is not None
    prior = result.prior_of(treatment, base) if isinstance(result, NetworkPosterior) else None
    return _Shown(
        replace(scale, label=f"{scale.label}, {treatment} against {base}"), scale.label.lower(), result.level,
        result.contrast(treatment, base), result.predict(treatment, base) if random else None,
        None if prior is None else prior.pdf,
        tau, result.heterogeneity,
    )  # fmt: skip


def _effect(result: _Shown, xlim: tuple[float, float] | None, ax: Axes | None) -> Axes:
    ax = style.new_axes(6.0, 3.6, ax)
    shown = result.scale
    if xlim is None:
        ends = result.effect.quantile(np.array([0.0005, 0.9995]))
        if result.new_effect is not None:
            wide = result.new_effect.quantile(np.array([0.01, 0.99]))
            ends = np.array([min(ends[0], wide[0]), max(ends[1], wide[1])])
        if np.isfinite(shown.null):
            null = float(shown.position(shown.null))
            ends = np.array([min(ends[0], null), max(ends[1], null)])
        ends = ends + np.array([-0.05, 0.05]) * np.ptp(ends)
    else:
        ends = shown.position(np.array(xlim))
    grid = np.linspace(float(ends[0]), float(ends[1]), 601)
    natural = shown.natural(grid)
    density = result.effect.pdf(grid)
    prior = None if result.effect_prior is None else result.effect_prior(grid)
    _curves(ax, natural, density, grid, prior, result.effect.interval(result.level), result.level)
    if result.new_effect is not None:
        ax.plot(natural, result.new_effect.pdf(grid), color=style.ORANGE, linewidth=1.4, label="Effect in a new study")
    if np.isfinite(shown.null):
        ax.axvline(shown.null, color=style.INK, linewidth=0.8, zorder=0.5)
    style.plain(ax)
    set_effect_axis(ax, shown, float(natural[0]), float(natural[-1]), 3.8, style.SIZE)
    ax.set_ylim(0.0, 1.12 * float(max(density.max(), 0.0 if prior is None else prior.max())))
    style.label_axes(ax, shown.title, "Density")
    style.legend(ax)
    return ax


def _curves(
    ax: Axes,
    x: FloatArray,
    density: FloatArray,
    grid: FloatArray,
    prior: FloatArray | None,
    interval: tuple[float, float],
    level: float,
) -> None:
    inside = (grid >= interval[0]) & (grid <= interval[1])
    ax.fill_between(
        x, 0.0, density, where=inside.tolist(), facecolor=style.BLUE, alpha=0.18, edgecolor="none",
        label=f"{100 * level:g}% credible interval",
    )  # fmt: skip
    ax.plot(x, density, color=style.BLUE, linewidth=1.8, label="Posterior")
    if prior is not None:
        ax.plot(x, prior, color=style.MUTED, linewidth=1.2, linestyle=(0, (4, 3)), label="Prior")


def prior_sensitivity(
    result: PriorSensitivity, *, xlim: tuple[float, float] | None = None, ax: Axes | None = None
) -> Axes:
    """The mean effect under each prior: estimate and interval (bold), prediction interval (thin), τ and a probability.

    ``xlim`` are natural values. Raises ``MissingExtra`` without matplotlib.
    """
    fits = list(result.posteriors.values())
    if ax is None:
        # Fixed places: names to the left of the axes, three columns of numbers to the right.
        left, width, height = 0.3 + 0.07 * max(map(len, result.posteriors)), 2.7, 0.3 * len(fits)
        size = (left + width + 2.6, height + 1.0)
        ax = style.new_axes(*size, arranged=False)
        ax.set_position((left / size[0], 0.62 / size[1], width / size[0], height / size[1]))
    first = fits[0]
    shown = effect_scale(first.measure, first.label, first.scale)
    ends = np.array([[fit.estimate, *fit.ci, *fit.prediction] for fit in fits])
    natural = np.stack([_natural(shown, row, first) for row in ends])
    known = natural[:, [1, 2, 3, 4]]
    if xlim is None:
        xlim = limits(shown, natural[:, 0], natural[:, 1], natural[:, 2], known[np.isfinite(known)])
    digits = numerals.digits_for(np.array([fit.se for fit in fits]), shown.log)
    for row, (name, fit) in enumerate(result.posteriors.items()):
        y = len(fits) - 1 - row
        estimate, low, high, far_low, far_high = natural[row]
        if np.isfinite(far_low):
            ax.plot([far_low, far_high], [y, y], color=style.ORANGE, linewidth=1.4, solid_capstyle="butt", zorder=1)
        ax.plot([low, high], [y, y], color=style.BLUE, linewidth=3.2, solid_capstyle="butt", zorder=2)
        ax.plot([estimate], [y], marker="o", color=style.INK, markersize=4.5, zorder=3)
        text = [
            f"{numerals.decimal(estimate, digits)} [{numerals.decimal(low, digits)}, {numerals.decimal(high, digits)}]",
            numerals.decimal(fit.tau.median, 2), numerals.decimal(result.probability_below(name), 3),
        ]  # fmt: skip
        for place, words in zip(_COLUMNS, text, strict=True):
            _beside(ax, place, y, words)
    threshold = float(_natural(shown, np.array([result.threshold]), first)[0])
    # The heading names the threshold as the axis shows it.
    for place, words in zip(
        _COLUMNS, (f"{shown.short} [{100 * first.level:g}% CrI]", "τ", f"P(< {threshold:.3g})"), strict=True
    ):
        _beside(ax, place, len(fits) - 0.1, words, "bold")
    if np.isfinite(shown.null):
        ax.axvline(shown.null, color=style.INK, linewidth=0.8, zorder=0.5)
    ax.set_ylim(-0.6, len(fits) - 0.4)
    ax.set_yticks(range(len(fits)), list(result.posteriors)[::-1])
    style.plain(ax)
    set_effect_axis(ax, shown, *xlim, 3.2, style.SIZE)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel(shown.title, fontproperties=style.font(), color=style.INK, labelpad=5)
    return ax


def _natural(shown: EffectScale, values: FloatArray, fit: PairPosterior) -> FloatArray:
    return shown.scale.natural(values, fit.sizes)


def _beside(ax: Axes, x: float, y: float, text: str, weight: str = "normal") -> None:
    """Text to the right of the axes, ending at ``x`` in their widths."""
    ax.text(
        x, y, text, transform=ax.get_yaxis_transform(), ha="right", va="center", color=style.INK,
        fontproperties=style.font(style.SIZE, weight),
    )  # fmt: skip
