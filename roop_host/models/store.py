"""The model store: the folder where weights lie that came from outside, and what is known of each."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from roop_host.errors import ModelError, from_outside, told
from roop_host.models import bringing, placing
from roop_host.models.checking import check_file, checked_bytes, missing
from roop_host.models.fetch import shown
from roop_host.models.places import final_path, forget_parts, locked, mirror, store_root
from roop_host.models.pulling import OnBegin, OnBytes, Pull, downloads
from roop_host.models.reading import Limits
from roop_host.types.models import names_to_pull
from roop_host.types.packages import pip

if TYPE_CHECKING:
    from roop_host.types.models import ModelSpec, Precision

__all__ = ["Limits", "OnBytes", "State", "Store", "store_root"]

#: What lies where a model should, as far as it can be told without reading it. ``brought``: the user put it there.
State = Literal["embedded", "pulled", "brought", "missing", "wrong size"]


class Store:
    """The models in ``root``. ``offline`` refuses to fetch any; ``limits`` is how patient fetching is."""

    def __init__(self, root: Path | None = None, *, offline: bool = False, limits: Limits | None = None) -> None:
        self.root = root if root is not None else store_root()
        self.offline = offline
        self.limits = limits or Limits()

    def path(self, model: ModelSpec) -> Path:
        """Where ``model`` lies, or would lie. Raises ``ModelError`` where the plugin that has it can't say."""
        if model.path is None:
            return final_path(self.root, model)
        try:
            return Path(model.path())
        except BaseException as error:
            if from_outside(error):
                raise
            raise missing(model, told(error), self.repair(model)) from error

    def present(self, model: ModelSpec) -> bool:
        """Whether a file of the right size is there. Its hash is looked at when it is loaded."""
        return self._size(model) == model.size

    def missing(self, models: Iterable[ModelSpec]) -> list[ModelSpec]:
        """Those that are not there, each once, in their order."""
        return [model for model in dict.fromkeys(models) if not self.present(model)]

    def state(self, model: ModelSpec) -> State:
        """What is there. Cheap: no file is read."""
        size = self._size(model)
        if size != model.size:
            return "missing" if size is None else "wrong size"
        if model.embedded:
            return "embedded"
        record = placing.own_record(self.path(model))
        return "pulled" if record is not None and (record.by, record.sha256) == ("pull", model.sha256) else "brought"

    def pick(self, model: ModelSpec, precision: Precision, *, accelerated: bool) -> ModelSpec:
        """``model`` or its half. ``auto`` is the half on a GPU where it is there, and wherever only the half is there."""
        half = model.half
        if half is None or precision == "fp32":
            return model
        if precision == "fp16":
            return half
        return half if self.present(half) and (accelerated or not self.present(model)) else model

    def pull(self, model: ModelSpec, *, on_bytes: OnBytes | None = None, cancel: threading.Event | None = None) -> Path:
        """Have ``model`` in the store, verified; at once where it is there. Of several models ``pull_all`` makes one pull.

        Raises ``ModelError``, or ``Interrupted`` on a cancel: what came until then is kept, and the next pull goes on.
        """
        return self.pull_all((model,), on_bytes=on_bytes, cancel=cancel)[0]

    def pull_all(
        self,
        models: Iterable[ModelSpec],
        *,
        on_begin: OnBegin | None = None,
        on_bytes: OnBytes | None = None,
        cancel: threading.Event | None = None,
        check: bool = False,
    ) -> tuple[Path, ...]:
        """Have all of them, in one download where they are in one pack. ``on_begin`` hears of each when it begins,
        ``on_bytes`` counts all that must be fetched.

        ``check`` also reads what is there, and replaces what roop put there and is damaged. Raises as ``pull``.
        """
        models = tuple(models)
        cancel = cancel or threading.Event()
        lacking = [
            model
            for model in dict.fromkeys(models)
            if not (model.embedded or placing.is_there(self.path(model), model, cancel, check=check))
        ]
        if lacking:
            if self.offline:
                raise _offline(lacking)
            _require_packages()
            pull = Pull(self.root, mirror(), self.limits, cancel, on_begin=on_begin, on_bytes=on_bytes, check=check)
            pull.run(lacking)
        return tuple(map(self.path, models))

    def bring(self, path: Path, known: Iterable[ModelSpec], *, cancel: threading.Event | None = None) -> bringing.Brought:
        """Copy a file of the user's into the store: the model, or of a zip archive the models, that it is by its hash.

        Raises ``InputError``, ``ModelError`` for what is none of ``known``, or ``Interrupted``.
        """
        return bringing.bring(self.root, path, known, cancel or threading.Event())

    def remove(self, model: ModelSpec) -> bool:
        """Delete what roop put there of ``model``, and what it had begun; whether there was any.

        Raises ``ModelError`` for a file that is the user's or part of a package.
        """
        if model.embedded:
            raise ModelError(f"the model {model.name} is part of an installed package; uninstall that to be rid of it")
        whole = final_path(self.root, model.pack or model)
        if not whole.parent.is_dir():
            return False
        with locked(whole, threading.Event()):
            begun = model.pack is not None and forget_parts(whole)
            return placing.remove(self.path(model), model) or begun

    def verify(self, model: ModelSpec, *, cancel: threading.Event | None = None) -> None:
        """Read and hash the file, in chunks. Raises ``ModelError`` that says what is wrong and what repairs it."""
        check_file(model, self.path(model), self.repair(model), cancel)

    def read(self, model: ModelSpec) -> bytes:
        """The model's bytes, read once; these very bytes are verified. Raises ``ModelError``."""
        return checked_bytes(model, self.path(model), self.repair(model))

    def is_own(self, model: ModelSpec) -> bool:
        """Whether the file is there as roop left it, so that a pull may replace it where it is damaged."""
        return not model.embedded and placing.own_record(self.path(model)) is not None

    def repair(self, model: ModelSpec) -> str:
        """What to do where the file is missing or wrong, as the end of a sentence."""
        if model.embedded:
            return "install its package again"
        pull = f"roop models pull {model.name}"
        if self.state(model) == "missing" or self.is_own(model):
            return f"{pull} fetches it, or roop models import FILE brings yours"
        return f"move it away, then {pull} fetches it, or roop models import FILE brings yours"

    def _size(self, model: ModelSpec) -> int | None:
        """In bytes; -1 for what is no file, None for nothing."""
        try:
            return placing.size_of(self.path(model))
        except ModelError:
            return None


def _offline(models: list[ModelSpec]) -> ModelError:
    names = ", ".join(model.name for model in models)
    urls = " and ".join(shown(download.what.urls[0]) for download in downloads(models))
    which, bring = (f"model {names} is", "it: roop models import FILE")
    if len(models) > 1:
        which, bring = (f"models {names} are", "them: roop models import FILE ...")
    return ModelError(
        f"the {which} missing, and nothing is fetched offline (ROOP_OFFLINE, roop.toml, or --offline of roop run); download "
        f"{urls} elsewhere and bring {bring} (or, where fetching is allowed: roop models pull {names_to_pull(models)})"
    )


def _require_packages() -> None:
    try:
        import filelock  # noqa: F401
        import httpx  # noqa: F401
    except ImportError as error:
        raise ModelError(
            f"fetching a model needs the package {error.name}, which can't be imported ({error}); bring it back: "
            f"{pip('install', '--force-reinstall', error.name or 'httpx')}"
        ) from error
