"""Who is timed at language models: jaxgen, PyTorch and Hugging Face's Llama."""

import os
from collections.abc import Collection, Iterator
from functools import partial
from importlib import import_module
from typing import Literal, NamedTuple, Protocol

from experiments.benchmarks.language_tasks import LanguageTask
from experiments.benchmarks.processes import Contender, Ready

Way = Literal["training", "sampling"]
WAYS: tuple[Way, ...] = ("training", "sampling")


class Entry(NamedTuple):
    """A contender, and what the table says of it.

    Attributes:
      contender: to be timed.
      way: what it does.
      side: ``jaxgen``, ``PyTorch eager``, ``PyTorch compiled`` or ``Llama``.
      arms: models that it trains at once.
    """

    contender: Contender
    way: Way
    side: str
    arms: int


class Studied(Protocol):
    """Of the experiment's settings, those of jaxgen's programs."""

    @property
    def arms(self) -> int: ...

    @property
    def dispatch(self) -> int: ...


def jaxgen_ready(name: str, devices: int, **told) -> Ready:
    """One of `experiments.benchmarks.jaxgen_language`, on so many simulated devices."""
    os.environ.update(JAX_NUM_CPU_DEVICES=str(devices), JAX_PLATFORMS="cpu")
    return getattr(_beside("jaxgen_language"), name)(**told)


def torch_ready(module: str, name: str, **told) -> Ready:
    """One of `torch_language` or of `hugging_face_language`."""
    return getattr(_beside(module), name)(**told)


def entries(
    task: LanguageTask, way: Way, how: Studied, cores: int, missing: Collection[str]
) -> list[Entry]:
    """Every contender of a way, in the order of a round."""
    ours = [*of_jaxgen(task, way, how, cores)]
    if "torch" in missing:
        return ours
    model = "torch_language", f"nanogpt_{way}"
    rivals = [
        *of_torch(task, way, "PyTorch eager", cores, *model, compiled=False),
        *of_torch(task, way, "PyTorch compiled", cores, *model, compiled=True),
    ]
    if "transformers" not in missing:
        model = "hugging_face_language", f"llama_{way}"
        rivals += of_torch(task, way, "Llama", cores, *model, compiled=False)
    return ours + rivals


def of_jaxgen(
    task: LanguageTask, way: Way, how: Studied, cores: int
) -> Iterator[Entry]:
    """One model on one device and, sharing its rows, on more; then a study."""
    told = {"task": task} | ({"dispatch": how.dispatch} if way == "training" else {})
    for devices in sorted({1, shared(task.batch, cores)}):
        build = partial(jaxgen_ready, way, devices, **told)
        name = f"jaxgen, {counted(devices, 'device')}"
        yield Entry(Contender(name, (build,)), way, "jaxgen", 1)
    if way == "training" and how.arms > 1:
        devices, told = shared(how.arms, cores), told | {"arms": how.arms}
        build = partial(jaxgen_ready, "study_of", devices, **told)
        name = f"jaxgen, {how.arms} arms on {counted(devices, 'device')}"
        yield Entry(Contender(name, (build,)), way, "jaxgen", how.arms)


def of_torch(
    task: LanguageTask, way: Way, side: str, cores: int, *model: str, compiled: bool
) -> Iterator[Entry]:
    """In one thread and in all; training, also a model in a process for each core."""
    build = partial(torch_ready, *model, task=task, compiled=compiled)
    for threads in sorted({1, cores}):
        name = f"{side}, {counted(threads, 'thread')}"
        yield Entry(Contender(name, (partial(build, threads=threads),)), way, side, 1)
    if way == "training" and cores > 1:
        builds = (partial(build, threads=1),) * cores
        name = f"{side}, {cores} processes"
        yield Entry(Contender(name, builds), way, side, cores)


def shared(rows: int, cores: int) -> int:
    """Devices that so many rows divide over, at most one for each core."""
    return max(size for size in range(1, cores + 1) if rows % size == 0)


def counted(count: int, what: str) -> str:
    """How many of them.

    Example:
      >>> counted(1, "thread"), counted(2, "thread")
      ('1 thread', '2 threads')
    """
    return f"{count} {what}{'s' * (count > 1)}"


def _beside(name: str):
    return import_module(f"experiments.benchmarks.{name}")
