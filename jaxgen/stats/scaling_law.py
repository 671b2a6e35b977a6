"""Laws of the loss over the size of a model and of its data."""

from typing import NamedTuple

import numpy as np

from jaxgen.arrays import Array, Shaped

FLOP_PER_PARAMETER_AND_TOKEN = 6
"""Of training, C = 6 N D: 2 of the forward pass and 4 of the backward pass."""


class ScalingLaw(NamedTuple):
    """The loss ``E + A / N ** alpha + B / D ** beta`` of N parameters and D tokens.

    Attributes:
        E: what no size removes, in the unit of the loss.
        A: scale of what a finite model adds.
        B: scale of what finite data add.
        alpha: how fast more parameters remove it.
        beta: how fast more tokens remove it.
    """

    E: float
    A: float
    B: float
    alpha: float
    beta: float


class SaturatingLaw(NamedTuple):
    """The loss ``E + A / N ** alpha`` of one size N: parameters, tokens, FLOP, steps.

    Attributes:
        E: what no size removes, in the unit of the loss.
        A: scale of what a finite size adds.
        alpha: how fast more of it removes that.
    """

    E: float
    A: float
    alpha: float


def predicted_losses(
    law: ScalingLaw | SaturatingLaw, *sizes: Shaped[Array | np.ndarray, "*shape"]
) -> Shaped[np.ndarray, "*shape"]:
    """The loss at each size by a law.

    Args:
        law: of one size or of two.
        *sizes: positive, one array for each size of the law: parameters and tokens, or
            the one that it saturates in.

    Returns:
        The losses, float64, in the unit of the law.

    Raises:
        ValueError: if there are more or fewer sizes than the law has.

    Example:
        >>> law = ScalingLaw(E=1.5, A=8.0, B=27.0, alpha=0.5, beta=1.0)
        >>> predicted_losses(law, np.array([4.0, 16.0]), np.array([9.0, 27.0]))
        array([8.5, 4.5])
        >>> predicted_losses(SaturatingLaw(1.0, 8.0, 0.5), np.array([4.0, 64.0]))
        array([5., 2.])
    """
    count = len(law) // 2
    if len(sizes) != count:
        raise ValueError(
            f"sizes holds {len(sizes)} array(s); expected {count} for a "
            f"{type(law).__name__}"
        )
    added = [
        scale * np.asarray(size, np.float64) ** -exponent
        for size, scale, exponent in zip(
            sizes, law[1 : count + 1], law[count + 1 :], strict=True
        )
    ]
    return np.asarray(law.E + sum(added))


def training_flop(
    parameters: Shaped[Array | np.ndarray, "*shape"],
    tokens: Shaped[Array | np.ndarray, "*shape"],
) -> Shaped[np.ndarray, "*shape"]:
    """Operations of a training run, ``6 N D``: multiplications and additions.

    Attention itself is not in it, nor what is computed again in the backward pass.

    Args:
        parameters: of the model, N.
        tokens: that it is trained on, D.

    Returns:
        The FLOP of each run, float64.

    References:
        Kaplan et al., "Scaling Laws for Neural Language Models" (2020), section 2.1.

    Example:
        >>> training_flop(np.array([70e9]), np.array([1.4e12]))
        array([5.88e+23])
    """
    many = np.asarray(parameters, np.float64) * np.asarray(tokens, np.float64)
    return np.asarray(FLOP_PER_PARAMETER_AND_TOKEN * many)
