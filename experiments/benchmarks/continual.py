"""How fast seeds of elastic weight consolidation train, beside PyTorch.

Two hidden layers learn pairs of digits in turn with online EWC, as the part
``split_digits`` of the claim about domains does: jaxgen trains all seeds in one program,
PyTorch one run after the other, a process for each core sharing the runs out. A call is a
stage of both: the Fisher information of the stage before by batches of 128, then updates
by Adam on the loss and its penalty. Images are noise: time does not depend on them.

    python -m experiments.benchmarks.continual           # laptop
    python -m experiments.benchmarks.continual tiny      # seconds

Contenders are measured in turn, round by round, on a machine that should have nothing else
to do. The limit is the fastest product of large float32 matrices on all cores. Only the
FLOPs of matrix products in the updates are counted.

Time: laptop about 2 minutes. Expected: about as fast as eager PyTorch in a process for each
core, and both at two fifths of the machine's rate of matrix products.
"""

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from experiments.benchmarks.processes import Contender, Ready
from experiments.benchmarks.results import load_at_start, require_positive, written
from experiments.benchmarks.study_rows import (
    LIMIT,
    Entry,
    Unit,
    limit_of,
    shares_of,
    study_rows,
    study_table,
    torch_is_here,
)
from experiments.benchmarks.timing import gemm, interleaved
from experiments.devices import device_environment, usable_cores
from experiments.launch import launch
from experiments.versions import versions

PIXELS = 784
LOGITS = 10


@dataclass(frozen=True)
class Continual:
    """What to measure, and how long."""

    out: Path = Path("runs/benchmarks/continual.json")
    """Where every measurement is written."""
    rounds: int = 5
    """How often each contender is measured; ratios are taken within a round."""
    seconds: float = 5.0
    """Of one measurement, about."""
    seeds: int = 30
    """Of the study."""
    batch: int = 128
    """Images in a batch."""
    width: int = 400
    """Units of each of the two hidden layers."""
    updates: int = 10
    """Of a stage, which is one call."""
    examples: int = 128
    """Of a stage, that its Fisher information is made of, 128 at a time."""
    rivals: bool = True
    """Whether PyTorch is measured too."""

    def __post_init__(self):
        names = "rounds", "seconds", "batch", "width", "updates"
        require_positive(self, *names)
        if self.seeds < 2:
            raise ValueError(f"--seeds {self.seeds}: expected 2 or more")
        if self.examples < 128:
            raise ValueError(f"--examples {self.examples}: expected 128 or more")


PRESETS = {
    "tiny": Continual(
        Path("runs/benchmarks/continual-tiny.json"), 2, 0.1, 2, 16, 8, 2, 128
    ),
    "laptop": Continual(),
}


def matmul_flops(batch: int, width: int) -> int:
    """FLOPs of the matrix products in one update of one seed.

    With ``784 w + w^2 + 10 w`` weights, each multiplies once forward and once for its own
    slope; slopes of activations are those of the last two layers: ``w^2 + 10 w`` more.

    Example:
      >>> matmul_flops(batch=128, width=400)
      286515200
    """
    behind = width * (width + LOGITS)
    return 2 * batch * (2 * (PIXELS * width + behind) + behind)


