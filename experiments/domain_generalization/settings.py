"""What can be asked of the claim about domains, checked as it is made."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from experiments.checks import (
    option,
    require_each_once,
    require_positive,
    require_rising,
)
from experiments.digit_sources import DigitSource
from experiments.domain_generalization.continual_settings import Continual
from experiments.domain_generalization.digit_settings import (
    PermutedDigits,
    SplitDigits,
)
from experiments.domain_generalization.fine_tuning_settings import FineTuning
from experiments.domain_generalization.image_settings import DomainBed, Looks
from experiments.domain_generalization.method_names import MethodName, SelectionName

Part = Literal[
    "diversity",
    "architecture",
    "algorithms",
    "fine_tuning",
    "continual",
    "split_digits",
    "permuted_digits",
    "looks",
    "domainbed",
    "published",
]
ArmName = Literal["attention", "window", "delta", "state_space", "convolution", "none"]


@dataclass(frozen=True)
class Corpus:
    """Domains of text, and what is read of them."""

    folder: Path | None = None
    """Its files and sub-folders are the domains: .txt with a line of one form feed between
    documents, .jsonl with one in each line; the package's own texts unless told."""
    sets: tuple[str, ...] = ()
    """Of text, by their names in TensorFlow Datasets, each a domain beside those."""
    field: str = "text"
    """What the text is called in .jsonl files and in sets."""
    train: tuple[str, ...] = ()
    """Domains to train on, each of which is held out in turn; all the rest unless told."""
    held_out: tuple[str, ...] = ()
    """Domains that nothing is trained on, to be told beside."""
    weights: tuple[float, ...] = ()
    """Of the domains to train on, adding up to one; equal unless told."""
    length: int = 64
    """Bytes of a window."""
    batch: int = 8
    """Windows of an update."""
    updates: int = 400
    """Of a pass over the windows of a run, none of which is drawn twice in a pass."""
    passes: int = 1
    """Of each run."""
    tested: int = 128
    """Windows of other documents of each domain that a model is judged by, at most."""

    def __post_init__(self):
        names = "length", "batch", "updates", "passes", "tested"
        require_positive("corpus", self, *names)
        if self.length < 8:
            raise ValueError(f"--corpus.length {self.length}: expected 8 bytes or more")
        both = sorted(set(self.train) & set(self.held_out))
        if both:
            raise ValueError(
                f"--corpus.held-out {' '.join(both)}: also in --corpus.train, and nothing "
                "is trained on what is held out; leave it out of one of the two"
            )
        for name in ("train", "held_out", "sets"):
            if getattr(self, name):
                require_each_once(f"corpus.{name}", getattr(self, name))
        if self.weights:
            require_mixture(self.weights)

    @property
    def budget(self) -> int:
        """Windows of a pass."""
        return self.batch * self.updates

    @property
    def steps(self) -> int:
        """Updates of a run."""
        return self.updates * self.passes


@dataclass(frozen=True)
class Net:
    """A small language model of bytes."""

    features: int = 64
    """Of each vector."""
    layers: int = 2
    """Blocks of a mixer and a perceptron."""
    heads: int = 4
    """Of attention and of the delta rule; they divide the features."""
    rate: float = 5e-3
    """Highest learning rate of AdamW: up over a tenth of the run, then down to zero."""

    def __post_init__(self):
        require_positive("net", self, "features", "layers", "heads", "rate")
        if self.features % self.heads:
            raise ValueError(
                f"--net.heads {self.heads}: expected to divide --net.features "
                f"{self.features}"
            )


@dataclass(frozen=True)
class Diversity:
    """Training sets of few domains and of many, of the same number of bytes."""

    sizes: tuple[int, ...] = (1, 2, 4, 8)
    """Domains of a training set."""
    draws: int = 2
    """Circles of all domains, along which training sets lie; replicated before seeds."""
    seeds: int = 1
    """Replicates of each training set."""

    def __post_init__(self):
        require_rising("diversity.sizes", self.sizes, least=2)
        require_positive("diversity", self, "draws", "seeds")


@dataclass(frozen=True)
class Recall:
    """What a row said of a key, asked once for each: where attention must win."""

    arms: tuple[ArmName, ...] = ()
    """Those of texts unless told."""
    pairs: int = 3
    """Of a key and a value, at the start of a row."""
    length: int = 24
    """Tokens of a row; what is neither pair nor question is blank."""
    vocabulary: int = 8
    """Half of it values, the others keys and a blank, of the model's 256 tokens."""
    batch: int = 32
    """Rows of an update, of a pool with as many as are drawn in all."""
    steps: int = 240
    """Updates."""
    rate: float = 3e-3
    """Highest learning rate, as of texts."""
    seeds: int = 3
    """Replicates, over which intervals are."""
    tested: int = 256
    """Rows that a model is judged by."""

    def __post_init__(self):
        names = "pairs", "length", "batch", "steps", "rate", "seeds", "tested"
        require_positive("architecture.recall", self, *names)
        if self.arms:
            require_each_once("architecture.recall.arms", self.arms)
        if self.seeds < 2:
            raise ValueError("--architecture.recall.seeds 1: expected 2 or more")
        if not 2 * self.pairs + 2 <= self.vocabulary <= 256:
            raise ValueError(
                f"--architecture.recall.vocabulary {self.vocabulary}: expected "
                f"{2 * self.pairs + 2} to 256 tokens for {self.pairs} pairs"
            )
        if self.length < 4 * self.pairs:
            raise ValueError(
                f"--architecture.recall.length {self.length}: expected "
                f"{4 * self.pairs} or more, four for each pair"
            )


