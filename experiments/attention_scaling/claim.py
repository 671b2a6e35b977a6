"""What the length of a text costs its encoder, what saves that, and what is lost by it.

    python -m experiments.attention_scaling             # laptop
    python -m experiments.attention_scaling tiny        # a minute
    python -m experiments.attention_scaling study       # every mixer, every part
    python -m experiments.attention_scaling paper       # Long Range Arena's; accelerator

Its parts:

    cost_of_length      work, memory, run time and compile time of attention, of a layer
                        and of a whole encoder, forward and with gradient, by length; and
                        of every other way to mix tokens
    quality_of_length   what encoders of equal size answer right with each of them: domains
                        of texts, a needle far away, recall of pairs, nested expressions
    scaling_laws        the loss of small models of text by their size and their tokens
    memory_on_tpu       memory by length as the TPU compiler plans it, without a TPU
                        (pip install 'jaxgen[prove]')

Time is CPU time of one pinned core on a CPU, else time until the result is there.

Time: laptop about 10 minutes on two cores, study two hours and a half. Expected: the time
of full attention grows with the square of the length, and its memory too where all pairs
are held at once; that of a window, of Longformer and of BigBird grows with a line. They
tell texts apart as well as full attention; a window misses a needle beyond its reach.
"""

from pathlib import Path

from experiments.attention_scaling.settings import (
    AttentionScaling,
    CostOfLength,
    MemoryOnTPU,
    MixerName,
    Net,
    Part,
    QualityOfLength,
    ScalingLaws,
    TaskName,
)
from experiments.launch import launch

RUNS = Path("runs/attention_scaling")
EVERYTHING: tuple[Part, ...] = Part.__args__

PRESETS = {
    "tiny": AttentionScaling(
        RUNS / "tiny",
        EVERYTHING,
        Net(features=8, layers=1, window=8),
        CostOfLength(
            mechanisms=("full", "window"),
            scopes=("operator",),
            lengths=(16, 24, 32, 48, 64, 96),
            mixers=("full", "linear"),
            mixer_lengths=(32, 64),
            rounds=2,
            seconds=0.0001,
        ),
        QualityOfLength(
            tasks=TaskName.__args__,
            mixers=("full", "window"),
            seeds=2,
            length=32,
            net=Net(features=4, layers=1, batch=4, window=4),
            examples=64,
            steps=4,
            dispatch=2,
        ),
        ScalingLaws(
            models=("language",),
            widths=(4, 6, 8),
            steps=(2, 3, 4),
            length=16,
            batch=2,
            resamples=10,
        ),
        MemoryOnTPU(
            slices=("v5litepod-4",),
            mechanisms=("dense", "window"),
            scopes=("operator",),
            lengths=(512, 1024),
        ),
    ),
    "laptop": AttentionScaling(RUNS / "laptop"),
    "study": AttentionScaling(
        RUNS / "study",
        EVERYTHING,
        Net(heads=4, features=64),
        CostOfLength(
            scopes=("operator", "layer", "model"),
            lengths=tuple(2**k for k in range(7, 16)),
            mixer_lengths=tuple(2**k for k in range(10, 16)),
            gigaflops=150.0,
            rounds=9,
            seconds=0.02,
        ),
        QualityOfLength(
            tasks=TaskName.__args__,
            mixers=MixerName.__args__,
            length=128,
            examples=24_576,
            steps=1_600,
            dispatch=400,
        ),
    ),
    "paper": AttentionScaling(
        RUNS / "paper",
        ("cost_of_length",),
        net=Net(heads=4, features=64, layers=4, batch=32),
        cost_of_length=CostOfLength(
            scopes=("model",),
            lengths=(1_000, 1_500, 2_000, 2_500, 3_000, 4_000),
            mixer_lengths=(1_000, 2_000, 3_000, 4_000),
            gigaflops=1e6,
        ),
    ),
}


def run(experiment: AttentionScaling) -> str:
    """Measures what is missing and writes ``results.json`` and ``report.html``."""
    from experiments.devices import set_one_thread_on_each_core

    set_one_thread_on_each_core()
    from experiments.attention_scaling.study import report

    return f"report: {report(experiment)}"


def main() -> int:
    """The command line."""
    return launch(PRESETS, run, __doc__ or "")
