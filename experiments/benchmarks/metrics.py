"""How fast scores of samples are, beside the packages of their authors.

Precision, recall, density and coverage against prdc; the Vendi score, of features and
of a kernel, against vendi-score. Both sides get the same float32 arrays of normal
features and the same cores.

    python -m experiments.benchmarks.metrics           # laptop
    python -m experiments.benchmarks.metrics tiny      # seconds
    python -m experiments.benchmarks.metrics large     # 10,000 samples of 512 features

Contenders are measured in turn, round by round, on a machine that should have nothing
else to do; compiling is no part of a round. prdc asks for eight threads, which on few
cores are slower than one: it is measured in both ways. Memory is what the process holds
more than before, at the most, in a first call. The limit is numpy's product of float32
matrices; against it count the products of every pair once.

Time: laptop about a minute, large about five. Expected on two cores at large, in CPU
time: jaxgen five times as fast as prdc, three and a half times as fast as prdc in one
job, in a fifth of its memory; the Vendi score as fast as vendi-score.
"""

import importlib.metadata
import importlib.util
import json
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from experiments.benchmarks import metric_works as works
from experiments.benchmarks.metric_works import Work
from experiments.benchmarks.processes import Contender, Ready
from experiments.benchmarks.results import (
    by_contender,
    load_at_start,
    require_positive,
    spread_text,
    written,
)
from experiments.benchmarks.timing import Measurement, interleaved, spread
from experiments.devices import usable_cores
from experiments.launch import launch
from experiments.versions import versions

LIMIT = "matrix products"
PASSES = 2  # over all pairs: real with fake, and half of each set with itself
RIVALS = {"prdc": "prdc", "vendi_score": "vendi-score"}


@dataclass(frozen=True)
class Metrics:
    """What to measure, and how long."""

    out: Path = Path("runs/benchmarks/metrics.json")
    """Where every measurement is written."""
    rounds: int = 5
    """How often each contender is measured; ratios are taken within a round."""
    seconds: float = 1.0
    """Of one measurement, about, if a call is not longer."""
    samples: int = 3000
    """Real ones, and as many generated."""
    features: int = 256
    """Of each sample."""
    kernel: int = 800
    """Samples of which a kernel is decomposed."""
    k: int = 5
    """The neighbour that sets a radius."""

    def __post_init__(self):
        require_positive(
            self, "rounds", "seconds", "samples", "features", "kernel", "k"
        )
        if self.samples <= self.k:
            raise ValueError(
                f"--samples {self.samples}: expected more than k, which is {self.k}"
            )


RUNS = Path("runs/benchmarks")
PRESETS = {
    "tiny": Metrics(RUNS / "metrics-tiny.json", 2, 0.02, 300, 16, 60),
    "laptop": Metrics(),
    "large": Metrics(RUNS / "metrics-large.json", 3, 1.0, 10_000, 512, 2000),
}


class Task(NamedTuple):
    """One thing to compute, ours and theirs.

    Attributes:
      title: what the table calls it.
      ours: makes our work, and is importable by name, as theirs is.
      theirs: makes the rival's.
      rival: what the table calls it.
      flops: of our matrix products, where they are what takes time.
    """

    title: str
    ours: Callable[[], Work]
    theirs: Callable[[], Work]
    rival: str
    flops: int = 0


def tasks(experiment: Metrics) -> list[Task]:
    """Everything that is computed twice."""
    e = experiment
    sizes, few = (e.samples, e.features), (e.kernel, e.features)
    flops = PASSES * 2 * e.samples**2 * e.features

    def task(name: str, pair: tuple, rival: str, sizes: tuple, flops: int = 0):
        ours, theirs = (partial(work, *sizes) for work in pair)
        return Task(name, ours, theirs, rival, flops)

    neighbours = works.our_neighbours, works.their_neighbours
    alone = partial(works.their_neighbours, backend="sequential")
    features = works.our_vendi_of_features, works.their_vendi_of_features
    kernel = works.our_vendi_of_kernel, works.their_vendi_of_kernel
    one_job = works.our_neighbours, alone
    return [
        task("neighbours", neighbours, "prdc", (*sizes, e.k), flops),
        task("the same, one job", one_job, "prdc", (*sizes, e.k), flops),
        task("Vendi of features", features, "vendi-score", sizes),
        task("Vendi of a kernel", kernel, "vendi-score", few),
    ]


class Once(NamedTuple):
    """What one call returned, and how many bytes it held beyond its arguments."""

    scores: dict[str, float]
    peak_bytes: int


def ready(make: Callable[[], Work], first: Path) -> Ready:
    """The work, to be timed; what its first call found is left in a file."""
    os.environ["JAX_PLATFORMS"] = "cpu"
    work = make()
    first.write_text(json.dumps(once(work)._asdict()))

    def advance(calls: int) -> None:
        for _ in range(calls):
            work.call()

    return Ready(advance, work.units, work.compile_seconds)


