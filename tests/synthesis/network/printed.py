"""Values as R prints them, rounded: comparing with what is printed."""

from __future__ import annotations

from equipoise.synthesis.network.comparisons import Comparisons


def agrees(value: float, printed: str) -> bool:
    """Whether ``value`` rounds to what is printed, or is as small as "<0.0001" says."""
    if printed.startswith("<"):
        return value < float(printed[1:])
    digits = len(printed.partition(".")[2])
    return abs(value - float(printed)) <= 0.5 * 10.0**-digits + 1e-9


def rows(text: str) -> dict[str, list[str]]:
    """Lines "name | number number …"."""
    split = (line.split(" | ") for line in text.strip().splitlines())
    return {name: numbers.split() for name, numbers in split}


def assert_rows(table: Comparisons, printed: str) -> None:
    """Estimate, limits, z and p of every line; ratios are printed as such."""
    expected = rows(printed)
    frame = table.to_frame(exponentiate=True)
    found = {
        t: [float(frame[c][i]) for c in ("estimate", "lower", "upper", "statistic", "p")]
        for i, t in enumerate(frame["treatment"])
    }
    assert set(expected) == set(found)
    for name, numbers in expected.items():
        assert all(map(agrees, found[name], numbers)), (name, found[name], numbers)
