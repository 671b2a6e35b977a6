"""The learner of an autoencoder whose codes have a critic."""

from typing import Any

import flax.linen as nn
import jax
import optax

from jaxgen.arrays import Data, Key
from jaxgen.keys import named
from jaxgen.models.autoencoder import Autoencoder
from jaxgen.objectives.adversarial import Pair
from jaxgen.objectives.code_contests import Contest
from jaxgen.objectives.generator_penalties import unpenalized_samples
from jaxgen.objectives.penalties import Penalty, unpenalized
from jaxgen.objectives.variational import Objective, Weight
from jaxgen.training.autoencoding import (
    Corrupt,
    initial_params,
    means_of,
    passed_through,
    uncorrupted,
)
from jaxgen.training.gan import normal_latents
from jaxgen.training.gradients import whole_batch
from jaxgen.training.learner import Learner, State, fresh, key_for
from jaxgen.training.players import (
    Game,
    carried,
    critic_loss,
    judge,
    kept,
    stepped,
)


def adversarial_autoencoding(
    model: Autoencoder,
    critic: nn.Module,
    objective: Objective,
    contest: Contest,
    pair: Pair,
    optimizer: optax.GradientTransformation,
    critic_optimizer: optax.GradientTransformation,
    weight: Weight = 1.0,
    *,
    penalty: Penalty = unpenalized,
    samples: int = 1,
    corrupt: Corrupt = uncorrupted,
) -> Learner:
    """An autoencoder, and a critic that tells two kinds of codes apart.

    With the contest's codes (r, f) of a batch, computes two steps, in this order, from
    one pass through the autoencoder; they descend

        L_a = objective + weight mean pair.generator(D(r), D(f))    in the autoencoder
        L_d = mean pair.critic(D(r), D(f)) + penalty                in the critic D

    An adversarial autoencoder has ``weighted_elbo(0.0)``, ``prior_or_code`` and
    ``NON_SATURATING``; FactorVAE has ``elbo``, ``code_or_permuted`` and
    ``DENSITY_RATIO``. Parameters and optimizer states are kept under ``"autoencoder"``
    and ``"critic"``; what else the critic carries in ``extra`` under that name.

    Args:
      model: encodes and decodes.
      critic: ``codes (n, z) -> logits``.
      objective: of the model's terms, beside the contest.
      contest: ``(passed, key) -> (r, f)``; see `jaxgen.objectives.code_contests`.
      pair: the losses of the two, from logits of r and f.
      optimizer: of the autoencoder.
      critic_optimizer: of the critic.
      weight: of the contest, in nats of an image; may be traced.
      penalty: added to the critic's loss.
      samples: codes for each image, of which the contest takes the first.
      corrupt: ``(images, key) -> images``, what the encoder sees instead of them.

    Returns:
      A learner of batches, as ``autoencoding``, whose metrics are its own and
      ``contest``, ``critic_loss``.

    References:
      Makhzani et al., 2015, *Adversarial autoencoders*, section 2; Kim and Mnih, 2018,
      *Disentangling by factorising*, algorithm 2.
    """
    game = Game(
        generator=model,
        critic=critic,
        pair=pair,
        latents=normal_latents(1),  # none are drawn: its samples are codes of images
        generator_optimizer=optimizer,
        critic_optimizer=critic_optimizer,
        penalty=penalty,
        penalty_every=1,
        generator_penalty=unpenalized_samples,
        value_and_grad=whole_batch,
    )

    def init(key: Key, batch: Data) -> State:
        params = initial_params(model, key, batch)
        passed = passed_through(model, params, batch, key, samples, corrupt)
        codes, _ = contest(passed, named(key, "contest"))
        beside = dict(critic.init(named(key, "critic"), codes))
        judging = beside.pop("params")
        return fresh(
            key,
            {"autoencoder": params, "critic": judging},
            {
                "autoencoder": optimizer.init(params),
                "critic": critic_optimizer.init(judging),
            },
            **({"critic": beside} if beside else {}),
        )

    def update(state: State, batch: Data):
        def loss(params, key):
            passed = passed_through(model, params, batch, key, samples, corrupt)
            value, metrics = objective(passed, named(key, "objective"))
            codes = contest(passed, named(key, "contest"))
            paid = contested(game, state, codes, named(key, "critic"))
            told = means_of(passed.terms) | metrics | {"contest": paid}
            return value + weight * paid, (told, codes)

        gradient = jax.value_and_grad(loss, has_aux=True)
        params, key = state.params["autoencoder"], key_for(state, "loss")
        (value, (metrics, codes)), slope = gradient(params, key)
        key = key_for(state, "critic")
        judging = whole_batch(critic_loss(game, state))
        (missed, new), turn = judging(state.params["critic"], codes, key)
        state = stepped(state, "autoencoder", optimizer, slope)
        state = kept(stepped(state, "critic", critic_optimizer, turn), "critic", new)
        metrics = {"loss": value, "critic_loss": missed} | metrics
        return state._replace(step=state.step + 1), metrics

    return Learner(init, update)


def contested(game: Game, state: State, codes: tuple[Any, Any], key: Key):
    """What the autoencoder pays to the critic as it is."""
    params, beside = state.params["critic"], carried(state, "critic")
    logits = [
        judge(game, params, beside, (), named(key, name))(side)
        for name, side in zip(("real", "fake"), codes, strict=True)
    ]
    return game.pair.generator(*logits).mean()
