"""A sequence over a ring of devices is attended as one that lies on a single one."""

import importlib.util
import re
from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P
from jax.stages import Compiled

from jaxgen.attention.attend import attend, attention_cost
from jaxgen.attention.dense import Dense
from jaxgen.attention.expressions import FULL, causal, window
from jaxgen.attention.ring import Ring
from jaxgen.attention.scores import RelativeBias
from jaxgen.attention.shards import balanced
from jaxgen.sharding.mesh import mesh_of
from jaxgen.sharding.topology import topology

LENGTH, EMPTY = 32, 3
PACKED = {
    "segments": jnp.array([[0] * 14 + [1] * 18, [0] * 5 + [1] * 24 + [2] * EMPTY]),
    "padding": jnp.array([[False] * 32, [False] * 29 + [True] * EMPTY]),
    "positions": jnp.array([[*range(14), *range(18)], [*range(5), *range(27)]]),
    "key_positions": jnp.array([[*range(14), *range(18)], [*range(5), *range(27)]]),
}
COLLECTIVES = r" ((?:all|collective|ragged|reduce)-[a-z-]+?)(?:-start|-done)?\("


def inputs(length=LENGTH):
    """Queries of 4 heads, keys and values of 2, and biases of distances."""
    shapes = (2, length, 4, 6), (2, length, 2, 6), (2, length, 2, 5), (4, 8)
    draws = np.random.default_rng(0)
    return [jnp.asarray(draws.normal(size=shape), jnp.float32) for shape in shapes]


def loss(implementation, options, query, key, value, table):
    """A number that depends on all results, which are told beside it."""
    score = RelativeBias(table, furthest=16)
    options = {"implementation": implementation, "score": score, **options}
    found = attend(query, key, value, **options)
    totals = jnp.where(jnp.isneginf(found.log_sum_exp), 0.0, found.log_sum_exp)
    return jnp.sin(found.output).sum() + jnp.cos(totals).sum(), found


def everything(implementation, **options):
    """Gradients by all inputs, with output and log-sum-exp."""
    return jax.jit(
        jax.grad(partial(loss, implementation, options), range(4), has_aux=True)
    )


def collectives(program: Compiled) -> set[str]:
    return set(re.findall(COLLECTIVES, program.as_text()))


@pytest.mark.parametrize(
    "sizes, ring, options",
    [
        ({"sequence": 8}, Ring(size=2), {"pattern": causal()}),
        ({"sequence": 2}, Ring(size=8, layout=balanced), {"pattern": FULL}),
        (
            {"data": 2, "sequence": 4},
            Ring(size=3, layout=balanced),
            {"pattern": window(9, 4), **PACKED},
        ),
    ],
    ids=["causal", "full", "packed"],
)
def test_a_ring_is_dense_attention(sizes, ring, options):
    expected = everything(Dense(), **options)(*inputs())
    devices = jax.devices()[: np.prod(list(sizes.values()))]
    with jax.set_mesh(mesh_of(sizes, devices)):
        found = everything(ring, **options)(*inputs())
    chex.assert_trees_all_close(found, expected, rtol=1e-5, atol=2e-5)
    nowhere = np.isneginf(found[1].log_sum_exp).sum()
    assert nowhere == ("padding" in options) * EMPTY * 4


def test_a_score_may_hold_whole_numbers():
    query, key, value, _ = inputs()

    def farther(held, logits, head, query, key):
        return logits - held[1] * jnp.abs(held[0][query] - held[0][key])

    def slope(ring, steepness):
        held = jnp.arange(LENGTH) ** 2, steepness
        options = {"score": jax.tree_util.Partial(farther, held)}
        return jnp.sin(
            attend(query, key, value, implementation=ring, **options).output
        ).sum()

    expected = jax.grad(partial(slope, Dense()))(0.01)
    with jax.set_mesh(mesh_of({"sequence": 4}, jax.devices()[:4])):
        found = jax.jit(jax.grad(partial(slope, Ring())))(0.01)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_an_offset_may_be_known_late():
    query, key, value, _ = inputs()
    options = {"pattern": causal(), "offset": jnp.array([16, 3])}

    def attended(implementation):
        return jax.jit(partial(attend, implementation=implementation, **options))(
            query[:, :16], key, value
        )

    expected = attended(Dense())
    with jax.set_mesh(mesh_of({"sequence": 4}, jax.devices()[:4])):
        found = attended(Ring())
    chex.assert_trees_all_close(found, expected, rtol=1e-5, atol=2e-5)


