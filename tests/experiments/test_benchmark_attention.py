"""The benchmark of attention: all compute the same, and results say what was measured."""

import importlib.util
import json
import sys

import chex
import jax
import numpy as np
import pytest

from experiments.benchmarks import attention, attention_rows, attention_works
from experiments.benchmarks.attention_contenders import (
    OFFERS,
    installed,
    offered,
    refusal,
)
from experiments.benchmarks.attention_rows import needed_flops, sides
from experiments.benchmarks.attention_table import aims, table
from experiments.benchmarks.attention_tasks import PATTERNS, Task, vectors, weights
from experiments.benchmarks.timing import Measurement
from jaxgen.attention.live import Grid, live_blocks

LENGTH, WINDOW = 128, 8
WITH_TORCH = ("PyTorch SDPA", "PyTorch Flex", "Hugging Face")


def task_of(pattern, layer=False, backward=False, length=LENGTH):
    return Task(pattern, layer, backward, length, 2, 8, WINDOW)


def mask_of(pattern):
    """The pairs that may attend, written out."""
    index = np.arange(LENGTH)
    query, key = index[:, None], index[None, :]
    near = abs(query - key) <= WINDOW
    if pattern == "bigbird":
        task = task_of(pattern)
        return attention_works.pattern_of(task).allowed(query, key, LENGTH)
    return {
        "full": near | True,
        "causal": key <= query,
        "window": near,
        "longformer": near | (query == 0) | (key == 0),
    }[pattern]


def attended(query, key, value, mask):
    """Softmax attention in float64, each (length, heads, features)."""
    query, key, value = (x[0].astype(np.float64) for x in (query, key, value))
    logits = np.einsum("qhf,khf->hqk", query, key) / np.sqrt(query.shape[-1])
    powers = np.where(mask, np.exp(logits - logits.max(-1, keepdims=True)), 0)
    return np.einsum("hqk,khf->qhf", powers / powers.sum(-1, keepdims=True), value)


def layer_of(tokens, matrices, heads, mask):
    query, key, value = (
        (tokens @ matrices[name]).reshape(1, LENGTH, heads, -1)
        for name in ("query", "key", "value")
    )
    return attended(query, key, value, mask).reshape(LENGTH, -1) @ matrices["out"]


def work_of(name, task):
    if name in attention_works.JAX_WORKS:
        work = attention_works.JAX_WORKS[name](task)
        return work._replace(inputs=jax.device_put(work.inputs))
    torch_attention = pytest.importorskip(
        "experiments.benchmarks.torch_attention", reason="PyTorch is not installed"
    )
    if name == "PyTorch Flex":
        return torch_attention.flex_work(task)  # compiling takes half a minute
    return torch_attention.torch_work(name, task)


def output_of(name, task):
    work = work_of(name, task)
    if name in WITH_TORCH:
        return work.call(*work.inputs).detach().numpy()[0]
    return np.asarray(jax.jit(work.call)(*work.inputs))[0]


def require_installed(name):
    if name not in installed():
        pytest.skip(f"{OFFERS[name].package} is not installed")


ASKED = [
    (name, pattern, layer)
    for name in OFFERS
    for layer in (False, True)
    for pattern in PATTERNS
    if offered(name, task_of(pattern, layer))
]


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
@pytest.mark.parametrize(
    ("name", "pattern"),
    [(name, pattern) for name, pattern, layer in ASKED if not layer],
)
def test_all_compute_the_same_attention(name, pattern):
    require_installed(name)
    task = task_of(pattern)
    wanted = attended(*vectors(task), mask_of(pattern))
    np.testing.assert_allclose(output_of(name, task), wanted, atol=2e-6)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [("jaxgen", "longformer"), ("jaxgen", "bigbird"), ("Hugging Face", "longformer")],
)
def test_both_compute_the_same_layer(name, pattern):
    require_installed(name)
    task = task_of(pattern, layer=True)
    wanted = layer_of(*weights(task), task.heads, mask_of(pattern))
    np.testing.assert_allclose(output_of(name, task), wanted, atol=1e-5)


