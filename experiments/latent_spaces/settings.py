"""Settings of the claim about latent spaces, checked as they are made."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from experiments.checks import (
    require_dispatches,
    require_each_once,
    require_positive,
    require_replicates,
)
from experiments.digit_sources import DigitSource

Part = Literal[
    "points_and_distributions", "generation", "likelihood", "collapse", "text"
]

FamilyName = Literal["points", "constant_scale", "variational", "importance_weighted"]
ModelName = Literal[
    "autoencoder",
    "regularized",
    "constant_scale",
    "vae_quarter",
    "vae",
    "vae_4",
    "iwae_5",
]
TextName = Literal["point", "plain", "warmed", "free"]
WiderName = Literal[
    "rounded",
    "vector_quantized",
    "flow_prior",
    "two_layers",
    "ladder",
    "conditional",
]
SamplerName = Literal["prior", "gaussian", "mixture", "flow", "second_stage"]
ProtocolName = Literal["small", "gate", "iwae"]


@dataclass(frozen=True)
class Images:
    """What is learned from: a quarter is held out, or MNIST's own test set."""

    source: DigitSource = "digits8"
    """8 x 8 digits of scikit-learn, or MNIST's (from --images.file, or TFDS)."""
    file: Path | None = None
    """An .npz file of images (n, h, w) and labels (n,), used instead of TFDS."""


@dataclass(frozen=True)
class Models:
    """The network that all models share, and how they are trained."""

    names: tuple[ModelName, ...] = ModelName.__args__
    """Which codes and objectives; two of them are compared by the verdict."""
    code: int = 8
    """Dimensions of the latent space; pictures have models of two of their own."""
    width: int = 128
    """Of each hidden layer."""
    depth: int = 2
    """Hidden layers of the encoder, and of the decoder."""
    steps: int = 6_000
    """Updates of each model."""
    dispatch: int = 2_000
    """Steps between two evaluations; divides steps."""
    batch: int = 64
    """Images of an update."""
    learning_rate: float = 1e-3
    """Of Adam."""

    def __post_init__(self):
        require_each_once("models.names", self.names)
        require_dispatches("models", self.steps, self.dispatch)
        names = ("code", "width", "depth", "batch", "learning_rate")
        require_positive("models", self, *names)
        for name in ("autoencoder", "vae"):
            if name not in self.names:
                raise ValueError(f"--models.names: expected {name}, which is compared")


@dataclass(frozen=True)
class Generation:
    """Where codes are drawn to be decoded."""

    samplers: tuple[SamplerName, ...] = SamplerName.__args__
    """The prior, or a density that was fitted to the codes of the training images."""
    samples: int = 1_000
    """Images of each model, sampler and seed."""
    components: int = 10
    """Of the mixture."""
    steps: int = 1_000
    """Updates of the flow, and of the second stage."""
    wider: tuple[WiderName, ...] = ("rounded", "flow_prior", "ladder", "conditional")
    """Models with codes or priors of their own, each a program: FSQ, VQ, a flow prior,
    two layers of codes, and a VAE that is told the class."""

    def __post_init__(self):
        require_each_once("generation.samplers", self.samplers)
        require_positive("generation", self, "samples", "components", "steps")
        if "prior" not in self.samplers:
            raise ValueError("--generation.samplers: expected prior, which is compared")


@dataclass(frozen=True)
class Likelihood:
    """Bounds and annealed estimates of log p(x), of points and densities alike."""

    protocol: ProtocolName = "small"
    """Small: these digits, drawn black and white. The others need MNIST: gate is a VAE of
    784-500-20 for 10 epochs; iwae is IWAE's table, to the stage that is told."""
    stages: int = 5
    """Of IWAE's table, of 1, 3, 9 ... epochs: 121 in 5 of them, 3,280 in all 8."""
    images: int = 100
    """Held-out images that are scored by many codes, and by annealing."""
    codes: int = 5_000
    """Codes of the bound."""
    temperatures: int = 300
    """Of annealed importance sampling."""
    chains: int = 8
    """Of each image."""

    def __post_init__(self):
        names = ("images", "codes", "temperatures", "chains")
        require_positive("likelihood", self, *names)
        if not 1 <= self.stages <= 8:
            raise ValueError(f"--likelihood.stages {self.stages}: expected 1 to 8")


