"""How fast a language model trains and writes, beside PyTorch and the machine's limit.

    python -m experiments.benchmarks.language           # laptop
    python -m experiments.benchmarks.language tiny      # seconds, jaxgen alone
    python -m experiments.benchmarks.language wide      # 512 features

The model is that of nanoGPT at its settings for a CPU: 4 layers, 4 heads, 128 features,
rows of 64 characters, 12 in a batch, no dropout. jaxgen trains it as the experiments do
(guarded, batches drawn inside the program), on one simulated device with all threads and
on one for each core, which share the rows; and ten of it as a study, whose arms they
share. PyTorch trains the same model anew, eager and compiled, and Hugging Face's Llama
of the same size, each in one thread and in all; and, as a study would, one model in a
process for each core. Texts are drawn with keys and values kept, a whole row a call.

Contenders are measured in turn, round by round, on a machine that should have nothing
else to do; compiling is told apart. The limit is the fastest product of large float32
matrices on all cores. Only the FLOPs of matrix products are counted, the same for all.
"""

import importlib.util
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from experiments.benchmarks.language_contenders import WAYS, Entry, Way, entries
from experiments.benchmarks.language_table import rows, table
from experiments.benchmarks.language_tasks import LanguageTask
from experiments.benchmarks.processes import Contender
from experiments.benchmarks.results import load_at_start, require_positive, written
from experiments.benchmarks.timing import gemm, interleaved
from experiments.checks import require_each_once
from experiments.devices import usable_cores
from experiments.launch import launch
from experiments.versions import versions

LIMIT = "matrix products"


@dataclass(frozen=True)
class Language:
    """What to measure, and how long."""

    out: Path = Path("runs/benchmarks/language.json")
    """Where every measurement is written."""
    rounds: int = 5
    """How often each contender is measured; ratios are taken within a round."""
    seconds: float = 2.0
    """Of one measurement, about, if a call is not longer."""
    ways: tuple[Way, ...] = WAYS
    """What to time."""
    layers: int = 4
    """Blocks of attention and a perceptron."""
    heads: int = 4
    """Of queries and of keys."""
    width: int = 128
    """Features of a token."""
    length: int = 64
    """Tokens of a row."""
    batch: int = 12
    """Rows of a batch."""
    arms: int = 10
    """Models of a study."""
    dispatch: int = 20
    """Steps in one call of jaxgen's program."""
    vocabulary: int = 32_768
    """Tokens to tell apart where the memory of the loss is told; 65 where time is."""
    chunk: int = 8
    """Tokens of each row whose logits the loss has at a time, likewise."""

    def __post_init__(self):
        numbers = "rounds", "seconds", "layers", "heads", "width", "length", "batch"
        require_positive(self, *numbers, "arms", "dispatch", "vocabulary", "chunk")
        require_each_once("ways", self.ways)


RUNS = Path("runs/benchmarks")
PRESETS = {
    "tiny": Language(
        RUNS / "language-tiny.json", 2, 0.05, WAYS, 1, 2, 8, 8, 2, 2, 2, 64, 4
    ),
    "laptop": Language(),
    "wide": Language(
        RUNS / "language-wide.json", heads=8, width=512, dispatch=2, arms=2
    ),
}


def task_of(experiment: Language) -> LanguageTask:
    """The sizes, as any process can be told."""
    e = experiment
    return LanguageTask(e.layers, e.heads, e.width, e.length, e.batch)


def measured(
    experiment: Language, entries: Sequence[Entry], say: Callable[[str], None]
) -> list[dict[str, Any]]:
    """A row for each contender of one way, all in turn."""
    from experiments.benchmarks.jaxgen_language import flops_of

    limit = Contender(LIMIT, (partial(gemm, usable_cores()),))
    contenders = [limit, *(one.contender for one in entries)]
    how = experiment.rounds, experiment.seconds, say
    times = 1 if entries[0].way == "sampling" else 3
    flops = times * flops_of(task_of(experiment))
    return rows(entries, LIMIT, flops, *interleaved(contenders, *how))


def missing_of(packages: Sequence[str]) -> list[str]:
    """Those that are not installed."""
    return [name for name in packages if importlib.util.find_spec(name) is None]


def memory_of(experiment: Language) -> Mapping[str, Any]:
    """What the gradient of the loss takes, its logits all there or by chunks."""
    from experiments.benchmarks.language_memory import temporaries

    task = task_of(experiment)._replace(vocabulary=experiment.vocabulary)
    return temporaries(task, experiment.chunk)._asdict()


def run(experiment: Language, say: Callable[[str], None] | None = None) -> str:
    """Measures, writes every measurement, and returns the table."""
    say = say or partial(print, file=sys.stderr, flush=True)
    missing = missing_of(("torch", "transformers"))
    for name in missing:
        say(
            f"{name} is not installed, and its side left out: pip install '.[benchmark]'"
        )
    load, found = load_at_start(say), []
    for way in experiment.ways:
        all_of = entries(task_of(experiment), way, experiment, usable_cores(), missing)
        found += measured(experiment, all_of, say)
    results = {
        "settings": asdict(experiment) | {"out": str(experiment.out)},
        "versions": versions() | {"cores": usable_cores()},
        "load_at_start": load,
        "memory": memory_of(experiment),
        "rows": found,
    }
    return written(experiment.out, results, table(results))


def main() -> int:
    """The command line."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")  # here FLOPs are counted, no more
    return launch(PRESETS, run, __doc__ or "")


if __name__ == "__main__":
    sys.exit(main())
