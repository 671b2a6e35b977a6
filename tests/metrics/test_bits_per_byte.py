"""Bits per byte: against a loop over all tokens, and against another's windows."""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.metrics.bits_per_byte import bits_per_byte, rolling_windows, scored_nats
from jaxgen.objectives.language import cross_entropy
from language_models import MODELS, VOCABULARY, learned

NAME, FIRST = "convolution", 10
TEXT = np.random.default_rng(0).integers(0, 10, 23)
SIZES = [(4, 1), (4, 3), (4, 4), (6, 5), (40, 7), (23, 1), (22, 1)]


@jax.jit
def nats(inputs, targets):
    logits = MODELS[NAME].apply({"params": learned(NAME)}, inputs)
    return cross_entropy(logits, targets)


def harness_windows(tokens, prefix, longest, context):
    """(context, scored) by the rule of the evaluation harness, which do not overlap.

    The first window scores up to ``longest`` tokens behind the prefix. Each later one
    scores up to ``longest - context + 1`` more, and reads the ``longest`` tokens before
    the last of them. What is read and not scored is context.
    """
    end = min(longest, len(tokens))
    windows = [([prefix, *tokens[: end - 1]], tokens[:end])]
    while end < len(tokens):
        new = min(len(tokens) - end, longest - context + 1)
        end += new
        windows.append((tokens[end - longest - 1 : end - 1], tokens[end - new : end]))
    return [(read[: len(read) - len(told) + 1], told) for read, told in windows]


@pytest.mark.parametrize("context, stride", SIZES)
def test_windows_are_those_of_the_harness(context, stride):
    windows = rolling_windows(TEXT, FIRST, context, stride)
    theirs = list(harness_windows(TEXT.tolist(), FIRST, context, context - stride + 1))
    assert len(theirs) == len(windows.inputs)
    for inputs, targets, own, (before, told) in zip(*windows, theirs, strict=True):
        assert inputs.tolist() == [*before, *told][:-1]
        assert targets[own].tolist() == told
        assert inputs[1:].tolist() == targets[:-1].tolist()


@pytest.mark.parametrize("context, stride", SIZES)
def test_every_token_is_scored_once_and_from_enough_before_it(context, stride):
    windows = rolling_windows(np.arange(1, 24), 0, context, stride)
    assert windows.targets[windows.scored].tolist() == list(range(1, 24))
    before = np.broadcast_to(
        np.arange(windows.scored.shape[1]) + 1, windows.scored.shape
    )
    least = np.minimum(windows.targets, context - stride + 1)
    assert (before >= least)[windows.scored].all()


def test_the_sum_is_that_of_a_loop_over_all_tokens():
    """By logits of one window at a time, in double precision."""
    context, stride = 6, 4
    windows = rolling_windows(TEXT, FIRST, context, stride)
    found = scored_nats(nats, windows, batch=2)
    apply = jax.jit(lambda row: MODELS[NAME].apply({"params": learned(NAME)}, row))
    total = 0.0
    for before, told in harness_windows(TEXT.tolist(), FIRST, context, 3):
        read = jnp.array([[*before, *told][:-1]])
        logits = np.asarray(apply(read), np.float64)[0]
        for row, token in zip(logits[-len(told) :], told, strict=True):
            total -= row[token] - np.log(np.exp(row).sum())
    bits = bits_per_byte(found, "x" * 23)
    assert bits == pytest.approx(total / np.log(2) / 23, rel=1e-6)


def test_probabilities_of_all_texts_sum_to_one():
    """Of four tokens by windows of two, whatever the first: 11 ** 3 texts of three."""
    texts = np.array(list(product(range(VOCABULARY), repeat=3)))
    rows = [rolling_windows(text, FIRST, 2, 1) for text in texts]
    windows = jax.tree.map(lambda *leaves: np.concatenate(leaves), *rows)
    found = np.asarray(scored_nats(nats, windows, batch=2 * len(texts)), np.float64)
    totals = found.reshape(len(texts), -1).sum(1)
    assert np.exp(-totals).sum() == pytest.approx(1, abs=1e-6)


def test_tokens_do_not_change_what_a_byte_is():
    text = "naïve café"
    uniform = np.log(256) * np.ones(len(text.encode()))
    assert bits_per_byte(uniform, text) == pytest.approx(8)
    assert bits_per_byte(uniform.sum(), text.encode()) == pytest.approx(8)
    assert bits_per_byte(np.log(50_000) * np.ones(3), text) == pytest.approx(
        3 * np.log2(50_000) / 12
    )


@pytest.mark.parametrize("context, stride", [(4, 0), (4, 5)])
def test_strides_that_would_leave_tokens_out_are_refused(context, stride):
    with pytest.raises(ValueError, match="1 <= stride <= context"):
        rolling_windows(TEXT, FIRST, context, stride)


def test_of_nothing_there_is_no_rate():
    with pytest.raises(ValueError, match="of no text"):
        bits_per_byte(np.zeros(0), "")
    with pytest.raises(ValueError, match="of 0 tokens"):
        rolling_windows(TEXT[:0], FIRST, 4, 4)
