"""How fast a study of GANs trains, beside PyTorch and the machine's limit.

Two players of two hidden layers learn a ring of eight Gaussians, one seed alone and ten
seeds as a study: jaxgen's engine as the experiments use it (guarded, batches drawn
inside the program, a simulated device for each core), against the same model in
PyTorch, eager and compiled. For one seed PyTorch has one thread or all; for ten, a
process for each core shares the seeds out.

    python -m experiments.benchmarks.adversarial           # laptop
    python -m experiments.benchmarks.adversarial tiny      # seconds, with eager alone

Contenders are measured in turn, round by round, on a machine that should have nothing
else to do. The limit is the fastest product of large float32 matrices on all cores.
Only the FLOPs of matrix products are counted; both sides make the same ones.

Time: laptop about 6 minutes, half of them PyTorch's compiler. Expected on two cores:
jaxgen at ten seeds near two thirds of the limit, 1.5 times as fast as eager PyTorch in a
process for each core and level with a whole step compiled there; at one seed, which runs
on one core, slower than PyTorch compiled for two.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from experiments.benchmarks.processes import Contender, Ready
from experiments.benchmarks.results import load_at_start, require_positive, written
from experiments.benchmarks.study_rows import (
    LIMIT,
    OURS,
    Entry,
    Unit,
    limit_of,
    shares_of,
    study_rows,
    study_table,
    torch_is_here,
)
from experiments.benchmarks.timing import Measurement, gemm, interleaved
from experiments.devices import device_environment, usable_cores
from experiments.launch import launch
from experiments.versions import versions

Rival = Literal["eager", "compiled", "stacked"]


@dataclass(frozen=True)
class Adversarial:
    """What to measure, and how long."""

    out: Path = Path("runs/benchmarks/adversarial.json")
    """Where every measurement is written."""
    rounds: int = 5
    """How often each contender is measured; ratios are taken within a round."""
    seconds: float = 3.0
    """Of one measurement, about."""
    seeds: int = 10
    """Of the larger study; the smaller has one."""
    batch: int = 512
    """Samples in a batch."""
    width: int = 128
    """Units of each of the two hidden layers of each player."""
    dispatch: int = 50
    """Steps in one call of jaxgen's program."""
    rivals: tuple[Rival, ...] = ("eager", "compiled", "stacked")
    """PyTorch's ways to do it; none measures jaxgen alone."""

    def __post_init__(self):
        require_positive(self, "rounds", "seconds", "batch", "width", "dispatch")
        if self.seeds < 2:
            raise ValueError(
                f"--seeds {self.seeds}: expected 2 or more; one is measured"
            )


TINY = Path("runs/benchmarks/adversarial-tiny.json")
PRESETS = {
    "tiny": Adversarial(TINY, 2, 0.1, 2, 32, 16, 5, rivals=("eager",)),
    "laptop": Adversarial(),
}


def matmul_flops(batch: int, width: int) -> int:
    """FLOPs of the matrix products in one step of both players, one seed.

    With weights G = 2w + w^2 + 2w of the generator and C = 2w + w^2 + w of the critic,
    multiply-adds for each sample are

        critic's step:     G            a generated batch
                           2C           the critic forward, on real and on generated
                           2C           slopes of its weights
                           2(C - 2w)    back from layer to layer, but not to the samples
        generator's step:  G + C        both forward
                           C            back through the critic to the samples
                           G            slopes of the generator's weights
                           G - 2w       back from layer to layer

    which is ``4G + 8C - 6w``, two FLOPs each.

    Example:
      >>> matmul_flops(batch=512, width=128)
      205783040
    """
    generator, critic = width * (width + 4), width * (width + 3)
    return 2 * batch * (4 * generator + 8 * critic - 6 * width)


