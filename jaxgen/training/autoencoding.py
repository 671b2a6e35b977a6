"""The learner of an autoencoder, whatever its code and its objective."""

from collections.abc import Callable
from functools import partial
from typing import Any

import optax

from jaxgen.arrays import Array, Data, Key, Metrics, PyTree, Shaped
from jaxgen.keys import named
from jaxgen.models.autoencoder import Autoencoder, Terms
from jaxgen.objectives.variational import Objective, Passed, looks_at_batch
from jaxgen.training.descent import descent
from jaxgen.training.gradients import whole_batch
from jaxgen.training.learner import Learner
from jaxgen.training.players import parted

Corrupt = Callable[[Shaped[Array, "n *d"], Key], Shaped[Array, "n *d"]]


def uncorrupted(images: Shaped[Array, "n *d"], key: Key) -> Shaped[Array, "n *d"]:
    """The images, or texts, as they are."""
    return images


def autoencoding(
    model: Autoencoder,
    objective: Objective,
    optimizer: optax.GradientTransformation,
    samples: int = 1,
    corrupt: Corrupt = uncorrupted,
    value_and_grad: Callable = whole_batch,
) -> Learner:
    """Steps down an objective of what the model says of a batch.

    Args:
      model: encodes and decodes.
      objective: of its terms; see `jaxgen.objectives.variational`.
      optimizer: turns gradients into updates.
      samples: codes for each image, k.
      corrupt: ``(images, key) -> images``, what the encoder sees instead of them.
      value_and_grad: how gradients are gathered: ``whole_batch``, ``microbatched(4)``.

    Returns:
      A learner of batches, images or a tuple of images and conditions, with the metrics
      ``loss``, ``rate`` and ``distortion``, nats of an image, and the objective's.

    Raises:
      ValueError: ``samples`` is not positive; gradients are gathered over parts of the
        batch, though the objective looks at all of it.

    References:
      Denoising by ``corrupt``: Vincent et al., 2008, *Extracting and composing robust
      features with denoising autoencoders*.
    """
    if samples < 1:
        raise ValueError(f"autoencoding(samples={samples}): expected 1 code or more")
    if value_and_grad is not whole_batch and looks_at_batch(objective):
        raise ValueError(
            "autoencoding: the objective looks at the whole batch, so its gradient is "
            "not a mean over parts of it: use value_and_grad=whole_batch"
        )

    def loss(params, batch, key):
        passed = passed_through(model, params, batch, key, samples, corrupt)
        value, metrics = objective(passed, named(key, "objective"))
        return value, means_of(passed.terms) | metrics

    start = partial(initial_params, model)
    return descent(start, loss, optimizer, value_and_grad)


def initial_params(model: Autoencoder, key: Key, batch: Data) -> PyTree:
    """The model's parameters at the start, of which the batch tells the shapes."""
    images, conditions = parted(batch)
    return model.init(key, images, named(key, "codes"), 1, *conditions)["params"]


def means_of(terms: Terms) -> Metrics:
    """What every autoencoder tells of a batch, nats of an image."""
    return {"rate": terms.rate.mean(), "distortion": terms.distortion.mean()}


def passed_through(
    model: Autoencoder,
    params,
    batch: Data,
    key: Key,
    samples: int,
    corrupt: Corrupt = uncorrupted,
) -> Passed:
    """A batch, what the model says of it, and the model with these parameters."""
    images, conditions = parted(batch)

    def applied(*args, **more) -> Any:
        return model.apply({"params": params}, *args, **more)

    seen = corrupt(images, named(key, "corruption"))
    return Passed(
        images,
        applied(images, named(key, "codes"), samples, *conditions, seen=seen),
        params,
        encode=lambda images: applied(images, *conditions, method="encode"),
        decode=lambda codes: applied(codes, *conditions, method="decode"),
        log_joint=lambda codes: applied(codes, images, *conditions, method="log_joint"),
        draw=lambda key, count: applied(key, count, method="draw"),
    )
