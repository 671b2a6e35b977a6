"""States with a bit of everything, for the tests of checkpoints."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

from jaxgen.sharding.mesh import mesh_of
from jaxgen.sharding.rules import FSDP, shardings
from jaxgen.training.checkpoints import Checkpoints
from jaxgen.training.learner import State

RULES = (
    ("key", lambda shape, mesh: P("data") if "data" in mesh.shape else P()),
    *FSDP,
)
SHAPES = {"kernel": ((64, 32), jnp.float32), "bias": ((32,), jnp.bfloat16)}


def state_at(step: int) -> State:
    """Typed keys, two dtypes, moments, an empty branch; other numbers at each step."""
    keys = jax.random.split(jax.random.key(step), 4)
    params = {
        name: jax.random.normal(keys[0], shape, dtype)
        for name, (shape, dtype) in SHAPES.items()
    }
    adam, *rest = optax.adam(0.1).init(params)
    adam = adam._replace(count=jnp.int32(step), mu=jax.tree.map(jnp.cos, params))
    extra = {
        "ema": jax.tree.map(jnp.sin, params),
        "died": jnp.array([-1, 3], jnp.int32),
        "hyper": {"rate": jnp.float32(0.1), "empty": {}},
        "own key": keys[1],
    }
    return State(jnp.int32(step), keys[2:], params, (adam, *rest), extra)


def laid(state: State, mesh: Mesh) -> State:
    return jax.device_put(state, shardings(state, mesh, RULES))


def wanted(mesh: Mesh) -> State:
    """Shapes as a program has them, for a mesh."""
    shapes = jax.eval_shape(lambda: state_at(0))
    return jax.tree.map(
        lambda leaf, sharding: jax.ShapeDtypeStruct(
            leaf.shape, leaf.dtype, sharding=sharding
        ),
        shapes,
        shardings(shapes, mesh, RULES),
    )


def bits(leaf) -> tuple:
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return "key", str(jax.random.key_impl(leaf)), *bits(jax.random.key_data(leaf))
    return leaf.shape, leaf.dtype, np.asarray(leaf).tobytes()


def require_same(one: State, other: State) -> None:
    assert jax.tree.structure(one) == jax.tree.structure(other)
    assert jax.tree.map(bits, one) == jax.tree.map(bits, other)


def write(folder: Path, steps: Iterable[int], mesh: Mesh) -> None:
    with Checkpoints(folder) as checkpoints:
        for step in steps:
            checkpoints.save(laid(state_at(step), mesh), position=10 * step)
        checkpoints.wait()


@cache
def alone() -> Mesh:
    """A mesh of one device."""
    return mesh_of({"data": 1}, jax.devices()[:1])
