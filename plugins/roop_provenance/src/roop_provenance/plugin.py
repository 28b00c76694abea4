"""What the plugin declares. Light: everything heavy is imported by a record's ``load``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from roop_host import CommandSpec, hookimpl
from roop_provenance.options import Options

ROOP_API = 1
ROOP_OPTIONS = Options


def _load_verify() -> Callable[[Sequence[str]], int]:
    from roop_provenance.verify import verify

    return verify


@hookimpl
def roop_commands() -> Iterable[CommandSpec]:
    yield CommandSpec(name="verify", summary="What a file says of where it comes from", load=_load_verify)
