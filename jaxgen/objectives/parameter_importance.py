"""How much what a model tells depends on each of its parameters.

An importance is ``(predict, params, batch, key) -> tree``, a tree like the parameters of
numbers that are not negative. The kinds of Fisher information are values of one argument.

Examples are taken one at a time: on a CPU squares are then made with the gradients, which
are never written down. An accelerator likes more, ``partial(exact_fisher, at_once=64)``;
the rows of a study come on top.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.arrays import Array, Data, Float, Int, Key, PyTree, Scalar
from jaxgen.objectives.language import cross_entropy


class Prediction(NamedTuple):
    """What a model tells of examples, and what is true.

    Attributes:
      logits: of each class; a model of sequences has some for each token.
      targets: the true class, or the true next token.
    """

    logits: Float[Array, "n *t v"]
    targets: Int[Array, "n *t"]


Predict = Callable[[PyTree, Data], Prediction]
"""``(params, batch) -> prediction``, each example on its own."""

Importance = Callable[[Predict, PyTree, Data, Key], PyTree]
"""``(predict, params, batch, key) -> tree``."""


def mean_nats_of(predict: Predict) -> Callable:
    """The loss of a model that predicts: ``(params, batch, key) -> (mean nats, {})``."""

    def loss(params, batch, key):
        del key
        return cross_entropy(*predict(params, batch)).mean(), {}

    return loss


def exact_fisher(
    predict: Predict, params: PyTree, batch: Data, key: Key, at_once: int = 1
) -> PyTree:
    """The diagonal of the Fisher information, under the model's own predictions.

    Computes ``mean_x sum_v p_v (d log p_v / d w)^2``, and of sequences the mean over their
    tokens. It takes a backward pass for each class of each token: many for text.

    References:
      Kirkpatrick et al., 2017, *Overcoming catastrophic forgetting in neural networks*;
      van de Ven, 2025, *On the computation of the Fisher information in continual
      learning*, whose "exact" it is.
    """

    def of_example(example, key):
        del key

        def log_shares(params):
            return jax.nn.log_softmax(predict(params, example).logits[0])

        told, pull = jax.vjp(log_shares, params)
        tokens = max(told.size // told.shape[-1], 1)
        roots = jnp.exp(told / 2).ravel() / math.sqrt(tokens)

        def square(place):
            root = jnp.zeros_like(roots).at[place].set(roots[place])
            return jax.tree.map(
                lambda slope: slope**2, pull(root.reshape(told.shape))[0]
            )

        return total(square, jnp.arange(roots.size), 1)

    return mean_over_groups(of_example, batch, key, at_once=at_once)


def sampled_fisher(
    predict: Predict, params: PyTree, batch: Data, key: Key, at_once: int = 1
) -> PyTree:
    """As `exact_fisher`, estimated from one drawn class of each example.

    Computes ``mean_x (d log p_y / d w)^2`` with y drawn from p, one for each token of a
    sequence: its mean over draws is exact.
    """

    def of_example(example, key):
        logits = lax.stop_gradient(predict(params, example).logits)
        drawn = jax.random.categorical(key, logits)
        return squares(lambda p: root_nats(predict(p, example).logits, drawn), params)

    return mean_over_groups(of_example, batch, key, at_once=at_once)


def empirical_fisher(
    predict: Predict, params: PyTree, batch: Data, key: Key, at_once: int = 1
) -> PyTree:
    """The mean of squared gradients of each example's loss, its true class given.

    Computes ``mean_x (d log p_y / d w)^2`` with y as in the data: no Fisher information,
    and small where the data are fitted. Of a sequence it squares the sum over its T tokens,
    divided by the root of T, whose terms do not cancel as those of drawn classes do.

    References:
      Kunstner et al., 2019, *Limitations of the empirical Fisher approximation for natural
      gradient descent*.
    """

    def of_example(example, key):
        del key
        return squares(lambda p: root_nats(*predict(p, example)), params)

    return mean_over_groups(of_example, batch, key, at_once=at_once)


def batched_fisher(size: int) -> Importance:
    """The mean of squared gradients of batches: what some libraries compute.

    Computes ``mean_B (mean_(x in B) d log p_y / d w)^2``. Gradients cancel within a batch:
    where their mean is zero, it is the empirical one divided by the size. Of sequences it
    is T times the squared gradient of the mean over all tokens.

    Args:
      size: examples of a batch; those left over are left out.

    Raises:
      ValueError: a size below 1; fewer examples than one batch.

    References:
      van de Ven, 2025, *On the computation of the Fisher information in continual
      learning*, section 4.
    """
    if size < 1:
        raise ValueError(f"batched_fisher(size={size}): expected 1 or more")

    def importance(predict, params, batch, key):
        def of_batch(batch, key):
            del key
            return squares(lambda p: root_nats(*predict(p, batch)), params)

        return mean_over_groups(of_batch, batch, key, size)

    return importance


def output_sensitivity(
    predict: Predict, params: PyTree, batch: Data, key: Key, at_once: int = 1
) -> PyTree:
    """How the length of the logits changes with each parameter; asks for no class.

    Computes ``mean_x |d |logits|^2 / d w|``, of sequences a mean over their tokens.

    References:
      Aljundi et al., 2018, *Memory aware synapses: learning what (not) to forget*,
      section 4.
    """

    def of_example(example, key):
        del key

        def length(params):
            logits = predict(params, example).logits
            return (logits**2).sum() * logits.shape[-1] / logits.size

        return jax.tree.map(jnp.abs, jax.grad(length)(params))

    return mean_over_groups(of_example, batch, key, at_once=at_once)


def mean_over_groups(
    of_group: Callable[[Data, Key], PyTree],
    batch: Data,
    key: Key,
    size: int = 1,
    at_once: int = 1,
) -> PyTree:
    """The mean of a tree over groups of examples.

    Args:
      of_group: ``(examples, key) -> tree``.
      batch: leaves whose examples lead; those that fill no group are left out.
      key: split among groups.
      size: examples of a group.
      at_once: groups at a time, so far as they divide the groups.

    Raises:
      ValueError: fewer examples than a group has.
    """
    count = jax.tree.leaves(batch)[0].shape[0] // size
    if not count:
        raise ValueError(
            f"an importance by batches of {size}: expected so many examples"
        )
    split = jax.tree.map(
        lambda leaf: leaf[: count * size].reshape(count, size, *leaf.shape[1:]), batch
    )
    groups = split, jax.random.split(key, count)
    found = total(lambda group: of_group(*group), groups, math.gcd(count, at_once))
    return jax.tree.map(lambda leaf: leaf / count, found)


def total(of_one: Callable[[Any], PyTree], each: PyTree, at_once: int) -> PyTree:
    """The sum of a tree over a leading axis, which so many at a time divide."""
    chunks = jax.tree.map(lambda leaf: leaf.reshape(-1, at_once, *leaf.shape[1:]), each)
    shapes = jax.eval_shape(of_one, jax.tree.map(lambda leaf: leaf[0], each))
    zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)

    def add(sums, chunk):
        found = jax.vmap(of_one)(chunk)
        return jax.tree.map(lambda s, f: s + f.sum(0), sums, found), None

    return lax.scan(add, zeros, chunks)[0]


def root_nats(logits: Float[Array, "n *t v"], tokens: Int[Array, "n *t"]) -> Scalar:
    """Nats whose squared gradient is a mean over tokens: ``mean_n sum_t / sqrt(t)``."""
    nats = cross_entropy(logits, tokens)
    return nats.sum() / (len(nats) * math.sqrt(nats.size / len(nats)))


def squares(scalar: Callable[[PyTree], Scalar], params: PyTree) -> PyTree:
    """The square of each number of a gradient."""
    return jax.tree.map(lambda slope: slope**2, jax.grad(scalar)(params))


def ones(predict: Predict, params: PyTree, batch: Data, key: Key) -> PyTree:
    """Every parameter matters alike."""
    del predict, batch, key
    return jax.tree.map(jnp.ones_like, params)
