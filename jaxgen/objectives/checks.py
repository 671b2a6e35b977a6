"""What objectives over domains refuse to be asked, each by its name."""

from typing import Any

import numpy as np
from jax.core import Tracer


def require_positive(what: str, value: Any) -> None:
    """Raises:
    ValueError: a number that is not above zero, or not finite; traced ones pass.
    """
    if isinstance(value, Tracer):
        return
    if not (np.isfinite(value) and value > 0):
        raise ValueError(f"{what}={value}: expected a finite number above 0")


def require_not_negative(what: str, value: Any) -> None:
    """Raises:
    ValueError: a number below zero, or not finite; traced ones pass.
    """
    if isinstance(value, Tracer):
        return
    if not (np.isfinite(value) and value >= 0):
        raise ValueError(f"{what}={value}: expected a finite number, 0 or more")


def require_share(what: str, value: Any) -> None:
    """Raises:
    ValueError: a number that is not in (0, 1]; traced ones pass.
    """
    if isinstance(value, Tracer):
        return
    if not 0 < value <= 1:
        raise ValueError(f"{what}={value}: expected a number above 0, at most 1")


def require_quantile(what: str, value: Any) -> None:
    """Raises:
    ValueError: a number that is not in (0, 1); traced ones pass.
    """
    if isinstance(value, Tracer):
        return
    if not 0 < value < 1:
        raise ValueError(f"{what}={value}: expected a number above 0 and below 1")


def require_distribution(what: str, weights: Any) -> None:
    """Raises:
    ValueError: weights that are not a vector, negative, or whose sum is not one;
      of traced ones the shape alone is known.
    """
    if np.ndim(weights) != 1:
        raise ValueError(f"{what} of shape {np.shape(weights)}: expected one a domain")
    if isinstance(weights, Tracer):
        return
    total = float(np.sum(np.asarray(weights, np.float64)))
    if np.min(weights) < 0 or not np.isclose(total, 1, atol=1e-4):
        raise ValueError(
            f"{what} whose sum is {total:.6g}, the least {np.min(weights):.6g}: expected "
            "0 or more each, and 1 together; divide them by their sum"
        )


def require_domains(what: str, domains: int, least: int = 2) -> None:
    """Raises:
    ValueError: fewer domains than a comparison of them needs.
    """
    if domains < least:
        raise ValueError(
            f"{what} of {domains} domain(s): expected {least} or more to compare; with "
            "one alone use its mean loss"
        )
