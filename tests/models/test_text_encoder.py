"""Encoders of text: what of a batch may matter to a token, and what may not."""

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from jaxgen.attention.dense import Dense
from jaxgen.attention.expressions import causal, window
from jaxgen.attention.positions import rotary
from jaxgen.models.text_encoder import (
    Encoded,
    TextEncoder,
    by_cls,
    by_mean,
    require_integers,
)
from jaxgen.nn.attention import SelfAttention
from jaxgen.nn.mixer import PLAIN, Context
from jaxgen.nn.positions import LearnedPositions
from jaxgen.nn.transformer_block import FeedForward, TransformerBlock
from jaxgen.sharding.mesh import mesh_of

VOCABULARY, FEATURES, WIDTH, LENGTH = 11, 8, 12, 6
TOKENS = jnp.asarray(np.random.default_rng(0).integers(0, VOCABULARY, (8, LENGTH)))
PADDING = jnp.broadcast_to(jnp.arange(LENGTH)[None] >= 3, TOKENS.shape)


def block(**mixer):
    mixer = SelfAttention(2, implementation=Dense(), **mixer)
    return TransformerBlock(mixer, FeedForward(WIDTH))


def encoder(*blocks, **more):
    return TextEncoder(VOCABULARY, FEATURES, blocks or (block(),) * 2, **more)


ENCODERS = {
    "sinusoidal": encoder(),
    "learned": encoder(positions=LearnedPositions(LENGTH)),
    "rotary": encoder(block(rotation=rotary), positions=None),
    "cls": encoder(cls=True),
    "no positions": encoder(positions=None, cls=True),
    "two windows": encoder(
        block(pattern=causal() & window(1)), block(pattern=window(2, 0))
    ),
}


@lru_cache
def learned(name):
    shapes = jax.eval_shape(ENCODERS[name].init, jax.random.key(0), TOKENS)
    return jax.tree.map(
        lambda w: jnp.cos(jnp.arange(w.size) ** 1.5).reshape(w.shape) / 2, shapes
    )


@lru_cache
def compiled(name):
    apply, variables = ENCODERS[name].apply, learned(name)
    return jax.jit(lambda tokens, context: apply(variables, tokens, context))


def close(one, other):
    np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["learned", "rotary", "cls"])
def test_padding_does_not_matter(name):
    alone = compiled(name)(TOKENS[:, :3], PLAIN)
    for content in (TOKENS, 0 * TOKENS):
        tokens = jnp.where(PADDING, content, TOKENS)
        padded = compiled(name)(tokens, Context(PADDING))
        close(padded.tokens[:, :3], alone.tokens)
        close(by_mean(padded, Context(PADDING)), by_mean(alone))
        if alone.cls is not None:
            close(padded.cls, alone.cls)


@pytest.mark.parametrize("name", ["sinusoidal", "learned", "rotary"])
def test_sequences_packed_in_a_row_are_as_if_alone(name):
    segments = jnp.broadcast_to(jnp.array([[1, 1, 1, 2, 2, 2]]), TOKENS.shape)
    packed = compiled(name)(TOKENS, Context(segments=segments)).tokens
    for part in (slice(0, 3), slice(3, 6)):
        close(packed[:, part], compiled(name)(TOKENS[:, part], PLAIN).tokens)


@pytest.mark.parametrize("name", ENCODERS)
def test_order_matters_where_there_are_positions(name):
    order = np.array([3, 0, 5, 1, 4, 2])
    one = compiled(name)(TOKENS, PLAIN)
    other = compiled(name)(TOKENS[:, order], PLAIN)
    apart = np.abs(other.tokens - one.tokens[:, order]).max()
    assert apart < 1e-5 if name == "no positions" else apart > 1e-3
    if name == "no positions":
        close(one.cls, other.cls)


def test_mixers_may_differ_and_their_reach_adds_up():
    """Behind, a reach of one key and one of two; ahead, none."""
    name = "two windows"

    def of_embeddings(table):
        params = {**learned(name)["params"], "embedding": {"embedding": table}}
        # each token is embedded by a row of its own
        tokens = jnp.arange(LENGTH)[None]
        return ENCODERS[name].apply({"params": params}, tokens).tokens[0]

    table = learned(name)["params"]["embedding"]["embedding"]
    slopes = np.abs(jax.jit(jax.jacrev(of_embeddings))(table)).sum((1, 3))
    distance = np.subtract.outer(np.arange(LENGTH), np.arange(LENGTH))
    reached = (distance >= 0) & (distance <= 3)
    np.testing.assert_array_equal(slopes[:, :LENGTH] > 0, reached)


