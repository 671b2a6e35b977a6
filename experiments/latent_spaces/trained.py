"""All models of a run, trained, and what each seed of them learned."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.digits import digits_of
from experiments.latent_spaces.arms import (
    FAMILIES,
    Family,
    axis_of,
    learner_of,
)
from experiments.latent_spaces.settings import Images, LatentSpaces, ModelName
from experiments.training import KEY, Run, on_rows, train
from jaxgen.arrays import Array, Data, Metrics, PyTree
from jaxgen.data.images import Labelled
from jaxgen.models.autoencoder import Autoencoder
from jaxgen.training.learner import State
from jaxgen.training.players import parted

Pixels = Array | np.ndarray

TEST = 1_000
"""Held-out images that are looked at, at most."""


class Model(NamedTuple):
    """One model with all its seeds.

    Attributes:
      net: which codes and decodes.
      params: with a leading axis of seeds.
    """

    net: Autoencoder
    params: PyTree

    @property
    def seeds(self) -> int:
        """How many there are."""
        return len(jax.tree.leaves(self.params)[0])

    def each_seed(self, function: Callable, *arguments: PyTree) -> Any:
        """``function(net, params, key, *arguments)`` of every seed, on all devices."""
        keys = jax.random.split(KEY, self.seeds)
        net: Any = self.net
        return on_rows(of_seeds(function, net), (self.params, keys), *arguments)


@lru_cache(maxsize=256)  # the same function of the same net is compiled once
def of_seeds(function: Callable, net: Any) -> Callable:
    """A function of parameters and keys, and what all seeds share, seeds side by side."""

    def rows(given: tuple[PyTree, PyTree], *arguments: PyTree) -> Any:
        return jax.vmap(lambda one, key: function(net, one, key, *arguments))(*given)

    return rows


def images_of(settings: Images, most: int | None = TEST) -> tuple[Labelled, Labelled]:
    """Images in [0, 1] to learn from, and held-out ones, at most so many.

    Raises:
      ValueError: a file or a data set that is not as it should be.
      ImportError: TFDS is asked for and not installed.
    """
    train, test = digits_of("images", settings.source, settings.file)
    return unit(train), unit(Labelled(*(part[:most] for part in test)))


def unit(data: Labelled) -> Labelled:
    """Images from [-1, 1] in [0, 1]."""
    return data._replace(images=(np.asarray(data.images) + 1) / 2)


def models(experiment: LatentSpaces, folder: Path) -> dict[ModelName, Model]:
    """Every model that is asked for, in their order; trains what is missing."""
    found = {}
    for name, family in FAMILIES.items():
        wanted: list[ModelName] = [
            one for one in experiment.models.names if one in family.weights
        ]
        if wanted:
            found |= of_family(experiment, family, wanted, name, folder / name)
    return {name: found[name] for name in experiment.models.names}


def of_family(
    experiment: LatentSpaces,
    family: Family,
    wanted: Sequence[Any],
    name: str,
    folder: Path,
) -> dict[Any, Model]:
    """The models of one program."""
    settings, seeds = experiment.models, experiment.seeds
    learn, test = images_of(experiment.images)
    side = learn.images.shape[1]
    net = family.net(settings, side)
    run = Run(
        name.replace("_", " "),
        learner_of(settings, family, side),
        axis_of(family, wanted, seeds),
        family.seen(learn),
        held_out(net, family.seen(test)),
        settings.steps,
        settings.dispatch,
    )
    found = models_apart(net, train(run, folder), len(wanted))
    return dict(zip(wanted, found, strict=True))


def models_apart(net: Any, params: PyTree, count: int) -> list[Model]:
    """So many models with all their seeds, whose rows follow one another."""
    leaves, structure = jax.tree.flatten(params)
    apart = zip(*(np.split(leaf, count) for leaf in leaves), strict=True)
    return [Model(net, jax.tree.unflatten(structure, one)) for one in apart]


def held_out(net: Autoencoder, batch: Data) -> Callable[[State, Data], Metrics]:
    """Rate and distortion of images that were not learned from."""
    images, conditions = jax.tree.map(jnp.asarray, parted(batch))

    def evaluate(state: State, data: Data) -> Metrics:
        key = jax.random.key(0)
        variables = {"params": state.params}
        terms: Any = net.apply(variables, images, key, 1, *conditions)
        return {
            "test_rate": terms.rate.mean(),
            "test_distortion": terms.distortion.mean(),
        }

    return evaluate
