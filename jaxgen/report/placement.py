"""Where the name of a line stands: beside it, and over as little else as possible."""

import numpy as np

from jaxgen.arrays import Float, Int

_STEP = 2.5  # pixels between the points that stand for a line
_GAP = 3  # pixels between a line and its name


def beside(
    line: Float[np.ndarray, "points 2"],
    size: Float[np.ndarray, " 2"],
    frame: Float[np.ndarray, "2 2"],
    taken: Float[np.ndarray, "_ 2"],
) -> Float[np.ndarray, " 2"]:
    """The middle of a box beside a line that holds fewest of the points taken.

    Candidates touch the line from above or below, within the frame; of equal ones
    the nearest to the line's last point wins.

    Args:
        line: points in order.
        size: width and height of the box.
        frame: its lower left and upper right corners.
        taken: what not to cover.

    Returns:
        The middle of the box; the line's last point if no candidate lies in the frame.

    Example:
        >>> line, frame = np.array([[[0.0, 50], [100, 50]], [[0, 0], [100, 99]]])
        >>> beside(line, np.array([20.0, 10]), frame, taken=np.array([[95.0, 58]]))
        array([90., 42.])
    """
    half = size / 2
    sides = half * [(-1, 1), (1, 1), (1, -1), (-1, -1), (0, 1), (0, -1)]
    sides[:, 1] += _GAP * np.sign(sides[:, 1])
    middles = (along(line)[::-1, None] + sides).reshape(-1, 2)
    inside = np.all((middles - half >= frame[0]) & (middles + half <= frame[1]), axis=1)
    if not inside.any():
        return line[-1]
    return middles[inside][np.argmin(covered(middles[inside], half, taken))]


def along(line: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, "_ 2"]:
    """Points close to each other on a line; a NaN among its own interrupts it.

    Example:
        >>> along(np.array([[0.0, 0.0], [5.0, 0.0]]))
        array([[0. , 0. ],
               [2.5, 0. ],
               [5. , 0. ]])
    """
    parts = [line[:1], *map(_between, line[:-1], line[1:])]
    every = np.concatenate(parts)
    return every[np.isfinite(every).all(axis=1)]


def covered(
    middles: Float[np.ndarray, "boxes 2"],
    half: Float[np.ndarray, " 2"],
    points: Float[np.ndarray, "points 2"],
) -> Int[np.ndarray, " boxes"]:
    """How many of the points lie in each of several boxes of one size.

    Example:
        >>> covered(np.array([[0.0, 0], [5, 0]]), np.ones(2), np.array([[0.5, 1.0]]))
        array([1, 0])
    """
    within = np.abs(points[:, None] - middles) <= half
    return within.all(axis=2).sum(axis=0)


def _between(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(end - start)
    steps = max(1, int(np.ceil(length / _STEP))) if np.isfinite(length) else 1
    return start + (end - start) * np.arange(1, steps + 1)[:, None] / steps
