"""The Python script that runs the analysis again."""

from __future__ import annotations

from equipoise import __version__
from equipoise.cli.network.analysis import Settings
from equipoise.cli.network.columns import Reading

DATA = "data.csv"
"""The table beside the script: the columns used, cleaned."""

_HEAD = '''"""Network meta-analysis of {source!a}: run with `python analysis.py`, it prints what summary.txt holds.

Made by equipoise {version}. The table is {data}, beside this script.
"""

import csv
{imports}
import equipoise as eq

with (Path(__file__).parent / "{data}").open(encoding="utf-8", newline="") as file:
    rows = list(csv.DictReader(file))
'''

_TABLE = """data = {{name: [row[name] or None for row in rows] for name in rows[0]}}

network = eq.Network.{maker}(
    data,
{arguments}
)
"""

_BASELINE = """
# One row an arm, each against its study's baseline arm, whose own standard error is squared the covariance.
studies = []
for study in dict.fromkeys(row[{study!r}] for row in rows):
    arms = [row for row in rows if row[{study!r}] == study]
    baseline = next(row for row in arms if not row[{estimate!r}])
    others = [row for row in arms if row is not baseline]
    covariance = np.full((len(others), len(others)), float(baseline[{se!r}] or 0) ** 2)
    np.fill_diagonal(covariance, [float(row[{se!r}]) ** 2 for row in others])
    treatments = tuple(row[{treatment!r}] for row in [baseline, *others])
    estimates = np.array([float(row[{estimate!r}]) for row in others])
    studies.append(StudyContrasts(study, treatments, estimates, covariance))
network = eq.Network.from_studies(studies, measure={measure!r})
"""

_TAIL = """fit = network.fit(
    model={model!r},
    method={method!r},
    reference={reference!r},
    ci={ci!r},
    level={level!r},
)
ranking = fit.ranking(smaller_is_better={smaller_is_better!r})
league = fit.league("direct", order=ranking.order)

print(fit.summary())
print()
print(ranking.summary())
print()
print(fit.inconsistency().summary())
print()
print(fit.split().summary())
"""


def reproducing_script(source: str, reading: Reading, settings: Settings) -> str:
    """A script that needs nothing but equipoise and the cleaned table beside it."""
    columns = {role: name for role, name in reading.columns.items() if role != "risk_of_bias"}
    if reading.form == "baseline":
        body = _BASELINE.format(measure=settings.measure, **columns)
        imports = "from pathlib import Path\n\nimport numpy as np\n"
    else:
        maker = "from_arms" if reading.form == "arms" else "from_contrasts"
        arguments = "\n".join(
            f"    {role}={name!r}," for role, name in {**columns, "measure": settings.measure}.items()
        )
        body = _TABLE.format(maker=maker, arguments=arguments)
        imports = "from pathlib import Path\n"
    head = _HEAD.format(source=source, version=__version__, imports=imports, data=DATA)
    if reading.form == "baseline":
        head = head.replace(
            "import equipoise as eq\n",
            "import equipoise as eq\nfrom equipoise.synthesis.network import StudyContrasts\n",
        )
    tail = _TAIL.format(
        model=settings.model,
        method=settings.method,
        reference=settings.reference,
        ci=settings.ci,
        level=settings.level,
        smaller_is_better=settings.smaller_is_better,
    )
    return head + body + tail
