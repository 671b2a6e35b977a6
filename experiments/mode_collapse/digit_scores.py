"""What stacked digits are scored by: modes counted by a classifier of our own."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from experiments.digit_classifier import DIGITS, logits_of
from experiments.mode_collapse.protocols import Recipe
from experiments.training import KEY
from jaxgen.arrays import Array, Data, Float, Key, Metrics, PyTree
from jaxgen.data.images import Labelled, stacked_images
from jaxgen.keys import named
from jaxgen.metrics.classifier import (
    classifier_score,
    label_counts,
    stacked_labels,
)
from jaxgen.metrics.downstream import nearest_neighbour_accuracy
from jaxgen.metrics.modes import histogram_scores
from jaxgen.metrics.similarity import ssim_diversity
from jaxgen.training.gan import generated, normal_latents
from jaxgen.training.learner import State

MODES, CHANNELS = 1000, 3
CONFIDENCES = (0.0, 0.5, 0.9)
THRESHOLDS = (1, 3, 10)
"""Counting rules: least confidence of a sample, least samples of a mode."""

CHUNK = 500
"""Samples generated at a time."""

DRAWN = 8
"""Samples kept to be drawn."""

Probabilities = Callable[[Float[Array, "n h w c"]], Float[Array, "n c digits"]]


def probabilities_of(trained: PyTree) -> Probabilities:
    """What the trained classifier says of each channel of stacked digits."""
    on_host: PyTree = jax.tree.map(lambda leaf: leaf[0], trained)

    def probabilities(images):
        params = jax.tree.map(jnp.asarray, on_host)  # wherever the images are
        logits = logits_of(params, channels_apart(images))
        return jax.nn.softmax(logits).reshape(-1, CHANNELS, DIGITS)

    return probabilities


def channels_apart(images: Float[Array, "n h w c"]) -> Float[Array, "nc h w 1"]:
    """Every channel as an image of its own, those of one image in a row."""
    return jnp.moveaxis(images, -1, 1).reshape(-1, *images.shape[1:3], 1)


def side_by_side(images: Float[Array, "n h w c"]) -> Float[Array, "n h cw 1"]:
    """The channels of each image in a row, which read as the digits of a number."""
    return jnp.concatenate(jnp.split(images, images.shape[-1], axis=-1), axis=2)


def digit_scores(
    draw: Callable[[Array], Float[Array, "n h w c"]],
    inputs: Array,
    probabilities: Probabilities,
    test: Labelled,
) -> Metrics:
    """Scores of what is drawn, chunk by chunk, from each of the inputs."""

    def told(one):
        return stacked_labels(probabilities(draw(one)))

    labels, confidence = (one.reshape(-1) for one in lax.map(told, inputs))
    few = draw(inputs[0])
    return {
        **counted(labels, confidence),
        **looks(few, probabilities, test),
        "high_quality": (confidence >= CONFIDENCES[-1]).mean(),
        "cloud": jnp.round(127.5 * (side_by_side(few[:DRAWN]) + 1)).astype(jnp.int32),
    }


def counted(labels: Array, confidence: Array) -> Metrics:
    """Modes under every rule: (confidences, thresholds), and the plainest alone."""
    by_confidence = []
    for least in CONFIDENCES:
        counts = label_counts(labels, confidence, least, MODES)
        by_confidence.append(
            [histogram_scores(counts, len(labels), threshold=t) for t in THRESHOLDS]
        )
    plain = by_confidence[0][0]
    return {
        "covered": plain.covered,
        "effective": plain.effective,
        "reverse_kl": plain.reverse_kl,
        "rule_covered": jnp.array(
            [[one.covered for one in row] for row in by_confidence]
        ),
        "rule_kl": jnp.stack([row[0].reverse_kl for row in by_confidence]),
        "rule_counted": jnp.stack([row[0].counts.sum() for row in by_confidence]),
    }


def looks(
    images: Float[Array, "n h w c"], probabilities: Probabilities, test: Labelled
) -> Metrics:
    """Scores of how the images look, and what they are worth to a classifier."""
    singles = channels_apart(images)
    told = probabilities(images).reshape(-1, DIGITS)
    pixels, truth = (
        one.reshape(len(one), -1) for one in (singles, jnp.asarray(test.images))
    )
    window = min(7, images.shape[1])
    return {
        "classifier_score": classifier_score(told),
        "ssim": ssim_diversity(images + 1, KEY, 500, 2.0, window),
        "downstream": nearest_neighbour_accuracy(
            pixels, told.argmax(-1), truth, test.labels
        ),
    }


def state_digit_scores(
    recipe: Recipe, samples: int, probabilities: Probabilities, test: Labelled
) -> Callable[[State, Data], Metrics]:
    """Scores a generator, always at the same latents of its replicate."""

    def evaluate(state: State, data: Data) -> Metrics:
        keys = jax.random.split(named(state.key, "evaluation"), chunks(samples))

        def draw(key: Key):
            latents = normal_latents(recipe.latents)(key, CHUNK)
            params = state.extra.get("ema")
            return generated(recipe.generator, state, latents, params=params)

        return digit_scores(draw, keys, probabilities, test)

    return evaluate


def reference_digit_scores(
    test: Labelled, samples: int, probabilities: Probabilities, seeds: int
) -> tuple[Metrics, Metrics]:
    """Scores of held-out digits, stacked anew, and of one stack repeated for ever."""

    def fresh(key):
        return stacked_images(test, key, CHUNK)[0]

    def repeated(key):
        return jnp.repeat(stacked_images(test, key, 1)[0], CHUNK, axis=0)

    def perfect(key):
        keys = jax.random.split(key, chunks(samples))
        return digit_scores(fresh, keys, probabilities, test)

    def trivial(key):
        keys = jnp.broadcast_to(key, (chunks(samples),))
        return digit_scores(repeated, keys, probabilities, test)

    keys = jax.random.split(named(KEY, "references"), seeds)
    return jax.jit(lambda keys: (lax.map(perfect, keys), lax.map(trivial, keys)))(keys)


def chunks(samples: int) -> int:
    """So many chunks hold the samples, rounded up."""
    return -(-samples // CHUNK)
