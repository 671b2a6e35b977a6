"""Heads against their formulas, spelled out in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.nn.heads import Linear, MinibatchDiscrimination, MinibatchStddev, Projection

H = jnp.asarray(np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32))
LABELS = jnp.array([0, 1, 2, 0, 1, 2, 0, 1])


def linear(layer, x):
    return x @ np.asarray(layer["kernel"], np.float64)[:, 0] + np.asarray(layer["bias"])


def moved(params):
    """Parameters none of which is zero."""
    keys = iter(jax.random.split(jax.random.key(7), 9))
    return jax.tree.map(lambda w: jax.random.normal(next(keys), w.shape), params)


def applied(head, *inputs):
    params = moved(head.init(jax.random.key(0), *inputs)["params"])
    return params, np.asarray(head.apply({"params": params}, *inputs))


def test_a_projection_adds_the_product_with_the_class():
    params, logits = applied(Projection(3), H, LABELS)
    rows = np.asarray(params["classes"]["embedding"], np.float64)[LABELS]
    expected = linear(params["Linear_0"]["Dense_0"], H) + (rows * H).sum(1)
    np.testing.assert_allclose(logits, expected, rtol=1e-5)


def test_a_projection_starts_without_classes(key):
    head = Projection(3)
    variables = head.init(key, H, LABELS)
    logits = [head.apply(variables, H, jnp.asarray(y)) for y in (LABELS, 0 * LABELS)]
    np.testing.assert_array_equal(*logits)


def test_the_deviation_of_each_group_is_a_feature_of_its_samples():
    params, logits = applied(MinibatchStddev(Linear(), group=4), H)
    deviations = np.asarray(H, np.float64).reshape(2, 4, 3).std(axis=1).mean(axis=1)
    features = np.concatenate([H, np.repeat(deviations, 4)[:, None]], axis=1)
    expected = linear(params["head"]["Dense_0"], features)
    np.testing.assert_allclose(logits, expected, rtol=1e-4)


def test_copies_have_no_deviation_and_a_finite_slope(key):
    head = MinibatchStddev(Linear(), group=4)
    variables = head.init(key, H)
    slope = jax.grad(lambda h: head.apply(variables, h).sum())(jnp.ones_like(H))
    assert np.isfinite(slope).all()


def test_discrimination_sums_how_near_the_others_are():
    params, logits = applied(MinibatchDiscrimination(kernels=2, size=3), H)
    kernel = np.asarray(params["DenseGeneral_0"]["kernel"], np.float64)
    places = np.einsum("nf,fks->nks", np.asarray(H), kernel)
    near = np.zeros((8, 2))
    for i in range(8):
        for j in set(range(8)) - {i}:
            near[i] += np.exp(-np.abs(places[i] - places[j]).sum(axis=1))
    expected = linear(params["head"]["Dense_0"], np.concatenate([H, near], axis=1))
    np.testing.assert_allclose(logits, expected, rtol=1e-4)


@pytest.mark.parametrize("head", [MinibatchStddev(group=8), MinibatchDiscrimination()])
def test_the_order_of_the_batch_does_not_matter(head):
    params, logits = applied(head, H)
    order = np.random.default_rng(1).permutation(8)
    moved = head.apply({"params": params}, H[order])
    np.testing.assert_allclose(moved, logits[order], rtol=1e-4, atol=1e-5)


def test_heads_nest_and_hand_conditions_on():
    head = MinibatchDiscrimination(MinibatchStddev(Projection(3), group=2), 2, 3)
    logits = applied(head, H, LABELS)[1], applied(head, H, (LABELS + 1) % 3)[1]
    assert np.abs(logits[0] - logits[1]).min() > 1e-6


@pytest.mark.parametrize("group", [1, 3, 0])
def test_groups_that_do_not_divide_the_batch_are_refused(group, key):
    with pytest.raises(ValueError, match=rf"group={group}\).*batch of 8 samples"):
        jax.eval_shape(MinibatchStddev(group=group).init, key, H)


def test_a_head_without_classes_refuses_them_by_name(key):
    with pytest.raises(ValueError, match=r"head=Projection\(classes\)"):
        Linear().init(key, H, jnp.zeros(len(H), int))
