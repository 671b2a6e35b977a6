"""The variational autoencoder in pythae: its model, its trainer and its likelihood.

The model is its ``VAE`` around the benchmark's net. It is trained by ``train_step`` of its
``BaseTrainer``, one epoch a call, without the evaluation, saving and progress bar around
it; or in a plain loop of model, ``backward`` and the fused Adam.
"""

import json
import tempfile
from collections.abc import Callable
from typing import Any

import torch  # pyright: ignore[reportMissingImports]
from pythae.data.datasets import (  # pyright: ignore[reportMissingImports]
    BaseDataset,
    DatasetOutput,
)
from pythae.models import VAE, VAEConfig  # pyright: ignore[reportMissingImports]
from pythae.models.base.base_utils import (  # pyright: ignore[reportMissingImports]
    ModelOutput,
)
from pythae.models.nn import (  # pyright: ignore[reportMissingImports]
    BaseDecoder,
    BaseEncoder,
)
from pythae.trainers import (  # pyright: ignore[reportMissingImports]
    BaseTrainer,
    BaseTrainerConfig,
)
from torch import Tensor, nn  # pyright: ignore[reportMissingImports]

from experiments.benchmarks.autoencoding_tasks import (
    PIXELS,
    SIDE,
    Layers,
    Scored,
    Sizes,
    loaded,
)
from experiments.benchmarks.processes import Ready
from experiments.benchmarks.torch_autoencoding import hidden, prepared, ready


class Encoder(BaseEncoder):
    """From images to mean and log-variance."""

    def __init__(self, sizes: Sizes):
        super().__init__()
        self.hidden = nn.Sequential(*hidden(PIXELS, sizes.width))
        self.mean = nn.Linear(sizes.width, sizes.code)
        self.log_variance = nn.Linear(sizes.width, sizes.code)

    def forward(self, x: Tensor) -> Any:
        features = self.hidden(x.flatten(1))
        return ModelOutput(
            embedding=self.mean(features), log_covariance=self.log_variance(features)
        )


class Decoder(BaseDecoder):
    """From codes to probabilities of pixels."""

    def __init__(self, sizes: Sizes):
        super().__init__()
        outputs = nn.Linear(sizes.width, PIXELS), nn.Sigmoid()
        self.hidden = nn.Sequential(*hidden(sizes.code, sizes.width), *outputs)

    def forward(self, z: Tensor) -> Any:
        return ModelOutput(reconstruction=self.hidden(z).view(-1, 1, SIDE, SIDE))


def model_of(sizes: Sizes) -> Any:
    """pythae's VAE around these."""
    settings = VAEConfig(
        input_dim=(1, SIDE, SIDE), latent_dim=sizes.code, reconstruction_loss="bce"
    )
    return VAE(settings, Encoder(sizes), Decoder(sizes))


def images_of(sizes: Sizes, threads: int) -> Tensor:
    """Images as pythae wants them, (n, 1, 28, 28)."""
    return prepared(sizes, threads).view(-1, 1, SIDE, SIDE)


def trainer(sizes: Sizes, seeds: int, threads: int) -> Ready:
    """Epochs of its own trainer, one seed after the other."""
    images = images_of(sizes, threads)
    data = BaseDataset(images, torch.zeros(len(images)))
    trainers = [trainer_of(sizes, data) for _ in range(seeds)]

    def advance(calls: int) -> None:
        for one in trainers:
            for epoch in range(calls):
                one.train_step(epoch)

    advance(1)
    return Ready(advance, seeds * len(images), 0.0)


def trainer_of(sizes: Sizes, data: Any) -> Any:
    """Its trainer, as ``train`` leaves it before the first epoch, but for its bar."""
    settings = BaseTrainerConfig(
        output_dir=tempfile.mkdtemp(),
        learning_rate=1e-3,
        per_device_train_batch_size=sizes.batch,
        no_cuda=True,
    )
    one = BaseTrainer(model_of(sizes), data, training_config=settings)
    one.prepare_training()
    one.callback_handler.callbacks = []
    return one


def loop(sizes: Sizes, seeds: int, threads: int) -> Ready:
    """Its model in a plain loop, one seed after the other."""
    images = images_of(sizes, threads)
    return ready([step_of(sizes, images) for _ in range(seeds)], sizes)


def step_of(sizes: Sizes, images: Tensor) -> Callable[[], None]:
    """One update of one seed."""
    model = model_of(sizes)
    adam = torch.optim.Adam(model.parameters(), 1e-3, fused=True)

    def step() -> None:
        batch = images[torch.randint(len(images), (sizes.batch,))]
        adam.zero_grad()
        model(DatasetOutput(data=batch)).loss.backward()
        adam.step()

    return step


def bounded(scored: Scored, threads: int) -> Ready:
    """Its likelihood of some images, by the weights that jaxgen left in the folder.

    ``get_nll`` loops over images, so that calling it for each costs nothing. What it
    returns is the log-likelihood, whatever its name says: the sign is turned here.
    """
    images = images_of(scored.sizes, threads)[: scored.images]
    model = model_of(scored.sizes).eval()
    with torch.no_grad():
        given(model, loaded(scored.folder / "weights.npz"))

    @torch.no_grad()
    def bounds() -> list[float]:
        return [-float(model.get_nll(one[None], scored.codes)) for one in images]

    (scored.folder / "pythae.json").write_text(json.dumps(bounds()))

    def advance(calls: int) -> None:
        for _ in range(calls):
            bounds()

    return Ready(advance, scored.images, 0.0)


def given(model: Any, layers: Layers) -> None:
    """Sets the weights; a log-variance is twice a log-scale."""
    kernel, bias = layers[3]
    layers = [*layers[:3], (2 * kernel, 2 * bias), *layers[4:]]
    linear = [one for one in model.modules() if isinstance(one, nn.Linear)]
    # the model registers its decoder before its encoder
    encoder = [one for one in model.encoder.modules() if one in linear]
    decoder = [one for one in model.decoder.modules() if one in linear]
    for one, (kernel, bias) in zip([*encoder, *decoder], layers, strict=True):
        one.weight.copy_(torch.from_numpy(kernel.T))
        one.bias.copy_(torch.from_numpy(bias))
