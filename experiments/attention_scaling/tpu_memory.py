"""The memory of attention as the TPU compiler plans it, without a TPU."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
from jax.sharding import SingleDeviceSharding

from experiments.attention_scaling.measuring import memory_of
from experiments.attention_scaling.programs import Program, program
from experiments.attention_scaling.settings import AttentionScaling
from jaxgen.sharding.topology import topology
from jaxgen.training.processes import require_alone
from jaxgen.training.progress import ProgressBar
from jaxgen.training.record import Record, recorded

PLANS = "plans.jsonl"
TOO_MUCH = "RESOURCE_EXHAUSTED"


class Plan(NamedTuple):
    """What a compiler was asked to plan.

    Attributes:
      slice: whose chip.
      program: with its gradient.
    """

    slice: str
    program: Program


def plans(experiment: AttentionScaling) -> Iterator[Plan]:
    """One for each slice, scope, mechanism and length."""
    settings = experiment.memory_on_tpu
    for slice in settings.slices:
        for scope in settings.scopes:
            for name in settings.mechanisms:
                for length in settings.lengths:
                    one = program(
                        scope, True, name, length, settings.net, "tpu", "bfloat16"
                    )
                    yield Plan(slice, one)


def planned(experiment: AttentionScaling, folder: Path) -> list[dict[str, Any]]:
    """A row for each plan; those that are there are read.

    Raises:
      ImportError: the TPU compiler is not installed.
      OSError: the record cannot be written.
      ValueError: there are several processes.
    """
    require_alone("a plan of compilations")
    folder.mkdir(exist_ok=True)
    wanted = list(plans(experiment))
    done = len(recorded(folder / PLANS)) if (folder / PLANS).exists() else 0
    if done < len(wanted):
        chips = {name: topology(name)[0] for name in experiment.memory_on_tpu.slices}
        total = len(wanted) - done
        with (
            Record(folder / PLANS) as record,
            ProgressBar("compiling for TPU", total) as bar,
        ):
            for index in range(done, len(wanted)):
                record.write(index, row(wanted[index], chips))
                bar.advance(index - done + 1, index - done + 1)
    return recorded(folder / PLANS)


def row(plan: Plan, chips: Mapping[str, Any]) -> dict[str, Any]:
    """A plan and its peak in bytes; none where the chip has not so much."""
    peak = peak_bytes(plan.program, chips[plan.slice])
    return {"slice": plan.slice, **plan.program.call._asdict(), "peak": peak}


def peak_bytes(one: Program, chip: Any) -> int | None:
    """The most that a chip holds at once while it runs a program."""
    there = partial(
        jax.ShapeDtypeStruct,
        sharding=SingleDeviceSharding(chip),
    )
    shapes = jax.tree.map(
        lambda x: there(x.shape, x.dtype),
        jax.eval_shape(one.arguments, jax.random.key(0)),
    )
    try:
        ready = jax.jit(one.function).lower(*shapes).compile()
    except jax.errors.JaxRuntimeError as error:
        if TOO_MUCH in str(error):
            return None
        raise
    plan: Any = ready.memory_analysis()
    return getattr(plan, "peak_memory_in_bytes", 0) or sum(memory_of(ready))
