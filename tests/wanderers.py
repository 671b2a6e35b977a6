"""The runs that the tests of the loop interrupt: noisy descents in the plane."""

from functools import cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen.data.batches import Resident, Shuffled, minibatch
from jaxgen.sharding.mesh import batch_spec, mesh_of
from jaxgen.sharding.rules import study
from jaxgen.training.compile import Program, compile
from jaxgen.training.descent import descent
from jaxgen.training.dispatch import feed, repeat
from jaxgen.training.learner import Learner, State
from jaxgen.training.loop import fit
from jaxgen.training.progress import Silence
from jaxgen.training.record import recorded
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


@cache
def wandering() -> Program:
    """One replicate without a guard; batches from the host, over two devices."""
    mesh = mesh_of({"data": 2}, jax.devices()[:2])
    layout = batch_spec(mesh.axis_names)
    return compile(wanderer(0.25), POINTS[:8], mesh, layout=layout, evaluate=distance)


@cache
def wandering_study() -> Program:
    """Two rates with two seeds, guarded, over two devices, three steps a dispatch."""

    def make(rate) -> Learner:
        return feed(guard(wanderer(rate)), minibatch(4))

    rows = grid(seed=range(2), rate=(0.1, 0.2))
    return compile(
        repeat(replicate(make, rows), 3),
        POINTS,
        mesh_of({"replica": 2}, jax.devices()[:2]),
        study(),
        evaluate=each_row(distance),
    )


def bits(state: State) -> list[bytes]:
    """All numbers of a state as they lie in memory."""
    state = state._replace(key=jax.random.key_data(state.key))
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(state)]


def told(folder: Path) -> list[dict[str, Any]]:
    """The record of a run, without its clock."""
    lines = recorded(folder / "record.jsonl")
    return [{k: v for k, v in line.items() if k != "wall_time"} for line in lines]


def saved(folder: Path) -> list[int]:
    """The steps of a run's checkpoints."""
    return sorted(int(path.name) for path in (folder / "checkpoints").iterdir())


class Counted(Shuffled):
    """Shuffled batches that remember which were asked for."""

    def __init__(self):
        super().__init__(POINTS, size=8, seed=3)
        self.asked = []

    def __next__(self):
        self.asked.append(self.position)
        return super().__next__()


class Listener(Silence):
    """Remembers what it is told."""

    def __init__(self):
        self.said, self.told = [], []

    def say(self, text):
        self.said.append(text)

    def advance(self, done, step):
        self.told.append((done, step))


def refuse(*_):
    """Stands where nothing is to be called."""
    raise AssertionError("a finished run asked for more")


class Cut(Exception):
    """A run was cut short."""


class Cutter(Silence):
    """Cuts a run short once two dispatches are told."""

    def advance(self, done, step):
        if done == 2:
            raise Cut


def assert_resumes(program: Program, data, folder: Path) -> None:
    """A fed program ends with the same bits, whether it was cut short or not."""

    def run(name, watcher=None):
        every = {"evaluate_every": 99, "save_every": 1, "watcher": watcher}
        key, batches = jax.random.key(0), Resident(data)
        return fit(program, key, batches, 4, folder / name, **every)

    unbroken = run("unbroken")
    with pytest.raises(Cut):
        run("broken", Cutter())
    assert 0 < saved(folder / "broken")[-1] < int(unbroken.step)
    assert bits(run("broken")) == bits(unbroken)
