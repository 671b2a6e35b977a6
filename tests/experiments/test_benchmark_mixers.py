"""The benchmark of mixers: all compute the same, and results say what was measured."""

import json
import sys

import jax
import numpy as np
import pytest

from experiments.attention_scaling.settings import MixerName
from experiments.benchmarks import mixer_counterparts, mixer_works, mixers
from experiments.benchmarks.attention_tasks import weights
from experiments.benchmarks.mixer_counterparts import COUNTERPARTS, refusal
from experiments.benchmarks.mixer_rows import counterpart_name
from experiments.benchmarks.mixer_rows import row as row_of
from experiments.benchmarks.mixer_table import table
from experiments.benchmarks.mixer_tasks import MixerTask
from experiments.benchmarks.timing import Measurement

NAMES = MixerName.__args__
OF_ITS_OWN_DRAW = ("bigbird", "lsh")
ROOTED = {"fourier": np.sqrt(64 * 16)}
"""What jaxgen divides by, and its counterpart does not."""


def task_of(mixer, backward=False, length=64):
    return MixerTask(mixer, backward, length, 2, 8, 4)


def installed(monkeypatch, *packages):
    """As if of PyTorch's packages these alone were there."""
    monkeypatch.setattr(mixer_counterparts, "find_spec", packages.__contains__)


@pytest.mark.parametrize("name", NAMES)
def test_every_mixer_is_a_task(name):
    task = task_of(name)
    work = mixer_works.mixer_work(task)
    tokens, parameters = work.inputs
    assert jax.eval_shape(work.call, *work.inputs).shape == tokens.shape == (1, 64, 16)
    assert bool(parameters) == (name != "fourier")
    assert (mixer_works.needed_flops(task) == 0) == (name == "fourier")


def test_flops_are_those_of_the_products():
    # two products of n^2 h of each head, four projections of d^2; thrice with the gradient
    forward = mixer_works.needed_flops(task_of("full"))
    assert forward == 4 * 64**2 * 16 + 8 * 64 * 16**2
    assert mixer_works.needed_flops(task_of("full", backward=True)) == 3 * forward


def theirs_and_ours(name):
    """Both outputs, of the same vectors and parameters."""
    torch_mixers = pytest.importorskip(
        "experiments.benchmarks.torch_mixers", reason="PyTorch is not installed"
    )
    pytest.importorskip(COUNTERPARTS[name].package)
    task = task_of(name)
    work, theirs = mixer_works.mixer_work(task), torch_mixers.counterpart_work(task)
    tokens, parameters = work.inputs
    if name in torch_mixers.LAYERS and parameters:
        matrices = weights(task.layer("full"))[1]
        parameters = {
            of: {"kernel": matrices[of].reshape(leaf["kernel"].shape)}
            for of, leaf in parameters.items()
        }
    ours = jax.jit(work.call)(tokens, parameters)
    return theirs.call(*theirs.inputs).detach().numpy(), np.asarray(ours)


@pytest.mark.parametrize("name", [x for x in COUNTERPARTS if x not in OF_ITS_OWN_DRAW])
def test_both_compute_the_same(name):
    theirs, ours = theirs_and_ours(name)
    ours = ours * ROOTED.get(name, 1)
    np.testing.assert_allclose(theirs, ours, atol=3e-5 * np.abs(ours).max())


@pytest.mark.parametrize("name", COUNTERPARTS)
def test_counterparts_have_a_gradient_by_all_inputs(name):
    torch_mixers = pytest.importorskip(
        "experiments.benchmarks.torch_mixers", reason="PyTorch is not installed"
    )
    pytest.importorskip(COUNTERPARTS[name].package)
    torch_mixers.ready(task_of(name, backward=True)).advance(1)


