"""Sending outputs that exist already: those, and only those, that the ledger knows as made and screened here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from roop_host.errors import InputError, Interrupted, UsageError
from roop_host.host import Control, Host, Progress
from roop_host.media.pictures.codes import is_own_code
from roop_host.plugins.taking_part import destinations
from roop_host.runner import Ends, begin, ending, failing, report_of
from roop_host.runner.ledger import Entry, find
from roop_host.runner.load import load_uploaders
from roop_host.runner.made import PIECE, Content, Made, read_content
from roop_host.runner.resolve import check_plugin_options
from roop_host.runner.state import OnProgress, Run
from roop_host.runner.uploads import upload_all
from roop_host.types.job import ExecutionOptions, Job, check
from roop_host.types.job_context import JobContext
from roop_host.types.report import Report

if TYPE_CHECKING:
    from roop_host.types.job import OptionValue

#: So many pictures of a folder are named.
_TOLD = 3


def send(
    host: Host,
    files: Sequence[str | Path],
    to: Sequence[str],
    plugin_options: Mapping[str, Mapping[str, OptionValue]],
    execution: ExecutionOptions | None,
    control: Control,
    on_progress: OnProgress,
) -> Report:
    """All files are checked before the first byte goes. Raises what a run's uploads do, ``InputError`` for other files."""
    if not files or isinstance(files, str) or isinstance(to, str):
        raise UsageError("files and uploaders are each a list of names, and at least one file must be named")
    names = list(map(str, files))
    job = Job((), names[0], names[0], (), uploads=tuple(to), plugin_options=plugin_options)
    job = job if execution is None else replace(job, execution=execution)
    run = Run(job, host, control, on_progress, only_looks=True)
    with failing(run):
        with ending(run) as ends:
            try:
                entries = _prepare(run, names, ends)
            except Interrupted as error:
                raise Interrupted("stopped on request before anything was sent") from error
            upload_all(run, entries, known=True)
        run.require_made()
        return report_of(run, status="done", exit_code=0)


def _prepare(run: Run, names: Sequence[str], ends: Ends) -> dict[Path, Entry]:
    """What the ledger says of each file, once uploaders stand ready."""
    job, plugins = run.job, run.host.plugins
    for name in names:
        check(replace(job, target=name, output=name))
    plugins.require_healthy()
    uploaders = destinations(plugins, job.uploads)
    check_plugin_options(job, plugins, {one.plugin.name: one for one in uploaders})
    entries = _known(run, _without_codes(run, _plain_files(names)))
    load_uploaders(run, uploaders)
    kinds = {entry.media_type for entry in entries.values()}
    begin(run, JobContext(job, (), 0, 0, media_type=kinds.pop() if len(kinds) == 1 else ""), ends)
    return entries


def _plain_files(names: Sequence[str]) -> list[Path]:
    """Raises ``InputError`` for what is none, ``UsageError`` for one that is named twice."""
    paths: dict[Path, Path] = {}
    for name in names:
        path = _plain_file(Path(name))
        if paths.setdefault(path.resolve(), path) is not path:
            raise UsageError(f"the file {path} is named twice; name it once")
    return list(paths.values())


def _without_codes(run: Run, paths: Sequence[Path]) -> list[Path]:
    """A pattern that names the pictures of a folder names their codes too, once they were sent."""
    outputs = [path for path in paths if not is_own_code(path)]
    left = [path for path in paths if path not in outputs]
    if not outputs:
        raise InputError(f"{left[0]} is a QR code that roop drew of an upload and no output; name what it was drawn of")
    if left:
        one = f"the QR code {left[0]} is not sent, as roop drew it of an upload"
        run.notices.append(one if len(left) == 1 else f"{len(left)} QR codes are not sent, as roop drew them of uploads")
    return outputs


def _plain_file(named: Path) -> Path:
    """A link is followed here and once: where it leads to when somebody has changed it later is not what was looked at."""
    try:
        path = named.resolve(strict=True) if named.is_symlink() else named.absolute()
        size = path.stat().st_size
    except (OSError, RuntimeError) as error:  # a link that leads to itself
        raise _unreadable(named, error) from error
    if path.is_dir():
        raise InputError(f"{named} is a folder; name each picture in it by itself{_some_of(named)}")
    if not path.is_file():
        raise InputError(f"{named} is no plain file; name an output that roop has made")
    if not size:
        raise InputError(f"{named} is empty; name an output that roop has made")
    return path


def _some_of(folder: Path) -> str:
    try:
        some = list(islice((path for path in sorted(folder.iterdir()) if path.is_file() and not is_own_code(path)), _TOLD))
    except OSError:
        return ""
    return f", such as {', '.join(map(str, some))}" if some else ""


def _unreadable(path: Path, error: Exception) -> InputError:
    if isinstance(error, FileNotFoundError):
        if path.is_symlink():
            return InputError(f"{path} is a link that leads nowhere; name the output itself")
        return InputError(f"{path} is not there; check the path")
    why = error.strerror if isinstance(error, OSError) else error
    return InputError(f"{path} can't be read ({why}); check the path and its permissions")


def _known(run: Run, paths: Sequence[Path]) -> dict[Path, Entry]:
    """What the ledger says of each, whose content the run keeps in mind from now on. Raises ``InputError``."""
    contents: dict[Path, Content] = {}
    entries: dict[Path, Entry] = {}
    for path in paths:
        try:
            contents[path] = read_content(path, _reading(run, path))
        except OSError as error:
            raise _unreadable(path, error) from error
        entries[path] = _entry(path, contents[path])
    run.made, run.existing = Made(contents), True
    return entries


def _entry(path: Path, content: Content) -> Entry:
    entry = find(content.sha256)
    if entry is None or entry.size != content.size:
        raise InputError(
            f"{path} is no output that roop made and screened here and that is unchanged since, so nothing was sent; "
            "make it again with roop run and --upload, or if you edited it, let roop run work on it, so that it is screened"
        )
    if not entry.marked:
        raise InputError(
            f"{path} was made as a kind of file that cannot hold the mark that says that it is synthetic, so it is not "
            "uploaded; make an output of another kind"
        )
    return entry


def _reading(run: Run, path: Path) -> Callable[[], None]:
    """What is called before each piece of a file that is read."""
    size, pieces = path.stat().st_size, 0

    def read() -> None:
        nonlocal pieces
        run.check_cancel()
        run.on_progress(Progress("checking", min(size, pieces * PIECE), size, 0.0, 0, "bytes"))
        pieces += 1

    return read