def jaxgen_pairs(
    width: int, batch: int, seeds: int, updates: int, examples: int
) -> Ready:
    """The study as the experiment runs it, all seeds in one program."""
    os.environ.update(device_environment(seeds, usable_cores()), JAX_PLATFORMS="cpu")
    import jax
    import numpy as np

    from experiments.domain_generalization.digit_runs import with_orders
    from experiments.domain_generalization.digit_settings import SplitDigits
    from experiments.domain_generalization.digit_stages import (
        CLASSES,
        Classes,
        Digits,
    )
    from experiments.domain_generalization.split_digits_runs import split_learner
    from experiments.domain_generalization.text_runs import FIRST
    from jaxgen.objectives.parameter_importance import batched_fisher
    from jaxgen.sharding.mesh import mesh_of
    from jaxgen.sharding.rules import study
    from jaxgen.training.compile import compile
    from jaxgen.training.dispatch import repeat
    from jaxgen.training.replicate import grid, replicate

    settings = SplitDigits(
        seeds=seeds,
        iterations=updates,
        batch=batch,
        width=width,
        fisher_examples=examples,
    )
    noise = np.random.default_rng(0).uniform(size=(CLASSES, 600, PIXELS))
    classes = Classes(noise.astype(np.float32), np.full(CLASSES, 600, np.int32))
    data = Digits(classes, classes)
    axis = with_orders(grid(seed=range(FIRST, FIRST + seeds), weight=100.0))
    make = partial(split_learner, batched_fisher(128), settings)
    start = time.perf_counter()
    program = compile(
        repeat(replicate(make, axis), updates), data, mesh_of({"replica": -1}), study()
    )
    took = time.perf_counter() - start
    data = jax.device_put(data, program.data)
    state = program.init(jax.random.key(0), data)

    def advance(calls: int) -> None:
        nonlocal state
        for _ in range(calls):
            state, _ = program.update(state, data)
        jax.block_until_ready(state)

    return Ready(advance, seeds * updates, took)


def torch_pairs(**settings: int) -> Ready:
    """The same runs in PyTorch, one after the other."""
    from experiments.benchmarks import torch_continual

    return torch_continual.eager(**settings)


def entries(experiment: Continual, cores: int) -> list[Entry]:
    """Every contender, in the order of a round."""
    e = experiment
    ours = partial(jaxgen_pairs, e.width, e.batch, e.seeds, e.updates, e.examples)
    found = [
        Entry(Contender(f"jaxgen, {e.seeds} seeds", (ours,)), e.seeds, "jaxgen"),
    ]
    if not (e.rivals and torch_is_here()):
        return found
    shares = shares_of(e.seeds, cores)
    title = f"PyTorch eager, {len(shares)} processes"
    return [*found, Entry(_torch(e, title, shares), e.seeds, title)]


def _torch(e: Continual, title: str, shares: Sequence[int]) -> Contender:
    builds = tuple(
        partial(
            torch_pairs,
            width=e.width,
            batch=e.batch,
            seeds=share,
            updates=e.updates,
            examples=e.examples,
        )
        for share in shares
    )
    return Contender(f"{title}, {e.seeds} seeds", builds)


def run(experiment: Continual, say: Callable[[str], None] | None = None) -> str:
    """Measures, writes every measurement, and returns the table."""
    say = say or partial(print, file=sys.stderr, flush=True)
    if experiment.rivals and not torch_is_here():
        say("PyTorch is not installed, so jaxgen runs alone: pip install torch")
    cores, load = usable_cores(), load_at_start(say)
    contenders = entries(experiment, cores)
    measurements, compile_seconds = interleaved(
        [Contender(LIMIT, (partial(gemm, cores),)), *(e.contender for e in contenders)],
        experiment.rounds,
        experiment.seconds,
        say,
    )
    unit = Unit("seed-step", matmul_flops(experiment.batch, experiment.width))
    found = {
        "settings": asdict(experiment) | {"out": str(experiment.out)},
        "versions": versions() | {"cores": cores},
        "matmul_flops_per_seed_step": unit.flops,
        "limit_gflops": limit_of(measurements),
        "contenders": study_rows(contenders, unit, measurements, compile_seconds),
        "measurements": [one._asdict() for one in measurements],
        "load_at_start": load,
    }
    table = study_table(found["contenders"], unit, found["limit_gflops"])
    return written(experiment.out, found, table)


def main() -> int:
    """The command line."""
    return launch(PRESETS, run, __doc__ or "")


if __name__ == "__main__":
    sys.exit(main())
