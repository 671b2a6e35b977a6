"""Prefixes: what is remembered of a prompt, and what is learned beside it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.models.prefix import logits_behind, prefix
from language_models import FORGETFUL, MODELS, TOKENS, learned, started

PROMPT = jnp.array([3, 1, 4, 1])


def test_a_prefix_at_its_start_is_the_prompt_before_each_row(key):
    model, params = MODELS["rotary, groups"], learned("rotary, groups")
    count, rows = len(PROMPT), jnp.asarray(TOKENS)

    @jax.jit
    def both(params):
        init, apply = prefix(model, PROMPT)
        given = apply(params, init(key, params))
        prompts = jnp.broadcast_to(PROMPT[None], (len(rows), count))
        whole = jnp.concatenate([prompts, rows], 1)
        told = model.apply({"params": params}, whole)
        return logits_behind(model, given, count, rows), told[:, count:]

    found, expected = both(params)
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-5)


def test_what_is_learned_are_keys_and_values_of_the_prompt_s_places(key):
    model, params = MODELS["rotary, groups"], learned("rotary, groups")
    init, apply = prefix(model, PROMPT)
    adapter = init(key, params)
    # of two layers, each with keys and values of two heads
    assert [leaf.shape for leaf in adapter] == [(1, 4, 2, 2)] * 4

    @jax.jit
    def slope(adapter):
        def sum_of_squares(adapter):
            given = apply(params, adapter)
            return jnp.square(logits_behind(model, given, 4, TOKENS)).sum()

        return jax.grad(sum_of_squares)(adapter), apply(params, adapter).memory

    slopes, memory = slope(adapter)
    assert all(jnp.abs(leaf).min() > 0 for leaf in slopes)
    moved = jax.jit(apply)(params, tuple(leaf + 1 for leaf in adapter)).memory
    assert len(memory) == 2 and int(memory[0].length[0]) == 4
    for before, after in zip(memory, moved, strict=True):
        np.testing.assert_allclose(after.key, before.key + 1, rtol=1e-5)
        np.testing.assert_allclose(after.value, before.value + 1, rtol=1e-5)


def test_what_has_no_prefix_is_refused(key):
    model, params = MODELS["rotary, groups"], learned("rotary, groups")
    with pytest.raises(ValueError, match="prompt of 0 tokens"):
        prefix(model, jnp.zeros(0, int))
    with pytest.raises(ValueError, match="LSHAttention cannot read on"):
        prefix(FORGETFUL, PROMPT).init(key, started(FORGETFUL))
    shorter = prefix(model, PROMPT[:2]).init(key, params)
    with pytest.raises(ValueError, match=r"0: \(1, 2, 2, 2\), expected \(1, 4, 2, 2\)"):
        prefix(model, PROMPT).apply(params, shorter)
