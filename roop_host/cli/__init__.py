"""The command line: one of the doors to a job, with no rule of its own.

Nothing heavy is imported before a job runs: ``roop --help`` must stay fast with any number of plugins.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

_STRAY_S = 2.0


def main() -> None:
    """The console script."""
    # Until a job begins there is nothing to clean up, and SIGTERM may end the command as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _open_streams()
    try:
        code = _call(sys.argv[1:])
    except KeyboardInterrupt:
        _say("stopped before the work began; nothing was written")
        code = 130
    except ImportError as error:  # of a package that the command line itself rests on
        _say(f"{error.name or 'a package'} can't be imported ({error}); install roop-host again, it brings what it needs")
        code = 1
    _leave(code)


def _call(words: list[str]) -> int:
    if words == ["--version"]:  # answered before anything is imported
        from roop_host import __version__
        from roop_host.cli.streams import printing

        return printing(0, lambda: print(f"roop {__version__}"))
    from roop_host.cli.app import call

    return call(words)


def _open_streams() -> None:
    """Whoever started this may have closed them; what is printed is lost then, and the work is done all the same."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115,PTH123  (for the whole process)


def _say(text: str) -> None:
    try:
        print(f"roop: {text}", file=sys.stderr)
    except OSError:  # nobody hears it; the exit code still tells
        return


def _leave(code: int) -> None:
    """End the process, also where a stream is full or a plugin left a thread that would keep it alive for ever."""
    from roop_host.cli.streams import flush

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # all is done and told
    code = flush(code)
    main_thread, until = threading.main_thread(), time.monotonic() + _STRAY_S
    stray = [thread for thread in threading.enumerate() if thread is not main_thread and not thread.daemon]
    for thread in stray:
        thread.join(max(0.0, until - time.monotonic()))
    if any(thread.is_alive() for thread in stray):
        os._exit(code)
    sys.exit(code)
