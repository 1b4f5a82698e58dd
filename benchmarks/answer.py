"""How long a whole `equipoise answer` takes, beside the start of Python with NumPy and SciPy: ratios on one machine.

Run: python benchmarks/answer.py [REPEATS]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from statistics import median

QUESTION = "Does valbenazine help with tardive dyskinesia?"


def seconds(command: list[str], repeats: int) -> float:
    """The median wall time of a command, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return median(times)


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    call = "from equipoise.cli import main; main()"
    with tempfile.TemporaryDirectory() as out:
        rows = {
            "Python with NumPy and SciPy": [sys.executable, "-c", "import numpy, scipy.linalg, scipy.special"],
            "equipoise --help": [sys.executable, "-c", call, "--help"],
            "equipoise answer": [sys.executable, "-c", call, "answer", QUESTION, "--out", out],
        }
        base = 0.0
        for name, command in rows.items():
            took = seconds(command, repeats)
            base = base or took
            print(f"{name:30} {took:6.3f} s   {took / base:5.2f} ×")


if __name__ == "__main__":
    main()
