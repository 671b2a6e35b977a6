"""Text continued: remembering is recomputing, and draws are by the probabilities told."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.models.decoding import continuation, drawn, recomputed_continuation
from jaxgen.models.token_choice import (
    as_told,
    chained,
    greedy,
    tempered,
    top_k,
    top_p,
)
from language_models import (
    FORGETFUL,
    MODELS,
    TOKENS,
    VOCABULARY,
    WHOLE,
    compiled,
    learned,
    started,
)

COUNT, READ = 4, 5
PROMPT = TOKENS[:, :READ]


@pytest.mark.parametrize("name", MODELS)
def test_tokens_read_in_parts_are_tokens_read_at_once(name):
    """Five, which do not fill their chunks of two, then one."""

    @jax.jit
    def in_parts():
        def run(method, *given):
            params = {"params": learned(name)}
            return MODELS[name].apply(params, *given, method=method)

        memory, found = run("memory", len(TOKENS), 8), []
        for part in (slice(0, 5), slice(5, 6)):
            logits, memory = run("continued", TOKENS[:, part], part.start, memory)
            found.append(logits)
        return jnp.concatenate(found, axis=1)

    expected, found = compiled(name)(TOKENS, WHOLE), in_parts()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(found.argmax(-1), expected.argmax(-1))


@pytest.mark.parametrize("name", ["learned positions", "convolution"])
def test_what_is_remembered_leads_to_what_would_be_read_again(name):
    """The same draws, whatever the key."""

    @jax.jit
    def both(key):
        given = MODELS[name], learned(name), PROMPT, key, COUNT, top_k(3)
        return continuation(*given), recomputed_continuation(*given)

    draws = [both(jax.random.key(seed)) for seed in range(3)]
    for remembered, recomputed in draws:
        np.testing.assert_array_equal(remembered, recomputed)
        assert remembered.shape == (4, COUNT)
    assert (draws[0][0] != draws[1][0]).any()


def test_greedy_is_a_loop_of_most_likely_tokens(key):
    """By logits of rows filled up with zeros, which a causal model does not see."""
    name, row = "window, ALiBi", TOKENS[:, :2]
    for read in range(2, 6):
        filled = jnp.pad(row, ((0, 0), (0, 6 - read)))
        logits = compiled(name)(filled, WHOLE)[:, read - 1]
        row = jnp.concatenate([row, logits.argmax(-1, keepdims=True)], axis=1)
    run = jax.jit(
        lambda key: continuation(
            MODELS[name], learned(name), TOKENS[:, :2], key, 4, greedy
        )
    )
    np.testing.assert_array_equal(run(key), row[:, 2:])
    np.testing.assert_array_equal(run(key), run(jax.random.key(1)))


def test_who_remembers_nothing_says_so_and_can_be_recomputed(key):
    params = started(FORGETFUL)
    with pytest.raises(ValueError, match=r"LSHAttention.*sample by recomputing"):
        jax.eval_shape(lambda: continuation(FORGETFUL, params, PROMPT, key, COUNT))
    found = jax.eval_shape(
        lambda: recomputed_continuation(FORGETFUL, params, PROMPT, key, COUNT)
    )
    assert found.shape == (4, COUNT)


@pytest.mark.parametrize(
    "prompt, count, message",
    [
        (PROMPT, 6, "a row of 11 tokens"),
        (PROMPT, 0, "0 new ones"),
        (PROMPT[:, :0], 2, "a prompt of 0 tokens"),
    ],
)
def test_rows_that_do_not_fit_are_refused(prompt, count, message, key):
    name = "learned positions"
    for run in (continuation, recomputed_continuation):
        with pytest.raises(ValueError, match=message):
            run(MODELS[name], learned(name), prompt, key, count)


LOGITS = np.random.default_rng(2).normal(size=(5, VOCABULARY)).astype("f4") * 2
LOGITS[4] = 0
"""The last row is of equally likely tokens."""


def nucleus(logits, share):
    """The probabilities of the fewest most likely tokens that reach a share."""
    likely = np.exp(logits.astype(np.float64))
    likely /= likely.sum()
    kept = np.zeros_like(likely)
    for token in sorted(range(len(logits)), key=lambda token: -likely[token]):
        if kept.sum() < share - 1e-6:
            kept[token] = likely[token]
    return kept / kept.sum()


def most_likely(logits, count):
    likely = np.exp(logits.astype(np.float64))
    kept = np.zeros_like(likely)
    for token in sorted(range(len(logits)), key=lambda token: -likely[token])[:count]:
        kept[token] = likely[token]
    return kept / kept.sum()


CHOICES = {
    "top-p, few": (top_p(0.3), lambda row: nucleus(row, 0.3)),
    "top-p, many": (top_p(0.9), lambda row: nucleus(row, 0.9)),
    "top-p, all": (top_p(1.0), lambda row: nucleus(row, 1.0)),
    "top-k": (top_k(3), lambda row: most_likely(row, 3)),
    "top-k of more than all": (top_k(20), lambda row: most_likely(row, VOCABULARY)),
    "cold": (tempered(0.5), lambda row: most_likely(row * 2, VOCABULARY)),
    "cold top-p": (
        chained(tempered(0.5), top_p(0.8)),
        lambda row: nucleus(row * 2, 0.8),
    ),
    "greedy": (greedy, lambda row: most_likely(row, 1)),
}


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_has_the_probabilities_of_its_definition(name):
    choice, expected = CHOICES[name]
    found = jax.nn.softmax(choice(jnp.asarray(LOGITS)), axis=-1)
    np.testing.assert_allclose(found, [expected(row) for row in LOGITS], atol=1e-6)


def test_tokens_are_drawn_as_often_as_they_are_likely(key):
    """By the chi-squared statistic of 40,000 draws; 99.99 % of chance are below 35."""
    rows = jnp.broadcast_to(jnp.asarray(LOGITS[0]), (40_000, VOCABULARY))
    counts = np.bincount(drawn(rows, key, jnp.array(0), as_told), minlength=VOCABULARY)
    expected = most_likely(LOGITS[0], VOCABULARY) * 40_000
    assert ((counts - expected) ** 2 / expected).sum() < 36
    others = np.bincount(drawn(rows, key, jnp.array(1), as_told), minlength=VOCABULARY)
    assert (counts != others).any()


@pytest.mark.parametrize(
    "make, value", [(tempered, 0.0), (top_k, 0), (top_p, 0.0), (top_p, 1.5)]
)
def test_choices_of_nothing_are_refused(make, value):
    with pytest.raises(ValueError, match=f"{value}.*expected"):
        make(value)
