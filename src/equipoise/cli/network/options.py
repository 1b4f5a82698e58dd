"""The options of `equipoise nma`, in groups as its help shows them, and what their values mean."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

MEASURES = ("OR", "RR", "RD", "ASD", "HR", "MD", "SMD", "ROM", "IRR", "IRD", "IRSD")
RATIOS = ("OR", "RR", "HR", "ROM", "IRR")
LIKELIHOODS = ("mantel-haenszel", "hypergeometric", "penalised")
SHAPES = ("linear", "log", "quadratic", "exponential", "spline", "emax")
FORMATS = ("svg", "pdf", "png")

COLUMN_HELP = {
    "study": "The study's label.",
    "treatment": "The treatment (the first one, if each row compares two).",
    "comparator": "The second treatment.",
    "events": "Participants with the event.",
    "n": "Participants.",
    "mean": "Means.",
    "sd": "Standard deviations.",
    "se": "Standard errors.",
    "time": "Person-time, or follow-up time.",
    "estimate": "Estimates, first treatment minus second; ratios as logarithms.",
    "comparator_se": "The comparator arm's own standard error.",
    "n_treatment": "The first treatment's participants.",
    "n_comparator": "The second treatment's participants.",
    "risk_of_bias": "Risk of bias: low, some concerns or high.",
}
"""By role, what its column holds."""

Decorator = Callable[[Any], Any]

ANALYSIS: tuple[Decorator, ...] = (
    click.option(
        "--measure", metavar="MEASURE", help=f"Effect measure: {', '.join(MEASURES)} [default: what the columns suggest]."
    ),
    click.option(
        "--reference", metavar="TREATMENT", help="What the others are compared with [default: a placebo or control]."
    ),
    click.option(
        "--smaller-is-better/--larger-is-better", "smaller", default=None,
        help="Which way treatments are ranked [default: smaller values are better].",
    ),
    click.option(
        "--important-difference", type=float, metavar="X",
        help="The smallest difference that matters, for the categories and the probability of being better by it. For a "
        "ratio say the ratio: 1.25 and 0.8 mean the same [default: any difference].",
    ),
    click.option(
        "--model", type=click.Choice(["random", "common"]), default="random", show_default=True, help="Effects."
    ),
    click.option(
        "--method", type=click.Choice(["REML", "DL", "ML"], case_sensitive=False), default="REML", show_default=True,
        help="How tau² is estimated (netmeta's default is DL).",
    ),
    click.option(
        "--ci", type=click.Choice(["normal", "t", "hksj"]), default="normal", show_default=True, help="Intervals."
    ),
    click.option("--level", type=float, default=95.0, show_default=True, help="Of confidence, in per cent."),
    click.option(
        "--contributions", type=click.Choice(["random-walk", "shortest-path"]), default="random-walk", show_default=True,
        help="How evidence is split into paths for the contributions.",
    ),
)  # fmt: skip
FURTHER: tuple[Decorator, ...] = (
    click.option(
        "--moderator", "moderators", multiple=True, metavar="COLUMN",
        help="Network meta-regression on this column, numbers or categories; may be repeated.",
    ),
    click.option(
        "--by", "subgroups", multiple=True, metavar="COLUMN",
        help="A network for each value of this column, and a test of their difference; may be repeated.",
    ),
    click.option(
        "--components", "separator", is_flag=False, flag_value="+", metavar="[SIGN]",
        help="Component model of treatments such as 'A + B'; SIGN joins the components [default: +].",
    ),
    click.option(
        "--inactive", metavar="COMPONENT",
        help="The component without effect [default: the reference, if by its name it is a placebo or no treatment].",
    ),
    click.option(
        "--interaction", "interactions", multiple=True, metavar="'A*B'",
        help="Components whose combination may differ from their sum, joined by *; may be repeated.",
    ),
    click.option("--dose", metavar="COLUMN", help="Dose–response curves by this column of doses, 0 for placebo."),
    click.option("--agent", metavar="COLUMN", help="With --dose: the drug, whatever its dose [default: agent or drug]."),
    click.option(
        "--dose-shape", "shape", type=click.Choice(SHAPES),
        help="Of the curves [default: the one of linear, log and emax with the smallest AIC].",
    ),
    click.option(
        "--forward-search", is_flag=True,
        help="Outliers by a network that grows study by study from some that agree; takes a while when there are many.",
    ),
    click.option(
        "--likelihood", type=click.Choice(LIKELIHOODS),
        help="Few events: odds ratios also by a model that needs no normal approximation.",
    ),
    click.option(
        "--second", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="DATA2",
        help="A second outcome's table (harms, say): benefit–harm plane and league table of both.",
    ),
    click.option("--second-measure", metavar="MEASURE", help="Its effect measure [default: what its columns suggest]."),
    click.option(
        "--second-smaller-is-better/--second-larger-is-better", "second_smaller", default=None,
        help="Which way it counts [default: smaller values are better].",
    ),
    click.option(
        "--outcomes", metavar="NAME,NAME", help="What the two outcomes are called [default: the names of the files]."
    ),
)  # fmt: skip
REPORT: tuple[Decorator, ...] = (
    click.option(
        "--out", type=click.Path(path_type=Path), help="Folder for the report [default: nma/NAME OF DATA]."
    ),
    click.option(
        "--figures", "endings", default="svg", show_default=True, metavar="FORMATS",
        help="Files of the figures: svg, pdf, png, several with commas, or none. SVG is in the report anyway and is "
        "quick; for print: svg,pdf,png.",
    ),
    click.option("--overwrite", is_flag=True, help="Write into a folder that holds other files."),
)  # fmt: skip
COLUMNS: tuple[Decorator, ...] = tuple(
    click.option("--" + role.replace("_", "-"), f"column_{role}", metavar="COLUMN", help=text)
    for role, text in COLUMN_HELP.items()
)
GROUPS = {
    "The analysis": ANALYSIS,
    "Further analyses": FURTHER,
    "The report": REPORT,
    "Columns whose names don't tell": COLUMNS,
}


class GroupedCommand(click.Command):
    """A command whose help shows its options in groups, in the order they were added."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        shown = [parameter for parameter in self.get_params(ctx) if isinstance(parameter, click.Option)]
        start = 0
        for title, group in [*GROUPS.items(), ("Help", (None,))]:
            records = [option.get_help_record(ctx) for option in shown[start : start + len(group)]]
            start += len(group)
            with formatter.section(title):
                formatter.write_dl([record for record in records if record is not None])


