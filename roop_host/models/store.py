"""The model store: the folder where weights lie that came from outside, and what is known of each."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from roop_host.errors import ModelError
from roop_host.models.external import refers_to_other_files

if TYPE_CHECKING:
    from roop_host.types.models import ModelSpec, Precision

#: Told while a file comes: bytes that are here, and bytes in all.
OnBytes = Callable[[int, int], None]
_VARIABLE = "ROOP_MODELS"


def store_root() -> Path:
    """The folder: ``ROOP_MODELS``, ``models/`` of a checkout, or the one in the user's data."""
    said = os.environ.get(_VARIABLE, "").strip()
    if said:
        return Path(said).expanduser().absolute()
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "models" / "make_embedded.py").is_file():
        return checkout / "models"
    from platformdirs import user_data_path

    return user_data_path("roop", appauthor=False) / "models"


class Store:
    """The models in ``root``. ``offline`` refuses to fetch any."""

    def __init__(self, root: Path | None = None, *, offline: bool = False) -> None:
        self.root = root if root is not None else store_root()
        self.offline = offline

    def path(self, model: ModelSpec) -> Path:
        """Where ``model`` lies, or would lie."""
        return model.path() if model.path is not None else self.root / model.file

    def present(self, model: ModelSpec) -> bool:
        """Whether a file of the right size is there. Its hash is looked at when it is loaded."""
        try:
            return self.path(model).stat().st_size == model.size
        except OSError:
            return False

    def pick(self, model: ModelSpec, precision: Precision, *, accelerated: bool) -> ModelSpec:
        """``model`` or its half. ``auto`` is the half on a GPU where it is there, and wherever only the half is there."""
        half = model.half
        if half is None or precision == "fp32":
            return model
        if precision == "fp16":
            return half
        return half if self.present(half) and (accelerated or not self.present(model)) else model

    def pull(self, model: ModelSpec, *, on_bytes: OnBytes | None = None, cancel: threading.Event | None = None) -> Path:
        """Have ``model`` in the store, verified. Raises ``ModelError``, or ``Interrupted`` on a cancel."""
        raise NotImplementedError

    def missing(self, models: Iterable[ModelSpec]) -> list[ModelSpec]:
        """Those that would have to be pulled, each once."""
        return [m for m in dict.fromkeys(models) if not m.embedded and not self.present(m)]

    def pull_all(
        self, models: Iterable[ModelSpec], *, on_bytes: OnBytes | None = None, cancel: threading.Event | None = None
    ) -> None:
        """Have all of them."""
        for model in models:
            self.pull(model, on_bytes=on_bytes, cancel=cancel)

    def read(self, model: ModelSpec) -> bytes:
        """The model's bytes, read once; these very bytes are verified. Raises ``ModelError``."""
        return verified_bytes(model, self.path)


def verified_bytes(model: ModelSpec, where: Callable[[ModelSpec], Path]) -> bytes:
    """The bytes of ``model``, hashed and looked through. Raises ``ModelError``."""
    path = None
    try:
        path = where(model)
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"the model {model.name} is missing ({error}); install its package again") from error
    if len(data) != model.size or hashlib.sha256(data).hexdigest() != model.sha256:
        raise ModelError(
            f"the model file {path} is not the {model.name} it should be (wrong hash); install its package again"
        )
    try:
        elsewhere = refers_to_other_files(data)
    except ValueError as error:
        raise ModelError(f"the model {model.name} in {path} can't be loaded: {error}; get it again as ONNX") from error
    if elsewhere:
        raise ModelError(
            f"the model {model.name} in {path} keeps weights in other files, which no hash covers; get it as a single file"
        )
    return data