@dataclass(frozen=True)
class Collapse:
    """Where a posterior falls onto the prior: swept settings of one program a depth."""

    weights: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0, 4.0)
    """Of the rate."""
    noises: tuple[float, ...] = (0.1, 0.3, 1.0)
    """Standard deviation of a pixel."""
    warmups: tuple[float, ...] = (0.0, 0.5)
    """Shares of the run over which the weight grows from zero."""
    depths: tuple[int, ...] = (1, 3)
    """Hidden layers of the decoder."""
    seeds: int = 3
    """Replicates of each setting."""
    steps: int = 1_000
    """Updates of each run."""

    def __post_init__(self):
        require_replicates("collapse.seeds", self.seeds)
        require_positive("collapse", self, "steps")
        for name in ("weights", "noises", "warmups", "depths"):
            values = getattr(self, name)
            if not values or min(values) < 0 or len(set(values)) < len(values):
                raise ValueError(
                    f"--collapse.{name} {' '.join(map(str, values))}: expected one or "
                    "more numbers of 0 or more, each once"
                )


@dataclass(frozen=True)
class Text:
    """Windows of bytes, told from a code and from the bytes before."""

    domains: tuple[str, ...] = ("scripture", "legal", "code")
    """Of the text that the package carries; two or more, which codes may tell apart."""
    length: int = 16
    """Bytes of a window."""
    code: int = 8
    """Dimensions of the latent space."""
    features: int = 32
    """Of each byte's vector."""
    seeds: int = 6
    """Replicates of each model, the unit of every interval; 2 or more."""
    steps: int = 1_000
    """Updates of each model."""
    dispatch: int = 500
    """Steps between two evaluations; divides steps."""
    batch: int = 32
    """Windows of an update."""
    learning_rate: float = 3e-3
    """Of Adam."""
    warmup: float = 0.5
    """Share of the run over which the weight of the rate grows, where it is warmed up."""
    free: float = 0.5
    """Nats that each dimension has for nothing, where some are free."""
    scored: int = 256
    """Held-out windows by which models are scored."""
    texts: int = 200
    """Windows that each model and seed writes, from codes of each kind."""
    codes: int = 50
    """Of the bound on log p(x)."""

    def __post_init__(self):
        require_each_once("text.domains", self.domains)
        require_replicates("text.seeds", self.seeds)
        require_dispatches("text", self.steps, self.dispatch)
        names = "length", "code", "features", "batch", "learning_rate", "warmup"
        require_positive("text", self, *names, "free", "scored", "texts", "codes")
        if len(self.domains) < 2:
            raise ValueError("--text.domains: expected two or more")


@dataclass(frozen=True)
class LatentSpaces:
    """What to train, how often, and where to leave the report."""

    out: Path
    """Folder of the run; the same command in it continues what was cut short."""
    parts: tuple[Part, ...] = Part.__args__
    """Which parts of the claim to measure."""
    seeds: int = 6
    """Replicates of each model, the unit of every interval; 2 or more."""
    images: Images = field(default_factory=Images)
    models: Models = field(default_factory=Models)
    generation: Generation = field(default_factory=Generation)
    likelihood: Likelihood = field(default_factory=Likelihood)
    collapse: Collapse = field(default_factory=Collapse)
    text: Text = field(default_factory=Text)

    def __post_init__(self):
        require_replicates("seeds", self.seeds)
        require_each_once("parts", self.parts)
        mnist = self.images.source == "mnist"
        if self.likelihood.protocol != "small" and not mnist:
            raise ValueError(
                f"--likelihood.protocol {self.likelihood.protocol}: is of MNIST; give "
                "--images.source mnist, and --images.file or TFDS"
            )
