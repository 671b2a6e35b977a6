"""The claim, run for real in its tiny preset."""

import dataclasses
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.digits import digits_of
from experiments.mode_collapse import claim
from experiments.mode_collapse.causes import CAUSES
from experiments.mode_collapse.digit_protocols import digit_protocol
from experiments.mode_collapse.findings import Arms, fates, turnover
from experiments.mode_collapse.methods import (
    METHODS,
    Method,
    batch_size,
    learner_of,
    packed,
    require_fit,
)
from experiments.mode_collapse.protocols import PROTOCOLS
from experiments.mode_collapse.quality_and_diversity import AXES, overview, planes
from experiments.training import Trajectories, replica_mesh, trajectories
from jaxgen.data.images import digits8, stacked_minibatch
from jaxgen.objectives.penalties import r1
from tests.markup import Reader

TINY = claim.PRESETS["tiny"]
DIGITS = jax.tree.map(
    lambda leaf: jax.ShapeDtypeStruct((1_000, *leaf.shape[1:]), leaf.dtype), digits8()
)


def test_every_row_has_its_keys_and_its_scores(results):
    found = results["mixtures"]["small_ring"]
    trained = [row for row in found["rows"] if "seed" in row]
    keys = [(row["method"], row["seed"], row["step"]) for row in trained]
    assert sorted(keys) == sorted(
        (method, seed, step)
        for method in TINY.mixtures.methods
        for seed in range(TINY.seeds)
        for step in range(0, TINY.mixtures.steps + 1, TINY.mixtures.dispatch)
    )
    assert all(0 <= row["effective"] <= 8.001 for row in trained)
    assert found["verdict"] in ("supported", "refuted", "undecided")


def test_the_references_score_what_they_must(results):
    for row in results["mixtures"]["small_ring"]["rows"]:
        if row["method"] == "perfect":
            assert row["covered"] == 8
            assert abs(row["high_quality"] - 0.98889) < 4 * np.sqrt(0.0110 / 2_500)
            assert abs(row["spread_ratio"] - 0.9744) < 0.05
            assert row["downstream"] == 1
            assert row["different_bins"] < 0.35
        if row["method"] == "trivial":
            assert row["covered"] == 1
            assert row["near_duplicates"] == row["birthday"] == row["vendi"] == 1
            assert 0 < row["downstream"] < 0.3
            assert row["covariance_rank"] == row["recall"] == 0


def test_stacked_digits_are_counted_among_a_thousand(results):
    found = results["digits"]
    assert found["classifier_accuracy"]["low"] > 0.9
    rows = {row["method"]: row for row in found["rows"]}
    # of 500 stacks some 393 different ones are expected: 1000 (1 - 0.999 ** 500)
    assert 340 < rows["perfect"]["covered"] < 440
    assert rows["trivial"]["covered"] == 1
    assert rows["trivial"]["ssim"] == pytest.approx(1, abs=1e-5)
    assert rows["perfect"]["classifier_score"] > 8
    assert rows["perfect"]["downstream"] > 0.9 > rows["trivial"]["downstream"]


def test_causes_are_changed_one_at_a_time(results):
    rows = results["causes"]["rows"]
    for name in TINY.causes.changed:
        values = {row["value"] for row in rows if row["cause"] == name}
        assert values == set(CAUSES[name].values)
    one = [
        [
            row["effective"]
            for row in rows
            if row["cause"] == name and row["value"] == base
        ]
        for name, base in (("critic_depth", 3), ("rate_ratio", 1.0))
    ]
    # what is changed to what it was is the same run
    np.testing.assert_allclose(*one, rtol=1e-4)


def test_the_page_stands_alone(folder):
    text = (folder / "report.html").read_text()
    Reader(text)
    assert "http" not in text
    assert "<script" not in text


def test_a_second_start_trains_nothing_and_finds_the_same(second_start):
    before, after = second_start
    assert after == before


def test_other_settings_are_refused(folder):
    other = dataclasses.replace(TINY.mixtures, penalty=0.2)
    with pytest.raises(ValueError, match=r"mixtures.penalty: 0.1 there, 0.2 here"):
        claim.run(dataclasses.replace(TINY, out=folder, mixtures=other))


