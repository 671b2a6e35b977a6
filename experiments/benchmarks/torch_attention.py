"""Attention that is timed, in PyTorch."""

import time
from collections.abc import Callable
from typing import Any

import torch  # pyright: ignore[reportMissingImports]
from torch import Tensor, nn  # pyright: ignore[reportMissingImports]
from torch.nn.attention.flex_attention import (  # pyright: ignore[reportMissingImports]
    BlockMask,
    flex_attention,
)

from experiments.benchmarks.attention_tasks import Task, Work, vectors
from experiments.benchmarks.attention_works import pattern_of
from experiments.benchmarks.processes import Ready


def sdpa_work(task: Task) -> Work:
    """`scaled_dot_product_attention`, eager: a fused kernel; a window is a dense mask."""
    ones = (task.length, task.length) if task.pattern == "window" else (0, 0)
    near = torch.ones(ones, dtype=torch.bool).tril_(task.window).triu_(-task.window)
    options: dict[str, dict[str, Any]] = {
        "full": {},
        "causal": {"is_causal": True},
        "window": {"attn_mask": near},
    }
    chosen = options[task.pattern]
    attention = nn.functional.scaled_dot_product_attention
    return _heads_first(lambda *x: attention(*x, **chosen), task)


def flex_work(task: Task, attention: Callable[..., Tensor] = flex_attention) -> Work:
    """FlexAttention, as it is or compiled; without a plan, full attention is slower."""
    mask = block_mask(task)
    return _heads_first(lambda *x: attention(*x, block_mask=mask), task)


def _heads_first(call: Callable[..., Tensor], task: Task) -> Work:
    inputs = [torch.from_numpy(x).transpose(1, 2).contiguous() for x in vectors(task)]
    return Work(lambda *x: call(*x).transpose(1, 2), tuple(inputs))


def block_mask(task: Task) -> BlockMask:
    """FlexAttention's plan, from the blocks that are alive and those that are whole.

    `create_block_mask` makes the same one by way of a matrix of all pairs. A block has
    the size of the window, or 128 where there is none: what was fastest.
    """
    from jaxgen.attention.live import Grid, live_blocks, whole_blocks

    size = 128 if task.pattern in ("full", "causal") else task.window
    grid = Grid(task.length, task.length, size, size)
    live, whole = (
        torch.from_numpy(blocks(pattern_of(task), grid).copy())
        for blocks in (live_blocks, whole_blocks)
    )
    return BlockMask.from_kv_blocks(
        *_listed(live & ~whole),
        *_listed(whole),
        BLOCK_SIZE=size,
        mask_mod=allowed(task),
    )


def _listed(blocks: Tensor) -> tuple[Tensor, Tensor]:
    """How many blocks of each row, and their columns, those first."""
    columns = blocks.int().argsort(dim=1, descending=True, stable=True)
    return blocks.sum(1, dtype=torch.int32)[None, None], columns.int()[None, None]


def allowed(task: Task) -> Callable[..., Tensor]:
    """Which query may attend to which key, for FlexAttention."""
    window, last = task.window, task.length - task.window

    def near(q, k):
        return (q - k).abs() <= window

    if task.pattern == "bigbird":
        drawn = _drawn(task)
        return lambda b, h, q, k: (
            near(q, k)
            | drawn[q // window, k // window]
            | ((q < window) | (k < window) | (q >= last) | (k >= last))
        )
    return {
        "full": lambda b, h, q, k: q >= 0,
        "causal": lambda b, h, q, k: q >= k,
        "window": lambda b, h, q, k: near(q, k),
        "longformer": lambda b, h, q, k: near(q, k) | (q < 1) | (k < 1),
    }[task.pattern]


def _drawn(task: Task) -> Tensor:
    """The random blocks of jaxgen's BigBird, as booleans of all pairs of blocks."""
    from jaxgen.attention.random_blocks import RandomBlocks, drawn_blocks

    columns = torch.from_numpy(
        drawn_blocks(RandomBlocks(3, task.window), task.length).copy()
    )
    table = torch.zeros(len(columns), len(columns), dtype=torch.bool)
    return table.scatter_(1, columns.long(), True)


def torch_work(name: str, task: Task) -> Work:
    """The work of a contender."""
    if name == "PyTorch Flex":
        torch.compiler.reset()
        return flex_work(task, torch.compile(flex_attention))
    if name == "PyTorch SDPA":
        return sdpa_work(task)
    from experiments.benchmarks import hugging_face_layers as layers

    works = {"longformer": layers.longformer_work, "bigbird": layers.bigbird_work}
    return works[task.pattern](task)


def ready(name: str, task: Task) -> Ready:
    """A contender's work, to be timed in one thread."""
    in_one_thread()
    return called(torch_work(name, task), task.backward)


def in_one_thread() -> None:
    """Settings of the process; tiny numbers are zero, as XLA has them."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


def called(work: Work, backward: bool) -> Ready:
    """A work of PyTorch, to be timed; its first call compiles what is compiled."""
    inputs = [x.requires_grad_(backward) for x in work.inputs]
    start = time.perf_counter()
    with torch.no_grad():
        cotangent = torch.randn_like(work.call(*inputs))
    took = time.perf_counter() - start

    def advance(calls: int) -> None:
        with torch.set_grad_enabled(backward):
            for _ in range(calls):
                output = work.call(*inputs)
                if backward:
                    torch.autograd.grad(output, inputs, cotangent)

    return Ready(advance, 1, took)
