"""Costs measured at growing lengths: what can be fitted at all."""

import numpy as np

from jaxgen.arrays import Array, Shaped
from jaxgen.stats.intervals import finite


def increasing_lengths(
    lengths: Shaped[Array | np.ndarray, "..."], least: int, use: str
) -> Shaped[np.ndarray, " lengths"]:
    """``lengths`` on the host in float64, refused where nothing can be fitted over them.

    Args:
        lengths: of the sequences that were measured.
        least: how many there must be.
        use: what needs that many, for the message.

    Returns:
        The same numbers, float64.

    Raises:
        ValueError: with too few lengths, more axes than one, or a length that is not
            finite, not positive or not above the one before.

    Example:
        >>> increasing_lengths(np.array([128, 256]), 2, "a slope")
        array([128., 256.])
    """
    numbers = finite("lengths", lengths)
    if numbers.ndim != 1:
        raise ValueError(f"lengths has shape {numbers.shape}; expected one axis")
    if len(numbers) < least:
        raise ValueError(
            f"lengths holds {len(numbers)} value(s); {use} needs at least {least}: "
            "measure more lengths"
        )
    wrong = np.flatnonzero(np.diff(numbers, prepend=0.0) <= 0)
    if len(wrong):
        raise ValueError(
            f"lengths[{wrong[0]}] = {numbers[wrong[0]]:g}; expected positive lengths, "
            "each above the one before: sort them, and the costs with them"
        )
    return numbers


def positive_costs(
    name: str,
    costs: Shaped[Array | np.ndarray, "..."],
    shape: tuple[int | str, ...],
) -> Shaped[np.ndarray, "..."]:
    """``costs`` on the host in float64, refused if a logarithm of them is missing.

    Args:
        name: what the message calls the costs.
        costs: in seconds or bytes.
        shape: what is expected of each axis: its size, or its name where any size but
            0 will do.

    Returns:
        The same numbers, float64.

    Raises:
        ValueError: if the shape is another, or naming the first index at which a cost
            is not finite or not positive.

    Example:
        >>> positive_costs("costs", np.array([[1, 4], [2, 4]]), ("rounds", 2))
        array([[1., 4.], [2., 4.]])
    """
    numbers = finite(name, costs)
    matches = [
        size > 0 if isinstance(expected, str) else size == expected
        for size, expected in zip(numbers.shape, shape, strict=False)
    ]
    if numbers.ndim != len(shape) or not all(matches):
        axes = ", ".join(map(str, shape))
        raise ValueError(
            f"{name} has shape {numbers.shape}; expected ({axes}), with an entry for "
            "each length along the last axis"
        )
    wrong = np.argwhere(numbers <= 0)
    if len(wrong):
        index = tuple(wrong[0].tolist())
        raise ValueError(
            f"{name}[{', '.join(map(str, index))}] = {numbers[index]:g}; expected a "
            "positive cost: leave this round out, or measure it again with a finer clock"
        )
    return numbers