def test_a_study_in_which_all_died_stays_as_it_was():
    scores = ("covered", "effective")
    lines = [
        {"step": 0, "died": [-1, -1]} | {name: [1.0, 2.0] for name in scores},
        {"step": 10, "died": [3, 7], "seconds": 0.5, "critic_loss": [1.0, 1.0]}
        | {name: [3.0, None] for name in scores},
    ]
    dead = trajectories(lines, np.arange(0, 41, 10))
    assert dead.died == {0: 3, 1: 7}
    np.testing.assert_array_equal(dead.scores["effective"][0], [1, 3, 3, 3, 3])
    np.testing.assert_array_equal(dead.scores["critic_loss"][0], [np.nan, 1, 1, 1, 1])
    assert np.isnan(dead.last("effective")[1]) and "seconds" not in dead.scores
    second = dead.rows(slice(1, 2))
    assert second.died == {0: 7} and second.scores["effective"].shape == (1, 5)


def test_names_on_the_command_line_are_those_that_exist():
    assert set(get_args(claim.MethodName)) == set(METHODS)
    assert set(get_args(claim.ProtocolName)) == set(PROTOCOLS)
    assert set(get_args(claim.CauseName)) == set(CAUSES)


def histories(effective, counts):
    scores = {"effective": np.array(effective), "counts": np.array(counts)}
    return Trajectories(np.arange(len(effective[0])), scores, {})


def test_fates_of_four_seeds():
    effective = [[0, 8, 8, 8], [0, 8, 8, 1], [0, 8, 1, 8], [0, 1, 8, 8]]
    assert fates(histories(effective, []), modes=8) == {
        "collapsed": 1,
        "recovered": 1,
        "kept": 2,
    }


def test_turnover_of_one_that_stays_one_that_hops_and_one_that_is_lost():
    stays, hops, lost = [[5, 0]] * 4, [[5, 0], [0, 5]] * 2, [[0, 0]] * 4
    moved = turnover(histories([[1] * 4] * 3, [stays, hops, lost]))
    np.testing.assert_array_equal(moved, [0, 1, 0])


def shapes(tree):
    return jax.tree.map(lambda leaf: leaf.shape, tree)


def stepped(protocol, method):
    recipe = PROTOCOLS[protocol].recipe
    data = jax.ShapeDtypeStruct((1_000, 2), jnp.float32)
    key = jax.eval_shape(jax.random.key, 0)
    learner = learner_of(recipe, METHODS[method])(1e-3, 1.0, 0.1)
    state = jax.eval_shape(learner.init, key, data)
    return state, jax.eval_shape(learner.update, state, data)[0]


@pytest.mark.parametrize("name", [name for name in PROTOCOLS if "grid" not in name])
def test_every_protocol_trains_a_step_of_right_shape(name):
    state, new = stepped(name, "relativistic_r1_r2")
    assert shapes(new) == shapes(state)
    assert ("generator" in state.extra) == name.startswith(("pacgan", "selfcond"))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_a_step_of_right_shape(method):
    require_fit("methods", PROTOCOLS["small_ring"].recipe, method)
    state, new = stepped("small_ring", method)
    assert shapes(new) == shapes(state)
    assert ("ema" in state.extra) == (method == "averaged")


@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_a_step_on_stacked_digits(method):
    recipe = digit_protocol("digits8").recipe
    if method == "averaged":
        with pytest.raises(ValueError, match="no statistics of batches"):
            require_fit("digits.methods", recipe, method)
        return
    require_fit("digits.methods", recipe, method)
    learner = learner_of(recipe, METHODS[method], stacked_minibatch)(1e-3, 1.0, 0.1)
    key = jax.eval_shape(jax.random.key, 0)
    state = jax.eval_shape(learner.init, key, DIGITS)
    new = jax.eval_shape(learner.update, state, DIGITS)[0]
    assert shapes(new) == shapes(state)


