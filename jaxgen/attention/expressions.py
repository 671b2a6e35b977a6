"""Patterns by the names that papers give them, each an expression in `Pattern`."""

from collections.abc import Sequence

from jaxgen.attention.patterns import (
    Chunks,
    Columns,
    Distance,
    Everything,
    Pattern,
    Prefix,
    Tokens,
)
from jaxgen.attention.random_blocks import RandomBlocks

FULL = Everything()


def causal() -> Pattern:
    """No later key: ``k <= q``.

    Example:
        >>> from jaxgen.attention.live import drawing
        >>> print(drawing(causal(), 3))
        x . .
        x x .
        x x x
    """
    return Distance(least=0)


def window(before: int, after: int | None = None, dilation: int = 1) -> Pattern:
    """A sliding window: ``before`` keys behind each query, itself, ``after`` ahead.

    A window past the ends of the sequence is cut there, so a window longer than the
    sequence is full attention.

    Args:
      before: keys behind.
      after: keys ahead; as many as behind unless told. With 0 it is causal.
      dilation: distance between two keys of the window.

    Raises:
      ValueError: a negative number, or a dilation of zero.

    References:
      Beltagy et al., 2020, *Longformer: the long-document transformer*, section 3.1,
      whose window of w has w / 2 on each side.

    Example:
        >>> from jaxgen.attention.live import drawing
        >>> print(drawing(window(1), 4))
        x x . .
        x x x .
        . x x x
        . . x x
    """
    after = before if after is None else after
    if before < 0 or after < 0:
        raise ValueError(f"a window of {before} before and {after} after: negative")
    return Distance(-after * dilation, before * dilation, dilation)


def first_tokens(count: int) -> Pattern:
    """The first tokens are global: they see all, and all see them."""
    return Tokens(tuple(range(count)))


def tokens(indices: Sequence[int]) -> Pattern:
    """The tokens at these indices are global: they see all, and all see them."""
    return Tokens(tuple(indices))


def prefix(length: int) -> Pattern:
    """Causal, save that the first ``length`` tokens see one another.

    References:
      Raffel et al., 2020, *Exploring the limits of transfer learning with T5*,
      section 3.2.1.

    Example:
        >>> from jaxgen.attention.live import drawing
        >>> print(drawing(prefix(2), 4))
        x x . .
        x x . .
        x x x .
        x x x x
    """
    return causal() | Prefix(length)


def strided(stride: int) -> Pattern:
    """Causal: the last ``stride`` keys, and every ``stride``-th before.

    References:
      Child et al., 2019, *Generating long sequences with sparse transformers*,
      section 4.3; both of its heads in one.
    """
    return Distance(0, stride - 1) | Distance(0, step=stride)


def fixed(stride: int, summary: int = 1) -> Pattern:
    """Causal: the query's own chunk, and the last ``summary`` keys of each before.

    References:
      Child et al., 2019, *Generating long sequences with sparse transformers*,
      section 4.3; both of its heads in one.

    Example:
        >>> from jaxgen.attention.live import drawing
        >>> print(drawing(fixed(2), 5))
        x . . . .
        x x . . .
        . x x . .
        . x x x .
        . x . x x
    """
    return causal() & (Chunks(stride) | Columns(stride, summary))


def longformer(before: int, count: int = 1, dilation: int = 1) -> Pattern:
    """A window and global first tokens.

    References:
      Beltagy et al., 2020, *Longformer: the long-document transformer*, figure 2d.
    """
    return window(before, dilation=dilation) | first_tokens(count)


def bigbird(
    size: int = 64, window_blocks: int = 3, drawn: int = 3, ends: int = 1, seed: int = 0
) -> Pattern:
    """A window of blocks, random blocks, and global first blocks.

    Its internal transformer construction ("ITC"). The window is of keys, half of
    ``window_blocks`` blocks on each side, where the paper's moves block by block.

    References:
      Zaheer et al., 2020, *Big Bird: transformers for longer sequences*, section 2.
    """
    return (
        window(size * (window_blocks // 2))
        | RandomBlocks(drawn, size, seed)
        | first_tokens(size * ends)
    )
