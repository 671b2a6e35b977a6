"""The modified Bessel function, as von Mises-Fisher densities need it."""

import jax.numpy as jnp

from jaxgen.arrays import Array, Float

LARGE = 15
"""Order from which on an expansion in its inverse is exact to single precision."""


def log_bessel(
    order: float, x: Float[Array, "*n"]
) -> tuple[Float[Array, "*n"], Float[Array, "*n"]]:
    """``log(I_v(x) / x^v)``, and the ratio ``I_(v+1)(x) / I_v(x)``.

    Neither has a pole at zero, nor overflows. Computed by Debye's expansion at a large
    order, and from there down by ``I_(v-1) / I_v = 2 v / x + I_(v+1) / I_v``, which is
    stable.

    Args:
      order: v, zero or more.
      x: zero or more.

    References:
      Olver et al., 2010, *NIST handbook of mathematical functions*, 10.29.1, 10.41.3 and
      10.41.5.

    Example:
      >>> value, ratio = log_bessel(0.0, jnp.array(0.0))
      >>> abs(round(float(value), 5)), float(ratio)  # I_0(0) = 1
      (0.0, 0.0)
    """
    steps = max(LARGE - int(order), 0)
    value, ratio = expansion(order + steps, x)
    for step in range(steps):
        now = 2 * (order + steps - step) + x * ratio
        value, ratio = value + jnp.log(now), x / now
    return value, ratio


def expansion(
    order: float, x: Float[Array, "*n"]
) -> tuple[Float[Array, "*n"], Float[Array, "*n"]]:
    """``log(I_v(x) / x^v)`` and ``I_(v+1)(x) / I_v(x)`` for a large order.

    The ratio is that of derivative and function, less ``v / x``, which was divided out.
    """
    root = jnp.sqrt(order**2 + x**2)
    p = order / root
    terms = (
        (3 * p - 5 * p**3) / 24,
        (81 * p**2 - 462 * p**4 + 385 * p**6) / 1152,
        (30375 * p**3 - 369603 * p**5 + 765765 * p**7 - 425425 * p**9) / 414720,
    )
    apart = (
        p / 2,
        (216 * p**2 - 840 * p**4) / 1152,
        (72900 * p**3 - 748440 * p**5 + 900900 * p**7) / 414720,
    )
    series, less = (
        sum(term / order**power for power, term in enumerate(each, 1))
        for each in (terms, apart)
    )
    main = root - order * jnp.log(order + root)
    value = main - 0.5 * jnp.log(2 * jnp.pi * root) + jnp.log1p(series)
    return value, x * (1 / (root + order) - less / (root * (1 + series)))
