"""The benchmark of adapters: what it counts, and what it makes of measurements."""

import pytest

from experiments.benchmarks import adaptation
from experiments.benchmarks.timing import Measurement

TINY = adaptation.PRESETS["tiny"]


def test_bytes_are_those_of_the_adapter_and_its_moments():
    found = adaptation.bytes_of("lora", TINY)
    sides = 4 * (16 + 16) + 2 * (16 + 64)  # four projections, two dense layers
    assert found["numbers"] == TINY.rank * sides
    assert found["state_bytes"] == 12 * found["numbers"] + 4  # and a count
    assert found["temporary_bytes"] > 0


def test_times_are_told_against_full_tuning_round_by_round():
    of = {
        way: [Measurement(way, i, 2, 9.0, one) for i, one in enumerate(seconds)]
        for way, seconds in {"full": (2.0, 8.0), "lora": (3.0, 4.0)}.items()
    }
    sizes = {"numbers": 1_234, "state_bytes": 5_000, "temporary_bytes": 70_000}
    found = adaptation.row("lora", of, sizes)
    assert found["step_against_full"] == {"median": 1.0, "lowest": 0.5, "highest": 1.5}
    assert found["milliseconds"]["median"] == 1750
    text = adaptation.table([found])
    assert "1,234" in text and "1.00 (0.50 to 1.50)" in text


def test_full_tuning_is_what_others_are_compared_with():
    with pytest.raises(ValueError, match="--ways lora full: expected full first"):
        adaptation.AdaptationBenchmark(ways=("lora", "full"))
