"""Named randomness."""

import zlib

import jax
import numpy as np

from jaxgen.arrays import Key


def named(key: Key, name: str) -> Key:
    """A key for one use, told apart from all others by its name.

    Computes ``fold_in(key, crc32(name))``. Two uses that fold the same number into
    the same key would draw the same values; two names do not.

    Args:
      key: the key that the uses share.
      name: what the numbers are drawn for.

    Returns:
      A key that depends on both.

    Example:
      >>> import jax
      >>> key = jax.random.key(0)
      >>> bool((named(key, "data") == named(key, "dropout")).all())
      False
    """
    return jax.random.fold_in(key, np.uint32(zlib.crc32(name.encode())))
