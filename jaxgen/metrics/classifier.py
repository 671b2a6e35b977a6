"""Scores by a classifier: what it sees in samples, how surely and how evenly.

They are worth what the classifier is worth on generated samples, which it was not
trained on.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Float, Int, Scalar

Probabilities = Array | np.ndarray


class ClassifierMoments(NamedTuple):
    """Count, Σ p and Σ Σ_c p_c log p_c of the class probabilities of samples."""

    count: Int[Array, ""]
    total: Float[Array, " c"]
    negentropy: Scalar


def classifier_moments(probabilities: Float[Probabilities, "n c"]) -> ClassifierMoments:
    """Moments of one batch; `merged` joins those of several.

    Raises:
        ValueError: for an empty batch.
    """
    if probabilities.shape[0] < 1:
        raise ValueError("probabilities has 0 rows: expected at least one.")
    p = jnp.asarray(probabilities)
    negentropy = -jnp.sum(jax.scipy.special.entr(p))
    return ClassifierMoments(jnp.asarray(p.shape[0]), jnp.sum(p, axis=0), negentropy)


def merged(a: ClassifierMoments, b: ClassifierMoments) -> ClassifierMoments:
    """Moments of the union of two disjoint sets: the sums of each.

    Example:
        >>> import functools, jax.numpy as jnp
        >>> batches = jnp.eye(4).reshape(2, 2, 4)
        >>> whole = functools.reduce(merged, map(classifier_moments, batches))
        >>> int(whole.count), round(float(score_of(whole)), 4)
        (4, 4.0)
    """
    return jax.tree.map(jnp.add, a, b)


def score_of(m: ClassifierMoments) -> Scalar:
    """The classifier score of moments; formula at `classifier_score`."""
    marginal = m.total / m.count
    entropy = jnp.sum(jax.scipy.special.entr(marginal))
    return jnp.exp(jnp.maximum(entropy + m.negentropy / m.count, 0.0))


def classifier_score(probabilities: Float[Probabilities, "n c"]) -> Scalar:
    """Exponential of the mean divergence of a sample's classes from those of all.

    ::

        exp( mean_x KL(p(c | x) ‖ p(c)) ),    p(c) = mean_x p(c | x),    0 log 0 = 0

    The inception score when the classifier is Inception. It is the number of classes
    for samples that are surely and evenly of each class, and one for samples all
    alike, however good. One image a class would score as high as all the data: it
    sees no collapse within a class. Published values average over ten parts of the
    samples; fewer samples score lower, so compare at equal n.

    Args:
        probabilities: p(c | x), rows that add up to one, as from a softmax.

    Raises:
        ValueError: for no samples.

    References:
        Salimans et al., "Improved techniques for training GANs", 2016, section 4.

    Example:
        >>> import jax.numpy as jnp
        >>> round(float(classifier_score(jnp.eye(10))), 4)
        10.0
    """
    return score_of(classifier_moments(probabilities))


def stacked_labels(
    probabilities: Float[Probabilities, "n channels digits"],
) -> tuple[Int[Array, " n"], Float[Array, " n"]]:
    """Label of a stack of digits, and the probability that all its digits are right.

    Each channel is classified alone. With its likeliest digit d_i, the first channel
    leading, and that digit's probability p_i::

        label      = Σ_i d_i digits^(channels − 1 − i)      0 to 999 for three of ten
        confidence = Π_i p_i

    so an uncertain channel cannot hide behind two certain ones, nor three half-certain
    channels behind each other, which their minimum would allow.

    References:
        Srivastava et al., "VEEGAN", 2017, which counts the modes of stacked digits.

    Example:
        >>> import jax.numpy as jnp
        >>> labels, confidence = stacked_labels(jnp.eye(10)[jnp.array([[4, 0, 7]])])
        >>> labels.tolist(), confidence.tolist()
        ([407], [1.0])
    """
    probabilities = jnp.asarray(probabilities)
    _, channels, digits = probabilities.shape
    places = digits ** np.arange(channels)[::-1]
    labels = jnp.sum(jnp.argmax(probabilities, axis=-1) * places[None], axis=-1)
    return labels, jnp.prod(jnp.max(probabilities, axis=-1), axis=-1)


def label_counts(
    labels: Int[Probabilities, " n"],
    confidence: Float[Probabilities, " n"],
    threshold: float | Scalar,
    classes: int,
) -> Int[Array, " classes"]:
    """Samples of each class that the classifier is sure enough about (≥ threshold).

    `modes.histogram_scores` turns them into modes covered and their evenness. A
    sample whose confidence is not a number never counts. Threshold zero counts all
    others, noise too: real samples say what share of them a threshold loses.

    Args:
        labels: class of each sample, 0 to classes − 1; others are not counted.
        confidence: probability of that label, as from `stacked_labels`.
        threshold: the least confidence that counts, in [0, 1].
        classes: how many there are.

    Raises:
        ValueError: if classes is below one.

    Example:
        >>> import jax.numpy as jnp
        >>> labels, confidence = jnp.array([2, 0, 2]), jnp.array([0.9, 0.4, 0.8])
        >>> label_counts(labels, confidence, threshold=0.5, classes=3).tolist()
        [0, 0, 2]
    """
    if classes < 1:
        raise ValueError(f"classes={classes}: expected at least 1.")
    sure = (jnp.asarray(confidence) >= threshold).astype(jnp.int32)
    return jax.ops.segment_sum(sure, jnp.asarray(labels), classes)
