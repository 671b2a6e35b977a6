"""Strategies that keep parameters, or what they tell, near those of earlier stages."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Bool, Data, PyTree, Scalar
from jaxgen.objectives.anchor import anchor_penalty, distillation
from jaxgen.objectives.checks import require_not_negative, require_positive
from jaxgen.objectives.parameter_importance import (
    Importance,
    Predict,
    exact_fisher,
    ones,
    output_sensitivity,
)
from jaxgen.training.continual import Strategy


class Anchor(NamedTuple):
    """Where parameters were, and how much each matters; zero before the first stage."""

    params: PyTree
    importance: PyTree


class Path(NamedTuple):
    """`Anchor`, and what each parameter has done to the loss since.

    Attributes:
      anchor: parameters at the end of the last stage, and their importance.
      gain: how far the loss fell by the steps of each parameter in this stage.
      last: parameters before the last step.
      slope: of the loss there.
    """

    anchor: Anchor
    gain: PyTree
    last: PyTree
    slope: PyTree


class Teacher(NamedTuple):
    """The model at the end of the last stage, once there was one."""

    params: PyTree
    ready: Bool[Array, ""]


def ewc(
    predict: Predict,
    weight: int | float | Scalar,
    fisher: Importance = exact_fisher,
    decay: int | float | Scalar = 1.0,
) -> Strategy:
    """Elastic weight consolidation: a parameter is held as the Fisher information says.

    Computes ``loss + weight/2 sum_i F_i (w_i - a_i)^2``, with a the parameters at the end
    of the last stage, and ``F <- decay F + fisher``: one penalty for all earlier stages,
    the online form.

    Args:
      predict: what the model tells of examples.
      weight: of the penalty. The best one differs by orders of magnitude between kinds of
        Fisher information.
      fisher: ``exact_fisher``, ``sampled_fisher``, ``empirical_fisher``,
        ``batched_fisher(128)``.
      decay: of what stages before the last asked for.

    Raises:
      ValueError: a weight or decay below zero.

    References:
      Kirkpatrick et al., 2017, *Overcoming catastrophic forgetting in neural networks*;
      online: Schwarz et al., 2018, *Progress & compress*, section 4.
    """
    require_not_negative("ewc(decay)", decay)
    return anchored("ewc", predict, weight, fisher, last_end(decay))


def separate_ewc(
    predict: Predict,
    weight: int | float | Scalar,
    fisher: Importance = exact_fisher,
) -> Strategy:
    """Elastic weight consolidation with a penalty of its own for each earlier stage.

    Computes ``loss + weight/2 sum_k sum_i F_ki (w_i - a_ki)^2``, with a_k the parameters at
    the end of stage k. Up to a constant that is one penalty of ``F = sum_k F_k`` around
    ``sum_k F_k a_k / F``: however many stages there were, two trees are kept. In the second
    stage it is `ewc`; later `ewc` forgets where earlier ones ended, and this does not.

    Args:
      predict: what the model tells of examples.
      weight: of every penalty.
      fisher: as of `ewc`.

    Raises:
      ValueError: a weight below zero.

    References:
      Kirkpatrick et al., 2017, *Overcoming catastrophic forgetting in neural networks*,
      section 2; one around the last stage alone: Huszár, 2018, *Note on the quadratic
      penalties in elastic weight consolidation*.
    """
    return anchored("separate_ewc", predict, weight, fisher, weighted_mean)


def mas(predict: Predict, weight: int | float | Scalar) -> Strategy:
    """Memory aware synapses: a parameter is held as the logits depend on it.

    Raises:
      ValueError: a weight below zero.

    References:
      Aljundi et al., 2018, *Memory aware synapses: learning what (not) to forget*.
    """
    return anchored("mas", predict, weight, output_sensitivity, last_end(1.0))


def l2_sp(weight: int | float | Scalar) -> Strategy:
    """All parameters are held alike to where the last stage ended.

    Raises:
      ValueError: a weight below zero.

    References:
      Li et al., 2018, *Explicit inductive bias for transfer learning with convolutional
      networks*.
    """
    return anchored("l2_sp", no_prediction, weight, ones, last_end(0.0))


def anchored(
    name: str,
    predict: Predict,
    weight: int | float | Scalar,
    importance: Importance,
    joined: Callable[[Anchor, Anchor], Anchor],
) -> Strategy:
    """A quadratic penalty around earlier stages, whatever matters how much.

    Args:
      name: what messages call it.
      predict: what the model tells of examples.
      weight: of the penalty.
      importance: of each parameter, for a stage that has ended.
      joined: ``(earlier stages, the last one) -> anchor`` of all.
    """
    require_not_negative(f"{name}(weight)", weight)

    def init(params, batch):
        del batch
        return Anchor(params, jax.tree.map(jnp.zeros_like, params))

    def penalty(params, batch, memory):
        del batch
        return weight * anchor_penalty(params, *memory)

    def consolidate(params, examples, key, memory):
        new = importance(predict, params, examples, key)
        return joined(memory, Anchor(params, new))

    return Strategy(init, penalized(penalty), consolidate)


def last_end(decay: int | float | Scalar) -> Callable[[Anchor, Anchor], Anchor]:
    """Joins stages around where the last one ended: ``F <- decay F + new``."""

    def joined(earlier: Anchor, last: Anchor) -> Anchor:
        total = jax.tree.map(
            lambda old, new: decay * old + new, earlier.importance, last.importance
        )
        return Anchor(last.params, total)

    return joined


def weighted_mean(earlier: Anchor, last: Anchor) -> Anchor:
    """The anchor whose penalty is the sum of two, but for a constant.

    Computes ``F = F_1 + F_2`` and ``a = (F_1 a_1 + F_2 a_2) / F``, of what nothing holds
    its last place.
    """
    total = jax.tree.map(jnp.add, earlier.importance, last.importance)

    def between(first, second, new, both):
        share = jnp.where(both > 0, new / jnp.where(both > 0, both, 1), 1)
        return first + share * (second - first)

    return Anchor(
        jax.tree.map(between, earlier.params, last.params, last.importance, total),
        total,
    )


def si(weight: int | float | Scalar, damping: int | float | Scalar = 0.1) -> Strategy:
    """Synaptic intelligence: a parameter is held for what it did to the loss on its way.

    Sums ``-g_i dw_i`` of the loss's own gradient over the steps of a stage. At its end
    ``F_i <- F_i + 2 max(sum_i, 0) / (D_i^2 + damping)``, with D the way of the whole
    stage, and the penalty is that of `ewc`.

    Args:
      weight: of the penalty.
      damping: keeps parameters that did not move from mattering most.

    Raises:
      ValueError: a weight below zero, or a damping not above it.

    References:
      Zenke et al., 2017, *Continual learning through synaptic intelligence*, equations 3
      to 5.
    """
    require_not_negative("si(weight)", weight)
    require_positive("si(damping)", damping)

    def init(params, batch):
        del batch
        zeros = jax.tree.map(jnp.zeros_like, params)
        return Path(Anchor(params, zeros), zeros, params, zeros)

    def gradient(gather, params, batch, key, memory):
        (value, told), slope = gather(params, batch, key)
        pull = jax.grad(lambda p: weight * anchor_penalty(p, *memory.anchor))(params)
        new = Path(memory.anchor, gain_at(params, memory), params, slope)
        return ((value, told), jax.tree.map(jnp.add, slope, pull)), new

    def consolidate(params, examples, key, memory):
        del examples, key
        importance = jax.tree.map(
            lambda f, gain, w, a: (
                f + 2 * jnp.maximum(gain, 0) / ((w - a) ** 2 + damping)
            ),
            memory.anchor.importance,
            gain_at(params, memory),
            params,
            memory.anchor.params,
        )
        zeros = jax.tree.map(jnp.zeros_like, params)
        return Path(Anchor(params, importance), zeros, params, zeros)

    return Strategy(init, gradient, consolidate)


def gain_at(params: PyTree, path: Path) -> PyTree:
    """The gain of each parameter, the last step, which led here, among it."""
    return jax.tree.map(
        lambda gain, slope, w, last: gain - slope * (w - last),
        path.gain,
        path.slope,
        params,
        path.last,
    )


def lwf(
    predict: Predict,
    weight: int | float | Scalar,
    temperature: int | float | Scalar = 2.0,
) -> Strategy:
    """Learning without forgetting: tells of new examples what the last model told.

    Computes ``loss + weight T^2 KL(old || new)`` of the batch, where old is the model at
    the end of the last stage.

    Args:
      predict: of whose logits is told; where tasks have heads, all of them.
      weight: of the divergence.
      temperature: T.

    Raises:
      ValueError: a weight below zero, a temperature not above it.

    References:
      Li and Hoiem, 2016, *Learning without forgetting*, section 3.
    """
    require_not_negative("lwf(weight)", weight)
    require_positive("lwf(temperature)", temperature)

    def penalty(params, batch, teacher):
        old = predict(teacher.params, batch).logits
        apart = distillation(predict(params, batch).logits, old, temperature)
        return weight * teacher.ready * apart

    return Strategy(
        lambda params, batch: Teacher(params, jnp.array(False)),
        penalized(penalty),
        lambda params, examples, key, memory: Teacher(params, jnp.array(True)),
    )


def penalized(penalty: Callable[[PyTree, Data, Any], Scalar]) -> Callable:
    """The gradient of a loss and of a penalty ``(params, batch, memory) -> scalar``."""

    def gradient(gather, params, batch, key, memory):
        (value, told), slope = gather(params, batch, key)
        pull = jax.grad(penalty)(params, batch, memory)
        return ((value, told), jax.tree.map(jnp.add, slope, pull)), memory

    return gradient


def no_prediction(params: PyTree, batch: Data) -> Any:
    """Of strategies that look at no prediction."""
    raise AssertionError("nothing is predicted")
