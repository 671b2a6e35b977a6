"""What it costs to spread one training over devices: data, FSDP, tensor and sequence.

    python -m experiments.benchmarks.sharding           # laptop
    python -m experiments.benchmarks.sharding tiny      # seconds, one and eight devices
    python -m experiments.benchmarks.sharding pods      # v5p, too

First on simulated devices of this CPU, where the work is the same on 1, 2, 4 and 8: what
a language model's step takes of CPU time beside one device, each axis by itself, then
three together. Devices have a thread each; numbers of them are measured in turn, round by
round. So a ratio tells what is computed twice and what copies cost, not what links do.

Then, where libtpu is installed, by the compiler of TPUs and on no TPU: the work of a chip
stays and the chips grow, 16 to 256. There are more rows for data and FSDP, longer rows of
tokens that see a window for sequence, and a wider model for tensor. Cycles of a chip are
told for each operation that the model needs of it; see `experiments.benchmarks.accelerator`
and `experiments.benchmarks.weak_scaling`.

Time: laptop about five minutes, and fifteen of compiling, which is not done twice.
Expected: on eight simulated devices a tenth more CPU time for data and none for FSDP, two
fifths more for sequence, two thirds for tensor, whose vectors lie whole on each device. On
slices of v5e no growth but for tensor: three times the cycles at 256 chips, for the same
reason, so a model is to lie over few of them.
"""

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from experiments.benchmarks.results import load_at_start, require_positive, written
from experiments.benchmarks.sharding_tasks import (
    WAYS,
    ShardingTask,
    Way,
    require_powers_of_two,
)
from experiments.checks import require_each_once
from experiments.launch import launch
from experiments.versions import versions

V5E = ("v5litepod-16", "v5litepod-64", "v5litepod-256")
V5P = ("v5p-16", "v5p-128", "v5p-1024")


@dataclass(frozen=True)
class Sharding:
    """What to measure, and how long."""

    out: Path = Path("runs/benchmarks/sharding.json")
    """Where every measurement is written, and beside it the figure."""
    proofs: Path = Path("runs/proofs")
    """Where what was compiled for slices is kept."""
    rounds: int = 6
    """How often each number of devices is measured; ratios are taken within a round."""
    seconds: float = 1.0
    """Of one measurement, about, if a step is not longer."""
    ways: tuple[Way, ...] = WAYS
    """Axes to spread over, each by itself, or three together."""
    devices: tuple[int, ...] = (1, 2, 4, 8)
    """Simulated; 1 alone for none."""
    slices: tuple[str, ...] = V5E
    """Of TPUs, to compile for; none to leave them out."""
    layers: int = 2
    """Blocks of attention and a perceptron, on simulated devices."""
    heads: int = 8
    """Of queries and of keys, likewise."""
    width: int = 256
    """Features of a token, likewise."""
    length: int = 256
    """Tokens of a row, likewise."""
    batch: int = 8
    """Rows of a batch, likewise."""
    vocabulary: int = 256
    """Tokens to tell apart, likewise."""

    def __post_init__(self):
        sizes = "layers", "heads", "width", "length", "batch", "vocabulary"
        require_positive(self, "seconds", *sizes)
        require_each_once("ways", self.ways)
        require_powers_of_two(self.devices)
        if self.rounds < 2:
            raise ValueError(f"--rounds {self.rounds}: an interval needs 2 or more")


RUNS = Path("runs/benchmarks")
PRESETS = {
    "tiny": Sharding(
        RUNS / "sharding-tiny.json",
        rounds=2,
        seconds=0.01,
        ways=("together",),
        devices=(1, 8),
        slices=(),
        layers=1,
        heads=4,
        width=16,
        length=16,
        batch=4,
        vocabulary=32,
    ),
    "laptop": Sharding(),
    "pods": Sharding(RUNS / "sharding-pods.json", devices=(1,), slices=(*V5E, *V5P)),
}


def tasks(experiment: Sharding) -> Iterator[list[ShardingTask]]:
    """What is measured in turn: one way over all numbers of devices."""
    e = experiment
    size = e.layers, e.heads, e.width, e.length, e.batch, e.vocabulary
    if len(e.devices) > 1:
        for way in e.ways:
            yield [ShardingTask(way, count, *size) for count in e.devices]


def on_devices(experiment: Sharding, say: Callable[[str], None]) -> list[dict]:
    """A row for each way over each number of devices."""
    from experiments.benchmarks.processes import Pool
    from experiments.benchmarks.sharding_rows import measured
    from experiments.benchmarks.sharding_table import device_line

    rows = []
    with Pool() as pool:
        for of_way in tasks(experiment):
            found = measured(of_way, pool, experiment.rounds, experiment.seconds)
            say("\n".join(map(device_line, found)))
            rows += found
    return rows


def on_slices(experiment: Sharding, say: Callable[[str], None]) -> list[dict]:
    """A row for each way on each slice, if their compiler is here."""
    from experiments.benchmarks.sharding_proofs import proofs
    from experiments.benchmarks.weak_scaling import rows

    if not experiment.slices:
        return []
    if importlib.util.find_spec("libtpu") is None:
        say("the TPU compiler is not installed, and slices are left out: "
            "pip install 'jaxgen[prove]'")  # fmt: skip
        return []
    return rows(proofs(experiment.ways, experiment.slices, experiment.proofs))


def run(experiment: Sharding, say: Callable[[str], None] | None = None) -> str:
    """Measures, compiles, writes all of it and a figure, and returns the table."""
    from experiments.benchmarks.sharding_figure import drawing
    from experiments.benchmarks.sharding_table import table

    say = say or partial(print, file=sys.stderr, flush=True)
    load = load_at_start(say)
    devices, slices = on_devices(experiment, say), on_slices(experiment, say)
    results = {
        "settings": asdict(experiment)
        | {"out": str(experiment.out), "proofs": str(experiment.proofs)},
        "versions": versions(),
        "load_at_start": load,
        "devices": devices,
        "slices": slices,
    }
    told = written(experiment.out, results, table(devices, slices))
    if figure := drawing(slices):
        experiment.out.with_suffix(".svg").write_text(figure, encoding="utf-8")
        told += f"\nthe figure: {experiment.out.with_suffix('.svg')}"
    return told


def main() -> int:
    """The command line."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")  # the chips are described, not used
    return launch(PRESETS, run, __doc__ or "")


if __name__ == "__main__":
    sys.exit(main())
