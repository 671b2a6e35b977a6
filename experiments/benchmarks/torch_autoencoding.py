"""The variational autoencoder in PyTorch: the same net, loss, optimizer and batches.

Two ways: modules run eagerly with the fused Adam; the loss and its gradient compiled,
with the same Adam. Weights start as PyTorch's do, which costs nobody any time.
"""

import time
from collections.abc import Callable

import torch  # pyright: ignore[reportMissingImports]
from torch import Tensor, nn  # pyright: ignore[reportMissingImports]
from torch.nn.functional import (  # pyright: ignore[reportMissingImports]
    binary_cross_entropy_with_logits,
)

from experiments.benchmarks.autoencoding_tasks import PIXELS, Sizes, black_and_white
from experiments.benchmarks.processes import Ready

STEPS = 10
"""Updates in a call."""


def hidden(inputs: int, width: int) -> tuple[nn.Module, ...]:
    """Two hidden layers."""
    return nn.Linear(inputs, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh()


class Net(nn.Module):
    """Encoder, heads of the code, and decoder."""

    def __init__(self, sizes: Sizes):
        super().__init__()
        self.encoder = nn.Sequential(*hidden(PIXELS, sizes.width))
        self.mean = nn.Linear(sizes.width, sizes.code)
        self.log_scale = nn.Linear(sizes.width, sizes.code)
        outputs = nn.Linear(sizes.width, PIXELS)
        self.decoder = nn.Sequential(*hidden(sizes.code, sizes.width), outputs)

    def forward(self, images: Tensor, noise: Tensor) -> Tensor:
        """The negative bound of a batch, nats of an image."""
        features = self.encoder(images)
        mean, log_scale = self.mean(features), self.log_scale(features)
        scale = log_scale.exp()
        outputs = self.decoder(mean + scale * noise)
        missed = binary_cross_entropy_with_logits(outputs, images, reduction="sum")
        rate = (0.5 * (mean**2 + scale**2 - 1) - log_scale).sum()
        return (missed + rate) / len(images)


def step_of(sizes: Sizes, images: Tensor, compiled: bool) -> Callable[[], None]:
    """One update of one seed."""
    net = Net(sizes)
    adam = torch.optim.Adam(net.parameters(), 1e-3, fused=True)
    loss = torch.compile(net, fullgraph=True) if compiled else net

    def step() -> None:
        batch = images[torch.randint(len(images), (sizes.batch,))]
        adam.zero_grad()
        loss(batch, torch.randn(sizes.batch, sizes.code)).backward()
        adam.step()

    return step


def eager(sizes: Sizes, seeds: int, threads: int) -> Ready:
    """Modules run eagerly, one seed after the other."""
    images = prepared(sizes, threads)
    return ready([step_of(sizes, images, False) for _ in range(seeds)], sizes)


def compiled(sizes: Sizes, seeds: int, threads: int) -> Ready:
    """The loss and its gradient compiled, one seed after the other."""
    images = prepared(sizes, threads)
    return ready([step_of(sizes, images, True) for _ in range(seeds)], sizes)


def prepared(sizes: Sizes, threads: int) -> Tensor:
    """Sets the threads, and loads the images, (n, 784)."""
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # as XLA does
    return torch.from_numpy(black_and_white(sizes.file)).flatten(1)


def ready(steps: list[Callable[[], None]], sizes: Sizes) -> Ready:
    """Several updates of every seed a call; the first compiles, and is timed."""

    def advance(calls: int) -> None:
        for step in steps:
            for _ in range(calls * STEPS):
                step()

    start = time.perf_counter()
    advance(1)
    took = time.perf_counter() - start
    return Ready(advance, len(steps) * STEPS * sizes.batch, took)