def add_options(function: Any) -> Any:
    """The function with the options of all groups."""
    for option in reversed([option for options in GROUPS.values() for option in options]):
        function = option(function)
    return function


def measure_of(asked: str | None, default: str | None, option: str = "--measure") -> str:
    """The measure asked for, or the default; raises click's usage errors."""
    if asked is None:
        if default is None:
            raise click.UsageError(
                f"the estimates' measure isn't in the table; say {option} with one of {', '.join(MEASURES)} "
                "(ratios as logarithms)"
            )
        return default
    plain = asked.upper().replace("LOG", "").strip(" _-")
    if plain not in MEASURES:
        raise click.BadParameter(f"{asked!r} isn't known; choose {', '.join(MEASURES)}", param_hint=option)
    return plain


def level_of(level: float) -> float:
    """The confidence level as a share, given in per cent or as a share."""
    share = level / 100.0 if level >= 1.0 else level
    if not 0.5 <= share < 1.0:
        raise click.BadParameter(f"{level:g} is not a confidence level; give 95, say", param_hint="--level")
    return share


def important_difference_of(value: float | None, measure: str) -> float:
    """The important difference on the analysis scale, at least 0; ratios are given as ratios, either way round."""
    if value is None:
        return 0.0
    if measure in RATIOS:
        if not 0 < value < math.inf or value == 1:
            raise click.BadParameter(
                f"{value:g} is no important {measure}; give the ratio that matters, 1.25 or 0.8, say",
                param_hint="--important-difference",
            )
        return abs(math.log(value))
    if not 0 < abs(value) < math.inf:
        raise click.BadParameter(
            f"{value:g} is no difference; give the smallest {measure} that matters, above 0",
            param_hint="--important-difference",
        )
    return abs(value)


def formats_of(text: str) -> tuple[str, ...]:
    """The formats of the figures, none for "none"."""
    wanted = [part.strip().lower().lstrip(".") for part in text.split(",") if part.strip()]
    if wanted == ["none"]:
        return ()
    unknown = [part for part in wanted if part not in FORMATS]
    if unknown or not wanted:
        raise click.BadParameter(
            f"{', '.join(unknown) or 'nothing'}: choose from {', '.join(FORMATS)}, or none", param_hint="--figures"
        )
    return tuple(dict.fromkeys(wanted))


def outcome_names(text: str | None, first: str, second: str) -> tuple[str, str]:
    """What the two outcomes are called."""
    if text is None:
        return first, second
    names = [name.strip() for name in text.split(",")]
    if len(names) != 2 or not all(names):
        raise click.BadParameter(f"{text!r}: give two names with a comma between them", param_hint="--outcomes")
    return names[0], names[1]


def command_line(context: click.Context, *more: str) -> str:
    """The command as it was given, to be copied, with ``more`` at its end."""
    words = ["equipoise", "nma"]
    for parameter in context.command.params:
        if parameter.name is None or context.get_parameter_source(parameter.name) is not _GIVEN:
            continue
        value = context.params[parameter.name]
        if isinstance(parameter, click.Argument):
            words.insert(2, str(value))
        elif isinstance(value, bool):
            words.append((parameter.opts if value else parameter.secondary_opts)[0])
        elif parameter.opts[0] not in more:
            for item in value if isinstance(value, tuple) else (value,):
                words += [parameter.opts[0], str(item)]
    return shlex.join([*words, *more])


_GIVEN = click.core.ParameterSource.COMMANDLINE
