"""Adapters: their formulas in numpy, what they select, and what they refuse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.models.adaptation import learned_numbers, paths_of
from jaxgen.models.low_rank import Axes, Factors, lora, rank_stabilized_lora
from jaxgen.models.parameter_offsets import HEAD, NORMS_AND_BIASES, offset
from jaxgen.models.weight_decomposition import Decomposed, dora
from language_models import MODELS, TOKENS, started

MODEL = MODELS["learned positions"]  # scanned
PARAMS = jax.tree.map(jnp.asarray, started(MODEL))
UNSCANNED_PARAMS = started(MODELS["rotary, groups"])
ADAPTATIONS = {
    "lora": lora(2, 3.0),
    "rank-stabilized": rank_stabilized_lora(2, 3.0),
    "dora": dora(2, 3.0),
    "norms and biases": offset(NORMS_AND_BIASES),
    "full": offset(),
}
LAYERS = "encoder/stack/layers/"


def drawn(init, key, params):
    """An adapter none of whose numbers is zero."""
    rng = np.random.default_rng(0)

    def one(leaf):
        return jnp.asarray(rng.normal(0, 0.3, leaf.shape), leaf.dtype)

    return jax.tree.map(one, jax.eval_shape(init, key, params))


def of_everything(function, *names):
    """One program for all adaptations, as most of a test is compiling."""
    return jax.jit(
        lambda params, key: {
            name: function(params, key, *ADAPTATIONS[name]) for name in names
        }
    )


def test_an_adapter_changes_nothing_at_its_start(key):
    def apart(params, key, init, apply):
        return apply(params, init(key, params))

    for found in of_everything(apart, *ADAPTATIONS)(PARAMS, key).values():
        for path, leaf in paths_of(found).items():
            np.testing.assert_array_equal(leaf, paths_of(PARAMS)[path], path)


def by_hand(kernel, change, scale):
    """The matrices of an array one after the other, in float64."""
    kernel = np.float64(kernel)
    factors = change.factors if isinstance(change, Decomposed) else change
    down, up = map(np.float64, factors)
    whole = []
    for layer in range(len(kernel)):
        matrix = kernel[layer].reshape(len(down[layer]), -1)
        turned = matrix + scale * down[layer] @ up[layer]
        if isinstance(change, Decomposed):
            before = (
                np.sqrt((matrix**2).sum(0)) + np.float64(change.length)[layer].ravel()
            )
            turned = turned / np.sqrt((turned**2).sum(0)) * before
        whole.append(turned.reshape(kernel[layer].shape))
    return np.stack(whole)


@pytest.mark.parametrize(
    "name, scale", [("lora", 3 / 2), ("rank-stabilized", 3 / 2**0.5), ("dora", 3 / 2)]
)
def test_a_change_is_a_product_layer_by_layer(name, scale, key):
    """Of scanned layers: kernels (layers, in, out), and (layers, d, heads, h)."""
    init, apply = ADAPTATIONS[name]
    adapter = drawn(init, key, PARAMS)
    found = paths_of(jax.jit(apply)(PARAMS, adapter))
    before = paths_of(PARAMS)
    kernels = {path for path in before if path.endswith("kernel")}
    assert before[f"{LAYERS}mixer/query/kernel"].ndim == 4 and len(kernels) == 6
    for path, leaf in before.items():
        change = adapter
        for part in path.split("/") if path in kernels else ():
            change = change[part]
        expected = by_hand(leaf, change, scale) if path in kernels else leaf
        np.testing.assert_allclose(found[path], expected, rtol=2e-5, atol=1e-6)


def test_lengths_of_columns_are_what_is_learned_of_them(key):
    """Whatever its factors: turning a column does not make it longer."""
    params = {"kernel": jax.random.normal(key, (6, 3, 2))}
    init, apply = dora(2, 5.0)
    change = drawn(init, key, params)["kernel"]
    found = apply(params, {"kernel": change})["kernel"]
    before = np.linalg.norm(params["kernel"], axis=0)
    lengths = np.linalg.norm(found, axis=0)
    np.testing.assert_allclose(lengths, before + change.length[0], rtol=1e-5)


def test_axes_of_projections_and_convolutions_are_told_by_views(key):
    params = {
        "out": {"kernel": jnp.zeros((2, 3, 5))},
        "convolution": {"kernel": jnp.zeros((3, 3, 4, 7))},
    }
    views = ("out", Axes(inputs=2)), ("convolution", Axes(inputs=3))
    init, apply = lora(2, 2.0, views=views)
    shapes = jax.tree.map(jnp.shape, init(key, params))
    assert shapes["out"]["kernel"] == Factors((6, 2), (2, 5))
    assert shapes["convolution"]["kernel"] == Factors((36, 2), (2, 7))
    adapter = drawn(init, key, params)
    down, up = adapter["out"]["kernel"]
    found = apply(params, adapter)["out"]["kernel"]
    expected = np.einsum("nhr,rd->nhd", down.reshape(2, 3, 2), up)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_many_adapters_of_one_model_are_one_more_axis(key):
    init, apply = ADAPTATIONS["lora"]
    one = drawn(init, key, PARAMS)
    many = jax.tree.map(lambda leaf: jnp.stack([leaf, -leaf, 0 * leaf]), one)

    def logits(adapter):
        return MODEL.apply({"params": apply(PARAMS, adapter)}, TOKENS)

    found = jax.jit(jax.vmap(logits))(many)
    np.testing.assert_allclose(found[0], jax.jit(logits)(one), rtol=1e-4, atol=1e-5)
    assert (jnp.abs(found[0] - found[2]).max() > 1e-2).all()


def test_some_of_the_parameters_move(key):
    before = paths_of(UNSCANNED_PARAMS)
    for select, expected in ((NORMS_AND_BIASES, "scale"), (HEAD, "output"), (".*", "")):
        init, apply = offset(select)
        adapter = drawn(init, key, UNSCANNED_PARAMS)
        moved = paths_of(apply(UNSCANNED_PARAMS, adapter))
        for path, by in paths_of(adapter).items():
            np.testing.assert_allclose(moved[path], before[path] + by, rtol=1e-6)
        assert all(path.endswith(expected) for path in paths_of(adapter))
        still = before.keys() - paths_of(adapter).keys()
        assert all(moved[path] is before[path] for path in still)


def test_an_adapter_is_as_small_as_its_rank_says(key):
    sides = [(8, 8)] * 4 + [(8, 12), (12, 8)]
    rank = 2
    found = learned_numbers(jax.eval_shape(lora(rank, 1.0).init, key, PARAMS))
    assert found == 2 * rank * sum(map(sum, sides))  # two layers
    full = learned_numbers(jax.eval_shape(offset().init, key, PARAMS))
    assert full == sum(leaf.size for leaf in jax.tree.leaves(PARAMS))


SMALL = {"Dense_0": {"kernel": jnp.zeros((4, 3)), "bias": jnp.zeros(3)}}


@pytest.mark.parametrize(
    "make, complaint",
    [
        (
            lambda: lora(1, 1.0, "kernel"),
            "'kernel'.* there are Dense_0/bias, Dense_0/ker",
        ),
        (
            lambda: dora(1, 1.0, ".*gate"),
            r"dora\(select='.*gate'\): no parameter's path",
        ),
        (lambda: offset(".*scale"), r"offset\(select='.*scale'\)"),
        (lambda: lora(4, 1.0), r"lora\(rank=4\): Dense_0/kernel has matrices of 4 x 3"),
        (lambda: rank_stabilized_lora(0, 1.0), r"rank=0.*expected a rank of 1 to 3"),
        (lambda: lora(1, 1.0, ".*"), r"Dense_0/bias has shape \(3,\)"),
        (
            lambda: lora(1, 1.0, views=(("layers", Axes()),)),
            "none matches Dense_0/kernel; end the views",
        ),
    ],
)
def test_what_cannot_be_adapted_is_refused(make, complaint, key):
    with pytest.raises(ValueError, match=complaint):
        make().init(key, SMALL)


@pytest.mark.parametrize("name", ADAPTATIONS)
def test_an_adapter_of_another_model_is_refused(name, key):
    init, apply = ADAPTATIONS[name]
    adapter = init(key, UNSCANNED_PARAMS)
    complaint = f"another model or size.*{LAYERS}.*: absent, expected"
    with pytest.raises(ValueError, match=complaint):
        apply(PARAMS, adapter)
    smaller = jax.eval_shape(ADAPTATIONS["lora"].init, key, SMALL)
    with pytest.raises(ValueError, match=r"down: \(4, 2\), expected \(4, 1\)"):
        lora(1, 1.0).apply(SMALL, smaller)
