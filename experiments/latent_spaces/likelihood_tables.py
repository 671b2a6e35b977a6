"""What the page shows of likelihoods."""

from collections.abc import Mapping

import numpy as np

from experiments.latent_spaces.likelihood_protocols import Protocol
from experiments.latent_spaces.settings import LatentSpaces
from experiments.tables import difference_table, score_texts
from jaxgen.report.page import Fragment, paragraph, section, table
from jaxgen.stats.intervals import paired_difference

COLUMNS = {
    "annealed": "annealed",
    "tightened": "bound",
    "elbo": "ELBO",
    "rate": "rate",
    "active": "active units",
}


def likelihood_section(
    experiment: LatentSpaces,
    protocol: Protocol,
    found: Mapping[str, Mapping[str, np.ndarray]],
) -> Fragment:
    """Negative log-likelihoods by every measure, and differences between models."""
    settings = experiment.likelihood
    return section(
        "Likelihood on equal terms",
        paragraph(protocol.source),
        paragraph(
            "Annealed importance sampling scores a decoder with its prior, whoever "
            "trained it: an autoencoder has no density of codes that could be weighed. "
            "Where both are known it agrees with the bound of many codes, which lies "
            "above the negative log-likelihood by less the more codes there are."
        ),
        score_rows(settings.codes, protocol, found),
        *differences(protocol, found),
    )


def score_rows(
    codes: int, protocol: Protocol, found: Mapping[str, Mapping[str, np.ndarray]]
) -> Fragment:
    """One line for each model."""
    lines = []
    for name, one in found.items():
        told = protocol.contenders[name].published
        cells = [
            score_texts([each_seed(one[score])], ["z.2f"])[0]
            if score in one
            else "none"
            for score in COLUMNS
        ]
        beside = f"{told[0]}, {told[1]} active" if told else "none"
        title = protocol.contenders[name].title
        lines.append((title, *cells, f"{sum(protocol.epochs):.0f}", beside))
    images = next(iter(found.values()))["annealed"].shape[1]
    return table(
        ("model", *COLUMNS.values(), "epochs", "published"),
        lines,
        f"Negative log-likelihood in nats of an image: annealed, and bounded by "
        f"{codes:,} codes, both of {images} held-out images; the negative ELBO of all "
        "of them, its rate, and units whose mean varies by more than 0.01. Means over "
        "seeds with 95 % intervals.",
    )


def differences(
    protocol: Protocol, found: Mapping[str, Mapping[str, np.ndarray]]
) -> list[Fragment]:
    """Every model less the VAE, seed by seed."""
    columns = {
        "annealed": ("annealed", "+z.2f"),
        "tightened": ("bound", "+z.2f"),
        "active": ("active units", "+z.1f"),
    }
    others = [name for name in found if name != "vae"]
    tables = []
    for scores in (("annealed",), ("tightened", "active")):
        lines = {
            (protocol.contenders[name].title,): {
                score: paired_difference(
                    each_seed(found[name][score]), each_seed(found["vae"][score])
                )
                for score in scores
            }
            for name in others
            if all(score in found[name] for score in scores)
        }
        if lines:
            kept = {score: columns[score] for score in scores}
            between = "Difference from the VAE, on the same images"
            tables.append(difference_table(("model",), lines, kept, between))
    return tables


def each_seed(values: np.ndarray) -> np.ndarray:
    """A number for each seed: of scores of single images their mean."""
    return values if values.ndim == 1 else values.mean(1)
