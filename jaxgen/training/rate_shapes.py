"""How a learning rate changes over a run: shares of the highest, by updates made.

A shape is ``(step) -> share`` from 0 to 1, of jax numbers alone, so that a rate may be
traced: it is ``rate * shape(step)``.
"""

from collections.abc import Callable

import jax.numpy as jnp

from jaxgen.arrays import Array, Scalar

Shape = Callable[[Array], Scalar]
"""From the number of updates made before to the share of the rate."""


def constant(step: Array) -> Scalar:
    """One."""
    return jnp.ones_like(step, jnp.float32)


def warm_up(step: Array, updates: int | float | Array) -> Scalar:
    """From next to nothing to one, evenly: ``(step + 1) / (updates + 1)``, at most 1.

    Example:
      >>> [float(warm_up(jnp.array(step), 3)) for step in range(5)]
      [0.25, 0.5, 0.75, 1.0, 1.0]
    """
    return jnp.minimum((step + 1.0) / (updates + 1.0), 1.0)


def cosine(
    updates: int | float | Array,
    warm: int | float | Array = 0,
    last: int | float | Array = 0.0,
) -> Shape:
    """A warm-up, then half a wave down: ``last + (1 - last) (1 + cos(pi p)) / 2``.

    p goes from 0 at update ``warm`` to 1 at the run's end, and stays there.

    Args:
      updates: of the run.
      warm: updates of the warm-up.
      last: share that is left at the end.

    References:
      Loshchilov and Hutter, 2017, *SGDR: stochastic gradient descent with warm
      restarts*, equation 5.

    Example:
      >>> shape = cosine(updates=10, warm=2, last=0.1)
      >>> [round(float(shape(jnp.array(step))), 2) for step in (0, 2, 6, 10, 20)]
      [0.33, 1.0, 0.55, 0.1, 0.1]
    """

    def shape(step: Array) -> Scalar:
        done = jnp.clip((step - warm) / jnp.maximum(updates - warm, 1.0), 0.0, 1.0)
        wave = last + (1.0 - last) * (1.0 + jnp.cos(jnp.pi * done)) / 2
        return warm_up(step, warm) * wave

    return shape


def trapezoid(
    updates: int | float | Array,
    warm: int | float | Array = 0,
    cool: int | float | Array = 0,
    last: int | float | Array = 0.0,
) -> Shape:
    """A warm-up, then the whole rate, then evenly down over the last ``cool`` updates.

    A run may be made longer from where it is still whole.

    Args:
      updates: of the run.
      warm: updates of the warm-up.
      cool: updates of the descent.
      last: share that is left at the end.

    References:
      Hägele et al., 2024, *Scaling laws and compute-optimal training beyond fixed
      training durations*; Hu et al., 2024, *MiniCPM*, as "warmup-stable-decay".

    Example:
      >>> shape = trapezoid(updates=10, warm=1, cool=4)
      >>> [float(shape(jnp.array(step))) for step in (0, 1, 6, 8, 10)]
      [0.5, 1.0, 1.0, 0.5, 0.0]
    """

    def shape(step: Array) -> Scalar:
        left = jnp.clip((updates - step) / jnp.maximum(cool, 1.0), 0.0, 1.0)
        return warm_up(step, warm) * (last + (1.0 - last) * left)

    return shape
