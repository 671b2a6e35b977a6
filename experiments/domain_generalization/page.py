"""The words of the claim's page."""

from experiments.report import Words

CLAIM = (
    "How well a language model tells text of domains that it never saw depends on its "
    "architecture, such as self-attention, on how diverse its training data are, and on "
    "fine-tuning on a little of their text. What it still tells of domains that it saw "
    "first depends on how it goes on learning."
)
HOW = (
    "Models are of bytes, so that bits per byte are exact and need no tokenizer. Of the "
    "documents of each domain eight tenths are for training, one for validation, one for "
    "tests; windows of each were drawn once, and are the same for all models. Of a "
    "window that is scored the first quarter is context alone. A run draws no window "
    "twice in a pass, and every run has as many bytes, updates and windows. The unit of "
    "every interval is the domain that was held out, unless said otherwise: Student's, "
    "95 %. Runs of one seed share their first parameters and, where their mixtures do, "
    "their data. The 5-gram is a model of counts of the same windows, interpolated. "
    "Thresholds were fixed after pilots with other seeds and other circles, before any run "
    "that is reported: 0.02 bits per byte is what counts as nothing in every part. "
    "Those of learning in turn were written down without a pilot; how long its stages are "
    "and which weights are tried was changed after a first run of the same seed."
)

WORDS = Words("Domain generalization", CLAIM, HOW)
