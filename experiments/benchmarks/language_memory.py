"""The memory of a language model's loss, its logits all there or by chunks."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from experiments.benchmarks.jaxgen_language import model_of
from experiments.benchmarks.language_tasks import LanguageTask
from jaxgen.objectives.chunked_cross_entropy import (
    chunked_cross_entropy,
    language_loss,
    told_at_once,
)
from jaxgen.objectives.language import following


class Temporaries(NamedTuple):
    """Bytes that a compiled gradient has beside its arguments and results.

    Attributes:
      plain: with the logits of all tokens.
      chunked: with those of a few tokens of each row at a time.
    """

    plain: int
    chunked: int


def temporaries(task: LanguageTask, chunk: int) -> Temporaries:
    """What the gradient of one batch takes; nothing is computed.

    Example:
      >>> plain, chunked = temporaries(LanguageTask(1, 2, 8, 32, 4, 4096), chunk=4)
      >>> chunked < plain / 3
      True
    """
    model = model_of(task)
    tokens = jax.ShapeDtypeStruct((task.batch, task.length), jnp.int32)
    params = jax.eval_shape(model.init, jax.random.key(0), tokens)["params"]

    def bytes_of(told, **how) -> int:
        def loss(params, tokens):
            factors: Any = model.apply({"params": params}, tokens, method="factors")
            then, chosen = following(tokens)
            return language_loss(told(*factors, tokens=then, **how), chosen)

        compiled = jax.jit(jax.grad(loss)).lower(params, tokens).compile()
        analysis: Any = compiled.memory_analysis()
        return analysis.temp_size_in_bytes

    return Temporaries(
        bytes_of(told_at_once), bytes_of(chunked_cross_entropy, chunk=chunk)
    )