def test_who_has_no_counterpart_says_why(monkeypatch):
    assert refusal(task_of("state_space"), 8).startswith("no counterpart")
    installed(monkeypatch, "torch")
    assert refusal(task_of("linear"), 8) == ""
    assert "no transformers; pip install '.[benchmark]'" in refusal(task_of("lsh"), 8)
    installed(monkeypatch, "torch", "transformers")
    assert all(refusal(task_of(name), 8) == "" for name in COUNTERPARTS)
    for name, length, words in (
        ("nystrom", 60, "multiple of 8"),
        ("sinkhorn", 4, "multiple of 4 tokens, and more"),
        ("window", 60, "multiple of 8"),
        ("bigbird", 40, "full attention up to 44"),
        ("strided", 65_536, "32 GiB, more than --memory 8"),
    ):
        assert words in refusal(task_of(name, length=length), 8)


def test_ratios_are_taken_within_a_round():
    def rounds(name, *seconds, units=1):
        return [
            Measurement(name, turn, units, 2 * one, one)
            for turn, one in enumerate(seconds)
        ]

    task = task_of("linear")
    of = {
        "matrix products": rounds("matrix products", 1.0, 2.0, units=8),
        "full": rounds("full", 2.0, 16.0),
        "linear": rounds("linear", 1.0, 4.0),
        counterpart_name(task): rounds(counterpart_name(task), 3.0, 8.0),
    }
    found = row_of(task, of, flops=4)
    cpu = "cpu_seconds"
    assert found["faster_than_full"][cpu] == {"median": 3, "lowest": 2, "highest": 4}
    theirs = found["faster_than_counterpart"][cpu]
    assert theirs == {"median": 2.5, "lowest": 2, "highest": 3}
    # 4 FLOPs in a second where 8 take one, then in 4 where 8 take 2
    assert found["jaxgen"]["share_of_limit"]["highest"] == pytest.approx(4 / 8)
    assert found["jaxgen"]["share_of_limit"]["lowest"] == pytest.approx(4 / 4 / 4)
    assert found["counterpart"]["wall_seconds"]["median"] == 11
    del of[counterpart_name(task)]
    assert row_of(task, of, flops=4)["counterpart"] is None


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    out = tmp_path_factory.mktemp("benchmark") / "deep" / "found.json"
    with pytest.MonkeyPatch.context() as patch:
        installed(patch)
        patch.setattr(sys, "argv", ["mixers", "tiny", "--out", str(out)])
        assert mixers.main() == 0
    return json.loads(out.read_text())


def test_results_say_what_was_measured(found):
    assert {"jax", "numpy", "python"} <= set(found["versions"])
    keys = [(row["mixer"], row["backward"]) for row in found["rows"]]
    asked = mixers.PRESETS["tiny"].mixers
    assert sorted(keys) == sorted((x, way) for x in asked for way in (False, True))
    for row in found["rows"]:
        assert row["counterpart"] is None and row["left_out"]
        assert ("torch" in row["left_out"]) == (row["mixer"] != "state_space")
        assert row["jaxgen"]["cpu_seconds"]["lowest"] > 0
        assert 0 < row["jaxgen"]["share_of_limit"]["median"] < 1
        ratio = row["faster_than_full"]["cpu_seconds"]
        assert (ratio["lowest"] == ratio["highest"] == 1) == (row["mixer"] == "full")


def test_the_table_has_a_line_for_each_mixer(found):
    lines = table(found["rows"]).splitlines()
    for direction in ("forward", "with gradient"):
        assert f"64 tokens, {direction}" in lines
    for start in ("full attention ", "state space "):
        assert sum(line.startswith(start) for line in lines) == 2
    theirs = {"name": "formula", **found["rows"][0]["jaxgen"]}
    beside = {"counterpart": theirs, "left_out": ""}
    ratio = {"faster_than_counterpart": found["rows"][0]["faster_than_full"]}
    last = table([found["rows"][0] | beside | ratio]).splitlines()[-1]
    assert "  formula  " in last and last.endswith(" 1.00")


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="--rounds 0"):
        mixers.Mixers(rounds=0)
    with pytest.raises(ValueError, match="--together 0"):
        mixers.Mixers(together=0)
    with pytest.raises(ValueError, match="--lengths"):
        mixers.Mixers(lengths=(512, 0))
    with pytest.raises(ValueError, match="--mixers: expected one or more, each once"):
        mixers.Mixers(mixers=("full", "full"))
