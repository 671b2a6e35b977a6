"""What is timed of sharding: one model over a number of devices, along some axes."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

Way = Literal["data", "fsdp", "tensor", "sequence", "together"]
"""An axis by itself, or the first three of them."""
WAYS: tuple[Way, ...] = Way.__args__


class ShardingTask(NamedTuple):
    """A model, its batch and its devices, in numbers that any process can be told.

    Attributes:
      way: along which the devices lie.
      devices: how many.
      layers: blocks of attention and a perceptron.
      heads: of queries and of keys.
      width: of the vectors.
      length: tokens of a row.
      batch: rows.
      vocabulary: tokens to tell apart.
    """

    way: Way
    devices: int
    layers: int
    heads: int
    width: int
    length: int
    batch: int
    vocabulary: int

    @property
    def axes(self) -> Mapping[str, int]:
        """Of the mesh."""
        return axes_of(self.way, self.devices)

    @property
    def title(self) -> str:
        """Such as ``fsdp over 8``."""
        return f"{self.way} over {self.devices}"


def axes_of(way: Way, devices: int) -> Mapping[str, int]:
    """Sizes of the axes, those of several as equal as they can be.

    Example:
      >>> axes_of("together", 16)
      {'data': 2, 'fsdp': 2, 'tensor': 4}
    """
    if way != "together":
        return {way: devices}
    sizes = {"data": 1, "fsdp": 1, "tensor": 1}
    while devices > 1:
        for axis in reversed(sizes):
            if devices > 1:
                sizes[axis] *= 2
                devices //= 2
    return sizes


def require_powers_of_two(devices: Sequence[int]) -> None:
    """Raises:
    ValueError: numbers that do not rise from 1 on by powers of two.
    """
    powers = [one for one in devices if one > 0 and one & (one - 1) == 0]
    if list(devices) != sorted(set(powers)) or not powers or powers[0] != 1:
        raise ValueError(
            f"--devices {' '.join(map(str, devices))}: expected 1 and larger powers of "
            "two, each larger than the one before"
        )
