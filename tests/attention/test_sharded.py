"""A kernel on the shares of a mesh computes what attention of the whole does."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P

from installed import with_libtpu
from jaxgen.attention.attend import attend
from jaxgen.attention.case import case_of
from jaxgen.attention.dense import Dense
from jaxgen.attention.expressions import causal
from jaxgen.attention.sharded import Sharded
from jaxgen.attention.splash import Splash
from jaxgen.sharding.mesh import mesh_of
from jaxgen.sharding.topology import topology


def drawn(key, batch=4, heads=4, key_heads=2):
    keys = jax.random.split(key, 4)
    return [
        jax.random.normal(one, (batch, 9, count, 8))
        for one, count in zip(keys, (heads, key_heads, key_heads, heads), strict=True)
    ]


def test_output_and_slopes_are_those_of_the_whole(key):
    query, keys, values, weight = drawn(key)
    segments = jnp.repeat(jnp.array([[0] * 4 + [1] * 5]), 4, axis=0)

    def total(how, *vectors):
        found = attend(
            *vectors, pattern=causal(), segments=segments, implementation=how
        )
        return (found.output * weight).sum()

    slopes = jax.grad(total, (1, 2, 3))
    expected = slopes(Dense(), query, keys, values)
    mesh = mesh_of({"data": 2, "fsdp": 2, "tensor": 2})
    with jax.set_mesh(mesh):
        found = jax.jit(slopes, static_argnums=0)(
            Sharded(Splash(interpret=True)), query, keys, values
        )
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


@pytest.mark.parametrize(
    "axes, told",
    [
        ({"data": 8}, "4 examples, not divisible over 8 devices"),
        ({"data": 2, "tensor": 4}, "2 heads of keys, not divisible over 4 devices"),
        ({"data": 4, "sequence": 2}, "a mesh whose axis 'sequence' has 2 devices"),
    ],
)
def test_what_does_not_divide_is_told(key, axes, told):
    case = case_of(*drawn(key)[:2])
    with jax.set_mesh(mesh_of(axes)):
        assert Sharded().refusal(case) == told


@with_libtpu
def test_on_a_pod_the_kernel_is_chosen_and_nothing_is_sent():
    mesh = mesh_of({"data": 2, "fsdp": 2, "tensor": 2}, topology("v5litepod-8"))
    x = jax.ShapeDtypeStruct((4, 512, 2, 64), jnp.bfloat16)
    layout = jax.NamedSharding(mesh, P(("data", "fsdp"), None, "tensor"))

    def total(query, key, value):
        found = attend(query, key, value, pattern=causal())
        return found.output.astype(jnp.float32).sum()

    with jax.set_mesh(mesh):
        slopes = jax.jit(jax.grad(total, (0, 1, 2)), in_shardings=layout)
        text = slopes.lower(x, x, x).compile().as_text()
    assert text.count('custom_call_target="tpu_custom_call"') == 3
    assert "all-gather" not in text and "all-to-all" not in text
