"""How fast every way to mix tokens is, beside full attention and beside PyTorch.

    python -m experiments.benchmarks.mixers           # laptop
    python -m experiments.benchmarks.mixers tiny      # seconds
    python -m experiments.benchmarks.mixers long      # 512 to 16,384 tokens

jaxgen's mixers with their projections, forward and with the gradient by the vectors and
all parameters, beside jaxgen's full attention. In PyTorch: Hugging Face's layers of
Longformer, BigBird, Nyströmformer, Reformer and FNet, and the chunks of its Qwen3-Next;
SDPA; and where no package has it, the formula in a few lines of eager PyTorch, from the
same parameters. One sequence of float32, one thread each; pin it to a core with
``taskset -c 1`` where others use the machine. A few mixers, full attention and their
counterparts are measured in turn, round by round; compiling is no part of one.

A counterpart that is not installed, does not exist or takes no such length is left out,
with the reason in its line. Layers of Hugging Face's compute what jaxgen's do, but for
two: Reformer cuts the sorted row into chunks, BigBird draws blocks for each head.

Time: laptop about ten minutes, long about an hour. Expected at 2,048 tokens, with the
gradient: four times as fast as full attention with a window or linear attention, six
times through Linformer; no faster than it by LSH or the delta rule, whose products of
matrices could take a fifth of their time.
"""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from pathlib import Path

from experiments.attention_scaling.settings import MixerName
from experiments.benchmarks.mixer_rows import measured
from experiments.benchmarks.mixer_table import line, table
from experiments.benchmarks.mixer_tasks import MixerTask
from experiments.benchmarks.processes import Pool
from experiments.benchmarks.results import load_at_start, require_positive, written
from experiments.checks import require_each_once
from experiments.launch import launch
from experiments.versions import versions


@dataclass(frozen=True)
class Mixers:
    """What to measure, and how long."""

    out: Path = Path("runs/benchmarks/mixers.json")
    """Where every measurement is written."""
    rounds: int = 3
    """How often each contender is measured; ratios are taken within a round."""
    seconds: float = 0.1
    """Of one measurement, about, if a call is not longer."""
    lengths: tuple[int, ...] = (512, 2048, 8192)
    """Tokens of a sequence."""
    mixers: tuple[MixerName, ...] = MixerName.__args__
    """Ways to mix tokens."""
    together: int = 4
    """Mixers in a round; they share its measurement of full attention."""
    heads: int = 4
    """Of queries and of keys."""
    features: int = 64
    """Of each head."""
    window: int = 64
    """Keys on each side; blocks and buckets; half of the landmarks, slots and draws."""
    memory: float = 8.0
    """GiB that a call may hold; a counterpart that needs more is left out."""

    def __post_init__(self):
        numbers = "rounds", "seconds", "together", "heads", "features", "window"
        require_positive(self, *numbers, "memory")
        require_each_once("mixers", self.mixers)
        if not self.lengths or min(self.lengths) < 1:
            raise ValueError(f"--lengths {self.lengths}: expected numbers above 0")


RUNS = Path("runs/benchmarks")
PRESETS = {
    "tiny": Mixers(
        RUNS / "mixers-tiny.json",
        rounds=2,
        seconds=0.01,
        lengths=(64,),
        mixers=("full", "state_space"),
        heads=2,
        features=8,
        window=8,
    ),
    "laptop": Mixers(),
    "long": Mixers(
        RUNS / "mixers-long.json",
        lengths=(512, 1024, 2048, 4096, 8192, 16_384),
    ),
}


def rounds(experiment: Mixers) -> Iterator[list[MixerTask]]:
    """What is measured in turn: a few mixers at one length, forward or with gradient."""
    e = experiment
    starts = range(0, len(e.mixers), e.together)
    for length, backward, start in product(e.lengths, (False, True), starts):
        yield [
            MixerTask(mixer, backward, length, e.heads, e.features, e.window)
            for mixer in e.mixers[start : start + e.together]
        ]


def run(experiment: Mixers, say: Callable[[str], None] | None = None) -> str:
    """Measures, writes every measurement, and returns the table."""
    say = say or partial(print, file=sys.stderr, flush=True)
    load, rows, e = load_at_start(say), [], experiment
    with Pool() as pool:
        for tasks in rounds(experiment):
            backward = ", with gradient" if tasks[0].backward else ""
            say(f"{tasks[0].length:,} tokens{backward}")
            found = measured(tasks, pool, e.rounds, e.seconds, e.memory)
            say("\n".join(map(line, found)))
            rows += found
    results = {
        "settings": asdict(experiment) | {"out": str(experiment.out)},
        "versions": versions(),
        "load_at_start": load,
        "rows": rows,
    }
    return written(experiment.out, results, table(rows))


def main() -> int:
    """The command line."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")  # here FLOPs are counted, no more
    return launch(PRESETS, run, __doc__ or "")


if __name__ == "__main__":
    sys.exit(main())
