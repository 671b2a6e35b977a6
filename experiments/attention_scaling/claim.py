"""What the length of a text costs its encoder, and what sparse attention saves of it.

    python -m experiments.attention_scaling             # laptop
    python -m experiments.attention_scaling tiny        # a minute
    python -m experiments.attention_scaling study       # longer, and the memory of TPUs
    python -m experiments.attention_scaling paper       # Long Range Arena's; accelerator

Its parts:

    cost_of_length   work, memory, run time and compile time of attention, of a layer and
                     of a whole encoder, forward and with gradient, by length
    memory_on_tpu    the same memory as the TPU compiler plans it, without a TPU
                     (pip install 'jaxgen[prove]')

Time is CPU time of one pinned core on a CPU, else time until the result is there.

Time: laptop about 7 minutes, study half an hour. Expected: the time of full attention grows
with the square of the length, and its memory too where all pairs are held at once; that of
a window, of Longformer and of BigBird grows with a line.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from experiments.launch import launch

Part = Literal["cost_of_length", "memory_on_tpu"]
MechanismName = Literal["dense", "full", "window", "longformer", "bigbird"]
ScopeName = Literal["operator", "layer", "model"]
SliceName = Literal["v5litepod-4", "v6e-4", "v5p-8"]


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
    """Keys on each side of a query; the size of BigBird's blocks."""

    def __post_init__(self):
        _require_positive("net", self, "heads", "features", "layers", "batch", "window")


@dataclass(frozen=True)
class CostOfLength:
    """Work, memory and time by length."""

    mechanisms: tuple[MechanismName, ...] = MechanismName.__args__
    """Dense holds all pairs at once; full computes the same a tile at a time."""
    scopes: tuple[ScopeName, ...] = ScopeName.__args__
    """Attention alone, a layer around it, a classifier of texts with several layers."""
    lengths: tuple[int, ...] = tuple(2**k for k in range(7, 15))
    """Tokens of a sequence."""
    gigaflops: float = 40.0
    """Calls of more work than this are left out."""
    rounds: int = 9
    """How often each call is timed: the unit of every interval; 2 or more."""
    seconds: float = 0.01
    """Of one timing, about, if a call is not longer."""

    def __post_init__(self):
        _require_lengths("cost_of_length", self.lengths, least=6)
        _require_positive("cost_of_length", self, "gigaflops", "seconds")
        for name in ("mechanisms", "scopes"):
            _require_each_once(f"cost_of_length.{name}", getattr(self, name))
        if self.rounds < 2:
            raise ValueError(
                f"--cost-of-length.rounds {self.rounds}: an interval needs 2 or more"
            )


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
        _require_lengths("memory_on_tpu", self.lengths, least=2)
        for name in ("slices", "mechanisms", "scopes"):
            _require_each_once(f"memory_on_tpu.{name}", getattr(self, name))


@dataclass(frozen=True)
class AttentionScaling:
    """What to measure, and where to leave the report."""

    out: Path
    """Folder of the run; the same command in it continues what was cut short."""
    parts: tuple[Part, ...] = ("cost_of_length",)
    """Which parts of the claim to measure."""
    net: Net = field(default_factory=Net)
    cost_of_length: CostOfLength = field(default_factory=CostOfLength)
    memory_on_tpu: MemoryOnTPU = field(default_factory=MemoryOnTPU)

    def __post_init__(self):
        _require_each_once("parts", self.parts)


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _require_positive(part: str, settings: Any, *names: str) -> None:
    for name in names:
        value = getattr(settings, name)
        if not 0 < value < float("inf"):
            raise ValueError(
                f"{_option(f'{part}.{name}')} {value}: expected more than 0"
            )


def _require_lengths(part: str, lengths: tuple[int, ...], least: int) -> None:
    rising = all(a < b for a, b in pairwise(lengths))
    if len(lengths) < least or lengths[0] < 1 or not rising:
        raise ValueError(
            f"{_option(part)}.lengths {' '.join(map(str, lengths))}: expected {least} or "
            "more, each longer than the one before"
        )


def _require_each_once(name: str, values: tuple[str, ...]) -> None:
    if not values or len(set(values)) < len(values):
        raise ValueError(f"{_option(name)}: expected one or more, each once")


RUNS = Path("runs/attention_scaling")
EVERYTHING: tuple[Part, ...] = ("cost_of_length", "memory_on_tpu")

PRESETS = {
    "tiny": AttentionScaling(
        RUNS / "tiny",
        EVERYTHING,
        Net(features=8, layers=1, window=8),
        CostOfLength(
            mechanisms=("full", "window"),
            scopes=("operator",),
            lengths=(16, 24, 32, 48, 64, 96),
            rounds=2,
            seconds=0.0001,
        ),
        MemoryOnTPU(
            slices=("v5litepod-4",),
            mechanisms=("dense", "window"),
            scopes=("operator",),
            lengths=(512, 1024),
        ),
    ),
    "laptop": AttentionScaling(RUNS / "laptop"),
    "study": AttentionScaling(
        RUNS / "study",
        EVERYTHING,
        Net(heads=4, features=64),
        CostOfLength(
            lengths=tuple(2**k for k in range(7, 16)), gigaflops=150.0, seconds=0.02
        ),
    ),
    "paper": AttentionScaling(
        RUNS / "paper",
        net=Net(heads=4, features=64, layers=4, batch=32),
        cost_of_length=CostOfLength(
            scopes=("model",),
            lengths=(1_000, 1_500, 2_000, 2_500, 3_000, 4_000),
            gigaflops=1e6,
        ),
    ),
}


def run(experiment: AttentionScaling) -> str:
    """Measures what is missing and writes ``results.json`` and ``report.html``."""
    from experiments.devices import one_thread_environment, set_where_absent

    set_where_absent(one_thread_environment())
    from experiments.attention_scaling.study import report

    return f"report: {report(experiment)}"


def main() -> int:
    """The command line."""
    return launch(PRESETS, run, __doc__ or "")
