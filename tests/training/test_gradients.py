"""The gradient over parts of a batch is the gradient over the whole."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.models.critic import PerceptronCritic
from jaxgen.models.generator import BatchNormGenerator
from jaxgen.nn.heads import MinibatchStddev
from jaxgen.objectives.adversarial import RELATIVISTIC_AVERAGE
from jaxgen.objectives.generator_penalties import mode_seeking
from jaxgen.training.gradients import microbatched, whole_batch
from jaxgen.training.schedules import simultaneous, unrolled
from learners import POINTS, ring_gan


def logistic(params, batch, key):
    """Logistic regression, and how many it gets right."""
    x, y = batch
    logits = x @ params["w"] + params["b"][None]
    losses = jax.nn.softplus(logits) - y * logits
    return losses.mean(), {"right": ((logits > 0) == (y > 0.5)).astype(x.dtype).mean()}


@pytest.mark.parametrize("parts", [1, 3, 12])
def test_parts_add_up_to_the_whole(parts, key):
    rng = np.random.default_rng(parts)
    with jax.enable_x64(True):
        batch = jnp.asarray(rng.normal(size=(12, 4))), jnp.asarray(rng.normal(size=12))
        params = {"w": jnp.asarray(rng.normal(size=4)), "b": jnp.ones(())}
        whole = jax.jit(whole_batch(logistic))(params, batch, key)
        gathered = jax.jit(microbatched(parts)(logistic))(params, batch, key)
        assert gathered[1]["w"].dtype == jnp.float64
        chex.assert_trees_all_close(gathered, whole, rtol=1e-13, atol=1e-14)


def test_each_part_has_noise_of_its_own():
    def noise(w, batch, key):
        return w * jax.random.normal(key), {}

    @jax.jit
    @jax.vmap
    def slope(key):
        return microbatched(4)(noise)(1.0, POINTS, key)[1]

    # the mean of four independent draws has half the standard deviation of one
    slopes = slope(jax.random.split(jax.random.key(0), 2000))
    assert np.std(slopes) == pytest.approx(0.5, rel=0.08)


def test_parts_take_less_memory_at_a_time(key):
    def loss(params, x, key):
        return jnp.tanh(jnp.tanh(x @ params) @ params.T).mean(), {}

    def memory(transform):
        shapes = jax.ShapeDtypeStruct((8, 512), jnp.float32)
        data = jax.ShapeDtypeStruct((1024, 8), jnp.float32)
        program = jax.jit(transform(loss)).lower(shapes, data, key).compile()
        return program.memory_analysis().temp_size_in_bytes

    assert memory(whole_batch) > 5 * memory(microbatched(8))


def test_a_batch_that_does_not_divide_is_refused(key):
    gradient = microbatched(5)(logistic)
    params = {"w": jnp.zeros(2), "b": jnp.zeros(())}
    with pytest.raises(ValueError, match=r"parts=5\): the batch of 64 examples"):
        gradient(params, (POINTS, POINTS[:, 0]), key)


def test_no_parts_are_refused():
    with pytest.raises(ValueError, match=r"parts=0\): expected 1 or more"):
        microbatched(0)


WHOLE = {
    "BatchNormGenerator looks": {"generator": BatchNormGenerator(width=8, depth=1)},
    "the pair looks": {"pair": RELATIVISTIC_AVERAGE},
    "PerceptronCritic looks": {
        "critic": PerceptronCritic(8, 1, head=MinibatchStddev())
    },
    "the generator's penalty looks": {"generator_penalty": mode_seeking(0.1)},
    "simultaneous takes": {"schedule": simultaneous},
    r"unrolled\(2\) takes": {"schedule": unrolled(2)},
}


@pytest.mark.parametrize("complaint", WHOLE)
def test_what_looks_at_the_whole_batch_is_not_split(complaint, key):
    learner = ring_gan(value_and_grad=microbatched(2), **WHOLE[complaint])
    with pytest.raises(ValueError, match=complaint):
        jax.eval_shape(
            lambda key, x: learner.update(learner.init(key, x), x), key, POINTS
        )
