"""Digits in stages: what each shows, what tells it, and what is made of accuracies."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.domain_generalization import permuted_digits, split_digits
from experiments.domain_generalization.claim import PRESETS
from experiments.domain_generalization.digit_findings import (
    final_accuracy,
    gains,
    lost_accuracy,
)
from experiments.domain_generalization.digit_runs import (
    DigitRuns,
    accuracies_of,
    net_of,
    prediction_of,
)
from experiments.domain_generalization.digit_settings import (
    FisherName,
    KeeperName,
    PermutedDigits,
    SplitDigits,
    require_examples,
)
from experiments.domain_generalization.digit_stages import (
    Digits,
    Shown,
    all_at_once,
    by_class,
    in_turn,
    of_stage,
    orders,
    orders_of_pixels,
    pairs,
    permuted,
)
from experiments.domain_generalization.digit_tables import accuracy_table
from experiments.domain_generalization.permuted_digits import permuted_criteria
from experiments.domain_generalization.permuted_digits_runs import KEEPERS
from experiments.domain_generalization.split_digits_runs import FISHERS
from jaxgen.data.images import Labelled
from jaxgen.training.learner import State


def test_names_on_the_command_line_are_those_that_exist():
    assert set(FisherName.__args__) == set(FISHERS) == set(split_digits.WEIGHTS)
    assert set(KeeperName.__args__) == set(KEEPERS) == set(permuted_digits.WEIGHTS)
    assert set(KeeperName.__args__) == set(permuted_digits.TITLES)


def digits():
    """Forty images of ten digits, whose pixels tell the digit, the number and a place."""
    labels = np.arange(40, dtype=np.int32) % 10
    pixels = np.stack([labels / 10, np.arange(40) / 40, labels - labels], 1)
    data = by_class(
        Labelled(2 * pixels.reshape(40, 1, 3, 1).astype(np.float32) - 1, labels)
    )
    return Digits(data, data)


DIGITS = digits()
ORDER = jnp.asarray(orders(3)[2])
PLACES = jnp.array([[0, 1, 2], [2, 0, 1], [1, 2, 0]])


def drawn(draw, *steps):
    """A batch at each of the steps."""

    def one(step):
        return draw(DIGITS, jax.random.key(0), step)

    found = jax.device_get(jax.jit(jax.vmap(one))(jnp.array(steps)))
    return [Shown(*each) for each in zip(*found, strict=True)]


def test_a_stage_draws_its_own_pair_and_tells_which_is_which():
    assert DIGITS.train.counts.tolist() == [4] * 10
    for stage, batch in enumerate(
        drawn(in_turn(pairs(ORDER), 64, 5), 2, 7, 12, 17, 22)
    ):
        told = np.round(10 * np.asarray(batch.images[:, 0])).astype(int)
        pair = np.asarray(ORDER)[2 * stage : 2 * stage + 2]
        np.testing.assert_array_equal(told, pair[np.asarray(batch.label)])
        assert set(batch.label.tolist()) == {0, 1} and (batch.stage == stage).all()
        # all eight images of the pair are drawn
        assert len(set(np.asarray(batch.images[:, 1]).tolist())) == 8
    looked = of_stage(pairs(ORDER), 6)(DIGITS, jnp.array(1))
    assert looked.label.tolist() == [0, 1] * 3
    assert len(set(np.asarray(looked.images[:, 1]).tolist())) == 6


def as_they_were(batch):
    """Pixels back at their places."""
    own = np.asarray(PLACES)[np.asarray(batch.stage)]
    return np.take_along_axis(np.asarray(batch.images), np.argsort(own, axis=1), 1)


def test_pixels_change_their_places_from_stage_to_stage():
    stages = permuted(PLACES)
    turns = drawn(in_turn(stages, 200, 5), 1, 6, 11)
    (mixed,) = drawn(all_at_once(stages, 200, 5), 1)
    for stage, batch in enumerate(turns):
        assert (batch.stage == stage).all()
    assert np.bincount(mixed.stage, minlength=3).min() > 40
    for batch in (*turns, mixed):
        pixels = as_they_were(batch)
        np.testing.assert_array_equal(np.round(10 * pixels[:, 0]), batch.label)
        assert len(set(pixels[:, 1].tolist())) == 40 and not pixels[:, 2].any()
    np.testing.assert_array_equal(as_they_were(turns[0]), turns[0].images)
    looked = of_stage(stages, 20)(DIGITS, jnp.array(2))
    assert looked.label.tolist() == [*range(10)] * 2
    assert len(set(as_they_were(looked)[:, 1].tolist())) == 20


def test_orders_of_pixels_are_of_the_seed_and_the_stage():
    found = orders_of_pixels(2, 3, 64)
    assert (found[:, 0] == np.arange(64)).all()
    assert (np.sort(found, axis=-1) == np.arange(64)).all()
    others = found[:, 1:].reshape(4, 64)
    assert len({tuple(one) for one in others.tolist()}) == 4


def test_an_image_is_told_by_the_logits_of_its_stage():
    settings = SplitDigits(width=4)
    x = jax.random.uniform(jax.random.key(0), (3, 3))
    params = net_of(settings).init(jax.random.key(1), x)["params"]
    batch = Shown(x, jnp.array([0, 1, 1]), jnp.array([4, 0, 2]))
    logits = net_of(settings).apply({"params": params}, x)
    told = prediction_of(settings, pairs(ORDER))(params, batch).logits
    for row, stage in enumerate((4, 0, 2)):
        np.testing.assert_array_equal(told[row], logits[row, 2 * stage : 2 * stage + 2])
    whole = prediction_of(settings, permuted(PLACES))(params, batch).logits
    np.testing.assert_array_equal(whole, logits)


@pytest.mark.parametrize("settings", [SplitDigits(width=4), PermutedDigits(width=4)])
def test_accuracies_are_those_counted_one_by_one(settings):
    """A net that nothing was learned by, of classes with unlike many test images."""
    few = by_class(
        Labelled(np.ones((23, 1, 3, 1), np.float32), np.arange(23, dtype=np.int32) % 10)
    )
    chance = np.random.default_rng(0)
    few = few._replace(images=chance.uniform(size=few.images.shape).astype(np.float32))
    stages = pairs(ORDER) if isinstance(settings, SplitDigits) else permuted(PLACES)
    params = net_of(settings).init(jax.random.key(1), jnp.zeros((1, 3)))["params"]
    state = State(
        jnp.array(0), jax.random.key(0), params, (), {"hyper": {"order": 0.0}}
    )
    scores = accuracies_of(settings, lambda order: stages)
    found = jax.jit(scores)(state, Digits(few, few))["accuracy"]
    logits = net_of(settings).apply
    for stage in range(stages.count):
        hits = []
        for label, digit in enumerate(stages.digits(jnp.array([stage]))[0].tolist()):
            for x in few.images[digit, : few.counts[digit]]:
                shown = x if stages.count == 5 else x[PLACES[stage]]
                told = np.asarray(logits({"params": params}, jnp.asarray(shown)[None]))[
                    0
                ]
                own = told[2 * stage : 2 * stage + 2] if stages.count == 5 else told
                hits.append(own.argmax() == label)
        assert float(found[stage]) == pytest.approx(np.mean(hits))


def runs_of(accuracy):
    """EWC with and without weight, and a strategy that is as good as EWC."""
    first = DigitRuns((0.0, 10.0), accuracy, {})
    return {"ewc": first, "si": DigitRuns((1.0,), accuracy[1:], {})}


def test_gains_are_above_no_penalty_seed_by_seed():
    accuracy = np.random.default_rng(1).uniform(size=(2, 3, 5, 5))
    accuracy[1] = 0.5 + accuracy[1] / 2
    expected = 100 * (accuracy[1, :, -1].mean(-1) - accuracy[0, :, -1].mean(-1))
    for found in gains(runs_of(accuracy)).values():
        np.testing.assert_allclose(found, expected)
    np.testing.assert_allclose(
        final_accuracy(accuracy[1, 0]), 100 * accuracy[1, 0, -1].mean()
    )
    best = accuracy[0, :, :-1].max(1)[:, :-1] - accuracy[0, :, -1, :-1]
    np.testing.assert_allclose(lost_accuracy(accuracy[0]), 100 * best.mean(1))
    given = split_digits.weights_of(SplitDigits(fishers=("batched", "exact")))
    assert given == {"batched": (0.0, 1e9), "exact": (1e5,)}
    given = permuted_digits.weights_of(
        PermutedDigits(strategies=("si", "joint", "ewc"))
    )
    assert [*given] == ["ewc", "si", "joint"] and given["joint"] == (0.0,)
    assert given["ewc"][0] == 0 < given["ewc"][1]


@pytest.mark.parametrize("kept, verdict", [(0.9, "supported"), (0.5, "refuted")])
def test_what_keeps_no_more_than_nothing_is_said_to(kept, verdict):
    chance = np.random.default_rng(2)
    accuracy = 0.95 + 1e-3 * chance.normal(size=(2, 6, 3, 3))
    accuracy[0, :, -1, :2] -= 0.45
    accuracy[1, :, -1, :2] -= 0.95 - kept
    first, *others = permuted_criteria(runs_of(accuracy))
    assert first.verdict == "supported"
    assert first.interval.estimate == pytest.approx(45, abs=0.5)
    assert {one.verdict for one in others} == {verdict}


def test_a_table_has_a_row_for_no_penalty_and_for_each_strategy():
    accuracy = np.random.default_rng(3).uniform(size=(2, 3, 5, 5))
    titles = {"ewc": "first", "si": "second"}
    published = {"none": "85.41", "ewc": "99.12", "si": "99"}
    plain = accuracy_table(runs_of(accuracy), titles, "stages")
    beside = accuracy_table(runs_of(accuracy), titles, "pairs", published)
    assert plain.count("<tr") == beside.count("<tr") == 4
    assert "99.12" in beside and "published" not in plain
    assert f"{final_accuracy(accuracy[0]).mean():.2f}" in plain


def test_the_study_is_the_published_protocol():
    split = PRESETS["study"].split_digits
    assert (split.source, split.width, split.batch) == ("mnist", 400, 128)
    assert (split.iterations, split.seeds, split.rate) == (2_000, 30, 1e-3)
    assert split.fishers == FisherName.__args__
    assert PRESETS["study"].permuted_digits.strategies == KeeperName.__args__


@pytest.mark.parametrize(
    "make, complaint",
    [
        (lambda: SplitDigits(seeds=1), "--split-digits.seeds 1"),
        (lambda: SplitDigits(fishers=()), "--split-digits.fishers"),
        (lambda: SplitDigits(fisher_examples=127), "fisher-examples 127: expected 128"),
        (lambda: PermutedDigits(seeds=1), "--permuted-digits.seeds 1"),
        (lambda: PermutedDigits(stages=1), "--permuted-digits.stages 1: expected 2"),
        (lambda: PermutedDigits(rate=0.0), "--permuted-digits.rate 0.0"),
        (
            lambda: PermutedDigits(strategies=("ewc", "lwf")),
            "--permuted-digits.strategies: expected ewc and si",
        ),
        (
            lambda: require_examples("permuted_digits", 41, 40),
            "--permuted-digits.fisher-examples 41: expected 40 or fewer",
        ),
    ],
)
def test_settings_that_cannot_be_are_refused(make, complaint):
    with pytest.raises(ValueError, match=complaint):
        make()
