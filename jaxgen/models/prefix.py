"""A prefix: what a language model remembers of text before any that it is given.

It may be what a prompt left, and then the model has examples in its context; it may be
moved from there, and then tokens that no vocabulary has stand before each row.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Float, Int, Key, PyTree
from jaxgen.models.adaptation import Adaptation, adaptation
from jaxgen.models.language_model import LanguageModel


class Prefixed(NamedTuple):
    """Parameters of a language model, and what it remembers before each row.

    Attributes:
      params: of the model.
      memory: of one row, as its mixers keep it.
    """

    params: PyTree
    memory: PyTree


def prefix(model: LanguageModel, prompt: Int[Array, " m"]) -> Adaptation:
    """Moves what the model remembers of a prompt: keys and values, or states.

    Applied, it gives `Prefixed` parameters: the memory that reading the prompt leaves, and
    what is learned added to it. It starts at zero, where the model has the prompt in its
    context and nothing is learned. Attention has a key and a value of its own at each place
    of the prompt and layer; a recurrence has another first state.

    Args:
      model: whose mixers remember.
      prompt: text to start from, one or more tokens; may be traced.

    Raises:
      ValueError: no token, a mixer that remembers nothing, an adapter of another model.

    References:
      Li and Liang, 2021, *Prefix-tuning: optimizing continuous prompts for generation*,
      sections 4.2 and 7.4, without the perceptron that makes keys and values there;
      prompts: Brown et al., 2020, *Language models are few-shot learners*.

    Example:
      >>> from jaxgen.attention.expressions import causal
      >>> from jaxgen.models.text_encoder import TextEncoder
      >>> from jaxgen.nn.attention import SelfAttention
      >>> from jaxgen.nn.transformer_block import TransformerBlock
      >>> block = TransformerBlock(SelfAttention(2, pattern=causal()))
      >>> model = LanguageModel(TextEncoder(256, 8, (block,)))
      >>> tokens = jnp.zeros((3, 5), int)
      >>> params = model.init(jax.random.key(0), tokens)["params"]
      >>> init, apply = prefix(model, jnp.arange(4))
      >>> adapter = init(jax.random.key(0), params)
      >>> [leaf.shape for leaf in adapter]
      [(1, 4, 2, 4), (1, 4, 2, 4)]
      >>> logits_behind(model, apply(params, adapter), 4, tokens).shape
      (3, 5, 256)
    """
    if not prompt.size:
        raise ValueError("prefix of a prompt of 0 tokens: expected 1 or more")

    def init(key: Key, params: PyTree) -> PyTree:
        del key
        memory = jax.eval_shape(lambda params: read(model, params, prompt), params)
        return tuple(
            jnp.zeros(leaf.shape, leaf.dtype)
            for leaf in jax.tree.leaves(memory)
            if _learned(leaf)
        )

    def apply(params: PyTree, adapter: PyTree) -> Prefixed:
        leaves, structure = jax.tree.flatten(read(model, params, prompt))
        moves = iter(adapter)
        moved = [leaf + next(moves) if _learned(leaf) else leaf for leaf in leaves]
        return Prefixed(params, jax.tree.unflatten(structure, moved))

    return adaptation("prefix", init, apply)


def read(model: LanguageModel, params: PyTree, prompt: Int[Array, " m"]) -> PyTree:
    """What the model remembers of a prompt: of one row, with no room for more."""
    empty: Any = model.apply({"params": params}, 1, len(prompt), method="memory")
    _, memory = _continued(model, params, prompt[None], 0, empty)
    return memory


def logits_behind(
    model: LanguageModel, given: Prefixed, before: int, tokens: Int[Array, "b t"]
) -> Float[Array, "b t v"]:
    """Logits of rows, each behind the same prefix.

    Args:
      model: of the tokens.
      given: its parameters, and what it remembers.
      before: tokens of the prefix, at whose positions no others are.
      tokens: rows of one sequence each, without padding.
    """
    capacity = before + tokens.shape[1]
    empty = model.apply({"params": given.params}, 1, capacity, method="memory")
    memory = jax.tree.map(_grown, given.memory, empty)

    def of_row(row: Array) -> Array:
        logits, _ = _continued(model, given.params, row[None], before, memory)
        return logits[0]

    return jax.vmap(of_row)(tokens)


def _continued(
    model: LanguageModel, params: PyTree, tokens: Array, before: int, memory: PyTree
) -> tuple[Array, PyTree]:
    run: Any = model.apply
    return run({"params": params}, tokens, before, memory, method="continued")


def _learned(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jnp.inexact)


def _grown(leaf: Array, room: Array) -> Array:
    """With zeros behind, where there is room for more."""
    pairs = zip(leaf.shape, room.shape, strict=True)
    return jnp.pad(leaf, [(0, larger - size) for size, larger in pairs])
