"""The Python script that runs the analysis again."""

from __future__ import annotations

from collections.abc import Sequence

from equipoise import __version__
from equipoise.cli.network.analysis import Settings
from equipoise.cli.network.columns import Reading
from equipoise.cli.network.outcomes import Second
from equipoise.cli.network.part import Part

DATA = "data.csv"
"""The table beside the script: the columns used, cleaned."""
SECOND = "second.csv"
"""The second outcome's."""

_HEAD = '''"""Network meta-analysis of {source!a}: run with `python analysis.py`, it prints what summary.txt holds.

Every table of the folder `tables` is the `.to_frame()` of a variable here. Made by equipoise {version}; the data are
beside this script.
"""

{imports}

'''

_READ = """with (Path(__file__).parent / "{file}").open(encoding="utf-8", newline="") as file:
    {rows} = list(csv.DictReader(file))
"""

_DATA = "{data} = {{name: [row[name] or None for row in {rows}] for name in {rows}[0]}}\n"

_TABLE = """{network} = eq.Network.{maker}(
    {data},
{arguments}
)
"""

_FIT = """fit = network.fit(
    model={model!r},
    method={method!r},
    reference={reference!r},
    ci={ci!r},
    level={level!r},
)
ranking = fit.ranking(smaller_is_better={smaller_is_better!r})
league = fit.league("direct", order=ranking.order)
inconsistency = fit.inconsistency()
split = fit.split()
contributions = fit.contributions({contributions!r})
"""

_MAIN = ("fit.summary()", "ranking.summary()", "inconsistency.summary()", "split.summary()")


def reproducing_script(
    source: str, reading: Reading, settings: Settings, parts: Sequence[Part] = (), second: Second | None = None
) -> str:
    """A script that needs nothing but equipoise and the cleaned tables beside it."""
    body = _network(reading, settings.measure, DATA, "rows", "data", "network")
    body += _FIT.format(
        model=settings.model,
        method=settings.method,
        reference=settings.reference,
        ci=settings.ci,
        level=settings.level,
        smaller_is_better=settings.smaller_is_better,
        contributions=settings.contributions,
    )
    if second is not None:
        body += "\n" + _network(
            second.reading, second.settings.measure, SECOND, "second_rows", "second_data", "second_network"
        )
    done = [part for part in parts if part.code]
    body += "".join(f"\n{part.code}\n" for part in done)
    printed = [*_MAIN, *(expression for part in done for expression, _ in part.texts)]
    body += "\n" + "print()\n".join(f"print({expression})\n" for expression in printed)
    return _HEAD.format(source=source, version=__version__, imports=_imports(done)) + body


def _network(reading: Reading, measure: str, file: str, rows: str, data: str, network: str) -> str:
    """The lines that read a table and make its network."""
    text = _READ.format(file=file, rows=rows) + _DATA.format(data=data, rows=rows)
    columns = {role: name for role, name in reading.columns.items() if role != "risk_of_bias"}
    maker = f"from_{reading.form}"
    arguments = "\n".join(f"    {role}={name!r}," for role, name in {**columns, "measure": measure}.items())
    return text + _TABLE.format(maker=maker, arguments=arguments, data=data, network=network)


def _imports(parts: Sequence[Part]) -> str:
    """The import statements, names of one module together."""
    found: dict[str, set[str]] = {}
    for line in (line for part in parts for line in part.imports):
        module, _, name = line.removeprefix("from ").partition(" import ")
        found.setdefault(module, set()).add(name)
    ours = []
    for module, names in sorted(found.items()):
        joined = f"from {module} import {', '.join(sorted(names))}"
        if len(joined) > 100:
            joined = f"from {module} import (\n" + "".join(f"    {name},\n" for name in sorted(names)) + ")"
        ours.append(joined)
    return "\n".join(["import csv", "from pathlib import Path", "", "import equipoise as eq", *ours])
