"""Autoencoders of text: one network, another code or another price of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import flax.linen as nn
import numpy as np
import optax

from experiments.latent_spaces.arms import warmed
from experiments.latent_spaces.settings import Text, TextName
from experiments.latent_spaces.text_windows import Texts
from experiments.latent_spaces.trained import Model, held_out, models_apart
from experiments.training import Run, train
from jaxgen.arrays import Scalar
from jaxgen.data.batches import minibatch
from jaxgen.models.priors import StandardNormal
from jaxgen.models.text_autoencoder import TextAutoencoder, TextDecoder, Words
from jaxgen.models.text_encoder import TextEncoder
from jaxgen.nn.codes import GaussianCode, PointCode
from jaxgen.nn.gated_convolution import GatedConvolution
from jaxgen.nn.transformer_block import FeedForward, TransformerBlock
from jaxgen.objectives.rates import free_bits
from jaxgen.objectives.variational import elbo
from jaxgen.training.autoencoding import autoencoding
from jaxgen.training.dispatch import feed
from jaxgen.training.learner import Learner
from jaxgen.training.replicate import grid
from jaxgen.training.transforms import guard
from jaxgen.training.weight_schedules import scheduled

VOCABULARY = 256
"""Bytes."""
BEFORE = 4
"""Bytes that a layer of the decoder sees: the last ones that were told."""


@dataclass(frozen=True)
class TextArm:
    """What a model of text is called, and what its code costs.

    Attributes:
      title: in tables.
      warmup: whether the weight of the rate grows from zero.
      free: whether some nats of each dimension are for nothing.
    """

    title: str
    warmup: bool = False
    free: bool = False


TEXT_ARMS: dict[TextName, TextArm] = {
    "point": TextArm("autoencoder"),
    "plain": TextArm("VAE"),
    "warmed": TextArm("VAE, warmed up", warmup=True),
    "free": TextArm("VAE, free bits", free=True),
}


def text_net(settings: Text, code: nn.Module) -> TextAutoencoder:
    """The network of all arms: a block that sees both sides, and a causal one."""
    size = VOCABULARY, settings.features
    both, past = (
        TransformerBlock(mixer, FeedForward(settings.features))
        for mixer in (GatedConvolution(5), GatedConvolution(BEFORE, causal=True))
    )
    return TextAutoencoder(
        TextEncoder(*size, (both,)),
        code,
        StandardNormal(settings.code),
        TextDecoder(*size, (past,)),
        Words(),
    )


def text_models(settings: Text, texts: Texts, folder: Path) -> dict[TextName, Model]:
    """Every model of text; trains what is missing, points and densities as one each."""
    point, dense = (
        text_net(settings, code(settings.code)) for code in (PointCode, GaussianCode)
    )
    adam = optax.adam(settings.learning_rate)

    def points() -> Learner:
        return feed(guard(autoencoding(point, elbo, adam)), minibatch(settings.batch))

    def densities(warmup: Scalar, free: Scalar) -> Learner:
        def weighted(weight: Scalar) -> Learner:
            return autoencoding(dense, free_bits(free, weight=weight), adam)

        learner = scheduled(weighted, warmed(1.0, warmup * settings.steps))
        return feed(guard(learner), minibatch(settings.batch))

    names: list[TextName] = [name for name in TEXT_ARMS if name != "point"]
    seeds = range(settings.seeds)
    found = of_axis(settings, point, points, grid(seeds), texts, folder / "points")
    rest = of_axis(
        settings,
        dense,
        densities,
        axis_of(settings, names),
        texts,
        folder / "densities",
    )
    return dict(zip(("point", *names), (*found, *rest), strict=True))


def axis_of(settings: Text, names: list[TextName]) -> dict[str, np.ndarray]:
    """The rows of the densities: each arm's prices with every seed."""
    rows = grid(range(settings.seeds), arm=range(len(names)))
    arms = [TEXT_ARMS[names[int(at)]] for at in rows["arm"]]
    warmup = [settings.warmup * arm.warmup for arm in arms]
    free = [settings.free * arm.free for arm in arms]
    prices = zip(("warmup", "free"), (warmup, free), strict=True)
    return {"seed": rows["seed"]} | {
        name: np.array(column, np.float32) for name, column in prices
    }


def of_axis(
    settings: Text,
    net: TextAutoencoder,
    make: Callable[..., Learner],
    axis: dict[str, np.ndarray],
    texts: Texts,
    folder: Path,
) -> list[Model]:
    """The models of one program, one for each arm with all its seeds."""
    run = Run(
        f"text, {folder.name}",
        make,
        axis,
        texts.learned,
        held_out(net, texts.held_out),
        settings.steps,
        settings.dispatch,
    )
    arms = len(axis["seed"]) // settings.seeds
    return models_apart(net, train(run, folder), arms)
