"""Holm's correction against its definition, step by step."""

import numpy as np
import pytest

from jaxgen.stats.holm import holm


def rejected(p_values, size):
    """The procedure as it was published: reject in rising order until one is too high."""
    order = np.argsort(p_values)
    kept = set()
    for step, test in enumerate(order):
        if p_values[test] > size / (len(p_values) - step):
            break
        kept.add(int(test))
    return kept


@pytest.mark.parametrize("size", [0.01, 0.05, 0.2])
def test_corrected_values_reject_what_the_procedure_does(size):
    chance = np.random.default_rng(0)
    for _ in range(200):
        p_values = chance.uniform(size=6) ** 3
        corrected = holm(p_values)
        assert set(np.flatnonzero(corrected <= size)) == rejected(p_values, size)
        assert np.all(corrected >= p_values) and corrected.max() <= 1


def test_one_test_is_not_corrected():
    assert holm(np.array([0.3])).tolist() == [0.3]


@pytest.mark.parametrize("wrong", [-0.1, 1.1, np.nan])
def test_what_is_no_probability_is_refused(wrong):
    with pytest.raises(ValueError, match="p_values"):
        holm(np.array([0.5, wrong]))
