"""Language models: what may follow each token, told by those before it."""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.nn.initializers import Initializer, lecun_normal

from jaxgen.arrays import Array, Float, Int, PyTree
from jaxgen.attention.cost import Work, matrix_product
from jaxgen.attention.tiles import accumulator
from jaxgen.models.text_encoder import TextEncoder
from jaxgen.nn.mixer import PLAIN, Context
from jaxgen.nn.transformer_block import require_causal


class Factors(NamedTuple):
    """What logits are products of: ``l_v = matrix_v . vector``.

    Attributes:
      vectors: one for each token of the text.
      matrix: a row for each token of the vocabulary.
    """

    vectors: Float[Array, "b t d"]
    matrix: Float[Array, "v d"]


class LanguageModel(nn.Module):
    """A logit for each token of the vocabulary, to be the next one at each place.

    Computes ``l = W encoder(tokens)`` of mixers that see no later token, where W is
    ``E / sqrt(d)`` of the embeddings, or a matrix of its own. Documents packed in a row
    are as if alone where the context tells its segments. The dtype of the parameters is
    that of all vectors; logits, as sums, are float32 at least.

    Attributes:
      encoder: of the text, by causal mixers.
      tied: whether W is made of the embeddings.
      output_init: how a W of its own starts, (v, d).

    Raises:
      ValueError: a mixer that is not causal, a CLS token; and as the encoder.

    References:
      Radford et al., 2019, *Language models are unsupervised multitask learners*; tied
      as in T5.

    Example:
      >>> from jaxgen.attention.expressions import causal
      >>> from jaxgen.attention.positions import rotary
      >>> from jaxgen.nn.attention import SelfAttention
      >>> from jaxgen.nn.gated_feed_forward import GatedFeedForward
      >>> from jaxgen.nn.transformer_block import TransformerBlock
      >>> mixer = SelfAttention(4, key_heads=2, pattern=causal(), rotation=rotary)
      >>> block = TransformerBlock(mixer, GatedFeedForward(), nn.RMSNorm)
      >>> encoder = TextEncoder(256, 32, (block,) * 2, positions=None, norm=nn.RMSNorm)
      >>> model, inputs = LanguageModel(encoder), jnp.zeros((2, 16), int)
      >>> jax.eval_shape(model.init_with_output, jax.random.key(0), inputs)[0].shape
      (2, 16, 256)
    """

    encoder: TextEncoder
    tied: bool = True
    output_init: Initializer = lecun_normal(in_axis=-1, out_axis=-2)

    def setup(self):
        require_causal("LanguageModel", self.encoder.blocks)
        if self.encoder.cls:
            raise ValueError(
                "LanguageModel of TextEncoder(cls=True): leave out cls; a token of the "
                "vocabulary can lead each row"
            )
        if not self.tied:
            size = self.encoder.vocabulary, self.encoder.features
            self.output = self.param("output", self.output_init, size)

    def __call__(
        self, tokens: Int[Array, "b t"], context: Context = PLAIN
    ) -> Float[Array, "b t v"]:
        """Logits; a key for ``"dropout"`` turns dropout on."""
        return products(self.factors(tokens, context))

    def factors(self, tokens: Int[Array, "b t"], context: Context = PLAIN) -> Factors:
        """What the logits are products of, for a loss that never holds them all."""
        return self._factors(self.encoder(tokens, context).tokens)

    def memory(self, batch: int, capacity: int) -> PyTree:
        """What is remembered of no token; see `TextEncoder.memory`."""
        return self.encoder.memory(batch, capacity)

    def continued(
        self, tokens: Int[Array, "b t"], read: int | Int[Array, ""], memory: PyTree
    ) -> tuple[Float[Array, "b t v"], PyTree]:
        """Logits of tokens behind those remembered; see `TextEncoder.continued`."""
        vectors, memory = self.encoder.continued(tokens, read, memory)
        return products(self._factors(vectors)), memory

    def cost(self, batch: int, length: int) -> Work:
        """Work of all products of matrices, forward, in float32: exact.

        A step of training has three times its operations: each product has two in the
        gradient. What attention, `Stack` and a loss by chunks make again to save memory
        is not counted, as it is no work of the model.
        """
        size = self.encoder.features, self.encoder.vocabulary
        return self.encoder.cost(batch, length) + matrix_product(batch * length, *size)

    def _factors(self, vectors: Array) -> Factors:
        if not self.tied:
            return Factors(vectors, self.output)
        scale = self.encoder.features**-0.5
        return Factors(vectors * scale, self.encoder.embedding.embedding)


def products(factors: Factors) -> Float[Array, "b t v"]:
    """Logits, in float32 at least."""
    return jnp.einsum(
        "btd,vd->btv", *factors, preferred_element_type=accumulator(factors.vectors)
    )


def untied(model: LanguageModel, params: PyTree) -> tuple[LanguageModel, PyTree]:
    """The same model, whose last matrix is its own: ``W = E / sqrt(d)`` to start from.

    So the last matrix can be learned alone, and what is read stays as it is.

    Raises:
      ValueError: it is its own already.

    Example:
      >>> from jaxgen.nn.gated_convolution import GatedConvolution
      >>> from jaxgen.nn.transformer_block import TransformerBlock
      >>> block = TransformerBlock(GatedConvolution(4, causal=True))
      >>> model = LanguageModel(TextEncoder(256, 4, (block,)))
      >>> tokens = jnp.zeros((1, 3), int)
      >>> params = model.init(jax.random.key(0), tokens)["params"]
      >>> own, its = untied(model, params)
      >>> before = model.apply({"params": params}, tokens)
      >>> bool(jnp.allclose(before, own.apply({"params": its}, tokens), atol=1e-6))
      True
    """
    if not model.tied:
        raise ValueError("untied of LanguageModel(tied=False): it is untied already")
    embedding = params["encoder"]["embedding"]["embedding"]
    output = embedding * model.encoder.features**-0.5
    return model.clone(tied=False), {**params, "output": output}


def parameter_count(model: nn.Module) -> int:
    """Numbers that a model of tokens learns, embeddings among them.

    Example:
      >>> from jaxgen.nn.gated_convolution import GatedConvolution
      >>> from jaxgen.nn.transformer_block import TransformerBlock
      >>> block = TransformerBlock(GatedConvolution(4, causal=True))
      >>> parameter_count(LanguageModel(TextEncoder(256, 32, (block,))))
      19936
    """
    tokens = jax.ShapeDtypeStruct((1, 1), jnp.int32)
    shapes = jax.eval_shape(model.init, jax.random.key(0), tokens)["params"]
    return sum(leaf.size for leaf in jax.tree.leaves(shapes))