def jaxgen_ring(width: int, batch: int, seeds: int, dispatch: int) -> Ready:
    """The study as an experiment runs it, all seeds in one program."""
    os.environ.update(device_environment(seeds, usable_cores()), JAX_PLATFORMS="cpu")
    import jax
    import optax

    from jaxgen.data.batches import minibatch
    from jaxgen.data.mixtures import mixture_samples, ring
    from jaxgen.models.critic import PerceptronCritic
    from jaxgen.models.generator import PerceptronGenerator
    from jaxgen.objectives.adversarial import NON_SATURATING
    from jaxgen.sharding.mesh import mesh_of
    from jaxgen.sharding.rules import study
    from jaxgen.training.compile import compile
    from jaxgen.training.dispatch import feed, repeat
    from jaxgen.training.gan import gan, normal_latents
    from jaxgen.training.replicate import grid, replicate
    from jaxgen.training.transforms import guard

    def make(learning_rate):
        adam = optax.adam(learning_rate, b1=0.5)
        nets = PerceptronGenerator(2, width), PerceptronCritic(width)
        learner = gan(*nets, NON_SATURATING, normal_latents(2), adam, adam)
        return feed(guard(learner), minibatch(batch))

    key = jax.random.key(0)
    data = mixture_samples(ring(8, 1.0, 0.01), key, 100_000)
    learner = replicate(make, grid(seed=range(seeds), learning_rate=1e-3))
    start = time.perf_counter()
    program = compile(
        repeat(learner, dispatch), data, mesh_of({"replica": -1}), study()
    )
    took = time.perf_counter() - start
    data = jax.device_put(data, program.data)
    state = program.init(key, data)

    def advance(calls: int) -> None:
        nonlocal state
        for _ in range(calls):
            state, _ = program.update(state, data)
        jax.block_until_ready(state)

    return Ready(advance, seeds * dispatch, took)


def torch_ring(way: Rival, **settings: int) -> Ready:
    """The same study in PyTorch."""
    from experiments.benchmarks import torch_ring as rings

    return getattr(rings, way)(**settings)


def entries(experiment: Adversarial, cores: int) -> list[Entry]:
    """Every contender, in the order of a round."""
    e = experiment
    ways = e.rivals if torch_is_here() else ()
    one = [
        _torch(e, way, 1, f"PyTorch {way}, {threads} threads", [1], threads)
        for way in ways
        if way != "stacked"
        for threads in sorted({1, cores})
    ]
    shares = shares_of(e.seeds, cores)
    many = [
        _torch(e, way, e.seeds, f"PyTorch {way}, {len(shares)} processes", shares, 1)
        for way in ways
    ]
    return [_jaxgen(e, 1), *one, _jaxgen(e, e.seeds), *many]


def _jaxgen(e: Adversarial, seeds: int) -> Entry:
    build = partial(jaxgen_ring, e.width, e.batch, seeds, e.dispatch)
    return Entry(Contender(f"jaxgen, {seeds} seeds", (build,)), seeds, OURS)


def _torch(e, way: Rival, seeds: int, title: str, shares, threads: int) -> Entry:
    builds = tuple(
        partial(
            torch_ring,
            way,
            width=e.width,
            batch=e.batch,
            seeds=share,
            threads=threads,
        )
        for share in shares
    )
    return Entry(Contender(f"{title}, {seeds} seeds", builds), seeds, title)


def results(
    experiment: Adversarial,
    entries: Sequence[Entry],
    measurements: Sequence[Measurement],
    compile_seconds: Mapping[str, float],
) -> dict[str, Any]:
    """All that was measured, and what it says, ready for JSON."""
    unit = unit_of(experiment)
    return {
        "settings": asdict(experiment) | {"out": str(experiment.out)},
        "versions": versions() | {"cores": usable_cores()},
        "matmul_flops_per_seed_step": unit.flops,
        "limit_gflops": limit_of(measurements),
        "contenders": study_rows(entries, unit, measurements, compile_seconds),
        "measurements": [one._asdict() for one in measurements],
    }


def unit_of(experiment: Adversarial) -> Unit:
    """One step of both players of one seed."""
    return Unit("seed-step", matmul_flops(experiment.batch, experiment.width))


def table(experiment: Adversarial, found: Mapping[str, Any]) -> str:
    """The results for a person."""
    return study_table(found["contenders"], unit_of(experiment), found["limit_gflops"])


def run(experiment: Adversarial, say: Callable[[str], None] | None = None) -> str:
    """Measures, writes every measurement, and returns the table."""
    say = say or partial(print, file=sys.stderr, flush=True)
    if experiment.rivals and not torch_is_here():
        say("PyTorch is not installed, so jaxgen runs alone: pip install torch")
    cores, load = usable_cores(), load_at_start(say)
    contenders = entries(experiment, cores)
    measured = interleaved(
        [Contender(LIMIT, (partial(gemm, cores),)), *(e.contender for e in contenders)],
        experiment.rounds,
        experiment.seconds,
        say,
    )
    found = results(experiment, contenders, *measured) | {"load_at_start": load}
    return written(experiment.out, found, table(experiment, found))


def main() -> int:
    """The command line."""
    return launch(PRESETS, run, __doc__ or "")


if __name__ == "__main__":
    sys.exit(main())
