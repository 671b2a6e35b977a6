"""Forgetting and transfer, by loops over a table of three domains."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.metrics.calibration import calibration
from jaxgen.metrics.forgetting import (
    backward_transfer,
    final_mean,
    final_worst,
    forgetting,
    forgetting_since_best,
    forgetting_since_learned,
    forward_transfer,
    intransigence,
    stability_gap,
)

R = np.random.default_rng(0).uniform(1, 3, (2, 3, 3))
START = np.random.default_rng(1).uniform(5, 6, (2, 3))
JOINT = np.random.default_rng(2).uniform(0, 1, (2, 3))


def test_a_model_has_forgotten_nothing_of_itself():
    assert not forgetting(R, R).any()
    assert forgetting(R, R + 0.5).min() > 0  # a higher loss is worse


def test_losses_of_others_are_refused():
    with pytest.raises(ValueError, match=r"losses \(2, 3, 3\) before and \(3,\) after"):
        forgetting(R, R[0, 0])


def test_every_number_by_loops():
    for row in range(2):
        r = R[row]
        best = [r[2, j] - min(r[s, j] for s in range(2)) for j in range(2)]
        learned = [r[2, j] - r[j, j] for j in range(2)]
        ahead = [START[row, j] - r[j - 1, j] for j in (1, 2)]
        late = [r[j, j] - JOINT[row, j] for j in range(3)]
        expected = {
            final_mean: sum(r[2]) / 3,
            final_worst: max(r[2]),
            forgetting_since_best: sum(best) / 2,
            forgetting_since_learned: sum(learned) / 2,
            backward_transfer: -sum(learned) / 2,
        }
        for function, value in expected.items():
            assert function(R)[row] == pytest.approx(value)
        assert forward_transfer(R, START)[row] == pytest.approx(sum(ahead) / 2)
        assert intransigence(R, JOINT)[row] == pytest.approx(sum(late) / 3)


def test_they_are_the_same_inside_a_program():
    told = jax.jit(lambda r: (forgetting_since_best(r), intransigence(r, r[..., -1])))
    first, second = told(jnp.asarray(R, jnp.float32))
    np.testing.assert_allclose(first, forgetting_since_best(R), rtol=1e-5)
    np.testing.assert_allclose(second, intransigence(R, R[..., -1]), rtol=1e-4)


@pytest.mark.parametrize(
    "curve, gap", [([1, 2, 3], 0), ([3, 2, 1], 0), ([1, 5, 2], 3), ([2, 5, 1], 3)]
)
def test_what_is_lost_and_comes_back(curve, gap):
    assert stability_gap(np.array(curve, float)) == gap


def test_one_stage_forgets_nothing_that_could_be_told():
    with pytest.raises(ValueError, match=r"of 1 domain\(s\)"):
        forgetting_since_best(np.ones((1, 1)))


def test_bins_of_equal_mass_by_sorting():
    chance = np.random.default_rng(3)
    logits = chance.normal(size=(5, 7, 4)) * 2
    targets = chance.integers(4, size=(5, 7))
    told = calibration(jnp.asarray(logits, jnp.float32), jnp.asarray(targets), bins=3)
    flat = logits.reshape(-1, 4)
    shares = np.exp(flat) / np.exp(flat).sum(1, keepdims=True)
    sure, right = shares.max(1), shares.argmax(1) == targets.ravel()
    order = sorted(range(35), key=lambda i: sure[i])[2:]
    parts = [order[i : i + 11] for i in (0, 11, 22)]
    gaps = [abs(right[part].mean() - sure[part].mean()) for part in parts]
    assert float(told.error) == pytest.approx(np.mean(gaps), rel=1e-5)
    nats = -np.log(shares[np.arange(35), targets.ravel()])
    assert float(told.nats) == pytest.approx(nats.mean(), rel=1e-5)
    assert told.confidence[0] < told.confidence[-1]


def test_more_bins_than_examples_are_refused():
    with pytest.raises(ValueError, match=r"bins=5\) of 4 examples"):
        calibration(jnp.zeros((4, 2)), jnp.zeros(4, int), bins=5)
