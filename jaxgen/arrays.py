"""The shape vocabulary: what the annotations of the house are spelled with.

An annotation such as ``Float[Array, "n d"]`` names a dtype and named axes; within
one signature the same name is the same size. The tests check every call with
beartype; outside the tests the annotations cost nothing.
"""

from typing import Any

import jaxtyping
from jaxtyping import Array, Bool, Complex, Float, Int, PyTree, Shaped

__all__ = [
    "Array",
    "Bool",
    "Complex",
    "Data",
    "Float",
    "Int",
    "Key",
    "Metrics",
    "PyTree",
    "Scalar",
    "Shaped",
]

Key = jaxtyping.Key[Array, ""]
"""One typed key, as made by ``jax.random.key``."""

Scalar = Float[Array, ""]
"""A real number on the device."""

Data = Any
"""A pytree of arrays whose leading axis counts examples."""

Metrics = dict[str, Any]
"""Named arrays that an update or an evaluation reports."""
