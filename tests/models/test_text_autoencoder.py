"""Autoencoders of text: what probabilities of all rows sum to, and who sees what."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import stats
from scipy.special import log_softmax

from filled import begun, filled
from jaxgen.attention.expressions import causal
from jaxgen.models.priors import StandardNormal
from jaxgen.models.text_autoencoder import TextAutoencoder, TextDecoder, Words, written
from jaxgen.models.text_encoder import TextEncoder
from jaxgen.nn.attention import SelfAttention
from jaxgen.nn.codes import GaussianCode
from jaxgen.nn.transformer_block import FeedForward, TransformerBlock
from jaxgen.objectives.variational import elbo
from jaxgen.training.autoencoding import autoencoding
from jaxgen.training.dispatch import repeat

KEY = jax.random.key(0)


def block(**how):
    return TransformerBlock(SelfAttention(2, **how), FeedForward(8))


MODEL = TextAutoencoder(
    TextEncoder(3, 8, (block(),)),
    GaussianCode(2),
    StandardNormal(2),
    TextDecoder(3, 8, (block(pattern=causal()),)),
    Words(),
)
EVERY = jnp.asarray(list(itertools.product(range(3), repeat=3)), jnp.int32)


@pytest.fixture(scope="module")
def variables():
    return filled(MODEL, EVERY, KEY)


@pytest.fixture(scope="module")
def score():
    """Terms of tokens and padding, and the outputs for their codes, compiled once."""

    def run(variables, tokens, padding):
        terms = MODEL.apply(variables, tokens, KEY, 4, padding)
        return terms, MODEL.apply(variables, terms.codes, tokens, method="decode")

    return jax.jit(run)


def test_probabilities_of_all_rows_sum_to_one(variables):
    codes = jnp.asarray([[[0.5, -1.0]], [[2.0, 1.0]]])
    codes = jnp.broadcast_to(codes, (2, 27, 2))
    run = jax.jit(lambda v: MODEL.apply(v, codes, EVERY, method="log_likelihood"))
    chances = np.exp(np.float64(run(variables)))
    np.testing.assert_allclose(chances.sum(1), 1, atol=1e-5)
    assert np.abs(chances[0] - chances[1]).max() > 0.01  # the code matters
    one = jnp.broadcast_to(codes[0, :1], (20_000, 2))
    texts = jax.jit(lambda v: written(MODEL, v["params"], one, KEY, 3))(variables)
    counts = np.bincount(np.asarray(texts) @ [9, 3, 1], minlength=27)
    error = np.sqrt(chances[0] / 20_000)
    assert (np.abs(counts / 20_000 - chances[0]) < 5 * error).all()


def test_terms_are_those_of_scipy(variables, score):
    padding = jnp.zeros(EVERY.shape, bool).at[::2, 2:].set(True)
    terms, outputs = score(variables, EVERY, padding)
    tokens = np.broadcast_to(np.asarray(EVERY)[None, ..., None], (4, 27, 3, 1))
    told = np.take_along_axis(log_softmax(np.float64(outputs), -1), tokens, -1)[..., 0]
    expected = np.where(padding, 0, told).sum(-1)
    np.testing.assert_allclose(terms.log_likelihood, expected, atol=1e-4)
    mean, scale = map(np.float64, terms.posterior)
    codes = np.float64(terms.codes)
    ratio = stats.norm.logpdf(codes, mean, scale) - stats.norm.logpdf(codes)
    np.testing.assert_allclose(terms.log_ratio, ratio.sum(-1), atol=1e-4)
    assert terms.rates.shape == (27, 2) and terms.distortion.min() > 0


def test_what_stands_at_padding_changes_nothing(variables, score):
    padding = jnp.zeros(EVERY.shape, bool).at[:, 2:].set(True)
    terms, _ = score(variables, EVERY, padding)
    other, _ = score(variables, EVERY.at[:, 2].set(0), padding)
    np.testing.assert_allclose(terms.log_weights, other.log_weights, atol=1e-5)
    without, _ = score(variables, EVERY, jnp.zeros(EVERY.shape, bool))
    assert np.abs(without.log_weights - terms.log_weights).mean() > 0.1


def test_a_place_sees_what_was_told_before_it(variables):
    codes, rows = jnp.zeros((27, 2)), (EVERY, EVERY.at[:, 1].set(2))
    decode = jax.jit(lambda told: MODEL.apply(variables, codes, told, method="decode"))
    one, other = map(decode, rows)
    np.testing.assert_allclose(one[:, :2], other[:, :2], atol=1e-6)
    assert np.abs(one[:, 2] - other[:, 2]).max() > 0.01


def test_words_that_are_dropped_are_not_told(variables):
    def likelihood(share, tokens):
        model = MODEL.clone(word_dropout=share)
        terms = model.apply(variables, tokens, KEY, 1)
        outputs = model.apply(
            variables, terms.codes, jnp.full_like(tokens, 3), method="decode"
        )
        none = Words().log_prob(
            outputs, tokens[None], jnp.zeros((1, *tokens.shape), bool)
        )
        return terms.log_likelihood, none

    run = jax.jit(likelihood)
    (all_told, none_told), (dropped, same) = (run(share, EVERY) for share in (0.0, 1.0))
    np.testing.assert_allclose(dropped, same, atol=1e-5)
    np.testing.assert_allclose(none_told, same, atol=1e-5)
    assert np.abs(all_told - dropped).max() > 0.01
    half = run(0.5, EVERY)[0]
    assert (half == all_told).any() and (half != all_told).any()


def test_a_code_is_learned_that_tells_rows_apart():
    tokens = jnp.array([[0, 0, 1], [1, 2, 2], [0, 0, 1], [1, 2, 2]])
    padding = jnp.zeros(tokens.shape, bool)
    model = MODEL.clone(word_dropout=1.0)  # nothing is told but the code
    optimizer = optax.adam(0.02)
    learner = repeat(autoencoding(model, elbo, optimizer), 300)

    def run(state):
        state, _ = learner.update(state, (tokens, padding))
        mean = MODEL.apply({"params": state.params}, tokens, method="encode").mean
        none = jnp.full_like(tokens, MODEL.decoder.unknown)
        outputs = MODEL.apply({"params": state.params}, mean, none, method="decode")
        return outputs.argmax(-1)

    state = begun(model, optimizer, tokens, KEY)
    np.testing.assert_array_equal(jax.jit(run)(state), tokens)


def test_a_mixer_that_sees_later_words_is_refused():
    model = MODEL.clone(decoder=TextDecoder(3, 8, (block(),)))
    with pytest.raises(ValueError, match="SelfAttention of layer 0 is not causal"):
        jax.eval_shape(lambda: model.init(KEY, EVERY, KEY))
