"""Images and texts by the name they have in TensorFlow Datasets, without TensorFlow."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from jaxgen.data.images import Labelled, labelled

MISSING = (
    "data sets by name need the package tensorflow-datasets: pip install 'jaxgen[tfds]'"
)


def labelled_from_tfds(
    name: str, split: str = "train", folder: Path | None = None
) -> Labelled:
    """The images and labels of one split, all in memory.

    Read by ``tfds.data_source`` from files of type array_record, which are made the
    first time the name is used, for which the set is downloaded.

    Args:
      name: of a set whose examples have an ``image`` of one size and a ``label``.
      split: of the set, such as ``"train"`` or ``"test[:1000]"``.
      folder: where sets are kept; by default TFDS's own.

    Raises:
      ImportError: tensorflow-datasets is not installed.
      ValueError: the set is unknown, cannot be had, or has no such examples.
    """
    source = _source(name, split, folder)
    features = source.dataset_info.features
    if not {"image", "label"} <= set(features):
        raise ValueError(
            f"{name}: its examples hold {', '.join(features)}; expected image and label"
        )
    if None in features["image"].shape:
        raise ValueError(
            f"{name}: its images are {features['image'].shape}, of no one size; scale "
            "them and write them to an .npz file"
        )
    examples = [source[i] for i in range(len(source))]
    images = np.stack([example["image"] for example in examples])
    labels = np.array([example["label"] for example in examples])
    return labelled(images, labels, largest=255)


def documents_from_tfds(
    name: str, split: str = "train", folder: Path | None = None, field: str = "text"
) -> Iterator[bytes]:
    """The text of each example, one at a time: the set need not fit in memory.

    Texts of white space alone are passed over. Read as by `labelled_from_tfds`.

    Args:
      name: of a set whose examples have a text, in UTF-8.
      split: of the set, such as ``"train"`` or ``"test[:1000]"``.
      folder: where sets are kept; by default TFDS's own.
      field: of the examples, which holds the text.

    Raises:
      ImportError: tensorflow-datasets is not installed.
      ValueError: the set is unknown, cannot be had, or has no such examples.
    """
    source = _source(name, split, folder)
    features = source.dataset_info.features
    if field not in features or features[field].np_dtype != np.dtype("O"):
        raise ValueError(
            f"{name}: its examples hold {', '.join(features)}; expected a text in {field!r}"
        )
    for i in range(len(source)):
        text = source[i][field]
        if text.strip():
            yield text


def _source(name: str, split: str, folder: Path | None) -> Any:
    try:
        import tensorflow_datasets as tfds  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ImportError(MISSING) from error
    try:
        return tfds.data_source(name, split=split, data_dir=folder)
    except Exception as error:  # each set fails in its own way
        raise ValueError(f"{name}, split {split}: {error}") from error
