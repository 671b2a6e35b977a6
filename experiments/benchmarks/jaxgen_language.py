"""Language models of jaxgen's, to be timed: one, a study of several, and its texts."""

import time
from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from experiments.benchmarks.language_tasks import LanguageTask
from experiments.benchmarks.processes import Ready
from jaxgen.arrays import Array, Int, Key
from jaxgen.attention.dense import Dense
from jaxgen.attention.expressions import causal
from jaxgen.models.decoding import continuation
from jaxgen.models.language_model import LanguageModel
from jaxgen.models.text_encoder import TextEncoder
from jaxgen.nn.attention import SelfAttention
from jaxgen.nn.positions import LearnedPositions
from jaxgen.nn.transformer_block import FeedForward, TransformerBlock
from jaxgen.sharding.mesh import mesh_of
from jaxgen.sharding.rules import WHOLE, study
from jaxgen.training.adamw import adamw, matrices_and_embeddings
from jaxgen.training.compile import compile
from jaxgen.training.dispatch import feed, repeat
from jaxgen.training.language_modelling import language_modelling
from jaxgen.training.learner import Learner
from jaxgen.training.replicate import grid, replicate
from jaxgen.training.transforms import guard


def model_of(task: LanguageTask) -> LanguageModel:
    """The model of nanoGPT: see `experiments.benchmarks.torch_language`.

    Example:
      >>> from jaxgen.models.language_model import parameter_count
      >>> parameter_count(model_of(LanguageTask(4, 4, 128, 64, 12)))
      804096
    """
    mixer = SelfAttention(task.heads, pattern=causal(), implementation=Dense())
    norm = partial(nn.LayerNorm, use_bias=False)
    blocks = (TransformerBlock(mixer, FeedForward(use_bias=False), norm),) * task.layers
    positions = LearnedPositions(task.length)
    return LanguageModel(
        TextEncoder(task.vocabulary, task.width, blocks, positions=positions, norm=norm)
    )


def flops_of(task: LanguageTask) -> float:
    """Of the products of matrices, forward, for each token of a row.

    Training has three times as many. A token that is drawn has as many, its attention
    counted as if the row was full.
    """
    return model_of(task).cost(task.batch, task.length).flops / task.tokens


def windows(task: LanguageTask) -> Callable[[Array, Key], Int[Array, "b t"]]:
    """Rows of a text, drawn at random."""

    def draw(text: Array, key: Key) -> Int[Array, "b t"]:
        starts = (task.batch, 1)
        first = jax.random.randint(key, starts, 0, text.size - task.length)
        return text[first + jnp.arange(task.length)[None]]

    return draw


def learner_of(task: LanguageTask, rate: float | Array) -> Learner:
    """The learner as an experiment has it: guarded, batches drawn inside the program."""
    optimizer = adamw(rate, decayed=matrices_and_embeddings, b2=0.99)
    learner = language_modelling(model_of(task), optimizer, chunk=task.length)
    return guard(feed(learner, windows(task)))


def training(task: LanguageTask, dispatch: int) -> Ready:
    """Training of one model, the rows of a batch over all devices."""
    learner = repeat(learner_of(task, 1e-3), dispatch)
    return trained(learner, "data", ((".*", WHOLE),), task.tokens * dispatch)


def study_of(task: LanguageTask, dispatch: int, arms: int) -> Ready:
    """Training of several models in one program, each on one device."""
    axis = grid(seed=range(arms), rate=1e-3)
    learner = repeat(replicate(partial(learner_of, task), axis), dispatch)
    return trained(learner, "replica", study(), arms * task.tokens * dispatch)


def trained(learner: Learner, axis: str, rules, tokens: int) -> Ready:
    """A learner compiled for all devices along an axis of the mesh, to be timed."""
    text = jax.random.randint(jax.random.key(0), (100_000,), 0, 65)
    start = time.perf_counter()
    program = compile(learner, text, mesh_of({axis: -1}), rules)
    took = time.perf_counter() - start
    data = jax.device_put(text, program.data)
    state = program.init(jax.random.key(0), data)

    def advance(calls: int) -> None:
        nonlocal state
        for _ in range(calls):
            state, _ = program.update(state, data)
        jax.block_until_ready(state)

    return Ready(advance, tokens, took)


def sampling(task: LanguageTask) -> Ready:
    """Texts drawn from a first token to the last position, the rows over all devices."""
    model, mesh = model_of(task), mesh_of({"data": -1})
    first = jnp.zeros((task.batch, 1), jnp.int32)
    params = jax.jit(model.init)(jax.random.key(0), first)["params"]
    rows, whole = (jax.NamedSharding(mesh, spec) for spec in (jax.P("data"), WHOLE))
    given = jax.device_put((params, first, jax.random.key(0)), (whole, rows, whole))

    @partial(jax.jit, in_shardings=(whole, rows, whole), out_shardings=rows)
    def draw(params, first, key):
        return continuation(model, params, first, key, task.drawn)

    start = time.perf_counter()
    drawn = draw.lower(*given).compile()
    took = time.perf_counter() - start

    def advance(calls: int) -> None:
        for _ in range(calls):
            drawn(*given).block_until_ready()

    return Ready(advance, task.batch * task.drawn, took)
