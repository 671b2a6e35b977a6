"""How fast variational autoencoders train and are scored, beside pythae and PyTorch.

    python -m experiments.benchmarks.autoencoding           # laptop
    python -m experiments.benchmarks.autoencoding tiny      # seconds

Training: images of 28 x 28 through 784-200-200-50 and back, batches of 100, one seed and
ten as one study: jaxgen's engine as the experiments use it (guarded, batches drawn
inside the program), against pythae's VAE with its own trainer, the same in a plain loop,
and the model in PyTorch, eager and compiled. For one seed PyTorch has one thread or all;
for ten, a process for each core shares the seeds out. Only FLOPs of matrix products are
counted, against the machine's fastest; all sides make the same ones.

Likelihood: bounds of images by many codes, with the same weights on both sides, against
pythae's ``get_nll``, whose loop over images takes as long for each: it scores fewer. What
it returns is a log-likelihood, so that its sign is turned. Both estimates are compared on
the images that both have scored.

Contenders are measured in turn, round by round, on a machine that should have nothing
else to do; compiling is no part of a round. Images are scikit-learn's digits, enlarged,
unless a file holds MNIST. What is not installed is left out, by name.

Time: laptop about 8 minutes. Expected on one core, where products of matrices alone would
leave pythae's trainer a quarter of the limit and so nobody more than four times its speed:
jaxgen near half of the limit at one seed, twice as fast as pythae's trainer and one and a
third to one and a half times as fast as PyTorch compiled; at ten seeds, which one core
takes all at once and holds in no cache, level with PyTorch. Bounds at more than half of
the limit, four times as fast as pythae's.
"""

import importlib.util
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from experiments.benchmarks.autoencoding_bounds import bound_rows, bound_table
from experiments.benchmarks.autoencoding_tasks import Scored, Sizes, matmul_flops
from experiments.benchmarks.autoencoding_works import trained
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
)
from experiments.benchmarks.timing import gemm, interleaved
from experiments.checks import require_each_once
from experiments.devices import usable_cores
from experiments.launch import launch
from experiments.versions import versions

Part = Literal["training", "likelihood"]
Rival = Literal["pythae_trainer", "pythae_loop", "eager", "compiled"]

TITLES: Mapping[Rival, str] = {
    "pythae_trainer": "pythae, its trainer",
    "pythae_loop": "pythae, plain loop",
    "eager": "PyTorch eager",
    "compiled": "PyTorch compiled",
}


@dataclass(frozen=True)
class Autoencoding:
    """What to measure, and how long."""

    out: Path = Path("runs/benchmarks/autoencoding.json")
    """Where every measurement is written."""
    parts: tuple[Part, ...] = Part.__args__
    """Training, or the likelihood, or both."""
    rounds: int = 5
    """How often each contender trains; ratios are taken within a round."""
    seconds: float = 1.0
    """Of one measurement of training, about."""
    seeds: int = 10
    """Of the larger study; the smaller has one."""
    batch: int = 100
    """Images of an update."""
    width: int = 200
    """Units of each of the two hidden layers of encoder and decoder."""
    code: int = 50
    """Dimensions of it."""
    dispatch: int = 50
    """Updates in one call of jaxgen's program."""
    rivals: tuple[Rival, ...] = Rival.__args__
    """Who trains beside jaxgen; none measures it alone."""
    file: Path | None = None
    """An .npz file of MNIST, instead of scikit-learn's digits."""
    images: int = 1_000
    """That jaxgen bounds."""
    codes: int = 5_000
    """Of each image."""
    images_pythae: int = 20
    """That pythae bounds, the first of them."""
    steps: int = 2_000
    """Updates before the bounds."""
    bound_rounds: int = 3
    """How often the bounds are measured."""

    def __post_init__(self):
        require_each_once("parts", self.parts)
        sizes = "batch", "width", "code", "dispatch", "images", "codes", "steps"
        require_positive(self, "rounds", "bound_rounds", "seconds", *sizes)
        if self.seeds < 2:
            raise ValueError(
                f"--seeds {self.seeds}: expected 2 or more; one is measured"
            )
        if not 2 <= self.images_pythae <= self.images:
            raise ValueError(
                f"--images-pythae {self.images_pythae}: expected 2 to {self.images}, "
                "of those that jaxgen bounds"
            )
        if self.codes % min(self.codes, CHUNK):
            raise ValueError(
                f"--codes {self.codes}: expected a multiple of {CHUNK}, or fewer"
            )

    @property
    def sizes(self) -> Sizes:
        """Of the model."""
        return Sizes(self.width, self.code, self.batch, self.file)


CHUNK = 500
"""Both sides take as many codes as are asked for where this divides them."""
RUNS = Path("runs/benchmarks")
PRESETS = {
    "tiny": Autoencoding(
        RUNS / "autoencoding-tiny.json",
        rounds=2,
        seconds=0.05,
        seeds=2,
        batch=20,
        width=16,
        code=4,
        dispatch=5,
        rivals=("pythae_loop", "eager"),
        images=6,
        codes=200,
        images_pythae=3,
        steps=20,
        bound_rounds=2,
    ),
    "laptop": Autoencoding(),
}


