"""The benchmark of autoencoders: its count of FLOPs, and that both sides are the same."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.benchmarks import autoencoding
from experiments.benchmarks.autoencoding_tasks import (
    Scored,
    Sizes,
    agreement,
    black_and_white,
    loaded,
    matmul_flops,
    saved,
)
from experiments.benchmarks.autoencoding_works import layers_of, learner_of, net_of

SMALL = Sizes(width=8, code=3, batch=4)


def state_and_batch(sizes):
    images = jax.ShapeDtypeStruct((sizes.batch, 28, 28, 1), jnp.float32)
    key = jax.eval_shape(jax.random.key, 0)
    return jax.eval_shape(learner_of(sizes).init, key, images), images


def test_the_formula_counts_the_products_of_the_compiled_step():
    # The compiler counts what is left besides: pixels' likelihoods, Adam's updates.
    sizes = Sizes(width=200, code=50, batch=100)
    update = jax.jit(learner_of(sizes).update).lower(*state_and_batch(sizes))
    counted = update.compile().cost_analysis()["flops"]
    assert 1 < counted / (sizes.batch * matmul_flops(sizes)) < 1.1


def test_results_say_what_was_measured_and_what_is_missing(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(autoencoding, "installed", {"torch"}.__contains__)
    monkeypatch.setattr(autoencoding, "entries", entries_of_ours)
    out = tmp_path / "deep" / "found.json"
    sizes = {"seeds": 2, "batch": 8, "width": 8, "code": 2, "dispatch": 2, "steps": 2}
    few = {"images": 4, "images_pythae": 2, "codes": 10, "bound_rounds": 2}
    text = autoencoding.run(
        autoencoding.Autoencoding(out, rounds=2, seconds=0.02, **sizes, **few)
    )
    told = capsys.readouterr().err
    assert "pythae, its trainer is left out: pip install pythae" in told
    assert "PyTorch eager is left out" not in told
    found = json.loads(out.read_text())
    assert str(out) in text and found["training"]["contenders"][0]["seeds"] == 1
    for row in found["training"]["contenders"]:
        assert row["units_per_second"]["median"] > 0
        assert set(row["jaxgen_is_faster_by"].values()) == {1.0}
    # as many nats as pixels that are not known, and none of pythae's
    assert 300 < found["likelihood"]["jaxgen"]["nats"] < 784
    assert "pythae" not in found["likelihood"]


def entries_of_ours(e, rivals, cores):
    assert list(rivals) == ["eager", "compiled"]
    return [autoencoding.ours(e, 1)]


@pytest.mark.parametrize(
    "settings, complaint",
    [
        ({"seeds": 1}, "--seeds 1"),
        ({"codes": 501}, "expected a multiple of 500"),
        ({"images_pythae": 1}, "--images-pythae 1"),
        ({"parts": ()}, "parts"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, complaint):
    with pytest.raises(ValueError, match=complaint):
        autoencoding.Autoencoding(**settings)


def test_estimates_agree_where_differences_are_noise():
    rng = np.random.default_rng(0)
    ours = rng.normal(100, 9, 400)
    assert agreement([*ours, 7.0], ours + rng.normal(0, 0.1, 400))["agree"]
    assert not agreement(ours, ours + rng.normal(0.1, 0.1, 400))["agree"]


def test_images_are_black_and_white():
    images = black_and_white(None)
    assert images.shape == (1797, 28, 28, 1) and set(np.unique(images)) == {0.0, 1.0}


def test_pythae_scores_the_same_weights_alike(tmp_path):
    pythae = pytest.importorskip(
        "experiments.benchmarks.pythae_autoencoding",
        reason="PyTorch or pythae is not installed",
    )
    net, images = net_of(SMALL), jnp.asarray(black_and_white(None)[:4])
    params = net.init(jax.random.key(0), images, jax.random.key(1))["params"]
    layers = layers_of(params)
    saved(tmp_path / "weights.npz", layers)
    jax.tree.map(
        np.testing.assert_array_equal, loaded(tmp_path / "weights.npz"), layers
    )
    pythae.bounded(Scored(SMALL, 4, 500, 0, tmp_path), threads=1)
    theirs = json.loads((tmp_path / "pythae.json").read_text())
    terms = net.apply({"params": params}, images, jax.random.key(2), 500)
    ours = np.log(500) - jax.nn.logsumexp(terms.log_weights, axis=0)
    np.testing.assert_allclose(ours, theirs, atol=0.3)
