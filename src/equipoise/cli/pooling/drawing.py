"""The figures of a run, drawn and written one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from equipoise.cli.pooling import names
from equipoise.cli.pooling.analysis import Analysis, study_values
from equipoise.cli.pooling.roles import Roles
from equipoise.cli.pooling.textfile import TextFile
from equipoise.errors import DataError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUBSETS = 1 << 18
INVERSE_VARIANCE = {"baujat", "influence", "leave-one-out", "cumulative"}


def draw(
    wanted: Sequence[str], done: Analysis, roles: Roles, table: TextFile, folder: Path,
    groups: tuple[str, str] | None, favours: tuple[str, str] | None, status: Any,
) -> tuple[tuple[str, ...], list[Path], list[str]]:  # fmt: skip
    """The names of the figures drawn, their files, and "name: reason" for those that can't be.

    A figure that the data don't allow (a L'Abbé plot of means, influence with two studies) isn't an error.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    from equipoise.figures.writing import write

    drawn: list[str] = []
    paths: list[Path] = []
    reasons: list[str] = []
    for name in wanted:
        status.update(f"Drawing {name}")
        try:
            ax = _figure(name, done, roles, table, groups, favours)
        except DataError as error:
            reasons.append(f"{name}: {error}")
            continue
        paths += write(ax, folder / name)
        plt.close(ax.get_figure(root=True))
        drawn.append(name)
    return tuple(drawn), paths, reasons


def _figure(
    name: str, done: Analysis, roles: Roles, table: TextFile, groups: tuple[str, str] | None,
    favours: tuple[str, str] | None,
) -> Axes:  # fmt: skip
    from equipoise import figures
    from equipoise.synthesis.pairwise.event_counts import COUNT_METHODS

    fit, effects = done.fit, done.effects
    y, v = fit.estimates, fit.variances
    method = fit.method if fit.model == "random" else "CE"
    if name in INVERSE_VARIANCE and (fit.method in COUNT_METHODS or fit.model not in {"random", "common"}):
        how = fit.method if fit.method in COUNT_METHODS else fit.model
        raise DataError(f"it pools by inverse variance, which {how} doesn't; choose another --method for it")
    options: dict[str, Any] = {"method": method, "ci": fit.ci_method, "studies": fit.studies}

    def series(kind: str) -> Axes:
        from equipoise.synthesis.pairwise.cumulative import cumulative
        from equipoise.synthesis.pairwise.leave_one_out import leave_one_out

        if kind == "cumulative":
            found = cumulative(y, v, _years(table, roles, fit.studies), level=fit.level, **options)
        else:
            found = leave_one_out(y, v, level=fit.level, **options)
        return figures.series(found, fit, favours=favours)

    def baujat() -> Axes:
        from equipoise.synthesis.pairwise.baujat import baujat

        return figures.baujat(baujat(y, v, method=method, studies=fit.studies))

    def influence() -> Axes:
        from equipoise.synthesis.pairwise.influence import influence

        return figures.influence(influence(y, v, **options))

    def gosh() -> Axes:
        from equipoise.synthesis.pairwise.gosh import gosh

        return figures.gosh(gosh(y, v, method="CE", subsets=SUBSETS, studies=fit.studies), fit)

    known: dict[str, Callable[[], Axes]] = {
        "forest": lambda: figures.forest(done.subgroups or fit, effects, groups=groups, favours=favours),
        "funnel": lambda: figures.funnel(fit),
        "radial": lambda: figures.radial(fit),
        "drapery": lambda: figures.drapery(fit),
        "labbe": lambda: figures.labbe(fit, effects, groups=groups),
        "baujat": baujat,
        "influence": influence,
        "leave-one-out": lambda: series("leave-one-out"),
        "cumulative": lambda: series("cumulative"),
        "gosh": gosh,
    }
    return known[name]()


def _years(table: TextFile, roles: Roles, studies: Sequence[str]) -> list[float]:
    """The studies' years; raises ``DataError`` without a column of them."""
    plain = {names.plain(name): name for name in table.columns}
    column = next((plain[names.plain(word)] for word in names.YEAR if names.plain(word) in plain), None)
    if column is None or not table.is_numeric(column):
        raise DataError(f"the order of studies isn't known; {table.path} has no column 'year'")
    values = study_values(table, roles, column, studies)
    for study, value in zip(studies, values, strict=True):
        if value == "":
            raise DataError(f"{study} has no {column}")
    return [float(value) for value in values]
