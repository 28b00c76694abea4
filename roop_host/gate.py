"""The gate: every picture is looked at by every screener, and anything but a valid low score stops the job."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from roop_host.errors import ContentBlocked, Interrupted, ScreenerFailed, from_outside, told
from roop_host.types.frame import Frame, FrameView, let_go
from roop_host.types.objects import Screener, Stage
from roop_host.types.packages import pip
from roop_host.types.planes import over_grey, rgb_pixels
from roop_host.types.report import Verdicts

#: No option and no plugin makes the limit laxer than this.
HIGHEST_LIMIT = 0.85
#: What at least one screener must cover before anything is produced.
REQUIRED = "nudity"


@dataclass(slots=True, eq=False)
class Watcher:
    """One screener at one place of the stream. ``label`` names plugin, distribution and version for people."""

    name: str
    label: str
    screener: Screener
    limit: float
    batch_size: int = 1
    looks: int = 0
    highest: dict[str, float] = field(default_factory=dict)


class Gate:
    """Looks at pictures for one stage of the stream, from one thread."""

    def __init__(self, watchers: Sequence[Watcher], cancel: threading.Event) -> None:
        if not watchers:
            raise no_screener()
        for watcher in watchers:
            if watcher.batch_size < 1:  # an empty loop would be no look at all
                raise ScreenerFailed(
                    f"the screener {watcher.label} asks for batches of {watcher.batch_size}; repair or update it"
                )
        self._watchers, self._cancel = tuple(watchers), cancel

    def look(self, frame: Frame, stage: Stage, what: str) -> None:
        """Raise ``ContentBlocked`` or ``ScreenerFailed`` unless every screener allows ``frame``.

        A picture with alpha is looked at twice: without its alpha, and over grey. ``what`` names the picture for people.
        """
        pictures = [frame, *_over_grey(frame)]
        for watcher in self._watchers:
            views = [picture.view() for picture in pictures]
            try:
                for first in range(0, len(views), watcher.batch_size):
                    self._ask(watcher, views[first : first + watcher.batch_size], stage, what)
            finally:
                let_go(views)

    def _ask(self, watcher: Watcher, views: list[FrameView], stage: Stage, what: str) -> None:
        try:
            scores = watcher.screener.screen(views, stage)
            worst = max(_checked(scores, len(views)))
        except BaseException as error:
            if from_outside(error) or (isinstance(error, Interrupted) and self._cancel.is_set()):
                raise
            raise ScreenerFailed(
                f"the screener {watcher.label} gave no valid answer for {what} "
                f"({told(error)}); nothing is produced without one, so repair or update it"
            ) from error
        watcher.looks += len(views)
        watcher.highest[stage.value] = max(worst, watcher.highest.get(stage.value, 0.0))
        if worst >= watcher.limit:
            raise ContentBlocked(
                f"the screener {watcher.label} stopped the job: {what} scores {worst:.2f}, and the limit is "
                f"{watcher.limit:.2f}; nothing was kept"
            )


def require_cover(covers: Sequence[frozenset[str]]) -> None:
    """Raise ``ScreenerFailed`` unless one of the installed screeners covers what must be covered."""
    if not any(REQUIRED in cover for cover in covers):
        raise no_screener()


def no_screener() -> ScreenerFailed:
    return ScreenerFailed(
        f"no installed screener covers {REQUIRED}, and nothing is produced unscreened; "
        f"install one: {pip('install', 'roop-nsfw')}"
    )


def effective_limit(*limits: float) -> float:
    """Options and plugins only tighten."""
    return min(HIGHEST_LIMIT, *limits)


def verdicts(watchers: Sequence[Watcher]) -> tuple[Verdicts, ...]:
    """The looks of all places of the stream, added up by screener."""
    by_name: dict[str, list[Watcher]] = {}
    for watcher in watchers:
        by_name.setdefault(watcher.name, []).append(watcher)
    out = []
    for name, group in by_name.items():
        highest: dict[str, float] = {}
        for watcher in group:
            for stage, score in dict(watcher.highest).items():
                highest[stage] = max(round(score, 4), highest.get(stage, 0.0))
        out.append(Verdicts(name, group[0].label, group[0].limit, sum(w.looks for w in group), highest))
    return tuple(out)


def snapshot(watchers: Sequence[Watcher]) -> dict[str, Any]:
    """What was seen so far as plain data, for a run that is continued later."""
    return {verdict.screener: {"looks": verdict.looks, "highest": dict(verdict.highest)} for verdict in verdicts(watchers)}


def recall(watchers: Sequence[Watcher], seen: Mapping[str, Any]) -> None:
    """Add a ``snapshot`` of an earlier run to watchers that begin."""
    for watcher in watchers:
        before = seen.get(watcher.name, {"looks": 0, "highest": {}})
        watcher.looks += before["looks"]
        for stage, score in before["highest"].items():
            watcher.highest[stage] = max(score, watcher.highest.get(stage, 0.0))


def _checked(scores: Any, count: int) -> list[float]:
    if scores is None or isinstance(scores, (str, bytes)):
        raise ValueError(f"it returned {scores!r}, not one score per picture")
    answers = list(scores)
    if len(answers) != count:
        raise ValueError(f"it returned {len(answers)} scores for {count} pictures")
    for answer in answers:
        if isinstance(answer, (bool, np.bool_)) or not isinstance(answer, (int, float, np.floating, np.integer)):
            raise ValueError(f"the score {answer!r} is not a number")
        if not math.isfinite(answer) or not 0 <= answer <= 1:
            raise ValueError(f"the score {answer!r} is not in 0..1")
    return [float(answer) for answer in answers]


def _over_grey(frame: Frame) -> list[Frame]:
    """What a viewer sees of a picture with alpha: it may hide or show what the colours alone do not."""
    alpha = frame.alpha()
    if alpha is None:
        return []
    seen = over_grey(frame.bgr(), alpha)
    return [Frame(rgb_pixels(np.ascontiguousarray(seen[..., ::-1])), index=frame.index)]
