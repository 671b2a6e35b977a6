"""The benchmark: its count of FLOPs, and that both sides train the same nets."""

import json

import jax
import jax.numpy as jnp
import optax
import pytest

from experiments.benchmarks import adversarial
from jaxgen.models.critic import PerceptronCritic
from jaxgen.models.generator import PerceptronGenerator
from jaxgen.objectives.adversarial import NON_SATURATING
from jaxgen.training.gan import gan, normal_latents


def update_and_state(width, batch):
    adam = optax.adam(1e-3)
    nets = PerceptronGenerator(2, width), PerceptronCritic(width)
    learner = gan(*nets, NON_SATURATING, normal_latents(2), adam, adam)
    real = jax.ShapeDtypeStruct((batch, 2), jnp.float32)
    key = jax.eval_shape(jax.random.key, 0)
    return learner.update, jax.eval_shape(learner.init, key, real), real


@pytest.mark.parametrize(("width", "batch"), [(128, 512), (64, 512)])
def test_the_formula_counts_the_products_of_the_compiled_step(width, batch):
    # The compiler counts what is left besides: activations, losses and Adam, which
    # grow with the width where the products grow with its square.
    update, state, real = update_and_state(width, batch)
    counted = jax.jit(update).lower(state, real).compile().cost_analysis()["flops"]
    assert 1 < counted / adversarial.matmul_flops(batch, width) < 1 + 6 / width


def test_results_say_what_was_measured(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(adversarial, "torch_is_here", lambda: False)
    out = tmp_path / "deep" / "found.json"
    tiny = adversarial.Adversarial(out, 2, 0.05, 2, 32, 16, 5)
    text = adversarial.run(tiny)
    assert "PyTorch is not installed" in capsys.readouterr().err
    assert str(out) in text
    found = json.loads(out.read_text())
    assert [row["title"] for row in found["contenders"]] == ["jaxgen", "jaxgen"]
    for row in found["contenders"]:
        assert row["units_per_second"]["median"] > 0
        assert set(row["jaxgen_is_faster_by"].values()) == {1.0}


def test_both_sides_have_the_same_parameters():
    torch_ring = pytest.importorskip(
        "experiments.benchmarks.torch_ring", reason="PyTorch is not installed"
    )
    _, state, _ = update_and_state(width=8, batch=4)
    ours = sum(leaf.size for leaf in jax.tree.leaves(state.params))
    nets = torch_ring.players(width=8)
    theirs = sum(p.numel() for net in nets for p in net.parameters())
    assert ours == theirs
