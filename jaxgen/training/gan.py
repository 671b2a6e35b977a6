"""The learner of two players."""

from collections.abc import Callable

import flax.linen as nn
import jax
import optax

from jaxgen.arrays import Array, Float, PyTree
from jaxgen.data.batches import examples
from jaxgen.keys import named
from jaxgen.models.critic_transforms import over_batch
from jaxgen.objectives.adversarial import Pair
from jaxgen.objectives.generator_penalties import GeneratorPenalty, unpenalized_samples
from jaxgen.objectives.penalties import Penalty, unpenalized
from jaxgen.training.gradients import whole_batch
from jaxgen.training.learner import Learner, State, fresh
from jaxgen.training.players import Game, Latents, carried, parted
from jaxgen.training.schedules import IN_TURN, Schedule


def normal_latents(size: int) -> Latents:
    """Draws standard normal latents, (n, size) of float32."""
    return lambda key, count: jax.random.normal(key, (count, size))


def gan(
    generator: nn.Module,
    critic: nn.Module,
    pair: Pair,
    latents: Latents,
    generator_optimizer: optax.GradientTransformation,
    critic_optimizer: optax.GradientTransformation,
    *,
    penalty: Penalty = unpenalized,
    penalty_every: int = 1,
    generator_penalty: GeneratorPenalty = unpenalized_samples,
    schedule: Schedule = IN_TURN,
    value_and_grad: Callable = whole_batch,
) -> Learner:
    """Generator and critic, one against the other.

    Computes, in the order of the schedule, steps that descend

        L_d(d, g) = mean pair.critic(D_d(x), D_d(G_g(z))) + penalty       in d
        L_g(d, g) = mean pair.generator(D_d(x), D_d(G_g(z)))
                    + generator_penalty                                  in g

    for real samples x and fresh latents z. Two learning rates are two optimizers; an
    average of the generator is ``ema(gan(...), decay, lambda p: p["generator"])``.
    Parameters and optimizer states are kept under ``"generator"`` and ``"critic"``;
    what else a player carries (statistics of batches, vectors of a spectral norm) in
    ``extra`` under the same names.

    Args:
      generator: ``(latents, train, *conditions) -> samples``.
      critic: ``(samples, *conditions) -> logits``, one a sample, or pack of samples.
      pair: the losses of the two.
      latents: ``(key, n) -> (n, z)``.
      generator_optimizer: of the generator.
      critic_optimizer: of the critic.
      penalty: added to the critic's loss.
      penalty_every: updates from one that has the penalty to the next. It is then so
        many times as strong, so that its mean stays (the lazy regularization of Karras
        et al., 2020, *Analyzing and improving the image quality of StyleGAN*).
      generator_penalty: added to the generator's loss.
      schedule: who steps when: ``alternating``, ``simultaneous``, ``unrolled``.
      value_and_grad: how gradients are gathered: ``whole_batch``, ``microbatched(4)``.

    Returns:
      A learner of batches with metrics ``critic_loss``, ``generator_loss``. A batch is
      an array of samples (n, ...), or a tuple of that and conditions (n, ...) such as
      labels, under which as many samples are generated.

    Raises:
      ValueError: gradients are gathered over parts of the batch, though the loss of a
        part is another loss; ``penalty_every`` is not positive.
    """
    if penalty_every < 1:
        raise ValueError(f"gan(penalty_every={penalty_every}): expected 1 or more")
    game = Game(
        generator,
        critic,
        pair,
        latents,
        generator_optimizer,
        critic_optimizer,
        penalty,
        penalty_every,
        generator_penalty,
        value_and_grad,
    )

    def init(key, batch):
        variables = initial_variables(game, key, batch)
        require_gatherable(game, variables)
        params = {player: parts.pop("params") for player, parts in variables.items()}
        opt = {
            "generator": generator_optimizer.init(params["generator"]),
            "critic": critic_optimizer.init(params["critic"]),
        }
        beside = {player: parts for player, parts in variables.items() if parts}
        return fresh(key, params, opt, **beside)

    return Learner(init, lambda state, batch: schedule(game, state, batch))


def initial_variables(game: Game, key, batch) -> dict[str, dict[str, PyTree]]:
    """Parameters and other collections of the two players."""
    real, conditions = parted(batch)
    z = game.latents(named(key, "latents"), examples(batch))
    return {
        "generator": dict(
            game.generator.init(named(key, "generator"), z, False, *conditions)
        ),
        "critic": dict(game.critic.init(named(key, "critic"), real, *conditions)),
    }


def require_gatherable(game: Game, variables) -> None:
    """Raises:
    ValueError: a gradient over parts of the batch would be another gradient.
    """
    if game.value_and_grad is whole_batch:
        return
    reasons = {
        type(game.generator).__name__: bool(set(variables["generator"]) - {"params"}),
        type(game.critic).__name__: "batch_stats" in variables["critic"]
        or over_batch(game.critic),
        "the pair": game.pair.over_batch,
        "the generator's penalty": game.generator_penalty is not unpenalized_samples,
    }
    for name, holds in reasons.items():
        if holds:
            raise ValueError(
                f"{name} looks at the whole batch, so its gradient is not a mean over "
                "parts of it: use value_and_grad=whole_batch"
            )


def generated(
    generator: nn.Module,
    state: State,
    latents: Float[Array, "n z"],
    *conditions: Array,
    params: PyTree | None = None,
) -> Array:
    """Samples as a user gets them, with the statistics of the population.

    Args:
      generator: ``(latents, train, *conditions) -> samples``.
      state: holds parameters and statistics.
      latents: (n, z).
      *conditions: of the samples, each (n, ...).
      params: the generator's, such as ``state.extra["ema"]``; by default the last.
    """
    params = state.params["generator"] if params is None else params
    variables = {"params": params, **carried(state, "generator")}
    return generator.apply(variables, latents, False, *conditions)  # type: ignore
