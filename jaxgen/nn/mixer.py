"""The slot of the house: what moves information from token to token.

A mixer is a Linen module ``(x, context) -> y`` of vectors (b, t, d). Attention is one;
so are Fourier transforms, convolutions and state spaces. What it must keep to:

- A token's output depends on no vector where ``context.padding`` is true, and on none
  of another segment. What it says at padding itself is free, and finite.
- It knows nothing of absolute positions but what the vectors and the context tell.
- It says whether it is ``causal`` and ``exact``, and what it costs.

One that cannot tell segments apart refuses them by its name.
"""

from typing import NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jaxgen.arrays import Array, Bool, Float, Int, PyTree
from jaxgen.attention.checks import require_kind
from jaxgen.attention.cost import Work
from jaxgen.attention.segments import runs


class Context(NamedTuple):
    """What belongs to a batch beside its vectors, or its tokens.

    Attributes:
      padding: (b, t), true where there is no token; None where there is one everywhere.
      segments: (b, t), numbers of the sequences that are packed in a row; None where
        each row is one sequence.
      positions: (b, t) or (1, t), of each token in its sequence; None for its index.
    """

    padding: Bool[Array, "b t"] | None = None
    segments: Int[Array, "b t"] | None = None
    positions: Int[Array, "_ t"] | None = None


PLAIN = Context()
"""Rows of one sequence each, without padding."""


@runtime_checkable
class Mixer(Protocol):
    """A way to mix tokens, for the slot of `jaxgen.nn.transformer_block`."""

    @property
    def causal(self) -> bool:
        """Whether no output depends on a later token."""
        ...

    @property
    def exact(self) -> bool:
        """Whether it is its own definition, not an estimate of another's."""
        ...

    def __call__(self, x: Array, context: Context) -> Array:
        """Vectors (b, t, d) to vectors (b, t, d)."""
        ...

    def cost(self, batch: int, length: int, features: int) -> Work:
        """Work of its products of matrices: forward, in float32, without segments."""
        ...


@runtime_checkable
class Remembering(Mixer, Protocol):
    """A causal mixer that need not read again what it has read.

    Rows are without padding and of one sequence; the context tells their positions.
    """

    def memory(
        self, batch: int, capacity: int, features: int, dtype: DTypeLike
    ) -> PyTree:
        """What it keeps of no token, with room for so many of this dtype."""
        ...

    def continued(
        self, x: Array, context: Context, memory: PyTree
    ) -> tuple[Array, PyTree]:
        """The last rows of a call with all tokens, and what it keeps of them all."""
        ...


def require_memory(mixer: Mixer) -> Remembering:
    """The mixer, which remembers.

    Raises:
      ValueError: it does not, or sees later tokens.
    """
    if not isinstance(mixer, Remembering) or not mixer.causal:
        raise ValueError(
            f"{type(mixer).__name__} cannot read on from what it remembers: it keeps "
            "nothing, or sees later tokens; sample by recomputing, or take another mixer"
        )
    return mixer


def positions_of(context: Context, length: int) -> Int[Array, "_ t"]:
    """The positions a context tells; else places in each segment, else indices."""
    if context.positions is not None:
        return context.positions
    if context.segments is not None:
        return places(context.segments)
    return jnp.arange(length)[None]


def places(segments: Int[Array, "b t"]) -> Int[Array, "b t"]:
    """The place of each token in its segment, a run of one number, from 0.

    Example:
      >>> places(jnp.array([[4, 4, 4, 7, 7]])).tolist()
      [[0, 1, 2, 0, 1]]
    """
    index = jnp.broadcast_to(jnp.arange(segments.shape[1])[None], segments.shape)
    before = jnp.roll(segments, 1, axis=1)
    starts = jnp.where(segments == before, 0, index)
    return index - jax.lax.cummax(starts, axis=1)


def led(context: Context, length: int) -> Context:
    """The context of a batch with one more token before each row, at position 0.

    Raises:
      ValueError: rows of several sequences, of which only one would have the token.
    """
    if context.segments is not None:
        raise ValueError(
            "segments, and a CLS token: only the first sequence of a row would have it; "
            "leave out cls and pool by mean, or leave out segments"
        )
    padding, positions = context.padding, positions_of(context, length)
    return Context(
        None if padding is None else jnp.pad(padding, ((0, 0), (1, 0))),
        None,
        jnp.pad(positions + 1, ((0, 0), (1, 0))),
    )


def require_fit(context: Context, batch: int, length: int) -> None:
    """Raises:
    ValueError: an array of the context is not of the batch's shape, or of other numbers.
    """
    for name, array in context._asdict().items():
        shapes = {(batch, length)} | ({(1, length)} if name == "positions" else set())
        if array is not None and array.shape not in shapes:
            raise ValueError(
                f"{name} of shape {array.shape}, and tokens of {(batch, length)}: "
                "expected the same"
            )
        if array is not None:
            require_kind(name, array, jnp.bool_ if name == "padding" else jnp.integer)


def require_one_sequence(mixer: str, context: Context) -> None:
    """Raises:
    ValueError: several sequences in a row, all of which the mixer would mix.
    """
    if context.segments is not None:
        raise ValueError(
            f"segments, and {mixer}: it mixes all tokens of a row; put one sequence in a "
            "row, or use SelfAttention, LinearAttention or GatedConvolution"
        )


def real(context: Context, batch: int, length: int) -> Float[Array, "b t"]:
    """One where there is a token, zero where there is none."""
    if context.padding is None:
        return jnp.ones((batch, length))
    return 1.0 - context.padding


def sequences(context: Context, batch: int, length: int) -> Array:
    """Which sequence of its row each token is of, from 1; zero at padding."""
    found = jnp.ones((batch, length), jnp.int32)
    if context.segments is not None:
        found = runs(context.segments).astype(found.dtype)
    return found if context.padding is None else jnp.where(context.padding, 0, found)
