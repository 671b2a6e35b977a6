"""Work whose growth is known, to be told apart from a machine too noisy to measure on."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.attention_scaling.programs import Call, Program
from jaxgen.arrays import Array, Key
from jaxgen.keys import named

FLOPS_WITHIN, TIME_WITHIN = 0.05, 0.15
"""How far an exponent may be from the known one."""


class Known(NamedTuple):
    """An operation whose cost is known.

    Attributes:
      function: of one array.
      axes: how many axes of the length the array has.
      lengths: from short, yet long enough to hide what a call costs by itself.
      growth: of its work, up to a factor.
    """

    function: Callable[[Array], Array]
    axes: int
    lengths: tuple[int, ...]
    growth: Callable[[np.ndarray], np.ndarray]


def powers(first: int, last: int) -> tuple[int, ...]:
    """Powers of two, both ends included."""
    return tuple(2**k for k in range(first, last + 1))


def curved(x: Array) -> Array:
    """Some work for each number, more than fetching it."""
    for _ in range(6):
        x = jnp.tanh(x) + 0.5 * x
    return x


KNOWN: dict[str, Known] = {
    "O(n)": Known(curved, 1, powers(14, 19), lambda n: n),
    "O(n log n)": Known(jnp.sort, 1, powers(11, 16), lambda n: n * np.log2(n)),
    "O(n²)": Known(
        lambda x: jnp.tanh(x[:, None] + x[None]).sum(1),
        1,
        powers(10, 13),
        lambda n: n**2,
    ),
    "O(n³)": Known(lambda x: x @ x, 2, (256, 384, 512, 768, 1024), lambda n: n**3),
}
"""Elementwise functions, a sort, sums over all pairs, a product of square matrices."""


def calibration_programs() -> list[Program]:
    """Each known operation at each of its lengths; XLA counts the work later."""

    def drawn(shape: tuple[int, ...]) -> Callable[[Key], tuple[Any, ...]]:
        return lambda key: (jax.random.normal(named(key, "numbers"), shape),)

    return [
        Program(
            Call("calibration", False, name, length),
            known.function,
            drawn((length,) * known.axes),
            0,
        )
        for name, known in KNOWN.items()
        for length in known.lengths
    ]


def known_exponent(name: str) -> float:
    """The slope that an operation should show over its lengths.

    Example:
      >>> round(known_exponent("O(n log n)"), 3)
      1.108
    """
    lengths = np.array(KNOWN[name].lengths, float)
    return float(np.polyfit(np.log(lengths), np.log(KNOWN[name].growth(lengths)), 1)[0])
