"""What can be asked of learning in stages, checked as it is made."""

from dataclasses import dataclass
from typing import Literal

from experiments.checks import require_each_once, require_positive

StrategyName = Literal[
    "naive",
    "joint",
    "replay",
    "a_gem",
    "dark_replay",
    "ewc",
    "ewc_batched",
    "separate_ewc",
    "si",
    "mas",
    "l2_sp",
    "lwf",
    "ema",
    "average",
    "lora_per_domain",
]
FISHER_BATCH = 8
"""Windows of a group of the batched Fisher information of texts."""


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
    rank: int = 4
    """Of the low-rank adapters of lora_per_domain, of which each domain has one."""
    fisher_windows: int = 32
    """Of each stage, that its importances of parameters are means over."""
    evaluations: int = 4
    """Of each stage, evenly."""
    tested: int = 12
    """Windows of each domain that a model is judged by at each evaluation, at most."""

    def __post_init__(self):
        require_each_once("continual.strategies", self.strategies)
        names = "updates", "replayed", "capacity", "fisher_windows", "evaluations"
        require_positive("continual", self, "seeds", *names, "tested", "rank")
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

    def require_rank(self, features: int) -> None:
        """Raises, given the features of a model.

        Raises:
          ValueError: adapters of a rank that none of its matrices has.
        """
        if "lora_per_domain" in self.strategies and self.rank > features:
            raise ValueError(
                f"--continual.rank {self.rank}: expected {features} or fewer, as "
                "matrices have a rank of --net.features at most"
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
