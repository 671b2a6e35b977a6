"""The text of a compiled program, read: computations, instructions, how often each runs.

A compiler prints what it made as HLO. What it counts of that counts the body of a loop
once; here each computation is counted as often as it runs.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

ITEM = re.compile(r"[a-z]+(\d+)")
SHAPE = re.compile(r"\b([a-z]+\d*[a-z0-9]*)\[([\d,]*)\]")
HEAD = re.compile(r"^(ENTRY )?%?([\w.\-]+) \(.*\{$")
LINE = re.compile(r"^\s+(?:ROOT )?%?([\w.\-]+) = (.*)$")
OPCODE = re.compile(r"\s*([\w\-]+)\(")
NAME = re.compile(r"%([\w.\-]+)")
CALLED = re.compile(
    r"\b(?:calls|to_apply|body|condition|true_computation|false_computation)="
    r"%([\w.\-]+)"
)
BRANCHES = re.compile(r"\b(?:branch_computations|called_computations)=\{([^}]*)\}")
TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"')
OP_NAME = re.compile(r'op_name="((?:[^"\\]|\\.)*)"')
CONSTANT = re.compile(r"constant\((-?\d+)\)")
INDEX = re.compile(r"\bindex=(\d+)")
TRANSPARENT = "copy", "bitcast", "convert", "copy-start", "copy-done", "reshape"
ELEMENTWISE = "reduce", "reduce-window", "scatter", "sort", "select-and-scatter", "map"
"""Their computations are of single numbers, and are not followed."""


class Shape(NamedTuple):
    """An array's dtype, as HLO spells it, and its sizes."""

    dtype: str
    sizes: tuple[int, ...]

    @property
    def bytes(self) -> int:
        """Of all its numbers, without padding."""
        bits = ITEM.fullmatch(self.dtype)
        item = int(bits[1]) / 8 if bits else 1
        return math.ceil(math.prod(self.sizes) * item)


class Instruction(NamedTuple):
    """One line.

    Attributes:
      name: of its result.
      opcode: what is done.
      shapes: of the result, or of each of a tuple's.
      operands: the names of what it is done with.
      text: all that stands behind the operands.
      inside: the text of the operands, which of constants and parameters is a number.
    """

    name: str
    opcode: str
    shapes: tuple[Shape, ...]
    operands: tuple[str, ...]
    text: str
    inside: str

    @property
    def bytes(self) -> int:
        """Of the result."""
        return sum(shape.bytes for shape in self.shapes)


Computation = Mapping[str, Instruction]


class Module(NamedTuple):
    """A whole program.

    Attributes:
      entry: the computation that it begins with.
      computations: by name, instructions by name in their order.
      head: the first line, which tells what is donated.
    """

    entry: str
    computations: Mapping[str, Computation]
    head: str


def module(text: str) -> Module:
    """Reads what ``compiled.as_text()`` prints.

    Raises:
      ValueError: it is no HLO.
    """
    found: dict[str, dict[str, Instruction]] = {}
    entry, lines = "", text.splitlines()
    current: dict[str, Instruction] = {}
    for line in lines:
        if head := HEAD.match(line):
            current = found.setdefault(head[2], {})
            entry = head[2] if head[1] else entry
        elif told := LINE.match(line):
            one = instruction(told[1], told[2])
            if one is not None:
                current[one.name] = one
    if not entry:
        raise ValueError("expected the text of a compiled program, with an ENTRY")
    return Module(entry, found, lines[0])


def instruction(name: str, text: str) -> Instruction | None:
    """What a line says to the right of its equals sign; None where that is none."""
    kind = _closed(text, 0) if text.startswith("(") else text.find(" ")
    opcode = OPCODE.match(text, kind)
    if opcode is None:
        return None
    end = _closed(text, opcode.end() - 1)
    inside = text[opcode.end() : end - 1]
    shapes = tuple(
        Shape(dtype, tuple(int(size) for size in sizes.split(",") if size))
        for dtype, sizes in SHAPE.findall(text[:kind])
    )
    operands = tuple(NAME.findall(inside))
    return Instruction(name, opcode[1], shapes, operands, text[end:], inside)


