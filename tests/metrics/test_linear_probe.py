"""Logistic regression against scikit-learn's."""

import jax
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from jaxgen.metrics.linear_probe import linear_probe, linear_probe_accuracy

RNG = np.random.default_rng(0)
PENALTY = 1e-2
FIT = jax.jit(linear_probe, static_argnames=("classes", "steps", "penalty"))
ACCURACY = jax.jit(linear_probe_accuracy, static_argnames=("classes", "penalty"))
CENTRES = RNG.normal(size=(4, 3)) * np.array([1.0, 20.0, 0.05])


def classes_of_points(count):
    labels = RNG.integers(0, 4, count)
    noise = RNG.normal(size=(count, 3)) * np.array([0.8, 16.0, 0.04])
    codes = CENTRES[labels] + noise + np.array([5.0, 0.0, 0.0])
    codes = np.concatenate([codes, np.full((count, 1), 7.0)], axis=1)  # a dead one
    return codes.astype(np.float32), labels


TRAIN, LABELS = classes_of_points(300)
TEST, TRUTH = classes_of_points(400)


def test_it_is_scikit_learns_regression():
    scaler = StandardScaler().fit(TRAIN.astype(np.float64))
    regression = LogisticRegression(C=1 / (300 * PENALTY), tol=1e-9, max_iter=10_000)
    regression.fit(scaler.transform(TRAIN), LABELS)
    probe = FIT(TRAIN, LABELS, classes=4, penalty=PENALTY)
    found = jax.nn.softmax(probe(TEST))
    expected = regression.predict_proba(scaler.transform(TEST))
    np.testing.assert_allclose(found, expected, atol=1e-3)
    score = regression.score(scaler.transform(TEST), TRUTH)
    assert 0.5 < score < 0.95
    seen = ACCURACY(TRAIN, LABELS, TEST, TRUTH, classes=4, penalty=PENALTY)
    assert abs(float(seen) - score) < 2.5 / 400  # ties may fall to either side


def test_classes_apart_are_learnt_whatever_the_scale():
    train, test = (np.eye(4)[x] * 1e-3 + 2 for x in (LABELS, TRUTH))
    given = train.astype(np.float32), LABELS, test.astype(np.float32), TRUTH
    assert float(ACCURACY(*given, classes=4, penalty=PENALTY)) == 1
    chance = ACCURACY(0 * TRAIN, LABELS, 0 * TEST, TRUTH, classes=4, penalty=PENALTY)
    commonest = (np.bincount(LABELS).argmax() == TRUTH).mean()
    np.testing.assert_allclose(chance, commonest, rtol=1e-6)


def test_bad_input_is_refused_by_name():
    with pytest.raises(ValueError, match=r"penalty=0\.0"):
        linear_probe(TRAIN, LABELS, classes=4, penalty=0.0)
    with pytest.raises(ValueError, match="classes=1"):
        linear_probe(TRAIN, LABELS, classes=1)
