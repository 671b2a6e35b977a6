"""jaxgen's side of the benchmark of autoencoders, each work in a process of its own."""

import json
import os
import time
from typing import Any

import numpy as np

from experiments.benchmarks.autoencoding_tasks import (
    SIDE,
    Layers,
    Scored,
    Sizes,
    black_and_white,
    saved,
)
from experiments.benchmarks.processes import Ready
from experiments.devices import (
    device_environment,
    one_thread_environment,
    usable_cores,
)

LAYERS = (
    ("encoder", "Hidden_0", "Dense_0"),
    ("encoder", "Hidden_0", "Dense_1"),
    ("code", "mean"),
    ("code", "log_scale"),
    ("decoder", "Hidden_0", "Dense_0"),
    ("decoder", "Hidden_0", "Dense_1"),
    ("decoder", "Dense_0"),
)
"""Where the layers are among the parameters."""


def net_of(sizes: Sizes) -> Any:
    """The model."""
    from jaxgen.models.autoencoder import Autoencoder
    from jaxgen.models.image_coders import PerceptronDecoder, PerceptronEncoder
    from jaxgen.models.likelihoods import Bernoulli
    from jaxgen.models.priors import StandardNormal
    from jaxgen.nn.codes import GaussianCode

    return Autoencoder(
        PerceptronEncoder(sizes.width),
        GaussianCode(sizes.code),
        StandardNormal(sizes.code),
        PerceptronDecoder((SIDE, SIDE, 1), sizes.width),
        Bernoulli(),
    )


def learner_of(sizes: Sizes) -> Any:
    """The learner of batches, before it is fed."""
    import optax

    from jaxgen.objectives.variational import elbo
    from jaxgen.training.autoencoding import autoencoding

    return autoencoding(net_of(sizes), elbo, optax.adam(1e-3))


def program_of(sizes: Sizes, images: np.ndarray, seeds: int, dispatch: int) -> Any:
    """The study as an experiment runs it, all seeds in one program."""
    from jaxgen.data.batches import minibatch
    from jaxgen.sharding.mesh import mesh_of
    from jaxgen.sharding.rules import study
    from jaxgen.training.compile import compile
    from jaxgen.training.dispatch import feed, repeat
    from jaxgen.training.replicate import grid, replicate
    from jaxgen.training.transforms import guard

    def make():
        return feed(guard(learner_of(sizes)), minibatch(sizes.batch))

    learner = repeat(replicate(make, grid(seed=range(seeds))), dispatch)
    return compile(learner, images, mesh_of({"replica": -1}), study())


def trained(sizes: Sizes, seeds: int, dispatch: int) -> Ready:
    """Updates of all seeds; a unit is an image of a seed."""
    os.environ.update(device_environment(seeds, usable_cores()), JAX_PLATFORMS="cpu")
    import jax

    images = black_and_white(sizes.file)
    start = time.perf_counter()
    program = program_of(sizes, images, seeds, dispatch)
    took = time.perf_counter() - start
    data = jax.device_put(images, program.data)
    state = program.init(jax.random.key(0), data)

    def advance(calls: int) -> None:
        nonlocal state
        for _ in range(calls):
            state, _ = program.update(state, data)
        jax.block_until_ready(state)

    return Ready(advance, seeds * dispatch * sizes.batch, took)


def bounded(scored: Scored) -> Ready:
    """Bounds of all images by many codes of a model that was trained a little.

    Its weights and its bounds, nats of each image, are left in the folder.
    """
    os.environ.update(one_thread_environment(usable_cores()), JAX_PLATFORMS="cpu")
    import jax

    from experiments.training import on_rows
    from jaxgen.metrics.importance_bound import bound_of_each

    net, images = net_of(scored.sizes), black_and_white(scored.sizes.file)
    params = params_after(scored.sizes, images, scored.steps)
    saved(scored.folder / "weights.npz", layers_of(params))

    def of_all(rows: Any, params: Any) -> Any:
        def log_weights(image: Any, key: Any, count: int) -> Any:
            return net.apply({"params": params}, image, key, count).log_weights

        images, keys = rows
        return bound_of_each(log_weights, images, keys[0], scored.codes)

    rows = images[: scored.images], jax.random.split(jax.random.key(0), scored.images)
    start = time.perf_counter()
    on_rows(of_all, rows, params)
    both = time.perf_counter() - start
    start = time.perf_counter()
    bounds = on_rows(of_all, rows, params)
    took = both - (time.perf_counter() - start)
    (scored.folder / "jaxgen.json").write_text(json.dumps((-bounds).tolist()))

    def advance(calls: int) -> None:
        for _ in range(calls):
            on_rows(of_all, rows, params)

    return Ready(advance, scored.images, max(took, 0.0))


def params_after(sizes: Sizes, images: np.ndarray, steps: int) -> Any:
    """Parameters of one seed after some updates."""
    import jax

    from jaxgen.data.batches import minibatch
    from jaxgen.training.dispatch import feed, repeat

    learner = repeat(feed(learner_of(sizes), minibatch(sizes.batch)), steps)
    state = jax.jit(learner.init)(jax.random.key(0), images)
    return jax.device_get(jax.jit(learner.update)(state, images)[0].params)


def layers_of(params: Any) -> Layers:
    """The model's layers, in the order of the file."""
    found = []
    for path in LAYERS:
        layer = params
        for name in path:
            layer = layer[name]
        found.append((np.asarray(layer["kernel"]), np.asarray(layer["bias"])))
    return found
