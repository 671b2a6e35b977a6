"""Attention by cuDNN's fused kernel on NVIDIA GPUs, through `jax.nn`."""

from dataclasses import dataclass
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array
from jaxgen.attention.bands import band
from jaxgen.attention.case import Case
from jaxgen.attention.chunked import Chunked
from jaxgen.attention.cost import Cost, Shaped
from jaxgen.attention.scores import changes_nothing
from jaxgen.attention.tiles import Attended


@dataclass(frozen=True)
class CuDNN:
    """`jax.nn.dot_product_attention`, by cuDNN.

    Output and its gradient are cuDNN's. Its log-sum-exp is rounded to the queries'
    dtype, and `jax.nn` drops its cotangent without a word, so the log-sum-exp is that of
    `Chunked`: under ``jit``, one that nobody asks for costs nothing.

    References:
      `jax.nn.dot_product_attention`.

    Example:
        >>> from jaxgen.attention.case import case_of
        >>> x = jnp.ones((1, 3, 1, 8))
        >>> CuDNN().refusal(case_of(x, x))
        'queries of float32, only of half precision'
    """

    def refusal(self, case: Case) -> str:
        """What of a case it does not support; empty where it supports all."""
        if not changes_nothing(case.score):
            return "scores"
        if case.of_query.segment is not None:
            return "segments"
        if case.of_key.padding is not None:
            return "padding"
        if case.query.dtype not in (jnp.bfloat16, jnp.float16):
            return f"queries of {case.query.dtype}, only of half precision"
        if (told := band(case.rules.pattern)) is None:
            return "patterns but full, causal and windows that are causal"
        same = case.query.shape[1] == case.key.shape[1] and case.offset == 0
        if told["is_causal"] and not same:
            return "a causal pattern of unequal lengths or with an offset"
        return unsupported(case)

    def __call__(self, query: Array, key: Array, value: Array, case: Case) -> Attended:
        """Attention of (b, t, n, h) queries to (b, s, k, h) keys."""
        beside = Chunked(256)(query, key, value, case)
        return beside._replace(output=output(query, key, value, case))

    def cost(self, query: Shaped, key: Shaped, value: Shaped, case: Case) -> Cost:
        """Raises:
        ValueError: always: which tiles cuDNN visits is its own affair.
        """
        raise ValueError(
            "cuDNN does not tell its tiles; ask for the cost of Chunked(128)"
        )


def output(
    query: Array,
    key: Array,
    value: Array,
    case: Case,
    implementation: Literal["xla", "cudnn"] = "cudnn",
) -> Array:
    """Weighted means of values; all have as many features as the most of them."""
    told = band(case.rules.pattern)
    assert told is not None
    most = max(key.shape[-1], value.shape[-1])

    def whole(array: Array) -> Array:
        return jnp.pad(array, [(0, 0)] * 3 + [(0, most - array.shape[-1])])

    found = jax.nn.dot_product_attention(
        whole(query),
        whole(key),
        whole(value),
        scale=float(case.rules.scale),
        implementation=implementation,
        **told,
    )
    return found[..., : value.shape[-1]]


def unsupported(case: Case) -> str:
    """What `jax.nn` itself refuses, on this machine, for output and gradient."""

    def slopes(query: Array, key: Array):
        found, pulled_back = jax.vjp(partial(output, case=case), query, key, key)
        return pulled_back(found)

    try:
        jax.eval_shape(slopes, case.query, case.key)
    except (NotImplementedError, RuntimeError, ValueError) as error:
        return f"these shapes on this machine: {error}"
    return ""