def compiled(devices, sizes, implementation, length, spec, **options) -> Compiled:
    """Gradients by queries, keys and values that lie so, ahead of time."""
    mesh = mesh_of(sizes, devices)
    layout = NamedSharding(mesh, spec)
    shapes = jax.eval_shape(lambda: inputs(length)[:3])

    def attended(*vectors):
        return attend(*vectors, implementation=implementation, **options).output.sum()

    with jax.set_mesh(mesh):
        gradients = jax.jit(jax.grad(attended, range(3)), in_shardings=layout)
        return gradients.lower(*shapes).compile()


def test_the_cost_of_a_causal_ring_is_that_of_the_tiles_of_one_device():
    """Of 4 p² pairs of chunks, each device has 2 p + 1."""
    shape = jax.ShapeDtypeStruct((1, 64, 4, 8), jnp.float32)
    with jax.set_mesh(mesh_of({"sequence": 4}, jax.devices()[:4])):
        ring, whole = (
            attention_cost(shape, shape, shape, pattern=causal(), implementation=how)
            for how in (Ring(size=8), Dense())
        )
    assert ring.forward.flops * 64 == whole.forward.flops * 9
    assert ring.backward.flops == ring.forward.flops * 5 // 2


def bytes_a_device(shards: int) -> int:
    devices, ring = jax.devices()[:shards], Ring(size=32)
    program = compiled(devices, {"sequence": shards}, ring, 8192, P(None, "sequence"))
    return program.memory_analysis().temp_size_in_bytes


def test_more_devices_take_less_memory_each():
    assert bytes_a_device(8) < bytes_a_device(2) / 2


def test_nothing_is_gathered_whatever_else_is_spread():
    sizes, layout = (
        {"data": 2, "tensor": 2, "sequence": 2},
        ("data", "sequence", "tensor"),
    )
    program = compiled(
        jax.devices(), sizes, Ring(size=2), LENGTH, P(*layout), pattern=causal()
    )
    assert collectives(program) == {"collective-permute"}
    assert {x.spec for x in program.output_shardings} == {P(*layout)}


@pytest.mark.skipif(
    importlib.util.find_spec("libtpu") is None,
    reason="the TPU compiler is not installed: pip install 'jaxgen[prove]'",
)
def test_a_ring_compiles_for_a_tpu_host():
    chips, spec = topology("v5litepod-8"), P(None, "sequence")
    program = compiled(
        chips, {"sequence": 8}, Ring(size=128), 8192, spec, pattern=causal()
    )
    assert collectives(program) == {"collective-permute"}
    assert " while(" in program.as_text()


@pytest.mark.parametrize(
    "sizes, ring, length, reason",
    [
        ({"data": 8}, Ring(), 32, "mesh without the axis 'sequence'"),
        ({"sequence": 8}, Ring(), 20, "20 queries and 20 keys.*8 chunks"),
        ({"sequence": 8}, Ring(layout=balanced), 24, "24 queries.*16 chunks"),
    ],
)
def test_what_does_not_fit_the_mesh_is_refused_by_name(sizes, ring, length, reason):
    with jax.set_mesh(mesh_of(sizes)), pytest.raises(ValueError, match=reason):
        jax.eval_shape(partial(attend, implementation=ring), *inputs(length)[:3])


def test_without_a_mesh_there_is_no_ring():
    with pytest.raises(ValueError, match=r"see jax\.set_mesh"):
        jax.eval_shape(partial(attend, implementation=Ring()), *inputs()[:3])
