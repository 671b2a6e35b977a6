"""How fast attention is, beside what a user would pick instead.

    python -m experiments.benchmarks.attention           # laptop
    python -m experiments.benchmarks.attention tiny      # seconds
    python -m experiments.benchmarks.attention long      # to 16,384 tokens

jaxgen's choice against `jax.nn`, Flax, and, where they are installed, tokamax's chunked
attention and PyTorch's: float32, one sequence, one thread each. Times are of CPU, and
contenders are measured in turn, round by round; compiling is no part of a round. The
others have no Longformer and no BigBird: those stand beside the fastest full attention.



Time: laptop about five minutes. Expected at 4,096 tokens: full attention more than twice as
fast as `jax.nn`'s, a window of 64 more than thirty times.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from experiments.benchmarks.attention_works import CONTENDERS, Shape, installed
from experiments.benchmarks.results import (
    by_contender,
    load_at_start,
    require_positive,
    spread_text,
    written,
)
from experiments.benchmarks.timing import Contender, Measurement, interleaved, spread
from experiments.launch import launch
from experiments.versions import versions

Pattern = Literal["full", "causal", "window", "longformer", "bigbird"]
ALONE = ("longformer", "bigbird")


@dataclass(frozen=True)
class Attention:
    """What to measure, and how long."""

    out: Path = Path("runs/benchmarks/attention.json")
    """Where every measurement is written."""
    rounds: int = 5
    """How often each contender is measured; ratios are taken within a round."""
    seconds: float = 0.5
    """Of one measurement, about, if a call is not longer."""
    lengths: tuple[int, ...] = (1024, 4096)
    """Tokens of a sequence."""
    patterns: tuple[Pattern, ...] = Pattern.__args__
    """Which query may attend to which key."""
    heads: int = 4
    """Of queries and of keys."""
    features: int = 64
    """Of each head."""
    window: int = 64
    """Keys on each side; the size of BigBird's blocks."""

    def __post_init__(self):
        require_positive(self, "rounds", "seconds", "heads", "features", "window")
        if not self.lengths or min(self.lengths) < 1:
            raise ValueError(f"--lengths {self.lengths}: expected numbers above 0")


RUNS = Path("runs/benchmarks")
PRESETS = {
    "tiny": Attention(
        RUNS / "attention-tiny.json",
        2,
        0.01,
        (128,),
        ("full", "window", "bigbird"),
        2,
        8,
        16,
    ),
    "laptop": Attention(),
    "long": Attention(
        RUNS / "attention-long.json", lengths=(512, 2048, 4096, 8192, 16384)
    ),
}


def measured(
    experiment: Attention,
    pattern: str,
    length: int,
    backward: bool,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """One pattern at one length: every contender, interleaved."""
    e = experiment
    shape = Shape(length, e.heads, e.features, e.window)
    asked = {name: "full" if pattern in ALONE else pattern for name in installed()}
    asked["jaxgen"] = pattern
    contenders = [
        Contender(name, (partial(CONTENDERS[name], of, shape, backward),))
        for name, of in asked.items()
    ]
    say(f"{pattern}, {length:,} tokens{', with gradient' if backward else ''}")
    measurements, compiling = interleaved(
        contenders, e.rounds, e.seconds, lambda _: None
    )
    return {
        "pattern": pattern,
        "length": length,
        "backward": backward,
        "contenders": sides(measurements, compiling),
        "measurements": [one._asdict() for one in measurements],
    }


def sides(
    measurements: Sequence[Measurement], compiling: Mapping[str, float]
) -> dict[str, Any]:
    """Of each contender its CPU seconds, and how often jaxgen's go into them."""
    seconds = {
        name: [one.cpu_seconds / one.units for one in rounds]
        for name, rounds in by_contender(measurements).items()
    }
    return {
        name: {
            "cpu_seconds": spread(mine)._asdict(),
            "jaxgen_is_faster_by": spread(
                theirs / ours
                for theirs, ours in zip(mine, seconds["jaxgen"], strict=True)
            )._asdict(),
            "compile_seconds": compiling[name],
        }
        for name, mine in seconds.items()
    }


LINE = "{:<26} {:>9} {:>12}  {}"


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Milliseconds of CPU of jaxgen, and how many times faster that is than others."""
    return "\n".join(
        [
            "CPU time of one thread; jaxgen is faster by the factors on the right: medians "
            "of the rounds, their least and largest in brackets.",
            "",
            LINE.format("", "tokens", "jaxgen, ms", "faster than"),
            *map(_line, rows),
        ]
    )


def _line(row: Mapping[str, Any]) -> str:
    others = [
        f"{name} {spread_text(side['jaxgen_is_faster_by'], '.1f')}"
        for name, side in row["contenders"].items()
        if name != "jaxgen"
    ]
    own = row["contenders"]["jaxgen"]["cpu_seconds"]["median"]
    title = row["pattern"] + (", with gradient" if row["backward"] else "")
    against = " (full attention)" if row["pattern"] in ALONE else ""
    return LINE.format(
        title, f"{row['length']:,}", f"{own * 1e3:.1f}", "; ".join(others) + against
    )


def run(experiment: Attention, say: Callable[[str], None] | None = None) -> str:
    """Measures, writes every measurement, and returns the table."""
    say = say or partial(print, file=sys.stderr, flush=True)
    load = load_at_start(say)
    rows = [
        measured(experiment, pattern, length, backward, say)
        for backward in (False, True)
        for pattern in experiment.patterns
        for length in experiment.lengths
    ]
    found = {
        "settings": asdict(experiment) | {"out": str(experiment.out)},
        "versions": versions(),
        "load_at_start": load,
        "rows": rows,
    }
    return written(experiment.out, found, table(rows))


def main() -> int:
    """The command line."""
    return launch(PRESETS, run, __doc__ or "")


if __name__ == "__main__":
    sys.exit(main())
