"""The work of a compiled program: products of matrices, cycles, kernels of its own."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from tpu.hlo import Computation, Instruction, Module, callees, source

LABELS = re.compile(r"dim_labels=(\w+)_(\w+)->(\w+)")
WINDOW = re.compile(r"window=\{([^}]*)\}")
CONTRACTED = re.compile(r"lhs_contracting_dims=\{([\d,]*)\}")
CYCLES = re.compile(r'"estimated_cycles":"(\d+)"')
PRECISE = re.compile(r"operand_precision=\{([^}]*)\}")
UNKNOWN = 2**63 - 1
"""What the compiler writes for cycles that it cannot tell."""
KERNEL = 'custom_call_target="tpu_custom_call"'


class Product(NamedTuple):
    """A product of matrices, or a convolution.

    Attributes:
      flops: of one, multiplications and additions.
      times: that it is made.
      dtypes: of its two factors.
      precise: whether float32 is multiplied as such, at several times the cost.
      source: what it is called where it was written.
    """

    flops: int
    times: int
    dtypes: tuple[str, str]
    precise: bool
    source: str


def products(program: Module, counts: Mapping[str, int]) -> Iterator[Product]:
    """All of them; ``counts`` as of `tpu.hlo.executions`."""
    for name, computation in program.computations.items():
        for one in computation.values():
            if one.opcode in ("convolution", "dot") and counts[name]:
                factors = [computation.get(operand) for operand in one.operands[:2]]
                dtypes = [x.shapes[0].dtype if x else "" for x in factors]
                yield Product(
                    flops_of(one, computation),
                    counts[name],
                    (dtypes[0], dtypes[1]),
                    "high" in "".join(PRECISE.findall(one.text)),
                    source(one),
                )


def flops_of(one: Instruction, computation: Computation) -> int:
    """Multiplications and additions of a product or a convolution.

    Of a convolution those with padding, and with the zeros between dilated numbers, are
    no work: on a TPU many products are spelled as convolutions with such.
    """
    left, right = (computation[name].shapes[0].sizes for name in one.operands[:2])
    (result,) = one.shapes
    if one.opcode == "dot":
        told = CONTRACTED.search(one.text)
        axes = [int(axis) for axis in told[1].split(",") if axis] if told else []
        return 2 * math.prod(result.sizes) * math.prod(left[axis] for axis in axes)
    labels = LABELS.search(one.text)
    if labels is None:
        raise ValueError(f"convolution {one.name} without dim_labels")
    given, kernel, made = (
        dict(zip(word, sizes, strict=True))
        for word, sizes in zip(
            labels.groups(), (left, right, result.sizes), strict=True
        )
    )
    flops = 2 * made["b"] * made["f"] * kernel["i"]
    window = _window(one.text)
    for axis in range(len(given) - 2):
        digit, told = str(axis), {key: each[axis] for key, each in window.items()}
        flops *= pairs(given[digit], kernel[digit], made[digit], told)
    return flops


def _window(text: str) -> dict[str, list[str]]:
    told = WINDOW.search(text)
    words = told[1].split() if told else []
    return {key: value.split("x") for key, value in (word.split("=") for word in words)}


def pairs(given: int, kernel: int, made: int, window: Mapping[str, str]) -> int:
    """Of one axis: outputs and kernel places that meet a number of the input.

    Example:
      >>> pairs(5, 3, 5, {"pad": "1_1"})  # at both ends one of three is padding
      13
    """
    step = int(window.get("stride", 1))
    apart, between = (int(window.get(f"{side}_dilate", 1)) for side in ("lhs", "rhs"))
    before = int(window.get("pad", "0_0").split("_")[0])
    at = np.arange(made)[:, None] * step + np.arange(kernel)[None] * between - before
    inside = (at >= 0) & (at < (given - 1) * apart + 1) & (at % apart == 0)
    return int(inside.sum())


def fused(program: Module) -> set[str]:
    """The computations that a fusion is made of, which are no steps of their own."""
    return {
        name
        for computation in program.computations.values()
        for one in computation.values()
        if one.opcode == "fusion"
        for name in callees(one)
    }


def cycles(program: Module, counts: Mapping[str, int]) -> int:
    """What the compiler expects all steps to take, its own kernels and links left out."""
    estimates = _estimates(program, counts)
    return sum(each * times for each, times in estimates if each != UNKNOWN)


def unknown_cycles(program: Module, counts: Mapping[str, int]) -> int:
    """Steps of which the compiler cannot tell how long they take."""
    return sum(times for each, times in _estimates(program, counts) if each == UNKNOWN)


def _estimates(program: Module, counts: Mapping[str, int]) -> list[tuple[int, int]]:
    """Of every step that has one, and how often it runs."""
    within = fused(program)
    return [
        (int(told[1]), counts[name])
        for name, computation in program.computations.items()
        if name not in within
        for one in computation.values()
        if (told := CYCLES.search(one.text))
    ]


def kernels(program: Module, counts: Mapping[str, int]) -> Counter[str]:
    """How often each Pallas kernel is called, by the name that it was given."""
    found: Counter[str] = Counter()
    for name, computation in program.computations.items():
        for one in computation.values():
            if counts[name] and one.opcode == "custom-call" and KERNEL in one.text:
                found[one.name.partition(".")[0]] += counts[name]
    return found


def kernel_of(name: str, known: Mapping[str, int]) -> str | None:
    """Which of the known kernels has this name, or begins it.

    Example:
      >>> kernel_of("splash_mha_dq_no_residuals", {"splash_mha_dq": 1})
      'splash_mha_dq'
    """
    return next((begun for begun in known if name.startswith(begun)), None)


def work_of_kernels(called: Mapping[str, int], known: Mapping[str, int]) -> int:
    """Of all calls: the compiler sees nothing of what a kernel does.

    Args:
      called: how often each was, by name.
      known: the work of one call, by the beginning of a name.

    Example:
      >>> work_of_kernels({"fwd_a": 2, "fwd_b": 1, "other": 9}, {"fwd": 10})
      30
    """
    which = {name: kernel_of(name, known) for name in called}
    return sum(known[one] * called[name] for name, one in which.items() if one)


def host_transfers(program: Module, counts: Mapping[str, int]) -> list[str]:
    """Names of what goes to the host or comes from it, but for links between slices."""
    return [
        one.name
        for name, computation in program.computations.items()
        for one in computation.values()
        if counts[name] and _meets_host(one)
    ]


def _meets_host(one: Instruction) -> bool:
    if one.opcode in ("infeed", "outfeed"):
        return True
    if one.opcode == "custom-call":
        return "callback" in one.text.partition("metadata=")[0].lower()
    host = one.opcode in ("send", "recv") and "is_host_transfer=true" in one.text
    return host and "xla_megascale" not in one.text
