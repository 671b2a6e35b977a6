"""Replicates: one program that runs a whole study, a row for each of its settings."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from jaxgen.arrays import Data
from jaxgen.training.learner import Learner, State, claim

ROWS: Any = State(step=None, key=0, params=0, opt=0, extra=0)  # type: ignore[arg-type]
"""The axes of a study's state for ``vmap``: a row each, but one step for all."""


def grid(
    seed: Sequence[int], **hyper: Sequence[float | int] | float | int
) -> dict[str, np.ndarray]:
    """The rows of a study: every setting with every seed, seeds last.

    Args:
      seed: the seeds; the same seed of two settings shares its draws, so that
        differences between settings are paired.
      **hyper: for each traced hyperparameter its value, or its values.

    Returns:
      For each name its column, (rows,) of int32 or float32.

    Raises:
      ValueError: no seeds, a seed twice, or a hyperparameter without values.

    Example:
      >>> grid(seed=range(2), lr=(0.1, 0.2))["lr"].tolist()
      [0.10000000149011612, 0.10000000149011612, 0.20000000298023224, ...]
    """
    seeds = list(seed)
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"grid(seed={seeds}): expected one or more different seeds")
    columns = {name: np.atleast_1d(values) for name, values in hyper.items()}
    for name, values in columns.items():
        if not values.size:
            raise ValueError(f"grid({name}=()): expected one or more values")
    rows = list(itertools.product(*columns.values(), seeds))
    values = np.array([row[:-1] for row in rows], np.float32).T
    return {"seed": np.array([row[-1] for row in rows], np.int32)} | dict(
        zip(columns, values, strict=True)
    )


def replicate(make: Callable[..., Learner], axis: Mapping[str, np.ndarray]) -> Learner:
    """One learner that trains all rows of a study at once.

    Row ``i`` is ``make(**hyper_i)``, started from ``fold_in(key, seed_i)``, and equals
    that row run alone. All rows see the same data; with ``feed`` inside each draws its
    own batches from them.

    Args:
      make: ``(**hyper) -> learner``, where the hyperparameters are traced numbers:
        learning rates, decays, weights of penalties. What decides a shape (widths,
        batch sizes, methods) is a study of its own.
      axis: the rows, as made by ``grid``.
    """
    seeds = axis["seed"]
    hypers = {name: column for name, column in axis.items() if name != "seed"}

    def first(seed, hyper, key, data):
        learner = make(**hyper)
        state = learner.init(jax.random.fold_in(key, seed), data)
        return claim(state, hyper=hyper)

    def then(state, data):
        return make(**state.extra["hyper"]).update(state, data)

    rows_of_init = jax.vmap(first, (0, 0, None, None), ROWS)
    return Learner(
        lambda key, data: rows_of_init(seeds, hypers, key, data),
        jax.vmap(then, (ROWS, None), (ROWS, 0)),
    )


def each_row(function: Callable[[State, Data], Any]) -> Callable[[State, Data], Any]:
    """Lifts ``(state, data) -> anything`` from one replicate to a study's rows."""
    return jax.vmap(function, (ROWS, None))


def row_names(axis: Mapping[str, np.ndarray]) -> list[str]:
    """How a person calls each row.

    Example:
      >>> row_names(grid(seed=(3,), lr=0.5))
      ['seed=3 lr=0.5']
    """
    columns = [[f"{name}={value!s}" for value in axis[name]] for name in axis]
    return [" ".join(row) for row in zip(*columns, strict=True)]
