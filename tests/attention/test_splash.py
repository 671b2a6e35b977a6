"""The TPU kernel computes what dense attention does, and no matrix of all pairs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding, SingleDeviceSharding
from jax.sharding import PartitionSpec as P

from installed import with_libtpu
from jaxgen.attention.attend import attend, chosen, explained
from jaxgen.attention.case import case_of
from jaxgen.attention.chunked import Chunked
from jaxgen.attention.dense import Dense
from jaxgen.attention.expressions import FULL, causal, longformer, window
from jaxgen.attention.live import Grid
from jaxgen.attention.pattern_mask import (
    PatternMask,
    different_blocks,
    every_query_attends,
)
from jaxgen.attention.patterns import Distance
from jaxgen.attention.random_blocks import RandomBlocks
from jaxgen.attention.scores import ALiBi, SoftCap
from jaxgen.attention.splash import Splash
from jaxgen.sharding.mesh import mesh_of
from jaxgen.sharding.topology import topology

SPLASH = Splash(block=128, interpret=True)


def drawn(key, batch=1, queries=200, keys=200, heads=2, key_heads=2, features=8):
    """Queries, keys, and values of some more features."""
    shapes = (
        (batch, queries, heads, features),
        (batch, keys, key_heads, features),
        (batch, keys, key_heads, features + 3),
    )
    keys_of_each = jax.random.split(key, 3)
    return [jax.random.normal(k, s) for k, s in zip(keys_of_each, shapes, strict=True)]


def results(how, vectors, options):
    """Output, log-sum-exp, and gradients of a function of both."""

    def loss(query, key, value):
        found = attend(query, key, value, implementation=how, **options)
        some = jnp.isfinite(found.log_sum_exp)
        totals = jnp.where(some, found.log_sum_exp, 0.0)
        waves = jnp.cos(jnp.arange(found.output.size) * 0.7)
        mixed = (found.output * waves.reshape(found.output.shape)).sum()
        return mixed + jnp.sin(totals).sum(), found

    return jax.jit(jax.value_and_grad(loss, (0, 1, 2), has_aux=True))(*vectors)


def require_equal(vectors, **options):
    one, other = (results(how, vectors, options) for how in (SPLASH, Dense()))
    jax.tree.map(
        lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-5), one, other
    )
    return one[0][1]


def test_a_window_with_grouped_heads_and_a_length_of_no_whole_block(key):
    vectors = drawn(key, heads=4, key_heads=2)
    require_equal(vectors, pattern=causal() & window(20))


def test_global_tokens_and_capped_logits_of_another_scale(key):
    options = {"pattern": longformer(10, 2), "score": SoftCap(2.0), "scale": 0.7}
    require_equal(drawn(key, heads=1, key_heads=1), **options)


def test_segments_and_padding_that_leave_queries_without_keys(key):
    segments = jnp.arange(200)[None] // 50
    padding = jnp.array([jnp.arange(200) < 60, jnp.arange(200) % 3 == 0])
    found = require_equal(
        drawn(key, batch=2), pattern=causal(), segments=segments, padding=padding
    )
    lonely = np.isneginf(found.log_sum_exp)
    assert lonely[0, :60].all() and not lonely[0, 60:].any()
    assert (found.output[0, :60] == 0).all()


def test_a_pattern_that_leaves_whole_blocks_without_keys_and_an_offset(key):
    vectors = drawn(key, queries=150, keys=290, heads=1, key_heads=1)
    found = require_equal(vectors, pattern=Distance(140, 150), offset=10)
    assert np.isneginf(found.log_sum_exp[0, :130]).all()
    assert np.isfinite(found.log_sum_exp[0, 130:]).all()


@pytest.mark.parametrize(
    "options, told",
    [
        ({"score": ALiBi(2)}, "scores other than SoftCap"),
        ({"score": lambda logits, head, query, key: logits}, "scores other than"),
        ({"offset": jnp.array(3)}, "an offset that a trace decides"),
        ({"pattern": Distance(300, 400)}, "no query attends to any key"),
    ],
)
def test_what_it_does_not_support_is_told(key, options, told):
    query, keys, value = drawn(key)
    with pytest.raises(ValueError, match=told):
        attend(query, keys, value, implementation=SPLASH, **options)


def test_what_the_kernel_cannot_sum_is_told(key):
    case = case_of(*[x.astype(jnp.float16) for x in drawn(key)[:2]])
    assert SPLASH.refusal(case) == "float16 queries"


def test_masks_that_would_fill_memory_are_told():
    x = jnp.zeros((1, 5120, 1, 1))
    assert Splash().refusal(case_of(x, x, causal())) == ""
    told = Splash().refusal(case_of(x, x, RandomBlocks(2, 37)))
    assert "allowed in" in told and int(told.split()[7]) > 64


def test_a_block_is_whole_lanes():
    with pytest.raises(ValueError, match="a block of 100: expected a multiple of 128"):
        Splash(100)


def test_where_arrays_are_sharded_the_kernel_does_not_run_by_itself(key):
    case = case_of(*drawn(key)[:2])
    assert isinstance(chosen(case, "tpu"), Splash)
    with jax.set_mesh(mesh_of({"replica": 8})):
        assert chosen(case, "tpu") == Chunked(256)
        assert "does not support arrays on a mesh" in explained(case, "tpu")


def test_a_mask_is_its_pattern_within_the_lengths():
    pattern, grid = longformer(3, 1), Grid(5, 11, 4, 8, 6)
    mask = PatternMask(pattern, grid)
    blocks = [[mask.block(i, j) for j in range(2)] for i in range(2)]
    index = np.arange(11)
    expected = np.zeros((8, 16), bool)
    expected[:5, :11] = pattern.allowed(index[6:, None], index[None], 11)
    np.testing.assert_array_equal(np.block(blocks), expected)
    assert mask.shape == (8, 16)


def test_masks_know_queries_without_keys_and_how_many_blocks_differ():
    masks = {n: PatternMask(Distance(n), Grid(40, 40, 8, 8)) for n in (0, 1)}
    assert {n: every_query_attends(mask) for n, mask in masks.items()} == {0: 1, 1: 0}
    assert different_blocks(masks[0]) == 1
    assert masks[0] == PatternMask(Distance(0), Grid(40, 40, 8, 8))


def compiled(pattern, gradient: bool):
    """Attention of bfloat16 vectors, compiled for a TPU chip."""
    sharding = SingleDeviceSharding(topology("v5litepod-8")[0])
    x = jax.ShapeDtypeStruct((1, 4096, 4, 64), jnp.bfloat16, sharding=sharding)

    def total(query, key, value):
        found = attend(query, key, value, pattern=pattern, implementation=Splash())
        return found.output.astype(jnp.float32).sum()

    function = jax.grad(total, (0, 1, 2)) if gradient else total
    return jax.jit(function).lower(x, x, x).compile()


@with_libtpu
@pytest.mark.parametrize("gradient, count", [(False, 1), (True, 3)])
@pytest.mark.parametrize(
    "pattern",
    [causal(), causal() & window(256), FULL],
    ids=["causal", "window", "full"],
)
def test_a_tpu_runs_kernels_alone_and_holds_no_matrix(pattern, gradient, count):
    program = compiled(pattern, gradient)
    assert program.as_text().count('custom_call_target="tpu_custom_call"') == count
    assert program.memory_analysis().temp_size_in_bytes < 4096**2 / 8


@with_libtpu
def test_within_shard_map_each_chip_of_a_mesh_runs_the_kernel():
    mesh = mesh_of({"data": 8}, topology("v5litepod-8"))
    x = jax.ShapeDtypeStruct((8, 512, 1, 64), jnp.float32)
    rows = NamedSharding(mesh, P("data"))

    def attended(query, key, value):
        return attend(query, key, value, implementation=Splash()).output

    with jax.set_mesh(mesh):
        mapped = jax.shard_map(
            attended, in_specs=P("data"), out_specs=P("data"), check_vma=False
        )
        lowered = jax.jit(mapped, in_shardings=rows).lower(x, x, x)
    text = lowered.compile().as_text()
    assert "tpu_custom_call" in text and "all-gather" not in text


def test_the_work_of_each_kernel_is_that_of_its_products_over_live_blocks():
    """Of 4 x 4 blocks ten are alive: two products forward, three and four backward."""
    x = jax.ShapeDtypeStruct((4, 2048, 6, 128), jnp.bfloat16)
    case = case_of(x, x, causal())
    made = Splash(512).kernels(x, x, x, case)
    product = 2 * 4 * 6 * 10 * 512**2 * 128
    assert {name: work.flops / product for name, work in made.items()} == {
        "splash_mha_fwd": 2,
        "splash_mha_dq": 3,
        "splash_mha_dkv": 4,
    }
    cost = Splash(512).cost(x, x, x, case)
    assert cost.forward.flops == 2 * product
    assert cost.backward.flops == 7 * product