@dataclass(frozen=True)
class Architecture:
    """Mixers of tokens in models of equal size, trained on all domains but one."""

    arms: tuple[ArmName, ...] = ("attention", "window", "delta", "convolution", "none")
    """Attention is what the others are compared with; none mixes nothing."""
    seeds: int = 1
    """Replicates of each domain left out."""
    window: int = 8
    """Tokens that the window sees before each."""
    recall: Recall = field(default_factory=Recall)

    def __post_init__(self):
        require_each_once("architecture.arms", self.arms)
        require_positive("architecture", self, "seeds", "window")
        if "attention" not in self.arms or len(self.arms) < 3:
            raise ValueError(
                "--architecture.arms: expected attention, which the others are compared "
                "with, and two more, whose line it is held against"
            )


@dataclass(frozen=True)
class Algorithms:
    """Objectives over several domains, trained on all domains but one."""

    methods: tuple[MethodName, ...] = ("erm", "group_dro", "vrex", "irm")
    """The mean loss is what the others are compared with."""
    selection: SelectionName = "training_domains"
    """How each method's weight is chosen: by validation on the domains in training, or by
    what it does where other domains are left out. The verdict is by this rule."""
    seeds: int = 1
    """Replicates of each domain left out and each weight."""
    each: int = 1
    """Windows of each domain in an update."""
    updates: int = 250
    """Of a pass."""

    def __post_init__(self):
        require_each_once("algorithms.methods", self.methods)
        require_positive("algorithms", self, "seeds", "each", "updates")
        if "erm" not in self.methods or len(self.methods) < 2:
            raise ValueError(
                "--algorithms.methods: expected erm, which the others are compared with, "
                "and one more"
            )
        if "coral" in self.methods and self.each < 2:
            raise ValueError(
                "--algorithms.each 1: coral compares covariances; expected 2 or more"
            )


@dataclass(frozen=True)
class Published:
    """Colored MNIST, as it was published: colours mislead where they are tested."""

    source: DigitSource = "digits8"
    """The digits of scikit-learn, a small form; or MNIST's (from a file, or TFDS)."""
    file: Path | None = None
    """An .npz file of images (n, h, w) and labels (n,), used instead of TFDS."""
    share: float = 1.0
    """Of the images to learn from; a fifth is five times sooner there."""
    restarts: int = 5
    """Replicates, each with colours, labels and parameters of its own; 10 in print."""
    hidden: int = 64
    """Units of each of two layers; 390 in print."""
    steps: int = 500
    """Updates, each with all images."""
    anneal: int = 190
    """Updates before a penalty has its full weight."""

    def __post_init__(self):
        names = "share", "restarts", "hidden", "steps", "anneal"
        require_positive("published", self, *names)
        if self.share > 1:
            raise ValueError(f"--published.share {self.share}: expected 1 or less")
        if self.restarts < 2:
            raise ValueError("--published.restarts 1: expected 2 or more")


@dataclass(frozen=True)
class DomainGeneralization:
    """What to measure, and where to leave the report."""

    out: Path
    """Folder of the run; the same command in it continues what was cut short."""
    parts: tuple[Part, ...] = tuple(
        part for part in Part.__args__ if part not in ("permuted_digits", "domainbed")
    )
    """Which parts of the claim to measure; the two others take a minute each."""
    corpus: Corpus = field(default_factory=Corpus)
    net: Net = field(default_factory=Net)
    diversity: Diversity = field(default_factory=Diversity)
    architecture: Architecture = field(default_factory=Architecture)
    algorithms: Algorithms = field(default_factory=Algorithms)
    fine_tuning: FineTuning = field(default_factory=FineTuning)
    continual: Continual = field(default_factory=Continual)
    split_digits: SplitDigits = field(default_factory=SplitDigits)
    permuted_digits: PermutedDigits = field(default_factory=PermutedDigits)
    looks: Looks = field(default_factory=Looks)
    domainbed: DomainBed = field(default_factory=DomainBed)
    published: Published = field(default_factory=Published)

    def __post_init__(self):
        require_each_once("parts", self.parts)
        if self.algorithms.each * self.algorithms.updates > self.corpus.budget:
            raise ValueError(
                f"--algorithms.each {self.algorithms.each} --algorithms.updates "
                f"{self.algorithms.updates}: more windows of a domain than the "
                f"{self.corpus.budget} of --corpus.batch times --corpus.updates"
            )
        self.continual.require_stages(self.corpus.batch, self.corpus.budget)
        self.continual.require_rank(self.net.features)

        tuning, corpus = self.fine_tuning, self.corpus
        if tuning.shots[-1] > corpus.budget:
            raise ValueError(
                f"--fine-tuning.shots {tuning.shots[-1]}: more windows of a domain than "
                f"the {corpus.budget} of --corpus.batch times --corpus.updates"
            )
        before = max(tuning.prefix, *tuning.prompts)
        if before > corpus.length // 2:
            raise ValueError(
                f"--fine-tuning.prefix {tuning.prefix} --fine-tuning.prompts "
                f"{' '.join(map(str, tuning.prompts))}: expected half of --corpus.length "
                f"{corpus.length} or less, so that there is room before what is judged"
            )


def require_mixture(weights: tuple[float, ...]) -> None:
    """Raises:
    ValueError: weights that are not above zero, or do not add up to one.
    """
    total = sum(weights)
    if min(weights) <= 0 or not abs(total - 1) < 1e-4:
        raise ValueError(
            f"{option('corpus.weights')} {' '.join(map(str, weights))}: their sum is "
            f"{total:.6g}; expected each above 0, and 1 together"
        )
