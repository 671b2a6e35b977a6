"""Costs against what is computed, counted while it is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.executed import executed_products
from jaxgen.attention.attend import attend, attention_cost
from jaxgen.attention.blocks import Blocks
from jaxgen.attention.chunked import Chunked
from jaxgen.attention.cost import Work
from jaxgen.attention.dense import Dense
from jaxgen.attention.expressions import FULL, bigbird, causal, longformer, window

IMPLEMENTATIONS = (Dense(), Chunked(8), Blocks(8), Blocks(4, rows=None))
PATTERNS = (FULL, causal(), longformer(5), window(9) & causal())


def test_a_loop_is_counted_as_often_as_it_runs():
    x = jnp.ones((4, 4))

    def chain(x):
        return jax.lax.fori_loop(0, 3, lambda _, y: y @ x, x)

    assert executed_products(chain, x)["flops"] == 3 * 2 * 4**3
    assert executed_products(jax.grad(lambda x: chain(x).sum()), x)["flops"] == 9 * 128


def test_a_loop_that_cannot_be_counted_is_refused():
    def halved(x):
        return jax.lax.while_loop(lambda y: y.sum() > 1, lambda y: y @ y / 2, x)

    with pytest.raises(ValueError, match="its products cannot be counted"):
        executed_products(halved, jnp.ones((4, 4)))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
@pytest.mark.parametrize("how", IMPLEMENTATIONS, ids=str)
def test_work_is_what_is_computed(how, pattern, dtype):
    """In half precision too, where a number of a sum takes twice the bytes."""
    shapes = ((2, 32, 4, 5), (2, 32, 2, 5), (2, 32, 2, 3))
    given = [jnp.ones(shape, dtype) for shape in shapes]

    def output(*given):
        return attend(*given, pattern=pattern, implementation=how).output

    def slopes(*given):
        found, back = jax.vjp(output, *given)
        return back(found)

    expected = attention_cost(*given, pattern=pattern, implementation=how)
    forward = executed_products(output, *given)
    both = executed_products(slopes, *given)
    assert expected.forward == Work(forward["flops"], forward["bytes"])
    assert expected.forward + expected.backward == Work(both["flops"], both["bytes"])


@pytest.mark.parametrize("how", [Chunked(256), Blocks(64), Dense()], ids=str)
@pytest.mark.parametrize("pattern", [FULL, window(64)], ids=str)
def test_temporaries_are_those_of_the_compiler(how, pattern):
    shape = jax.ShapeDtypeStruct((1, 2048, 4, 64), jnp.float32)

    def output(*given):
        return attend(*given, pattern=pattern, implementation=how).output

    memory = jax.jit(output).lower(shape, shape, shape).compile().memory_analysis()
    expected = attention_cost(shape, shape, shape, pattern=pattern, implementation=how)
    ratio = memory.temp_size_in_bytes / expected.temporaries
    assert 0.7 < ratio < 1.3


@pytest.mark.parametrize("pattern", [window(64), longformer(64), bigbird()], ids=str)
@pytest.mark.parametrize("how", [Chunked(64), Blocks(64)], ids=str)
def test_sparse_patterns_cost_a_line(how, pattern):
    """Exponents of 4,096 to 32,768: of work, and of what is held."""
    lengths = [4096, 8192, 16384, 32768]
    shapes = [jax.ShapeDtypeStruct((1, n, 4, 64), jnp.float32) for n in lengths]
    costs = [
        attention_cost(x, x, x, pattern=pattern, implementation=how) for x in shapes
    ]
    for numbers in zip(
        *((c.forward.flops, c.backward.flops, c.temporaries) for c in costs),
        strict=True,
    ):
        slopes = np.diff(np.log(numbers)) / np.diff(np.log(lengths))
        assert (slopes < 1.1).all()
