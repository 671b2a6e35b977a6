"""Transformations of learners: what is done beside, or instead of, an update."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jax import lax

from jaxgen.arrays import Array, Bool, Data, PyTree
from jaxgen.training.learner import (
    Learner,
    State,
    claim,
    own,
    require_one_replicate,
)


def ema(
    learner: Learner,
    decay: float | Array,
    of: Callable[[PyTree], PyTree] = lambda params: params,
    name: str = "ema",
) -> Learner:
    """Carries an exponential moving average of the parameters.

    Computes ``a <- decay a + (1 - decay) of(params)`` after each update, with
    ``a = of(params)`` at the start.

    Args:
      learner: the learner whose parameters are averaged.
      decay: in [0, 1), may be traced.
      of: the part of the parameters to average.
      name: where in ``extra`` the average is kept.

    References:
      Yazici et al., 2019, *The unusual effectiveness of averaging in GAN training*.
    """

    def init(key, data):
        state = learner.init(key, data)
        return claim(state, **{name: of(state.params)})

    def update(state, data):
        new, metrics = learner.update(state, data)
        average = optax.incremental_update(of(new.params), state.extra[name], 1 - decay)
        return own(new, **{name: average}), metrics

    return Learner(init, update)


def guard(learner: Learner) -> Learner:
    """Holds a replicate at its last finite state from the step at which it dies.

    An update whose new parameters are not all finite is undone, and so is every
    later one; ``extra["died"]`` and the metric ``died`` tell the number of updates
    made before it, -1 while alive. The step counts on, so that other replicates of
    the study are not disturbed. A metric that is not finite is no death.
    """

    def init(key, data):
        return claim(learner.init(key, data), died=jnp.full((), -1, jnp.int32))

    def update(state, data):
        require_one_replicate(state, "guard")
        new, metrics = learner.update(state, data)
        died, finite = state.extra["died"], all_finite(new.params)
        keep = finite & (died < 0)
        held = jax.tree.map(
            lambda a, b: jnp.where(keep, a, b), new, state._replace(step=new.step)
        )
        died = jnp.where((died < 0) & ~finite, state.step, died)
        return own(held._replace(step=new.step), died=died), {**metrics, "died": died}

    return Learner(init, update)


def staged(
    learner: Learner, every: int, boundary: Callable[[State, Data], State]
) -> Learner:
    """Changes the state at the boundary between two stages, every so many updates.

    Applies ``boundary(state, data)`` before the updates that follow ``every``,
    ``2 every``, ... made updates: a ``lax.cond`` on the step, so that it costs
    nothing in between (task boundaries of continual learning, resets). It goes inside
    ``repeat`` and ``scan``, which make many updates of one.

    Raises:
      ValueError: ``every`` is not positive.
    """
    if every < 1:
        raise ValueError(f"staged(every={every}): expected 1 or more updates")

    def update(state, data):
        due = (state.step > 0) & (state.step % every == 0)
        state = lax.cond(due, boundary, lambda state, data: state, state, data)
        return learner.update(state, data)

    return Learner(learner.init, update)


def all_finite(tree: PyTree) -> Bool[Array, ""]:
    """Whether no number in the tree is infinite or NaN.

    Example:
      >>> import jax.numpy as jnp
      >>> bool(all_finite({"w": jnp.array([1.0, jnp.inf])}))
      False
    """
    finite = [
        jnp.isfinite(leaf).all()
        for leaf in jax.tree.leaves(tree)
        if jnp.issubdtype(leaf.dtype, jnp.inexact)
    ]
    return jnp.array(finite).all() if finite else jnp.array(True)
