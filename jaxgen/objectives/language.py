"""Language: how sure of each token, and tokens hidden to be guessed."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Bool, Float, Int, Key, Scalar
from jaxgen.keys import named
from jaxgen.nn.mixer import PLAIN, Context, sequences


def cross_entropy(
    logits: Float[Array, "*n v"], tokens: Int[Array, "*n"]
) -> Float[Array, "*n"]:
    """Nats to tell each token: ``log sum_v exp(l_v) - l_token``, in float32 at least.

    Example:
      >>> float(cross_entropy(jnp.zeros((1, 4)), jnp.array([2]))[0])  # log 4
      1.3862943649291992
    """
    logits = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))
    told = jnp.take_along_axis(logits, tokens[..., None], axis=-1)[..., 0]
    return jax.nn.logsumexp(logits, axis=-1) - told


def masked_cross_entropy(
    logits: Float[Array, "b t v"],
    tokens: Int[Array, "b t"],
    chosen: Bool[Array, "b t"],
) -> Scalar:
    """The mean cross-entropy of the tokens that were chosen; zero where none were.

    It is a mean over tokens, not over examples: its mean over parts of a batch is
    another number where one part has more of them.

    Args:
      logits: of each token of the vocabulary.
      tokens: what was there, before any was hidden.
      chosen: which count.

    References:
      Devlin et al., 2019, *BERT: pre-training of deep bidirectional transformers*,
      section 3.1.
    """
    losses = jnp.where(chosen, cross_entropy(logits, tokens), 0.0)
    return losses.sum() / jnp.maximum(chosen.sum(), 1)


class Following(NamedTuple):
    """What follows each token, and where something does.

    Attributes:
      tokens: the next one of the row.
      chosen: whether it is there, and of the same sequence.
    """

    tokens: Int[Array, "b t"]
    chosen: Bool[Array, "b t"]


def following(tokens: Int[Array, "b t"], context: Context = PLAIN) -> Following:
    """The token that a language model is to tell at each place.

    Nothing follows the last token of a row, of a sequence, or the last before padding;
    nor does anything follow padding.

    Example:
      >>> context = Context(segments=jnp.array([[1, 1, 2, 2]]))
      >>> tokens, chosen = following(jnp.array([[5, 6, 7, 8]]), context)
      >>> tokens.tolist(), chosen.tolist()
      ([[6, 7, 8, 5]], [[True, False, True, False]])
    """
    own = sequences(context, *tokens.shape)
    last = jnp.arange(tokens.shape[1]) == tokens.shape[1] - 1
    follows = (jnp.roll(own, -1, axis=1) == own) & (own > 0) & ~last[None]
    return Following(jnp.roll(tokens, -1, axis=1), follows)


class Masked(NamedTuple):
    """A batch to guess at.

    Attributes:
      tokens: what the model sees.
      chosen: which are to be guessed.
    """

    tokens: Int[Array, "b t"]
    chosen: Bool[Array, "b t"]


def masked(
    tokens: Int[Array, "b t"],
    key: Key,
    mask: int,
    ordinary: int,
    eligible: Bool[Array, "b t"] | None = None,
    rate: float = 0.15,
    hidden: float = 0.8,
    replaced: float = 0.1,
) -> Masked:
    """Some tokens chosen, of which most are hidden.

    Each eligible token is chosen at the rate. Of those chosen a share becomes the mask,
    a share becomes an ordinary token drawn at random, and the rest stay what they are.

    Args:
      tokens: a batch.
      key: of the draws.
      mask: the token that stands for a hidden one.
      ordinary: tokens below this one are drawn.
      eligible: which may be chosen, all unless told: not padding, nor special tokens.
      rate: share of the eligible that is chosen.
      hidden: share of the chosen that becomes the mask.
      replaced: share of the chosen that becomes another token.

    Raises:
      ValueError: shares that are none, or no ordinary token to draw.

    References:
      Devlin et al., 2019, *BERT: pre-training of deep bidirectional transformers*,
      section 3.1 and appendix A.1, whose 15 % of each sequence are 15 % on average
      here.

    Example:
      >>> seen, chosen = masked(jnp.zeros((1, 8), int), jax.random.key(0), 9, 9, rate=1.0)
      >>> bool(chosen.all())
      True
    """
    require_shares(rate, hidden, replaced)
    if ordinary < 1:
        raise ValueError(
            f"masked(ordinary={ordinary}): expected 1 token or more to draw"
        )
    chosen = jax.random.bernoulli(named(key, "chosen"), rate, tokens.shape)
    chosen = chosen if eligible is None else chosen & eligible
    kind = jax.random.uniform(named(key, "kind"), tokens.shape)
    drawn = jax.random.randint(named(key, "drawn"), tokens.shape, 0, ordinary)
    other = jnp.where(kind < hidden + replaced, drawn.astype(tokens.dtype), tokens)
    seen = jnp.where(kind < hidden, jnp.asarray(mask, tokens.dtype), other)
    return Masked(jnp.where(chosen, seen, tokens), chosen)


def require_shares(rate: float, hidden: float, replaced: float) -> None:
    """Raises:
    ValueError: a share is negative, or some together are more than one.
    """
    if not 0 < rate <= 1 or min(hidden, replaced) < 0 or hidden + replaced > 1:
        raise ValueError(
            f"masked(rate={rate}, hidden={hidden}, replaced={replaced}): expected "
            "0 < rate <= 1, and two shares of at most 1 together"
        )
