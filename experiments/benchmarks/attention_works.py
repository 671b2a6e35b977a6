"""Attention that is timed, in JAX: jaxgen's, and what a user would pick instead.

Packages are imported where they are used: each contender has a process of its own, in
which one thread computes.
"""

import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from experiments.benchmarks.attention_contenders import too_large
from experiments.benchmarks.attention_tasks import Task, Work, vectors, weights
from experiments.benchmarks.processes import Ready
from experiments.benchmarks.timing import gemm

ONE_THREAD = {
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


def pattern_of(task: Task) -> Any:
    """The pattern, in jaxgen's terms.

    BigBird's last block is global beside its first, as its authors and Hugging Face have
    it; Longformer's first token is.
    """
    from jaxgen.attention import expressions

    last = range(max(0, task.length - task.window), task.length)
    return {
        "full": lambda: expressions.FULL,
        "causal": expressions.causal,
        "window": lambda: expressions.window(task.window),
        "longformer": lambda: expressions.longformer(task.window),
        "bigbird": lambda: expressions.bigbird(task.window) | expressions.tokens(last),
    }[task.pattern]()


def jaxgen_work(task: Task) -> Work:
    """`attend` as it chooses for itself; of a layer, `SelfAttention`."""
    from jaxgen.attention.attend import attend

    pattern = pattern_of(task)
    if task.layer:
        return _jaxgen_layer(task, pattern)
    return Work(lambda *x: attend(*x, pattern=pattern).output, vectors(task))


def _jaxgen_layer(task: Task, pattern: Any) -> Work:
    from jaxgen.nn.attention import SelfAttention
    from jaxgen.nn.mixer import PLAIN

    tokens, matrices = weights(task)
    width, heads = tokens.shape[-1], (task.heads, task.features)

    def dense(name: str) -> dict[str, np.ndarray]:
        shape = (width,) if name == "out" else heads
        kernel = matrices[name].reshape(width, *shape)
        return {"kernel": kernel, "bias": np.zeros(shape, np.float32)}

    layer = SelfAttention(task.heads, pattern=pattern, use_bias=True)
    params = {name: dense(name) for name in matrices}
    return Work(lambda x, p: layer.apply({"params": p}, x, PLAIN), (tokens, params))


def jax_nn_work(task: Task) -> Work:
    """`jax.nn.dot_product_attention`."""
    import jax

    options = _options(task)
    attention = jax.nn.dot_product_attention
    return Work(lambda *x: attention(*x, **options), vectors(task))


def tokamax_work(task: Task) -> Work:
    """`tokamax.dot_product_attention` in chunks of XLA, its only O(n) way on a CPU."""
    import tokamax  # pyright: ignore[reportMissingImports]

    options = _options(task) | {"implementation": "xla_chunked"}
    attention = tokamax.dot_product_attention
    return Work(lambda *x: attention(*x, **options), vectors(task))


def _options(task: Task) -> dict[str, Any]:
    """What `jax.nn` and tokamax, which took it from there, call a pattern."""
    options: dict[str, dict[str, Any]] = {
        "full": {},
        "causal": {"is_causal": True},
        "window": {"local_window_size": task.window},
    }
    return options[task.pattern]


def flax_work(task: Task) -> Work:
    """`flax.linen.dot_product_attention`, with a mask of all pairs where it needs one."""
    import flax.linen as nn
    import jax.numpy as jnp

    def output(*x):
        index = jnp.arange(task.length)
        distance = index[:, None] - index[None, :]
        mask = {
            "full": None,
            "causal": (distance >= 0)[None, None],
            "window": (jnp.abs(distance) <= task.window)[None, None],
        }[task.pattern]
        return nn.dot_product_attention(*x, mask=mask)

    return Work(output, vectors(task))


JAX_WORKS: dict[str, Callable[[Task], Work]] = {
    "jaxgen": jaxgen_work,
    "jax.nn": jax_nn_work,
    "Flax": flax_work,
    "tokamax": tokamax_work,
}


def ready(name: str, task: Task, memory: float) -> Ready:
    """A contender's work, to be timed in one thread of this process.

    Raises:
      ValueError: a program that would hold more than ``memory`` GiB at once.
    """
    os.environ.update(ONE_THREAD)
    if name in JAX_WORKS:
        return compiled(JAX_WORKS[name](task), task.backward, memory)
    from experiments.benchmarks import torch_attention

    return torch_attention.ready(name, task)


def limit() -> Ready:
    """Products of matrices in one thread; see `gemm`."""
    os.environ.update(ONE_THREAD)
    return gemm(1, (512, 1024))


def with_gradient(call: Callable[..., Any]) -> Callable[..., Any]:
    """From a cotangent of its output and its inputs to a function's output and slopes."""
    import jax

    def both(cotangent: Any, *inputs: Any):
        output, slopes = jax.vjp(call, *inputs)
        return output, slopes(cotangent)

    return both


def compiled(work: Work, backward: bool, memory: float) -> Ready:
    """A work of JAX, to be timed.

    Raises:
      ValueError: a program that would hold more than ``memory`` GiB at once.
    """
    import jax

    inputs = jax.device_put(work.inputs)
    if backward:
        shape = jax.eval_shape(work.call, *inputs)
        cotangent = jax.random.normal(jax.random.key(0), shape.shape, shape.dtype)
        work, inputs = Work(with_gradient(work.call), ()), (cotangent, *inputs)
    start = time.perf_counter()
    program = jax.jit(work.call).lower(*inputs).compile()
    took = time.perf_counter() - start
    analysis = program.memory_analysis()
    if analysis and (reason := too_large(analysis.temp_size_in_bytes, memory)):
        raise ValueError(reason)

    def advance(calls: int) -> None:
        for _ in range(calls):
            jax.block_until_ready(program(*inputs))

    return Ready(advance, 1, took)
