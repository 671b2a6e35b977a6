"""The ring study in PyTorch: the same nets, losses, optimizer and order of steps.

Three ways, of which each machine may like another best: modules run eagerly with the
fused Adam; whole steps compiled, several to a call; the same for a stack of seeds under
``vmap``. Weights start as PyTorch's do, which costs nobody any time.
"""

import time
from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NamedTuple

import torch  # pyright: ignore[reportMissingImports]
from torch import Tensor, nn  # pyright: ignore[reportMissingImports]
from torch.func import (  # pyright: ignore[reportMissingImports]
    functional_call,
    grad_and_value,
    vmap,
)
from torch.nn.functional import softplus  # pyright: ignore[reportMissingImports]

from experiments.benchmarks.processes import Ready

STEPS_A_CALL = 8
"""Of a compiled function: more gain little speed, and take longer to compile."""


def ring_samples(count: int) -> Tensor:
    """Samples of eight Gaussians on a circle, (count, 2) of float32."""
    angles = torch.randint(8, (count,)) * (torch.pi / 4)
    means = torch.stack([angles.cos(), angles.sin()], dim=1)
    return means + 0.01 * torch.randn(count, 2)


def perceptron(inputs: int, width: int, outputs: int) -> nn.Sequential:
    """Two hidden layers with ReLU."""
    hidden = nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()
    return nn.Sequential(*hidden, nn.Linear(width, outputs))


def players(width: int) -> tuple[nn.Sequential, nn.Sequential]:
    """Generator and critic."""
    return perceptron(2, width, 2), perceptron(2, width, 1)


def critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Cross-entropy of telling real logits from fake."""
    return (softplus(-real) + softplus(fake)).mean()


def generator_loss(fake: Tensor) -> Tensor:
    """The non-saturating loss of the generator."""
    return softplus(-fake).mean()


def eager_step(width: int, batch: int, data: Tensor) -> Callable[[], None]:
    """A step of the critic, then one of the generator, as PyTorch is mostly written."""
    nets = generator, critic = players(width)
    weights = [list(net.parameters()) for net in nets]
    adams = [torch.optim.Adam(w, 1e-3, (0.5, 0.999), fused=True) for w in weights]

    def descend(player: int, loss: Tensor) -> None:
        adams[player].zero_grad()
        loss.backward(inputs=weights[player])
        adams[player].step()

    def step() -> None:
        real = data[torch.randint(len(data), (batch,))]
        with torch.no_grad():
            fake = generator(torch.randn(batch, 2))
        descend(1, critic_loss(critic(real), critic(fake)))
        descend(0, generator_loss(critic(generator(torch.randn(batch, 2)))))

    return step


def eager(width: int, batch: int, seeds: int, threads: int) -> Ready:
    """Modules run eagerly, one seed after the other."""
    data = prepared(threads)
    steps = [eager_step(width, batch, data) for _ in range(seeds)]

    def advance(calls: int) -> None:
        for step in steps:
            for _ in range(calls):
                step()

    return ready(advance, seeds)


class Player(NamedTuple):
    """One player as vectors, so that Adam is one loop over memory."""

    weights: Tensor
    mean: Tensor
    square: Tensor


def fresh(nets: Sequence[nn.Module], stack: tuple[int, ...]) -> Player:
    """A player before its first step, (*stack, parameters) each."""
    vectors = [nn.utils.parameters_to_vector(net.parameters()) for net in nets]
    weights = torch.stack(vectors).detach().reshape(*stack, -1)
    return Player(weights, torch.zeros_like(weights), torch.zeros_like(weights))


def applied(net: nn.Module, weights: Tensor, x: Tensor) -> Tensor:
    """The net with the weights of a vector."""
    names, own = zip(*net.named_parameters(), strict=True)
    parts = weights.split([one.numel() for one in own])
    views = [part.view(one.shape) for part, one in zip(parts, own, strict=True)]
    return functional_call(net, dict(zip(names, views, strict=True)), x)


def adam(player: Player, slope: Tensor, step: Tensor) -> Player:
    """The player after a step of Adam."""
    mean = 0.5 * player.mean + 0.5 * slope
    square = 0.999 * player.square + 0.001 * slope * slope
    scale = (square / (1 - 0.999**step)).sqrt() + 1e-8
    return Player(
        player.weights - 1e-3 * (mean / (1 - 0.5**step)) / scale, mean, square
    )


def compiled_steps(
    width: int, batch: int, data: Tensor, stack: tuple[int, ...]
) -> tuple[Callable[..., Any], Callable[[], Any]]:
    """Compiled ``state -> state`` of several steps, and a state to start from."""
    generator, critic = players(width)

    def loss_of_critic(weights, real, fake):
        judge = applied(critic, weights, real), applied(critic, weights, fake)
        return critic_loss(*judge)

    def loss_of_generator(weights, judge, z):
        return generator_loss(applied(critic, judge, applied(generator, weights, z)))

    def step(g, d, count, real, z, z_new):
        fake = applied(generator, g.weights, z)
        slope, _ = grad_and_value(loss_of_critic)(d.weights, real, fake)
        d = adam(d, slope, count)
        slope, _ = grad_and_value(loss_of_generator)(g.weights, d.weights, z_new)
        return adam(g, slope, count), d

    one = vmap(step, (0, 0, None, 0, 0, 0)) if stack else step

    def steps(g, d, count):
        for _ in range(STEPS_A_CALL):
            count = count + 1
            real = data[torch.randint(len(data), (*stack, batch))]
            z, z_new = (torch.randn(*stack, batch, 2) for _ in range(2))
            g, d = one(g, d, count, real, z, z_new)
        return g, d, count

    def start():
        pairs = [players(width) for _ in range(prod(stack))]
        g, d = (fresh(nets, stack) for nets in zip(*pairs, strict=True))
        return g, d, torch.zeros(())

    return torch.compile(steps, fullgraph=True), start


def compiled(width: int, batch: int, seeds: int, threads: int) -> Ready:
    """Whole steps compiled, one seed after the other."""
    return _compiled(width, batch, (), seeds, threads)


def stacked(width: int, batch: int, seeds: int, threads: int) -> Ready:
    """Whole steps compiled for all seeds at once: products of stacked matrices."""
    return _compiled(width, batch, (seeds,), 1, threads)


def _compiled(width, batch, stack: tuple[int, ...], states: int, threads: int):
    steps, start = compiled_steps(width, batch, prepared(threads), stack)
    current = [start() for _ in range(states)]

    @torch.no_grad()
    def advance(calls: int) -> None:
        for i in range(states):
            for _ in range(calls):
                current[i] = steps(*current[i])

    return ready(advance, STEPS_A_CALL * states * prod(stack))


def prepared(threads: int) -> Tensor:
    """Sets the threads, and makes the data."""
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # as XLA does
    return ring_samples(100_000)


def ready(advance: Callable[[int], None], units: int) -> Ready:
    """The first call compiles, and is timed."""
    start = time.perf_counter()
    advance(1)
    return Ready(advance, units, time.perf_counter() - start)
