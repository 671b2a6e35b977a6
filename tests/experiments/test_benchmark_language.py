"""The benchmark of language models: both sides compute the same, results are told."""

import json
import math
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.benchmarks import jaxgen_language, language
from experiments.benchmarks.language_contenders import Entry, entries
from experiments.benchmarks.language_table import rows, table
from experiments.benchmarks.language_tasks import LanguageTask
from experiments.benchmarks.processes import Contender
from experiments.benchmarks.timing import Measurement
from jaxgen.models.language_model import parameter_count

TASK = LanguageTask(2, 2, 8, 6, 3)
NANOGPT = LanguageTask(4, 4, 128, 64, 12)


def torch_side(name):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    return pytest.importorskip(f"experiments.benchmarks.{name}")


def test_a_token_costs_six_operations_a_weight_and_those_of_attention():
    """By the formula of Kaplan et al. (2020), a third of it forward."""
    weights = 12 * 4 * 128**2 + 65 * 128
    assert jaxgen_language.flops_of(NANOGPT) == 2 * weights + 4 * 4 * 64 * 128


def with_weights(net, params):
    """PyTorch's model with jaxgen's parameters."""
    import torch

    def put(parameter, *kernels):
        inputs = parameter.shape[1]
        matrices = [np.array(kernel).reshape(inputs, -1) for kernel in kernels]
        parameter.copy_(torch.from_numpy(np.concatenate(matrices, axis=1).T))

    encoder = params["encoder"]
    with torch.no_grad():
        net.tokens.weight.copy_(torch.tensor(encoder["embedding"]["embedding"]))
        net.positions.weight.copy_(torch.tensor(encoder["positions"]["table"]))
        for block, layer in zip(net.blocks, encoder["stack"].values(), strict=True):
            mixer, mlp = layer["mixer"], layer["mlp"]
            told = [mixer[name]["kernel"] for name in ("query", "key", "value")]
            put(block.attention.inputs.weight, *told)
            put(block.attention.out.weight, mixer["out"]["kernel"])
            put(block.hidden.weight, mlp["Dense_0"]["kernel"])
            put(block.out.weight, mlp["Dense_1"]["kernel"])
    return net


def learned():
    """Parameters of jaxgen's model, and tokens."""
    tokens = jnp.arange(TASK.tokens).reshape(TASK.batch, TASK.length) * 7 % 65
    model = jaxgen_language.model_of(TASK)
    return model, model.init(jax.random.key(0), tokens)["params"], tokens


def test_both_models_compute_the_same():
    """But for the output, which jaxgen divides by the root of the features."""
    torch_language = torch_side("torch_language")
    import torch

    model, params, tokens = learned()
    net = with_weights(torch_language.Transformer(TASK), params)
    theirs = net(torch.tensor(np.array(tokens))).detach().numpy() / math.sqrt(8)
    ours = jax.jit(model.apply)({"params": params}, tokens)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert sum(one.numel() for one in net.parameters()) == parameter_count(model)


def test_pytorch_remembers_what_it_has_read():
    torch_language = torch_side("torch_language")
    import torch

    net = torch_language.Transformer(TASK).eval()
    tokens = torch.randint(65, (TASK.batch, TASK.length))
    shape = TASK.batch, TASK.heads, TASK.length, TASK.width // TASK.heads
    kept = torch_language.Kept(torch.zeros(shape), torch.zeros(shape))
    memory = tuple(
        torch_language.Kept(*(x.clone() for x in kept)) for _ in range(TASK.layers)
    )
    with torch.no_grad():
        whole = net(tokens)
        one_by_one = [
            net(tokens[:, at : at + 1], torch.tensor([at]), memory)
            for at in range(TASK.length)
        ]
    np.testing.assert_allclose(whole, torch.cat(one_by_one, 1), atol=1e-5)


def test_a_llama_is_as_large():
    torch_side("torch_language")
    pytest.importorskip("transformers", reason="transformers is not installed")
    hugging_face_language = torch_side("hugging_face_language")
    theirs = sum(w.numel() for w in hugging_face_language.llama(NANOGPT).parameters())
    ours = parameter_count(jaxgen_language.model_of(NANOGPT)) - 64 * 128  # positions
    assert theirs == pytest.approx(ours, rel=0.002)


