"""One pull of one or more models: each download once, whatever is wanted of it, from the first address that has it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from roop_host.errors import Interrupted, ModelError
from roop_host.models.fetch import FetchError, fetch, shown
from roop_host.models.packs import chunks, member, opened
from roop_host.models.part import Part
from roop_host.models.places import final_path, forget_parts, free_bytes, locked, part_path
from roop_host.models.placing import copy_in, is_there, place, require_free_name, require_single_file, size_of
from roop_host.models.reading import Limits
from roop_host.types.models import ModelSpec, Pack, megabytes

#: Told while files come: bytes that are here, and bytes in all.
OnBytes = Callable[[int, int], None]


@dataclass
class Download:
    """A model or a pack, and the models that are wanted of it."""

    what: ModelSpec | Pack
    models: list[ModelSpec] = field(default_factory=list)

    @property
    def told(self) -> str:
        """For people, before it begins: what comes, how much, and under which terms."""
        names = ", ".join(model.name for model in self.models)
        of = f"{names} from the pack {self.what.name}" if isinstance(self.what, Pack) else names
        terms = "; ".join(dict.fromkeys(model.terms for model in self.models))
        return f"fetching {of} ({megabytes(self.what.size)}; licence: {terms})"


#: Told when a download begins: all that could be seen to stand in its way was looked at before.
OnBegin = Callable[[Download], None]


def downloads(models: Iterable[ModelSpec]) -> list[Download]:
    """What must be fetched for these, each once."""
    found: dict[tuple[str, str], Download] = {}
    for model in models:
        what = model.pack or model
        found.setdefault((what.name, what.sha256), Download(what)).models.append(model)
    return list(found.values())


class Pull:
    """Fetches into ``root``. ``check`` reads what is there and replaces it where it is damaged."""

    def __init__(
        self,
        root: Path,
        mirror: str,
        limits: Limits,
        cancel: threading.Event,
        *,
        on_begin: OnBegin | None = None,
        on_bytes: OnBytes | None = None,
        check: bool,
    ) -> None:
        self._root, self._mirror, self._limits, self._check = root, mirror, limits, check
        self._on_begin, self._on_bytes, self._cancel = on_begin, on_bytes, cancel
        self._before = self._total = 0

    def run(self, models: Sequence[ModelSpec]) -> None:
        """Have all of them, none of which is there. Raises ``ModelError`` or ``Interrupted``; what is whole by then stays,
        and what was begun.
        """
        todo = downloads(models)
        for model in models:
            require_free_name(self._path(model), model)
        self._require_room(todo)
        self._total = sum(download.what.size for download in todo)
        for download in todo:
            self._one(download)
            self._before += download.what.size
            self._tell(0)

    def _path(self, what: ModelSpec | Pack) -> Path:
        return final_path(self._root, what)

    def _there(self, model: ModelSpec) -> bool:
        return is_there(self._path(model), model, self._cancel, check=self._check)

    def _tell(self, size: int) -> None:
        if self._on_bytes is not None:
            self._on_bytes(self._before + size, self._total)

    def _one(self, download: Download) -> None:
        what = download.what
        with locked(self._path(what), self._cancel):
            wanted = [model for model in download.models if not self._there(model)]  # another process may have been here
            if not wanted:
                return
            path = part_path(self._path(what), what.sha256)
            with Part(path, what.size) as part:
                if self._on_begin is not None:
                    self._on_begin(Download(what, wanted))
                source = self._fill(what, part)
                if isinstance(what, Pack):
                    self._take_out(what, wanted, part, source)
                else:
                    self._finish(what, part)
            if isinstance(what, Pack):
                forget_parts(self._path(what))
            else:
                place(path, self._path(what), what, "pull", source, self._cancel)

    def _fill(self, what: ModelSpec | Pack, part: Part) -> str:
        """The address that had it."""
        if part.size > what.size:
            part.clear()
        self._tell(part.size)
        more = self._limits.progress
        while more >= self._limits.progress:  # else all of them broke off for good
            begun, said = part.size, list[str]()
            for url in self._urls(what):
                try:
                    fetch(what, url, part, limits=self._limits, cancel=self._cancel, on_size=self._tell)
                except FetchError as error:
                    said.append(f"{shown(url)} {error}")
                except Interrupted as error:
                    raise Interrupted(
                        f"stopped while {what.name} was fetched; the {megabytes(part.size)} that came are kept, and the "
                        "same command goes on from there"
                    ) from error
                else:
                    return shown(url)
            more = part.size - begun
        kept = f" ({megabytes(part.size)} that came are kept)" if part.size else ""
        raise ModelError(
            f"{what.name} can't be fetched: {'; '.join(said)}{kept}; try again later, or get it another way and bring it: "
            "roop models import FILE"
        )

    def _urls(self, what: ModelSpec | Pack) -> tuple[str, ...]:
        if not self._mirror:
            return what.urls
        name = self._path(what).relative_to(self._root).as_posix()
        return (f"{self._mirror}/{name}", *what.urls)

    def _finish(self, model: ModelSpec, part: Part) -> None:
        try:
            require_single_file(part.file, model)
        except ModelError:
            part.clear()
            raise
        part.settle()

    def _take_out(self, pack: Pack, wanted: Sequence[ModelSpec], part: Part, source: str) -> None:
        with opened(part.file, pack.name) as archive:
            for model in wanted:
                info = member(archive, model, pack.name)
                if info is None:
                    raise ModelError(f"the archive {pack.name} holds no {model.file_name}; tell the authors of the plugin")
                with archive.open(info) as stream:
                    copy_in(self._path(model), model, chunks(stream, model.size), "pull", source, self._cancel)

    def _require_room(self, todo: Sequence[Download]) -> None:
        """Fail before the first byte, not after the last but one."""
        needed = 0
        for download in todo:
            part = part_path(self._path(download.what), download.what.sha256)
            needed += download.what.size - max(size_of(part) or 0, 0)
            if isinstance(download.what, Pack):
                needed += sum(model.size for model in download.models)
        free = free_bytes(self._root)
        if free is not None and free < needed:
            raise ModelError(
                f"{megabytes(needed)} are to come into {self._root}, and its disk has {megabytes(free)} left: "
                f"{megabytes(needed - free)} are missing; make room, or name another folder by ROOP_MODELS"
            )
