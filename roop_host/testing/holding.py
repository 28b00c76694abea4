"""How much memory an object holds, so that what grows with every frame is seen."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

#: What leads to everything else in the process.
_ELSEWHERE = (type, ModuleType, logging.Logger, logging.Handler, threading.Thread)


def held_bytes(item: object) -> int:
    """Bytes of the arrays and ``bytes`` that are reached from an object and from its classes, each counted once.

    What a library keeps past Python, or a module keeps, is not among them.
    """
    seen: dict[int, Any] = {}
    waiting: list[Any] = [item, *_of_classes(item)]
    total = 0
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, _ELSEWHERE):
            continue
        seen[id(one)] = one
        if isinstance(one, np.ndarray):
            total += one.nbytes if one.base is None else 0
            waiting += [*_objects(one), one.base]
        elif isinstance(one, (bytes, bytearray)):
            total += len(one)
        elif isinstance(one, FunctionType):
            waiting += [one.__closure__, one.__defaults__, one.__kwdefaults__]  # without its module
        else:
            waiting += [one.obj] if isinstance(one, memoryview) else gc.get_referents(one)
    return total


def _of_classes(item: object) -> Iterator[Any]:
    """What its classes keep, but those that it shares with all plugins."""
    for cls in type(item).__mro__:
        if not cls.__module__.startswith(("roop_host.types", "builtins")):
            yield from vars(cls).values()


def _objects(array: np.ndarray[Any, Any]) -> list[Any]:
    return array.ravel().tolist() if array.dtype.hasobject else []
