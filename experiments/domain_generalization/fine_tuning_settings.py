"""What can be asked of fine-tuning, checked as it is made."""

from dataclasses import dataclass
from typing import Literal

from experiments.checks import require_each_once, require_positive, require_rising

TuningName = Literal["full", "lora", "dora", "norms", "head", "prefix", "ema"]


@dataclass(frozen=True)
class FineTuning:
    """Models that never saw a domain, tuned on a few windows of it."""

    methods: tuple[TuningName, ...] = ("full", "lora", "norms", "prefix")
    """Full tuning is what the others are compared with."""
    targets: int = 10
    """Domains that are held out and tuned on in turn, the first ones; at least 3."""
    shots: tuple[int, ...] = (9, 36, 144)
    """Windows of the target that are tuned on: as many as updates see, or fewer."""
    updates: int = 36
    """Of every tuning, however many windows there are."""
    batch: int = 4
    """Windows of an update."""
    points: int = 3
    """Where a tuning is judged: after so many equal parts of it; and as many shares of
    the way from the model to what full tuning made of it."""
    judged: int = 48
    """Windows of the target by which a gain is told, cut in halves."""
    others: int = 5
    """Windows of each other domain by which a loss is told, cut in halves."""
    rank: int = 4
    """Of low-rank adapters."""
    prefix: int = 8
    """Bytes before each window that a prefix stands for."""
    decay: float = 0.9
    """Of ema, the moving average of full tuning's parameters, at each update."""
    prompts: tuple[int, ...] = (8, 32)
    """Bytes of the target that are read before each window, where nothing is learned."""
    seeds: int = 1
    """Replicates of each model that is tuned."""

    def __post_init__(self):
        require_each_once("fine_tuning.methods", self.methods)
        require_rising("fine_tuning.shots", self.shots, least=2)
        require_rising("fine_tuning.prompts", self.prompts, least=1)
        counts = "updates", "batch", "points", "judged", "others"
        require_positive("fine_tuning", self, *counts, "rank", "prefix", "seeds")
        if not 0 < self.decay < 1:
            raise ValueError(
                f"--fine-tuning.decay {self.decay}: expected more than 0 and less than 1"
            )
        if self.updates % self.points:
            raise ValueError(
                f"--fine-tuning.updates {self.updates} --fine-tuning.points "
                f"{self.points}: expected the second to divide the first"
            )
        seen = self.updates * self.batch
        if self.shots[-1] > seen:
            raise ValueError(
                f"--fine-tuning.shots {self.shots[-1]}: more windows than the {seen} of "
                "--fine-tuning.updates times --fine-tuning.batch"
            )
        if "full" not in self.methods or len(self.methods) < 2:
            raise ValueError(
                "--fine-tuning.methods: expected full, which the others are compared "
                "with, and one more"
            )
        if self.targets < 3:
            raise ValueError(
                f"--fine-tuning.targets {self.targets}: expected 3 or more, as rates are "
                "chosen on the others"
            )
