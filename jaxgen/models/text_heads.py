"""What is made of an encoded text: a class, a match, a place among others, its tokens."""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jax.nn.initializers import zeros

from jaxgen.arrays import Array, Float, Int
from jaxgen.models.text_encoder import Encoded, TextEncoder, by_mean
from jaxgen.nn.mixer import PLAIN, Context
from jaxgen.nn.perceptron import Hidden, Perceptron

Pool = Callable[[Encoded, Context], Array]
"""From vectors of tokens to one of each row: `by_mean` or `by_cls`."""


class TextClassifier(nn.Module):
    """A logit for each class: ``W_2 relu(W_1 pool(encoder(tokens)))``.

    Attributes:
      encoder: of the text.
      classes: how many there are.
      hidden: units of the layer before the logits.
      pool: `by_mean` or `by_cls`.

    References:
      Tay et al., 2021, *Long range arena*, its code.
    """

    encoder: TextEncoder
    classes: int
    hidden: int = 128
    pool: Pool = by_mean

    @nn.compact
    def __call__(
        self, tokens: Int[Array, "b t"], context: Context = PLAIN
    ) -> Float[Array, "b {self.classes}"]:
        vectors = self.pool(self.encoder(tokens, context), context)
        return Perceptron(self.classes, self.hidden, depth=1)(vectors)


class TextMatcher(nn.Module):
    """A logit for each relation of two texts, which share an encoder.

    With vectors u and v of the two, a perceptron of hidden layers ``hidden`` and
    ``hidden / 2`` is given ``[u, v, u v, u - v]``.

    Attributes:
      encoder: of both texts.
      classes: how many relations there are; two for match or none.
      hidden: units of the first hidden layer.
      pool: `by_mean` or `by_cls`.

    References:
      Tay et al., 2021, *Long range arena*, section 2.2.3 and its code.
    """

    encoder: TextEncoder
    classes: int = 2
    hidden: int = 128
    pool: Pool = by_mean

    @nn.compact
    def __call__(
        self,
        one: Int[Array, "b t"],
        other: Int[Array, "b s"],
        one_context: Context = PLAIN,
        other_context: Context = PLAIN,
    ) -> Float[Array, "b {self.classes}"]:
        u = self.pool(self.encoder(one, one_context), one_context)
        v = self.pool(self.encoder(other, other_context), other_context)
        x = Hidden(self.hidden, depth=1)(jnp.concatenate([u, v, u * v, u - v], 1))
        return Perceptron(self.classes, self.hidden // 2, depth=1)(x)


class TextEmbedder(nn.Module):
    """A vector of length one for each text: ``u / |u|``, ``u = W pool(encoder(tokens))``.

    Two texts are compared by their product; see `jaxgen.objectives.contrastive`.

    Attributes:
      encoder: of the texts.
      features: of the vector.
      pool: `by_mean` or `by_cls`.
    """

    encoder: TextEncoder
    features: int
    pool: Pool = by_mean

    @nn.compact
    def __call__(
        self, tokens: Int[Array, "b t"], context: Context = PLAIN
    ) -> Float[Array, "b {self.features}"]:
        vectors = self.pool(self.encoder(tokens, context), context)
        vectors = nn.Dense(self.features, use_bias=False)(vectors)
        lengths = jnp.sqrt((vectors**2).sum(1, keepdims=True) + 1e-12)
        return vectors / lengths


class MaskedLanguageModel(nn.Module):
    """A logit for each token of the vocabulary at each place.

    Computes ``W norm(gelu(V h)) + b``, with the embeddings for W, or one of its own.

    Attributes:
      encoder: of the text.
      tied: whether W is the embeddings' matrix.

    References:
      Devlin et al., 2019, *BERT: pre-training of deep bidirectional transformers*,
      section 3.1 and its code.
    """

    encoder: TextEncoder
    tied: bool = True

    @nn.compact
    def __call__(
        self, tokens: Int[Array, "b t"], context: Context = PLAIN
    ) -> Float[Array, "b t v"]:
        h = self.encoder(tokens, context).tokens
        h = self.encoder.norm()(nn.gelu(nn.Dense(h.shape[-1])(h)))
        size = self.encoder.vocabulary
        own = nn.Dense(size, use_bias=False, name="output")
        products = self.encoder.logits if self.tied else own
        return products(h) + self.param("bias", zeros, (size,))[None, None]
