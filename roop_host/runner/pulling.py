"""Models that a job needs and that are not here yet: fetched before anything is loaded, in sight and stoppable."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from roop_host.host import Progress
from roop_host.runner.state import Run
from roop_host.types.models import ModelSpec

if TYPE_CHECKING:
    from roop_host.models.pulling import Download


def pull_missing(run: Run, models: Iterable[ModelSpec]) -> None:
    """Each in the precision that was asked for. Raises ``ModelError`` for one that can't be had; ``Interrupted``."""
    store = run.host.store(run.job.execution)
    missing = run.host.to_fetch(models, run.job.execution)
    unasked = [model for model in missing if model not in run.agreed]
    if unasked and not store.offline:
        run.host.may_fetch(unasked)

    def on_begin(download: Download) -> None:
        logging.getLogger("roop").warning("%s", download.told)

    def on_bytes(done: int, total: int) -> None:
        run.on_progress(Progress("models", done, total, 0.0, 0, unit="bytes"))

    store.pull_all(missing, on_begin=on_begin, on_bytes=on_bytes, cancel=run.control.cancelled)
