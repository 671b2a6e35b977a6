"""What lies between codes: midpoints of unlike examples, and how straight their paths are.

Whether decoded midpoints are examples is asked as of samples: by `frechet`, and by
`neighbours.neighbour_scores`.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Float, Int, Key

Points = Array | np.ndarray


def unlike_pairs(
    key: Key, labels: Int[Points, " n"], count: int
) -> Int[Array, "{count} 2"]:
    """Numbers of two examples of different classes, evenly among all such pairs.

    Args:
        key: of the draws, with replacement.
        labels: class of each example; with a single class there is no pair, and the
            numbers drawn mean nothing.
        count: how many pairs.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> labels = jnp.array([0, 0, 1])
        >>> draw = jax.jit(unlike_pairs, static_argnums=2)
        >>> pairs = draw(jax.random.key(0), labels, 5)
        >>> bool((labels[pairs[:, 0]] != labels[pairs[:, 1]]).all())
        True
    """
    labels = jnp.asarray(labels)
    order = jnp.argsort(labels)
    in_order = labels[order]
    ends = [jnp.searchsorted(in_order, labels, side) for side in ("left", "right")]
    alike = ends[1] - ends[0]
    first_key, second_key = jax.random.split(key)
    first = jax.random.categorical(
        first_key, jnp.log(len(labels) - alike), shape=(count,)
    )
    # of the others in order of class, those before and after its own class
    unlike = len(labels) - alike[first]
    rank = jax.random.randint(second_key, (count,), 0, jnp.maximum(unlike, 1))
    rank = jnp.where(rank < ends[0][first], rank, rank + alike[first])
    return jnp.stack([first, order[rank]], axis=-1)


def midpoints(
    codes: Float[Points, "n z"], pairs: Int[Points, "m 2"]
) -> Float[Array, "m z"]:
    """Means of the two codes of each pair.

    Example:
        >>> import jax.numpy as jnp
        >>> codes = jnp.array([[0.0], [1.0], [4.0]])
        >>> midpoints(codes, jnp.array([[0, 2], [1, 2]]))[:, 0].tolist()
        [2.0, 2.5]
    """
    return jnp.asarray(codes)[jnp.asarray(pairs)].mean(1)


def straight_paths(
    starts: Float[Points, "m z"], ends: Float[Points, "m z"], segments: int
) -> Float[Array, "{segments}+1 m z"]:
    """Points from each start to its end in equal steps, both among them.

    Example:
        >>> import jax.numpy as jnp
        >>> straight_paths(jnp.zeros((1, 1)), jnp.ones((1, 1)), 2)[:, 0, 0].tolist()
        [0.0, 0.5, 1.0]
    """
    share = jnp.linspace(0, 1, segments + 1)[:, None, None]
    return (1 - share) * jnp.asarray(starts)[None] + share * jnp.asarray(ends)[None]


def path_length_ratio(
    decode: Callable[[Float[Array, "m z"]], Float[Array, "m *output"]],
    starts: Float[Points, "m z"],
    ends: Float[Points, "m z"],
    segments: int = 16,
) -> Float[Array, " m"]:
    """Length of each decoded straight path over the distance of its ends.

    With x_j the output decoded from the j-th of the `straight_paths`::

        Σ_j ‖x_j − x_(j−1)‖ / ‖x_segments − x_0‖

    One for a path that is straight in outputs too, as of a linear decoder: one example
    fades into the other. Above one for a path that passes through other outputs. More
    segments see more turns, so compare at equal numbers. NaN where both ends are decoded
    to the same output.

    Args:
        decode: codes to outputs of any shape; one step of all paths at a time.
        starts: codes.
        ends: codes, one for each start.
        segments: steps of each path.

    Raises:
        ValueError: for fewer than one segment.

    Example:
        >>> import jax.numpy as jnp
        >>> bend = lambda z: jnp.concatenate([z, jnp.abs(z)], axis=1)
        >>> ratio = path_length_ratio(bend, jnp.array([[-1.0]]), jnp.array([[1.0]]))
        >>> round(float(ratio[0]), 4)  # up and down, the root of two
        1.4142
    """
    if segments < 1:
        raise ValueError(f"segments={segments}: expected at least 1.")
    paths = straight_paths(starts, ends, segments)
    outputs = jax.lax.map(decode, paths).reshape(*paths.shape[:2], -1)
    lengths = jnp.linalg.norm(jnp.diff(outputs, axis=0), axis=-1).sum(0)
    return lengths / jnp.linalg.norm(outputs[-1] - outputs[0], axis=-1)
