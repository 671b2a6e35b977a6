"""What one dispatch of a program does: where its batches come from, how many steps."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.arrays import Array, Data, Key
from jaxgen.keys import named
from jaxgen.sharding.mesh import spread
from jaxgen.training.learner import Learner, key_for, require_one_replicate


def feed(
    learner: Learner, draw: Callable[[Data, Key], Data], name: str = "data"
) -> Learner:
    """Draws each batch inside the program, from data that stay on the device.

    The learner's data become ``draw(data, key_for(state, name))``, laid over the
    mesh's batch axes: without that, every device would compute the whole batch.
    Each replicate of a study draws batches of its own.

    Args:
      learner: a learner of batches.
      draw: ``(data, key) -> batch``, such as ``minibatch(512)``.
      name: of the draw, told apart from those of other feeds.
    """

    def init(key, data):
        return learner.init(key, draw(data, named(key, name)))

    def update(state, data):
        return learner.update(state, spread(draw(data, key_for(state, name))))

    return Learner(init, update)


def feed_by_step(
    learner: Learner, draw: Callable[[Data, Key, Array], Data], name: str = "data"
) -> Learner:
    """As `feed`, where what is drawn depends on the updates made: passes over the data.

    The learner's data become ``draw(data, key, step)``, where the key is the same at each
    step: what is not to be drawn twice is in one order for all steps.

    Args:
      learner: a learner of batches.
      draw: ``(data, key, step) -> batch``.
      name: of the draw, told apart from those of other feeds.
    """

    def init(key, data):
        first = jnp.zeros((), jnp.int32)
        return learner.init(key, draw(data, named(key, name), first))

    def update(state, data):
        require_one_replicate(state, f"feed_by_step({name!r})")
        batch = draw(data, named(state.key, name), state.step)
        return learner.update(state, spread(batch))

    return Learner(init, update)


def repeat(learner: Learner, steps: int) -> Learner:
    """Makes ``steps`` updates on the same data; metrics are their means.

    Of a metric that is an integer (a count, a step) the last value is told.

    Raises:
      ValueError: ``steps`` is not positive.
    """
    if steps < 1:
        raise ValueError(f"repeat(steps={steps}): expected 1 or more updates")

    def update(state, data):
        state, metrics = lax.scan(
            lambda state, _: learner.update(state, data), state, length=steps
        )
        return state, jax.tree.map(_summary, metrics)

    return Learner(learner.init, update)


def scan(learner: Learner) -> Learner:
    """Makes one update for each of the stacked batches that are its data.

    Every leaf of the data is (steps, examples, ...), laid out by
    ``batch_spec(mesh.axis_names, leading=1)`` where they come from the host. Metrics
    as in ``repeat``.
    """

    def init(key, data):
        return learner.init(key, jax.tree.map(lambda leaf: leaf[0], data))

    def update(state, data):
        state, metrics = lax.scan(
            lambda state, batch: learner.update(state, spread(batch)), state, data
        )
        return state, jax.tree.map(_summary, metrics)

    return Learner(init, update)


def _summary(metric):
    inexact = jax.numpy.issubdtype(metric.dtype, jax.numpy.inexact)
    return metric.mean(0) if inexact else metric[-1]
