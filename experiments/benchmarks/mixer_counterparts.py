"""What PyTorch has in the place of each mixer, and why it has nothing there."""

from importlib.util import find_spec
from typing import NamedTuple

from experiments.attention_scaling.settings import MixerName
from experiments.benchmarks import attention_contenders
from experiments.benchmarks.attention_contenders import too_large
from experiments.benchmarks.mixer_tasks import MixerTask


class Counterpart(NamedTuple):
    """The same computation in PyTorch.

    Attributes:
      name: that the table gives it.
      package: that must be installed.
    """

    name: str
    package: str = "torch"


COUNTERPARTS: dict[MixerName, Counterpart] = {
    "full": Counterpart("SDPA"),
    "window": Counterpart("HF Longformer", "transformers"),
    "strided": Counterpart("SDPA, masked"),
    "longformer": Counterpart("HF Longformer", "transformers"),
    "bigbird": Counterpart("HF BigBird", "transformers"),
    "linear": Counterpart("formula"),
    "performer": Counterpart("formula"),
    "cosformer": Counterpart("formula"),
    "delta": Counterpart("HF Qwen3-Next", "transformers"),
    "linformer": Counterpart("formula, SDPA"),
    "nystrom": Counterpart("HF Nyströmformer", "transformers"),
    "lsh": Counterpart("HF Reformer", "transformers"),
    "sinkhorn": Counterpart("formula, SDPA"),
    "synthesizer": Counterpart("SDPA"),
    "fourier": Counterpart("HF FNet", "transformers"),
    "convolution": Counterpart("conv1d"),
}
"""A formula is a few lines of PyTorch, eager; HF is a layer of Hugging Face's."""


def refusal(task: MixerTask, memory: float) -> str:
    """Why there is no counterpart; empty where there is one.

    Args:
      task: what is asked.
      memory: GiB that a call may hold.

    Example:
      >>> refusal(MixerTask("state_space", True, 512, 4, 64, 64), memory=8)
      'no counterpart: PyTorch has no parallel scan'
    """
    if task.mixer not in COUNTERPARTS:
        return "no counterpart: PyTorch has no parallel scan"
    package = COUNTERPARTS[task.mixer].package
    if not find_spec(package):
        return f"left out: no {package}; pip install '.[benchmark]'"
    return misfit(task) or beyond(task, memory)


def misfit(task: MixerTask) -> str:
    """Why the counterpart takes no such length; empty where it does.

    Example:
      >>> misfit(MixerTask("lsh", True, 64, 4, 64, 64))
      'wants a multiple of 64 tokens, and more than those'
    """
    each, both = task.window, 2 * task.window
    slots = {"linformer": both, "nystrom": both, "lsh": each, "sinkhorn": each}
    size = slots.get(task.mixer, 1)
    if task.length % size or (size > 1 and task.length == size):
        return f"wants a multiple of {size} tokens, and more than those"
    return ""


def beyond(task: MixerTask, memory: float) -> str:
    """Whether it is more than Hugging Face's layers of attention, or memory, allow."""
    if task.mixer == "strided":
        return too_large(8 * task.length**2, memory)
    if task.mixer not in ("window", "longformer", "bigbird"):
        return ""
    layer = task.layer("bigbird" if task.mixer == "bigbird" else "longformer")
    return attention_contenders.refusal("Hugging Face", layer, memory)
