"""What can be asked of digits learned in stages, checked as it is made."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from experiments.checks import (
    option,
    require_each_once,
    require_positive,
    require_replicates,
)
from experiments.digit_sources import DigitSource

FisherName = Literal["exact", "sampled", "empirical", "batched"]
FISHER_IMAGES = 128
"""Images of a group of the batched Fisher information."""

KeeperName = Literal["ewc", "separate_ewc", "si", "lwf", "joint"]


@dataclass(frozen=True)
class SplitDigits:
    """Pairs of digits learned one after the other, each with two logits of its own."""

    source: DigitSource = "digits8"
    """Digits of scikit-learn, or MNIST's from TFDS."""
    file: Path | None = None
    """An .npz file of such images, used instead of TFDS."""
    fishers: tuple[FisherName, ...] = FisherName.__args__
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
        require_training("split_digits", self)
        require_each_once("split_digits.fishers", self.fishers)
        if "batched" in self.fishers and self.fisher_examples < FISHER_IMAGES:
            raise ValueError(
                f"--split-digits.fisher-examples {self.fisher_examples}: expected "
                f"{FISHER_IMAGES} or more, a group of the batched kind"
            )


@dataclass(frozen=True)
class PermutedDigits:
    """All ten digits again and again, their pixels in an order of each stage's own."""

    source: DigitSource = "digits8"
    """Digits of scikit-learn, or MNIST's from TFDS."""
    file: Path | None = None
    """An .npz file of such images, used instead of TFDS."""
    strategies: tuple[KeeperName, ...] = KeeperName.__args__
    """Beside doing nothing; the claim is about the first and about si."""
    stages: int = 4
    """Orders of pixels, of which the first leaves them as they are."""
    seeds: int = 6
    """Replicates; each has orders of pixels of its own."""
    iterations: int = 160
    """Updates of each stage."""
    batch: int = 64
    """Images of an update."""
    width: int = 200
    """Of the two hidden layers."""
    rate: float = 1e-3
    """Of Adam."""
    fisher_examples: int = 128
    """Images of each stage that its Fisher information is a mean over."""

    def __post_init__(self):
        require_training("permuted_digits", self)
        require_each_once("permuted_digits.strategies", self.strategies)
        if not {"ewc", "si"} <= set(self.strategies):
            raise ValueError(
                "--permuted-digits.strategies: expected ewc and si, which the claim is "
                "about"
            )
        if self.stages < 2:
            raise ValueError(
                f"--permuted-digits.stages {self.stages}: expected 2 or more, so that one "
                "is learned after another"
            )


DigitTraining = SplitDigits | PermutedDigits
"""The source, the net and its updates are asked for alike."""


def require_training(part: str, settings: DigitTraining) -> None:
    """Raises:
    ValueError: numbers that are not positive, or too few seeds for an interval.
    """
    names = "iterations", "batch", "width", "rate", "fisher_examples"
    require_positive(part, settings, *names)
    require_replicates(f"{part}.seeds", settings.seeds)


def require_examples(part: str, asked: int, most: int) -> None:
    """Raises:
    ValueError: more images for the Fisher information than each stage has.
    """
    if asked > most:
        raise ValueError(
            f"{option(part)}.fisher-examples {asked}: expected {most} or fewer, as each "
            "stage has as many images"
        )
