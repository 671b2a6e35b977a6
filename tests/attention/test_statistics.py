"""Statistics of weights against the weights, and the weights against attention."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.attention.attend import attend
from jaxgen.attention.expressions import FULL, causal, first_tokens, tokens, window
from jaxgen.attention.scores import ALiBi
from jaxgen.attention.statistics import attention_statistics, attention_weights

PARTS = (window(3), first_tokens(2))
OPTIONS = {
    "plain": {},
    "pattern": {"pattern": causal() & (PARTS[0] | PARTS[1])},
    "all": {
        "pattern": PARTS[0] | PARTS[1],
        "score": ALiBi(4),
        "padding": jnp.arange(70)[None] >= jnp.array([[70], [0]]),
        "segments": jnp.arange(70)[None] // 30,
    },
}


def vectors():
    query = jax.random.normal(jax.random.key(0), (2, 70, 4, 8))
    return query, jax.random.normal(jax.random.key(1), (2, 70, 2, 8))


@pytest.mark.parametrize("options", OPTIONS)
def test_weights_are_those_of_attention(options):
    query, key = vectors()
    weights = attention_weights(query, key, **OPTIONS[options])
    own = weights.reshape(2, 2, 2, 70, 70)
    expected = jnp.einsum("bkgts,bskv->btkgv", own, key).reshape(query.shape)
    found = attend(query, key, key, **OPTIONS[options]).output
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("options", OPTIONS)
def test_statistics_are_those_of_the_weights(options):
    query, key = vectors()
    weights = np.asarray(attention_weights(query, key, **OPTIONS[options]), np.float64)
    found = attention_statistics(query, key, PARTS, **OPTIONS[options])
    logs = np.log(np.where(weights > 0, weights, 1))
    index = np.arange(70)
    distance = np.abs(index[:, None] - index[None, :])
    for name, expected in {
        "entropy": -(weights * logs).sum(-1),
        "distance": (weights * distance).sum(-1),
    }.items():
        np.testing.assert_allclose(
            getattr(found, name), expected.swapaxes(1, 2), atol=1e-3
        )
    for part, mass in zip(PARTS, found.mass, strict=True):
        inside = part.allowed(index[:, None], index[None, :], 70)
        expected = (weights * inside).sum(-1).swapaxes(1, 2)
        np.testing.assert_allclose(mass, expected, atol=1e-5)


def test_memory_of_statistics_is_linear():
    def temporaries(length):
        shape = jax.ShapeDtypeStruct((1, length, 1, 8), jnp.float32)
        compiled = jax.jit(attention_statistics).lower(shape, shape).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    assert temporaries(4096) < 3 * temporaries(2048)


def test_no_parts_have_no_mass():
    query, key = vectors()
    assert attention_statistics(query, key, pattern=FULL).mass.shape == (0, 2, 70, 4)


def test_a_part_that_does_not_fit_the_lengths_is_refused():
    with pytest.raises(ValueError, match="global token 70 is not among 70 positions"):
        attention_statistics(*vectors(), [tokens([70])])
