"""Mode collapse through training: what is lost, what is kept, and in how many runs.

GANs are trained on mixtures whose modes can be counted, ten or more seeds a method, and
scored all the way: modes covered, effective modes, share of high-quality samples,
near-duplicates, precision, recall, density, coverage, and how modes come and go.

    python -m experiments.mode_collapse.symptoms             # laptop
    python -m experiments.mode_collapse.symptoms tiny        # seconds
    python -m experiments.mode_collapse.symptoms study       # more methods, more data
    python -m experiments.mode_collapse.symptoms paper       # PacGAN's own; accelerator

Time: laptop about 4 minutes on two cores, study half an hour. Expected: the non-saturating
GAN keeps fewer than half of the ring's eight modes while more than half of its samples
are still of high quality; packing two samples keeps more of the modes.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from experiments.launch import launch

ProtocolName = Literal[
    "small_ring",
    "small_grid",
    "pacgan2018_ring",
    "pacgan2018_grid",
    "alphagan2023_ring",
    "alphagan2023_grid",
]
MethodName = Literal[
    "non_saturating",
    "minimax",
    "wasserstein",
    "hinge",
    "relativistic",
    "non_saturating_r1",
    "relativistic_r1_r2",
    "packed_2",
    "packed_3",
    "packed_4",
]


@dataclass(frozen=True)
class Symptoms:
    """What to train, how often, and where to leave the report."""

    out: Path
    """Folder of the run; the same command in it continues what was cut short."""
    protocols: tuple[ProtocolName, ...] = ("small_ring",)
    """Data, nets, optimizer and counting rule, each set a published or a small one."""
    methods: tuple[MethodName, ...] = (
        "non_saturating",
        "minimax",
        "hinge",
        "relativistic_r1_r2",
        "packed_2",
    )
    """Losses and their companions; the first is the baseline of the verdict."""
    seeds: int = 10
    """Replicates of each method, the unit of every interval; 2 or more."""
    steps: int = 8_000
    """Updates of each player."""
    dispatch: int = 200
    """Steps between two evaluations; divides steps."""
    penalty: float = 0.1
    """Weight of R1 and R2 in the methods that have them."""
    tensorboard: bool = False
    """Also write event files for TensorBoard."""

    def __post_init__(self):
        if self.seeds < 2:
            raise ValueError(f"--seeds {self.seeds}: an interval needs 2 or more")
        if self.dispatch < 1 or self.steps < 1 or self.steps % self.dispatch:
            raise ValueError(
                f"--steps {self.steps} --dispatch {self.dispatch}: expected positive "
                "numbers, the second dividing the first"
            )
        if not 0 <= self.penalty < float("inf"):
            raise ValueError(
                f"--penalty {self.penalty}: expected a weight of 0 or more"
            )
        for name in ("protocols", "methods"):
            values = getattr(self, name)
            if not values or len(set(values)) < len(values):
                raise ValueError(f"--{name}: expected one or more, each once")


RUNS = Path("runs/mode_collapse")

PRESETS = {
    "tiny": Symptoms(
        RUNS / "symptoms-tiny",
        methods=("non_saturating", "packed_2"),
        seeds=2,
        steps=40,
        dispatch=10,
    ),
    "laptop": Symptoms(RUNS / "symptoms-laptop"),
    "study": Symptoms(
        RUNS / "symptoms-study",
        protocols=("small_ring", "small_grid"),
        methods=(
            "non_saturating",
            "minimax",
            "wasserstein",
            "hinge",
            "relativistic",
            "non_saturating_r1",
            "relativistic_r1_r2",
            "packed_2",
            "packed_4",
        ),
        seeds=20,
    ),
    "paper": Symptoms(
        RUNS / "symptoms-paper",
        protocols=("pacgan2018_ring", "pacgan2018_grid"),
        methods=("non_saturating", "packed_2", "packed_3", "packed_4"),
        steps=400_000,
        dispatch=4_000,
    ),
}


def run(experiment: Symptoms) -> str:
    """Trains what is missing and writes ``results.json`` and ``report.html``."""
    from experiments.devices import device_environment, set_where_absent, usable_cores

    set_where_absent(device_environment(experiment.seeds, usable_cores()))
    from experiments.mode_collapse.study import report

    return f"report: {report(experiment)}"


def main() -> int:
    """The command line."""
    return launch(PRESETS, run, __doc__ or "")


if __name__ == "__main__":
    sys.exit(main())
