"""The ways to attend whose cost is measured, by name."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from experiments.attention_scaling.settings import MechanismName, Net
from jaxgen.attention.attend import Implementation, chosen
from jaxgen.attention.case import case_of
from jaxgen.attention.dense import Dense
from jaxgen.attention.expressions import FULL, bigbird, longformer, window
from jaxgen.attention.patterns import Pattern


class Mechanism(NamedTuple):
    """Who attends to whom, and how that is computed.

    Attributes:
      pattern: which index may attend to which.
      implementation: of `jaxgen.attention.attend.attend`; None for its own choice.
    """

    pattern: Pattern
    implementation: Implementation | None


SPARSE: tuple[MechanismName, ...] = ("window", "longformer", "bigbird")
"""Those whose queries attend to a number of keys that does not grow."""


def mechanism(
    name: MechanismName, net: Net, length: int, platform: str, dtype: str
) -> Mechanism:
    """The mechanism of a name as a platform would compute it at some length.

    Example:
      >>> mechanism("full", Net(), 256, "cpu", "float32").implementation
      Chunked(size=None)
    """
    if name == "dense":
        return Mechanism(FULL, Dense())
    patterns = {
        "full": FULL,
        "window": window(net.window),
        "longformer": longformer(net.window),
        "bigbird": bigbird(net.window),
    }
    size = (net.batch, length, net.heads, net.features)
    vectors = jax.ShapeDtypeStruct(size, jnp.dtype(dtype))
    return Mechanism(
        patterns[name], chosen(case_of(vectors, vectors, patterns[name]), platform)
    )
