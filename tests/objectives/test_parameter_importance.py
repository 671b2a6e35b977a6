"""Fisher information of a logistic model, by loops in float64; a text model's means."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.objectives.anchor import anchor_penalty, distillation
from jaxgen.objectives.gradient_projection import inner_product, without_conflict
from jaxgen.objectives.parameter_importance import (
    Prediction,
    batched_fisher,
    empirical_fisher,
    exact_fisher,
    mean_nats_of,
    output_sensitivity,
    sampled_fisher,
)

CHANCE = np.random.default_rng(0)
X = CHANCE.normal(size=(24, 3))
Y = CHANCE.integers(3, size=24)
W = CHANCE.normal(size=(3, 3))
BATCH = jnp.asarray(X, jnp.float32), jnp.asarray(Y)
PARAMS = jnp.asarray(W, jnp.float32)


def predict(w, batch):
    x, y = batch
    return Prediction(x @ w, y)


def shares(x, w=W):
    z = np.exp(x @ w - (x @ w).max())
    return z / z.sum()


def score(x, y):
    """Of log p_y by w, in float64."""
    return np.outer(x, np.eye(3)[y] - shares(x))


EXACT = np.mean(
    [sum(shares(x)[y] * score(x, y) ** 2 for y in range(3)) for x in X], axis=0
)
EMPIRICAL = np.mean([score(x, y) ** 2 for x, y in zip(X, Y, strict=True)], axis=0)


def test_exact_and_empirical_by_loops(key):
    exact = exact_fisher(predict, PARAMS, BATCH, key)
    np.testing.assert_allclose(exact, EXACT, rtol=1e-5)
    empirical = empirical_fisher(predict, PARAMS, BATCH, key)
    np.testing.assert_allclose(empirical, EMPIRICAL, rtol=1e-5)
    assert np.abs(EXACT / EMPIRICAL - 1).max() > 0.2  # they are not alike


def test_batches_average_before_they_square(key):
    found = batched_fisher(8)(predict, PARAMS, BATCH, key)
    means = [
        np.mean([score(x, y) for x, y in zip(X[i:j], Y[i:j], strict=True)], axis=0)
        for i, j in ((0, 8), (8, 16), (16, 24))
    ]
    np.testing.assert_allclose(found, np.mean(np.square(means), axis=0), rtol=1e-5)
    one = batched_fisher(1)(predict, PARAMS, BATCH, key)
    np.testing.assert_allclose(one, EMPIRICAL, rtol=1e-5)


def test_batches_of_drawn_classes_are_smaller_by_their_size(key):
    """Where gradients have no mean, those of a batch have 1/b of their square."""
    x = np.repeat(X, 256, axis=0)
    y = np.array(
        [np.random.default_rng(i).choice(3, p=shares(x)) for i, x in enumerate(x)]
    )
    chosen = np.random.default_rng(1).permutation(len(x))
    batch = jnp.asarray(x[chosen], jnp.float32), jnp.asarray(y[chosen])
    found = batched_fisher(16)(predict, PARAMS, batch, key)
    np.testing.assert_allclose(16 * found, EXACT, rtol=0.35)
    assert abs(float((16 * found).sum()) / EXACT.sum() - 1) < 0.1


def test_drawn_classes_have_the_exact_mean():
    keys = jax.random.split(jax.random.key(3), 2000)
    found = jax.jit(jax.vmap(lambda key: sampled_fisher(predict, PARAMS, BATCH, key)))(
        keys
    )
    error = np.asarray(found).std(0) / np.sqrt(len(keys))
    assert (np.abs(found.mean(0) - EXACT) < 4 * error).all()
    assert (error < 0.02 * EXACT + 1e-4).all()


def test_of_a_sequence_it_is_the_mean_over_tokens(key):
    """Tokens that see nothing of one another are as many examples."""
    rows = jax.tree.map(lambda leaf: leaf.reshape(6, 4, *leaf.shape[1:]), BATCH)
    exact = exact_fisher(predict, PARAMS, rows, key)
    np.testing.assert_allclose(exact, EXACT, rtol=1e-5)
    told = output_sensitivity(predict, PARAMS, rows, key)
    expected = [
        np.abs(np.mean([2 * np.outer(x, x @ W) for x in X[i : i + 4]], axis=0))
        for i in range(0, 24, 4)
    ]
    np.testing.assert_allclose(told, np.mean(expected, axis=0), rtol=1e-4)
    keys = jax.random.split(jax.random.key(4), 2000)
    drawn = jax.jit(jax.vmap(lambda key: sampled_fisher(predict, PARAMS, rows, key)))(
        keys
    )
    error = np.asarray(drawn).std(0) / np.sqrt(len(keys))
    assert (np.abs(drawn.mean(0) - EXACT) < 4 * error).all()


def test_the_loss_is_the_mean_of_what_was_told(key):
    loss, _ = mean_nats_of(predict)(PARAMS, BATCH, key)
    nats = [-np.log(shares(x)[y]) for x, y in zip(X, Y, strict=True)]
    assert float(loss) == pytest.approx(np.mean(nats), rel=1e-6)


def test_distillation_is_the_divergence_at_a_temperature():
    old, new = CHANCE.normal(size=(2, 5, 3))
    p, q = (np.exp(z / 2.5) / np.exp(z / 2.5).sum(1, keepdims=True) for z in (old, new))
    expected = 2.5**2 * (p * np.log(p / q)).sum(1).mean()
    found = distillation(jnp.float32(new), jnp.float32(old), 2.5)
    assert float(found) == pytest.approx(expected, rel=1e-4)
    teaches = jax.grad(lambda z: distillation(jnp.float32(new), z))(jnp.float32(old))
    assert not teaches.any()


def test_what_goes_against_the_reference_is_taken_away():
    for seed in range(20):
        g, r = np.random.default_rng(seed).normal(size=(2, 4)).astype(np.float32)
        tree = {"a": jnp.asarray(g[:1]), "b": jnp.asarray(g[1:])}
        reference = {"a": jnp.asarray(r[:1]), "b": jnp.asarray(r[1:])}
        found = without_conflict(tree, reference)
        flat = np.concatenate([found["a"], found["b"]])
        if g @ r >= 0:
            np.testing.assert_array_equal(flat, g)
        else:
            assert float(inner_product(found, reference)) == pytest.approx(0, abs=1e-5)
            np.testing.assert_allclose(flat, g - (g @ r) / (r @ r) * r, rtol=1e-4)
    still = without_conflict(tree, jax.tree.map(jnp.zeros_like, tree))
    np.testing.assert_array_equal(still["b"], tree["b"])


def test_the_penalty_is_half_a_weighted_square():
    w, a, f = CHANCE.normal(size=(3, 4))
    found = anchor_penalty(*({"x": jnp.float32(v)} for v in (w, a, f)))
    assert float(found) == pytest.approx(0.5 * (f * (w - a) ** 2).sum(), rel=1e-5)


def test_what_cannot_be_is_refused(key):
    with pytest.raises(ValueError, match="size=0"):
        batched_fisher(0)
    with pytest.raises(ValueError, match="batches of 32: expected so many"):
        batched_fisher(32)(predict, PARAMS, BATCH, key)
