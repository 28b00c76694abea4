"""What the plugin declares. Light: everything heavy is imported by a record's ``load``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from roop_host import CommandSpec, ExporterSpec, ProcessorSpec, hookimpl
from roop_provenance.options import Options

if TYPE_CHECKING:
    from roop_host import Finisher, Processor

ROOP_API = 1
ROOP_OPTIONS = Options


def _load_provenance() -> Callable[[], Finisher]:
    from roop_provenance.finisher import Provenance

    return Provenance


def _load_verify() -> Callable[[Sequence[str]], int]:
    from roop_provenance.verify import verify

    return verify


def _load_label() -> Callable[[], Processor]:
    from roop_provenance.label import Label

    return Label


@hookimpl
def roop_exporters() -> Iterable[ExporterSpec]:
    yield ExporterSpec(
        name="provenance",
        summary="Content Credentials (C2PA) in every output; only --provenance-timestamp-url uses the network",
        role="finisher",
        load=_load_provenance,
        suffixes=(".c2pa",),
        network="timestamp_url",
        rests_on=("c2pa",),
    )


@hookimpl
def roop_commands() -> Iterable[CommandSpec]:
    yield CommandSpec(name="verify", summary="What a file says of where it comes from", load=_load_verify)


@hookimpl
def roop_processors() -> Iterable[ProcessorSpec]:
    """The step ``label``, which ``--provenance-label`` adds."""
    yield ProcessorSpec(
        name="label",
        summary="Says on the picture that it is synthetic",
        load=_load_label,
        needs_faces=False,
        source_type="compositeSynthetic",
        added_by="label",
    )
