"""The geometry of a dot plot: how many dots fit, and where each of them lies."""

from collections.abc import Iterable

import numpy as np

from jaxgen.arrays import Array, Float, Int, Shaped


def counts_at(
    levels: Float[np.ndarray, " levels"],
    values: Shaped[Array | np.ndarray, " values"],
) -> Int[np.ndarray, " levels"]:
    """How many values have each level as their nearest.

    Args:
        levels: distinct positions; between two equally near the earlier wins.
        values: finite numbers.

    Returns:
        One count for each level; they sum to the number of values.

    Example:
        >>> counts_at(np.array([0.0, 1.0, 2.0]), np.array([0.1, 1.9, 2.4]))
        array([1, 0, 2])
    """
    nearest = np.abs(np.asarray(values)[:, None] - levels).argmin(axis=1)
    return np.bincount(nearest, minlength=levels.size)


def largest_dots(
    counts: Iterable[Int[np.ndarray, " levels"]],
    width: float | int,
    height: float | int,
    largest: float | int = 9,
) -> tuple[int, float | int]:
    """Dots a row, and the largest diameter at which every stack fits its cell.

    One answer for all stacks, so that equal heights are equal counts.

    Args:
        counts: of dots at each level, for each method.
        width: of the cell of a level, pixels.
        height: of the cell, pixels.
        largest: diameter that is not exceeded, pixels.

    Returns:
        The number of dots in a full row of a stack, and their diameter.

    Example:
        >>> largest_dots([np.array([20, 3])], width=30.0, height=50.0)
        (4, 7.5)
    """
    tallest = max(1, *(int(count.max()) for count in counts))
    sizes = [
        (min(largest, width / columns, height / -(-tallest // columns)), -columns)
        for columns in range(1, tallest + 1)
    ]
    size, columns = max(sizes)
    return -columns, size


def stacked(
    count: Int[np.ndarray, " levels"], columns: int
) -> tuple[Float[np.ndarray, " dots"], Float[np.ndarray, " dots"]]:
    """Offsets of each dot from the foot of its stack, in diameters, level by level.

    Args:
        count: of dots at each level.
        columns: of dots in a full row.

    Returns:
        To the right of the level, and above the base line; rows are centred.

    Example:
        >>> stacked(np.array([3]), columns=2)
        (array([-0.5,  0.5,  0. ]), array([0.5, 0.5, 1.5]))
    """
    total = np.repeat(count, count)
    rank = np.arange(total.size) - np.repeat(np.cumsum(count) - count, count)
    row, column = np.divmod(rank, columns)
    in_row = np.minimum(columns, total - row * columns)
    return column - (in_row - 1) / 2, row + 0.5
