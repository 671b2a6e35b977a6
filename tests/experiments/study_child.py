"""A small study in one of several processes, for ``test_processes``.

Called with ``--out FOLDER``; each process leaves what it was told.
"""

import json
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.training import Run, on_rows, train, trained
from jaxgen.data.batches import minibatch
from jaxgen.training.descent import descent
from jaxgen.training.directory import run_directory
from jaxgen.training.dispatch import feed
from jaxgen.training.record import json_ready
from jaxgen.training.replicate import grid
from jaxgen.training.transforms import guard

POINTS = np.random.default_rng(0).normal(size=(32, 3)).astype(np.float32)


def study() -> Run:
    """Descents to means of batches of eight, each seed by batches of its own."""

    def make():
        def loss(w, batch, key):
            return ((batch - w[None]) ** 2).mean(), {}

        start = descent(lambda key, batch: batch[0], loss, optax.sgd(0.3))
        return guard(feed(start, minibatch(8)))

    def scores(state, data):
        return {"far": jnp.abs(jnp.asarray(data) - state.params[None]).mean()}

    return Run("means", make, grid(range(2)), POINTS, scores, 6, 2)


def squares(rows):
    return rows**2


def told(folder: Path) -> dict:
    """What a study of two rows comes to, wherever they are."""
    scores = trained(study(), folder / "study").scores
    params = train(study(), folder / "study")
    squared = on_rows(squares, params)
    return json_ready({"scores": dict(scores), "params": params, "squares": squared})


if __name__ == "__main__":
    folder = Path(sys.argv[sys.argv.index("--out") + 1])
    with run_directory(folder, {"study": "means"}):
        left = told(folder)
    (folder / f"told-{jax.process_index()}.json").write_text(json.dumps(left))
