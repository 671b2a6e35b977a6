"""What can be asked of the experiment, part by part."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from experiments.checks import (
    option,
    require_dispatches,
    require_each_once,
    require_positive,
    require_replicates,
    require_rising,
)

Part = Literal["cost_of_length", "quality_of_length", "scaling_laws", "memory_on_tpu"]
MechanismName = Literal["dense", "full", "window", "longformer", "bigbird"]
ScopeName = Literal["operator", "layer", "model"]
MixerName = Literal[
    "full",
    "window",
    "strided",
    "longformer",
    "bigbird",
    "linear",
    "performer",
    "cosformer",
    "delta",
    "linformer",
    "nystrom",
    "lsh",
    "sinkhorn",
    "synthesizer",
    "fourier",
    "state_space",
    "convolution",
]
TaskName = Literal["text", "needle", "recall", "list_operations"]
TextModelName = Literal["language", "masked_language"]
SliceName = Literal["v5litepod-4", "v6e-4", "v5p-8"]

FEWEST = 12
"""Examples of a task: a quarter to be judged by, of three sizes of recall."""
MOST_WIDTHS = 8
"""Curves that one panel has colours for."""


@dataclass(frozen=True)
class Net:
    """Sizes of what is measured."""

    heads: int = 2
    """Of queries and of keys."""
    features: int = 32
    """Of each head; a layer has heads times as many, and a perceptron four times those."""
    layers: int = 2
    """Of the model."""
    batch: int = 1
    """Sequences in a call, at every length."""
    window: int = 64
    """Keys on each side of a query; blocks, landmarks and buckets are sized by it."""


def require_sizes(part: str, net: Net) -> None:
    """Raises:
    ValueError: a size of a part's net is not more than 0.
    """
    require_positive(part, net, "heads", "features", "layers", "batch", "window")


@dataclass(frozen=True)
class CostOfLength:
    """Work, memory and time by length."""

    mechanisms: tuple[MechanismName, ...] = MechanismName.__args__
    """Dense holds all pairs at once; full computes the same a tile at a time."""
    scopes: tuple[ScopeName, ...] = ("operator", "model")
    """Attention alone, a layer around it, a classifier of texts with several layers."""
    lengths: tuple[int, ...] = tuple(2**k for k in range(8, 14))
    """Tokens of a sequence."""
    mixers: tuple[MixerName, ...] = MixerName.__args__
    """Every way to mix tokens, projections included, each with its gradient."""
    mixer_lengths: tuple[int, ...] = (1024, 4096)
    """Tokens of a sequence of these."""
    gigaflops: float = 40.0
    """Calls of more work than this are left out."""
    rounds: int = 7
    """How often each call is timed: the unit of every interval; 2 or more."""
    seconds: float = 0.01
    """Of one timing, about, if a call is not longer."""

    def __post_init__(self):
        require_rising("cost_of_length.lengths", self.lengths, least=6)
        require_rising("cost_of_length.mixer_lengths", self.mixer_lengths, least=2)
        require_positive("cost_of_length", self, "gigaflops", "seconds")
        for name in ("mechanisms", "scopes", "mixers"):
            require_each_once(f"cost_of_length.{name}", getattr(self, name))
        require_replicates("cost_of_length.rounds", self.rounds)


@dataclass(frozen=True)
class QualityOfLength:
    """What each mixer answers right, trained alike: one compiled study a mixer."""

    tasks: tuple[TaskName, ...] = ("text", "needle", "recall")
    """Domain of a text, value behind a needle, recall of pairs, value of an expression."""
    mixers: tuple[MixerName, ...] = ("full", "window", "longformer")
    """Those to train; full is what the others are compared with."""
    seeds: int = 4
    """Replicates of each task, the unit of every interval; 2 or more."""
    length: int = 64
    """Tokens of a row, the same for all tasks."""
    net: Net = field(
        default_factory=lambda: Net(features=16, layers=2, batch=16, window=6)
    )
    """Sizes; batch is that of training."""
    examples: int = 8_192
    """Of each task to train on; a quarter as many to be judged by."""
    steps: int = 800
    """Updates of each run."""
    dispatch: int = 200
    """Steps between two evaluations; divides steps."""
    learning_rate: float = 2.5e-3
    """Highest of the schedule: up for a tenth of the steps, down over the last third."""

    def __post_init__(self):
        for name in ("tasks", "mixers"):
            require_each_once(f"quality_of_length.{name}", getattr(self, name))
        require_replicates("quality_of_length.seeds", self.seeds)
        require_dispatches("quality_of_length", self.steps, self.dispatch)
        require_positive("quality_of_length", self, "length", "learning_rate")
        require_sizes("quality_of_length.net", self.net)
        if self.examples < FEWEST:
            raise ValueError(
                f"{option('quality_of_length.examples')} {self.examples}: expected "
                f"{FEWEST} or more, of which each task can ask"
            )
        if "full" not in self.mixers:
            raise ValueError(
                f"{option('quality_of_length.mixers')}: expected full among them, which "
                "the others are compared with"
            )


@dataclass(frozen=True)
class ScalingLaws:
    """Losses of small models of text by size and by tokens, and the law through them."""

    models: tuple[TextModelName, ...] = TextModelName.__args__
    """The next byte by a causal net, or hidden bytes by an encoder."""
    widths: tuple[int, ...] = (16, 24, 32, 48, 64)
    """Features of a net of two layers."""
    steps: tuple[int, ...] = (200, 400, 800, 1600, 3200)
    """Updates of a run, each with a schedule of its own."""
    length: int = 128
    """Bytes of a row."""
    batch: int = 16
    """Rows of an update."""
    learning_rate: float = 4e-3
    """Highest of the schedule, at a width of 32; it falls with the root of the width."""
    resamples: int = 300
    """Of the runs, for intervals."""

    def __post_init__(self):
        require_each_once("scaling_laws.models", self.models)
        require_rising("scaling_laws.widths", self.widths, least=3)
        if len(self.widths) > MOST_WIDTHS:
            raise ValueError(
                f"{option('scaling_laws.widths')}: expected {MOST_WIDTHS} or fewer, which "
                "one figure can tell apart"
            )
        require_rising("scaling_laws.steps", self.steps, least=3)
        numbers = "length", "batch", "learning_rate", "resamples"
        require_positive("scaling_laws", self, *numbers)


@dataclass(frozen=True)
class MemoryOnTPU:
    """Memory of one chip, as its compiler plans it."""

    slices: tuple[SliceName, ...] = SliceName.__args__
    """Whose chips, by accelerator type."""
    mechanisms: tuple[MechanismName, ...] = MechanismName.__args__
    """Full is the TPU kernel's, or what else the chip would choose."""
    scopes: tuple[ScopeName, ...] = ("operator", "layer")
    """Each with its gradient."""
    lengths: tuple[int, ...] = tuple(2**k for k in range(10, 16))
    """Tokens of a sequence."""
    net: Net = field(default_factory=lambda: Net(heads=8, features=128))
    """Sizes; numbers are bfloat16."""

    def __post_init__(self):
        require_rising("memory_on_tpu.lengths", self.lengths, least=2)
        require_sizes("memory_on_tpu.net", self.net)
        for name in ("slices", "mechanisms", "scopes"):
            require_each_once(f"memory_on_tpu.{name}", getattr(self, name))


@dataclass(frozen=True)
class AttentionScaling:
    """What to measure, and where to leave the report."""

    out: Path
    """Folder of the run; the same command in it continues what was cut short."""
    parts: tuple[Part, ...] = ("cost_of_length", "quality_of_length")
    """Which parts of the claim to measure."""
    net: Net = field(default_factory=Net)
    cost_of_length: CostOfLength = field(default_factory=CostOfLength)
    quality_of_length: QualityOfLength = field(default_factory=QualityOfLength)
    scaling_laws: ScalingLaws = field(default_factory=ScalingLaws)
    memory_on_tpu: MemoryOnTPU = field(default_factory=MemoryOnTPU)

    def __post_init__(self):
        require_each_once("parts", self.parts)
        require_sizes("net", self.net)