def _closed(text: str, start: int) -> int:
    """Behind the bracket that closes the one at ``start``."""
    depth = 0
    for mark in re.finditer(r"[()]", text[start:]):
        depth += 1 if mark[0] == "(" else -1
        if not depth:
            return start + mark.end()
    return len(text)


def source(one: Instruction) -> str:
    """What an instruction was called where it was written."""
    told = OP_NAME.search(one.text)
    return told[1] if told else ""


def callees(one: Instruction) -> Iterator[str]:
    """The computations that an instruction runs; each branch of a condition."""
    if one.opcode not in ELEMENTWISE:
        yield from CALLED.findall(one.text)
        for names in BRANCHES.findall(one.text):
            yield from NAME.findall(names)


def executions(program: Module) -> dict[str, int]:
    """How often each computation runs; each branch of a condition as if it were taken."""
    counts = dict.fromkeys(program.computations, 0)

    def visit(name: str, times: int) -> None:
        counts[name] += times
        for one in program.computations[name].values():
            inner = times
            if one.opcode == "while":
                inner *= trips(program, name, one) or 1
            for callee in callees(one):
                if callee in counts:
                    visit(callee, inner)

    visit(program.entry, 1)
    return counts


def unknown_loops(program: Module, counts: Mapping[str, int]) -> int:
    """Loops that run, whose bodies are counted once as the text does not tell how often."""
    return sum(
        one.opcode == "while" and trips(program, name, one) is None
        for name, computation in program.computations.items()
        if counts[name]
        for one in computation.values()
    )


def trips(program: Module, where: str, loop: Instruction) -> int | None:
    """How often the body of a ``while`` runs; None where the text does not tell.

    A loop over a counter that ends below, or at, a constant: its start and its step are
    read where they are constants too, and else are 0 and 1.
    """
    if told := TRIPS.search(loop.text):
        return int(told[1])
    parts = dict(re.findall(r"\b(body|condition)=%([\w.\-]+)", loop.text))
    condition = program.computations.get(parts.get("condition", ""), {})
    test = _comparison(program, condition)
    if test is None:
        return None
    index, limit, inclusive = test
    start = _initial(program.computations[where], loop, index)
    step = _step(program.computations.get(parts.get("body", ""), {}), index)
    return max(0, -(-(limit + inclusive - start) // step))


def _comparison(program: Module, condition: Computation) -> tuple[int, int, int] | None:
    """The tuple's element that is compared, with what, and whether equal goes on."""
    limits = [
        int(told[1])
        for one in condition.values()
        if one.opcode == "constant"
        and (told := CONSTANT.search(f"constant({one.inside})"))
    ]
    elements = [
        int(told[1])
        for one in condition.values()
        if one.opcode == "get-tuple-element" and (told := INDEX.search(one.text))
    ]
    text = "".join(one.text for one in condition.values())
    for one in condition.values():
        for name in callees(one):
            inner = program.computations.get(name, {})
            text += "".join(other.text for other in inner.values())
    if len(limits) != 1 or len(elements) != 1 or "direction=L" not in text:
        return None
    return elements[0], limits[0], int("direction=LE" in text)


def constant_of(computation: Computation, name: str) -> int | None:
    """The number that a name stands for, through what only moves it."""
    while (one := computation.get(name)) and one.opcode in TRANSPARENT:
        name = one.operands[0]
    if one is None or one.opcode != "constant":
        return None
    told = re.fullmatch(r"-?\d+", one.inside.strip())
    return int(told[0]) if told else None


def _initial(computation: Computation, loop: Instruction, index: int) -> int:
    given = computation.get(loop.operands[0]) if loop.operands else None
    if given is None or given.opcode != "tuple":
        return 0
    return constant_of(computation, given.operands[index]) or 0


def _step(body: Computation, index: int) -> int:
    if not body:
        return 1
    *_, root = body.values()
    if root.opcode != "tuple" or index >= len(root.operands):
        return 1
    name = root.operands[index]
    while (one := body.get(name)) and one.opcode in TRANSPARENT:
        name = one.operands[0]
    if one is None or one.opcode != "add":
        return 1
    steps = [constant_of(body, operand) for operand in one.operands]
    return next((step for step in steps if step), 1)
