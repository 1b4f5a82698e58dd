"""Write the networks of tests/synthesis/bayes/network_data.py as JSON for long_chains.R: ``python write_networks.py OUT``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2] / "tests" / "synthesis"
sys.path[:0] = [str(TESTS / "bayes"), str(TESTS / "network")]

from network_data import TABLES  # noqa: E402
from network_datasets import parkinson, senn  # noqa: E402


def main() -> None:
    networks: dict[str, object] = {
        name: asdict(table) | {"treatments": table.treatments} for name, table in TABLES.items()
    }
    for name, network, publication, reference in (
        ("senn", senn(), "Senn et al. 2013, Stat Methods Med Res 22:169", "plac"),
        ("parkinson_contrasts", parkinson(), "NICE DSU TSD 2, example 7", "A"),
    ):
        networks[name] = {
            "name": name,
            "publication": publication,
            "likelihood": "contrasts",
            "link": "identity",
            "treatments": [reference, *(t for t in network.treatments if t != reference)],
            "studies": [
                {
                    "treatments": study.treatments,
                    "contrasts": study.estimates.tolist(),
                    "covariance": study.covariance.tolist(),
                }
                for study in network.studies
            ],
        }
    Path(sys.argv[1]).write_text(json.dumps(networks, ensure_ascii=False, indent=1), encoding="utf-8")


main()
