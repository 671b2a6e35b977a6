"""Patterns that are one band along the diagonal: the words that `jax.nn` has for them."""

from typing import TypedDict

from jaxgen.attention.patterns import Both, Distance, Everything, Pattern


class Band(TypedDict):
    """Arguments of `jax.nn.dot_product_attention` that say a pattern."""

    is_causal: bool
    local_window_size: tuple[int, int] | None


def band(pattern: Pattern) -> Band | None:
    """A pattern as cuDNN knows it: full, or causal with a window or without; else None.

    Example:
        >>> from jaxgen.attention.expressions import causal, window
        >>> band(causal() & window(8))
        {'is_causal': True, 'local_window_size': (8, 0)}
    """
    match ends(pattern):
        case (None, None):
            return Band(is_causal=False, local_window_size=None)
        case (0, None):
            return Band(is_causal=True, local_window_size=None)
        case (0, int(most)) if most >= 0:
            return Band(is_causal=True, local_window_size=(most, 0))
    return None


def ends(pattern: Pattern) -> tuple[int | None, int | None] | None:
    """Least and most of ``query - key``, where they are the whole of a pattern."""
    if isinstance(pattern, Everything):
        return None, None
    if isinstance(pattern, Distance) and pattern.step == 1:
        return pattern.least, pattern.most
    if not isinstance(pattern, Both):
        return None
    one, other = ends(pattern.one), ends(pattern.other)
    if one is None or other is None:
        return None
    pairs = zip(one, other, strict=True)
    least, most = ([x for x in pair if x is not None] for pair in pairs)
    return max(least, default=None), min(most, default=None)