def once(work: Work) -> Once:
    """One call, watched while it runs."""
    before, seen, done = _resident(), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.002):
            seen.append(_resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    scores = work.call()
    seen.append(_resident())
    done.set()
    watcher.join()
    return Once(scores, max(max(seen) - before, 0))


def _resident() -> int:
    if not Path("/proc/self/statm").exists():
        return 0  # such a system does not tell
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def results(
    experiment: Metrics,
    tasks: Sequence[Task],
    calls: Mapping[str, Once],
    measurements: Sequence[Measurement],
    compile_seconds: Mapping[str, float],
) -> dict[str, Any]:
    """All that was measured, and what it says, ready for JSON."""
    of = by_contender(measurements)
    limit = [one.rate for one in of[LIMIT]]

    def side(name: str, flops: int) -> dict[str, Any]:
        mine = of[name]
        share = [one.rate * flops / most for one, most in zip(mine, limit, strict=True)]
        return {
            "scores": calls[name].scores,
            "seconds": spread(1 / one.rate for one in mine)._asdict(),
            "cpu_seconds": spread(
                one.cpu_seconds / one.units for one in mine
            )._asdict(),
            "compile_seconds": compile_seconds[name],
            "peak_bytes": calls[name].peak_bytes,
            "share_of_limit": spread(share)._asdict() if flops else None,
        }

    def row(task: Task) -> dict[str, Any]:
        names = _names(task)
        both = list(zip(*(of[name] for name in names), strict=True))
        wall = [ours.rate / theirs.rate for ours, theirs in both]
        cpu = [
            (theirs.cpu_seconds / theirs.units) / (ours.cpu_seconds / ours.units)
            for ours, theirs in both
        ]
        return {
            "title": task.title,
            "rival": task.rival,
            "jaxgen": side(names[0], task.flops),
            "theirs": side(names[1], 0),
            "jaxgen_is_faster_by": spread(wall)._asdict() | {"rounds": wall},
            "in_cpu_time_by": spread(cpu)._asdict() | {"rounds": cpu},
        }

    return {
        "settings": asdict(experiment) | {"out": str(experiment.out)},
        "versions": versions() | _rival_versions() | {"cores": usable_cores()},
        "limit_gflops": spread(rate / 1e9 for rate in limit)._asdict(),
        "tasks": [row(task) for task in tasks],
        "measurements": [one._asdict() for one in measurements],
    }


HEAD = ("jaxgen", "rival", "faster by", "in CPU time", "memory, MB", "compile")
LINE = "{:<18} {:>9} {:>9} {:>22} {:>22} {:>14} {:>8}"


def table(found: Mapping[str, Any]) -> str:
    """The results for a person: medians, and in brackets the least and the largest."""
    limit = spread_text(found["limit_gflops"], ".0f")
    rows = found["tasks"]
    shares = [
        f"{row['title']}: products take {row['jaxgen']['share_of_limit']['median']:.0%} "
        "of the limit."
        for row in rows
        if row["jaxgen"]["share_of_limit"]
    ]
    return "\n".join(
        [
            f"numpy makes {limit} GFLOP/s of {LIMIT}. Medians of the rounds, their least "
            "and largest in brackets; memory is ours / theirs.",
            "",
            LINE.format("", *HEAD),
            *(_line(row) for row in rows),
            "",
            *shares,
        ]
    )


def _line(row: Mapping[str, Any]) -> str:
    ours, theirs = row["jaxgen"], row["theirs"]
    return LINE.format(
        row["title"],
        f"{ours['seconds']['median']:.3g} s",
        f"{theirs['seconds']['median']:.3g} s",
        spread_text(row["jaxgen_is_faster_by"], ".1f"),
        spread_text(row["in_cpu_time_by"], ".1f"),
        f"{ours['peak_bytes'] / 1e6:.0f} / {theirs['peak_bytes'] / 1e6:.0f}",
        f"{ours['compile_seconds']:.1f} s",
    )


def _names(task: Task) -> tuple[str, str]:
    return f"jaxgen, {task.title}", f"{task.rival}, {task.title}"


def _rival_versions() -> dict[str, str]:
    packages = (*RIVALS.values(), "scikit-learn", "scipy")
    return {name: importlib.metadata.version(name) for name in packages}


def run(experiment: Metrics, say: Callable[[str], None] | None = None) -> str:
    """Measures, writes every measurement, and returns the table."""
    say = say or partial(print, file=sys.stderr, flush=True)
    missing = [
        pip for name, pip in RIVALS.items() if not importlib.util.find_spec(name)
    ]
    if missing:
        names = " ".join(missing)
        raise ValueError(
            f"{names}: not installed, and to be compared with; pip install it"
        )
    load = load_at_start(say)
    chosen = tasks(experiment)
    makers: dict[str, Callable[[], Work]] = {LIMIT: works.numpy_products}
    for task in chosen:
        ours, theirs = _names(task)
        makers |= {ours: task.ours, theirs: task.theirs}
    with tempfile.TemporaryDirectory() as folder:
        first = {name: Path(folder, f"{i}.json") for i, name in enumerate(makers)}
        contenders = [
            Contender(name, (partial(ready, make, first[name]),))
            for name, make in makers.items()
        ]
        measured = interleaved(contenders, experiment.rounds, experiment.seconds, say)
        calls = {n: Once(**json.loads(file.read_text())) for n, file in first.items()}
    found = results(experiment, chosen, calls, *measured) | {"load_at_start": load}
    return written(experiment.out, found, table(found))


def main() -> int:
    """The command line."""
    return launch(PRESETS, run, __doc__ or "")


if __name__ == "__main__":
    sys.exit(main())
