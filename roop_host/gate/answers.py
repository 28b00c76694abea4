"""What screeners answer, believed only when it is what was asked for."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


def checked_scores(scores: Any, count: int) -> list[float]:
    """One number per picture. Raises ``ValueError`` for anything but ``count`` finite real numbers in 0..1."""
    if scores is None or isinstance(scores, (str, bytes)):
        raise ValueError(f"it returned {scores!r}, not one score per picture")
    answers = list(scores)
    if len(answers) != count:
        raise ValueError(f"it returned {len(answers)} scores for {count} pictures")
    for answer in answers:
        if isinstance(answer, (bool, np.bool_)) or not isinstance(answer, (int, float, np.floating, np.integer)):
            raise ValueError(f"the score {answer!r} is not a number")
        if not math.isfinite(answer) or not 0 <= answer <= 1:
            raise ValueError(f"the score {answer!r} is not in 0..1")
    return [float(answer) for answer in answers]


def checked_inputs(given: Any) -> list[NDArray[Any]]:
    """What a screener sees of a picture. Raises ``ValueError`` for anything but arrays of numbers, one at least."""
    if isinstance(given, (str, bytes, np.ndarray)) or not isinstance(given, (list, tuple)):
        raise ValueError(f"it prepared {type(given).__name__}, not a list of arrays")
    if not given:  # no input would be no look at all
        raise ValueError("it prepared nothing to look at")
    for one in given:
        if type(one) is not np.ndarray or not one.size or one.dtype.kind not in "uif":
            raise ValueError(f"it prepared {type(one).__name__}, not an array of numbers")
    return list(given)
