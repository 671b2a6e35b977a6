"""The runs that the tests of the loop interrupt: noisy descents in the plane."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxgen.data.batches import minibatch
from jaxgen.sharding.mesh import mesh_of
from jaxgen.sharding.rules import study
from jaxgen.training.compile import Program, compile
from jaxgen.training.descent import descent
from jaxgen.training.dispatch import feed, repeat
from jaxgen.training.learner import Learner, State
from jaxgen.training.replicate import each_row, grid, replicate
from jaxgen.training.transforms import guard

POINTS = np.random.default_rng(0).normal(size=(24, 2)).astype(np.float32)


def wanderer(rate) -> Learner:
    """Steps towards the mean of its batch, pushed by noise of its own."""

    def loss(w, batch, key):
        target = batch.mean(0) + jax.random.normal(key, w.shape)
        return ((w - target) ** 2).sum() / 2, {"size": jnp.abs(w).max()}

    def start(key, batch):
        return jax.random.normal(key, batch.shape[1:])

    return descent(start, loss, optax.sgd(rate))


def distance(state: State, data) -> dict[str, jax.Array]:
    return {"distance": jnp.linalg.norm(state.params - data.mean(0))}


def wandering_study(steps: int, devices: int) -> Program:
    """Two rates with two seeds, guarded, so many steps a dispatch."""

    def make(rate) -> Learner:
        return feed(guard(wanderer(rate)), minibatch(4))

    rows = grid(seed=range(2), rate=(0.1, 0.2))
    return compile(
        repeat(replicate(make, rows), steps),
        POINTS,
        mesh_of({"replica": devices}, jax.devices()[:devices]),
        study(),
        evaluate=each_row(distance),
    )


def bits(state: State) -> list[bytes]:
    """All numbers of a state as they lie in memory."""
    state = state._replace(key=jax.random.key_data(state.key))
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(state)]
