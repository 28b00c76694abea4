"""The command that does again what has failed, to paste."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from roop_host.runner.state import Part, Run
from roop_host.types.options import plain
from roop_host.types.uploads import Uploader


def command_to_send(run: Run, files: Sequence[Path], parts: Sequence[Part[Uploader]]) -> str:
    """Sends these files by these uploaders, with the options that they have in this job."""
    words = ["roop", "upload", *map(str, files), "--to", ",".join(part.name for part in parts), *_options(run, parts)]
    return shlex.join(words) if os.name == "posix" else subprocess.list2cmdline(words)


def _options(run: Run, parts: Sequence[Part[Uploader]]) -> Iterator[str]:
    """No option holds a secret: those come from the environment or a keyring."""
    plugins = {part.declared.plugin.name: part for part in parts}
    for name, part in plugins.items():
        if not part.declared.plugin.installed:
            yield from ("--plugin", part.declared.plugin.where)
        for option in run.host.plugins.options.get(name, ()):
            value = part.values.get(option.name)
            if value is not None and value != plain(option.default):
                yield from option.said(value)
