"""The nearest neighbour of scikit-learn, and what a lost mode costs."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from jaxgen.data.mixtures import ring
from jaxgen.metrics.downstream import nearest_neighbour_accuracy

RNG = np.random.default_rng(0)


def points(modes, count):
    means = ring(8, 1.0, 0.01).means
    labels = RNG.choice(modes, count)
    noise = RNG.normal(0, 0.01, (count, 2))
    return (means[labels] + noise).astype(np.float32), labels


def test_it_is_scikit_learns_classifier():
    train, test = (RNG.normal(size=(n, 3)).astype(np.float32) for n in (70, 90))
    labels, truth = RNG.integers(0, 4, 70), RNG.integers(0, 4, 90)
    expected = KNeighborsClassifier(1).fit(train, labels).score(test, truth)
    assert 0.1 < expected < 0.5
    seen = nearest_neighbour_accuracy(train, labels, test, truth)
    assert float(seen) == pytest.approx(expected)


def test_a_mode_that_is_lost_costs_its_share():
    train, labels = points([0, 3, 5], 200)
    test, truth = points(range(8), 400)
    kept = np.isin(truth, [0, 3, 5]).mean()
    seen = nearest_neighbour_accuracy(train, labels, test, truth)
    assert float(seen) == pytest.approx(kept)


def test_points_that_are_not_finite_teach_nothing():
    train, labels = points(range(8), 200)
    test, truth = points(range(8), 100)
    broken = train.copy()
    broken[labels == 2] = np.nan
    seen = float(nearest_neighbour_accuracy(broken, labels, test, truth))
    assert seen == pytest.approx((truth != 2).mean())
    assert float(nearest_neighbour_accuracy(broken * np.nan, labels, test, truth)) == 0