def test_remat_and_scan_change_nothing():
    params = dict(learned("cls")["params"])
    layers = params["stack"]["layer_0"], params["stack"]["layer_1"]
    params["stack"] = {"layers": jax.tree.map(lambda *w: jnp.stack(w), *layers)}
    scanned = encoder(cls=True, scan=True, remat=True)

    def total(apply, params):
        return (apply({"params": params}, TOKENS, Context(PADDING)).cls ** 2).sum()

    slope = jax.jit(jax.grad(total, 1), static_argnums=0)
    found = slope(scanned.apply, params)
    expected = slope(ENCODERS["cls"].apply, learned("cls")["params"])
    close(found["cls"], expected["cls"])
    close(found["embedding"]["embedding"], expected["embedding"]["embedding"])
    layers = expected["stack"]["layer_0"], expected["stack"]["layer_1"]
    stacked = jax.tree.map(lambda *w: jnp.stack(w), *layers)
    jax.tree.map(close, found["stack"]["layers"], stacked)


def test_a_batch_over_devices_is_the_same():
    mesh = mesh_of({"data": 8})
    spread = NamedSharding(mesh, P("data"))
    tokens, padding = jax.device_put((TOKENS, PADDING), spread)
    found = compiled("cls")(tokens, Context(padding))
    expected = compiled("cls")(TOKENS, Context(PADDING))
    assert found.cls.sharding.is_equivalent_to(spread, 2)
    close(found.tokens, expected.tokens)
    close(found.cls, expected.cls)


def test_parameters_are_counted_by_the_formula():
    def counted(name):
        return sum(leaf.size for leaf in jax.tree.leaves(learned(name)))

    d, w, v = FEATURES, WIDTH, VOCABULARY
    a_block = 4 * d * d + 2 * d * w + w + d + 4 * d
    plain = v * d + 2 * a_block + 2 * d
    assert counted("sinusoidal") == plain
    assert counted("learned") == plain + LENGTH * d
    assert counted("cls") == plain + d
    assert counted("rotary") == plain - a_block


def test_the_slope_of_a_cls_token_is_of_the_size_of_others(key):
    """Without positions too, where a CLS token of zeros would have that of its norm."""
    model = encoder(block(rotation=rotary), positions=None, cls=True)
    params = jax.jit(model.init)(key, TOKENS)["params"]

    def total(params):
        return (model.apply({"params": params}, TOKENS).cls[:, 0]).sum()

    slope = jax.jit(jax.grad(total))(params)
    size, others = (jnp.abs(w).max() for w in (slope["cls"], slope["last"]["scale"]))
    assert 0 < size < 10 * others


def test_dropout_is_the_keys():
    model = encoder(dropout=0.5)
    apply = jax.jit(
        lambda key: model.apply(learned("sinusoidal"), TOKENS, rngs={"dropout": key})
    )
    one, again, other = (apply(jax.random.key(seed)).tokens for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert not np.allclose(one, other, atol=0.1)


def test_pooling():
    x = jnp.arange(12.0).reshape(2, 3, 2)
    padding = jnp.array([[False, False, True], [True, True, True]])
    encoded = Encoded(x, -x[:, 0])
    assert by_mean(encoded, Context(padding)).tolist() == [[1.0, 2.0], [0.0, 0.0]]
    assert by_mean(encoded).tolist() == [[2.0, 3.0], [8.0, 9.0]]
    assert by_cls(encoded) is encoded.cls
    with pytest.raises(ValueError, match="no CLS token"):
        by_cls(Encoded(x, None))


@pytest.mark.parametrize(
    "model, context, message",
    [
        (encoder(positions=LearnedPositions(5)), PLAIN, "a row of 6 tokens"),
        (
            encoder(positions=LearnedPositions(6), cls=True),
            PLAIN,
            "a row of 7 tokens, a CLS token among them",
        ),
        (
            encoder(block(), block(pattern=window(1)), scan=True),
            PLAIN,
            "layer 1 differs",
        ),
        (encoder(cls=True), Context(segments=TOKENS), "only the first sequence"),
        (encoder(), Context(PADDING[:, :3]), r"padding of shape \(8, 3\)"),
    ],
)
def test_what_does_not_fit_is_refused(model, context, message, key):
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(model.init, key, TOKENS, context)


def test_tokens_are_integers():
    with pytest.raises(ValueError, match="tokens of float32: expected integers"):
        require_integers(jnp.zeros((2, 3)))


@pytest.mark.parametrize("name", ["sinusoidal", "rotary", "cls"])
def test_parameters_decide_the_dtype(name):
    variables = jax.tree.map(lambda w: w.astype(jnp.bfloat16), learned(name))
    found = jax.eval_shape(ENCODERS[name].apply, variables, TOKENS, Context(PADDING))
    assert {leaf.dtype for leaf in jax.tree.leaves(found)} == {jnp.dtype("bfloat16")}


def test_a_token_outside_of_the_vocabulary_is_no_number():
    tokens = TOKENS.at[0, 0].set(VOCABULARY)
    found = compiled("sinusoidal")(tokens, PLAIN).tokens
    assert np.isnan(found[0]).all() and np.isfinite(found[1:]).all()