def installed(package: str) -> bool:
    """Whether a rival's package is there."""
    return importlib.util.find_spec(package) is not None


def needed(rival: str) -> tuple[str, ...]:
    """Packages that a rival needs.

    Example:
      >>> needed("pythae_loop"), needed("eager")
      (('torch', 'pythae'), ('torch',))
    """
    return ("torch", "pythae") if rival.startswith("pythae") else ("torch",)


def present(rivals: Sequence[Rival], say: Callable[[str], None]) -> list[Rival]:
    """The rivals whose packages are installed; of others it is said what is missing."""
    kept = []
    for rival in rivals:
        missing = [package for package in needed(rival) if not installed(package)]
        if missing:
            names = " ".join(missing)
            say(f"{TITLES[rival]} is left out: pip install {names}")
        else:
            kept.append(rival)
    return kept


def rival_ready(rival: Rival, sizes: Sizes, seeds: int, threads: int) -> Ready:
    """A rival's training, to be timed in this process."""
    if rival.startswith("pythae"):
        from experiments.benchmarks import pythae_autoencoding as pythae

        make = pythae.trainer if rival == "pythae_trainer" else pythae.loop
    else:
        from experiments.benchmarks import torch_autoencoding

        make = getattr(torch_autoencoding, rival)
    return make(sizes, seeds, threads)


def entries(e: Autoencoding, rivals: Sequence[Rival], cores: int) -> list[Entry]:
    """Every contender in training, in the order of a round."""
    shares = shares_of(e.seeds, cores)
    one = [
        beside(e, rival, f"{TITLES[rival]}, {threads} threads", [1], threads)
        for rival in rivals
        for threads in sorted({1, cores})
    ]
    many = [
        beside(e, rival, f"{TITLES[rival]}, {len(shares)} processes", shares, 1)
        for rival in rivals
    ]
    return [ours(e, 1), *one, ours(e, e.seeds), *many]


def ours(e: Autoencoding, seeds: int) -> Entry:
    """jaxgen's training."""
    build = partial(trained, e.sizes, seeds, e.dispatch)
    return Entry(Contender(f"{OURS}, {seeds} seeds", (build,)), seeds, OURS)


def beside(
    e: Autoencoding, rival: Rival, title: str, shares: Sequence[int], threads: int
) -> Entry:
    """A rival's training, in a process for each share of the seeds."""
    builds = tuple(
        partial(rival_ready, rival, e.sizes, seeds, threads) for seeds in shares
    )
    seeds = sum(shares)
    return Entry(Contender(f"{title}, {seeds} seeds", builds), seeds, title)


def training(e: Autoencoding, say: Callable[[str], None]) -> tuple[dict[str, Any], str]:
    """What was measured of training, and its table."""
    contenders = entries(e, present(e.rivals, say), usable_cores())
    limit = Contender(LIMIT, (partial(gemm, usable_cores()),))
    everyone = [limit, *(entry.contender for entry in contenders)]
    measured, compiling = interleaved(everyone, e.rounds, e.seconds, say)
    unit = Unit("image", matmul_flops(e.sizes))
    rows, most = study_rows(contenders, unit, measured, compiling), limit_of(measured)
    found = {
        "limit_gflops": most,
        "contenders": rows,
        "measurements": [one._asdict() for one in measured],
    }
    return found, f"Training\n\n{study_table(rows, unit, most)}"


def likelihood(
    e: Autoencoding, say: Callable[[str], None]
) -> tuple[dict[str, Any], str]:
    """What was measured of the bounds, and its table."""
    there = bool(present(("pythae_loop",), say)) if e.rivals else False
    with tempfile.TemporaryDirectory() as folder:
        scored = Scored(e.sizes, e.images, e.codes, e.steps, Path(folder))
        found = bound_rows(scored, e.images_pythae, there, e.bound_rounds, say)
    return found, f"Likelihood\n\n{bound_table(found)}"


PARTS: Mapping[Part, Callable] = {"training": training, "likelihood": likelihood}


def run(experiment: Autoencoding, say: Callable[[str], None] | None = None) -> str:
    """Measures, writes every measurement, and returns the tables."""
    say = say or partial(print, file=sys.stderr, flush=True)
    found: dict[str, Any] = {
        "settings": asdict(experiment)
        | {name: str(getattr(experiment, name) or "") for name in ("out", "file")},
        "versions": versions() | {"cores": usable_cores()},
        "load_at_start": load_at_start(say),
    }
    tables = []
    for part in experiment.parts:
        found[part], table = PARTS[part](experiment, say)
        tables.append(table)
    return written(experiment.out, found, "\n\n".join(tables))


def main() -> int:
    """The command line."""
    return launch(PRESETS, run, __doc__ or "")


if __name__ == "__main__":
    sys.exit(main())
