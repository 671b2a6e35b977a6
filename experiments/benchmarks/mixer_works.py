"""Mixers that are timed, jaxgen's in JAX; each in a process of its own."""

import os
from typing import Any

from experiments.benchmarks.attention_tasks import Work, weights
from experiments.benchmarks.attention_works import ONE_THREAD, compiled
from experiments.benchmarks.mixer_tasks import MixerTask
from experiments.benchmarks.processes import Ready


def module_of(task: MixerTask) -> Any:
    """The mixer."""
    from experiments.attention_scaling.mixers import mixer

    return mixer(task.mixer, task.net, task.length)


def parameters_of(task: MixerTask) -> Any:
    """What it starts with."""
    import jax

    from jaxgen.nn.mixer import PLAIN

    module = module_of(task)
    tokens = jax.ShapeDtypeStruct(weights(task.layer("full"))[0].shape, "float32")

    def first(key: Any) -> Any:
        return module.init(key, jax.numpy.zeros(tokens.shape), PLAIN)

    return jax.jit(first)(jax.random.key(0)).get("params", {})


def mixer_work(task: MixerTask) -> Work:
    """The mixer of the vectors that its counterpart is given."""
    from jaxgen.nn.mixer import PLAIN

    module = module_of(task)
    return Work(
        lambda x, p: module.apply({"params": p}, x, PLAIN),
        (weights(task.layer("full"))[0], parameters_of(task)),
    )


def needed_flops(task: MixerTask) -> int:
    """FLOPs of its products of matrices, as it counts them; thrice with the gradient.

    Example:
      >>> needed_flops(MixerTask("convolution", False, 8, 2, 4, 4)) == 3 * 2 * 8 * 8**2
      True
    """
    cost = module_of(task).cost(1, task.length, task.heads * task.features)
    return cost.flops * (3 if task.backward else 1)


def ready(task: MixerTask, memory: float) -> Ready:
    """jaxgen's mixer, to be timed in one thread of this process.

    Raises:
      ValueError: a program that would hold more than ``memory`` GiB at once.
    """
    os.environ.update(ONE_THREAD)
    return compiled(mixer_work(task), task.backward, memory)


def counterpart_ready(task: MixerTask) -> Ready:
    """The same computation in PyTorch, to be timed in one thread of this process."""
    os.environ.update(ONE_THREAD)
    from experiments.benchmarks import torch_mixers

    return torch_mixers.ready(task)
