"""Sums and memories of tokens read in parts, against all of them at once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.attention.delta_rule import Memory, gated_delta_rule
from jaxgen.attention.features import Features
from jaxgen.attention.linear import attended_to_past
from jaxgen.attention.linear_memory import (
    answered_behind,
    attended_behind,
    empty_state,
)

RNG = np.random.default_rng(0)
LENGTH, CHUNK = 9, 2
PARTS = (slice(0, 5), slice(5, 6), slice(6, 9))
"""Some of which do not fill their chunks."""


def drawn(*more):
    return jnp.asarray(RNG.random((2, LENGTH, 3, *more)), "f4")


def in_parts(behind, memory, given):
    """Results of all parts, each with what the last one left."""
    found = []
    for part in PARTS:
        now = jax.tree.map(lambda x, part=part: x[:, part], given)
        result, memory = behind(memory, *now, chunk=CHUNK)
        found.append(result)
    return jnp.concatenate(found, axis=1)


@pytest.mark.parametrize("way", [1, -1], ids=["rising", "falling"])
def test_sums_keep_the_largest_scale_of_all_parts(way):
    """Scales of exp(-300) to exp(300), which no sum could hold without it."""
    scale = way * jnp.linspace(-300, 300, LENGTH)[None, :, None] + drawn()
    query, key = Features(drawn(4), 0 * scale), Features(drawn(4), scale)
    given = query, key, drawn(5)
    state = empty_state(2, 3, 4, 5)

    @jax.jit
    def both(given):
        whole = attended_to_past(*given, chunk=LENGTH)
        return in_parts(attended_behind, state, given), whole

    found, expected = both(given)
    assert np.isfinite(found).all() and (found > 0).all()
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_memory_reads_on():
    query, key, value = drawn(4), drawn(4) / 2, drawn(5)
    given = query, key, value, -drawn(), drawn()
    held = jnp.zeros((2, 3, 4, 5))
    memory = Memory(held, jnp.ones(2, jnp.int32))

    @jax.jit
    def both(given):
        whole = gated_delta_rule(*given, chunk=LENGTH)
        return in_parts(answered_behind, memory, given), whole

    found, expected = both(given)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
