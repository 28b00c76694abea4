"""What the plugin declares. Light: everything heavy is imported by a record's ``load``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from roop_host import CommandSpec, ExporterSpec, hookimpl
from roop_provenance.options import Options

if TYPE_CHECKING:
    from roop_host import Finisher

ROOP_API = 1
ROOP_OPTIONS = Options


def _provenance() -> Callable[[], Finisher]:
    from roop_provenance.finisher import Provenance

    return Provenance


@hookimpl
def roop_exporters() -> Iterator[ExporterSpec]:
    yield ExporterSpec(
        name="provenance",
        summary="Content Credentials (C2PA) in every output; only --provenance-timestamp-url uses the network",
        role="finisher",
        load=_provenance,
        suffixes=(".c2pa",),
        network=True,
    )


def _load_verify() -> Callable[[Sequence[str]], int]:
    from roop_provenance.verify import verify

    return verify


@hookimpl
def roop_commands() -> Iterable[CommandSpec]:
    yield CommandSpec(name="verify", summary="What a file says of where it comes from", load=_load_verify)
