"""The benchmark of scores: both sides agree, and results say what was measured."""

import json
import sys

import numpy as np
import pytest

from experiments.benchmarks import metrics
from experiments.benchmarks.metric_works import Work


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    out = tmp_path_factory.mktemp("benchmark") / "deep" / "found.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["metrics", "tiny", "--out", str(out)])
        assert metrics.main() == 0
    return json.loads(out.read_text())


def test_both_sides_find_the_same_scores(found):
    rows = {row["title"]: row for row in found["tasks"]}
    assert len(rows) == len(found["tasks"]) == 4
    for title, row in rows.items():
        ours, theirs = row["jaxgen"]["scores"], row["theirs"]["scores"]
        assert ours.keys() == theirs.keys()
        for name, score in ours.items():
            np.testing.assert_allclose(score, theirs[name], 1e-4, err_msg=title)
    # to the last count: of 300 points, and of 5 × 300 balls
    counts = {"precision": 300, "recall": 300, "coverage": 300, "density": 1500}
    ours, theirs = (rows["neighbours"][side]["scores"] for side in ("jaxgen", "theirs"))
    for name, whole in counts.items():
        assert round(ours[name] * whole) == round(theirs[name] * whole)
        assert 0 < ours[name] < 2


def test_results_say_what_was_measured(found):
    assert found["limit_gflops"]["lowest"] > 0
    assert {"prdc", "vendi-score", "jax"} <= set(found["versions"])
    for row in found["tasks"]:
        for of in (row["jaxgen"], row["theirs"]):
            assert of["seconds"]["lowest"] > 0 and of["cpu_seconds"]["lowest"] >= 0
            assert of["peak_bytes"] >= 0
        assert row["jaxgen"]["compile_seconds"] > 0 == row["theirs"]["compile_seconds"]
        for ratio in (row["jaxgen_is_faster_by"], row["in_cpu_time_by"]):
            assert ratio["lowest"] <= ratio["median"] <= ratio["highest"]
            assert len(ratio["rounds"]) == 2
    share = found["tasks"][0]["jaxgen"]["share_of_limit"]
    assert 0 < share["median"] < 1


def test_a_row_of_the_table_for_each_task(found):
    lines = metrics.table(found).splitlines()
    for row in found["tasks"]:
        assert sum(line.startswith(row["title"]) for line in lines) >= 1


def test_memory_is_that_of_the_call():
    def call():
        return {"sum": float(np.ones(200_000_000, np.uint8)[:7].sum())}

    found = metrics.once(Work(call))
    assert found.scores == {"sum": 7.0}
    assert 150e6 < found.peak_bytes < 300e6


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="--rounds 0"):
        metrics.Metrics(rounds=0)
    with pytest.raises(ValueError, match="--samples 5"):
        metrics.Metrics(samples=5)


def test_packages_that_are_not_there_are_named(monkeypatch):
    monkeypatch.setattr(metrics, "RIVALS", {"no_such_thing": "no-such-thing"})
    with pytest.raises(ValueError, match="no-such-thing: not installed"):
        metrics.run(metrics.PRESETS["tiny"])
