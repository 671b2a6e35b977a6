"""Language models: they see the past alone, and only their own document's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.executed import executed_products
from jaxgen.attention.expressions import causal, window
from jaxgen.attention.positions import rotary
from jaxgen.models.language_model import LanguageModel, parameter_count
from jaxgen.models.text_encoder import TextEncoder
from jaxgen.nn.attention import SelfAttention
from jaxgen.nn.gated_convolution import GatedConvolution
from jaxgen.nn.gated_feed_forward import GatedFeedForward
from jaxgen.nn.mixer import PLAIN
from jaxgen.nn.transformer_block import TransformerBlock
from jaxgen.objectives.language import cross_entropy
from jaxgen.training.precision import cast
from language_models import (
    FEATURES,
    LENGTH,
    MODELS,
    TOKENS,
    VOCABULARY,
    WHOLE,
    attention,
    compiled,
    learned,
    model_of,
)

every = pytest.mark.parametrize("name", MODELS)
GROUPS = "rotary, groups"


def close(one, other, tolerance=1e-5):
    np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@every
def test_no_logit_has_a_slope_by_a_later_token(name):
    """Each token is embedded by a row of its own."""

    def of_embeddings(table):
        params = {**learned(name)["encoder"], "embedding": {"embedding": table}}
        params = {**learned(name), "encoder": params}
        tokens = jnp.arange(LENGTH)[None]
        found = MODELS[name].apply({"params": params}, tokens, method="factors")
        return found.vectors[0]

    @jax.jit
    @jax.vmap
    def slope(way):
        return jax.jvp(of_embeddings, (table,), (way,))[1]

    table = learned(name)["encoder"]["embedding"]["embedding"]
    ways = np.eye(LENGTH, VOCABULARY)[..., None] * np.cos(np.arange(FEATURES))
    slopes = np.abs(slope(ways.astype("f4"))).sum(2).T
    assert np.triu(slopes, 1).max() == 0 and (np.tril(slopes) > 0).sum() >= 15
    assert (slopes.diagonal() > 0).all()


@every
def test_documents_packed_in_a_row_are_as_if_alone(name):
    """Alone, the second one would be at the start of a row: what follows is not seen."""
    segments = jnp.broadcast_to(jnp.array([[1, 1, 1, 2, 2, 2]]), TOKENS.shape)
    packed = compiled(name)(TOKENS, segments)
    first, second = compiled(name)(TOKENS, WHOLE), jnp.roll(TOKENS, 3, axis=1)
    close(packed[:, :3], first[:, :3])
    close(packed[:, 3:], compiled(name)(second, WHOLE)[:, :3])
    assert np.abs(packed - first)[:, 3:].max() > 1e-3


@pytest.mark.parametrize("name", [GROUPS, "convolution"])
def test_a_model_costs_what_it_computes(name):
    counted = executed_products(
        lambda params: MODELS[name].apply({"params": params}, TOKENS), learned(name)
    )
    assert MODELS[name].cost(*TOKENS.shape).flops == counted["flops"]


@pytest.mark.parametrize("name", [GROUPS, "convolution"])
def test_a_step_has_three_times_the_products(name):
    def loss(params):
        logits = MODELS[name].apply({"params": params}, TOKENS)
        return cross_entropy(logits, TOKENS).mean()

    counted = executed_products(jax.value_and_grad(loss), learned(name))
    assert 3 * MODELS[name].cost(*TOKENS.shape).flops == counted["flops"]


def test_the_cost_is_six_operations_a_weight_and_those_of_attention():
    """By the formula of Kaplan et al. (2020): ``6 N + 12 layers t d`` of each token."""
    weights = 2 * (4 * FEATURES**2 + 2 * 12 * FEATURES) + VOCABULARY * FEATURES
    pairs = 12 * 2 * LENGTH * FEATURES
    model = model_of(attention(rotation=rotary))
    assert 3 * model.cost(1, LENGTH).flops == LENGTH * (6 * weights + pairs)


def test_a_matrix_of_its_own_has_its_own_parameters():
    tied, untied = (model_of(attention(), tied) for tied in (True, False))
    difference = parameter_count(untied) - parameter_count(tied)
    assert difference == VOCABULARY * FEATURES


@pytest.mark.parametrize("name", [GROUPS, "learned positions"])
def test_logits_are_products_of_their_factors(name):
    """In double precision; tied, by the embeddings."""

    @jax.jit
    def parts(params):
        def run(method):
            return MODELS[name].apply({"params": params}, TOKENS, method=method)

        return run("factors"), run(lambda model, tokens: model.encoder(tokens).tokens)

    params = learned(name)
    (vectors, matrix), hidden = parts(params)
    tied = MODELS[name].tied
    own = params["encoder"]["embedding"]["embedding"] if tied else params["output"]
    np.testing.assert_array_equal(matrix, own)
    expected = np.asarray(vectors, np.float64) @ np.asarray(matrix, np.float64).T
    close(compiled(name)(TOKENS, WHOLE), expected)
    close(vectors, hidden / (FEATURES**0.5 if tied else 1))


def test_scanned_layers_made_again_are_the_same_layers():
    model = MODELS[GROUPS]
    scanned = model.clone(encoder=model.encoder.clone(scan=True, remat=True))
    layers = learned(GROUPS)["encoder"]["stack"].values()
    stack = {"layers": jax.tree.map(lambda *w: jnp.stack(w), *layers)}
    encoder = {**learned(GROUPS)["encoder"], "stack": stack}

    def loss(model, params):
        logits = model.apply({"params": params}, TOKENS)
        return cross_entropy(logits, TOKENS).mean()

    slope = jax.jit(jax.value_and_grad(loss, 1), static_argnums=0)
    one, slopes = slope(model, learned(GROUPS))
    other, found = slope(scanned, {**learned(GROUPS), "encoder": encoder})
    close(one, other)
    layers = slopes["encoder"]["stack"].values()
    slopes["encoder"]["stack"] = {
        "layers": jax.tree.map(lambda *w: jnp.stack(w), *layers)
    }
    jax.tree.map(close, found, slopes)


def test_groups_of_heads_are_heads_that_share_keys():
    """As many keys and values as queries, repeated, in one layer."""
    shared, each = attention(4, 2, rotation=rotary), attention(4, rotation=rotary)
    x = jnp.cos(jnp.arange(2.0 * LENGTH * FEATURES) ** 1.5).reshape(2, LENGTH, FEATURES)
    params = learned(GROUPS)["encoder"]["stack"]["layer_0"]["mixer"]
    repeated = {
        name: {"kernel": jnp.repeat(params[name]["kernel"], 2, axis=1)}
        for name in ("key", "value")
    }
    run = jax.jit(
        lambda mixer, params: mixer.apply({"params": params}, x, PLAIN),
        static_argnums=0,
    )
    close(run(shared, params), run(each, {**params, **repeated}))


def test_a_gated_perceptron_is_its_formula():
    params = learned(GROUPS)["encoder"]["stack"]["layer_0"]["mlp"]
    x = np.sin(np.arange(2.0 * 3 * FEATURES)).reshape(2, 3, FEATURES)
    gate, value, out = (
        np.asarray(params[name]["kernel"], np.float64)
        for name in ("gate", "value", "out")
    )
    gates = x @ gate
    expected = (gates / (1 + np.exp(-gates)) * (x @ value)) @ out
    run = jax.jit(GatedFeedForward(12).apply)
    found = run({"params": params}, jnp.asarray(x, jnp.float32))
    close(found, expected)


@pytest.mark.parametrize("name", [GROUPS, "state space"])
def test_half_precision_is_near(name):
    half = {"params": cast(learned(name), jnp.bfloat16)}
    found = jax.jit(MODELS[name].apply)(half, TOKENS)
    exact = compiled(name)(TOKENS, WHOLE)
    assert found.dtype == jnp.float32
    vectors = jax.eval_shape(
        lambda half: MODELS[name].apply(half, TOKENS, method="factors"), half
    ).vectors
    assert vectors.dtype == jnp.bfloat16
    assert 0 < np.sqrt(((found - exact) ** 2).mean() / (exact**2).mean()) < 0.05


def test_dropout_is_the_keys():
    model = model_of(attention(), dropout=0.5)

    @jax.jit
    def run(key):
        params = {"params": learned("window, ALiBi")}
        return model.apply(params, TOKENS, rngs={"dropout": key})

    one, again, other = (run(jax.random.key(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 0.1


@pytest.mark.parametrize(
    "mixer, named",
    [
        (SelfAttention(2), "SelfAttention of layer 0 is not causal"),
        (SelfAttention(2, pattern=window(1)), "SelfAttention"),
        (GatedConvolution(3), "GatedConvolution"),
    ],
)
def test_who_would_see_the_next_token_is_refused(mixer, named, key):
    with pytest.raises(ValueError, match=named):
        jax.eval_shape(model_of(mixer).init, key, TOKENS)


def test_a_leading_token_is_refused(key):
    encoder = TextEncoder(
        VOCABULARY,
        FEATURES,
        (TransformerBlock(SelfAttention(2, pattern=causal())),),
        cls=True,
    )
    with pytest.raises(ValueError, match=r"cls=True.*leave out cls"):
        jax.eval_shape(LanguageModel(encoder).init, key, TOKENS)
