"""From a learner to a compiled program on a mesh, ahead of time."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P
from jax.stages import Compiled, Lowered

from jaxgen.arrays import Data, PyTree
from jaxgen.sharding.rules import FSDP, WHOLE, Rule, shardings
from jaxgen.training.learner import Learner, State


class Program(NamedTuple):
    """A learner compiled for a mesh: no data, no clock.

    Attributes:
      init: ``(key, data) -> state``, laid out as it is made: never whole anywhere.
      update: ``(state, data) -> (state, metrics)``; the old state is donated, and
        the metrics tell the new step.
      evaluate: ``(state, data) -> metrics``, or None.
      shapes: the state's shapes and dtypes, with their shardings.
      data: the sharding of each leaf of the data.
    """

    init: Compiled
    update: Compiled
    evaluate: Compiled | None
    shapes: State
    data: PyTree


class LoweredProgram(NamedTuple):
    """A `Program` before its compiler begins, to which each part can be given alone."""

    init: Lowered
    update: Lowered
    evaluate: Lowered | None
    shapes: State
    data: PyTree


def compile(
    learner: Learner,
    data: Data,
    mesh: Mesh,
    rules: Sequence[Rule] = FSDP,
    layout: P = WHOLE,
    evaluate: Callable[[State, Data], Any] | None = None,
) -> Program:
    """Compiles a learner for a mesh, whose devices need not be here.

    Nothing is allocated: shapes go in, executables come out. With the devices of a
    TPU topology this is the proof that the program compiles for a pod.

    Args:
      learner: what to compile.
      data: anything with the data's shapes and dtypes.
      mesh: where the program runs.
      rules: how the state lies on the mesh.
      layout: how the data do; whole on every device, as ``feed`` likes them, or
        ``batch_spec(mesh.axis_names)``.
      evaluate: ``(state, data) -> metrics``, compiled beside the update.

    Raises:
      ValueError: a layout that does not fit.
    """
    before = lowered(learner, data, mesh, rules, layout, evaluate)
    return Program(
        before.init.compile(),
        before.update.compile(),
        before.evaluate and before.evaluate.compile(),
        before.shapes,
        before.data,
    )


def lowered(
    learner: Learner,
    data: Data,
    mesh: Mesh,
    rules: Sequence[Rule] = FSDP,
    layout: P = WHOLE,
    evaluate: Callable[[State, Data], Any] | None = None,
) -> LoweredProgram:
    """As `compile`, up to where the compiler begins.

    Raises:
      ValueError: a layout that does not fit.
    """
    key = jax.eval_shape(jax.random.key, 0)
    data = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), data)
    whole = NamedSharding(mesh, WHOLE)
    of_data = shardings(data, mesh, ((".*", layout),))
    with jax.set_mesh(mesh):
        shapes = jax.eval_shape(learner.init, key, data)
    of_state = shardings(shapes, mesh, rules)
    args = (of_state, of_data)

    def updated(state, data):
        new, metrics = learner.update(state, data)
        return new, {**metrics, "step": new.step}

    with jax.set_mesh(mesh):
        init = jax.jit(
            learner.init, in_shardings=(whole, of_data), out_shardings=of_state
        )
        update = jax.jit(
            updated,
            in_shardings=args,
            out_shardings=(of_state, whole),
            donate_argnums=0,
        )
        judge = evaluate and jax.jit(evaluate, in_shardings=args, out_shardings=whole)
        return LoweredProgram(
            init.lower(key, data),
            update.lower(shapes, data),
            judge and judge.lower(shapes, data),
            jax.tree.map(_placed, shapes, of_state),
            of_data,
        )


def _placed(shape, sharding: NamedSharding) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape.shape, shape.dtype, sharding=sharding)
