"""Training runs that a scaling law can be fitted to: sizes and final losses."""

import numpy as np

from jaxgen.arrays import Array, Float, Shaped
from jaxgen.stats.intervals import finite


def log_runs(
    losses: Shaped[Array | np.ndarray, "..."],
    **sizes: Shaped[Array | np.ndarray, "..."],
) -> tuple[Float[np.ndarray, "sizes runs"], Float[np.ndarray, " runs"]]:
    """Logarithms of sizes and losses, refused where no law can be fitted to them.

    Args:
        losses: of each run.
        **sizes: of each run, under the names that a message calls them by.

    Returns:
        For each size a row, and the losses, float64.

    Raises:
        ValueError: as `scaling_law_fit`.

    Example:
        >>> log_runs(np.ones(4), sizes=np.array([1, 2, 4, 8]))[0].shape
        (1, 4)
    """
    least = 2 * len(sizes) + 2
    measured = _positive("losses", losses)
    if measured.ndim != 1 or len(measured) < least:
        raise ValueError(
            f"losses has shape {measured.shape}; expected (runs,), with at least "
            f"{least} runs for {least - 1} coefficients: train more sizes"
        )
    rows = [np.log(_positive(name, each)) for name, each in sizes.items()]
    for name, row in zip(sizes, rows, strict=True):
        if row.shape != measured.shape:
            raise ValueError(
                f"{name} has shape {row.shape} and losses {measured.shape}; expected "
                "an entry of each for every run"
            )
    _check_apart(tuple(sizes), np.stack(rows))
    return np.stack(rows), np.log(measured)


def _check_apart(names: tuple[str, ...], log_sizes: np.ndarray) -> None:
    away = log_sizes - log_sizes.mean(axis=1, keepdims=True)
    if np.linalg.matrix_rank(away, tol=1e-6 * np.sqrt(away.shape[1])) < len(names):
        raise ValueError(
            f"{' and '.join(names)} fix each other in these runs (one value, or one "
            "power of the other); expected runs that vary each by itself: their terms "
            "cannot be told apart, so train one size on several amounts of the other"
        )


def _positive(name: str, values: np.ndarray | Array) -> np.ndarray:
    numbers = finite(name, values)
    wrong = np.argwhere(numbers <= 0)
    if len(wrong):
        index = tuple(wrong[0].tolist())
        raise ValueError(
            f"{name}[{', '.join(map(str, index))}] = {numbers[index]:g}; expected a "
            "positive number, whose logarithm is fitted: leave this run out"
        )
    return numbers
