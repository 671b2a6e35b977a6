"""The counterparts of mixers that are timed, in PyTorch."""

import numpy as np
import torch  # pyright: ignore[reportMissingImports]

from experiments.benchmarks.attention_tasks import Work, weights
from experiments.benchmarks.mixer_tasks import MixerTask
from experiments.benchmarks.mixer_works import parameters_of
from experiments.benchmarks.processes import Ready
from experiments.benchmarks.torch_attention import called, in_one_thread
from experiments.benchmarks.torch_formulas import formula_of


def formula_work(task: MixerTask) -> Work:
    """A formula of jaxgen's vectors and parameters."""
    import jax

    leaves, tree = jax.tree.flatten(parameters_of(task))
    formula, tokens = formula_of(task), weights(task.layer("full"))[0]
    return Work(
        lambda x, *leaves: formula(task, x, jax.tree.unflatten(tree, leaves)),
        tuple(torch.from_numpy(np.array(each)) for each in (tokens, *leaves)),
    )


def counterpart_work(task: MixerTask) -> Work:
    """Hugging Face's layer where it has one, else a formula."""
    if task.mixer not in LAYERS:
        return formula_work(task)
    from experiments.benchmarks import hugging_face_layers

    pattern = "bigbird" if task.mixer == "bigbird" else "longformer"
    return getattr(hugging_face_layers, LAYERS[task.mixer])(task.layer(pattern))


LAYERS = {
    "window": "window_work",
    "longformer": "longformer_work",
    "bigbird": "bigbird_work",
    "nystrom": "nystrom_work",
    "lsh": "reformer_work",
    "fourier": "fourier_work",
}
"""What `experiments.benchmarks.hugging_face_layers` calls them."""


def ready(task: MixerTask) -> Ready:
    """The counterpart of a mixer, to be timed in one thread."""
    in_one_thread()
    return called(counterpart_work(task), task.backward)
