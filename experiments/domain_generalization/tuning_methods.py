"""Ways to tune a language model on a domain, each as few numbers of its own."""

from collections.abc import Callable
from typing import NamedTuple

from experiments.domain_generalization.fine_tuning_settings import (
    FineTuning,
    TuningName,
)
from experiments.domain_generalization.text_models import logits_of
from jaxgen.arrays import Array, Float, Int, Key, PyTree
from jaxgen.models.adaptation import Adaptation
from jaxgen.models.language_model import LanguageModel, untied
from jaxgen.models.low_rank import lora
from jaxgen.models.parameter_offsets import HEAD, NORMS_AND_BIASES, offset
from jaxgen.models.prefix import Prefixed, logits_behind, prefix
from jaxgen.models.weight_decomposition import dora

RATES: dict[TuningName, tuple[float, ...]] = {
    "full": (2e-4, 6e-4, 2e-3),
    "lora": (2e-3, 6e-3, 2e-2),
    "dora": (2e-3, 6e-3, 2e-2),
    "norms": (5e-3, 1.5e-2, 5e-2),
    "head": (1e-3, 3e-3, 1e-2),
    "prefix": (1e-2, 3e-2, 1e-1),
    "ema": (2e-4, 6e-4, 2e-3),
}
"""Of AdamW, from one that changes little to one that costs more elsewhere than fronts are
told for, by a pilot with other seeds."""

TITLES: dict[str, str] = {
    "full": "full",
    "lora": "LoRA",
    "dora": "DoRA",
    "norms": "norms and biases",
    "head": "head",
    "prefix": "prefix",
    "ema": "full, moving average",
    "wise": "full, WiSE-FT",
    "in_context": "in context",
}


class Method(NamedTuple):
    """A way to tune.

    Attributes:
      adaptation: of the model's parameters.
      logits: ``(what it makes of them, rows) -> logits`` of each byte but the first.
    """

    adaptation: Adaptation
    logits: Callable[[PyTree, Array], Array]


def method_of(
    name: TuningName,
    model: LanguageModel,
    settings: FineTuning,
    prompt: Int[Array, " m"],
) -> Method:
    """The method of a name.

    Args:
      name: of it.
      model: that is tuned.
      settings: ranks.
      prompt: bytes of the target, which a prefix starts from.
    """
    if name == "head":
        return head(model)
    if name == "prefix":
        return Method(prefix(model, prompt), behind(model, settings.prefix))
    adaptation = {
        "full": offset,
        "ema": offset,
        "lora": lambda: lora(settings.rank, settings.rank),
        "dora": lambda: dora(settings.rank, settings.rank),
        "norms": lambda: offset(NORMS_AND_BIASES),
    }[name]()
    return Method(adaptation, lambda params, rows: logits_of(model, params, rows))


def head(model: LanguageModel) -> Method:
    """Tunes the last matrix alone, which starts as the embeddings."""
    init, apply = offset(HEAD)
    own = model.clone(tied=False)

    def start(key: Key, params: PyTree) -> PyTree:
        return init(key, untied(model, params)[1])

    def moved(params: PyTree, adapter: PyTree) -> PyTree:
        return apply(untied(model, params)[1], adapter)

    return Method(
        Adaptation(start, moved), lambda params, rows: logits_of(own, params, rows)
    )


def behind(
    model: LanguageModel, before: int
) -> Callable[[Prefixed, Array], Float[Array, "b _told v"]]:
    """Logits of each byte of rows but the first, behind a prefix."""

    def logits(given: Prefixed, rows: Int[Array, "b t"]) -> Array:
        return logits_behind(model, given, before, rows[:, :-1])

    return logits
