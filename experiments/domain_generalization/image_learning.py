"""Classifiers of images that are learned from several domains at once."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.domain_generalization.method_names import MethodName
from jaxgen.arrays import Array, Bool, Float, Int, Key, Metrics, PyTree, Scalar
from jaxgen.models.pooled_classifier import PooledClassifier, Seen
from jaxgen.objectives.aggregators import (
    Aggregator,
    chosen,
    erm,
    seen_by,
    stateless,
    switched,
    vrex,
)
from jaxgen.objectives.domain_alignment import coral
from jaxgen.objectives.group_dro import group_dro
from jaxgen.objectives.invariant_risk import Scaled, irm_by_halves
from jaxgen.training.domain_descent import domain_descent
from jaxgen.training.learner import Learner

METHODS: tuple[MethodName, ...] = MethodName.__args__
"""In the order of their numbers: which of them learns is an axis of a study."""


AT_ONCE = 16
"""Rows of images that are judged at a time."""
PARTS = 5
"""Of the images of a domain: one is held out, and nothing learned from it."""


class Images(NamedTuple):
    """Images and the class of each."""

    images: Float[Array | np.ndarray, "*n h w c"]
    labels: Int[Array | np.ndarray, "*n"]


class Told(NamedTuple):
    """All that any method asks of a batch.

    Attributes:
      losses: of the domains.
      halves: of two halves of the batch of each, with slopes by a factor on the logits.
      apart: how far the features of domains are apart, as CORAL has it.
    """

    losses: Float[Array, " k"]
    halves: Scaled
    apart: Scalar


def image_learner(
    net: PooledClassifier,
    method: Array,
    weight: Array,
    anneal: int,
    optimizer: optax.GradientTransformation,
) -> Learner:
    """Descends what a method makes of the losses of domains, of batches in rows.

    Args:
      net: the classifier.
      method: its place in ``METHODS``, may be traced.
      weight: of its penalty, or the rate of GroupDRO; may be traced.
      anneal: updates before the penalties of IRM and V-REx have another weight than 1.
      optimizer: turns gradients into updates.
    """

    def start(key: Key, batch: Images) -> PyTree:
        return net.init(key, jnp.asarray(batch.images)[:, 0])["params"]

    def losses(params: PyTree, batch: Images, key: Key) -> tuple[Told, Metrics]:
        del key
        return told_of(seen_of(net, params, batch), jnp.asarray(batch.labels)), {}

    aggregator = aggregator_of(method, weight, anneal)
    return domain_descent(start, losses, aggregator, optimizer)


def aggregator_of(method: Array, weight: Array, anneal: int) -> Aggregator:
    """The number of a method to what it makes of ``Told``."""

    def annealed(penalized):
        return switched(penalized(1.0), penalized(weight), anneal)

    aligned = stateless(lambda told: told.losses.mean() + weight * told.apart, "coral")
    of_each: dict[MethodName, Aggregator] = {
        "erm": seen_by(erm(), losses_in),
        "group_dro": seen_by(group_dro(weight), losses_in),
        "vrex": seen_by(annealed(vrex), losses_in),
        "irm": seen_by(annealed(irm_by_halves), lambda told: told.halves),
        "coral": aligned,
    }
    return chosen([of_each[name] for name in METHODS], method.astype(jnp.int32))


def losses_in(told: Told) -> Float[Array, " k"]:
    """Of the domains."""
    return told.losses


def seen_of(net: PooledClassifier, params: PyTree, batch: Images) -> Seen:
    """Features and logits of a batch in rows, (n k, ...)."""
    images = jnp.asarray(batch.images)
    flat = images.reshape(-1, *images.shape[2:])
    return net.apply({"params": params}, flat)  # pyright: ignore


def told_of(seen: Seen, labels: Int[Array, "n k"]) -> Told:
    """What methods ask of features and logits, whose rows are those of the labels."""
    count, domains = labels.shape
    logits = seen.logits.reshape(count, domains, -1)

    def halves(scale: Array) -> Float[Array, "k 2"]:
        nats = optax.softmax_cross_entropy_with_integer_labels(scale * logits, labels)
        return jnp.stack([nats[::2].mean(0), nats[1::2].mean(0)], axis=1)

    one = jnp.ones(())
    both = Scaled(*jax.jvp(halves, (one,), (one,)))
    features = seen.features.reshape(count, domains, -1)
    return Told(both.losses.mean(1), both, coral(features))


def wrong(net: PooledClassifier, params: PyTree, batch: Images) -> Bool[Array, "n k"]:
    """Which images of a batch in rows are told to be of another class."""
    seen: Any = seen_of(net, params, batch)
    labels = jnp.asarray(batch.labels)
    return seen.logits.argmax(-1).reshape(labels.shape) != labels


def errors(
    net: PooledClassifier,
    params: PyTree,
    shown: Callable[[Array], Images],
    count: int,
) -> Float[Array, " k"]:
    """Of the images of each column, the wrong ones in per cent, some rows at a time.

    Args:
      net: the classifier.
      params: of it.
      shown: the rows of some numbers, (n,), to images in rows, (n, k, ...).
      count: rows there are; those over a multiple of ``AT_ONCE`` are left out.
    """
    at_once = min(count, AT_ONCE)
    numbers = jnp.arange(count // at_once * at_once).reshape(-1, at_once)

    def missed(some: Array) -> Array:
        return wrong(net, params, shown(some)).mean(0)

    return 100 * jax.lax.map(missed, numbers).mean(0)


def numbers_of(methods: Sequence[MethodName]) -> list[int]:
    """Their places in ``METHODS``."""
    return [METHODS.index(name) for name in methods]
