"""The words of the claim's page."""

from experiments.report import Words

CLAIM = (
    "Mode collapse is the failure of a GAN that repeats near-identical outputs and "
    "misses modes of its data. Single samples still look realistic; what is lost is "
    "diversity."
)
HOW = (
    "GANs are trained on data whose modes can be counted. A sample is of high quality if "
    "it lies near a mode, by the protocol's rule. Effective modes are K exp(-KL) for the "
    "histogram of high-quality samples over the K modes: all K when they are equally "
    "frequent, one when a single mode is left. Every dot and thin line is one seed, which "
    "is the unit of every interval (95 %, bootstrap); the same seed shares its initial "
    "draws across methods, so differences are paired. Penalties share one weight, which "
    "nobody tuned for each; DRAGAN's noise is the ring's standard deviation, that of "
    "consistency a tenth of it."
)

WORDS = Words("Mode collapse", CLAIM, HOW)
