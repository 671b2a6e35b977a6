"""What the page shows of generation: a strip of images and a line of scores each."""

from collections.abc import Mapping, Sequence

import numpy as np

from experiments.criterion import Criterion, criterion_text, overall
from experiments.latent_spaces.arms import TITLES
from experiments.latent_spaces.generation_findings import Made
from experiments.latent_spaces.scores import NEIGHBOURS, SPACE
from experiments.latent_spaces.settings import ModelName, SamplerName
from experiments.tables import Columns, mean_table
from jaxgen.report.page import Fragment, figure, paragraph, section, verdict
from jaxgen.report.pictures import image_rows

SAMPLER_TITLES: dict[SamplerName, str] = {
    "prior": "prior, N(0, I)",
    "gaussian": "normal density",
    "mixture": "mixture",
    "flow": "flow",
    "second_stage": "second VAE",
}
COLUMNS: Columns = {
    "frechet": ("Fréchet distance", "z.2f"),
    "precision": ("precision", ".2f"),
    "density": ("density", ".2f"),
    "coverage": ("coverage", ".2f"),
    "classes": ("classes", ".1f"),
    "nearest": ("nearest", ".2f"),
}
SHOWN: tuple[tuple[ModelName, SamplerName], ...] = (
    ("autoencoder", "prior"),
    ("autoencoder", "mixture"),
    ("regularized", "prior"),
    ("regularized", "mixture"),
    ("vae", "prior"),
    ("vae", "mixture"),
    ("iwae_5", "prior"),
)
"""Of which images are drawn."""


def generation_section(
    made: Made,
    beside: Mapping[str, Mapping[str, np.ndarray]],
    criteria: Sequence[Criterion],
    beyond: Sequence[Criterion],
    wider: Mapping[str, Mapping[str, np.ndarray]],
) -> Fragment:
    """Verdict, strips of images, and a table for each way to draw codes."""
    samplers: dict[SamplerName, None] = dict.fromkeys(sampler for _, sampler in made)
    return section(
        "Which of them generates",
        verdict(overall(criteria), "An autoencoder is not made to generate; a VAE is."),
        *(verdict(part.verdict, criterion_text(part)) for part in criteria),
        paragraph(
            "What the claim does not mean. The prior is what fails, not the decoder: "
            "fit a density to an autoencoder's codes, and it generates. The next line "
            "says the contrary, and is to be refuted where that is so."
        ),
        *(verdict(part.verdict, criterion_text(part)) for part in beyond),
        figure(
            strips(made, beside),
            "Expected images of the first seed. Codes are drawn from the prior, or from "
            "a mixture that was fitted to the codes of the images learned from.",
        ),
        *(sampler_table(made, beside, sampler) for sampler in samplers),
        *([wider_table(wider)] if wider else []),
    )


def wider_table(wider: Mapping[str, Mapping[str, np.ndarray]]) -> Fragment:
    """Scores of models whose codes or priors are others."""
    columns = {
        **COLUMNS,
        "distortion": ("distortion, nats", "z.2f"),
        "rate": ("rate, nats", "z.2f"),
        "agrees": ("as asked", ".1%"),
    }
    first = next(iter(wider.values()))
    seeds, real = len(first["frechet"]), first["agrees_of_real"].mean()
    titles, forms = zip(*columns.values(), strict=True)
    return mean_table(
        ("wider family", *titles),
        {name: [one[score] for score in columns] for name, one in wider.items()},
        forms,
        "The same network around other codes or priors, each drawn from the prior it was "
        "trained with: scores as above, distortion and rate of held-out images, and the "
        "share that the classifier says to be of the class asked for, in the proportions "
        f"of learned images; {real:.1%} of held-out images are of their class by it, and "
        "of a model that is not told one those that chance makes so. Where places are as "
        "likely by the prior their rate is a constant, and nothing draws the codes to fill "
        "them evenly. What else differs: of two layers the lower one is decoded, the "
        "higher has half its dimensions, and perceptrons half as wide join them, as in "
        "IWAE; one that is told the class has a map of it beside the image, and a vector "
        f"of it beside the code. Means over {seeds} seeds with 95 % intervals.",
    )


def sampler_table(
    made: Made, beside: Mapping[str, Mapping[str, np.ndarray]], sampler: SamplerName
) -> Fragment:
    """Scores of all models with one way to draw codes."""
    lines = {TITLES[m].title: one for (m, s), one in made.items() if s == sampler}
    seeds = len(next(iter(lines.values()))["frechet"])
    titles, forms = zip(*COLUMNS.values(), strict=True)
    return mean_table(
        (SAMPLER_TITLES[sampler], *titles),
        {
            name: [one[score] for score in COLUMNS]
            for name, one in {**lines, **beside}.items()
        },
        forms,
        f"Codes from: {SAMPLER_TITLES[sampler]}. Fréchet distance and, among "
        f"{NEIGHBOURS} neighbours, precision, density and coverage in the {SPACE}, "
        "against held-out images; classes with a tenth of their share, of ten; median "
        "distance to the nearest learned image by that of held-out ones, zero for "
        "copies. Perfect: images learned from. Trivial: every pixel for itself. Means "
        f"over {seeds} seeds with 95 % intervals.",
    )


def strips(made: Made, beside: Mapping[str, Mapping[str, np.ndarray]]) -> str:
    """Images of the first seed."""
    chosen = {
        f"{TITLES[m].title}: {SAMPLER_TITLES[s]}": made[m, s]["images"][0]
        for m, s in SHOWN
        if (m, s) in made
    }
    rows = {"learned from": beside["perfect"]["images"][0], **chosen}
    return image_rows({name: 255 * images for name, images in rows.items()})
