"""What must hold for a command."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO

from roop_host.errors import UsageError, told
from roop_host.testing.checking import Failed, checks
from roop_host.testing.checks.process import offline, process_state, put_back
from roop_host.testing.subject import Subject

_HELP = "--help"
#: What no command takes.
_UNKNOWN = "--roop-check-no-such-option"
#: A file that isn't there: commands that need a word come to their options only with one.
_NO_FILE = "roop-check-no-such-file"
#: typer sets it in every call, and the process ends with a command.
_PARSERS_OWN = "what handles errors that nobody caught"
_TRACEBACK = "Traceback (most recent call last)"


@dataclass(frozen=True, slots=True)
class _Ended:
    """How a call ended: ``code`` is 2 for a ``UsageError``, whose text is part of ``err`` then.

    ``changed`` is what it changed of the process; it was put back, so that the next check sees it too.
    """

    code: int
    out: str
    err: str
    changed: tuple[str, ...]


def help_is_shown(subject: Subject) -> None:
    """With --help it says on standard output what it is for, and ends well.

    ``argparse`` and typer do so by themselves. The words come as they were typed: parse them, not ``sys.argv``.
    """
    ended = _called(subject, [_HELP])
    if ended.code:
        raise Failed(f"with {_HELP} it gave the exit code {ended.code}{_last(ended.err)}")
    if not ended.out.strip():
        raise Failed(f"with {_HELP} it printed nothing on standard output")


def help_says_how_to_call_it(subject: Subject) -> None:
    """Its help has the words with which it is called.

    A person types ``roop NAME``: say so with ``argparse.ArgumentParser(prog="roop NAME")`` or the parser's own word for it,
    which otherwise shows the name of the running program.
    """
    wanted = f"roop {subject.name}"
    if wanted not in " ".join(_called(subject, [_HELP]).out.split()):
        raise Failed(f"{wanted!r} does not stand in its help")


def unknown_option_is_refused(subject: Subject) -> None:
    """An option that it does not know is wrong usage: exit code 2, and a sentence on standard error.

    Who mistypes an option must not get what it does without, also behind a file. ``argparse`` and typer refuse by
    themselves, but for ``parse_known_args``, which drops what it doesn't know; by hand raise ``UsageError`` with what there
    is. Look at options before files are opened.
    """
    for words in ([_UNKNOWN], [_NO_FILE, _UNKNOWN]):
        said = f"with {' '.join(words)}"
        ended = _called(subject, words)
        if ended.code != UsageError.exit_code:
            raise Failed(f"{said} it gave the exit code {ended.code}")
        if not ended.err.strip():
            raise Failed(f"{said} it said nothing on standard error")
        if _TRACEBACK in ended.err:
            raise Failed(f"{said} it showed a traceback{_last(ended.err)}")


def words_stay_as_they_are(subject: Subject) -> None:
    """The words that it was given are left as they are.

    They are the caller's. Take a copy, ``list(words)``, where a parser takes words out.
    """
    for word in (_HELP, _UNKNOWN):
        words = [word]
        _called(subject, words)
        if words != [word]:
            raise Failed(f"it left {words!r} of {[word]!r}")


def it_can_be_called_again(subject: Subject) -> None:
    """Called again it says the same.

    Tests and servers call it in one process: keep nothing in the module, and make the parser anew.
    """
    first, again = (_called(subject, [_HELP]) for _ in range(2))
    if first != again:
        raise Failed(f"with {_HELP} it gave the exit code {first.code} and {again.code}, and not the same text twice")


def process_stays_as_it_is(subject: Subject) -> None:
    """Loading it and asking for help leave the process as it was.

    Working folder, environment, signals, locale and logging are everybody's. Set what the work needs when it begins, and
    put it back in a ``finally``.
    """
    for word in (_HELP, _UNKNOWN):
        ended = _called(subject, [word])
        if ended.changed:
            raise Failed(f"with {word} it changed {', '.join(ended.changed)}")


def help_writes_no_file(subject: Subject) -> None:
    """Asking for help, or a mistyped option, leaves no file in the working folder.

    Who reads the help wants nothing done yet. Open files, and make folders, when the words are read and right.
    """
    for word in (_HELP, _UNKNOWN):
        with TemporaryDirectory() as folder:
            before = Path.cwd()
            os.chdir(folder)
            try:
                _called(subject, [word])
            finally:
                os.chdir(before)
            left = sorted(path.name for path in Path(folder).iterdir())
        if left:
            raise Failed(f"with {word} it left {', '.join(left)} in the working folder")


def help_asks_no_network(subject: Subject) -> None:
    """Loading it and asking for help opens no connection.

    Help is read without a network too. Look for a server when the work begins.
    """
    with offline() as reached:
        _called(subject, [_HELP])
    if reached:
        raise Failed(f"it asked for {', '.join(dict.fromkeys(reached))}")


def _called(subject: Subject, words: Sequence[str]) -> _Ended:
    """Load and call it. Raises ``Failed`` for what is no exit code and for errors that a person would see as a fault."""
    out, err = io.StringIO(), io.StringIO()
    before = process_state()
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = _code(subject, words, err)
        after = process_state()
    finally:
        put_back(before)
    changed = tuple(name for name, value in before.items() if after[name] != value and name != _PARSERS_OWN)
    return _Ended(code, out.getvalue(), err.getvalue(), changed)


def _code(subject: Subject, words: Sequence[str], err: TextIO) -> int:
    said = f"with {' '.join(words)}"
    try:
        code: object = subject.spec.load()(words)
    except UsageError as error:
        err.write(str(error))
        return error.exit_code
    except SystemExit as error:
        if isinstance(error.code, str):
            err.write(error.code)
            return 1
        code = error.code
    except Exception as error:
        raise Failed(f"{said} it raised {told(error)}") from error
    if code is not None and (isinstance(code, bool) or not isinstance(code, int)):
        raise Failed(f"{said} it gave {code!r}, which is no exit code")
    return code or 0


def _last(text: str) -> str:
    lines = text.strip().splitlines()
    return f" ({lines[-1]})" if lines else ""


CHECKS = checks(
    help_is_shown,
    help_says_how_to_call_it,
    unknown_option_is_refused,
    words_stay_as_they_are,
    it_can_be_called_again,
    process_stays_as_it_is,
    help_writes_no_file,
    help_asks_no_network,
)