def test_hugging_faces_bigbird_computes_as_much_as_ours():
    # Its draws are its own and differ from head to head, so the pairs are its own too.
    require_installed("Hugging Face")
    layers = pytest.importorskip("experiments.benchmarks.hugging_face_layers")
    task = task_of("bigbird", layer=True)
    layer, masks = layers.bigbird_layer(task)
    tokens, matrices = weights(task)
    weight = layer(layers.torch.from_numpy(tokens), **masks)[1]
    mask = weight.detach().numpy()[0] > 0
    wanted = layer_of(tokens, matrices, task.heads, mask)
    np.testing.assert_allclose(output_of("Hugging Face", task), wanted, atol=1e-5)
    blocks = mask.reshape(2, 16, WINDOW, 16, WINDOW)
    assert (blocks.any((2, 4)) == blocks.all((2, 4))).all()
    # three of a window, three drawn, two at the ends: ours may be drawn where others are
    assert (blocks.any((2, 4)).sum(-1)[:, 2:-2] == 8).all()
    grid = Grid(LENGTH, LENGTH, WINDOW, WINDOW)
    ours = live_blocks(attention_works.pattern_of(task), grid).sum(-1)[2:-2]
    assert ours.max() == 8 and ours.mean() > 6.5


@pytest.mark.parametrize("layer", [False, True], ids=["attention", "layer"])
def test_the_gradient_of_jax_comes_with_its_output(layer):
    task = task_of("window", layer)
    work = work_of("jaxgen", task)
    output = jax.jit(work.call)(*work.inputs)
    cotangent = np.ones(output.shape, np.float32)
    both = jax.jit(attention_works.with_gradient(work.call))(cotangent, *work.inputs)
    found, slopes = both
    np.testing.assert_allclose(found, output, atol=1e-6)
    sum_of = jax.grad(lambda *x: work.call(*x).sum(), tuple(range(len(work.inputs))))
    chex.assert_trees_all_close(slopes, jax.jit(sum_of)(*work.inputs), atol=1e-4)


@pytest.mark.parametrize("name", WITH_TORCH)
def test_the_gradient_of_torch_is_by_all_inputs(name):
    require_installed(name)
    task = task_of(
        "longformer" if name == "Hugging Face" else "window",
        name == "Hugging Face",
        True,
    )
    if refusal(name, task, memory=8):
        return
    attention_works.ready(name, task, memory=8).advance(1)


def test_flops_are_those_of_the_products():
    # two products of n^2 h each way, thrice with the gradient; four projections of d^2
    pairs, width = LENGTH**2, 16
    assert needed_flops(task_of("full")) == 4 * pairs * width
    assert needed_flops(task_of("full", backward=True)) == 12 * pairs * width
    layer = needed_flops(task_of("full", layer=True))
    assert layer == 4 * pairs * width + 8 * LENGTH * width**2
    sparse = [needed_flops(task_of("window", length=n)) for n in (4096, 8192)]
    assert sparse[1] == pytest.approx(2 * sparse[0], rel=0.02)


def test_who_cannot_do_a_task_says_why():
    huge = {"length": 32_768}
    assert refusal("jaxgen", task_of("full", **huge), 8) == ""
    assert "gradient" in refusal("PyTorch Flex", task_of("full", backward=True), 8)
    bigbird = task_of("bigbird", layer=True, **huge)
    assert refusal("Hugging Face", bigbird, 8) == ""
    assert "8 GiB, more than --memory 7" in refusal("Hugging Face", bigbird, 7)
    assert "multiple of 16" in refusal(
        "Hugging Face", task_of("longformer", layer=True, length=100), 8
    )
    assert "full attention up to 88" in refusal(
        "Hugging Face", task_of("bigbird", layer=True, length=88), 8
    )
    with pytest.raises(ValueError, match=r"GiB, more than --memory 0\.0001"):
        attention_works.ready("jax.nn", task_of("full", length=512), 0.0001)


