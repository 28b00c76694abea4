"""What the plugin declares. Light: everything heavy is imported by a record's ``load``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from roop_host import ProcessorSpec, hookimpl
from roop_provenance.options import Options

if TYPE_CHECKING:
    from roop_host import Processor

ROOP_API = 1
ROOP_OPTIONS = Options


def _load_label() -> Callable[[], Processor]:
    from roop_provenance.label import Label

    return Label


@hookimpl
def roop_processors() -> Iterable[ProcessorSpec]:
    """The step ``label``, which ``--provenance-label`` adds."""
    yield ProcessorSpec(
        name="label",
        summary="Says on the picture that it is synthetic",
        load=_load_label,
        needs_faces=False,
        source_type="humanEdits",
        added_by="label",
    )
