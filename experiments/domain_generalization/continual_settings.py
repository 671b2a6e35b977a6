"""What can be asked of learning in stages, checked as it is made."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from experiments.checks import require_each_once, require_positive, require_replicates
from experiments.digit_sources import DigitSource

StrategyName = Literal[
    "naive",
    "joint",
    "replay",
    "a_gem",
    "dark_replay",
    "ewc",
    "ewc_batched",
    "si",
    "mas",
    "l2_sp",
    "lwf",
    "ema",
    "average",
]
FISHER_BATCH = 8
"""Windows of a group of the batched Fisher information of texts."""
FISHER_IMAGES = 128
"""Images of one, of digits."""

FisherName = Literal["exact", "sampled", "empirical", "batched"]


@dataclass(frozen=True)
class Continual:
    """Domains of text learned one after the other, by several strategies."""

    strategies: tuple[StrategyName, ...] = ("naive", "joint", "replay", "ewc", "l2_sp")
    """Doing nothing is what the others are compared with; the claim is about replay."""
    domains: int = 5
    """Of those to train on, the first ones; there are as many orders of them."""
    seeds: int = 1
    """Replicates of each order and each weight."""
    updates: int = 60
    """Of each stage."""
    replayed: int = 2
    """Windows of --corpus.batch that are of earlier stages."""
    capacity: int = 64
    """Windows that are kept to be replayed, fewer than a stage has."""
    fisher_windows: int = 32
    """Of each stage, that its importances of parameters are means over."""
    evaluations: int = 4
    """Of each stage, evenly."""
    tested: int = 12
    """Windows of each domain that a model is judged by at each evaluation, at most."""

    def __post_init__(self):
        require_each_once("continual.strategies", self.strategies)
        names = "updates", "replayed", "capacity", "fisher_windows", "evaluations"
        require_positive("continual", self, "seeds", *names, "tested")
        if not {"naive", "replay"} <= set(self.strategies):
            raise ValueError(
                "--continual.strategies: expected naive, which the others are compared "
                "with, and replay, which the claim is about"
            )
        if self.domains < 3:
            raise ValueError(
                f"--continual.domains {self.domains}: expected 3 or more, each of which "
                "is a stage"
            )
        if "ewc_batched" in self.strategies and self.fisher_windows < FISHER_BATCH:
            raise ValueError(
                f"--continual.fisher-windows {self.fisher_windows}: expected "
                f"{FISHER_BATCH} or more, a group of ewc_batched"
            )
        if self.updates % self.evaluations:
            raise ValueError(
                f"--continual.evaluations {self.evaluations}: expected to divide "
                f"--continual.updates {self.updates}"
            )

    def require_stages(self, batch: int, budget: int) -> None:
        """Raises, given the windows of a batch and of a domain.

        Raises:
          ValueError: stages of more windows than there are, or that replay, keep or look
            at more than a stage has.
        """
        stage = self.updates * batch
        for name, value, most in (
            ("updates", self.updates, budget // batch),
            ("replayed", self.replayed, batch - 1),
            ("capacity", self.capacity, stage),
            ("fisher-windows", self.fisher_windows, stage),
        ):
            if value > most:
                raise ValueError(
                    f"--continual.{name} {value}: expected {most} or fewer, as a stage has "
                    f"{self.updates} batches of {batch} windows, of the {budget} of a "
                    "domain"
                )


@dataclass(frozen=True)
class SplitDigits:
    """Pairs of digits learned one after the other, each with two logits of its own."""

    source: DigitSource = "digits8"
    """Digits of scikit-learn, or MNIST's from TFDS."""
    file: Path | None = None
    """An .npz file of such images, used instead of TFDS."""
    fishers: tuple[FisherName, ...] = ("exact", "batched")
    """Kinds of Fisher information; each has weights of its own."""
    seeds: int = 6
    """Replicates; each has an order of digits of its own."""
    iterations: int = 200
    """Updates of each pair."""
    batch: int = 64
    """Images of an update."""
    width: int = 100
    """Of the two hidden layers."""
    rate: float = 1e-3
    """Of Adam."""
    fisher_examples: int = 128
    """Images of each pair that its Fisher information is a mean over."""

    def __post_init__(self):
        names = "iterations", "batch", "width", "rate", "fisher_examples"
        require_positive("split_digits", self, *names)
        require_each_once("split_digits.fishers", self.fishers)
        require_replicates("split_digits.seeds", self.seeds)
        if "batched" in self.fishers and self.fisher_examples < FISHER_IMAGES:
            raise ValueError(
                f"--split-digits.fisher-examples {self.fisher_examples}: expected "
                f"{FISHER_IMAGES} or more, a group of the batched kind"
            )
