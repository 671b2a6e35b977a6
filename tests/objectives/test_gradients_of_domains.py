"""What is made of gradients of domains, against numpy, and slopes of slopes by hand."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.objectives.domain_losses import (
    domain_means,
    domains_of,
    each_domain,
)
from jaxgen.objectives.gradient_agreement import (
    and_mask,
    domains_of_stack,
    gradient_variance,
    mean_gradient,
    pcgrad,
)
from jaxgen.objectives.gradient_matching import (
    fishr,
    gradient_variances,
    iga,
    mldg,
)
from jaxgen.objectives.invariant_risk import with_slopes
from two_bits import scaled_losses, table_of

RNG = np.random.default_rng(0)
STACK = {"a": RNG.normal(size=(4, 3)), "b": RNG.normal(size=(4, 2, 2))}
VECTORS = np.concatenate([STACK["a"], STACK["b"].reshape(4, 4)], axis=1)
X, Y, W = RNG.normal(size=(6, 3, 2)), RNG.normal(size=(6, 3)), RNG.normal(size=2)
RESIDUALS = X @ W - Y
SLOPES = 2 * RESIDUALS[..., None] * X  # of each example, (n, k, d)


def flat(tree):
    return np.concatenate([np.ravel(tree["a"]), np.ravel(tree["b"])])


def squares(w, batch, key):
    x, y = batch
    return ((x @ w - y) ** 2).mean(), {"bias": (x @ w - y).mean()}


def value_and_slope(loss):
    """Of a loss of the parameters ``W`` and the batch, in double precision."""
    with jax.enable_x64(True):
        run = jax.jit(lambda w, x, y: jax.value_and_grad(loss, has_aux=True)(w, (x, y)))
        (value, told), slope = run(W, X, Y)
        return float(value), jax.tree.map(float, told), np.asarray(slope)


def by_differences(function, point):
    steps = 1e-5 * np.eye(len(point))
    return np.array([function(point + s) - function(point - s) for s in steps]) / 2e-5


def test_losses_of_domains_are_means_over_their_examples():
    domain = RNG.integers(0, 3, size=20)
    domain[domain == 1] = 2
    nats = RNG.gamma(2.0, size=20)
    found = jax.jit(domain_means, static_argnums=2)(nats, domain, 3)
    expected = [nats[domain == 0].mean(), 0.0, nats[domain == 2].mean()]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_each_domain_has_a_loss_and_draws_of_its_own(key):
    def noisy(w, batch, key):
        value, told = squares(w, batch, key)
        return (value, jax.random.normal(key)), told

    run = jax.jit(each_domain(noisy))
    (values, draws), told = run(*jax.tree.map(jnp.float32, (W, (X, Y))), key)
    np.testing.assert_allclose(values, (RESIDUALS**2).mean(0), rtol=1e-5)
    assert float(told["bias"]) == pytest.approx(RESIDUALS.mean(), rel=1e-4)
    assert len(set(draws.tolist())) == 3


def test_one_jvp_is_the_squared_gradient_by_the_scale():
    with jax.enable_x64(True):
        table = jnp.asarray(table_of(np.array([2.0, 0.5])))

        @jax.jit
        def both(table):
            slopes = with_slopes(scaled_losses)(table, None, None)[0].slopes
            each = [
                jax.grad(lambda s, k=k: scaled_losses(table, s)[0][k])(1.0)
                for k in range(2)
            ]
            return (slopes**2).sum(), sum(one**2 for one in each)

        one, brute = both(table)
        assert float(one) == pytest.approx(float(brute), rel=1e-12) and one > 1e-5


def test_the_mask_keeps_what_domains_agree_on(key):
    signs = [[1, 1, 1, 1, -1], [1, 1, 1, 1, -1], [1, 1, -1, 1, -1], [1, -1, -1, 0, -1]]
    stack = np.float32(np.array(signs) * RNG.gamma(2.0, size=(4, 5)))
    shares = np.float32([0.5, 0.75, 1.0])
    run = jax.jit(jax.vmap(lambda share, stack: and_mask(share)(stack, key), (0, None)))
    kept = np.array([[1, 1, 0, 1, 1], [1, 0, 0, 1, 1], [1, 0, 0, 0, 1]])
    np.testing.assert_allclose(run(shares, stack), kept * stack.mean(0), rtol=1e-6)


def test_two_thirds_are_two_thirds(key):
    five_of_six = jnp.array([1.0] * 5 + [-1.0])[:, None]
    assert float(and_mask(2 / 3)(five_of_six, key)[0]) == pytest.approx(2 / 3)


def operated(order_of_each):
    """The surgery of Yu et al. with given orders."""
    done = []
    for i, order in enumerate(order_of_each):
        vector = VECTORS[i].copy()
        for j in order:
            product = vector @ VECTORS[j]
            if product < 0:
                vector -= product / (VECTORS[j] @ VECTORS[j]) * VECTORS[j]
        done.append(vector)
    return np.mean(done, 0)


def test_surgery_is_that_of_some_order():
    others = [[j for j in range(4) if j != i] for i in range(4)]
    orders = [itertools.permutations(one) for one in others]
    possible = np.array([operated(one) for one in itertools.product(*orders)])
    run = jax.jit(jax.vmap(pcgrad, (None, 0)))
    found = run(
        jax.tree.map(jnp.asarray, STACK), jax.random.split(jax.random.key(0), 8)
    )
    found = np.array([flat(jax.tree.map(lambda x, i=i: x[i], found)) for i in range(8)])
    nearest = np.abs(found[:, None] - possible[None]).max(-1).min(1)
    assert nearest.max() < 1e-6 and len(np.unique(found.round(5), axis=0)) > 1
    assert np.abs(found - VECTORS.mean(0)).max(1).min() > 1e-3


def test_what_does_not_conflict_is_left_alone(key):
    stack = jnp.abs(jnp.asarray(VECTORS))
    found = jax.jit(pcgrad)(stack, key)
    np.testing.assert_allclose(found, stack.mean(0), rtol=1e-6)


def test_the_mean_and_the_variance_of_gradients(key):
    stack = jax.tree.map(jnp.asarray, STACK)
    mean, variance = jax.jit(lambda s: (mean_gradient(s, key), gradient_variance(s)))(
        stack
    )
    np.testing.assert_allclose(flat(mean), VECTORS.mean(0), rtol=1e-5, atol=1e-7)
    by_hand = ((VECTORS - VECTORS.mean(0)) ** 2).sum(1).mean()
    assert float(variance) == pytest.approx(by_hand, rel=1e-5)


def test_gradient_alignment_and_its_slope(key):
    def by_hand(w):
        residuals = X @ w - Y
        gradients = (2 * residuals[..., None] * X).mean(0)
        penalty = ((gradients - gradients.mean(0)) ** 2).sum(1).mean()
        return (residuals**2).mean() + 0.3 * penalty

    loss = iga(squares, 0.3)
    value, told, slope = value_and_slope(lambda w, batch: loss(w, batch, key))
    assert value == pytest.approx(by_hand(W), rel=1e-10)
    assert value == pytest.approx((RESIDUALS**2).mean() + 0.3 * told["penalty"])
    np.testing.assert_allclose(slope, by_differences(by_hand, W), rtol=1e-6)


def test_variances_of_gradients_and_their_slope(key):
    def by_hand(w):
        residuals = X @ w - Y
        variances = (2 * residuals[..., None] * X).var(0)
        penalty = ((variances - variances.mean(0)) ** 2).sum(1).mean()
        return (residuals**2).mean() + 0.3 * penalty

    loss = fishr(squares, 0.3)
    value, told, slope = value_and_slope(lambda w, batch: loss(w, batch, key))
    assert value == pytest.approx(by_hand(W), rel=1e-10)
    assert value == pytest.approx((RESIDUALS**2).mean() + 0.3 * told["penalty"])
    np.testing.assert_allclose(slope, by_differences(by_hand, W), rtol=1e-6)


def test_variances_of_a_part_of_the_parameters(key):
    def two(params, batch, key):
        return squares(params["w"] + params["shift"], batch, key)

    params = {"w": jnp.asarray(W, jnp.float32), "shift": jnp.zeros(2)}
    batch = jax.tree.map(jnp.float32, (X, Y))

    @jax.jit
    def run(params, batch):
        return gradient_variances(two, params, batch, key, of=lambda p: p["w"])

    found = run(params, batch)
    np.testing.assert_allclose(found, SLOPES.var(0), rtol=1e-4)


def test_a_step_on_some_domains_must_help_the_one_held_out(key):
    def by_hand(w, test):
        train = [k for k in range(3) if k != test]
        x, y = X[:, train].reshape(-1, 2), Y[:, train].ravel()
        first, slope = ((x @ w - y) ** 2).mean(), 2 * (x @ w - y) @ x / len(x)
        ahead = X[:, test] @ (w - 0.1 * slope) - Y[:, test]
        return first + 0.7 * (ahead**2).mean()

    def both(w, batch):
        keys = jax.random.split(key, 12)
        loss = mldg(squares, rate=0.1, weight=0.7)
        values, _ = jax.vmap(loss, (None, None, 0))(w, batch, keys)
        return values[0], {"all": values}

    with jax.enable_x64(True):
        run = jax.jit(jax.value_and_grad(both, has_aux=True))
        (_, told), slope = run(W, (X, Y))
        values, slope = np.asarray(told["all"]), np.asarray(slope)
    possible = np.array([by_hand(W, test) for test in range(3)])
    apart = np.abs(values[:, None] - possible[None])
    assert apart.min(1).max() < 1e-12 and set(apart.argmin(1)) == {0, 1, 2}
    drawn = int(apart[0].argmin())
    expected = by_differences(lambda w: by_hand(w, drawn), W)
    np.testing.assert_allclose(slope, expected, rtol=1e-6)


def test_the_order_of_domains_does_not_matter(key):
    turned = jnp.array([2, 0, 3, 1])
    stack = jax.tree.map(jnp.asarray, STACK)

    @jax.jit
    def told(stack):
        return and_mask(0.5)(stack, key), gradient_variance(stack)

    one, other = told(stack), told(jax.tree.map(lambda leaf: leaf[turned], stack))
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


ONE = jnp.ones((1, 3))
ROWS = (jnp.ones((4, 1, 2)), jnp.ones((4, 1)))
PAIR = (jnp.ones((1, 2, 2)), jnp.ones((1, 2)))


@pytest.mark.parametrize(
    "refused, complaint",
    [
        (lambda key: and_mask(0.0), r"and_mask\(share\)=0.0"),
        (lambda key: and_mask(0.5)(ONE, key), r"and_mask of 1 domain\(s\)"),
        (lambda key: pcgrad(ONE, key), r"pcgrad of 1 domain\(s\)"),
        (lambda key: gradient_variance(ONE), r"gradient_variance of 1 domain\(s\)"),
        (lambda key: domains_of_stack((ONE, jnp.ones(2))), "a stack of leading axes"),
        (lambda key: domains_of((ONE, jnp.ones(2))), "expected rows of domains"),
        (
            lambda key: domain_means(ONE[0], jnp.arange(3), 0),
            r"domain_means\(domains\)=0",
        ),
        (lambda key: mldg(squares, 0.1)(jnp.ones(2), ROWS, key), "mldg of 1 domain"),
        (
            lambda key: mldg(squares, 0.1, held_out=2)(jnp.ones(2), PAIR, key),
            r"held_out=2\): expected 1 to 1 of 2",
        ),
        (
            lambda key: fishr(squares, 0.1)(jnp.ones(2), PAIR, key),
            "gradient_variances of 1 example a domain",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(refused, complaint, key):
    with pytest.raises(ValueError, match=complaint):
        refused(key)
