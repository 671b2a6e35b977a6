"""Linear attention as a mixer: beside softmax, what it holds, what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.attention.dense import Dense
from jaxgen.attention.expressions import causal
from jaxgen.attention.features import CosFormer, PositiveRandomFeatures
from jaxgen.nn.attention import SelfAttention
from jaxgen.nn.linear_attention import LinearAttention
from jaxgen.nn.mixer import PLAIN, Context
from largest import largest
from mixers import FEATURES, X, close, learned


@pytest.mark.parametrize("past", [False, True], ids=["all", "past"])
def test_a_performer_nears_attention_of_the_same_parameters(past):
    params, x = learned("attention"), X / 2
    pattern = {"pattern": causal()} if past else {}
    exact = SelfAttention(2, implementation=Dense(), **pattern).apply(params, x, PLAIN)

    def error(count):
        mixer = LinearAttention(2, PositiveRandomFeatures(count), past)
        found = jax.jit(mixer.apply)(params, x, PLAIN)
        return float(jnp.abs(found - exact).max() / jnp.abs(exact).max())

    few, many = error(8), error(4096)
    assert many < 0.05 and many < few / 4


def test_cosformer_knows_positions_by_their_differences():
    mixer, params = LinearAttention(2, CosFormer(64)), learned("attention")
    positions = jnp.array([[3, 1, 4, 0, 5, 2]])
    one, other = (
        mixer.apply(params, X, Context(positions=positions + more)) for more in (0, 7)
    )
    close(one, other)
    assert not np.allclose(one, mixer.apply(params, X, PLAIN), atol=1e-4)


@pytest.mark.parametrize("past", [False, True], ids=["all", "past"])
@pytest.mark.parametrize("packed", [False, True], ids=["row", "segments"])
def test_arrays_and_work_are_linear_in_the_length(past, packed):
    """Slope included: no matrix of all pairs."""
    mixer = LinearAttention(2, causal=past, chunk=64)
    params = jax.eval_shape(mixer.init, jax.random.key(0), X, PLAIN)

    def numbers(length):
        x = jnp.zeros((1, length, FEATURES))
        segments = jnp.zeros((1, length), int) if packed else None

        def loss(params, x):
            return mixer.apply(params, x, Context(segments=segments)).sum()

        return largest(jax.make_jaxpr(jax.grad(loss))(params, x).jaxpr)

    assert numbers(4096) == 2 * numbers(2048) < 4096**2 / 16
    assert mixer.cost(1, 4096, 8).flops == 2 * mixer.cost(1, 2048, 8).flops


@pytest.mark.parametrize(
    "mixer, message",
    [
        (LinearAttention(3), r"heads=3\): 8 features do not divide into 3 heads"),
        (LinearAttention(2, chunk=0), r"chunk=0\): expected 1 token or more"),
    ],
    ids=["heads", "chunk"],
)
def test_sizes_that_do_not_fit_are_refused(mixer, message, key):
    with pytest.raises(ValueError, match=message):
        mixer.init(key, X, PLAIN)
    with pytest.raises(ValueError, match=message):
        mixer.cost(1, 4, FEATURES)
