"""What a scaling law advises: the best model and data that a budget trains."""

from typing import NamedTuple

import numpy as np

from jaxgen.stats.scaling_law import (
    FLOP_PER_PARAMETER_AND_TOKEN,
    ScalingLaw,
    predicted_losses,
)


class Allocation(NamedTuple):
    """What to train with a budget, and the loss that the law then expects."""

    parameters: float
    tokens: float
    tokens_per_parameter: float
    loss: float


def parameter_exponent(law: ScalingLaw) -> float:
    """The power of the budget that the best number of parameters grows with.

    As `compute_optimal` has it, N ∝ Cᵃ and D ∝ C¹⁻ᵃ with::

        a = β / (α + β)

    Args:
        law: with an exponent above 0.

    Returns:
        The exponent a, between 0 and 1; at 1/2 model and data grow alike.

    Raises:
        ValueError: if both exponents are 0.

    References:
        Hoffmann et al., "Training Compute-Optimal Large Language Models" (2022),
        equation 4.

    Example:
        >>> parameter_exponent(ScalingLaw(1.7, 400.0, 2000.0, alpha=0.3, beta=0.1))
        0.25
    """
    if law.alpha + law.beta == 0:
        raise ValueError(
            f"law = {law}; expected an exponent above 0: by this law no size matters"
        )
    return law.beta / (law.alpha + law.beta)


def compute_optimal(law: ScalingLaw, flop: float | int) -> Allocation:
    """The parameters and tokens of least loss among those that a budget trains.

    With C = 6 N D, and a = β / (α + β) of `parameter_exponent`::

        N = G (C / 6)ᵃ,   D = (C / 6)¹⁻ᵃ / G,   G = (α A / (β B))^(1 / (α + β))

    Where an exponent is 0 its size is worth nothing: the other is then infinite, and the
    tokens per parameter infinite or 0.

    Args:
        law: with positive scales and an exponent above 0. Round none of its numbers:
            with the exponents of Hoffmann et al. at two digits 59 tokens per parameter
            become 93 at 5.76e23 FLOP.
        flop: the budget C.

    Returns:
        The allocation; neither number is rounded.

    Raises:
        ValueError: if the budget is not positive and finite, a scale is not positive,
            an exponent is negative, or both are 0.

    References:
        Hoffmann et al., "Training Compute-Optimal Large Language Models" (2022),
        equation 4.

    Example:
        >>> law = ScalingLaw(1.8172, 477.83, 2143.4, 0.34731, 0.36717)
        >>> best = compute_optimal(law, 5.76e23)
        >>> f"{best.parameters / 1e9:.0f}B parameters, {best.tokens / 1e12:.1f}T tokens"
        '73B parameters, 1.3T tokens'
    """
    if not 0 < flop < np.inf:
        raise ValueError(f"flop = {flop}; expected a positive, finite budget of FLOP")
    if min(law.A, law.B) <= 0 or min(law.alpha, law.beta) < 0:
        raise ValueError(
            f"law = {law}; expected positive scales, and exponents of at least 0: fit "
            "it to more runs"
        )
    share = parameter_exponent(law)
    with np.errstate(divide="ignore", over="ignore"):  # one of them may be 0
        falls = np.log([law.alpha * law.A, law.beta * law.B])
        tilt = (falls[0] - falls[1]) / (law.alpha + law.beta)
        product = np.log(flop / FLOP_PER_PARAMETER_AND_TOKEN)
        model, data = tilt + share * product, (1 - share) * product - tilt
        best = np.exp([model, data, data - model])
        loss = predicted_losses(law, best[0:1], best[1:2])[0]
    return Allocation._make([*best.tolist(), float(loss)])
