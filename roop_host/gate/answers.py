"""What screeners answer, believed only when it is what was asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray


def checked_scores(scores: Any, count: int) -> list[float]:
    """One number per picture. Raises ``ValueError`` for anything but ``count`` finite real numbers in 0..1."""
    if scores is None or isinstance(scores, (str, bytes, bytearray, memoryview, Mapping, Set)):
        raise ValueError(f"it returned {type(scores).__name__}, not one score per picture")
    answers = list(islice(scores, count + 1))  # it may have no end
    if len(answers) != count:
        raise ValueError(f"it returned {'more' if len(answers) > count else len(answers)} scores for {count} pictures")
    return [_number(answer) for answer in answers]


def checked_inputs(given: Any) -> list[NDArray[Any]]:
    """What a screener sees of a picture. Raises ``ValueError`` for anything but arrays of numbers, one at least.

    They are copies that nobody can write: what is judged is bit by bit what is known again later, also where a screener
    uses its buffers anew.
    """
    if not isinstance(given, (list, tuple)):
        raise ValueError(f"it prepared {type(given).__name__}, not a list of arrays")
    if not given:  # no input would be no look at all
        raise ValueError("it prepared nothing to look at")
    return [_own(one) for one in given]


def _number(answer: Any) -> float:
    # A class of its own could answer comparisons as it likes, so these types and no others, as a plain float.
    if type(answer) not in (int, float) and not isinstance(answer, (np.floating, np.integer)):
        raise ValueError(f"the score {answer!r} is not a number")
    number = float(answer)
    if type(number) is not float or not math.isfinite(number) or not 0 <= number <= 1:
        raise ValueError(f"the score {number!r} is not in 0..1")
    return number


def _own(one: Any) -> NDArray[Any]:
    if type(one) is not np.ndarray or not one.size or one.dtype.kind not in "uif":
        raise ValueError(f"it prepared {type(one).__name__}, not an array of numbers")
    return np.frombuffer(one.tobytes(), one.dtype).reshape(one.shape)
