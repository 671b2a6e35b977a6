"""What tuning by few numbers saves: a low-rank adapter beside all parameters.

    python -m experiments.benchmarks.adaptation           # laptop
    python -m experiments.benchmarks.adaptation tiny      # seconds

A step of each method on one language model, and the same model in a float32 program of
one thread: batches of random bytes, AdamW, the state donated. Contenders are measured in
turn, round by round, and ratios of a step's time are taken within a round. Bytes are those
of the compiler's plan: of the state that a step carries, adapters and both moments; of
what a step needs beside its arguments for a while.

Time: laptop about a minute. Expected of 0.8 million parameters on a CPU: at rank 4 the
state is a twentieth of that of all parameters, and a step takes a fifth longer: an adapter
is applied to the parameters before the model sees them, so that slopes of whole matrices
are made on the way, and products of thin ones besides. That a merged model is the same to
the last bit is what that pays for. With norms and biases alone it takes two thirds, as no
matrix needs a slope.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from experiments.benchmarks.attention_works import ONE_THREAD
from experiments.benchmarks.processes import Contender, Ready
from experiments.benchmarks.results import (
    by_contender,
    load_at_start,
    ratio,
    require_positive,
    seconds_of,
    spread_text,
    written,
)
from experiments.benchmarks.timing import Measurement, interleaved, spread
from experiments.checks import require_each_once
from experiments.launch import launch
from experiments.versions import versions

Way = Literal["full", "lora", "dora", "norms"]


@dataclass(frozen=True)
class AdaptationBenchmark:
    """What to measure, and how long."""

    out: Path = Path("runs/benchmarks/adaptation.json")
    """Where every measurement is written."""
    ways: tuple[Way, ...] = Way.__args__
    """Full tuning is what the others are compared with."""
    rounds: int = 5
    """How often each contender is measured; ratios are taken within a round."""
    seconds: float = 1.0
    """Of one measurement, about."""
    features: int = 128
    """Of each vector."""
    layers: int = 4
    """Blocks of attention and a perceptron."""
    batch: int = 8
    """Rows of a step."""
    length: int = 128
    """Bytes of a row."""
    rank: int = 4
    """Of low-rank adapters."""

    def __post_init__(self):
        numbers = "rounds", "seconds", "features", "layers", "batch", "length", "rank"
        require_positive(self, *numbers)
        require_each_once("ways", self.ways)
        if self.ways[0] != "full":
            raise ValueError(
                f"--ways {' '.join(self.ways)}: expected full first, which the others "
                "are compared with"
            )


RUNS = Path("runs/benchmarks")
PRESETS = {
    "tiny": AdaptationBenchmark(
        RUNS / "adaptation-tiny.json",
        ways=("full", "lora"),
        rounds=2,
        seconds=0.01,
        features=16,
        layers=1,
        batch=2,
        length=16,
    ),
    "laptop": AdaptationBenchmark(),
}


def program(way: Way, experiment: AdaptationBenchmark) -> tuple[Any, Any, Any]:
    """A compiled step of ``(state, data)``, its first state, and its data."""
    import jax
    import optax

    from experiments.domain_generalization.fine_tuning_settings import FineTuning
    from experiments.domain_generalization.settings import Net
    from experiments.domain_generalization.text_models import language_model
    from experiments.domain_generalization.tuning_methods import method_of
    from jaxgen.training.adaptation import adapted, with_base
    from jaxgen.training.language_modelling import next_token_loss

    e = experiment
    model = language_model("attention", Net(e.features, e.layers))
    key = jax.random.key(0)
    tokens = jax.random.randint(key, (e.batch, e.length), 0, 256)
    base = jax.jit(model.init)(key, tokens)["params"]
    settings, loss = FineTuning(rank=e.rank), next_token_loss(model, chunk=e.length)
    adaptation = method_of(way, model, settings, tokens[0]).adaptation
    learner = with_base(lambda base: adapted(base, adaptation, loss, optax.adamw(1e-3)))
    data = base, tokens
    state = jax.jit(learner.init)(key, data)
    step = jax.jit(learner.update, donate_argnums=0).lower(state, data).compile()
    return step, state, data


def ready(way: Way, experiment: AdaptationBenchmark) -> Ready:
    """A way to tune, to be timed in one thread of this process."""
    os.environ.update(ONE_THREAD)
    import jax

    start = time.perf_counter()
    step, state, data = program(way, experiment)
    took = time.perf_counter() - start

    def advance(calls: int) -> None:
        nonlocal state
        for _ in range(calls):
            state, _ = step(state, data)
        jax.block_until_ready(state)

    return Ready(advance, 1, took)


def bytes_of(way: Way, experiment: AdaptationBenchmark) -> dict[str, int]:
    """Numbers learned; bytes of the state, and of what a step needs for a while."""
    import jax

    step, state, _ = program(way, experiment)
    numbers = sum(leaf.size for leaf in jax.tree.leaves(state.params))
    learned = jax.tree.leaves((state.params, state.opt))
    return {
        "numbers": numbers,
        "state_bytes": sum(leaf.nbytes for leaf in learned),
        "temporary_bytes": step.memory_analysis().temp_size_in_bytes,
    }


def row(
    way: Way, of: Mapping[str, list[Measurement]], sizes: Mapping[str, int]
) -> dict[str, Any]:
    """What was found of a way, its step's time against that of full tuning."""
    seconds = seconds_of(of)["cpu_seconds"]
    return {
        "way": way,
        **sizes,
        "milliseconds": spread(1e3 * one for one in seconds[way])._asdict(),
        "step_against_full": ratio(seconds[way], seconds["full"]),
        "measurements": [one._asdict() for one in of[way]],
    }


LINE = "{:<8} {:>10} {:>12} {:>14} {:>22} {:>20}"
HEAD = (
    "",
    "numbers",
    "state, kB",
    "temporary, kB",
    "CPU ms a step",
    "of full tuning's",
)


def table(rows: list[dict[str, Any]]) -> str:
    """Medians of the rounds, and in brackets the least and the largest."""
    lines = [LINE.format(*HEAD)]
    for one in rows:
        cells = (
            one["way"],
            f"{one['numbers']:,}",
            f"{one['state_bytes'] / 1e3:,.0f}",
            f"{one['temporary_bytes'] / 1e3:,.0f}",
            spread_text(one["milliseconds"], ".1f"),
            spread_text(one["step_against_full"], ".2f"),
        )
        lines.append(LINE.format(*cells))
    return "\n".join(lines)


def run(
    experiment: AdaptationBenchmark, say: Callable[[str], None] | None = None
) -> str:
    """Measures, writes every measurement, and returns the table."""
    say = say or partial(print, file=sys.stderr, flush=True)
    load = load_at_start(say)
    ways = [
        Contender(way, (partial(ready, way, experiment),)) for way in experiment.ways
    ]
    measurements, _ = interleaved(ways, experiment.rounds, experiment.seconds, say)
    of = by_contender(measurements)
    rows = [row(way, of, bytes_of(way, experiment)) for way in experiment.ways]
    found = {
        "settings": asdict(experiment) | {"out": str(experiment.out)},
        "versions": versions(),
        "load_at_start": load,
        "rows": rows,
    }
    return written(experiment.out, found, table(rows))


def main() -> int:
    """The command line."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    return launch(PRESETS, run, __doc__ or "")


if __name__ == "__main__":
    sys.exit(main())
