"""The experiment, run for real in its tiny preset."""

import dataclasses
import json
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.mode_collapse import symptoms
from experiments.mode_collapse.findings import Arms, Trajectories, fates, turnover
from experiments.mode_collapse.methods import METHODS, batch_size, learner_of
from experiments.mode_collapse.page import end_figures
from experiments.mode_collapse.protocols import PROTOCOLS
from experiments.mode_collapse.results import SCORES
from experiments.mode_collapse.study import replica_mesh, trajectories
from jaxgen.training.record import recorded
from tests.markup import Reader


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("tiny") / "run"
    symptoms.run(dataclasses.replace(symptoms.PRESETS["tiny"], out=out))
    return out


def test_every_row_has_its_keys_and_its_scores(folder):
    results = json.loads((folder / "results.json").read_text())
    tiny = symptoms.PRESETS["tiny"]
    trained = [row for row in results["rows"] if "seed" in row]
    keys = [(row["method"], row["seed"], row["step"]) for row in trained]
    assert sorted(keys) == sorted(
        (method, seed, step)
        for method in tiny.methods
        for seed in range(tiny.seeds)
        for step in range(0, tiny.steps + 1, tiny.dispatch)
    )
    assert all(0 <= row["effective"] <= 8.001 for row in trained)
    assert results["findings"]["small_ring"]["verdict"] in (
        "supported",
        "refuted",
        "undecided",
    )


def test_the_references_score_what_they_must(folder):
    rows = json.loads((folder / "results.json").read_text())["rows"]
    for row in rows:
        if row["method"] == "perfect":
            assert row["covered"] == 8
            assert abs(row["high_quality"] - 0.98889) < 4 * np.sqrt(0.0110 / 2_500)
        if row["method"] == "trivial":
            assert row["covered"] == 1
            assert row["near_duplicates"] == 1


def test_the_page_stands_alone(folder):
    text = (folder / "report.html").read_text()
    Reader(text)
    assert "http" not in text
    assert "<script" not in text


def test_a_second_start_trains_nothing_and_finds_the_same(folder):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    symptoms.run(dataclasses.replace(symptoms.PRESETS["tiny"], out=folder))
    after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert before == after


def test_other_settings_are_refused(folder):
    other = dataclasses.replace(symptoms.PRESETS["tiny"], out=folder, penalty=0.2)
    with pytest.raises(ValueError, match=r"penalty: 0.1 there, 0.2 here"):
        symptoms.run(other)


def test_a_study_in_which_all_died_stays_as_it_was():
    scores = dict.fromkeys((*SCORES, "counts", "cloud"))
    lines = [
        {"step": 0, "died": [-1, -1]} | {name: [1.0, 2.0] for name in scores},
        {"step": 10, "died": [3, 7]} | {name: [3.0, None] for name in scores},
    ]
    dead = trajectories(lines, np.arange(0, 41, 10))
    assert dead.died == {0: 3, 1: 7}
    np.testing.assert_array_equal(dead.scores["effective"][0], [1, 3, 3, 3, 3])
    assert np.isnan(dead.last("effective")[1])


def test_names_on_the_command_line_are_those_that_exist():
    assert set(get_args(symptoms.MethodName)) == set(METHODS)
    assert set(get_args(symptoms.ProtocolName)) == set(PROTOCOLS)


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


@pytest.mark.parametrize("name", ["small_ring", "pacgan2018_ring", "alphagan2023_ring"])
@pytest.mark.parametrize("method", ["relativistic_r1_r2", "packed_2"])
def test_every_protocol_trains_a_step_of_right_shape(name, method):
    protocol = PROTOCOLS[name]
    data = jax.ShapeDtypeStruct((1_000, 2), jnp.float32)
    key = jax.eval_shape(jax.random.key, 0)
    learner = learner_of(protocol, METHODS[method])(1e-3, 0.1)
    state = jax.eval_shape(learner.init, key, data)
    new, _ = jax.eval_shape(learner.update, state, data)
    assert jax.tree.map(_shape, new) == jax.tree.map(_shape, state)
    assert ("batch_stats" in state.extra) == (name == "pacgan2018_ring")


def test_rows_that_devices_do_not_divide_run_on_the_largest_divisor_and_say_so():
    said = []
    assert replica_mesh(10, said.append).shape == {"replica": 5}
    assert said == ["10 replicates run on 5 of 8 devices, evenly"]
    assert replica_mesh(16, said.append).shape == {"replica": 8}
    assert len(said) == 1


def test_a_pack_of_pacgan_adds_samples_and_another_does_not():
    sizes = {
        name: [batch_size(PROTOCOLS[name], METHODS[m]) for m in ("hinge", "packed_2")]
        for name in ("pacgan2018_ring", "small_ring")
    }
    assert sizes == {"pacgan2018_ring": [100, 200], "small_ring": [128, 128]}


def _shape(leaf):
    return leaf.shape


def test_a_page_of_every_method_is_drawn(folder):
    one = trajectories(
        recorded(folder / "small_ring/packed_2/record.jsonl"), np.arange(0, 41, 10)
    )
    draw = jax.tree.map(lambda values: values[:, -1], dict(one.scores))
    arms = Arms(dict.fromkeys(METHODS, one), draw, draw)
    assert len(end_figures(arms, modes=8)) == 3
