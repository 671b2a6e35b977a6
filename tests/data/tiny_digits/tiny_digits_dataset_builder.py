"""Writes what a large set would be downloaded as."""

import io

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image
from sklearn.datasets import load_digits


class Builder(tfds.core.GeneratorBasedBuilder):
    """The first 20 digits of scikit-learn, as PNG files."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        image = tfds.features.Image(shape=(8, 8, 1))
        label = tfds.features.ClassLabel(num_classes=10)
        features = tfds.features.FeaturesDict({"image": image, "label": label})
        return self.dataset_info_from_configs(features=features)

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        pixels, labels = load_digits(return_X_y=True)
        for i in range(20):
            file = io.BytesIO()
            image = np.round(pixels[i].reshape(8, 8) * (255 / 16))
            Image.fromarray(image.astype(np.uint8)).save(file, "PNG")
            file.seek(0)
            yield i, {"image": file, "label": int(labels[i])}
