"""Mode collapse: its symptoms, what it costs, what causes it, what would tell of it.

    python -m experiments.mode_collapse             # laptop
    python -m experiments.mode_collapse tiny        # a minute
    python -m experiments.mode_collapse study       # every method, every part
    python -m experiments.mode_collapse paper       # PacGAN's table 1; accelerator
    python -m experiments.mode_collapse rates       # 200 seeds a method; accelerator

Its parts:

    mixtures   GANs on mixtures whose modes can be counted: symptoms through training,
               quality against diversity, published numbers and counting rules, and
               which label-free score would have raised the alarm
    causes     depth, width, learning rates, penalty, batch: one changed at a time
    digits     convolutional GANs on stacked digits, a thousand modes

Time: laptop about 5 minutes on two cores, study an hour and a half. Expected: the
non-saturating GAN keeps fewer than three quarters of the ring's eight modes while its
samples are nearly as good as a perfect sampler's; packing keeps more of the modes.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from experiments.checks import (
    require_dispatches,
    require_each_once,
    require_replicates,
)
from experiments.digit_sources import DigitSource
from experiments.launch import launch

Part = Literal["mixtures", "causes", "digits"]

ProtocolName = Literal[
    "small_ring",
    "small_grid",
    "pacgan2018_ring",
    "pacgan2018_grid",
    "veegan2017_ring",
    "veegan2017_grid",
    "unrolled2016_ring",
    "selfcond2020_ring",
    "selfcond2020_grid",
    "alphagan2023_ring",
    "alphagan2023_grid",
]
MethodName = Literal[
    "non_saturating",
    "minimax",
    "least_squares",
    "wasserstein",
    "wasserstein_gp",
    "hinge",
    "relativistic",
    "relativistic_average",
    "non_saturating_r1",
    "non_saturating_r1_r2",
    "relativistic_r1",
    "relativistic_r1_r2",
    "dragan",
    "consistency",
    "mode_seeking",
    "packed_2",
    "packed_2_wide",
    "packed_3_wide",
    "packed_4",
    "packed_4_wide",
    "minibatch_stddev",
    "minibatch_discrimination",
    "spectral_norm",
    "simultaneous",
    "two_rates",
    "averaged",
    "unrolled_5",
]
CauseName = Literal[
    "critic_depth",
    "generator_depth",
    "critic_width",
    "generator_width",
    "batch",
    "rate_ratio",
    "penalty",
]


@dataclass(frozen=True)
class Mixtures:
    """GANs on mixtures of Gaussians, whose modes can be counted."""

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
    steps: int = 8_000
    """Updates of each run."""
    dispatch: int = 200
    """Steps between two evaluations; divides steps."""
    penalty: float = 0.1
    """Weight of the penalty in the methods that have one."""

    def __post_init__(self):
        require_dispatches("mixtures", self.steps, self.dispatch)
        _require_weight("mixtures", self.penalty)
        for name in ("protocols", "methods"):
            require_each_once(f"mixtures.{name}", getattr(self, name))


@dataclass(frozen=True)
class Causes:
    """One thing changed at a time about the non-saturating GAN on the small ring."""

    changed: tuple[CauseName, ...] = CauseName.__args__
    """What is changed."""
    steps: int = 4_000
    """Updates of each run."""
    dispatch: int = 1_000
    """Steps between two evaluations; divides steps."""

    def __post_init__(self):
        require_dispatches("causes", self.steps, self.dispatch)
        require_each_once("causes.changed", self.changed)


@dataclass(frozen=True)
class Digits:
    """Convolutional GANs on three digits stacked as colours: a thousand modes."""

    source: DigitSource = "digits8"
    """8 x 8 digits of scikit-learn, or MNIST's (from --digits.file, or TFDS)."""
    file: Path | None = None
    """An .npz file of images (n, h, w) and labels (n,), used instead of TFDS."""
    methods: tuple[MethodName, ...] = (
        "non_saturating",
        "relativistic_r1_r2",
        "packed_2",
    )
    """Losses and their companions; the first is the baseline."""
    steps: int = 3_000
    """Updates of each run."""
    dispatch: int = 1_000
    """Steps between two evaluations; divides steps."""
    penalty: float = 1.0
    """Weight of R1 and R2."""
    samples: int = 10_000
    """Generated and counted at each evaluation, rounded up to a multiple of 500."""

    def __post_init__(self):
        require_dispatches("digits", self.steps, self.dispatch)
        require_each_once("digits.methods", self.methods)
        _require_weight("digits", self.penalty)
        if self.samples < 1:
            raise ValueError(f"--digits.samples {self.samples}: expected 1 or more")


