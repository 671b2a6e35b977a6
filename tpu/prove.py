"""A proof: a program compiled for a pod on a machine without one, and what that tells."""

import importlib.metadata
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import jax
from jax.sharding import NamedSharding
from jax.stages import Compiled, Lowered

from experiments.accelerator import Proposal, Propose
from jaxgen.sharding.mesh import mesh_of
from jaxgen.sharding.topology import parsed, topology
from jaxgen.training.compile import LoweredProgram, lowered
from tpu.advice import advice
from tpu.assertions import Evidence, complaints
from tpu.chips import CHIPS, RESERVED, devices
from tpu.hlo import executions, module, unknown_loops
from tpu.hlo_collectives import collectives
from tpu.hlo_products import (
    cycles,
    host_transfers,
    kernel_of,
    kernels,
    products,
    unknown_cycles,
    work_of_kernels,
)

TOO_MUCH = "RESOURCE_EXHAUSTED"
UNREAD = "HloModule unread\n\nENTRY %unread () -> () {\n}\n"
PARTS = "init", "update", "evaluate"


class Read(NamedTuple):
    """One compiled part, and what was read of it.

    Attributes:
      numbers: that a proof keeps.
      evidence: that assertions look at.
    """

    numbers: dict[str, Any]
    evidence: Evidence


def proof(
    name: str,
    propose: Propose,
    target: str,
    flags: Mapping[str, Any] | None = None,
    parts: tuple[str, ...] = PARTS,
) -> dict[str, Any]:
    """Compiles a program for a target, and tells what there is to tell, as JSON.

    Args:
      name: of the program.
      propose: makes it for a number of devices.
      target: such as ``2xv5p-128``.
      flags: of the compiler, by name.
      parts: which of init, update and evaluate.

    Raises:
      ValueError: the target is unknown, or the program cannot be laid on it.
      ImportError: the compiler is not installed.
    """
    slices, one = parsed(target)
    proposal = propose(devices(target), slices)
    mesh = mesh_of(proposal.axes, topology(target))
    program = lowered(
        proposal.learner,
        proposal.data,
        mesh,
        proposal.rules,
        proposal.layout,
        proposal.evaluate,
    )
    chip = CHIPS[one.generation]
    found: dict[str, Any] = {
        "program": name,
        "target": target,
        "mesh": dict(mesh.shape),
        "slices": slices,
        "flags": dict(flags or {}),
        "versions": versions(),
        "parameters": numbers_of(program.shapes.params),
        "limit": chip.memory,
        "speeds": {
            name: getattr(chip, name)
            for name in ("flops", "bandwidth", "link", "network", "clock")
        },
        "reserved": RESERVED,
        "state": {
            part: bytes_per_device(tree)
            for part, tree in program.shapes._asdict().items()
            if part in ("params", "opt", "extra")
        },
        "model_flops": proposal.flops // devices(target),
        "steps": proposal.steps,
    }
    told = {
        part: _part(
            getattr(program, part), program, proposal, mesh.shape, slices, flags
        )
        for part in parts
        if getattr(program, part) is not None
    }
    return found | verdict(told, chip.memory)


def verdict(told: Mapping[str, Read | str], limit: int) -> dict[str, Any]:
    """Whether all parts fit, alone, beside the code of the others; and what is wrong.

    Args:
      told: of each part what was read, or what the compiler said where it had no room.
      limit: bytes of a device.
    """
    read = {part: one for part, one in told.items() if isinstance(one, Read)}
    failed = {part: one for part, one in told.items() if isinstance(one, str)}
    peaks = {part: one.numbers["peak"] for part, one in read.items()}
    codes = {part: one.numbers["code"] for part, one in read.items()}
    needs = {
        part: peak + RESERVED + sum(codes.values()) - codes[part]
        for part, peak in peaks.items()
    }
    return {
        "fits": not failed and all(need <= limit for need in needs.values()),
        "needs": max(needs.values(), default=0),
        "parts": {part: one.numbers for part, one in read.items()},
        "complaints": [
            line
            for part, one in read.items()
            for line in complaints(one.evidence, part)
        ],
        "too_much": {part: advice(text) for part, text in failed.items()},
    }


