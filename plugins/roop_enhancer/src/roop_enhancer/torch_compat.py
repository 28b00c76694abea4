"""What the gfpgan package of 2022 needs so that it can be imported with the torch and torchvision of today."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

_GONE = "torchvision.transforms.functional_tensor"
_OPERATORS = "torchvision"


@contextmanager
def as_in_2022() -> Iterator[None]:
    """For the time of an import. Afterwards all is as it was, but for what was imported.

    basicsr 1.4.2 takes ``rgb_to_grayscale`` from a module that torchvision 0.17 took away. And a torchvision that was built
    for another torch (a CPU torch beside the registry's torchvision) has no operators of its own, and can't be imported:
    GFPGAN needs none of them.
    """
    with _operators_may_be_missing(), _greyscale_where_it_was():
        yield


@contextmanager
def replaced(module: Any, **names: Any) -> Iterator[None]:
    """``names`` in a module are others for a while."""
    kept = {name: getattr(module, name) for name in names}
    try:
        for name, value in names.items():
            setattr(module, name, value)
        yield
    finally:
        for name, value in kept.items():
            setattr(module, name, value)


@contextmanager
def _operators_may_be_missing() -> Iterator[None]:
    torch, library = import_module("torch"), import_module("torch.library")
    register = library.register_fake

    def lenient(operator: Any, function: Callable[..., Any] | None = None, /, **more: Any) -> Any:
        if function is None:
            return lambda function: lenient(operator, function, **more)
        space, _, name = str(operator).partition("::")
        if space == _OPERATORS and not hasattr(getattr(torch.ops, _OPERATORS), name):
            return function
        register(operator, function, **more)
        return function

    with replaced(library, register_fake=lenient):
        yield


@contextmanager
def _greyscale_where_it_was() -> Iterator[None]:
    functional = import_module("torchvision.transforms.functional")
    if _GONE in sys.modules or find_spec(_GONE) is not None:
        yield
        return
    stand_in = ModuleType(_GONE)
    stand_in.rgb_to_grayscale = functional.rgb_to_grayscale  # type: ignore[attr-defined]
    sys.modules[_GONE] = stand_in
    try:
        yield
    finally:
        del sys.modules[_GONE]
