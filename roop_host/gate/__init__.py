"""The gate: every picture is looked at by every screener, and anything but a valid low score stops the job."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from itertools import islice
from typing import Any, Literal, TypeGuard, TypeVar

import numpy as np
from numpy.typing import NDArray

from roop_host.errors import ContentBlocked, Interrupted, ScreenerFailed, from_outside, told
from roop_host.gate.answers import checked_inputs, checked_scores
from roop_host.gate.apart import Copies
from roop_host.gate.known import OLDEST_S, Known, LastLook, ShownTime, key_of
from roop_host.types.frame import Frame, FrameView
from roop_host.types.objects import PreparedScreener, Screener, Stage
from roop_host.types.packages import pip
from roop_host.types.planes import field_pixels, over, rgb_pixels
from roop_host.types.report import Refusal, Verdicts

#: No option and no plugin makes the limit laxer than this.
HIGHEST_LIMIT = 0.85
#: What at least one screener must cover before anything is produced.
REQUIRED = "nudity"
#: Levels of grey behind what is transparent: a page, a viewer, and what is written where a format has no alpha.
_BACKDROPS = (0, 128, 255)
_Item = TypeVar("_Item")
_COUNTED = ("looks", "reused", "inherited")


@dataclass(slots=True, eq=False)
class Watcher:
    """One screener at one place of the stream. ``label`` names plugin, distribution and version for people.

    Pictures count once: in ``looks`` where the screener really looked, in ``reused`` where all that it sees of them is bit
    by bit what it had seen, in ``inherited`` where they were near enough to what it saw last (``adaptive`` only). ``known``
    is shared by the places of one job.
    """

    name: str
    label: str
    screener: Screener
    limit: float
    batch_size: int = 1
    adaptive: bool = False
    known: Known = field(default_factory=Known)
    looks: int = 0
    reused: int = 0
    inherited: int = 0
    highest: dict[str, float] = field(default_factory=dict)

    @property
    def counted(self) -> tuple[int, int, int]:
        return self.looks, self.reused, self.inherited

    def standing(self) -> Watcher:
        """A twin that stays as this one stands now."""
        return replace(self, highest=dict(self.highest))


class Gate:
    """Looks at pictures for one stage of the stream, from one thread."""

    def __init__(
        self, watchers: Sequence[Watcher], cancel: threading.Event, *, fields: bool = False, animation: bool = False
    ) -> None:
        """``fields`` is whether pictures are shown field by field, so that each field is looked at by itself too.

        Of an ``animation`` what players show for longer than it says ages as it is shown.
        """
        if not watchers:
            raise no_screener()
        for watcher in watchers:
            if type(watcher.batch_size) is not int or watcher.batch_size < 1:  # an empty loop would be no look at all
                raise ScreenerFailed(
                    f"the screener {watcher.label} asks for batches of {watcher.batch_size}; repair or update it"
                )
        self._watchers, self._cancel, self._fields = tuple(watchers), cancel, fields
        self._copies = tuple(Copies() for _ in watchers)
        self._last: dict[tuple[int, int, int], LastLook] = {}
        self._clock = ShownTime(animation=animation)

    def forget(self) -> None:
        """Nothing is inherited from what was looked at before: a segment begins."""
        self._last.clear()

    def look(self, frame: Frame, stage: Stage, what: str, *, again: bool = False, placed: bool = True) -> None:
        """Raise ``ContentBlocked`` or ``ScreenerFailed`` unless every screener allows ``frame``.

        One with alpha is looked at without its alpha, and over black, grey and white: colours of the one backdrop can hide
        what the others show. ``what`` names the picture for people.
        Each screener gets copies: nobody paints over what another one sees, or what is encoded. What an earlier run has
        looked at and counted is looked at ``again``, and not counted twice. Only what is ``placed`` in a stream has a number
        and a time to tell.
        """
        time = self._clock.of(frame)
        for number, watcher in enumerate(self._watchers):
            counted = watcher.counted
            worst = self._scored(number, watcher, frame, stage, what, time)
            if again:
                watcher.looks, watcher.reused, watcher.inherited = counted
            watcher.highest[stage.value] = max(worst, watcher.highest.get(stage.value, 0.0))
            if worst >= watcher.limit:
                raise _blocked(watcher, frame if placed else None, stage, what, worst)

    def _scored(self, number: int, watcher: Watcher, frame: Frame, stage: Stage, what: str, time: Fraction) -> float:
        """The highest score of the pictures; whatever else comes of asking is a failure of the screener."""
        copies, pictures = self._copies[number], self._pictures(frame)
        try:
            if is_prepared(watcher.screener):
                asked = partial(self._judged, number, watcher, watcher.screener, stage, time)
                return max(asked(place, copies.view(picture)) for place, picture in enumerate(pictures))
            scores: list[float] = []
            for batch in _batches(pictures, watcher.batch_size):
                views = tuple(copies.view(picture, place) for place, picture in enumerate(batch))
                scores += checked_scores(watcher.screener.screen(views, stage), len(views))
            watcher.looks += len(scores)
            return max(scores)
        except BaseException as error:
            if from_outside(error) or (isinstance(error, Interrupted) and self._cancel.is_set()):
                raise
            raise ScreenerFailed(
                f"the screener {watcher.label} gave no valid answer for {what} "
                f"({told(error)}); nothing is produced without one, so repair or update it"
            ) from error

    def _pictures(self, frame: Frame) -> Iterator[Frame]:
        """All that viewers see of ``frame``. Each is made when it is asked for: of a large one all at once would be many."""
        yield frame
        yield from _over_backdrops(frame)
        for number in (0, 1) if self._fields else ():
            alone = _field(frame, number)
            yield alone
            yield from _over_backdrops(alone)

    def _judged(
        self,
        number: int,
        watcher: Watcher,
        screener: PreparedScreener,
        stage: Stage,
        time: Fraction,
        place: int,
        view: FrameView,
    ) -> float:
        """The highest score of what a screener sees of one picture: looked at, known, or bounded by the last look.

        ``time`` is when the frame is shown, in seconds: a picture made of it has none of its own.
        """
        given = checked_inputs(screener.prepare(view))
        keys = [key_of(one, stage.value if screener.by_stage else "") for one in given]
        scores = [watcher.known.score(key) for key in keys]
        asked, inherited = [], False
        for turn, score in enumerate(scores):
            if score is not None:  # as good as looked at now
                self._last[number, place, turn] = LastLook(given[turn], score, time)
            elif self._inherits(watcher, screener, (number, place, turn), given[turn], time):
                scores[turn], inherited = 0.0, True
            else:
                asked.append(turn)
        for turns in _batches(asked, watcher.batch_size):
            answers = checked_scores(screener.judge(tuple(given[turn] for turn in turns), stage), len(turns))
            for turn, answer in zip(turns, answers, strict=True):
                scores[turn] = answer
                watcher.known.note(keys[turn], answer)
                self._last[number, place, turn] = LastLook(given[turn], answer, time)
        watcher.looks += bool(asked)
        watcher.inherited += inherited and not asked
        watcher.reused += not asked and not inherited
        return max(score for score in scores if score is not None)

    def _inherits(
        self, watcher: Watcher, screener: PreparedScreener, where: tuple[int, int, int], given: NDArray[Any], time: Fraction
    ) -> bool:
        """Whether nothing that is so near to what was looked at last can reach the limit, as far as the screener knows."""
        last = self._last.get(where)
        if not watcher.adaptive or last is None or not 0 < time - last.time < OLDEST_S:
            return False
        if (last.given.shape, last.given.dtype) != (given.shape, given.dtype):
            return False
        (most,) = checked_scores([screener.bound(last.score, last.given, given)], 1)
        return most < watcher.limit


def is_prepared(screener: Screener) -> TypeGuard[PreparedScreener]:
    """Not where it says itself how it screens: then it may look at more than what it prepares."""
    return isinstance(screener, PreparedScreener) and type(screener).screen is PreparedScreener.screen


def _batches(items: Iterable[_Item], size: int) -> Iterator[tuple[_Item, ...]]:
    """All of them, each once."""
    rest = iter(items)
    while batch := tuple(islice(rest, size)):
        yield batch


def _blocked(watcher: Watcher, frame: Frame | None, stage: Stage, what: str, score: float) -> ContentBlocked:
    there = None if stage is Stage.SOURCE else frame
    return ContentBlocked(
        f"the screener {watcher.label} stopped the job: {what} scores {score:.2f}, and the limit is "
        f"{watcher.limit:.2f}; nothing was kept",
        Refusal(
            screener=watcher.name,
            distribution=watcher.label,
            stage=stage.value,
            picture=what,
            frame=None if there is None else there.index,
            seconds=None if there is None else round(float(there.time), 3),
            score=round(score, 4),
            limit=watcher.limit,
        ),
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
    """Options and plugins only tighten. Plain numbers, since a class of its own could answer comparisons as it likes."""
    return min(HIGHEST_LIMIT, *map(float, limits))


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
        looks, reused, inherited = (sum(getattr(one, what) for one in group) for what in _COUNTED)
        mode: Literal["every", "adaptive"] = "adaptive" if group[0].adaptive else "every"
        out.append(Verdicts(name, group[0].label, group[0].limit, looks, highest, reused, inherited, mode))
    return tuple(out)


@contextmanager
def counted_apart(watchers: Sequence[Watcher], begun: Sequence[Watcher]) -> Iterator[None]:
    """Within, ``watchers`` go on from where their twins of ``begun`` stand; afterwards they have all that they ever saw."""
    earlier = [watcher.standing() for watcher in watchers]
    for watcher, start in zip(watchers, begun, strict=True):
        watcher.looks, watcher.reused, watcher.inherited = start.counted
        watcher.highest = dict(start.highest)
    try:
        yield
    finally:
        for watcher, start, before in zip(watchers, begun, earlier, strict=True):
            for what in _COUNTED:
                setattr(watcher, what, getattr(before, what) + getattr(watcher, what) - getattr(start, what))
            for stage, score in before.highest.items():
                watcher.highest[stage] = max(score, watcher.highest.get(stage, 0.0))


def told_adaptive(seen: Sequence[Verdicts]) -> tuple[str, ...]:
    """A sentence for each screener that was let inherit verdicts."""
    return tuple(
        f"--screen adaptive: for {one.screener} {one.inherited} of {one.looks + one.reused + one.inherited} pictures were "
        "not looked at, since they were near to one that was"
        for one in seen
        if one.mode == "adaptive"
    )


def snapshot(watchers: Sequence[Watcher]) -> dict[str, Any]:
    """What was seen so far as plain data, for a run that is continued later."""
    return {
        verdict.screener: {
            **{what: getattr(verdict, what) for what in _COUNTED},
            "highest": dict(verdict.highest),
        }
        for verdict in verdicts(watchers)
    }


def recall(watchers: Sequence[Watcher], seen: Mapping[str, Any]) -> None:
    """Let watchers go on from a ``snapshot`` of an earlier run, which looked at the same sources as these did."""
    for watcher in watchers:
        before = seen.get(watcher.name)
        if before is None:
            continue
        for what in _COUNTED:
            setattr(watcher, what, int(before[what]))
        for stage, score in before["highest"].items():
            watcher.highest[stage] = max(score, watcher.highest.get(stage, 0.0))


def _over_backdrops(frame: Frame) -> Iterator[Frame]:
    """What viewers see of a picture with alpha: it may hide or show what the colours alone do not."""
    alpha = frame.alpha()
    if alpha is None:
        return
    for level in _BACKDROPS:
        seen = over(frame.bgr(), alpha, level)
        yield Frame(rgb_pixels(np.ascontiguousarray(seen[..., ::-1])), index=frame.index)


def _field(frame: Frame, field: int) -> Frame:
    """One field of an interlaced picture, which players show by itself."""
    pixels = field_pixels(frame.pixels, field)
    return Frame(pixels, index=frame.index, pts=frame.pts, time_base=frame.time_base, rotation=frame.rotation)
