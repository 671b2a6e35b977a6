"""A language model trained over simulated devices, to be timed."""

import os
import time
from typing import Any, NamedTuple

from experiments.benchmarks.processes import Ready
from experiments.benchmarks.sharding_tasks import ShardingTask
from experiments.devices import one_thread_environment


class Training(NamedTuple):
    """A program, and what its first step is given."""

    program: Any
    state: Any
    tokens: Any


def ready(task: ShardingTask) -> Ready:
    """Steps of training on so many devices of one thread; a unit is one step."""
    os.environ.update(one_thread_environment(task.devices))
    import jax

    start = time.perf_counter()
    program, state, tokens = training(task)
    took = time.perf_counter() - start

    def advance(calls: int) -> None:
        nonlocal state
        for _ in range(calls):
            state, _ = program.update(state, tokens)
        jax.block_until_ready(state)

    return Ready(advance, 1, took)


def training(task: ShardingTask) -> Training:
    """The step compiled for the first devices of this process, and the batch laid there."""
    import jax

    from jaxgen.sharding.mesh import batch_spec, mesh_of
    from jaxgen.sharding.tensor_parallel import TENSOR
    from jaxgen.training.adamw import adamw
    from jaxgen.training.compile import compile
    from jaxgen.training.language_modelling import language_modelling

    mesh = mesh_of(task.axes, jax.devices()[: task.devices])
    layout = jax.P(None, "sequence") if "sequence" in task.axes else None
    layout = layout or batch_spec(mesh.axis_names)
    size = task.batch, task.length
    tokens = jax.random.randint(jax.random.key(0), size, 0, task.vocabulary)
    learner = language_modelling(model_of(task), adamw(1e-3), chunk=task.length)
    program = compile(learner, tokens, mesh, TENSOR, layout)
    tokens = jax.device_put(tokens, program.data)
    return Training(program, program.init(jax.random.key(0), tokens), tokens)


def model_of(task: ShardingTask) -> Any:
    """The model of nanoGPT's kind; along ``sequence`` its attention goes around a ring."""
    import flax.linen as nn

    from jaxgen.attention.dense import Dense
    from jaxgen.attention.expressions import causal
    from jaxgen.attention.positions import rotary
    from jaxgen.attention.ring import Ring
    from jaxgen.models.language_model import LanguageModel
    from jaxgen.models.text_encoder import TextEncoder
    from jaxgen.nn.attention import SelfAttention
    from jaxgen.nn.transformer_block import FeedForward, TransformerBlock

    how = Ring() if task.way == "sequence" else Dense()
    mixer = SelfAttention(
        task.heads, pattern=causal(), rotation=rotary, implementation=how
    )
    block = TransformerBlock(mixer, FeedForward(use_bias=False), nn.RMSNorm)
    blocks = (block,) * task.layers
    return LanguageModel(
        TextEncoder(
            task.vocabulary, task.width, blocks, positions=None, norm=nn.RMSNorm
        )
    )