@pytest.mark.parametrize("way", ["training", "sampling"])
@pytest.mark.parametrize("side", ["PyTorch eager", "Llama"])
def test_rivals_run(side, way):
    torch_side("torch_language")
    pytest.importorskip("transformers", reason="transformers is not installed")
    told = entries(TASK, way, language.PRESETS["tiny"], 1, ())
    (chosen,) = [one.contender for one in told if one.side == side]
    (build,) = chosen.builds
    ready = build()
    ready.advance(1)
    assert ready.units == 3 * (6 if way == "training" else 5)


@pytest.mark.parametrize("cores", [1, 2])
def test_every_setting_is_a_contender_of_its_own(cores):
    tiny = language.PRESETS["tiny"]
    for way in language.WAYS:
        names = [x.contender.name for x in entries(TASK, way, tiny, cores, ())]
        assert len(set(names)) == len(names)
        assert any("2 processes" in name for name in names) == (
            way == "training" and cores > 1
        )
        alone = entries(TASK, way, tiny, cores, ("torch",))
        assert {one.side for one in alone} == {"jaxgen"}


def test_ratios_are_those_of_the_fastest_setting_within_a_round():
    def entry(name, side, arms):
        return Entry(Contender(name, ()), "training", side, arms)

    def rounds(name, *rates):
        return [Measurement(name, i, rate, 1.0, 2.0) for i, rate in enumerate(rates)]

    told = [
        entry("slow", "jaxgen", 1),
        entry("fast", "jaxgen", 1),
        entry("many", "jaxgen", 10),
        entry("one", "PyTorch eager", 1),
        entry("each", "PyTorch eager", 2),
    ]
    measurements = [
        *rounds("limit", 100, 200),
        *rounds("slow", 1, 1),
        *rounds("fast", 8, 6),
        *rounds("many", 16, 16),
        *rounds("one", 4, 2),
        *rounds("each", 4, 4),
    ]
    seconds = dict.fromkeys(("slow", "fast", "many", "one", "each"), 1.0)
    found = rows(told, "limit", 5, measurements, seconds)
    assert found[0]["jaxgen_is_faster_by"] == {}
    one, each = (row["jaxgen_is_faster_by"] for row in found[3:])
    assert one["one model"] == {"median": 2.5, "lowest": 2, "highest": 3}
    assert one["study"] == {"median": 6, "lowest": 4, "highest": 8}
    assert set(each) == {"study"}
    assert found[1]["share_of_limit"] == {
        "median": pytest.approx(0.275),
        "lowest": pytest.approx(0.15),
        "highest": pytest.approx(0.4),
    }


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    out = tmp_path_factory.mktemp("benchmark") / "deep" / "found.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(language, "missing_of", list)
        patch.setattr(sys, "argv", ["language", "tiny", "--out", str(out)])
        assert language.main() == 0
    return json.loads(out.read_text())


def test_results_say_what_was_measured(found):
    assert {"jax", "numpy", "python", "cores"} <= set(found["versions"])
    assert {row["way"] for row in found["rows"]} == set(language.WAYS)
    assert {row["arms"] for row in found["rows"]} == {1, 2}
    for row in found["rows"]:
        assert row["side"] == "jaxgen" and row["tokens_per_second"]["lowest"] > 0
        assert 0 < row["share_of_limit"]["median"] < 1
    assert 0 < found["memory"]["chunked"] < found["memory"]["plain"]


def test_the_table_has_a_line_for_each_contender(found):
    lines = table(found).splitlines()
    for row in found["rows"]:
        assert any(line.startswith(row["name"]) for line in lines)
    assert "4 tokens of a row at a time" in lines[-1]


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="--batch 0"):
        language.Language(batch=0)
    with pytest.raises(ValueError, match="--ways: expected one or more, each once"):
        language.Language(ways=())
