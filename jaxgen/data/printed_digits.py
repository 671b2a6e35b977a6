"""Printed digits, a part of the package.

Where they are from, and on what terms, is told by the file NOTICE beside them.
"""

import lzma
from importlib.resources import files

import numpy as np

from jaxgen.data.images import Labelled, labelled

COUNT, SIDE, SHADES = 2072, 28, 16


def printed_digits28() -> Labelled:
    """2,072 digits of 28 x 28 in 210 fonts, of which a classifier of written ones errs.

    Those of one font stand side by side and fonts are in random order, so that a first
    part and the rest share one font at most.

    Example:
      >>> digits = printed_digits28()
      >>> digits.images.shape, float(digits.images.min()), float(digits.images.max())
      ((2072, 28, 28, 1), -1.0, 1.0)
    """
    packed = files("jaxgen.data") / "digits" / "printed.xz"
    raw = np.frombuffer(lzma.decompress(packed.read_bytes()), np.uint8)
    labels, pixels = np.split(raw, [COUNT])
    return labelled(pixels.reshape(COUNT, SIDE, SIDE), labels, largest=SHADES - 1)
