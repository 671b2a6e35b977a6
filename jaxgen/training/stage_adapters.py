"""One adapter for each stage: no stage changes what another has learned."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgen.arrays import Array, Bool, Data, Int, Key, Metrics, PyTree, Scalar
from jaxgen.keys import named
from jaxgen.models.adaptation import Adaptation
from jaxgen.training.descent import descent
from jaxgen.training.gradients import Loss, whole_batch
from jaxgen.training.learner import Learner, State, fresh
from jaxgen.training.transforms import staged


class Adapted(NamedTuple):
    """A model, and adapters of it: one, or a stack with one for each stage.

    Attributes:
      base: what the first stage learned; later ones leave it as it is.
      adapter: of a stage that has not begun it changes nothing, nor does the first stage's.
    """

    base: PyTree
    adapter: PyTree


def adapter_per_stage(
    init_params: Callable[[Key, Data], PyTree],
    adaptation: Adaptation,
    loss: Loss,
    optimizer: optax.GradientTransformation,
    stages: int,
    every: int,
    value_and_grad: Callable = whole_batch,
) -> Learner:
    """Learns a model in the first stage, and in each later one an adapter of it.

    The first stage computes ``w <- w - opt(grad loss(w))``, stage s > 0
    ``a_s <- a_s - opt(grad loss(apply(w, a_s)))``, and the optimizer starts anew with each.
    Nothing is forgotten by one who knows of which stage an example is (`routed`); nor does
    a stage learn from any but the first. A step makes the gradients of both parts, and
    moves one.

    Args:
      init_params: ``(key, batch) -> params``.
      adaptation: such as ``lora(4, 4)``.
      loss: ``(params, batch, key) -> (scalar, metrics)``, a mean over examples.
      optimizer: turns gradients into updates.
      stages: how many.
      every: updates of a stage; the last one goes on.
      value_and_grad: how gradients are gathered.

    Returns:
      A learner of batches, whose parameters are ``Adapted(model, stack)``, with the metric
      ``loss`` and those of the loss.

    Raises:
      ValueError: fewer than one stage, or than one update of each.

    References:
      Hu et al., 2022, *LoRA: low-rank adaptation of large language models*, section 4.1; a
      part of its own for each task: Rusu et al., 2016, *Progressive neural networks*.

    Example:
      >>> from jaxgen.models.parameter_offsets import offset
      >>> square = lambda w, x, key: (((w["w"] - x) ** 2).mean(), {})
      >>> start = lambda key, x: {"w": jnp.zeros(())}
      >>> learner = adapter_per_stage(start, offset(), square, optax.sgd(0.5), 2, every=1)
      >>> state = learner.init(jax.random.key(0), jnp.ones(4))
      >>> state, _ = learner.update(state, jnp.ones(4))
      >>> state, _ = learner.update(state, 5 * jnp.ones(4))
      >>> [float(routed(offset(), state.params, stage)["w"]) for stage in (0, 1)]
      [1.0, 5.0]
    """
    if stages < 1:
        raise ValueError(f"adapter_per_stage(stages={stages}): expected 1 or more")

    def start(key: Key, batch: Data) -> Adapted:
        base = init_params(key, batch)
        keys = jax.random.split(named(key, "adapters"), stages)
        return Adapted(base, jax.vmap(lambda each: adaptation.init(each, base))(keys))

    def of_both(both: Adapted, batch: Data, key: Key) -> tuple[Scalar, Metrics]:
        return loss(adaptation.apply(*both), batch, key)

    def stage_of(state: State) -> Int[Array, ""]:
        return jnp.minimum(state.step // every, stages - 1)

    def init(key: Key, batch: Data) -> State:
        params = start(key, batch)
        return fresh(key, params, optimizer.init(at_stage(params, 0)))

    def update(state: State, batch: Data) -> tuple[State, Metrics]:
        stage = stage_of(state)
        one_part = moving(optimizer, stage == 0)
        inner = descent(start, of_both, one_part, value_and_grad)
        own = state._replace(params=at_stage(state.params, stage))
        new, metrics = inner.update(own, batch)
        stack = jax.tree.map(
            lambda every, one: every.at[stage].set(one),
            state.params.adapter,
            new.params.adapter,
        )
        return new._replace(params=new.params._replace(adapter=stack)), metrics

    def anew(state: State, batch: Data) -> State:
        del batch
        own = at_stage(state.params, stage_of(state))
        return state._replace(opt=optimizer.init(own))

    return staged(Learner(init, update), every, anew)


def at_stage(params: Adapted, stage: int | Int[Array, ""]) -> Adapted:
    """The model and the adapter of one stage."""
    return Adapted(params.base, jax.tree.map(lambda leaf: leaf[stage], params.adapter))


def routed(
    adaptation: Adaptation, params: Adapted, stage: int | Int[Array, ""]
) -> PyTree:
    """The parameters by which examples of a stage are told: its adapter is applied."""
    return adaptation.apply(*at_stage(params, stage))


def moving(
    optimizer: optax.GradientTransformation, base: Bool[Array, ""]
) -> optax.GradientTransformation:
    """The optimizer of the base alone, or of the adapter alone."""

    def update(updates, state, params=None):
        own, state = optimizer.update(part_of(updates, base), state, params)
        return part_of(own, base), state

    return optax.GradientTransformation(optimizer.init, update)


def part_of(both: Any, base: Bool[Array, ""]) -> Adapted:
    """Zeros in the place of one of the two parts."""

    def where(kept: Bool[Array, ""], tree: PyTree) -> PyTree:
        return jax.tree.map(lambda leaf: jnp.where(kept, leaf, 0), tree)

    return Adapted(where(base, both.base), where(~base, both.adapter))