def test_ratios_are_taken_within_a_round():
    def rounds(name, *seconds, units=1):
        return [
            Measurement(name, turn, units, 2 * one, one)
            for turn, one in enumerate(seconds)
        ]

    found = sides(
        {
            "matrix products": rounds("matrix products", 1.0, 2.0, units=8),
            "jaxgen": rounds("jaxgen", 1.0, 4.0),
            "slow": rounds("slow", 3.0, 8.0),
        },
        flops=4,
    )
    slow = found["contenders"]["slow"]
    assert slow["jaxgen_is_faster_by"] == {"median": 2.5, "lowest": 2, "highest": 3}
    assert slow["wall_seconds"]["median"] == 11
    # 4 FLOPs in 3 seconds where 8 take 1, then in 8 where 8 take 2
    assert slow["share_of_limit"]["highest"] == pytest.approx(4 / 3 / 8)
    assert slow["share_of_limit"]["lowest"] == pytest.approx(4 / 8 / 4)


def row_of(pattern, backward, seconds, length=4096, layer=False):
    sides = {
        name: {
            "cpu_seconds": {"median": of},
            "jaxgen_is_faster_by": {"median": of / seconds["jaxgen"]},
        }
        for name, of in seconds.items()
    }
    keys = ("pattern", "backward", "length", "layer", "contenders")
    return dict(zip(keys, (pattern, backward, length, layer, sides), strict=True))


def test_aims_are_judged_by_the_least_factor():
    rows = [
        row_of("full", False, {"jaxgen": 2, "jax.nn": 5, "Flax": 3}),
        row_of("causal", False, {"jaxgen": 2, "jax.nn": 1.8}, length=512),
        row_of("window", False, {"jaxgen": 0.25, "jax.nn": 4, "Flax": 2.5}),
        row_of("window", False, {"jaxgen": 1, "jax.nn": 1}, length=512),
    ]
    lines = [" ".join(line.split()) for line in aims(rows)[1:]]
    assert lines == [
        "any other, at full and causal attention 1 0.90 missed",
        "jax.nn, at a window 12 16.00 reached",
        "the fastest full attention, at a window 7 12.00 reached",
    ]
    assert aims(rows[3:]) == []


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    out = tmp_path_factory.mktemp("benchmark") / "deep" / "found.json"
    few = {name: OFFERS[name] for name in ("jaxgen", "jax.nn")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attention_rows, "installed", lambda: few)
        patch.setattr(
            sys,
            "argv",
            ["attention", "tiny", "--patterns", "window", "--out", str(out)],
        )
        assert attention.main() == 0
    return json.loads(out.read_text())


def test_results_say_what_was_measured(found):
    assert {"jax", "numpy", "python"} <= set(found["versions"])
    assert found["load_at_start"] >= 0
    titles = [(row["title"], row["length"]) for row in found["rows"]]
    assert len(set(titles)) == len(titles) == 4
    for row in found["rows"]:
        assert row["limit_gflops"]["lowest"] > 0 < row["flops"]
        own = row["contenders"]["jaxgen"]
        assert own["jaxgen_is_faster_by"] == own["in_wall_time_by"]
        assert ("jax.nn" in row["contenders"]) == (not row["layer"])
        for side in row["contenders"].values():
            assert side["cpu_seconds"]["lowest"] > 0
            assert 0 < side["share_of_limit"]["median"] < 1
            assert side["wall_seconds"]["median"] > 0


def test_the_table_has_a_line_for_each_contender(found):
    lines = table(found["rows"]).splitlines()
    for row in found["rows"]:
        assert f"{row['title']}, 128 tokens: " in "\n".join(lines)
    for name, count in (("jaxgen", 4), ("jax.nn", 2)):
        assert sum(line.startswith(f"{name}  ") for line in lines) == count


def test_packages_that_are_not_there_are_named(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: name != "tokamax" and found(name)
    )
    said = []
    monkeypatch.setattr(attention, "tasks", lambda _: [])
    monkeypatch.setattr(attention, "written", lambda out, found, table: table)
    attention.run(attention.PRESETS["tiny"], said.append)
    assert any("tokamax" in line and "'.[benchmark]'" in line for line in said)


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="--rounds 0"):
        attention.Attention(rounds=0)
    with pytest.raises(ValueError, match="--lengths"):
        attention.Attention(lengths=(512, 0))
    with pytest.raises(ValueError, match="--memory"):
        attention.Attention(memory=0)
