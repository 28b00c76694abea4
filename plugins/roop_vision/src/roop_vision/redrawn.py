"""What networks that redraw a crop of a face have in common: what their tensors are like, and what is no picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from roop_host import Tensor

#: Of a picture in 0..1 the mean lies far below, of one in 0..255 far above.
_FAR_OUT = 2.0


def fits(tensor: Tensor, rest: tuple[int, ...], *, batch: bool) -> bool:
    """Whether it is floats of one of ``rest``, whose sides may be free.

    ``batch`` allows any number of them: what an output says of it is often wrong.
    """
    first, *more = tensor.shape or (0,)
    sides = len(more) == len(rest) and all(a in (None, b) for a, b in zip(more, rest, strict=True))
    return sides and (batch or first in (1, None)) and tensor.dtype.startswith("float")


def described(tensor: Tensor) -> str:
    """Name, type and sizes, for people."""
    return f"{tensor.name} is {tensor.dtype} of ({', '.join('?' if size is None else str(size) for size in tensor.shape)})"


def what_is_wrong(rgb: NDArray[np.float32], crops_bgr: NDArray[Any]) -> str:
    """Why ``rgb`` ``(n, h, w, 3)``, meant to be in 0..1, is no picture of these crops; empty where it is one."""
    if not np.isfinite(rgb).all():
        return "values that are no numbers"
    if float(np.abs(rgb).mean()) > _FAR_OUT:
        return "values far beyond 0..1, which are no picture"
    for made, crop in zip(rgb, crops_bgr, strict=True):
        low, high = np.clip((made.min(), made.max()), 0, 1)
        if low == high and crop.min() != crop.max():
            return "one flat colour of a face"
    return ""
