"""Each assertion holds of a sound step, and fails of one that is broken in its way."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import PartitionSpec as P

from experiments.accelerator import Proposal
from installed import with_libtpu
from jaxgen.sharding.mesh import BATCH_AXES, mesh_of, spread
from jaxgen.sharding.rules import FSDP, WHOLE
from jaxgen.sharding.topology import topology
from jaxgen.training.compile import lowered
from jaxgen.training.descent import descent
from jaxgen.training.learner import Learner
from tpu.assertions import (
    Evidence,
    complaints,
    gradients_are_scattered,
    parameters_are_gathered,
    work_of_kernels_is_told,
)
from tpu.prove import read

WIDTH = 256
X = jax.ShapeDtypeStruct((512, WIDTH), np.float32)
LAYOUT = P(BATCH_AXES)


def perceptron(hidden=jax.nn.relu, precision=None) -> Learner:
    """Two layers, towards zero."""

    def start(key, x):
        return {"one": jnp.ones((WIDTH, WIDTH)), "two": jnp.ones((WIDTH, WIDTH))}

    def loss(params, x, key):
        one = hidden(jnp.dot(x, params["one"], precision=precision))
        return (
            spread(jnp.dot(one, params["two"], precision=precision)) ** 2
        ).mean(), {}

    return descent(start, loss, optax.adam(1e-3))


def forgetful() -> Learner:
    """Its parameters come back in another dtype, so that nothing is used again."""
    learner = perceptron()

    def update(state, x):
        new, metrics = learner.update(state, x)
        half = jax.tree.map(lambda w: w.astype(jnp.bfloat16), new.params)
        return new._replace(params=half), metrics

    return Learner(learner.init, update)


def dealt(x):
    """Features over fsdp instead of examples."""
    return jax.lax.with_sharding_constraint(x, P("data", "fsdp"))


def told(*step, **more) -> str:
    """What is wrong with a step."""
    return "\n".join(complaints(evidence(*step, **more), "update"))


def evidence(
    learner, axes=(("data", 2), ("fsdp", 4)), target="v5litepod-8", **more
) -> Evidence:
    """What is known of a step."""
    how: dict[str, Any] = {"rules": FSDP, "layout": LAYOUT, **more}
    proposal = Proposal(learner, X, dict(axes), **how)
    mesh = mesh_of(proposal.axes, topology(target))
    before = lowered(learner, X, mesh, proposal.rules, proposal.layout)
    slices = 2 if target.startswith("2x") else 1
    update = before.update.compile()
    return read(update, update.as_text(), before, proposal, mesh.shape, slices).evidence


def test_a_kernel_whose_work_nobody_tells_is_told():
    nothing: Any = None
    evidence = Evidence(*(nothing,) * 7)
    assert work_of_kernels_is_told(evidence) == ""
    untold = evidence._replace(untold={"mystery"})
    assert "kernel mystery is no product" in work_of_kernels_is_told(untold)


@with_libtpu
def test_a_sound_step_has_no_complaint():
    assert told(perceptron(), half=True) == ""


@with_libtpu
def test_a_state_that_is_not_used_again_is_told():
    assert "state_is_donated" in told(forgetful())


@with_libtpu
def test_parameters_that_are_whole_on_every_device_are_told():
    found = told(perceptron(), rules=((".*", WHOLE),))
    assert "4 large array(s)" not in found and "6 large array(s)" in found


@with_libtpu
def test_parameters_not_gathered_and_slopes_not_summed_are_told():
    """Of the sound step one or the other is taken away."""
    sound = evidence(perceptron(), half=True)
    gathers = [one for one in sound.sent if one.kind == "all-gather"]
    sums = [one for one in sound.sent if one.kind != "all-gather"]
    assert parameters_are_gathered(sound) == gradients_are_scattered(sound) == ""
    assert "only 0 are" in parameters_are_gathered(sound._replace(sent=sums))
    assert "only 0 are" in gradients_are_scattered(sound._replace(sent=gathers))


@with_libtpu
def test_an_array_that_changes_its_layout_is_told():
    found = told(perceptron(dealt))
    assert "nothing_is_dealt_anew" in found and "along fsdp" in found


@with_libtpu
def test_parameters_that_go_between_slices_are_told():
    slices = "2xv5litepod-4"
    found = told(perceptron(), (("fsdp", 8),), slices, layout=P("fsdp"))
    assert "only_gradients_go_between_slices" in found and "all-gather" in found


@with_libtpu
def test_gradients_may_go_between_slices():
    axes = ("data", 2), ("fsdp", 4)
    assert told(perceptron(), axes=axes, target="2xv5litepod-4") == ""


@with_libtpu
def test_a_product_in_full_precision_is_told():
    found = told(perceptron(precision="highest"), half=True)
    assert "products_are_in_half_precision" in found
