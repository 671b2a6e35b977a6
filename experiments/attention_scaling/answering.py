"""An encoder that answers questions about its tokens; all of equal size but the mixer."""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from experiments.attention_scaling.mixers import mixer
from experiments.attention_scaling.settings import MixerName, Net
from jaxgen.arrays import Array, Float, Shaped
from jaxgen.models.text_encoder import TextEncoder, by_mean
from jaxgen.nn.attention import SelfAttention
from jaxgen.nn.gated_convolution import GatedConvolution
from jaxgen.nn.mixer import Context, Mixer
from jaxgen.nn.transformer_block import FeedForward, TransformerBlock

VOCABULARY = 256
"""Tokens, and classes of answers."""


class Questions(NamedTuple):
    """Rows of tokens and what is asked of them.

    Attributes:
      tokens: below `VOCABULARY`.
      padding: true where there is no token.
      places: of the tokens whose vectors answer; -1 for the mean of all.
      answers: below `VOCABULARY`; -1 where nothing is asked.
      kinds: of each question, to be scored by: a distance, a number of pairs.
    """

    tokens: Shaped[Array | np.ndarray, "*n t"]
    padding: Shaped[Array | np.ndarray, "*n t"]
    places: Shaped[Array | np.ndarray, "*n q"]
    answers: Shaped[Array | np.ndarray, "*n q"]
    kinds: Shaped[Array | np.ndarray, "*n q"]


class Answerer(nn.Module):
    """A logit of each class for each question: ``W h_place``, or ``W mean(h)``.

    Attributes:
      encoder: of the rows.
      classes: how many answers there are.
    """

    encoder: TextEncoder
    classes: int = VOCABULARY

    @nn.compact
    def __call__(self, asked: Questions) -> Float[Array, "b q c"]:
        context = Context(jnp.asarray(asked.padding))
        encoded = self.encoder(jnp.asarray(asked.tokens, jnp.int32), context)
        places = jnp.asarray(asked.places, jnp.int32)[..., None]
        told = jnp.take_along_axis(encoded.tokens, jnp.maximum(places, 0), axis=1)
        mean = by_mean(encoded, context)[:, None]
        return nn.Dense(self.classes)(jnp.where(places < 0, mean, told))


def answerer(name: MixerName, net: Net, length: int) -> Answerer:
    """An encoder around a mixer, with as many parameters as around full attention.

    Its first block is a convolution of three tokens for all, which lets each know its
    neighbours: with it one layer of attention can recall what followed a token. The
    perceptrons behind the mixer are as wide as leaves the parameters equal.

    Raises:
      ValueError: a mixer that has more parameters than attention and its perceptron.
    """
    chosen, full = mixer(name, net, length), SelfAttention(net.heads)
    width = 4 * net.heads * net.features
    target = parameters(with_width(full, net, width), length)
    slope = parameters(with_width(chosen, net, 2), length)
    least = parameters(with_width(chosen, net, 1), length)
    fitting = 1 + (target - least) // (slope - least)
    if fitting < 1:
        raise ValueError(
            f"--quality-of-length.mixers {name}: at {length} tokens it has more "
            f"parameters than attention and a perceptron together; widen --quality-of-"
            "length.net.features, or shorten --quality-of-length.length"
        )
    return with_width(chosen, net, fitting)


def with_width(chosen: Mixer, net: Net, width: int) -> Answerer:
    """The encoder, the perceptrons behind its mixers of some width."""
    features = net.heads * net.features
    near = TransformerBlock(GatedConvolution(3), FeedForward(2 * features))
    far = TransformerBlock(chosen, FeedForward(width))
    return Answerer(TextEncoder(VOCABULARY, features, (near,) + (far,) * net.layers))


def parameters(net: Answerer, length: int) -> int:
    """How many numbers it learns."""
    shapes = jax.eval_shape(net.init, jax.random.key(0), blank(1, length, 1))
    return sum(leaf.size for leaf in jax.tree.leaves(shapes))


def blank(rows: int, length: int, questions: int) -> Questions:
    """Questions of these sizes, with nothing in them."""
    asked = np.zeros((rows, questions), np.int16)
    tokens = np.zeros((rows, length), np.uint8)
    return Questions(tokens, tokens > 0, asked, asked, asked)
