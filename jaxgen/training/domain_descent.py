"""The learner of one loss for each domain."""

from collections.abc import Callable

import jax
import optax

from jaxgen.arrays import Data, Key, PyTree
from jaxgen.objectives.aggregators import Aggregator
from jaxgen.objectives.domain_losses import Losses
from jaxgen.training.descent import descent
from jaxgen.training.gradients import whole_batch
from jaxgen.training.learner import Learner, claim, own


def domain_descent(
    init_params: Callable[[Key, Data], PyTree],
    losses: Losses,
    aggregator: Aggregator,
    optimizer: optax.GradientTransformation,
    value_and_grad: Callable = whole_batch,
) -> Learner:
    """Steps down what an aggregator makes of the losses of domains.

    Computes ``params <- params - opt(grad A(losses(params, batch, key)))``, with A the
    aggregator at its state, which is kept in ``extra["domains"]``. A classifier and a
    language model differ in their losses alone.

    Args:
      init_params: ``(key, batch) -> params``.
      losses: ``(params, batch, key) -> (losses of domains, metrics)``: of a batch that
        says which example is of which domain, by ``domain_means``; of one in rows, by
        ``each_domain``; for ``irmv1`` by ``with_slopes``; for ``doremi``,
        ``excess_losses``.
      aggregator: what is made of them: ``erm()``, ``group_dro(0.01)``, ``vrex(10.0)``.
      optimizer: turns gradients into updates.
      value_and_grad: how gradients are gathered: ``whole_batch``, ``sam(0.05)``. Not
        ``microbatched``: the worst domain of each part is not that of the batch.

    Raises:
      ValueError: gradients are gathered over parts of the batch.

    Returns:
      A learner of batches with the metrics ``loss``, ``losses`` (one for each domain),
      ``worst_loss``, and those of the losses.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from jaxgen.objectives.aggregators import cvar
      >>> apart = lambda w, x, key: (jnp.abs(w - x).mean(0), {})  # rows of domains
      >>> start = lambda key, x: jnp.zeros(())
      >>> learner = domain_descent(start, apart, cvar(0.5), optax.sgd(0.5))
      >>> x = jnp.array([[-1.0, 3.0]])
      >>> state, metrics = jax.jit(learner.update)(learner.init(jax.random.key(0), x), x)
      >>> float(state.params), float(metrics["worst_loss"])
      (0.5, 3.0)
    """

    def learner(domains, whole):
        def loss(params, batch, key):
            _require_whole(batch, whole)
            each, told = losses(params, batch, key)
            value, new = aggregator.combine(each, domains)
            of_each = getattr(each, "losses", each)
            told = {**told, "losses": of_each, "worst_loss": of_each.max()}
            return value, {**told, "domains": new}

        return descent(init_params, loss, optimizer, value_and_grad)

    def init(key, batch):
        state = learner((), batch).init(key, batch)
        each, _ = jax.eval_shape(losses, state.params, batch, key)
        return claim(state, domains=aggregator.init(each))

    def update(state, batch):
        new, metrics = learner(state.extra["domains"], batch).update(state, batch)
        return own(new, domains=metrics.pop("domains")), metrics

    return Learner(init, update)


def _require_whole(batch: Data, whole: Data) -> None:
    seen, given = jax.tree.leaves(batch), jax.tree.leaves(whole)
    for part, leaf in zip(seen, given, strict=True):
        if part.shape[:1] != leaf.shape[:1]:
            raise ValueError(
                f"domain_descent(value_and_grad=...): it gathers gradients over "
                f"{len(part)} of {len(leaf)} examples at a time, as microbatched does, "
                "and what an aggregator makes of the losses of a part is not what it "
                "makes of those of the batch; expected whole_batch or sam"
            )
