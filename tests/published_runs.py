"""The published runs that scaling laws are tried on, or runs drawn from their law.

Looks for ../shared/data/chinchilla_extracted.csv, seen from the project's root; without
it, tests use runs drawn from the law that was found there, with a noise of 0.1 %.
"""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxgen.stats.scaling_law import ScalingLaw, predicted_losses

FILE = Path(__file__).parents[2] / "shared/data/chinchilla_extracted.csv"
REFIT = ScalingLaw(E=1.8172, A=477.84, B=2143.86, alpha=0.34731, beta=0.36718)


class Runs(NamedTuple):
    """Parameters, tokens and losses of runs."""

    parameters: np.ndarray
    tokens: np.ndarray
    losses: np.ndarray


def published_runs() -> tuple[Runs, bool]:
    """All 245 runs, and whether they were measured or drawn."""
    return (_measured(), True) if FILE.exists() else (_drawn(), False)


def without_the_worst(runs: Runs) -> Runs:
    """All but the five runs of highest loss, in their order."""
    kept = np.sort(np.argsort(runs.losses)[:-5])
    return Runs(*(each[kept] for each in runs))


def drawn_runs(law: ScalingLaw, count: int, noise: float, seed: int) -> Runs:
    """Runs of sizes between those published, off the law by a share of the loss."""
    rng = np.random.default_rng(seed)
    parameters = 10 ** rng.uniform(7.6, 10.2, count)
    tokens = parameters * 10 ** rng.uniform(0.0, 2.3, count)
    off = np.exp(noise * rng.normal(size=count))
    return Runs(parameters, tokens, predicted_losses(law, parameters, tokens) * off)


def _measured() -> Runs:
    with FILE.open() as file:
        rows = list(csv.DictReader(file))
    columns = ("Model Size", "Training FLOP", "loss")
    parameters, flop, losses = np.array(
        [[float(row[name]) for row in rows] for name in columns]
    )
    return Runs(parameters, flop / (6 * parameters), losses)


def _drawn() -> Runs:
    runs = drawn_runs(REFIT, 245, 1e-3, seed=0)
    worst = np.argsort(runs.losses)[-5:]
    runs.losses[worst] *= 1.2  # as those of the table lie above the law
    return runs
