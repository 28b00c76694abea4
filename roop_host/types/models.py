"""Model files as plugins declare them: what a file is, where it can be had, and under which terms."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from roop_host.errors import InputError

#: What ``--precision`` takes.
Precision = Literal["auto", "fp32", "fp16"]
#: The licence of a person's own file.
OWN = "unknown (own file)"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A zip archive in which models are offered together. Its members are taken one by one, each with its own hash."""

    name: str
    urls: tuple[str, ...]
    sha256: str
    size: int

    def __post_init__(self) -> None:
        _check_file(self.name, self.sha256, self.size)
        _check_urls(self.name, self.urls)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """A model file, known by its size in bytes and its SHA-256, both of which it must match before it is used.

    It lies in a package (``path`` is called to find it), or is pulled into the model store from one of ``urls``, which are
    tried in order, or out of a ``pack``. ``purpose`` says in a few words what it does. ``commercial`` is whether its licence
    allows commercial use: where it does not, people are told before the first pull. ``half`` is the same network in half
    precision.

    ``form`` is ``onnx`` for a network that a session opens, a single file that holds all of its weights. ``data`` is any
    other file, such as the weights of another library: ``Sessions.read`` gives its bytes, verified, and that is all.
    """

    name: str
    sha256: str
    size: int
    licence: str
    path: Callable[[], Path] | None = None
    urls: tuple[str, ...] = ()
    pack: Pack | None = None
    purpose: str = ""
    commercial: bool = True
    half: ModelSpec | None = None
    form: Literal["onnx", "data"] = "onnx"

    def __post_init__(self) -> None:
        _check_file(self.name, self.sha256, self.size)
        if self.form not in ("onnx", "data"):
            raise ValueError(f"{self.name}: form is onnx or data, not {self.form!r}")
        if self.form == "data" and self.half is not None:
            raise ValueError(f"{self.name}: only a network has a half precision")
        if sum((self.path is not None, bool(self.urls), self.pack is not None)) != 1:
            raise ValueError(f"{self.name}: a model has either a path, urls or a pack")
        if self.urls:
            _check_urls(self.name, self.urls)

    @classmethod
    def from_file(cls, path: Path, *, purpose: str = "", form: Literal["onnx", "data"] = "onnx") -> ModelSpec:
        """A person's own file, of which no hash is known: it is the one that lies there now.

        Read as any other: it must still be that one when it is loaded, and hold all of its weights. Raises ``InputError``.
        """
        import hashlib

        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                size = file.tell()
        except OSError as error:
            raise InputError(f"the model file {path} can't be read ({error.strerror or error}); say another one") from error
        if not size:
            raise InputError(f"the model file {path} is empty; get it again, or say another one")
        name = re.sub(r"[^A-Za-z0-9_.-]+", "_", path.stem).lstrip("_.-") or "model"
        where = path.resolve()
        return cls(name=name, sha256=digest, size=size, licence=OWN, path=lambda: where, purpose=purpose, form=form)

    @property
    def terms(self) -> str:
        """Its licence, for people."""
        return self.licence if self.commercial else f"{self.licence}; not for commercial use"

    @property
    def own(self) -> bool:
        """Whether it is a person's own file."""
        return self.licence == OWN

    @property
    def embedded(self) -> bool:
        """Whether it is part of an installed package."""
        return self.path is not None

    @property
    def file_name(self) -> str:
        """What its file is called, in the store and in a pack."""
        return f"{self.name}.onnx" if self.form == "onnx" else f"{self.name}.dat"

    @property
    def file(self) -> str:
        """Where it stands in the model store, with ``/`` between folders."""
        return f"{self.pack.name}/{self.file_name}" if self.pack is not None else self.file_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A value of an option that decides which models are needed, and what faces must carry or are given.

    Where the option is ``auto``, the host takes the first choice, in the order they are declared, that can be had: whose
    ``models`` are in the store (or are pulled when a person agrees), and, of an analyser, which ``gives`` all that the
    steps of the job ``needs``. ``needs`` and ``gives`` are names of fields of ``Face``. An option that holds several values
    makes every choice that it names. ``by_name`` is one that ``auto`` never stands for. ``own_files`` are options, in the
    order of ``models``, each of which names a person's own file in the place of that model: one that can't be read is told
    before anything is pulled. ``with_options`` are other options, name and value as the options class holds it (``True``,
    ``2``, ``"onnx"``), without which it is no choice: one value may need other files with another backend. ``source_type``
    is the IPTC term for what a step makes with this choice, where it is not the one of its spec.
    """

    option: str
    value: str
    models: tuple[ModelSpec, ...] = ()
    needs: frozenset[str] = frozenset()
    gives: frozenset[str] = frozenset()
    source_type: str = ""
    by_name: bool = False
    own_files: tuple[str, ...] = ()
    with_options: tuple[tuple[str, str | int | float], ...] = ()

    def made_by(self, options: object) -> bool:
        """Whether these options, an instance of the plugin's class, say this choice."""
        return says(getattr(options, self.option), self.value) and self.goes_with(options)

    def goes_with(self, options: object) -> bool:
        """Whether the other options that it asks for are said."""
        return all(says(getattr(options, name), value) for name, value in self.with_options)

    def models_for(self, options: object) -> tuple[ModelSpec, ...]:
        """Those of its models in whose place these options name no file."""
        named = [getattr(options, name) is not None for name in self.own_files]
        return tuple(model for number, model in enumerate(self.models) if not any(named[number : number + 1]))


def says(held: object, value: object) -> bool:
    """Whether an option that holds ``held`` says ``value``; one of several values says each of them."""
    return value in held if isinstance(held, tuple) else held == value


@dataclass(frozen=True, slots=True)
class About:
    """What is known of loaded networks: name and hash of the file, provider, device and precision; and what went wrong."""

    loaded: tuple[Mapping[str, str], ...] = ()
    notices: tuple[str, ...] = ()


def megabytes(count: int) -> str:
    """A number of bytes for people."""
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def names_to_pull(models: Iterable[ModelSpec]) -> str:
    """What ``roop models pull`` is told: a pack stands for all of it."""
    return " ".join(dict.fromkeys(model.pack.name if model.pack is not None else model.name for model in models))


def _check_file(name: str, sha256: str, size: int) -> None:
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        raise ValueError(f"the name {name!r} of a model is not one word of letters, digits, ., - and _")
    if not isinstance(sha256, str) or not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ValueError(f"{name}: sha256 is 64 lower-case hexadecimal digits, not {sha256!r}")
    if type(size) is not int or size < 0:
        raise ValueError(f"{name}: size is a number of bytes, not {size!r}")


def _check_urls(name: str, urls: tuple[str, ...]) -> None:
    if not isinstance(urls, tuple) or not urls:
        raise ValueError(f"{name}: urls is a tuple of at least one address")
    for number, url in enumerate(urls):
        if not allowed(url):  # not shown: it may hold a password
            raise ValueError(f"{name}: a model comes over https, and urls[{number}] is no such address")


def allowed(url: str) -> bool:
    """Whether a model may come from there: over https, or from this very machine."""
    try:
        parts = urlsplit(url)
        secure = parts.scheme == "https" and bool(parts.hostname)
        # Asking for the port raises where it is none.
        return (secure or (parts.scheme == "http" and parts.hostname in _LOOPBACK)) and parts.port != 0
    except (ValueError, AttributeError, TypeError):
        return False
