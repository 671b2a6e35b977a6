"""Writes what a large set would be downloaded as."""

import tensorflow_datasets as tfds

TEXTS = ("one", " ", "zwölf\nlines")


class Builder(tfds.core.GeneratorBasedBuilder):
    """Three texts, of which one is blank, each with a number."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        text, number = tfds.features.Text(), tfds.features.ClassLabel(num_classes=10)
        features = tfds.features.FeaturesDict({"content": text, "label": number})
        return self.dataset_info_from_configs(features=features)

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for i, text in enumerate(TEXTS):
            yield i, {"content": text, "label": i}