def test_rows_that_devices_do_not_divide_run_on_the_largest_divisor_and_say_so():
    said = []
    assert replica_mesh(10, said.append).shape == {"replica": 5}
    assert said == ["10 replicates run on 5 of 8 devices, evenly"]
    assert replica_mesh(16, said.append).shape == {"replica": 8}
    assert len(said) == 1


def test_packing_is_compared_at_equal_samples_and_at_equal_packs():
    recipe = PROTOCOLS["pacgan2018_ring"].recipe
    sizes = {
        name: batch_size(recipe, METHODS[name])
        for name in ("hinge", "packed_2", "packed_2_wide", "packed_4_wide")
    }
    assert sizes == {
        "hinge": 100,
        "packed_2": 100,
        "packed_2_wide": 200,
        "packed_4_wide": 400,
    }


@pytest.mark.parametrize(
    "changed, protocol, complaint",
    [
        (
            {"critic": packed(3)},
            "small_ring",
            "128 samples does not divide into packs of 3",
        ),
        ({"penalties": (r1,)}, "mnist", "this critic normalizes over"),
        ({"averaged": 0.9}, "pacgan2018_ring", "no statistics of batches"),
    ],
)
def test_what_does_not_fit_is_refused_before_training(
    changed, protocol, complaint, monkeypatch
):
    monkeypatch.setitem(METHODS, "odd", Method("odd", **changed))
    recipe = {**PROTOCOLS, "mnist": digit_protocol("mnist")}[protocol].recipe
    with pytest.raises(ValueError, match=rf"--here: .*{complaint}"):
        require_fit("here", recipe, "odd")


@pytest.mark.parametrize(
    "arrays, complaint",
    [
        (
            (np.zeros((1000, 28, 28)), np.arange(1000) % 10),
            "28 x 28 pixels and 1 channels",
        ),
        (
            (np.zeros((1000, 8, 8, 3)), np.arange(1000) % 10),
            "8 x 8 pixels and 3 channels",
        ),
        ((np.zeros((20, 8, 8)), np.arange(20) % 10), "20 images of the classes"),
        ((np.zeros((1000, 8, 8)), np.arange(1000) % 62), "1000 images of the classes"),
    ],
)
def test_files_of_other_digits_are_refused(arrays, complaint, tmp_path):
    path = tmp_path / "digits.npz"
    np.savez(path, x=arrays[0], y=arrays[1])
    with pytest.raises(ValueError, match=complaint):
        digits_of("digits", "digits8", path)


def test_a_file_with_held_out_digits_is_not_split(tmp_path):
    path = tmp_path / "digits.npz"
    images, labels = np.zeros((1_200, 8, 8)), np.arange(1_200) % 10
    np.savez(path, x_train=images, y_train=labels, x_test=images, y_test=labels)
    assert [len(part.labels) for part in digits_of("digits", "digits8", path)] == [
        1_200,
        1_200,
    ]


@pytest.mark.parametrize(
    "make, complaint",
    [
        (lambda: claim.Mixtures(steps=10, dispatch=3), "mixtures.steps 10"),
        (lambda: claim.Mixtures(penalty=-1.0), "mixtures.penalty -1.0"),
        (lambda: claim.Causes(changed=()), "causes.changed"),
        (lambda: claim.Digits(penalty=-3.0), "digits.penalty -3.0"),
        (lambda: claim.Digits(samples=0), "digits.samples 0"),
        (lambda: dataclasses.replace(TINY, parts=("digits", "digits")), "--parts"),
        (lambda: dataclasses.replace(TINY, seeds=1), "--seeds 1"),
    ],
)
def test_settings_that_cannot_be_are_refused(make, complaint):
    with pytest.raises(ValueError, match=complaint):
        make()


def test_a_page_of_every_method_is_drawn(folder):
    values = np.linspace(0, 1, 4)
    scores = {
        name: np.stack([values, values], axis=1) for axes in AXES for name in axes[:2]
    }
    one = Trajectories(np.arange(2), scores, {})
    ends = {name: columns[:, -1] for name, columns in scores.items()}
    arms = Arms(dict.fromkeys(METHODS, one), ends, ends)
    assert overview(arms).count("averaged") == 1
    assert len(planes(arms, *AXES[0])) == -(-len(METHODS) // 8)
