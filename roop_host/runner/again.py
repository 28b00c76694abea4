"""The command that does again what has failed, to paste."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from roop_host.runner.state import Part, Run
from roop_host.types.job import job_fields
from roop_host.types.uploads import Uploader


def command_to_send(run: Run, files: Sequence[Path], parts: Sequence[Part[Uploader]]) -> str:
    """Sends these files by these uploaders, with the options that they have in this job."""
    off = (status for status in run.host.plugins.statuses if status.state == "off" and status.installed)
    without = (word for status in off for word in ("-p", f"no:{status.name}"))
    to = ",".join(part.name for part in parts)
    words = ["roop", *without, "upload", *map(str, files), "--to", to, *_timeout(run), *_options(run, parts)]
    return shlex.join(words) if os.name == "posix" else subprocess.list2cmdline(words)


def _timeout(run: Run) -> tuple[str, ...]:
    option = next(field for field in job_fields() if field.key == "timeout")
    timeout_s = run.job.execution.timeout_s
    return () if timeout_s == option.default else option.said(f"{timeout_s:.15g}")


def _options(run: Run, parts: Sequence[Part[Uploader]]) -> Iterator[str]:
    """All that the job holds: a default that was said may stand against a file. No option holds a secret."""
    plugins = {part.declared.plugin.name: part for part in parts}
    for name, part in plugins.items():
        if not part.declared.plugin.installed:
            yield from ("--plugin", part.declared.plugin.where)
        for option in run.host.plugins.options.get(name, ()):
            if option.name in part.values:
                value = option.read(part.values[option.name], option.flag)
                yield from option.said("" if value is None else value)
