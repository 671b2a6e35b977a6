"""Heads of text: their formulas, and that they learn."""

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.attention.dense import Dense
from jaxgen.models.text_encoder import TextEncoder, by_cls, by_mean
from jaxgen.models.text_heads import (
    MaskedLanguageModel,
    TextClassifier,
    TextEmbedder,
    TextMatcher,
)
from jaxgen.nn.attention import SelfAttention
from jaxgen.nn.mixer import Context
from jaxgen.nn.transformer_block import FeedForward, TransformerBlock
from jaxgen.objectives.language import cross_entropy
from jaxgen.training.descent import descent
from learners import adam, guessing, trajectory

MASK = 8
MIXER = SelfAttention(2, implementation=Dense())
BLOCK = TransformerBlock(MIXER, FeedForward(16), dropout=0.1)
ENCODER = TextEncoder(MASK + 1, 8, (BLOCK,), cls=True)
ONE, OTHER = jnp.asarray(np.random.default_rng(0).integers(0, MASK, (2, 16, 5)))
CONTEXT = Context(jnp.broadcast_to(jnp.arange(5)[None] >= 3, ONE.shape))


@lru_cache
def started(model, texts):
    inputs = (ONE, OTHER)[:texts]
    return jax.jit(model.init)(jax.random.key(0), *inputs)


def vectors(variables, tokens, pool):
    encoder = {"params": variables["params"]["encoder"]}
    return pool(jax.jit(ENCODER.apply)(encoder, tokens, CONTEXT), CONTEXT)


def layers(x, *dense):
    """Dense layers in float64, with ReLU between them."""
    for layer in dense:
        x = np.maximum(x, 0) if layer is not dense[0] else np.asarray(x, np.float64)
        kernel, bias = (
            np.asarray(layer[part], np.float64) for part in ("kernel", "bias")
        )
        x = x @ kernel + bias
    return x


@pytest.mark.parametrize("pool", [by_mean, by_cls])
def test_a_classifier_is_a_perceptron_of_the_pooled(pool):
    model = TextClassifier(ENCODER, 3, hidden=4, pool=pool)
    variables = started(model, 1)
    head = variables["params"]["Perceptron_0"]
    expected = layers(
        vectors(variables, ONE, pool), head["Hidden_0"]["Dense_0"], head["Dense_0"]
    )
    found = jax.jit(model.apply)(variables, ONE, CONTEXT)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_a_matcher_sees_both_their_product_and_their_difference():
    model = TextMatcher(ENCODER, hidden=6)
    variables = started(model, 2)
    assert sorted(variables["params"]) == ["Hidden_0", "Perceptron_0", "encoder"]
    first, head = (variables["params"][name] for name in ("Hidden_0", "Perceptron_0"))
    u, v = (vectors(variables, tokens, by_mean) for tokens in (ONE, OTHER))
    expected = layers(
        np.concatenate([u, v, u * v, u - v], axis=1),
        first["Dense_0"],
        head["Hidden_0"]["Dense_0"],
        head["Dense_0"],
    )
    found = jax.jit(model.apply)(variables, ONE, OTHER, CONTEXT, CONTEXT)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_an_embedder_gives_directions():
    model = TextEmbedder(ENCODER, 4)
    found = jax.jit(model.apply)(started(model, 1), ONE)
    np.testing.assert_allclose(jnp.linalg.norm(found, axis=1), 1.0, rtol=1e-5)


def test_tied_embeddings_are_not_learned_twice(key):
    def sizes(tied):
        model = MaskedLanguageModel(ENCODER, tied)
        shapes = jax.eval_shape(model.init, key, ONE)["params"]
        return sum(leaf.size for leaf in jax.tree.leaves(shapes))

    assert sizes(False) - sizes(True) == (MASK + 1) * 8


def test_a_model_of_masked_tokens_ends_in_its_embeddings():
    """With one embedding doubled, its logit without bias doubles, where it is not seen."""
    model = MaskedLanguageModel(ENCODER)
    params = started(model, 1)["params"]
    table = params["encoder"]["embedding"]["embedding"]
    apply = jax.jit(model.apply)
    before = apply({"params": params}, ONE)
    assert before.shape == (16, 5, MASK + 1)
    embedding = {"embedding": table.at[MASK].multiply(2)}
    encoder = {**params["encoder"], "embedding": embedding}
    after = apply({"params": {**params, "encoder": encoder}}, ONE)
    np.testing.assert_allclose(after[..., :MASK], before[..., :MASK], rtol=1e-5)
    np.testing.assert_allclose(after[..., MASK], 2 * before[..., MASK], rtol=1e-5)


def test_a_classifier_learns_which_text_holds_a_token(key):
    model = TextClassifier(ENCODER, 2, hidden=8, pool=by_cls)

    def loss(params, batch, key):
        tokens, labels = batch
        rngs = {"dropout": key}
        logits = model.apply({"params": params}, tokens, rngs=rngs)
        return cross_entropy(logits, labels).mean(), {}

    learner = descent(lambda key, _: started(model, 1)["params"], loss, adam(0.02))
    batch = ONE, (ONE == 3).any(1).astype(jnp.int32)
    losses = trajectory(learner, key, batch, 60)[2]["loss"]
    assert losses[:3].mean() > 0.5 and losses[-3:].mean() < 0.1


def test_a_model_of_masked_tokens_learns_what_repeats(key):
    """Rows of one token each: what is hidden is told by what is not."""
    rows = jnp.broadcast_to(jnp.arange(16)[:, None] % MASK, ONE.shape)
    learner = guessing(MaskedLanguageModel(ENCODER))
    losses = trajectory(learner, key, rows, 100)[2]["loss"]
    assert losses[:3].mean() > np.log(MASK) and losses[-10:].mean() < np.log(MASK) / 2
