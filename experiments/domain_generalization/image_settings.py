"""What can be asked of the parts about images, checked as it is made."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from experiments.checks import (
    require_each_once,
    require_positive,
    require_replicates,
)
from experiments.digit_sources import DigitSource
from experiments.domain_generalization.method_names import MethodName, SelectionName

PrintedSource = Literal["printed", "mnist"]
SetName = Literal["colored", "rotated"]


@dataclass(frozen=True)
class Looks:
    """Digits that are written, printed and of few pixels: one label set, three looks."""

    source: DigitSource = "digits8"
    """Of written digits: half of scikit-learn's, whose other half is of few pixels; or
    MNIST's (from a file, or TFDS), where all of scikit-learn's are of few pixels."""
    file: Path | None = None
    """An .npz file of images (n, h, w) and labels (n,), used instead of TFDS."""
    methods: tuple[MethodName, ...] = MethodName.__args__
    """The mean loss is what the others are compared with."""
    selection: SelectionName = "training_domains"
    """How each method's weight and rate are chosen. The verdict is by this rule."""
    rates: tuple[float, ...] = (2e-3, 8e-3)
    """Learning rates of Adam, among which a rule chooses."""
    seeds: int = 5
    """Replicates of each look left out: with three looks they are the unit of intervals."""
    images: int = 880
    """Of each look, at most; four fifths to learn from."""
    each: int = 16
    """Images of each look in an update, an even number: IRM's penalty has two halves."""
    steps: int = 300
    """Updates."""
    widths: tuple[int, ...] = (16, 32)
    """Channels of the layers, each of which halves the sides; multiples of four."""

    def __post_init__(self):
        names = "seeds", "images", "each", "steps"
        require_positive("looks", self, *names)
        require_replicates("looks.seeds", self.seeds)
        require_methods("looks", self.methods)
        require_halves("looks.each", self.each)
        if not self.rates or min(self.rates) <= 0:
            raise ValueError(f"--looks.rates {self.rates}: expected some, above 0")
        if not self.widths or any(width < 1 or width % 4 for width in self.widths):
            raise ValueError(f"--looks.widths {self.widths}: expected multiples of 4")
        if 4 * self.images // 5 < self.each:
            raise ValueError(
                f"--looks.images {self.images}: expected more, so that four fifths are "
                f"--looks.each {self.each} or more"
            )


@dataclass(frozen=True)
class DomainBed:
    """Colored and Rotated MNIST as DomainBed has them, at its default hyperparameters."""

    source: PrintedSource = "printed"
    """Printed digits that the package carries, a small form; or MNIST's (from a file, or
    TFDS)."""
    file: Path | None = None
    """An .npz file of images (n, h, w) and labels (n,), used instead of TFDS."""
    sets: tuple[SetName, ...] = SetName.__args__
    """Of environments: colours that agree with labels, or do not; angles."""
    methods: tuple[MethodName, ...] = MethodName.__args__
    """On colours; angles are learned by the mean loss alone."""
    seeds: int = 3
    """Replicates, each with environments of its own; 3 in print."""
    every: int = 2
    """Pixels a side to one that is kept; 1 in print."""
    width: int = 8
    """Channels of the first of four layers, of the others twice as many; 64 in print."""
    each: int = 8
    """Images of each environment in an update; 64 in print."""
    steps: int = 160
    """Updates; 5,001 in print."""
    anneal: int = 16
    """Updates before penalties of IRM and V-REx have their full weight; 500 in print."""
    rate: float = 1e-3
    """Of Adam."""
    evaluations: int = 4
    """Of a run, evenly, among which training domains choose the update; they divide the
    updates."""
    judged: int = 200
    """Images that are held out of an environment to judge a classifier by, at most; four
    times as many of the one left out."""

    def __post_init__(self):
        names = "seeds", "every", "each", "steps", "anneal", "rate", "judged"
        require_positive("domainbed", self, *names)
        require_replicates("domainbed.seeds", self.seeds)
        require_each_once("domainbed.sets", self.sets)
        require_methods("domainbed", self.methods)
        require_halves("domainbed.each", self.each)
        if self.width < 8 or self.width % 8:
            raise ValueError(
                f"--domainbed.width {self.width}: expected a multiple of 8, the groups "
                "that are normalized"
            )
        if self.evaluations < 1 or self.steps % self.evaluations:
            raise ValueError(
                f"--domainbed.evaluations {self.evaluations}: expected a divisor of "
                f"--domainbed.steps {self.steps}"
            )


def require_methods(part: str, methods: tuple[MethodName, ...]) -> None:
    """Raises:
    ValueError: the mean loss alone, or not among them.
    """
    require_each_once(f"{part}.methods", methods)
    if "erm" not in methods or len(methods) < 2:
        raise ValueError(
            f"--{part}.methods: expected erm, which the others are compared with, and one "
            "more"
        )


def require_halves(name: str, count: int) -> None:
    """Raises:
    ValueError: images that are not two halves of two or more.
    """
    if count < 4 or count % 2:
        raise ValueError(
            f"--{name} {count}: expected an even number, 4 or more: IRM's penalty has "
            "two halves of a batch"
        )
