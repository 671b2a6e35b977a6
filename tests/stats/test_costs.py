"""What is refused before anything is fitted."""

import numpy as np
import pytest

from jaxgen.stats.costs import increasing_lengths, positive_costs


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([4.0], r"holds 1 value\(s\); a slope needs at least 2"),
        ([[1.0, 2.0]], r"shape \(1, 2\)"),
        ([0.0, 1.0], r"lengths\[0\] = 0"),
        ([1.0, 3.0, 3.0], r"lengths\[2\] = 3.*above the one before"),
        ([1.0, np.nan], r"lengths\[1\] = nan"),
    ],
)
def test_lengths_that_do_not_increase_are_refused(lengths: list, message: str):
    with pytest.raises(ValueError, match=message):
        increasing_lengths(np.array(lengths), 2, "a slope")


@pytest.mark.parametrize(
    ("costs", "message"),
    [
        (np.ones(3), r"time has shape \(3,\); expected \(rounds, 3\)"),
        (np.ones((3, 2)), r"time has shape \(3, 2\); expected \(rounds, 3\)"),
        (np.ones((0, 3)), r"time has shape \(0, 3\)"),
        (np.array([[1.0, 2.0, 3.0], [1.0, -2.0, 0.0]]), r"time\[1, 1\] = -2"),
        (np.array([[1.0, 2.0, np.inf]]), r"time\[0, 2\] = inf"),
    ],
)
def test_costs_without_a_logarithm_are_refused(costs: np.ndarray, message: str):
    with pytest.raises(ValueError, match=message):
        positive_costs("time", costs, ("rounds", 3))


def test_integers_and_single_precision_are_read_as_they_are():
    costs = np.array([[1, 2], [3, 4]])
    for dtype in (np.int64, np.float32):
        found = positive_costs("bytes", costs.astype(dtype), ("rounds", 2))
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, costs)
