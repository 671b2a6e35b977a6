"""Pairs of digits in turn with online EWC in PyTorch: same net, losses and order of steps.

Modules run eagerly with the fused Adam, one run after the other; parameters, anchor and
Fisher information are vectors of the whole net where a penalty is made of them.
"""

import time
from collections.abc import Callable

import torch  # pyright: ignore[reportMissingImports]
from torch import Tensor, nn  # pyright: ignore[reportMissingImports]
from torch.nn.functional import cross_entropy  # pyright: ignore[reportMissingImports]

from experiments.benchmarks.processes import Ready

PIXELS, LOGITS, PAIRS = 784, 10, 5
WEIGHT = 100.0
"""Of the penalty."""


def net_of(width: int) -> nn.Sequential:
    """Two hidden layers with ReLU, and two logits for each pair."""
    hidden = nn.Linear(PIXELS, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()
    return nn.Sequential(*hidden, nn.Linear(width, LOGITS))


def nats_of(net: nn.Module, images: Tensor, labels: Tensor, stage: int) -> Tensor:
    """Mean nats of the two logits of a stage's pair."""
    return cross_entropy(net(images)[:, 2 * stage : 2 * stage + 2], labels)


def penalty_of(
    weights: list[Tensor], anchor: list[Tensor], importance: list[Tensor]
) -> Tensor:
    """How far parameters are from the anchor: ``1/2 sum F (w - a)^2``."""
    parts = [
        (f * (w - a) ** 2).sum()
        for w, a, f in zip(weights, anchor, importance, strict=True)
    ]
    return 0.5 * torch.stack(parts).sum()


def fisher_of(
    net: nn.Module, images: Tensor, labels: Tensor, stage: int
) -> list[Tensor]:
    """Squares of the mean gradients of batches of 128, their mean."""
    weights, batches = list(net.parameters()), len(images) // 128
    total = [torch.zeros_like(w) for w in weights]
    for part in range(batches):
        rows = slice(128 * part, 128 * part + 128)
        loss = nats_of(net, images[rows], labels[rows], stage)
        for sums, slope in zip(total, torch.autograd.grad(loss, weights), strict=True):
            sums += slope**2 / batches
    return total


def stage_of(
    width: int, batch: int, updates: int, examples: int, data: Tensor
) -> Callable[[], None]:
    """One run; each call ends a stage and makes the updates of the next."""
    net = net_of(width)
    weights = list(net.parameters())
    adam = torch.optim.Adam(weights, 1e-3, fused=True)
    anchor = [w.detach().clone() for w in weights]
    importance = [torch.zeros_like(w) for w in weights]
    labels = torch.arange(max(batch, examples)) % 2
    made = 0

    def stage() -> None:
        nonlocal made
        new = fisher_of(net, data[:examples], labels[:examples], made % PAIRS)
        with torch.no_grad():
            for own, a, f, one in zip(weights, anchor, importance, new, strict=True):
                a.copy_(own)
                f += one
        made += 1
        for _ in range(updates):
            chosen = torch.randint(len(data), (batch,))
            loss = nats_of(net, data[chosen], chosen % 2, made % PAIRS)
            adam.zero_grad()
            (loss + WEIGHT * penalty_of(weights, anchor, importance)).backward()
            adam.step()

    return stage


def eager(width: int, batch: int, seeds: int, updates: int, examples: int) -> Ready:
    """Runs on one thread, one after the other."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # as XLA does
    data = torch.rand(max(1200, examples), PIXELS)
    stages = [stage_of(width, batch, updates, examples, data) for _ in range(seeds)]

    def advance(calls: int) -> None:
        for stage in stages:
            for _ in range(calls):
                stage()

    start = time.perf_counter()
    advance(1)
    return Ready(advance, seeds * updates, time.perf_counter() - start)
