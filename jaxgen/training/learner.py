"""A learner is a pair of pure functions over one type of state."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Data, Int, Key, Metrics, PyTree
from jaxgen.keys import named


class State(NamedTuple):
    """All that a learner carries from one update to the next.

    Attributes:
      step: updates made, one number for all replicates: a ``lax.cond`` on it stays
        a branch under ``vmap``.
      key: constant; every draw is made with ``key_for(state, name)``.
      params: what is learned; a GAN's are ``{"generator": ..., "critic": ...}``.
      opt: the optimizer's state.
      extra: whatever else is carried, each entry under its owner's name.
    """

    step: Int[Array, ""]
    key: Key
    params: PyTree
    opt: PyTree
    extra: dict[str, PyTree]


class Learner(NamedTuple):
    """A pair of pure functions, in the manner of an optax optimizer.

    Attributes:
      init: ``(key, data) -> state``. Of the data only shapes may matter.
      update: ``(state, data) -> (state, metrics)``.
    """

    init: Callable[[Key, Data], State]
    update: Callable[[State, Data], tuple[State, Metrics]]


def fresh(key: Key, params: PyTree, opt: PyTree, **extra: PyTree) -> State:
    """The state before the first update.

    Example:
      >>> import jax
      >>> int(fresh(jax.random.key(0), {}, ()).step)
      0
    """
    return State(jnp.zeros((), jnp.int32), key, params, opt, extra)


def key_for(state: State, name: str) -> Key:
    """The key of one named draw at the state's step.

    Computes ``named(fold_in(state.key, state.step), name)``: the same step draws the
    same numbers, also after a resume.

    Raises:
      ValueError: the state holds many replicates, each with a key of its own.

    Example:
      >>> import jax
      >>> state = fresh(jax.random.key(0), {}, ())
      >>> key_for(state, "data").shape
      ()
    """
    require_one_replicate(state, f"key_for(state, {name!r})")
    return named(jax.random.fold_in(state.key, state.step), name)


def require_one_replicate(state: State, what: str) -> None:
    """Raises:
    ValueError: the state has a row for each replicate of a study.
    """
    if state.key.shape:
        raise ValueError(
            f"{what} is about one replicate, and this state holds "
            f"{state.key.shape[0]}: apply it inside, replicate(lambda **hyper: "
            "feed(guard(ema(...)))), not around replicate(...)"
        )


def own(state: State, **entries: Any) -> State:
    """The state with the entries of ``extra`` that their owner has renewed.

    Example:
      >>> import jax
      >>> own(fresh(jax.random.key(0), {}, ()), ema=1).extra
      {'ema': 1}
    """
    return state._replace(extra={**state.extra, **entries})


def claim(state: State, **entries: Any) -> State:
    """The state with new entries in ``extra``, made at ``init`` by their owner.

    Raises:
      ValueError: an entry of that name has an owner already.

    Example:
      >>> import jax
      >>> state = claim(fresh(jax.random.key(0), {}, ()), ema=1)
      >>> claim(state, ema=2)
      Traceback (most recent call last):
      ...
      ValueError: extra['ema'] is owned twice: apply its transformation once, or ...
    """
    for name in entries:
        if name in state.extra:
            raise ValueError(
                f"extra[{name!r}] is owned twice: apply its transformation once, or "
                "give the second one another name"
            )
    return own(state, **entries)
