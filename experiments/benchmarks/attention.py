"""How fast attention is, beside what a user would pick instead.

    python -m experiments.benchmarks.attention           # laptop
    python -m experiments.benchmarks.attention tiny      # seconds
    python -m experiments.benchmarks.attention long      # 512 to 32,768 tokens

jaxgen's choice on a CPU against `jax.nn`, Flax, tokamax in chunks, and PyTorch's SDPA and
FlexAttention; and its layers of Longformer and BigBird against Hugging Face's, all with
the same projections. One sequence of float32, one thread each; pin it to a core with
``taskset -c 1`` where others use the machine. Contenders are measured in turn, round by
round; compiling is no part of a round.

Who is not installed is left out with a line that says so (tokamax needs Python 3.12), and
who cannot do a task, with the reason below its table; nobody is shown a pattern that is
not offered.

Time: laptop about six minutes, long less than an hour. Expected at 4,096 tokens: full
attention 1.4 times as fast as the fastest other, which is SDPA, 1.2 times with the
gradient; a window of 64 more than forty times as fast as `jax.nn`'s, twenty times as fast
as the fastest full attention; layers of Longformer and BigBird 2.6 and 6 times as fast as
Hugging Face's, of which the first could at most be 4.6: its matrix products take as long.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from experiments.benchmarks.attention_contenders import OFFERS, installed
from experiments.benchmarks.attention_rows import measured
from experiments.benchmarks.attention_table import table
from experiments.benchmarks.attention_tasks import PATTERNS, Pattern, Task
from experiments.benchmarks.processes import Pool
from experiments.benchmarks.results import load_at_start, require_positive, written
from experiments.launch import launch
from experiments.versions import versions


@dataclass(frozen=True)
class Attention:
    """What to measure, and how long."""

    out: Path = Path("runs/benchmarks/attention.json")
    """Where every measurement is written."""
    rounds: int = 5
    """How often each contender is measured; ratios are taken within a round."""
    seconds: float = 0.15
    """Of one measurement, about, if a call is not longer."""
    lengths: tuple[int, ...] = (1024, 4096)
    """Tokens of a sequence."""
    patterns: tuple[Pattern, ...] = PATTERNS
    """Which query may attend to which key."""
    layers: tuple[Pattern, ...] = ("longformer", "bigbird")
    """The same, of layers with their projections."""
    heads: int = 4
    """Of queries and of keys."""
    features: int = 64
    """Of each head."""
    window: int = 64
    """Keys on each side; the size of BigBird's blocks."""
    memory: float = 8.0
    """GiB that a call may hold; who needs more is left out."""

    def __post_init__(self):
        require_positive(
            self, "rounds", "seconds", "heads", "features", "window", "memory"
        )
        if not self.lengths or min(self.lengths) < 1:
            raise ValueError(f"--lengths {self.lengths}: expected numbers above 0")


RUNS = Path("runs/benchmarks")
PRESETS = {
    "tiny": Attention(
        RUNS / "attention-tiny.json",
        rounds=2,
        seconds=0.01,
        lengths=(128,),
        patterns=("full", "window"),
        layers=("longformer",),
        heads=2,
        features=8,
        window=8,
    ),
    "laptop": Attention(),
    "long": Attention(
        RUNS / "attention-long.json",
        rounds=3,
        lengths=(512, 1024, 2048, 4096, 8192, 16_384, 32_768),
    ),
}


def tasks(experiment: Attention) -> list[Task]:
    """Everything that is computed, forward and with the gradient."""
    e = experiment
    asked: list[tuple[Pattern, bool]] = [
        *((pattern, False) for pattern in e.patterns),
        *((pattern, True) for pattern in e.layers),
    ]
    return [
        Task(pattern, layer, backward, length, e.heads, e.features, e.window)
        for length in e.lengths
        for pattern, layer in asked
        for backward in (False, True)
    ]


def run(experiment: Attention, say: Callable[[str], None] | None = None) -> str:
    """Measures, writes every measurement, and returns the table."""
    say = say or partial(print, file=sys.stderr, flush=True)
    for name, offer in OFFERS.items():
        if name not in installed():
            say(f"{name} is left out: no {offer.package}; pip install '.[benchmark]'")
    load = load_at_start(say)
    rows, e = [], experiment
    with Pool() as pool:
        for task in tasks(experiment):
            say(f"{task.title}, {task.length:,} tokens")
            rows.append(measured(task, pool, e.rounds, e.seconds, e.memory))
    found = {
        "settings": asdict(experiment) | {"out": str(experiment.out)},
        "versions": versions(),
        "load_at_start": load,
        "rows": rows,
    }
    return written(experiment.out, found, table(rows))


def main() -> int:
    """The command line."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")  # here FLOPs are counted, no more
    return launch(PRESETS, run, __doc__ or "")


if __name__ == "__main__":
    sys.exit(main())
