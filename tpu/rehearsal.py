"""A program of seconds with all that a long one has: for trying how runs survive.

Noisy descents in the plane, their batches from the host spread over all devices of all
processes. Every number depends on every step before.
"""

import hashlib
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.launch import launch
from jaxgen.data.batches import Shuffled
from jaxgen.sharding.mesh import batch_spec, mesh_of
from jaxgen.training.compile import Program, compile
from jaxgen.training.descent import descent
from jaxgen.training.directory import run_directory
from jaxgen.training.learner import State
from jaxgen.training.loop import fit
from jaxgen.training.processes import is_first, on_host
from jaxgen.training.progress import Silence

POINTS = np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32)


@dataclass(frozen=True)
class Rehearsal:
    """A run.

    Attributes:
      out: folder of the run.
      dispatches: steps.
      save_every: steps between checkpoints.
      pause: seconds between steps, in which something can happen.
    """

    out: Path = Path("runs/rehearsal")
    dispatches: int = 40
    save_every: int = 5
    pause: float = 0.03


class Slow(Silence):
    """Waits after each step."""

    def __init__(self, seconds: float):
        self.seconds = seconds

    def advance(self, done: int, step: int) -> None:
        time.sleep(self.seconds)


def program() -> Program:
    """Steps towards the mean of a batch, pushed by noise, over all devices."""

    def loss(w, batch, key):
        pushed = jnp.tanh(batch @ w) + jax.random.normal(key, w.shape[1:])[None]
        return ((pushed - batch) ** 2).mean(), {"size": jnp.abs(w).max()}

    def start(key, batch):
        return jax.random.normal(key, (batch.shape[1], batch.shape[1]))

    mesh = mesh_of({"data": -1})
    learner = descent(start, loss, optax.adam(0.01))
    layout = batch_spec(mesh.axis_names)
    return compile(learner, POINTS[:16], mesh, layout=layout)


def run(wanted: Rehearsal) -> Path:
    """Runs or continues; leaves ``final.json`` with the bits and the size of the end."""
    with run_directory(wanted.out, {"dispatches": wanted.dispatches}) as folder:
        state = fit(
            program(),
            jax.random.key(0),
            Shuffled(POINTS, size=16, seed=3),
            wanted.dispatches,
            folder,
            save_every=wanted.save_every,
            watcher=Slow(wanted.pause),
        )
        final = folder / "final.json"
        whole = fingerprint(state)
        if is_first():
            final.write_text(json.dumps(whole))
    return final


def fingerprint(state: State) -> dict:
    """All bits of the state, and its parameters as numbers."""
    plain = state._replace(key=jax.random.key_data(state.key))
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(on_host(plain))]
    digest = hashlib.sha256(b"".join(leaf.tobytes() for leaf in leaves))
    params = np.asarray(on_host(state.params)).ravel()
    return {"bits": digest.hexdigest(), "params": params.tolist()}


if __name__ == "__main__":
    sys.exit(launch({"tiny": Rehearsal()}, run, __doc__ or "", default="tiny"))
