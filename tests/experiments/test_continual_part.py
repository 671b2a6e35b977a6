"""What is made of runs in stages, by hand; their names and what is refused."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.domain_generalization import claim
from experiments.domain_generalization.continual_findings import (
    STRATEGIES,
    by_other_orders,
    gaps,
    learned_by,
    measures,
)
from experiments.domain_generalization.continual_runs import WEIGHTS, StrategyRuns
from experiments.domain_generalization.continual_settings import (
    Continual,
    FisherName,
    SplitDigits,
    StrategyName,
)
from experiments.domain_generalization.split_digits import WEIGHTS as SPLIT_WEIGHTS
from experiments.domain_generalization.split_digits import weights_of
from experiments.domain_generalization.split_digits_data import (
    Digits,
    Pairs,
    by_class,
    orders,
    pairs_drawn,
    pairs_of_stage,
)
from experiments.domain_generalization.split_digits_findings import (
    final_accuracy,
    gains,
)
from experiments.domain_generalization.split_digits_runs import (
    FISHERS,
    SplitRuns,
    net_of,
    prediction_of,
)
from jaxgen.data.images import Labelled
from jaxgen.data.stages import latin_square

TINY = claim.PRESETS["tiny"]


def test_names_on_the_command_line_are_those_that_exist():
    assert set(StrategyName.__args__) == set(STRATEGIES) == set(WEIGHTS)
    assert set(FisherName.__args__) == set(FISHERS) == set(SPLIT_WEIGHTS)


def test_runs_are_put_in_the_order_of_their_stages():
    chance = np.random.default_rng(0)
    test = chance.uniform(size=(3, 2, 7, 3))  # three stages of two evaluations
    validation = np.zeros((3, 2, 7, 3))
    validation[:, 0, -1] = 1.0  # the second weight is better on every order
    steps = np.arange(0, 28, 4)
    one = learned_by(StrategyRuns((0.5, 2.0), test, validation, steps, {}))
    assert one.weight.tolist() == [2.0] * 3
    for order, line in enumerate(latin_square(3)):
        for stage in range(3):
            for place, domain in enumerate(line):
                told = test[order, 1, 2 * (stage + 1), domain]
                assert one.results[order, stage, place] == told
        np.testing.assert_array_equal(one.untrained[order], test[order, 1, 0, line])
        np.testing.assert_array_equal(one.curve[order], test[order, 1, :, line[0]])
    peaks = [max(c[s : s + 3]) - max(c[s], c[s + 2]) for c in one.curve for s in (2, 4)]
    np.testing.assert_allclose(gaps(one), np.mean(np.reshape(peaks, (3, 2)), 1))
    told = measures(one, one)
    ends = [one.results[:, s, s] - one.results[:, -1, s] for s in range(3)]
    np.testing.assert_allclose(told["intransigence"], np.mean(ends, axis=0))
    assert "intransigence" not in measures(one, None)


def test_an_order_does_not_choose_its_own_weight():
    bits = np.array([[0.0, 9.0], [3.0, 1.0], [3.0, 2.0]])
    assert by_other_orders(bits).tolist() == [1, 0, 0]
    bits[0] = [-100, 100]
    assert by_other_orders(bits)[0] == 1


def images():
    """Forty images of ten digits, whose pixels tell the digit and the number."""
    labels = np.arange(40, dtype=np.int32) % 10
    pixels = np.stack([labels / 10, np.arange(40) / 40], 1).astype(np.float32)
    return Labelled(2 * pixels.reshape(40, 1, 2, 1) - 1, labels)


def test_a_stage_draws_its_own_pair_and_tells_which_is_which():
    data = by_class(images())
    assert data.counts.tolist() == [4] * 10
    order = jnp.asarray(orders(3)[2])
    digits = Digits(data, data)
    draw = jax.jit(
        lambda step: pairs_drawn(64, 5, order)(digits, jax.random.key(0), step)
    )
    for stage in range(5):
        batch = draw(jnp.array(5 * stage + 2))
        told = np.round(10 * np.asarray(batch.images[:, 0])).astype(int)
        pair = np.asarray(order)[2 * stage : 2 * stage + 2]
        np.testing.assert_array_equal(told, pair[np.asarray(batch.label)])
        assert set(batch.label.tolist()) == {0, 1} and (batch.stage == stage).all()
        # all eight images of the pair are drawn
        assert len(set(np.asarray(batch.images[:, 1]).tolist())) == 8
    looked = pairs_of_stage(6, order)(digits, jnp.array(1))
    assert looked.label.tolist() == [0, 1] * 3
    assert len(set(np.asarray(looked.images[:, 1]).tolist())) == 6


def test_an_image_is_told_by_the_logits_of_its_pair():
    settings = SplitDigits(width=4)
    predict = prediction_of(settings)
    x = jax.random.uniform(jax.random.key(0), (3, 2))
    params = net_of(settings).init(jax.random.key(1), x)["params"]
    batch = Pairs(x, jnp.array([0, 1, 1]), jnp.array([4, 0, 2]))
    logits = net_of(settings).apply({"params": params}, x)
    told = predict(params, batch).logits
    for row, stage in enumerate((4, 0, 2)):
        np.testing.assert_array_equal(told[row], logits[row, 2 * stage : 2 * stage + 2])


def test_gains_are_above_no_penalty_seed_by_seed():
    accuracy = np.random.default_rng(1).uniform(size=(2, 3, 5, 5))
    accuracy[1] = 0.5 + accuracy[1] / 2
    runs = {"exact": SplitRuns((0.0, 10.0), accuracy, {})}
    runs |= {"batched": SplitRuns((1.0,), accuracy[1:], {})}
    expected = 100 * (accuracy[1, :, -1].mean(-1) - accuracy[0, :, -1].mean(-1))
    for found in gains(runs).values():
        np.testing.assert_allclose(found, expected)
    np.testing.assert_allclose(
        final_accuracy(accuracy[1, 0]), 100 * accuracy[1, 0, -1].mean()
    )
    given = weights_of(SplitDigits(fishers=("batched", "exact")))
    assert given == {"batched": (0.0, 1e9), "exact": (1e5,)}


@pytest.mark.parametrize(
    "make, complaint",
    [
        (lambda: Continual(strategies=("naive", "ewc")), "continual.strategies"),
        (lambda: Continual(domains=2), "continual.domains 2: expected 3 or more"),
        (lambda: Continual(updates=10, evaluations=4), "continual.evaluations 4"),
        (lambda: Continual(replayed=0), "continual.replayed 0"),
        (
            lambda: Continual(replayed=8).require_stages(8, 800),
            "replayed 8: expected 7",
        ),
        (
            lambda: Continual(updates=8, capacity=65).require_stages(8, 800),
            "capacity 65: expected 64 or fewer",
        ),
        (
            lambda: dataclasses.replace(TINY, continual=Continual(updates=16)),
            "continual.updates 16: expected 6 or fewer",
        ),
        (lambda: SplitDigits(seeds=1), "split_digits.seeds 1|split-digits.seeds 1"),
        (lambda: SplitDigits(fishers=()), "split.digits.fishers"),
    ],
)
def test_settings_that_cannot_be_are_refused(make, complaint):
    with pytest.raises(ValueError, match=complaint):
        make()
