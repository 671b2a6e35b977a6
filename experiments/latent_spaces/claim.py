"""Points against distributions in latent space, and which of them generate.

    python -m experiments.latent_spaces             # laptop
    python -m experiments.latent_spaces tiny        # a minute
    python -m experiments.latent_spaces study       # more seeds, longer
    python -m experiments.latent_spaces gate        # a known VAE of MNIST, two minutes
    python -m experiments.latent_spaces short       # IWAE's table, stages 1 to 5
    python -m experiments.latent_spaces full        # IWAE's table whole; accelerator

Its parts:

    points_and_distributions   autoencoders and variational ones of the same network: what
                               their codes are, and what they know
    generation                 images from codes that are drawn from the prior, or from
                               densities that were fitted to the codes; and from priors of
                               other kinds of codes, with models of their own: layers of
                               codes, and a model that is told the class, among them
    likelihood                 log p(x) of all of them, by bounds and by annealing
    collapse                   where the posterior falls onto the prior
    text                       the same of windows of bytes: codes of points, and of
                               densities at several prices, and what each writes

Time: laptop about 10 minutes on two cores. Expected: the codes of an autoencoder are
points that the prior knows nothing of, and what is decoded from the prior is no digit;
a VAE's generates. Fit a density to an autoencoder's codes, and it generates as well.
"""

from pathlib import Path

from experiments.latent_spaces.settings import (
    Collapse,
    Generation,
    Images,
    LatentSpaces,
    Likelihood,
    Models,
    Part,
    Text,
    WiderName,
)
from experiments.launch import launch

RUNS = Path("runs/latent_spaces")
LIKELIHOOD: tuple[Part, ...] = ("likelihood",)
MNIST = Images("mnist")

PRESETS = {
    "tiny": LatentSpaces(
        RUNS / "tiny",
        seeds=2,
        models=Models(("autoencoder", "vae"), 3, 8, 1, steps=20, dispatch=10, batch=16),
        generation=Generation(
            samples=200,
            components=2,
            steps=4,
            wider=("vector_quantized", "conditional"),
        ),
        likelihood=Likelihood(images=4, codes=20, temperatures=4, chains=2),
        collapse=Collapse((0.5, 4.0), (0.3,), (0.0, 0.5), (1,), seeds=2, steps=4),
        text=Text(
            ("legal", "code"),
            length=8,
            code=2,
            features=8,
            seeds=2,
            steps=4,
            dispatch=2,
            batch=4,
            scored=16,
            texts=16,
            codes=4,
        ),
    ),
    "laptop": LatentSpaces(RUNS / "laptop"),
    "study": LatentSpaces(
        RUNS / "study",
        seeds=10,
        models=Models(steps=20_000, dispatch=4_000),
        generation=Generation(steps=5_000, wider=WiderName.__args__),
        likelihood=Likelihood(images=400, temperatures=1_000, chains=16),
        collapse=Collapse(seeds=5, steps=4_000),
        text=Text(length=32, code=16, features=64, seeds=10, steps=10_000),
    ),
    "gate": LatentSpaces(
        RUNS / "gate", LIKELIHOOD, 2, MNIST, likelihood=Likelihood("gate")
    ),
    "short": LatentSpaces(
        RUNS / "short", LIKELIHOOD, 2, MNIST, likelihood=Likelihood("iwae", 5, 1_000)
    ),
    "full": LatentSpaces(
        RUNS / "full", LIKELIHOOD, 2, MNIST, likelihood=Likelihood("iwae", 8, 10_000)
    ),
}


def run(experiment: LatentSpaces) -> str:
    """Trains what is missing and writes ``results.json`` and ``report.html``."""
    from experiments.devices import set_one_thread_on_each_core

    set_one_thread_on_each_core()
    from experiments.latent_spaces.study import report

    return f"report: {report(experiment)}"


def main() -> int:
    """The command line."""
    return launch(PRESETS, run, __doc__ or "")
