"""Attention that is timed: jaxgen's, what a user would pick instead.

Packages are imported where they are used: each contender has a process of its own, in
which one thread computes.
"""

import importlib.util
import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from experiments.benchmarks.timing import Ready

ONE_THREAD = {
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


class Shape(NamedTuple):
    """What is attended to: float32 vectors of one sequence."""

    length: int
    heads: int
    features: int
    window: int


def jaxgen_attention(pattern: str, shape: Shape, backward: bool) -> Ready:
    """`attend` as it chooses for itself."""
    os.environ.update(ONE_THREAD)
    from jaxgen.attention import expressions
    from jaxgen.attention.attend import attend

    patterns = {
        "full": expressions.FULL,
        "causal": expressions.causal(),
        "window": expressions.window(shape.window),
        "longformer": expressions.longformer(shape.window),
        "bigbird": expressions.bigbird(shape.window),
    }
    return _of_jax(
        lambda *x: attend(*x, pattern=patterns[pattern]).output, shape, backward
    )


def jax_attention(pattern: str, shape: Shape, backward: bool) -> Ready:
    """`jax.nn.dot_product_attention`."""
    os.environ.update(ONE_THREAD)
    import jax

    options: dict[str, Any] = {
        "full": {},
        "causal": {"is_causal": True},
        "window": {"local_window_size": shape.window},
    }[pattern]
    return _of_jax(
        lambda *x: jax.nn.dot_product_attention(*x, **options), shape, backward
    )


def flax_attention(pattern: str, shape: Shape, backward: bool) -> Ready:
    """`flax.linen.dot_product_attention`, with a mask of all pairs."""
    os.environ.update(ONE_THREAD)
    import flax.linen as nn
    import jax.numpy as jnp

    index = jnp.arange(shape.length)
    distance = index[:, None] - index[None, :]
    mask = {
        "full": None,
        "causal": (distance >= 0)[None, None],
        "window": (jnp.abs(distance) <= shape.window)[None, None],
    }[pattern]
    return _of_jax(lambda *x: nn.dot_product_attention(*x, mask=mask), shape, backward)


def tokamax_attention(pattern: str, shape: Shape, backward: bool) -> Ready:
    """`tokamax.dot_product_attention` in chunks of XLA."""
    os.environ.update(ONE_THREAD)
    import tokamax  # pyright: ignore[reportMissingImports]

    options: dict[str, Any] = {
        "full": {},
        "causal": {"is_causal": True},
        "window": {"local_window_size": shape.window},
    }[pattern]

    def output(*x):
        return tokamax.dot_product_attention(
            *x, implementation="xla_chunked", **options
        )

    return _of_jax(output, shape, backward)


def torch_attention(pattern: str, shape: Shape, backward: bool) -> Ready:
    """`torch.nn.functional.scaled_dot_product_attention`, eager."""
    os.environ.update(ONE_THREAD)
    import torch  # pyright: ignore[reportMissingImports]

    torch.set_num_threads(1)
    vectors = [
        torch.from_numpy(x).transpose(1, 2).contiguous().requires_grad_(backward)
        for x in draws(shape)
    ]
    index = torch.arange(shape.length)
    near = (index[:, None] - index[None, :]).abs() <= shape.window
    options: dict[str, Any] = {
        "full": {},
        "causal": {"is_causal": True},
        "window": {"attn_mask": near},
    }[pattern]
    attention = torch.nn.functional.scaled_dot_product_attention

    def advance(calls: int) -> None:
        for _ in range(calls):
            found = attention(*vectors, **options)
            if backward:
                torch.autograd.grad(found.sum(), vectors)

    return Ready(advance, 1, 0.0)


CONTENDERS: dict[str, Callable[[str, Shape, bool], Ready]] = {
    "jaxgen": jaxgen_attention,
    "jax.nn": jax_attention,
    "flax": flax_attention,
    "tokamax": tokamax_attention,
    "torch": torch_attention,
}


def installed() -> tuple[str, ...]:
    """The contenders whose packages are there."""
    packages = {"jax.nn": "jax", "tokamax": "tokamax", "torch": "torch"}
    return tuple(
        name
        for name in CONTENDERS
        if importlib.util.find_spec(packages.get(name, name)) is not None
    )


def draws(shape: Shape) -> list[np.ndarray]:
    """Queries, keys and values: normal, (1, length, heads, features)."""
    random = np.random.default_rng(0)
    size = (1, shape.length, shape.heads, shape.features)
    return [random.normal(size=size).astype(np.float32) for _ in range(3)]


def _of_jax(output: Callable[..., Any], shape: Shape, backward: bool) -> Ready:
    import jax

    vectors = jax.tree.map(jax.numpy.asarray, draws(shape))
    slopes = jax.grad(lambda *x: output(*x).sum(), (0, 1, 2))
    start = time.perf_counter()
    compiled = jax.jit(slopes if backward else output).lower(*vectors).compile()
    took = time.perf_counter() - start

    def advance(calls: int) -> None:
        for _ in range(calls):
            jax.block_until_ready(compiled(*vectors))

    return Ready(advance, 1, took)
