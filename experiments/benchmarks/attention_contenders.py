"""Who computes attention: what each offers, and why one is left out of a task."""

import importlib.util
from typing import NamedTuple

from experiments.benchmarks.attention_tasks import PATTERNS, Task

GIB = 2**30


class Offer(NamedTuple):
    """What a contender can do.

    Attributes:
      package: that must be installed.
      attention: patterns of its attention alone.
      layers: patterns of its layers.
    """

    package: str
    attention: tuple[str, ...] = ("full", "causal", "window")
    layers: tuple[str, ...] = ()


OFFERS = {
    "jaxgen": Offer("jaxgen", PATTERNS, PATTERNS),
    "jax.nn": Offer("jax"),
    "Flax": Offer("flax"),
    "tokamax": Offer("tokamax"),
    "PyTorch SDPA": Offer("torch"),
    "PyTorch Flex": Offer("torch", PATTERNS),
    "Hugging Face": Offer("transformers", (), ("longformer", "bigbird")),
}
"""By the name that tables give them, in the order of a round."""


def installed() -> dict[str, Offer]:
    """The contenders whose package is there."""
    return {
        name: offer
        for name, offer in OFFERS.items()
        if importlib.util.find_spec(offer.package)
    }


def offered(name: str, task: Task) -> bool:
    """Whether a contender has such a pattern at all."""
    offer = OFFERS[name]
    return task.pattern in (offer.layers if task.layer else offer.attention)


def refusal(name: str, task: Task, memory: float) -> str:
    """Why a contender cannot do what it offers; empty where it can.

    Args:
      name: of `OFFERS`.
      task: what is asked.
      memory: GiB that a call may hold.

    Example:
      >>> task = Task("bigbird", True, False, 32_768, 4, 64, 64)
      >>> refusal("Hugging Face", task, memory=8)
      'needs 16 GiB, more than --memory 8'
    """
    if name == "PyTorch Flex" and task.backward:
        return "has no gradient on a CPU"
    if name == "Hugging Face" and (reason := _misfit(task)):
        return reason
    return too_large(square_bytes(name, task), memory)


def square_bytes(name: str, task: Task) -> int:
    """Bytes of the n x n arrays of PyTorch; JAX's compiler tells its own."""
    pairs = task.length**2
    if name == "Hugging Face" and task.pattern == "bigbird":
        return 4 * task.heads * pairs  # it writes all weights into a matrix of zeros
    if name == "PyTorch SDPA" and task.pattern == "window":
        return 8 * pairs  # a mask of booleans, and its making; then one of floats
    return 0


def too_large(bytes: int, memory: float) -> str:
    """Says so where a call would hold more than so many GiB."""
    if bytes <= memory * GIB:
        return ""
    return f"needs {bytes / GIB:.0f} GiB, more than --memory {memory:g}"


def _misfit(task: Task) -> str:
    if task.pattern == "longformer" and task.length % (2 * task.window):
        return f"wants a multiple of {2 * task.window} tokens"
    if task.pattern == "bigbird" and task.length % task.window:
        return f"wants a multiple of {task.window} tokens"
    if task.pattern == "bigbird" and task.length <= 11 * task.window:
        return f"has full attention up to {11 * task.window} tokens"
    return ""
