"""What every mixer must keep to; a new one joins by a line in CASES."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from experiments.executed import executed_products
from jaxgen.attention.cost import Work
from jaxgen.models.text_encoder import TextEncoder
from jaxgen.nn.mixer import PLAIN, Context, Mixer
from jaxgen.nn.transformer_block import FeedForward, TransformerBlock
from jaxgen.sharding.mesh import mesh_of
from mixers import CASES, FEATURES, LENGTH, NOISE, ROWS, X, close, compiled, learned

every = pytest.mark.parametrize("name", CASES)


@every
def test_real_tokens_do_not_see_what_padding_holds(name):
    padding = jnp.broadcast_to(jnp.arange(LENGTH)[None] >= 3, (ROWS, LENGTH))
    found = []
    for content in (X, NOISE, 1e3 * NOISE):
        x = jnp.where(padding[..., None], content, X)
        found.append(compiled(name)(x, Context(padding)))
        assert np.isfinite(found[-1]).all()
        close(found[-1][:, :3], found[0][:, :3])


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name].stretches])
@pytest.mark.parametrize("side", ["left", "right"])
def test_real_tokens_do_not_see_how_much_padding_there_is(name, side):
    alone = compiled(name)(X[:, :3], Context(jnp.zeros((ROWS, 3), bool)))
    real = slice(3, LENGTH) if side == "left" else slice(0, 3)
    padding = jnp.ones((ROWS, LENGTH), bool).at[:, real].set(False)
    x = (10 * NOISE).at[:, real].set(X[:, :3])
    told = jnp.arange(LENGTH)[None] - real.start if CASES[name].placed else None
    close(compiled(name)(x, Context(padding, positions=told))[:, real], alone)


@every
def test_a_row_of_padding_is_finite_and_has_a_finite_slope(name):
    padding = jnp.ones((ROWS, LENGTH), bool)
    y, pulled_back = jax.vjp(lambda x: compiled(name)(x, Context(padding)), X)
    assert np.isfinite(y).all() and np.isfinite(pulled_back(NOISE)[0]).all()


SEGMENTS = jnp.broadcast_to(jnp.array([[5, 5, 5, 2, 2, 2]]), (ROWS, LENGTH))


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name].packs])
def test_sequences_packed_in_a_row_are_as_if_alone(name):
    """With padding in none of one row, and in each sequence of the other."""
    padding = jnp.zeros((ROWS, LENGTH), bool).at[1, jnp.array([2, 5])].set(True)
    packed = compiled(name)(X, Context(padding, SEGMENTS))
    for part in (slice(0, 3), slice(3, 6)):
        alone = compiled(name)(X[:, part], Context(padding[:, part]))
        real = ~np.asarray(padding[:, part])
        close(packed[:, part][real], alone[real])


@pytest.mark.parametrize("name", [name for name in CASES if not CASES[name].packs])
def test_who_cannot_tell_sequences_apart_says_so(name):
    with pytest.raises(ValueError, match=type(CASES[name].mixer).__name__):
        compiled(name)(X, Context(segments=SEGMENTS))


@every
def test_a_mixer_is_causal_where_it_says_so(name):
    def of_row(row):
        return compiled(name)(row[None], PLAIN)[0]

    slopes = np.abs(jax.jit(jax.jacrev(of_row))(X[0])).sum((1, 3))
    later = np.triu(slopes, 1)
    assert (later.max() == 0) == CASES[name].mixer.causal
    assert (slopes.diagonal() > 0).all()


@every
def test_a_mixer_tells_what_it_is(name):
    case = CASES[name]
    assert isinstance(case.mixer, Mixer) and case.mixer.exact == case.exact


@every
def test_order_matters_where_it_should(name):
    order = np.array([3, 0, 5, 1, 4, 2])
    one, other = compiled(name)(X[:, order], PLAIN), compiled(name)(X, PLAIN)[:, order]
    assert CASES[name].ordered != np.allclose(one, other, atol=1e-5)


WEIGHTS = np.cos(np.arange(X.size)).reshape(X.shape)
PADDING = np.arange(LENGTH)[None] >= np.array([[LENGTH], [LENGTH - 2]])


@every
def test_slopes_are_those_of_differences_in_double_precision(name):
    """And numbers of single and of half precision are near those of double."""
    mixer = CASES[name].mixer

    def output(given):
        found = mixer.apply(*given, Context(jnp.asarray(PADDING)))
        return jnp.where(PADDING[..., None], 0, found)

    def weighed(given):
        found = output(given)
        return (found * WEIGHTS).sum(), found

    given = learned(name), X
    padding = jnp.asarray(PADDING)
    single = jnp.where(padding[..., None], 0, compiled(name)(X, Context(padding)))
    half = jax.jit(output)(jax.tree.map(lambda x: x.astype("bfloat16"), given))
    with jax.enable_x64(True):
        given = jax.tree.map(lambda x: np.asarray(x, "float64"), given)
        way = jax.tree.map(lambda x: np.sin(1 + np.arange(x.size, dtype=float)), given)
        way = jax.tree.map(lambda x, v: v.reshape(x.shape), given, way)
        run = jax.jit(jax.value_and_grad(weighed, has_aux=True))
        (_, double), slopes = run(given)
        ahead, behind = (
            run(jax.tree.map(lambda x, v, s=step: x + s * v, given, way))[0][0]
            for step in (1e-6, -1e-6)
        )
    slopes, double, ahead, behind = jax.device_get((slopes, double, ahead, behind))
    slope = sum(map(np.vdot, jax.tree.leaves(slopes), jax.tree.leaves(way)))
    np.testing.assert_allclose(slope, (ahead - behind) / 2e-6, rtol=1e-6, atol=1e-8)
    assert half.dtype == jnp.bfloat16 and double.dtype == np.float64
    close(single, double)
    error = np.asarray(half, np.float64) - double
    assert np.sqrt((error**2).mean() / (double**2).mean()) < 0.03


@every
def test_however_it_is_run_it_computes_the_same(name):
    """Step by step; and mapped over rows that lie on two devices."""
    mixer, params, run = CASES[name].mixer, learned(name), compiled(name)
    expected = run(X, PLAIN)
    close(mixer.apply(params, X, PLAIN), expected)
    mesh = mesh_of({"data": 2}, jax.devices()[:2])
    split = jax.device_put(X, NamedSharding(mesh, P("data")))
    found = jax.jit(jax.vmap(lambda x: run(x[None], PLAIN)[0]))(split)
    assert len(found.sharding.device_set) == 2
    close(found, expected)


@pytest.mark.parametrize("size", [(1, 1, 8), (2, 6, 8), (3, 13, 16)], ids=str)
@every
def test_a_mixer_costs_what_it_computes(name, size):
    mixer, x = CASES[name].mixer, jax.ShapeDtypeStruct(size, "float32")
    variables = jax.eval_shape(mixer.init, jax.random.key(0), x, PLAIN)
    counted = executed_products(lambda v, x: mixer.apply(v, x, PLAIN), variables, x)
    assert mixer.cost(*size) == Work(counted["flops"], counted["bytes"])


@every
def test_an_encoder_takes_any_mixer(name):
    block = TransformerBlock(CASES[name].mixer, FeedForward(12))
    encoder = TextEncoder(11, FEATURES, (block,) * 2, scan=True)
    context = Context(jnp.zeros((ROWS, LENGTH), bool))
    inputs = jax.random.key(0), jnp.zeros((ROWS, LENGTH), int), context
    found, variables = jax.eval_shape(encoder.init_with_output, *inputs)
    assert found.tokens.shape == X.shape
    assert all(len(w.shape) > 0 for w in jax.tree.leaves(variables))
