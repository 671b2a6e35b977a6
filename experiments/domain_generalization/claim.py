"""What a language model tells of domains that it never saw, and what that depends on.

    python -m experiments.domain_generalization             # laptop
    python -m experiments.domain_generalization tiny        # a minute
    python -m experiments.domain_generalization study       # everything, larger; a night

Its parts:

    diversity      training sets of one domain and of many, of as many bytes
    architecture   self-attention against other mixers of tokens, in models of equal size
    algorithms     objectives over several domains against their mean loss
    continual      one domain after the other, and what is done against forgetting
    split_digits   pairs of digits in turn, beside published accuracies of EWC

Texts are the package's own, ten domains, or those of a folder: --corpus.folder.

Time: laptop about 15 minutes on two cores, study a night. Expected: unseen domains are
told better with each doubling of the number of domains in training, and those in training
worse. What an architecture tells of unseen domains follows from what it tells of those in
training: attention is on the line of the others. Models without mixing are far worse.
Domains learned in turn are forgotten by 0.1 bits per byte; replay gains that back.
"""

from pathlib import Path

from experiments.domain_generalization.continual_settings import (
    Continual,
    FisherName,
    SplitDigits,
    StrategyName,
)
from experiments.domain_generalization.settings import (
    Algorithms,
    Architecture,
    ArmName,
    Corpus,
    Diversity,
    DomainGeneralization,
    MethodName,
    Net,
)
from experiments.launch import launch

RUNS = Path("runs/domain_generalization")

PRESETS = {
    "tiny": DomainGeneralization(
        RUNS / "tiny",
        corpus=Corpus(
            train=("fiction", "drama", "code", "math"),
            held_out=("legal",),
            length=8,
            batch=4,
            updates=6,
            tested=4,
        ),
        net=Net(features=8, layers=1, heads=2),
        diversity=Diversity(sizes=(1, 2, 3), draws=1),
        architecture=Architecture(arms=("attention", "convolution", "none"), window=2),
        algorithms=Algorithms(methods=("erm", "irm"), updates=2),
        continual=Continual(
            strategies=("naive", "replay"),
            domains=3,
            updates=4,
            replayed=1,
            capacity=3,
            fisher_windows=2,
            evaluations=2,
            tested=2,
        ),
        split_digits=SplitDigits(
            fishers=("batched",),
            seeds=2,
            iterations=3,
            batch=8,
            width=4,
            fisher_examples=128,
        ),
    ),
    "laptop": DomainGeneralization(RUNS / "laptop"),
    "study": DomainGeneralization(
        RUNS / "study",
        corpus=Corpus(length=128, batch=16, updates=180, passes=4, tested=190),
        net=Net(features=96, layers=3, rate=4e-3),
        diversity=Diversity(draws=3),
        architecture=Architecture(arms=ArmName.__args__, seeds=2, window=16),
        algorithms=Algorithms(MethodName.__args__, seeds=2, each=2, updates=160),
        continual=Continual(
            StrategyName.__args__,
            seeds=3,
            updates=160,
            replayed=2,
            capacity=256,
            fisher_windows=128,
            evaluations=8,
            tested=32,
        ),
        split_digits=SplitDigits(
            "mnist",
            fishers=FisherName.__args__,
            seeds=30,
            iterations=2_000,
            batch=128,
            width=400,
            fisher_examples=10_752,
        ),
    ),
}


def run(experiment: DomainGeneralization) -> str:
    """Measures what is missing and writes ``results.json`` and ``report.html``."""
    from experiments.devices import set_one_thread_on_each_core

    set_one_thread_on_each_core()
    from experiments.domain_generalization.study import report

    return f"report: {report(experiment)}"


def main() -> int:
    """The command line."""
    return launch(PRESETS, run, __doc__ or "")
