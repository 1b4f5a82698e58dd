"""How long `equipoise check` takes for a review with a table of 100,000 arms: the whole process, best of five.

python benchmarks/check.py [ROWS]
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from equipoise.review.model import TABLES
from equipoise.review.writing import table_text, write_files

ARMS = 5
"""Arms a study."""
REVIEW = """\
title = "A very large review"

[question]
text = "Which of many treatments helps?"
population = "Everybody"

[condition]
name = "wobble"

[[analysis]]
outcome = "severity"
measure = "MD"
primary = true
"""


def folder(directory: Path, rows: int) -> None:
    """A review of ``rows`` arms without a problem: numbers differ from row to row, as in a real table."""
    draw = random.Random(1)
    treatments = ["placebo", *(f"treatment {i}" for i in range(1, 200))]
    source = {"source_url": "https://example.org/trial", "source_kind": "full-text", "source_quality": "primary"}
    studies = [f"trial{i:05d}" for i in range(-(-rows // ARMS))]
    tables = {
        "outcomes": [
            {"outcome": "severity", "label": "Severity", "kind": "benefit", "type": "continuous", "scales": "scale"}
            | {"lower_is_better": "true"}
        ],
        "interventions": [{"name": name, "node": name, "role": "conventional"} | source for name in treatments],
        "studies": [{"study_id": id_, "citation": f"{id_}, 2001", "title": id_} | source for id_ in studies],
        "arms": [
            {
                "study_id": studies[row // ARMS],
                "outcome": "severity",
                "scale": "scale",
                "timepoint_weeks": "12",
                "treatment": treatments[(row // ARMS + row % ARMS) % 200],
                "dose": f"{draw.randint(1, 99)} mg",
                "n": str(draw.randint(10, 400)),
                "mean": f"{draw.gauss(0, 3):.3f}",
                "sd": f"{draw.uniform(1, 5):.3f}",
                "change_from_baseline": "true",
                "lower_is_better": "true",
                "note": f"row {row}, as printed in table 2",
                **source,
                "source_url": f"https://example.org/trials/{row // ARMS}",
            }
            for row in range(rows)
        ],
    }
    files = {"review.toml": REVIEW}
    for name, filled in tables.items():
        columns = TABLES[name].columns()
        files[f"{name}.csv"] = table_text(columns, ([row.get(column, "") for column in columns] for row in filled))
    write_files(directory, files)


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as place:
        folder(Path(place), rows)
        size = (Path(place) / "arms.csv").stat().st_size / 1e6
        command = [sys.executable, "-c", "from equipoise.cli import main; main()", "check", place]
        times = []
        for _ in range(5):
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            times.append(time.perf_counter() - start)
    print(f"equipoise check, arms.csv of {rows:,} rows ({size:.0f} MB): {min(times):.2f} s")


if __name__ == "__main__":
    main()