def _part(
    part: Lowered,
    program: LoweredProgram,
    proposal: Proposal,
    mesh: Mapping[str, int],
    slices: int,
    flags: Mapping[str, Any] | None,
) -> Read | str:
    with TemporaryDirectory() as folder:
        options = {**(flags or {}), "xla_dump_to": folder}
        try:
            compiled = part.compile(compiler_options=options)
        except jax.errors.JaxRuntimeError as error:
            if TOO_MUCH in str(error):
                return str(error)
            raise
        text = text_of(compiled, Path(folder))
    return read(compiled, text, program, proposal, mesh, slices)


def read(
    compiled: Compiled,
    written: str,
    program: LoweredProgram,
    proposal: Proposal,
    mesh: Mapping[str, int],
    slices: int,
) -> Read:
    """What a compiled part says of itself, and its text as ``written``."""
    text = module(written)
    counts = executions(text)
    sent = collectives(text, counts, mesh, slices)
    made = list(products(text, counts))
    called = kernels(text, counts)
    within = work_of_kernels(called, proposal.kernels)
    memory: Any = compiled.memory_analysis()
    evidence = Evidence(
        mesh,
        program.shapes,
        memory.alias_size_in_bytes,
        sent,
        made,
        host_transfers(text, counts),
        proposal,
        {name for name in called if kernel_of(name, proposal.kernels) is None},
        text.entry == "unread",
    )
    return Read(
        {
            "peak": memory.peak_memory_in_bytes,
            "arguments": memory.argument_size_in_bytes,
            "temporaries": memory.temp_size_in_bytes,
            "code": memory.generated_code_size_in_bytes,
            "donated": memory.alias_size_in_bytes,
            "flops": sum(one.flops * one.times for one in made) + within,
            "cycles": cycles(text, counts),
            "unknown_cycles": unknown_cycles(text, counts),
            "pallas_calls": sum(called.values()),
            "pallas_flops": within,
            "unknown_loops": unknown_loops(text, counts),
            "unread": evidence.unread,
            "collectives": [one._asdict() for one in sent],
        },
        evidence,
    )


def text_of(compiled: Compiled, dumped: Path) -> str:
    """What the compiler made; where JAX is too old to spell it, as the compiler dumped it.

    An older jaxlib can refuse what a newer libtpu made, which writes it down itself:
    the same text. `UNREAD` where there is neither; memory is told all the same.
    """
    try:
        with silence():
            return compiled.as_text() or UNREAD
    except jax.errors.JaxRuntimeError as error:
        if "RET_CHECK" not in str(error):
            raise
    texts = [file.read_text() for file in dumped.glob("*.after_codegen.txt")]
    return max(texts, key=len, default=UNREAD)


@contextmanager
def silence() -> Iterator[None]:
    """Without what a compiler of another language writes on the standard error."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def numbers_of(tree: Any) -> int:
    """Numbers in all arrays of a tree."""
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def bytes_per_device(tree: Any) -> int:
    """Bytes of each device's shards of a tree of placed shapes."""

    def one(leaf: jax.ShapeDtypeStruct) -> int:
        assert isinstance(leaf.sharding, NamedSharding)
        shard = jax.ShapeDtypeStruct(leaf.sharding.shard_shape(leaf.shape), leaf.dtype)
        return shard.size * leaf.dtype.itemsize

    return sum(map(one, jax.tree.leaves(tree)))


def versions() -> dict[str, str]:
    """Of what decides a proof's numbers."""
    return {
        name: importlib.metadata.version(name) for name in ("jax", "jaxlib", "libtpu")
    }
