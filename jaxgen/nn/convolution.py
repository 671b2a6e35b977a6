"""Convolution as one product of matrices, for where compilers do it slowly."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax

from jaxgen.arrays import Array, Float


def patch_convolution(
    images: Float[Array, "n h w c"],
    kernel: Float[Array, "kh kw c f"],
    window_strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    feature_group_count: int = 1,
    precision: Any = None,
    **more: Any,
) -> Float[Array, "n oh ow f"]:
    """``lax.conv_general_dilated`` of images, by patches and a matrix product.

    Computes ``y_nijf = sum_uvc x_{n, si + u, sj + v, c} k_uvcf``: the patches of all
    positions side by side, times the kernel as a matrix. Inside ``lax.scan`` on a CPU,
    where XLA has no fast convolution, it is some thirty times as fast; elsewhere it
    costs memory, kh kw times the images, and is the slower one. It is given to Linen as
    ``nn.Conv(..., conv_general_dilated=patch_convolution)``.

    Args:
      images: channels last.
      kernel: as Linen has it.
      window_strides: two.
      padding: "SAME", "VALID", or what to add before and after each side.
      lhs_dilation: pixels of the image apart, for transposed convolutions.
      rhs_dilation: refused where above one.
      dimension_numbers: those of images and kernels like these.
      feature_group_count: refused where above one.
      precision: of the product.
      **more: must be as ``lax.conv_general_dilated`` has it by default.

    Raises:
      ValueError: something that is not done.

    Example:
      >>> kernel = jnp.ones((3, 3, 1, 2))
      >>> patch_convolution(jnp.ones((1, 4, 4, 1)), kernel, (2, 2), "SAME").shape
      (1, 2, 2, 2)
    """
    kh, kw, _, features = kernel.shape
    _require_plain(rhs_dilation, dimension_numbers, feature_group_count, more)
    down, right = lhs_dilation or (1, 1)
    height, width = (
        (n - 1) * d + 1 for n, d in zip(images.shape[1:3], (down, right), strict=True)
    )
    if isinstance(padding, str):
        padding = lax.padtype_to_pads(
            (height, width), (kh, kw), window_strides, padding
        )
    (top, bottom), (left, other) = padding
    rows = (height + top + bottom - kh) // window_strides[0] + 1
    columns = (width + left + other - kw) // window_strides[1] + 1
    zero = jnp.zeros((), images.dtype)
    edges = (0, 0, 0), (top, bottom, down - 1), (left, other, right - 1), (0, 0, 0)
    padded = lax.pad(images, zero, edges)
    patches = [
        padded[:, u :: window_strides[0], v :: window_strides[1]][:, :rows, :columns]
        for u in range(kh)
        for v in range(kw)
    ]
    matrix = kernel.reshape(-1, features)
    return jnp.matmul(jnp.concatenate(patches, axis=-1), matrix, precision=precision)


def _require_plain(rhs_dilation, dimension_numbers, groups, more) -> None:
    unusual = {
        "rhs_dilation": any(step != 1 for step in rhs_dilation or ()),
        "feature_group_count": groups != 1,
        "dimension_numbers": dimension_numbers is not None
        and tuple(dimension_numbers)[:2] != ((0, 3, 1, 2), (3, 2, 0, 1)),
        **{name: value not in (None, 1) for name, value in more.items()},
    }
    for name, refused in unusual.items():
        if refused:
            raise ValueError(
                f"patch_convolution: {name} is not as it is by default, and is not "
                "done; use lax.conv_general_dilated"
            )