@dataclass(frozen=True)
class ModeCollapse:
    """What to train, how often, and where to leave the report."""

    out: Path
    """Folder of the run; the same command in it continues what was cut short."""
    parts: tuple[Part, ...] = ("mixtures",)
    """Which parts of the claim to measure."""
    seeds: int = 10
    """Replicates of each run, the unit of every interval; 2 or more."""
    tensorboard: bool = False
    """Also write event files for TensorBoard."""
    mixtures: Mixtures = field(default_factory=Mixtures)
    causes: Causes = field(default_factory=Causes)
    digits: Digits = field(default_factory=Digits)

    def __post_init__(self):
        require_replicates("seeds", self.seeds)
        require_each_once("parts", self.parts)


def _require_weight(part: str, penalty: float) -> None:
    if not 0 <= penalty < float("inf"):
        raise ValueError(f"--{part}.penalty {penalty}: expected a weight of 0 or more")


RUNS = Path("runs/mode_collapse")
EVERYTHING: tuple[Part, ...] = ("mixtures", "causes", "digits")
UNFIT = ("averaged",)  # batch normalization keeps no average

PRESETS = {
    "tiny": ModeCollapse(
        RUNS / "tiny",
        parts=EVERYTHING,
        seeds=2,
        mixtures=Mixtures(
            methods=("non_saturating", "packed_2"), steps=40, dispatch=10
        ),
        causes=Causes(("critic_depth", "rate_ratio"), steps=4, dispatch=2),
        digits=Digits(
            methods=("non_saturating", "packed_2"), steps=4, dispatch=2, samples=500
        ),
    ),
    "laptop": ModeCollapse(RUNS / "laptop"),
    "study": ModeCollapse(
        RUNS / "study",
        parts=EVERYTHING,
        mixtures=Mixtures(
            protocols=("small_ring", "small_grid"), methods=MethodName.__args__
        ),
        digits=Digits(
            methods=tuple(m for m in MethodName.__args__ if m not in UNFIT),
            steps=1_000,
            dispatch=500,
        ),
    ),
    "paper": ModeCollapse(
        RUNS / "paper",
        mixtures=Mixtures(
            protocols=("pacgan2018_ring", "pacgan2018_grid"),
            methods=(
                "non_saturating",
                "packed_2_wide",
                "packed_3_wide",
                "packed_4_wide",
            ),
            steps=400_000,
            dispatch=4_000,
        ),
    ),
    "rates": ModeCollapse(
        RUNS / "rates",
        seeds=200,
        mixtures=Mixtures(
            protocols=("alphagan2023_ring",),
            methods=("non_saturating", "minimax", "least_squares"),
            steps=156_400,
            dispatch=3_910,
        ),
    ),
}


def run(experiment: ModeCollapse) -> str:
    """Trains what is missing and writes ``results.json`` and ``report.html``."""
    from experiments.devices import device_environment, set_where_absent, usable_cores

    set_where_absent(device_environment(experiment.seeds, usable_cores()))
    from experiments.mode_collapse.study import report

    return f"report: {report(experiment)}"


def main() -> int:
    """The command line."""
    return launch(PRESETS, run, __doc__ or "")
