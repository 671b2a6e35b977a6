"""What samples are worth to a model trained on them."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Float, Int, Scalar
from jaxgen.metrics.distances import squares_between

Points = Array | np.ndarray

ROWS = 16  # points whose distances to all others are held at once


def nearest_neighbour_accuracy(
    train: Float[Points, "n d"],
    train_labels: Int[Points, " n"],
    test: Float[Points, "m d"],
    test_labels: Int[Points, " m"],
) -> Scalar:
    """Share of test points whose nearest training point has their label.

    Trained on labelled samples of a generator and tested on real data, it is the cost
    of collapse to whoever trains a classifier on the samples: a class that is never
    generated is never recognized. A training point that is not finite is nobody's
    nearest; without a finite one the accuracy is zero.

    References:
        Ravuri and Vinyals, "Classification accuracy score for conditional generative
        models", 2019, with the nearest neighbour as the classifier.

    Example:
        >>> import jax.numpy as jnp
        >>> train, labels = jnp.array([[0.0], [1.0]]), jnp.array([0, 1])
        >>> test, truth = jnp.array([[0.1], [0.2], [0.9], [0.4]]), jnp.array([0, 0, 1, 1])
        >>> float(nearest_neighbour_accuracy(train, labels, test, truth))
        0.75
    """
    train, train_labels = jnp.asarray(train), jnp.asarray(train_labels)

    def right(example: tuple[Array, Array]) -> Array:
        point, label = example
        squares = squares_between(train, point[None])
        found = train_labels[jnp.argmin(squares)] == label
        return found & jnp.isfinite(jnp.min(squares))

    examples = jnp.asarray(test), jnp.asarray(test_labels)
    return jnp.mean(jax.lax.map(right, examples, batch_size=ROWS))
