"""Small language models of bytes, of equal size whatever mixes their tokens."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from experiments.domain_generalization.settings import ArmName, Net
from jaxgen.arrays import Array, Float, Int, Metrics, PyTree, Scalar
from jaxgen.attention.cost import Work, matrix_product
from jaxgen.attention.expressions import causal, window
from jaxgen.attention.positions import rotary
from jaxgen.metrics.calibration import Guess, calibration_of, guesses
from jaxgen.models.language_model import LanguageModel, parameter_count
from jaxgen.models.text_encoder import TextEncoder
from jaxgen.nn.attention import SelfAttention
from jaxgen.nn.diagonal_state_space import DiagonalStateSpace
from jaxgen.nn.gated_convolution import GatedConvolution
from jaxgen.nn.gated_delta import GatedDeltaRule
from jaxgen.nn.mixer import Context, Mixer
from jaxgen.nn.transformer_block import FeedForward, TransformerBlock
from jaxgen.objectives.language import cross_entropy

VOCABULARY = 256
"""Bytes."""
BINS = 15
"""Of calibration, or as many as there are bytes."""

Logits = Callable[[Int[Array, "b t"]], Float[Array, "b _told v"]]
"""``rows -> logits`` of each byte but the first."""


class NoMixing(nn.Module):
    """No token learns of any other: ``y = W x``, a model of pairs of bytes."""

    @property
    def causal(self) -> bool:
        """It sees one token."""
        return True

    @property
    def exact(self) -> bool:
        """It is its own definition."""
        return True

    @nn.compact
    def __call__(
        self, x: Float[Array, "b t d"], context: Context
    ) -> Float[Array, "b t d"]:
        del context
        return nn.Dense(x.shape[-1], use_bias=False)(x)

    def cost(self, batch: int, length: int, features: int) -> Work:
        """One product."""
        return matrix_product(batch * length, features, features)


def mixer_of(name: ArmName, net: Net, before: int) -> Mixer:
    """The causal mixer of a name.

    Example:
      >>> mixer_of("window", Net(), 8).causal
      True
    """
    near = causal() & window(before)
    return {
        "attention": lambda: SelfAttention(
            net.heads, pattern=causal(), rotation=rotary
        ),
        "window": lambda: SelfAttention(net.heads, pattern=near, rotation=rotary),
        "delta": lambda: GatedDeltaRule(net.heads, chunk=16),
        "state_space": DiagonalStateSpace,
        "convolution": lambda: GatedConvolution(4, causal=True),
        "none": NoMixing,
    }[name]()


def language_model(name: ArmName, net: Net, before: int = 8) -> LanguageModel:
    """A model around a mixer, with as many parameters as around attention.

    Perceptrons behind the mixer are as wide as leaves the parameters equal; those behind
    attention are four times the features.

    Raises:
      ValueError: a mixer that has more parameters than attention and its perceptron.

    Example:
      >>> models = [language_model(name, Net()) for name in ArmName.__args__]
      >>> sizes = [parameter_count(model) for model in models]
      >>> max(sizes) / min(sizes) < 1.01
      True
    """
    chosen = mixer_of(name, net, before)
    full = mixer_of("attention", net, before)
    target = parameter_count(with_width(full, net, 4 * net.features))
    least, next_one = (parameter_count(with_width(chosen, net, w)) for w in (1, 2))
    width = 1 + round((target - least) / (next_one - least))
    if width < 1:
        raise ValueError(
            f"--architecture.arms {name}: it has more parameters than attention and a "
            "perceptron together; widen --net.features"
        )
    return with_width(chosen, net, width)


def with_width(mixer: Mixer, net: Net, width: int) -> LanguageModel:
    """The model, the perceptrons behind its mixers of some width."""
    block = TransformerBlock(mixer, FeedForward(width), nn.RMSNorm)
    blocks = (block,) * net.layers
    return LanguageModel(
        TextEncoder(VOCABULARY, net.features, blocks, positions=None, norm=nn.RMSNorm)
    )


def nats_of(
    model: LanguageModel, params: PyTree, rows: Int[Array, "b t"], scale: Any = 1.0
) -> Float[Array, "b _told"]:
    """Nats to tell each byte of a row but the first from those before it.

    Args:
      model: of the bytes.
      params: of the model.
      rows: of text.
      scale: of the logits.
    """
    return cross_entropy(scale * logits_of(model, params, rows), rows[:, 1:])


def logits_of(
    model: LanguageModel, params: PyTree, rows: Int[Array, "b t"]
) -> Float[Array, "b _told v"]:
    """Logits of each byte of a row but the first, from those before it."""
    logits: Any = model.apply({"params": params}, rows[:, :-1])
    return logits


def mean_nats(
    model: LanguageModel, params: PyTree, rows: Int[Array, "b t"], scale: Any = 1.0
) -> tuple[Scalar, Metrics]:
    """The mean of `nats_of`, as a loss."""
    return nats_of(model, params, rows, scale).mean(), {}


def bits_of_domains(
    model: LanguageModel,
    params: PyTree,
    windows: Int[Array, "k m t"],
    context: int,
    at_once: int = 32,
) -> Float[Array, " k"]:
    """Bits per byte of each domain, each byte told from ``context`` others or more.

    Args:
      model: of the bytes.
      params: of the model.
      windows: of each domain, of which the first ``context`` bytes are not told.
      context: at least 1.
      at_once: windows at a time, so that memory stays small.
    """

    def nats(rows: Array) -> Array:
        return nats_of(model, params, rows)

    domains, count, length = windows.shape
    rows = windows.reshape(domains * count, length)
    return bits_of_rows(nats, rows, context, at_once).reshape(domains, count).mean(1)


def bits_of_rows(
    nats: Callable[[Array], Array],
    rows: Int[Array, "n t"],
    context: int,
    at_once: int = 32,
) -> Float[Array, " n"]:
    """Bits per byte of each row, by whatever tells nats of all its bytes but the first.

    Args:
      nats: ``rows (b, t) -> (b, t - 1)``.
      rows: of which the first ``context`` bytes are not told.
      context: at least 1.
      at_once: rows at a time.
    """

    def of_row(row: Array) -> Array:
        return nats(row[None].astype(jnp.int32))[0, context - 1 :].mean()

    return jax.lax.map(of_row, rows, batch_size=at_once) / jnp.log(2)


def guesses_of_rows(
    logits: Logits, rows: Int[Array, "n t"], context: int, at_once: int = 32
) -> Guess:
    """What is held likeliest of each byte of rows, but of their first ``context``.

    Args:
      logits: of all bytes but the first.
      rows: of text.
      context: at least 1.
      at_once: rows at a time.
    """

    def of_row(row: Array) -> Guess:
        told = logits(row[None].astype(jnp.int32))[0, context - 1 :]
        return guesses(told, row[context:].astype(jnp.int32))

    return jax.lax.map(of_row, rows, batch_size=at_once)


def calibration_error(found: Guess) -> Scalar:
    """The expected calibration error of bytes."""
    return calibration_of(found, min(BINS, found.nats.size)).error
