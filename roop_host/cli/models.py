"""``roop models``: what weights there are, where they lie, and how they come and go."""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from roop_host.cli.log import log_to_stderr
from roop_host.cli.signals import Signals
from roop_host.cli.telling import tell_error
from roop_host.config.fields import host_fields
from roop_host.config.files import read_files
from roop_host.config.layers import Layers
from roop_host.errors import Interrupted, ModelError, RoopError, UsageError
from roop_host.models.fetch import shown
from roop_host.models.pulling import Download, OnBegin, OnBytes, downloads
from roop_host.models.store import Store
from roop_host.plugins.wanted import Wanted, models_named, wanted_models
from roop_host.types.models import megabytes

if TYPE_CHECKING:
    from roop_host.cli.asked import Asked

_HEAD = ("NAME", "SIZE", "STATE", "COMMERCIAL", "LICENCE", "PURPOSE", "FOR")


def show(asked: Asked, *, as_json: bool) -> None:
    """Print every model that the plugins know of."""
    store, wanted = Store(), wanted_models(asked.plugins())
    if as_json:
        typer.echo(json.dumps([_row(store, one) for one in wanted], indent=2))
        return
    rows = [_HEAD]
    for one in wanted:
        model = one.model
        commercial = "yes" if model.commercial else "no"
        purpose = model.purpose or "-"
        size = megabytes(model.size)
        rows.append((model.name, size, store.state(model), commercial, model.licence, purpose, one.label))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        typer.echo("  ".join([*cells, row[-1]]).rstrip())


def pull(asked: Asked, names: Sequence[str], *, everything: bool) -> int:
    """Have these models, verified; the exit code when all were tried. Raises ``Interrupted``, ``UsageError``."""
    if bool(names) == everything:
        raise UsageError("roop models pull takes the names of models, or --all; roop models list shows them")
    plugins, each = asked.plugins(), _Each(asked)
    chosen = [one.model for one in wanted_models(plugins)] if everything else models_named(plugins, names)
    store = Store(offline=_offline(asked.config))
    with _stopping() as cancel:
        for model in chosen:
            if model.embedded:
                with each.attempt():
                    store.verify(model, cancel=cancel)
                    typer.echo(store.path(model))
        for download in downloads(model for model in chosen if not model.embedded):
            with each.attempt():
                _pull(store, download, cancel)
    return each.code


def bring(asked: Asked, files: Sequence[str]) -> int:
    """Copy files of the user's into the store; the exit code when all were tried. Raises ``Interrupted``."""
    known, store, each = [one.model for one in wanted_models(asked.plugins())], Store(), _Each(asked)
    with _stopping() as cancel:
        for file in files:
            with each.attempt():
                if not file:
                    raise UsageError("roop models import takes the names of files, and one of these is empty")
                for model, path in store.bring(Path(file), known, cancel=cancel):
                    typer.echo(f"{model.name}  {path}")
                    if not model.commercial:
                        typer.echo(f"roop: {model.name}: {model.terms}", err=True)
    return each.code


def verify(asked: Asked, names: Sequence[str]) -> int:
    """Read and hash these models, or all that are there; the exit code when all were looked at. Raises ``Interrupted``."""
    plugins, store, each = asked.plugins(), Store(), _Each(asked)
    chosen = models_named(plugins, names) if names else [one.model for one in wanted_models(plugins)]
    with _stopping() as cancel:
        for model in chosen:
            if not names and store.state(model) == "missing" and not model.embedded:
                continue
            with each.attempt():
                store.verify(model, cancel=cancel)
                typer.echo(f"{model.name}  ok")
    return each.code


def show_path(asked: Asked, name: str | None) -> None:
    """Print the store's folder, or where a model lies or would lie. Raises ``UsageError`` or ``ModelError``."""
    store = Store()
    if name is None:
        typer.echo(store.root)
        return
    for model in models_named(asked.plugins(), [name]):
        typer.echo(store.path(model))


def remove(asked: Asked, names: Sequence[str]) -> int:
    """Delete what roop put into the store of these; the exit code when all were tried."""
    store, each = Store(), _Each(asked)
    for model in models_named(asked.plugins(), names):
        with each.attempt():
            removed = store.remove(model)
            typer.echo(f"{model.name}  {'removed' if removed else 'was not there'}")
    return each.code


def _row(store: Store, one: Wanted) -> dict[str, Any]:
    model = one.model
    try:
        path = str(store.path(model))
    except ModelError:
        path = ""
    return {
        "name": model.name,
        "state": store.state(model),
        "path": path,
        "size": model.size,
        "sha256": model.sha256,
        "licence": model.licence,
        "commercial": model.commercial,
        "purpose": model.purpose,
        "pack": model.pack.name if model.pack is not None else "",
        "urls": [shown(url) for url in (model.pack.urls if model.pack is not None else model.urls)],
        "for": [
            {
                "name": use.declared.spec.name,
                "plugin": use.declared.plugin.name,
                "option": use.flag,
                "value": use.value,
                "with": dict(use.others),
            }
            for use in one.uses
        ],
    }


def _pull(store: Store, download: Download, cancel: threading.Event) -> None:
    with _progress() as (on_begin, on_bytes):
        paths = store.pull_all(download.models, on_begin=on_begin, on_bytes=on_bytes, cancel=cancel, check=True)
    for path in paths:
        typer.echo(path)


def _offline(config: str | None) -> bool:
    """What ``ROOP_OFFLINE`` or a file says. Raises ``UsageError``."""
    (option,) = (field for field in host_fields() if field.name == "offline")
    said = Layers({}, os.environ, read_files(config)).settle(option)
    return bool(option.default if said is None else said.value)


class _Each:
    """Tries one thing after the other: what fails is told at once, and the rest is done. The first error's code counts."""

    def __init__(self, asked: Asked) -> None:
        log_to_stderr(debug=asked.debug)
        self._debug, self.code = asked.debug, 0

    @contextmanager
    def attempt(self) -> Iterator[None]:
        try:
            yield
        except Interrupted:
            raise
        except RoopError as error:
            if self._debug:
                traceback.print_exception(error)
            tell_error(error)
            self.code = self.code or error.exit_code


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C or SIGTERM sets, so that the work ends in order; a later one ends it at once."""

    def at_once() -> None:
        raise KeyboardInterrupt

    cancel = threading.Event()
    with Signals(cancel.set, at_once):
        yield cancel


@contextmanager
def _progress() -> Iterator[tuple[OnBegin, OnBytes]]:
    """One line when a download begins, and in a terminal a bar."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    bar = Bar(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task("", total=None)

    def on_begin(download: Download) -> None:
        typer.echo(f"roop: {download.told}", err=True)
        bar.update(task, description=download.what.name)
        if sys.stderr.isatty():
            bar.start()

    def on_bytes(have: int, total: int) -> None:
        bar.update(task, completed=have, total=total)

    try:
        yield on_begin, on_bytes
    finally:
        if bar.live.is_started:
            bar.stop()
