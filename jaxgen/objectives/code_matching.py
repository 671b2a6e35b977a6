"""Codes of a batch held against draws from the prior: all at once, not one by one."""

from jaxgen.densities.discrepancy import (
    Kernel,
    inverse_multiquadric_kernel,
    mmd_squared,
)
from jaxgen.keys import named
from jaxgen.objectives.regularizers import Penalty, penalized
from jaxgen.objectives.variational import Objective, Weight, over_batch, weighted_elbo

INVERSE_MULTIQUADRIC = inverse_multiquadric_kernel()


def discrepancy(kernel: Kernel = INVERSE_MULTIQUADRIC) -> Penalty:
    """Squared maximum mean discrepancy between codes and as many draws from the prior.

    It sees the first code of each image. Unbiased, so that single values may be negative.

    Args:
      kernel: of codes; see `jaxgen.densities.discrepancy`.
    """

    @over_batch
    def penalty(passed, key):
        codes = passed.terms.codes[0]
        drawn = passed.draw(named(key, "prior"), len(codes))
        return mmd_squared(codes, drawn, kernel)

    return penalty


def wasserstein(weight: Weight, kernel: Kernel = INVERSE_MULTIQUADRIC) -> Objective:
    """``mean distortion + weight MMD^2(codes, prior)``, for any code (WAE-MMD).

    Args:
      weight: nats for a discrepancy of one.
      kernel: of codes.

    References:
      Tolstikhin et al., 2018, *Wasserstein auto-encoders*, algorithm 2.
    """
    return penalized(weighted_elbo(0.0), discrepancy=(weight, discrepancy(kernel)))


def information_maximizing(
    information: Weight, scale: Weight, kernel: Kernel = INVERSE_MULTIQUADRIC
) -> Objective:
    """The ELBO, with more or less of the codes' information about images (InfoVAE).

    Computes ``mean(distortion + (1 - a) rate) + (a + l - 1) MMD^2(codes, prior)``.

    Args:
      information: a, what is given for a nat of mutual information; the ELBO gives none.
      scale: l, weight of codes being like the prior; the ELBO has one.
      kernel: of codes.

    References:
      Zhao et al., 2019, *InfoVAE: balancing learning and inference in variational
      autoencoders*, equation 6.
    """
    return penalized(
        weighted_elbo(1 - information),
        discrepancy=(information + scale - 1, discrepancy(kernel)),
    )
