"""Where a token is, said in vectors: rotary and sinusoidal."""

import jax.numpy as jnp

from jaxgen.arrays import Array, Float


def rotary(
    vectors: Float[Array, "b t n h"],
    positions: Array,
    base: float = 10_000.0,
) -> Float[Array, "b t n h"]:
    """Queries or keys, turned by angles that grow with the position.

    Feature i and feature i + h/2 turn as one plane, by ``position base^(-2i / h)``, so
    that products of queries and keys depend on differences of positions alone.

    Args:
      vectors: h features each, an even number.
      positions: (b, t), or (1, t) for all.
      base: the slowest plane turns about this many times more slowly than the fastest.

    Raises:
      ValueError: an odd number of features.

    References:
      Su et al., 2021, *RoFormer*, equation 34; planes as in GPT-NeoX's code.

    Example:
        >>> x = jnp.ones((1, 3, 1, 2))
        >>> rotary(x, jnp.arange(3)[None])[0, 0, 0].tolist()
        [1.0, 1.0]
    """
    half, odd = divmod(vectors.shape[-1], 2)
    if odd:
        raise ValueError(f"{vectors.shape[-1]} features: planes need an even number")
    angles = positions[..., None] * base ** (-jnp.arange(half) / half)[None, None]
    cosine, sine = (f(angles)[:, :, None] for f in (jnp.cos, jnp.sin))
    one, other = vectors[..., :half], vectors[..., half:]
    turned = (one * cosine - other * sine, other * cosine + one * sine)
    return jnp.concatenate(turned, axis=-1).astype(vectors.dtype)


def sinusoidal(
    positions: Array, features: int, base: float = 10_000.0
) -> Float[Array, "b t d"]:
    """Sines, then cosines, of each position at wavelengths from 2π to ``2π base``.

    Args:
      positions: (b, t).
      features: d, an even number.
      base: ratio of the longest wavelength to the shortest.

    Raises:
      ValueError: an odd number of features.

    References:
      Vaswani et al., 2017, *Attention is all you need*, section 3.5; sines first, as in
      the authors' code.

    Example:
        >>> sinusoidal(jnp.zeros((1, 1)), 4)[0, 0].tolist()
        [0.0, 0.0, 1.0, 1.0]
    """
    half, odd = divmod(features, 2)
    if odd:
        raise ValueError(f"{features} features: waves need an even number")
    rates = base ** (-jnp.arange(half) / max(1, half - 1))
    angles = positions[..., None] * rates[None, None]
    return jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1)
