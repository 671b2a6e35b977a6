"""What a function computes, counted by its jaxpr, each loop as often as it runs.

Numbers that only take part in the sums are not computed: how often a loop runs may
depend on whole numbers alone.
"""

from collections import Counter
from collections.abc import Callable
from math import prod

import jax
import jax.numpy as jnp
from jax.extend.core import Literal

FEW = 4096
"""Whole numbers of an array that a loop may be counted by."""


def executed_products(function: Callable, *arguments) -> Counter:
    """FLOPs and bytes of all products of matrices in one call."""
    closed = jax.make_jaxpr(function)(*arguments)
    tally = Counter()
    run(closed.jaxpr, closed.consts, [None] * len(closed.jaxpr.invars), tally)
    return tally


def run(jaxpr, consts, arguments, tally):
    """The results of a jaxpr, as far as loops may need them; its products are counted."""
    values = dict(
        zip([*jaxpr.constvars, *jaxpr.invars], [*consts, *arguments], strict=True)
    )

    def value(variable):
        return variable.val if isinstance(variable, Literal) else values[variable]

    for equation in jaxpr.eqns:
        inputs = [value(variable) for variable in equation.invars]
        results = executed(equation, inputs, tally)
        values.update(zip(equation.outvars, results, strict=True))
    return [value(variable) for variable in jaxpr.outvars]


def executed(equation, inputs, tally):
    """The results of one equation, loops and calls unfolded; None where not needed."""
    name, params = equation.primitive.name, equation.params
    if name in LOOPS:
        return LOOPS[name](params, inputs, tally)
    for inner in ("jaxpr", "call_jaxpr"):
        if inner in params:
            return called(params[inner], inputs, tally)
    if name == "dot_general":
        count(equation, tally)
    if any(x is None for x in inputs) or not all(map(counts, equation.outvars)):
        return [None] * len(equation.outvars)
    found = equation.primitive.bind(*inputs, **params)
    return found if equation.primitive.multiple_results else [found]


def counts(variable) -> bool:
    """Whether loops could be counted by a value: whole numbers, and few."""
    return variable.aval.size <= FEW and not jnp.issubdtype(
        variable.aval.dtype, jnp.inexact
    )


def called(inner, inputs, tally):
    closed = hasattr(inner, "consts")
    return run(
        inner.jaxpr if closed else inner, inner.consts if closed else [], inputs, tally
    )


def count(equation, tally):
    """Adds one product: FLOPs, and the bytes of what it reads and writes."""
    (left, right), (result,) = (
        [variable.aval for variable in side]
        for side in (equation.invars, equation.outvars)
    )
    (contracted, _), _ = equation.params["dimension_numbers"]
    width = prod(left.shape[axis] for axis in contracted)
    tally["flops"] += 2 * prod(result.shape) * width
    tally["bytes"] += sum(
        prod(x.shape) * x.dtype.itemsize for x in (left, right, result)
    )


def scanned(params, inputs, tally):
    consts, carry, stacked = parts_of(params, inputs)
    steps = range(params["length"])
    rows = []
    for step in reversed(steps) if params["reverse"] else steps:
        row = [None if x is None else x[step] for x in stacked]
        found = called(params["jaxpr"], [*consts, *carry, *row], tally)
        carry, row = found[: len(carry)], found[len(carry) :]
        rows.append(row)
    rows = rows[::-1] if params["reverse"] else rows
    return [*carry, *map(stacked_rows, zip(*rows, strict=True))]


def parts_of(params, inputs):
    """Constants, what is carried and what is scanned: JAX 0.12 names them by trees."""
    if "ft_in" in params:
        return [list(part) for part in params["ft_in"].update(inputs).unpack()]
    fixed, carried = params["num_consts"], params["num_consts"] + params["num_carry"]
    return inputs[:fixed], inputs[fixed:carried], inputs[carried:]


def stacked_rows(rows):
    return None if any(row is None for row in rows) else jnp.stack(rows)


def repeated(params, inputs, tally):
    first, second = params["cond_nconsts"], params["body_nconsts"]
    asked, done = inputs[:first], inputs[first : first + second]
    carry = inputs[first + second :]
    while known(called(params["cond_jaxpr"], [*asked, *carry], tally)[0]):
        carry = called(params["body_jaxpr"], [*done, *carry], tally)
    return carry


def branched(params, inputs, tally):
    return called(params["branches"][int(known(inputs[0]))], inputs[1:], tally)


def known(value):
    """What decides how often a loop runs, or which branch.

    Raises:
      ValueError: it depends on numbers that are not computed here.
    """
    if value is None:
        raise ValueError(
            f"a loop or a branch depends on other than whole numbers, or on more than "
            f"{FEW} of them: its products cannot be counted"
        )
    return value


LOOPS = {"scan": scanned, "while": repeated, "cond": branched}
