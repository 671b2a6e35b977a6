"""The words of the claim's page."""

from experiments.latent_spaces.scores import SPACE
from experiments.report import Words

CLAIM = (
    "An autoencoder learns fixed points in latent space, a variational autoencoder "
    "learns distributions; only the latter is made to generate."
)
HOW = (
    "All models have one network, the same initial values, order of images and "
    "optimizer for the same seed; they differ in the code or in the objective alone. A "
    "seed is the unit of every interval (95 %, BCa bootstrap), and models are compared "
    "seed by seed. Images are in [0, 1]; the likelihood is Bernoulli, its nats summed "
    "over pixels. What generates is judged against held-out images in the space of the "
    f"{SPACE}, which was trained on real ones; text that is written, by counts of "
    "strings of bytes. Thresholds were fixed after pilots of another key."
)

WORDS = Words("Points and distributions", CLAIM, HOW)
