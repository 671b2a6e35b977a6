"""A small model of Shakespeare's characters, by the protocol of nanoGPT for a CPU.

    python -m experiments.tiny_shakespeare --text input.txt
    python -m experiments.tiny_shakespeare tiny --text input.txt      # seconds

The text is ``data/tinyshakespeare/input.txt`` of github.com/karpathy/char-rnn, 1,115,394
bytes. Its first nine tenths train, the last tenth validates. 4 layers, 4 heads, 128
features, rows of 64 characters, 12 in a batch, 2,000 steps of AdamW, no dropout; each
character of the validation text is told from at most 63 before it, in rows that do not
overlap. Positions are rotary where nanoGPT's are learned.

Time: two to three minutes on two cores. Expected: 1.70 nats a character, or 2.45 bits;
nanoGPT's README tells 1.88.
"""

from dataclasses import dataclass
from pathlib import Path

from experiments.benchmarks.results import require_positive
from experiments.launch import launch

PUBLISHED = 1.88
"""Nats a character, of validation: Karpathy, 2022, nanoGPT's README."""


@dataclass(frozen=True)
class TinyShakespeare:
    """What to train."""

    out: Path = Path("runs/tiny_shakespeare/laptop")
    """Folder of ``results.json``."""
    text: Path = Path("input.txt")
    """Plain text; see above."""
    layers: int = 4
    """Blocks of attention and a perceptron."""
    heads: int = 4
    """Of attention."""
    width: int = 128
    """Features of a token."""
    length: int = 64
    """Characters of a row that tell the next one."""
    batch: int = 12
    """Rows of a batch."""
    steps: int = 2_000
    """Of training."""
    warm: int = 100
    """Steps until the rate is at its highest."""
    every: int = 250
    """Steps between validations; divides the steps."""
    seed: int = 1337
    """Of the start and of the batches."""

    def __post_init__(self):
        numbers = "layers", "heads", "width", "length", "batch", "steps", "every"
        require_positive(self, *numbers)
        if self.steps % self.every:
            raise ValueError(
                f"--every {self.every}: expected a divisor of {self.steps} steps"
            )


RUNS = Path("runs/tiny_shakespeare")
PRESETS = {
    "tiny": TinyShakespeare(
        RUNS / "tiny",
        layers=1,
        heads=2,
        width=8,
        length=8,
        batch=2,
        steps=4,
        warm=1,
        every=2,
    ),
    "laptop": TinyShakespeare(),
}


def run(experiment: TinyShakespeare) -> str:
    """Trains, writes ``results.json``, and returns what it came to.

    Raises:
      FileNotFoundError: there is no such text.
      ValueError: it has no row for validation.
    """
    from experiments.devices import device_environment, set_where_absent, usable_cores

    set_where_absent(device_environment(experiment.batch, usable_cores()))
    from experiments.tiny_shakespeare.training import report

    return report(experiment)


def main() -> int:
    """The command line."""
    return launch(PRESETS, run, __doc__ or "")
