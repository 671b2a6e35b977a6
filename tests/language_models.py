"""Small language models of every kind of causal mixer, which many tests share."""

from functools import lru_cache

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.attention.dense import Dense
from jaxgen.attention.expressions import causal, window
from jaxgen.attention.features import CosFormer
from jaxgen.attention.positions import rotary
from jaxgen.attention.scores import ALiBi
from jaxgen.models.language_model import LanguageModel
from jaxgen.models.text_encoder import TextEncoder
from jaxgen.nn.attention import SelfAttention
from jaxgen.nn.diagonal_state_space import DiagonalStateSpace
from jaxgen.nn.gated_convolution import GatedConvolution
from jaxgen.nn.gated_delta import GatedDeltaRule
from jaxgen.nn.gated_feed_forward import GatedFeedForward
from jaxgen.nn.linear_attention import LinearAttention
from jaxgen.nn.lsh_attention import LSHAttention
from jaxgen.nn.mixer import Context
from jaxgen.nn.positions import LearnedPositions
from jaxgen.nn.transformer_block import FeedForward, TransformerBlock

VOCABULARY, FEATURES, LENGTH = 11, 8, 6
TOKENS = jnp.asarray(np.random.default_rng(0).integers(0, VOCABULARY, (4, LENGTH)))
WHOLE = jnp.ones_like(TOKENS)
"""Segments of rows of one document."""


def model_of(mixer, tied=True, mlp=FeedForward(12), norm=nn.LayerNorm, **encoder):
    """Two layers of one mixer, scanned as one is quicker to compile than two."""
    blocks = (TransformerBlock(mixer, mlp, norm),) * 2
    encoder = {"positions": None, "norm": norm, "scan": True} | encoder
    return LanguageModel(TextEncoder(VOCABULARY, FEATURES, blocks, **encoder), tied)


def attention(heads=2, key_heads=None, pattern=causal(), **how):
    return SelfAttention(heads, key_heads, pattern, implementation=Dense(), **how)


MODELS = {
    "rotary, groups": model_of(
        attention(4, 2, rotation=rotary),
        False,
        GatedFeedForward(12),
        nn.RMSNorm,
        scan=False,
    ),
    "window, ALiBi": model_of(attention(pattern=window(2, 0), score=ALiBi)),
    "learned positions": model_of(attention(), positions=LearnedPositions(10)),
    "linear": model_of(LinearAttention(2, CosFormer(10), causal=True, chunk=2)),
    "delta": model_of(GatedDeltaRule(2, width=3, chunk=2)),
    "state space": model_of(DiagonalStateSpace(5)),
    "convolution": model_of(GatedConvolution(3, causal=True, use_bias=True)),
}
FORGETFUL = model_of(
    LSHAttention(2, buckets=4, hashes=2, window=2, seed=399, causal=True)
)
"""Its mixer remembers nothing."""


def started(model):
    """Parameters none of which is zero or like another, and quick to make."""
    shapes = jax.eval_shape(model.init, jax.random.key(0), TOKENS)["params"]
    leaves, structure = jax.tree.flatten(shapes)
    values = [
        np.float32(np.cos(start + np.arange(w.size) ** 1.5) / 2).reshape(w.shape)
        for start, w in enumerate(leaves)
    ]
    return jax.tree.unflatten(structure, values)


@lru_cache
def learned(name):
    return started(MODELS[name])


@lru_cache
def compiled(name):
    model, params = MODELS[name], learned(name)

    def logits(tokens, segments):
        context = Context(segments=segments)
        return model.apply({"params": params}, tokens, context)

    return jax.jit(logits)
