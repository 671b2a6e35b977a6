"""A classifier of digits, by which generated ones are judged."""

from pathlib import Path

import jax.numpy as jnp
import optax

from experiments.digits import convolution
from experiments.training import Run, train
from jaxgen.arrays import Array, Float, PyTree
from jaxgen.data.batches import minibatch
from jaxgen.data.images import Labelled
from jaxgen.models.classifier import ImageClassifier
from jaxgen.training.descent import descent
from jaxgen.training.dispatch import feed
from jaxgen.training.replicate import grid

DIGITS = 10
"""Classes."""


def classifier(train_data: Labelled, test: Labelled, folder: Path) -> PyTree:
    """Parameters of a classifier of digits, trained or from its folder, as one row."""

    def loss(params, batch, key):
        losses = optax.softmax_cross_entropy_with_integer_labels(
            logits_of(params, batch.images), batch.labels
        )
        return losses.mean(), {}

    def start(key, batch):
        return digit_net().init(key, batch.images)["params"]

    def evaluate(state, data):
        logits = logits_of(state.params, jnp.asarray(test.images))
        return {"accuracy": (logits.argmax(-1) == test.labels).mean()}

    learner = feed(descent(start, loss, optax.adamw(1e-3)), minibatch(128))
    axis = grid(seed=(0,))
    run = Run("classifier", lambda: learner, axis, train_data, evaluate, 1_500, 500)
    return train(run, folder)


def digit_net() -> ImageClassifier:
    """The classifier of single digits."""
    return ImageClassifier(DIGITS, convolve=convolution())


def logits_of(params: PyTree, images: Float[Array, "n h w 1"]) -> Array:
    """What the classifier says, before softmax."""
    return digit_net().apply({"params": params}, images)  # pyright: ignore
