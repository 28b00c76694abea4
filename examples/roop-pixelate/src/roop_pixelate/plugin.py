"""What the plugin declares. Light: everything heavy is imported by a record's ``load``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from roop_host import ProcessorSpec, hookimpl

from roop_pixelate.options import MOST_HELD, Options

if TYPE_CHECKING:
    from roop_host import Processor

ROOP_API = 1
ROOP_OPTIONS = Options


def _load() -> Callable[[], Processor]:
    from roop_pixelate.processor import Pixelate

    return Pixelate


@hookimpl
def roop_processors() -> Iterable[ProcessorSpec]:
    """The step ``pixelate``. It makes nothing up, so it is the least that can be said of an edit."""
    yield ProcessorSpec(
        name="pixelate",
        summary="A mosaic over the faces of those who are not chosen",
        load=_load,
        lookbehind=MOST_HELD,
        lookahead=MOST_HELD,
        source_type="humanEdits",
    )
