"""Ticks of logarithmic axes: each label is the number at its place, and they fit."""

import numpy as np
import pytest

from jaxgen.report.ticks import decimal_ticks, length_ticks, power_of_n

DIGITS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}


def number(label: str) -> float:
    """What a reader takes a label for."""
    if "10" in label and label[-1] in "⁻⁰¹²³⁴⁵⁶⁷⁸⁹":
        mantissa, _, power = label.rpartition("10")
        return float(mantissa.rstrip("·") or 1) * 10.0 ** int(power.translate(DIGITS))
    if label[-1] in UNITS:
        return float(label[:-1]) * UNITS[label[-1]]
    return float(label.replace(",", ""))


@pytest.mark.parametrize("low, high", [(0, 5), (8, 14), (7.3, 21.9), (-2, 1), (9, 34)])
@pytest.mark.parametrize("most", [1, 2, 5, 9])
def test_lengths_are_evenly_spaced_powers_of_two(low, high, most):
    at, labels = length_ticks(low, high, most)
    assert [number(label) for label in labels] == [2.0**power for power in at]
    assert 1 <= len(at) <= most and low <= min(at) and max(at) <= high
    assert len(set(np.diff(at))) <= 1
    assert len(at) == most or np.ptp(at) > (high - low) / 2 - 1


@pytest.mark.parametrize(
    "low, high", [(5, 9), (-0.4, 1.2), (-4.5, -3.1), (6.2, 7.3), (-9, 3), (0.01, 13)]
)
@pytest.mark.parametrize("most", [3, 8])
def test_decimals_are_what_they_say_in_one_notation(low, high, most):
    at, labels = decimal_ticks(low, high, most)
    np.testing.assert_allclose(
        [number(label) for label in labels], 10.0 ** np.array(at)
    )
    assert low <= min(at) and max(at) <= high and len(at) >= 2
    assert len(at) <= max(most, 7)
    assert len({label[-1] in "⁻⁰¹²³⁴⁵⁶⁷⁸⁹" for label in labels}) == 1


def test_powers_have_their_superscripts():
    written = [power_of_n(p) for p in (0, 1, 2, 3.0, 12, 1.5, 0.585)]
    assert written == ["1", "n", "n²", "n³", "n¹²", "n^1.5", "n^0.585"]
