"""What an object holds is counted wherever it is kept, each array once, and nothing of the rest of the process."""

from __future__ import annotations

import logging
import sys
from collections import deque
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pytest

from roop_host.testing.holding import held_bytes

SIZE = 50_000
ARRAY = np.zeros(SIZE, np.uint8)


class Holder:
    """Nothing but what it is given."""

    def __init__(self, held: Any = None) -> None:
        self.held = held


class Slots:
    __slots__ = ("held",)

    def __init__(self, held: Any) -> None:
        self.held = held


class Shared(Holder):
    everywhere: ClassVar[list[Any]] = [np.zeros(SIZE, np.uint8)]


def closure(array: Any) -> Any:
    return lambda: array


@pytest.mark.parametrize(
    "item",
    [
        Holder(ARRAY.copy()),
        Holder([ARRAY.copy()]),
        Holder({"a": deque([ARRAY.copy()])}),
        Holder(Holder((ARRAY.copy(),))),
        Slots(ARRAY.copy()),
        Holder(closure(ARRAY.copy())),
        Holder(partial(print, ARRAY.copy())),
        Holder(ARRAY.tobytes()),
        Holder(bytearray(SIZE)),
        Holder(ARRAY.copy()[10:20]),
        Holder(memoryview(ARRAY.tobytes())),
        Holder(np.frombuffer(ARRAY.tobytes(), np.uint8)),
        Holder(np.array([ARRAY.copy(), None], object)),
        Shared(),
    ],
    ids=lambda item: type(item).__name__,
)
def test_what_is_held_is_counted(item: Any) -> None:
    assert SIZE <= held_bytes(item) < SIZE + 1000


def test_what_is_held_twice_counts_once() -> None:
    array = ARRAY.copy()
    assert held_bytes(Holder([array, array[:5], {"again": array}])) == SIZE


def test_the_rest_of_the_process_is_not_counted() -> None:
    item = Holder([sys.modules[__name__], Shared, held_bytes, logging.getLogger("roop")])
    assert held_bytes(item) < 1000
