"""ONNX sessions: the only place that makes one. Verified bytes, tried once, the provider read back, no silent fallback."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from roop_host.errors import ModelError, UsageError
from roop_host.models.chance import Settled, settled
from roop_host.models.devices import first_line, load_libraries, nvidia_gpus, why_not
from roop_host.models.ort_session import OrtSession, shares, what_is_wrong
from roop_host.models.providers import ACCELERATED, AUTO, NEEDS, PROVIDERS, asked, cache_folder
from roop_host.models.store import Store
from roop_host.types.models import About
from roop_host.types.packages import pip

if TYPE_CHECKING:
    from roop_host.types.models import ModelSpec, Precision

# What computes in half precision when it is told to, whatever precision the file has.
_HALVES = frozenset({"tensorrt"})
_DRAWN = "its random numbers were drawn beforehand"


@dataclass(frozen=True, slots=True)
class _Way:
    """Where a model may run and from which file; ``fp16`` is whether half precision is computed in.

    ``changed`` is in which way its graph is not that of the file.
    """

    device: str
    model: ModelSpec
    fp16: bool
    changed: str = ""

    @property
    def precision(self) -> str:
        return "half precision" if self.fp16 else "full precision"

    @property
    def place(self) -> str:
        return f"on {self.device} in {self.precision}" if self.fp16 or self.model.half is not None else f"on {self.device}"


class _NotThisWay(Exception):
    """A model does not work in one way; it may in another."""


class _NoDevice(Exception):
    """A device that ONNX Runtime lists runs nothing at all."""


class OrtSessions:
    """Sessions of one device, one budget of threads and one precision. Equal models are loaded once.

    Where ``device`` is ``auto`` or a model comes in two precisions, one that does not work is tried in the next way, down to
    full precision on the CPU; each such step is logged and stands in ``notices``. A named device is never left, and nothing
    is fetched: a plugin's set-up is no place for licences and long waits.
    """

    def __init__(self, device: str, threads: int, precision: Precision = "auto", store: Store | None = None) -> None:
        self._device, self._threads, self._precision = device, threads, precision
        self.store = store if store is not None else Store()
        self._notices: list[tuple[tuple[str, str] | None, str]] = []
        self._lock = threading.RLock()  # creating two sessions at once races in ONNX Runtime
        self._open: dict[tuple[str, str, int], tuple[OrtSession, _Way]] = {}
        self._data: dict[tuple[str, str], ModelSpec] = {}
        self._useless: set[str] = set()

    @property
    def loaded(self) -> tuple[dict[str, str], ...]:
        """Of every model in use: name and hash of the file, provider (ONNX Runtime's name), device and precision.

        Of data, the last three are empty: whose library reads it decides about them. ``changed`` says in which way the
        graph that runs is not that of the file.
        """
        return self._told(lambda files: True)

    @property
    def notices(self) -> list[str]:
        """What a person should know: a model that runs elsewhere, or less precisely, than it was asked to."""
        return [notice for _, notice in self._notices]

    def about(self, models: Iterable[ModelSpec]) -> About:
        """What is known of these, by name; what is said of a device holds for all."""
        asked = set(map(_files, models))
        notices = tuple(notice for files, notice in self._notices if files is None or files in asked)
        return About(self._told(asked.__contains__), notices)

    def _told(self, asked: Callable[[tuple[str, str]], bool]) -> tuple[dict[str, str], ...]:
        told = {
            (data.name, data.sha256, ""): _row(data, provider="", precision="", device="")
            for key, data in list(self._data.items())
            if asked(key)
        }
        for key, (session, way) in list(self._open.items()):
            if asked(key[:2]):
                precision = "fp16" if way.fp16 else "fp32"
                row = _row(way.model, provider=session.provider, precision=precision, device=way.device)
                told[way.model.name, way.model.sha256, way.device] = row | ({"changed": way.changed} if way.changed else {})
        return tuple(told[key] for key in sorted(told))

    def require(self) -> None:
        """Raise ``ModelError`` where there is no ONNX Runtime, ``UsageError`` for a named device that it does not list."""
        self._devices(_runtime("each of the networks"))

    def open(self, model: ModelSpec, *, threads: int | None = None) -> OrtSession:
        """Verify, load and try out ``model``. Raises ``ModelError``, or ``UsageError`` for a device that is not there."""
        if model.form == "data":
            raise ModelError(f"{model.name} is data and no network; a plugin reads its bytes with Sessions.read")
        count = self._threads if threads is None else max(1, min(threads, self._threads))
        with self._lock:
            key = (*_files(model), count)
            if key not in self._open:
                self._open[key] = self._load(model, count)
            return self._open[key][0]

    def read(self, model: ModelSpec) -> bytes:
        """The verified bytes of the file that runs, or that ``open`` tries first. Raises ``ModelError``."""
        if model.form == "data":
            data = self.store.read(model)
            self._data[_files(model)] = model
            return data
        if model.half is None:
            return self.store.read(model)
        with self._lock:
            runs = [way.model for key, (_, way) in self._open.items() if key[:2] == _files(model)]
            return self.store.read(runs[0] if runs else next(self._ways(_runtime(f"the model {model.name}"), model)).model)

    def close(self) -> None:
        """Let go of all sessions. What still holds one keeps it."""
        with self._lock:
            self._open.clear()
            self._data.clear()

    def _load(self, model: ModelSpec, threads: int) -> tuple[OrtSession, _Way]:
        """The first way that works. What did not is told as soon as it is known what is done instead."""
        ort = _runtime(f"the model {model.name}")
        why, files = "", None
        held: tuple[ModelSpec, Settled] | None = None
        for way in self._ways(ort, model):
            if why:
                self._tell(files, f"{why}, so {way.device} in {way.precision} is tried instead")
            try:
                if held is None or held[0] != way.model:
                    held = None  # before the other file is read
                    held = way.model, settled(self.store.read(way.model))
                made = self._create(ort, way, threads, _files(model), held[1])
                if way.model != model and self._precision == "auto" and way.device not in ACCELERATED:
                    said = f"the model {model.name} runs in half precision, as only that file is here"
                    self._tell(_files(model), f"{said}; roop models pull {model.name} gets the full one")
                return made, replace(way, changed=_DRAWN if held[1].mark else "")
            except _NotThisWay as error:
                why, files = str(error), _files(model)
            except _NoDevice as error:
                if self._device != "auto":
                    raise UsageError(f"{error}; see what roop doctor says, or use --device cpu") from error
                self._useless.add(way.device)
                why, files = str(error), None
        raise ModelError(f"{why}; {self._to_do(model)}")

    def _ways(self, ort: Any, model: ModelSpec) -> Iterator[_Way]:
        for device in self._devices(ort):
            first = self.store.pick(model, self._precision, accelerated=device in ACCELERATED)
            fp16 = first != model or (self._precision == "fp16" and device in _HALVES)
            yield _Way(device, first, fp16)
            if fp16 and device not in self._useless and self.store.present(model):
                yield _Way(device, model, fp16=False)

    def _devices(self, ort: Any) -> list[str]:
        """What was named, or all that ``auto`` may take here, the best first."""
        there = [device for device, provider in PROVIDERS.items() if provider in ort.get_available_providers()]
        if self._device == "auto":
            # The GPU build of ONNX Runtime on a machine without such a GPU is nothing to warn of.
            gpus = nvidia_gpus() if "cuda" in there else 0
            return [d for d in AUTO if d in there and d not in self._useless and (d != "cuda" or gpus)]
        if self._device not in there:
            raise UsageError(
                f"--device {self._device} is not available here, there is {', '.join(there)}; it needs {NEEDS[self._device]}"
            )
        return [self._device]

    def _create(self, ort: Any, way: _Way, threads: int, files: tuple[str, str], network: Settled) -> OrtSession:
        name, device, provider = way.model.name, way.device, PROVIDERS[way.device]
        cache = cache_folder(device, ort.__version__, way.model.sha256, fp16=way.fp16, mark=network.mark)
        own = asked(device, fp16=way.fp16, exact=self._precision == "fp32", threads=threads, cache=cache)
        load_libraries(ort, device)
        try:
            # From the bytes that were verified, not a path that could be another file by now. Without the keyword, the
            # package prints what failed, here and in a run, and goes on with the CPU.
            options, providers = own.options(ort, threads), list(own.providers)
            raw = ort.InferenceSession(network.data, options, providers=providers, enable_fallback=0)
        except Exception as error:
            self._check_device(device)
            raise _NotThisWay(f"the model {name} can't be loaded {way.place} ({first_line(error)})") from error
        raw._model_bytes = None  # the package keeps them for a fallback: half a gigabyte for nothing
        if raw.get_providers()[0] != provider:  # what it can't load it leaves out, with a line in its log
            self._check_device(device)
            raise _NotThisWay(f"ONNX Runtime would run the model {name} on {raw.get_providers()[0]} in place of {device}")
        parts = shares(raw) if device != "cpu" else {}
        on_cpu, layers = parts.get(PROVIDERS["cpu"], 0), sum(parts.values())
        if layers and on_cpu == layers:
            raise _NotThisWay(f"ONNX Runtime runs no layer of the model {name} {way.place}")
        session = OrtSession(raw, own, name=name, device=device)
        if wrong := what_is_wrong(session):
            raise _NotThisWay(f"the model {name} {wrong} {way.place}")
        if network.why:
            self._tell(files, f"the model {name} draws random numbers, so two runs on one picture may differ: {network.why}")
        if 2 * on_cpu > layers:
            said = f"{on_cpu} of the {layers} layers of the model {name} run on the CPU, as {device} can't run them"
            self._tell(files, said)
        return session

    def _check_device(self, device: str) -> None:
        """Raise ``_NoDevice`` where it is the device's fault."""
        if device != "cpu" and (why := why_not(device)):
            raise _NoDevice(f"ONNX Runtime lists {device}, yet no network runs there ({why})")

    def _to_do(self, model: ModelSpec) -> str:
        if model.half is not None and not self.store.present(model):
            return f"fetch it in full precision (roop models pull {model.name})"
        repair = "try another version of ONNX Runtime, or tell the authors of the plugin"
        if model.own:
            repair = "take another file"
        return f"use --device cpu, or {repair}" if self._device not in {"auto", "cpu"} else repair

    def _tell(self, files: tuple[str, str] | None, notice: str) -> None:
        if (files, notice) not in self._notices:
            self._notices.append((files, notice))
            logging.getLogger("roop").warning("%s", notice)


def _files(model: ModelSpec) -> tuple[str, str]:
    """What tells models apart: the hashes of both precisions."""
    return model.sha256, "" if model.half is None else model.half.sha256


def _row(model: ModelSpec, **ran: str) -> dict[str, str]:
    return {"name": model.name, "sha256": model.sha256, "licence": model.licence, **ran}


def _runtime(what: str) -> Any:
    try:
        import onnxruntime as ort

        ort.get_available_providers()
    except (ImportError, AttributeError) as error:  # an empty namespace is left where one of two runtimes was removed
        raise ModelError(
            f"{what} needs ONNX Runtime, which can't be imported ({error}); "
            f"install one: {pip('install', 'roop-host[cpu]')} (or roop-host[gpu])"
        ) from error
    return ort
