"""Text drawn from a language model, a token at a time, by one compiled loop."""

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.arrays import Array, Float, Int, Key, PyTree
from jaxgen.keys import named
from jaxgen.models.language_model import LanguageModel
from jaxgen.models.token_choice import Choice, as_told


def continuation(
    model: LanguageModel,
    params: PyTree,
    prompt: Int[Array, "b t"],
    key: Key,
    count: int,
    choice: Choice = as_told,
) -> Int[Array, "b {count}"]:
    """Tokens drawn one after another behind a prompt, by mixers that remember.

    Each is drawn by the softmax of ``choice(logits)`` of all tokens before it. Mixers
    keep keys and values, or a state, of what they have read: a token costs what one
    token costs, and attention to those before it. A mixer that counts tokens, or draws
    keys, sees a row of ``t + count``.

    Args:
      model: whose mixers remember.
      params: the model's; their dtype is that of the computation.
      prompt: what is read first, all rows of one length and without padding.
      key: of the draws.
      count: of new tokens.
      choice: of the tokens to draw from; see `jaxgen.models.token_choice`.

    Raises:
      ValueError: a mixer that remembers nothing, no prompt, no new token; and as the
        model for rows that are too long.
    """
    require_room(model, params, prompt, count)
    batch, read = prompt.shape
    run = bound(model, params)

    def step(carried, index):
        logits, memory = carried
        token = drawn(logits, key, index, choice).astype(prompt.dtype)
        logits, memory = run("continued", token[:, None], read + index, memory)
        return (logits[:, 0], memory), token

    memory = run("memory", batch, read + count)
    logits, memory = run("continued", prompt, 0, memory)
    _, tokens = lax.scan(step, (logits[:, -1], memory), jnp.arange(count))
    return tokens.T


def recomputed_continuation(
    model: LanguageModel,
    params: PyTree,
    prompt: Int[Array, "b t"],
    key: Key,
    count: int,
    choice: Choice = as_told,
) -> Int[Array, "b {count}"]:
    """As `continuation`, by any mixer: each token costs what a row of all costs.

    Raises:
      ValueError: no prompt, no new token; and as the model for rows that are too long.
    """
    require_room(model, params, prompt, count)
    read = prompt.shape[1]
    run = bound(model, params)

    def step(row, index):
        logits = run("__call__", row)
        last = lax.dynamic_index_in_dim(logits, read + index - 1, 1, keepdims=False)
        token = drawn(last, key, index, choice).astype(row.dtype)
        return row.at[:, read + index].set(token), token

    row = jnp.pad(prompt, ((0, 0), (0, count)))
    return lax.scan(step, row, jnp.arange(count))[1].T


def drawn(
    logits: Float[Array, "b v"], key: Key, index: Array, choice: Choice
) -> Int[Array, " b"]:
    """The token of each row at an index."""
    key = jax.random.fold_in(named(key, "tokens"), index)
    return jax.random.categorical(key, choice(logits))


def bound(model: LanguageModel, params: PyTree):
    """Methods of the model with these parameters, by name."""

    def run(method: str, *given):
        return model.apply({"params": params}, *given, method=method)

    return run


def require_room(
    model: LanguageModel, params: PyTree, prompt: Array, count: int
) -> None:
    """Raises:
    ValueError: no prompt, no new token, or rows that are too long for the model.
    """
    batch, read = prompt.shape
    if read < 1 or count < 1:
        raise ValueError(
            f"a prompt of {read} tokens, and {count} new ones: expected 1 or more of "
            "both; a text of nothing may start with a token that separates texts"
        )
    row = jax.ShapeDtypeStruct((batch, read + count), prompt.dtype)
    jax.eval_shape(lambda row: bound(model, params)("__call__", row), row)
