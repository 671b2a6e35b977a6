"""All methods and restarts of the published table, trained in one program."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.nn.initializers import xavier_uniform

from experiments.digits import digits_of
from experiments.domain_generalization.published_table import (
    FLIPS,
    GRAY_RECIPE,
    GRAY_STEPS,
    METHODS,
    RECIPE,
    TEST_FLIP,
    Recipe,
)
from experiments.domain_generalization.settings import Published
from experiments.domain_generalization.text_runs import dispatches
from experiments.training import Run, trained
from jaxgen.arrays import Array, Float, Int, Key, Metrics, PyTree, Scalar
from jaxgen.data.colored_digits import ColoredDigits, colored_digits
from jaxgen.data.images import Labelled
from jaxgen.keys import named
from jaxgen.objectives.aggregators import (
    Aggregator,
    scaled_by,
    stateless,
    switched,
)
from jaxgen.objectives.gradient_agreement import gradient_variance
from jaxgen.objectives.gradient_matching import gradient_variances
from jaxgen.training.dispatch import feed_by_step
from jaxgen.training.domain_descent import domain_descent
from jaxgen.training.learner import Learner, State
from jaxgen.training.replicate import grid
from jaxgen.training.transforms import guard

FIRST = 10
"""Of the restarts' seeds; those before were the pilot's."""

See = Callable[[Array], Array]
"""Images (..., h, w, 2) to what a classifier sees of them."""


class Digits(NamedTuple):
    """Gray images in [0, 1], at half the resolution where they are large.

    Attributes:
      images: to learn from, (n, h, w).
      digits: of these.
      test_images: of other digits.
      test_digits: of these.
    """

    images: Float[np.ndarray, "n h w"] | Float[Array, "n h w"]
    digits: Int[np.ndarray, " n"] | Int[Array, " n"]
    test_images: Float[np.ndarray, "m h w"] | Float[Array, "m h w"]
    test_digits: Int[np.ndarray, " m"] | Int[Array, " m"]


class Scores(NamedTuple):
    """Right answers in per cent, (restarts,) each; see ``Accuracies``."""

    train: Float[np.ndarray, " r"]
    test: Float[np.ndarray, " r"]
    gray: Float[np.ndarray, " r"]


class Told(NamedTuple):
    """Losses of the domains, and the penalty of a method."""

    losses: Float[Array, " k"]
    penalty: Scalar


class Seen(NamedTuple):
    """Features of images, and their logit of label 1."""

    features: Float[Array, "*n h"]
    logits: Float[Array, "*n"]


class ColorClassifier(nn.Module):
    """Two layers and a logit, as published."""

    hidden: int

    @nn.compact
    def __call__(self, x: Float[Array, "*n d"]) -> Seen:
        for _ in range(2):
            x = nn.relu(nn.Dense(self.hidden, kernel_init=xavier_uniform())(x))
        return Seen(
            x, nn.Dense(1, kernel_init=xavier_uniform(), name="last")(x)[..., 0]
        )


def digits_there(settings: Published) -> Digits:
    """The digits: of a file that holds them, MNIST's last sixth to be told.

    Raises:
      ValueError: a file or a set that is not as it should be.
      ImportError: TFDS is asked for and not installed.
      OSError: the file cannot be read.
    """
    train, test = digits_of("published", settings.source, settings.file)
    if settings.source == "mnist":  # as published: its own test images stay aside
        whole, cut = train, round(len(train.labels) * 5 / 6)
        train = Labelled(whole.images[:cut], whole.labels[:cut])
        test = Labelled(whole.images[cut:], whole.labels[cut:])
    return Digits(*seen(train), *seen(test))


def seen(data: Labelled) -> tuple[np.ndarray, np.ndarray]:
    """Gray images in [0, 1], of large ones every second pixel, and their digits."""
    every = max(1, data.images.shape[1] // 14)
    images = np.asarray(data.images)[:, ::every, ::every, 0]
    return (images + 1) / 2, np.asarray(data.labels)


def many_methods(settings: Published, digits: Digits, folder: Path) -> list[Scores]:
    """Scores of each method of ``METHODS``; trains what is missing."""
    recipe = RECIPE._replace(hidden=settings.hidden)
    axis = grid(seed=restarts(settings), method=range(len(METHODS)))
    run = run_of(settings, digits, recipe, settings.steps, in_colour, axis)
    found = trained(run, folder)
    shape = len(METHODS), settings.restarts
    told = [found.last(name).reshape(shape) for name in Scores._fields]
    return [Scores(*rows) for rows in zip(*told, strict=True)]


def gray_oracle(settings: Published, digits: Digits, folder: Path) -> Scores:
    """Scores of the classifier that sees no colour; trains what is missing."""
    recipe = GRAY_RECIPE._replace(hidden=min(settings.hidden, GRAY_RECIPE.hidden))
    steps = min(settings.steps, GRAY_STEPS)
    axis = grid(seed=restarts(settings), method=[METHODS.index("erm")])
    found = trained(run_of(settings, digits, recipe, steps, in_gray, axis), folder)
    return Scores(*(found.last(name) for name in Scores._fields))


def restarts(settings: Published) -> range:
    """Seeds."""
    return range(FIRST, FIRST + settings.restarts)


def in_colour(images: Float[Array, "*n h w 2"]) -> Float[Array, "*n d"]:
    """Both channels."""
    return images.reshape(*images.shape[:-3], -1)


def in_gray(images: Float[Array, "*n h w 2"]) -> Float[Array, "*n d"]:
    """The brightness, whatever the colour."""
    return images.max(-1).reshape(*images.shape[:-3], -1)


def run_of(
    settings: Published, digits: Digits, recipe: Recipe, steps: int, see: See, axis: Any
) -> Run:
    """All rows of an axis of seeds and methods."""
    model = ColorClassifier(recipe.hidden)
    dispatch, every = dispatches(steps, evaluations=1)

    def make(method: Array) -> Learner:
        learner = learner_of(model, recipe, settings.anneal, see, method)
        return feed_by_step(guard(learner), environments(settings.share))

    def scores(state: State, data: Digits) -> Metrics:
        key = named(state.key, "data")
        train = environments(settings.share)(data, key, state.step)
        test = test_environment(data, key)
        told = {"train": train, "test": test, "gray": in_both_colours(test)}
        return {name: right(model, see, state, each) for name, each in told.items()}

    names = "digits in colour" if see is in_colour else "digits in gray"
    return Run(names, make, axis, digits, scores, steps, dispatch, evaluate_every=every)


def environments(share: float) -> Callable[[Digits, Key, Array], ColoredDigits]:
    """All images of both domains of training, in rows, at each step the same."""

    def draw(data: Digits, key: Key, step: Array) -> ColoredDigits:
        del step
        rows = int(share * len(data.digits)) // len(FLIPS)
        order = jax.random.permutation(named(key, "order"), len(data.digits))
        chosen = order[: rows * len(FLIPS)]
        flips = jnp.tile(jnp.array(FLIPS), rows)
        images, digits = jnp.asarray(data.images), jnp.asarray(data.digits)
        flat = colored_digits(
            images[chosen], digits[chosen], flips, named(key, "train")
        )
        return jax.tree.map(lambda x: x.reshape(rows, len(FLIPS), *x.shape[1:]), flat)

    return draw


def test_environment(data: Digits, key: Key) -> ColoredDigits:
    """All images of the domain that misleads."""
    images, digits = jnp.asarray(data.test_images), jnp.asarray(data.test_digits)
    flips = jnp.full(len(digits), TEST_FLIP)
    return colored_digits(images, digits, flips, named(key, "test"))


def in_both_colours(digits: ColoredDigits) -> ColoredDigits:
    """The same, whose colours say nothing."""
    gray = digits.images.max(-1, keepdims=True)
    return digits._replace(images=jnp.broadcast_to(gray, digits.images.shape))


def learner_of(
    model: ColorClassifier, recipe: Recipe, anneal: int, see: See, method: Array
) -> Learner:
    """Adam on the mean loss, squares of parameters and the penalty of a method."""

    def start(key: Key, batch: ColoredDigits) -> PyTree:
        return model.init(key, see(batch.images[:, 0]))["params"]

    def losses(params: PyTree, batch: ColoredDigits, key: Key) -> tuple[Told, Metrics]:
        found = model.apply({"params": params}, see(batch.images))
        told = penalties(params, found, batch.labels, key)
        squares = sum((leaf**2).sum() for leaf in jax.tree.leaves(params))
        penalty = told.penalty[method.astype(jnp.int32)]
        return Told(told.losses + recipe.decay * squares, penalty), {}

    divisor = jnp.where(method == METHODS.index("erm"), 1.0, recipe.penalty)
    weighted = scaled_by(1 / divisor, penalized(recipe.penalty))
    aggregator = switched(penalized(1.0), weighted, anneal)
    return domain_descent(start, losses, aggregator, optax.adam(recipe.rate))


def penalties(
    params: PyTree, found: Any, labels: Float[Array, "n k"], key: Key
) -> Told:
    """Losses of the domains, and the penalty of every method of ``METHODS``.

    As published: none; of IRM the mean square of slopes; of V-REx the squared difference
    of two losses, four variances; of Fishr a sum over two domains, two means, of the
    distances of gradient variances of the last layer.
    """

    def scaled(scale: Array) -> Array:
        return optax.sigmoid_binary_cross_entropy(scale * found.logits, labels).mean(0)

    def last_loss(last: PyTree, batch: tuple[Array, Array], key: Key):
        features, own = batch
        logits = features @ last["kernel"][:, 0] + last["bias"][0]
        return optax.sigmoid_binary_cross_entropy(logits, own).mean(), {}

    losses, slopes = jax.jvp(scaled, (jnp.ones(()),), (jnp.ones(()),))
    batch = found.features, labels
    variances = gradient_variances(last_loss, params["last"], batch, key)
    told = (
        jnp.zeros(()),
        (slopes**2).mean(),
        4 * losses.var(),
        2 * gradient_variance(variances),
    )
    return Told(losses, jnp.stack(told))


def penalized(weight: float | Scalar) -> Aggregator:
    """The mean loss, and the penalty with a weight."""
    return stateless(lambda told: told.losses.mean() + weight * told.penalty)


def right(
    model: ColorClassifier, see: See, state: State, digits: ColoredDigits
) -> Float[Array, ""]:
    """Of all labels, those whose side the logit is on; in per cent."""
    found: Any = model.apply({"params": state.params}, see(digits.images))
    return 100 * ((found.logits > 0) == (digits.labels > 0.5)).mean()
