"""Learning one domain after the other: strategies, and the learner that follows one.

A strategy says what is remembered of earlier stages, and what it makes of a gradient. All
stages are one program: `continual` makes the updates, `consolidated` ends the stages.

Which parameters are looked at is not a strategy: `ema` and `segment_average` go around.
Nor is what is drawn: learning all domains jointly is `naive` on draws from all of them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import optax

from jaxgen.arrays import Array, Data, Int, Key, PyTree
from jaxgen.training.descent import descent
from jaxgen.training.gradients import Loss, whole_batch
from jaxgen.training.learner import Learner, State, claim, key_for, own
from jaxgen.training.transforms import staged

Gather = Callable[[PyTree, Data, Key], tuple[tuple[Any, Any], PyTree]]
"""``(params, batch, key) -> ((loss, told), gradient)``."""


class Strategy(NamedTuple):
    """What is done against forgetting: three pure functions over a memory.

    Attributes:
      init: ``(params, batch) -> memory``, before the first stage.
      gradient: ``(gather, params, batch, key, memory) -> (gathered, memory)``, where gather
        is the loss's own and ``gathered`` is ``((loss, told), gradient)``.
      consolidate: ``(params, examples, key, memory) -> memory`` at the end of a stage,
        given examples of it.
    """

    init: Callable[[PyTree, Data], PyTree]
    gradient: Callable[[Gather, PyTree, Data, Key, PyTree], tuple[Any, PyTree]]
    consolidate: Callable[[PyTree, Data, Key, PyTree], PyTree]


def naive() -> Strategy:
    """Nothing is done, and nothing remembered."""
    return Strategy(
        lambda params, batch: (),
        lambda gather, params, batch, key, memory: (gather(params, batch, key), memory),
        lambda params, examples, key, memory: memory,
    )


def continual(
    init_params: Callable[[Key, Data], PyTree],
    loss: Loss,
    strategy: Strategy,
    optimizer: optax.GradientTransformation,
    value_and_grad: Callable = whole_batch,
) -> Learner:
    """Steps down the gradient that a strategy makes of a loss.

    Computes ``params <- params - opt(strategy(grad loss, memory))``; the memory is kept in
    ``extra["strategy"]``. A classifier and a language model differ in their losses alone.

    Args:
      init_params: ``(key, batch) -> params``.
      loss: ``(params, batch, key) -> (scalar, metrics)``, a mean over examples.
      strategy: ``naive()``, ``ewc(...)``, ``replay(...)``: may hold traced numbers.
      optimizer: turns gradients into updates.
      value_and_grad: how gradients are gathered.

    Returns:
      A learner of batches with the metric ``loss`` and those of the loss.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> square = lambda w, x, key: (((w - x) ** 2).mean(), {})
      >>> start = lambda key, x: jnp.zeros(())
      >>> learner = continual(start, square, naive(), optax.sgd(0.5))
      >>> state = learner.init(jax.random.key(0), jnp.ones(4))
      >>> float(learner.update(state, jnp.ones(4))[0].params)
      1.0
    """

    def learner(memory):
        def adjusted(loss):
            gather = value_and_grad(loss)

            def gathered(params, batch, key):
                ((value, told), slope), new = strategy.gradient(
                    gather, params, batch, key, memory
                )
                return (value, {**told, "strategy": new}), slope

            return gathered

        return descent(init_params, loss, optimizer, adjusted)

    def init(key, batch):
        state = descent(init_params, loss, optimizer).init(key, batch)
        return claim(state, strategy=strategy.init(state.params, batch))

    def update(state, batch):
        new, metrics = learner(state.extra["strategy"]).update(state, batch)
        return own(new, strategy=metrics.pop("strategy")), metrics

    return Learner(init, update)


def consolidated(
    learner: Learner,
    strategy: Strategy,
    every: int,
    examples: Callable[[Data, Int[Array, ""]], Data],
) -> Learner:
    """Ends a stage after every so many updates: the strategy takes in what was learned.

    It goes around ``feed``, which draws batches, so that it sees all data:
    ``consolidated(feed_by_step(guard(continual(...)), rows), ...)``.

    Args:
      learner: of all data, within which is ``continual``.
      strategy: the same.
      every: updates of a stage.
      examples: ``(data, stage) -> examples`` of a stage that has ended.

    Raises:
      ValueError: ``every`` is not positive.
    """

    def boundary(state: State, data: Data) -> State:
        key = key_for(state, "consolidation")
        seen = examples(data, state.step // every - 1)
        memory = strategy.consolidate(state.params, seen, key, state.extra["strategy"])
        return own(state, strategy=memory)

    return staged(learner, every, boundary)
