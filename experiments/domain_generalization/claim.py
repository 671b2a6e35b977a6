"""What a language model tells of domains that it never saw, and what that depends on.

    python -m experiments.domain_generalization             # laptop
    python -m experiments.domain_generalization tiny        # a minute
    python -m experiments.domain_generalization study       # everything, larger; a night

Its parts:

    diversity        training sets of one domain and of many, of as many bytes
    architecture     self-attention against other mixers of tokens, in models of equal size
    algorithms       objectives over several domains against their mean loss
    fine_tuning      a few bytes of an unseen domain: what they gain there, and cost
    continual        one domain after the other, and what is done against forgetting
    split_digits     pairs of digits in turn, beside published accuracies of EWC
    permuted_digits  ten digits in turn, their pixels in other places each time
    looks            digits that are written, printed, of few pixels: objectives as above
    domainbed        DomainBed's Colored and Rotated MNIST; here of printed digits, small
    published        Colored MNIST, beside the published table; here of small digits

Permuted digits, and DomainBed's, are measured where they are asked for (--parts). The
former with MNIST as published wants an accelerator: study --parts permuted_digits
--permuted-digits.width 1000 --permuted-digits.iterations 5000 --permuted-digits.rate 1e-4
--permuted-digits.seeds 30.

With real digits, the last part alone (--published.file, or TFDS):

    python -m experiments.domain_generalization short       # a fifth of the images
    python -m experiments.domain_generalization full        # as published: hours

and that of DomainBed (--domainbed.file, or TFDS), for an accelerator:

    python -m experiments.domain_generalization domainbed   # defaults of five methods

Texts are the package's own, ten domains, or those of a folder: --corpus.folder.

Time: laptop about 20 minutes on two cores, study a night. Expected: unseen
domains are told better with each doubling of the number of domains in training, and those
in training worse. What an architecture tells of unseen domains follows from what it tells
of those in training: attention is on the line of the others. Models without mixing are
far worse. A few kB of an unseen domain gain half a bit a byte of it; part of the way back
from full tuning gives a front of gains and losses at least as good, low-rank adapters and
prefixes a worse one, and a prompt gains nothing. Domains learned in turn are forgotten by
a tenth of a bit a byte; replay gains that back.
"""

from pathlib import Path

from experiments.domain_generalization.continual_settings import (
    Continual,
    StrategyName,
)
from experiments.domain_generalization.digit_settings import (
    FisherName,
    KeeperName,
    PermutedDigits,
    SplitDigits,
)
from experiments.domain_generalization.fine_tuning_settings import (
    FineTuning,
    TuningName,
)
from experiments.domain_generalization.image_settings import DomainBed, Looks
from experiments.domain_generalization.settings import (
    Algorithms,
    Architecture,
    ArmName,
    Corpus,
    Diversity,
    DomainGeneralization,
    MethodName,
    Net,
    Part,
    Published,
    Recall,
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
        architecture=Architecture(
            arms=("attention", "convolution", "none"),
            window=2,
            recall=Recall(("attention",), steps=4, batch=2, seeds=2, tested=4),
        ),
        algorithms=Algorithms(methods=("erm", "irm"), updates=2),
        fine_tuning=FineTuning(
            methods=("full", "lora", "ema"),
            targets=3,
            shots=(2, 4),
            updates=4,
            batch=2,
            points=2,
            judged=2,
            others=1,
            rank=2,
            prefix=2,
            prompts=(4,),
        ),
        continual=Continual(
            strategies=("naive", "replay", "lora_per_domain"),
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
        looks=Looks(rates=(1e-2,), seeds=2, images=40, each=4, steps=2, widths=(4, 4)),
        domainbed=DomainBed(
            methods=("erm", "irm"),
            seeds=2,
            every=4,
            each=4,
            steps=2,
            anneal=1,
            evaluations=1,
            judged=8,
        ),
        permuted_digits=PermutedDigits(
            strategies=("ewc", "si"),
            stages=2,
            seeds=2,
            iterations=3,
            batch=8,
            width=4,
            fisher_examples=20,
        ),
        published=Published(share=0.1, restarts=2, hidden=4, steps=4, anneal=2),
    ),
    "laptop": DomainGeneralization(RUNS / "laptop"),
    "study": DomainGeneralization(
        RUNS / "study",
        Part.__args__,
        corpus=Corpus(length=128, batch=16, updates=180, passes=4, tested=190),
        net=Net(features=96, layers=3, rate=4e-3),
        diversity=Diversity(draws=3),
        architecture=Architecture(arms=ArmName.__args__, seeds=2, window=16),
        algorithms=Algorithms(MethodName.__args__, seeds=2, each=2, updates=160),
        fine_tuning=FineTuning(
            TuningName.__args__,
            shots=(30, 120, 480, 1920),
            updates=240,
            batch=8,
            points=6,
            judged=190,
            others=32,
            decay=0.98,
            prompts=(8, 32, 64),
            seeds=2,
        ),
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
        looks=Looks(
            "mnist",
            rates=(1e-3, 3e-3),
            seeds=10,
            images=1_790,
            steps=1_500,
            widths=(32, 64, 128),
        ),
        domainbed=DomainBed(
            seeds=5, each=32, steps=1_000, anneal=100, evaluations=10, width=16
        ),
        permuted_digits=PermutedDigits(
            "mnist",
            strategies=KeeperName.__args__,
            stages=10,
            seeds=10,
            iterations=500,
            batch=128,
            width=400,
            fisher_examples=1_000,
        ),
    ),
    "domainbed": DomainGeneralization(
        RUNS / "domainbed",
        parts=("domainbed",),
        domainbed=DomainBed(
            "mnist",
            every=1,
            width=64,
            each=64,
            steps=5_000,
            anneal=500,
            evaluations=20,
            judged=2_000,
        ),
    ),
    "short": DomainGeneralization(
        RUNS / "short",
        parts=("published",),
        published=Published("mnist", share=0.2, restarts=3, hidden=390),
    ),
    "full": DomainGeneralization(
        RUNS / "full",
        parts=("published",),
        published=Published("mnist", restarts=10, hidden=390),
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
