"""The benchmark: its count of FLOPs, and that both sides make the same step."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.benchmarks import continual
from experiments.domain_generalization.digit_runs import net_of, prediction_of
from experiments.domain_generalization.digit_settings import SplitDigits
from experiments.domain_generalization.digit_stages import Shown, pairs
from jaxgen.objectives.anchor import anchor_penalty
from jaxgen.objectives.parameter_importance import batched_fisher, mean_nats_of

WIDE = SplitDigits(width=64)
PAIRS = pairs(jnp.arange(10))


def test_the_formula_counts_the_products_of_a_gradient():
    batch = Shown(jnp.zeros((128, 784)), jnp.zeros(128, int), jnp.zeros(128, int))
    params = jax.eval_shape(net_of(WIDE).init, jax.random.key(0), batch.images)
    loss = mean_nats_of(prediction_of(WIDE, PAIRS))
    slope = jax.jit(jax.grad(lambda p: loss(p, batch, None)[0]))
    counted = slope.lower(params["params"]).compile().cost_analysis()["flops"]
    assert 1 < counted / continual.matmul_flops(128, 64) < 1.05


def test_results_say_what_was_measured(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(continual, "torch_is_here", lambda: False)
    out = tmp_path / "found.json"
    tiny = continual.Continual(out, 2, 0.05, 2, 16, 8, 2, 128)
    assert str(out) in continual.run(tiny)
    assert "PyTorch is not installed" in capsys.readouterr().err
    found = json.loads(out.read_text())
    assert [row["title"] for row in found["contenders"]] == ["jaxgen"]
    assert found["contenders"][0]["units_per_second"]["median"] > 0


def test_both_sides_have_the_same_loss_penalty_and_fisher_information():
    theirs = pytest.importorskip(
        "experiments.benchmarks.torch_continual", reason="PyTorch is not installed"
    )
    torch = pytest.importorskip("torch")
    net = theirs.net_of(64)
    weights = [w.detach().numpy() for w in net.parameters()]
    params = {
        "Hidden_0": {
            f"Dense_{i}": {"kernel": weights[2 * i].T, "bias": weights[2 * i + 1]}
            for i in range(2)
        },
        "Dense_0": {"kernel": weights[4].T, "bias": weights[5]},
    }
    params = jax.tree.map(jnp.asarray, params)
    x = np.random.default_rng(0).uniform(size=(256, 784)).astype(np.float32)
    y = np.arange(256) % 2
    batch = Shown(jnp.asarray(x), jnp.asarray(y), jnp.full(256, 3))
    predict = prediction_of(WIDE, PAIRS)
    told = torch.from_numpy(x), torch.from_numpy(y)
    loss = mean_nats_of(predict)(params, batch, None)[0]
    assert float(loss) == pytest.approx(theirs.nats_of(net, *told, 3).item(), rel=1e-5)
    ours = batched_fisher(128)(predict, params, batch, jax.random.key(0))
    fisher = theirs.fisher_of(net, *told, 3)
    np.testing.assert_allclose(
        ours["Dense_0"]["kernel"], fisher[4].T, rtol=1e-3, atol=1e-9
    )
    ahead = jax.tree.map(lambda leaf: leaf + 0.5, params)
    own = [w.detach() for w in net.parameters()]
    expected = theirs.penalty_of([w + 0.5 for w in own], own, fisher)
    found = anchor_penalty(ahead, params, ours)
    assert float(found) == pytest.approx(float(expected), rel=1e-4)
