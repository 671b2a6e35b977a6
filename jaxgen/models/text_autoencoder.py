"""Autoencoders of text: one code for a row of tokens, told back a token at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jax.nn.initializers import Initializer, normal

from jaxgen.arrays import Array, Bool, Float, Int, Key, PyTree
from jaxgen.attention.positions import sinusoidal
from jaxgen.keys import named
from jaxgen.models.autoencoder import Autoencoder, Terms, decoded, rates_of
from jaxgen.models.priors import require_fit
from jaxgen.models.text_encoder import by_mean
from jaxgen.models.text_heads import Pool
from jaxgen.nn.mixer import PLAIN, Context
from jaxgen.nn.stack import Stack
from jaxgen.nn.transformer_block import require_causal


class TextDecoder(nn.Module):
    """A logit for each token of the vocabulary, to be the one at each place.

    Computes ``W norm(blocks(E_before + V z + p))`` with what was told before each place,
    and the code z at all of them.

    Attributes:
      vocabulary: how many tokens.
      features: of each vector.
      blocks: the layers, by causal mixers: ``(block,) * 2`` for two alike.
      positions: ``(positions, features) -> vectors``.
      norm: makes the last normalization.
      embedding_init: how the embeddings start.

    Raises:
      ValueError: a mixer that is not causal.

    References:
      Bowman et al., 2016, *Generating sentences from a continuous space*, section 3; with
      causal attention for its recurrence, and the code at each place as in Li et al.,
      2020, *Optimus*, equation 6.
    """

    vocabulary: int
    features: int
    blocks: tuple[nn.Module, ...]
    positions: Callable[[Array, int], Array] = sinusoidal
    norm: Callable[[], Any] = nn.LayerNorm
    embedding_init: Initializer = normal(1.0)

    @property
    def unknown(self) -> int:
        """The token of a word that is not told."""
        return self.vocabulary

    @nn.compact
    def __call__(
        self, codes: Float[Array, "m z"], told: Int[Array, "m t"]
    ) -> Float[Array, "m t {self.vocabulary}"]:
        require_causal("TextDecoder", self.blocks)
        # no word was told before the first place
        before = jnp.pad(told[:, :-1], ((0, 0), (1, 0)), constant_values=self.unknown)
        rows = self.vocabulary + 1
        embedded = nn.Embed(rows, self.features, embedding_init=self.embedding_init)
        places = jnp.arange(told.shape[1])[None]
        x = embedded(before) + nn.Dense(self.features, name="code")(codes)[:, None]
        x = Stack(self.blocks)(x + self.positions(places, self.features), PLAIN)
        return nn.Dense(self.vocabulary, name="output")(self.norm()(x))


@dataclass(frozen=True)
class Words:
    """A probability for each token of the vocabulary, at each place.

    Computes ``sum_t log softmax(o_t)`` at the tokens, padding left out.
    """

    def log_prob(
        self,
        outputs: Float[Array, "*n t v"],
        tokens: Int[Array, "*#n t"],
        padding: Bool[Array, "*#n t"],
    ) -> Float[Array, "*n"]:
        """Nats of a whole row, of tokens under outputs."""
        told = jax.nn.one_hot(tokens, outputs.shape[-1], dtype=outputs.dtype)
        each = (jax.nn.log_softmax(outputs) * told).sum(-1)
        return jnp.where(padding, 0.0, each).sum(-1)

    def sample(self, outputs: Float[Array, "*n t v"], key: Key) -> Int[Array, "*n t"]:
        """Tokens of each place, whatever the others are."""
        return jax.random.categorical(key, outputs)


class TextAutoencoder(Autoencoder):
    """A code of a whole row, from which its tokens are told one after another.

    A batch is tokens (n, t), or a tuple of those and padding (n, t), true where there is no
    token. In training some words are hidden from the decoder, which has to ask the code
    for them; to score texts use ``model.clone(word_dropout=0.0)``.

    Attributes:
      encoder: a `TextEncoder`.
      code: ``features -> posterior``; see `jaxgen.nn.codes`.
      prior: of codes; see `jaxgen.models.priors`.
      decoder: a `TextDecoder`.
      likelihood: `Words()`.
      pool: from vectors of tokens to the features of a row.
      word_dropout: share of tokens that the decoder is not told; may be traced.

    References:
      Bowman et al., 2016, *Generating sentences from a continuous space*.

    Example:
      >>> from jaxgen.attention.expressions import causal
      >>> from jaxgen.models.priors import StandardNormal
      >>> from jaxgen.models.text_encoder import TextEncoder
      >>> from jaxgen.nn.attention import SelfAttention
      >>> from jaxgen.nn.codes import GaussianCode
      >>> from jaxgen.nn.transformer_block import TransformerBlock
      >>> model = TextAutoencoder(
      ...     TextEncoder(9, 8, (TransformerBlock(SelfAttention(2)),)),
      ...     GaussianCode(3), StandardNormal(3),
      ...     TextDecoder(9, 8, (TransformerBlock(SelfAttention(2, pattern=causal())),)),
      ...     Words(), word_dropout=0.3)
      >>> tokens = jnp.zeros((4, 6), int)
      >>> run = lambda key: model.init_with_output(key, tokens, key, 5)[0]
      >>> jax.eval_shape(run, jax.random.key(0)).log_likelihood.shape
      (5, 4)
    """

    pool: Pool = by_mean
    word_dropout: float | Float[Array, ""] = 0.0

    def __call__(
        self,
        tokens: Int[Array, "n t"],
        key: Key,
        samples: int = 1,
        padding: Bool[Array, "n t"] | None = None,
        *,
        seen: Int[Array, "n t"] | None = None,
    ) -> Terms:
        """All terms of a batch; arguments as of `Autoencoder`."""
        require_fit(self.prior, self.code)
        posterior = self.encode(tokens if seen is None else seen, padding)
        codes = posterior.sample(named(key, "codes"), samples)
        hidden = jax.random.bernoulli(
            named(key, "words"), self.word_dropout, tokens.shape
        )
        told = jnp.where(hidden, self.decoder.unknown, tokens)
        log_likelihood = self.log_likelihood(codes, tokens, padding, told=told)
        log_ratio = posterior.log_ratio(codes, self.log_prior(codes))
        rates = rates_of(posterior, self.prior, log_ratio)
        return Terms(posterior, codes, log_likelihood, log_ratio, rates)

    def encode(
        self, tokens: Int[Array, "n t"], padding: Bool[Array, "n t"] | None = None
    ) -> Any:
        """The posterior of each row."""
        context = Context(padding)
        return self.code(self.pool(self.encoder(tokens, context), context))

    def decode(
        self, codes: Float[Array, "*k n z"], told: Int[Array, "n t"]
    ) -> Float[Array, "*k n t v"]:
        """The outputs for codes of rows, each place of which is told those before it."""
        return decoded(self.decoder, codes, told)

    def log_likelihood(
        self,
        codes: Float[Array, "k n z"],
        tokens: Int[Array, "n t"],
        padding: Bool[Array, "n t"] | None = None,
        *,
        told: Int[Array, "n t"] | None = None,
    ) -> Float[Array, "k n"]:
        """``log p(x|z)``, nats of a whole row; all tokens are told unless others are."""
        padding = jnp.zeros(tokens.shape, bool) if padding is None else padding
        outputs = self.decode(codes, tokens if told is None else told)
        return self.likelihood.log_prob(outputs, tokens[None], padding[None])


def written(
    model: TextAutoencoder,
    params: PyTree,
    codes: Float[Array, "n z"],
    key: Key,
    length: int,
) -> Int[Array, "n {length}"]:
    """Texts for codes, drawn a token after another; each time all before are read again.

    Args:
      model: with a `TextDecoder`.
      params: the model's.
      codes: one for each text.
      key: of the draws.
      length: tokens of a text.
    """

    def step(place, tokens):
        outputs = model.apply({"params": params}, codes, tokens, method="decode")
        drawn = jax.random.categorical(
            jax.random.fold_in(key, place),
            outputs[:, place],  # type: ignore[index]
        )
        return tokens.at[:, place].set(drawn)

    return lax.fori_loop(0, length, step, jnp.zeros((len(codes), length), jnp.int32))
