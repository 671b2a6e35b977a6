"""Verdicts: three words, decided by where an interval lies."""

import itertools
import math

import pytest

from jaxgen.stats.intervals import Interval
from jaxgen.stats.verdict import above, all_of, below

OPPOSITE = {"supported": "refuted", "refuted": "supported", "undecided": "undecided"}


@pytest.mark.parametrize(
    ("threshold", "word"),
    [
        (0.9, "supported"),
        (1.0, "undecided"),
        (2.5, "undecided"),
        (3.0, "undecided"),
        (3.1, "refuted"),
        (-math.inf, "supported"),
    ],
)
def test_an_interval_that_holds_the_threshold_decides_nothing(threshold, word):
    interval = Interval(1.0, 2.0, 3.0)
    assert above(interval, threshold) == word
    assert below(interval, threshold) == OPPOSITE[word]


def test_a_number_that_is_none_has_no_verdict():
    with pytest.raises(ValueError, match="threshold = nan"):
        above(Interval(0.0, 1.0, 2.0), math.nan)
    with pytest.raises(ValueError, match="high = nan"):
        above(Interval(0.0, 1.0, math.nan), 0.5)
    with pytest.raises(ValueError, match="= nan"):
        below(Interval(0.0, math.nan, 2.0), 0.5)


def test_a_whole_is_as_true_as_its_least_true_part():
    worst_first = ("refuted", "undecided", "supported")
    for parts in itertools.product(worst_first, repeat=3):
        assert all_of(*parts) == min(parts, key=worst_first.index)


def test_nothing_supports_nothing():
    with pytest.raises(ValueError, match="at least one"):
        all_of()
