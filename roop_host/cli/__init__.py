"""The command line: one of the doors to a job, with no rule of its own.

Nothing heavy is imported before a job runs: ``roop --help`` must stay fast with any number of plugins.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

_STRAY_S = 2.0


def main() -> None:
    """The console script."""
    # Until a job begins there is nothing to clean up, and SIGTERM may end the command as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = _call(sys.argv[1:])
    except KeyboardInterrupt:
        print("roop: stopped before the work began; nothing was written", file=sys.stderr)
        code = 130
    except OSError as error:
        if error.filename is not None:
            raise
        code = _unprintable(error)
    _leave(code)


def _call(words: list[str]) -> int:
    if words == ["--version"]:  # answered before anything is imported
        from roop_host import __version__

        print(f"roop {__version__}")
        return 0
    from roop_host.cli.app import call

    return call(words)


def _leave(code: int) -> None:
    """End the process, also where stdout is gone or a plugin left a thread that would keep it alive for ever."""
    try:
        sys.stdout.flush()
    except OSError as error:
        code = code or _unprintable(error)
    main_thread = threading.main_thread()
    stray = [thread for thread in threading.enumerate() if thread is not main_thread and not thread.daemon]
    for thread in stray:
        thread.join(_STRAY_S)
    if any(thread.is_alive() for thread in stray):
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _unprintable(error: OSError) -> int:
    """Stdout is full or gone: what was to be done is done, and who reads may have had enough."""
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115,PTH123  (or the interpreter tries again)
    if isinstance(error, BrokenPipeError):
        return 0
    print(f"roop: the result can't be written to stdout ({error.strerror}); the work itself is done", file=sys.stderr)
    return 9
