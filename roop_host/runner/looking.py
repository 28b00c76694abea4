"""Who is seen in a target: every frame is screened and looked at, and of each face the best picture is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from roop_host import gate
from roop_host.errors import NoFaceError, UsageError
from roop_host.faces.likeness import unit
from roop_host.faces.merging import merged
from roop_host.faces.ordering import ordered
from roop_host.faces.persons import Compared, people_of
from roop_host.faces.tracks import Track, crop_of, position_among, quality_of, sighting_of
from roop_host.host import Control, Host
from roop_host.media.pictures.reading import read_picture
from roop_host.media.reading.places import first_used
from roop_host.pipeline.run import StageSpec
from roop_host.pipeline.segmenting import Message
from roop_host.runner import chain as chains
from roop_host.runner import failing, ready, report_of
from roop_host.runner.files import check_files
from roop_host.runner.forms import form_seen
from roop_host.runner.lookers import NOBODY, how_to_tell_apart, lookers
from roop_host.runner.places import check_places
from roop_host.runner.resolve import Names
from roop_host.runner.shown import check_plain, draw_people, visible_bgr
from roop_host.runner.source_faces import Album, Pictures, look_at_pictures
from roop_host.runner.state import OnProgress, Run
from roop_host.runner.targets import Reader, opened, reader_of
from roop_host.types.faces import Face
from roop_host.types.frame import Frame, FrameView, let_go
from roop_host.types.job import Job, MediaOptions, Order, check
from roop_host.types.objects import Stage
from roop_host.types.people import Look, Looked
from roop_host.types.window import Segment

_NOWHERE = "faces.png"
_ENDLESS = 2**62


def look_at(host: Host, job: Job, look: Look, control: Control, on_progress: OnProgress) -> Looked:
    """Raises ``NoFaceError`` where nobody is seen, and what screening raises."""
    check(job)
    _check(look)
    told = job.media
    media = MediaOptions(
        trim_start=told.trim_start,
        trim_end=told.trim_end,
        deinterlace=told.deinterlace,
        folder=told.folder,
        salvage=told.salvage,
        overwrite=look.overwrite,
    )
    likes = job.references
    bare = replace(job, sources=(), references=(), pairs=(), steps=(), exports=(), uploads=(), media=media)
    run = Run(replace(bare, output=look.drawn or _NOWHERE), host, control, on_progress, only_looks=True)
    with failing(run):
        pictures = look_at_pictures(replace(bare, sources=likes), NOBODY)
        with ready(run, partial(_names, look, bool(likes)), partial(_settle_output, look)):
            looked = _looked(run, look, likes, pictures)
        run.require_made()
        return looked


def _check(look: Look) -> None:
    for flag, value, least in (("--every", look.every, 1), ("--max-frames", look.most, 0)):
        if type(value) is not int or value < least:
            raise UsageError(f"{flag} takes a whole number ({least} or more), not {value!r}")
    if look.order not in get_args(Order):
        raise UsageError(f"--order takes one of {', '.join(get_args(Order))}, not {look.order!r}")


def _names(look: Look, compares: bool, run: Run) -> Names:
    names = lookers(run, compare="--like, which compares faces," if compares else "")
    if look.drawn:
        check_plain(look.drawn)
        check_files(run.job, names)
    return names


def _settle_output(look: Look, run: Run, names: Names) -> None:
    run.form = form_seen(run.target)
    if look.drawn:
        check_places(run.job, names, "picture", run.target.items)


def _looked(run: Run, look: Look, likes: tuple[str, ...], pictures: Pictures) -> Looked:
    assert run.analyser is not None
    album = Album(run, pictures)
    compared = _compared(album, likes)
    seen = _Seen(run, look)
    if run.target.streams:
        _through(run, look, seen)
    else:
        _one_by_one(run, look, seen, album)
    if not seen.tracks:
        raise NoFaceError(_nobody(run))
    limits = run.analyser.declared.spec.recognisers
    run.check_cancel()
    found = people_of(seen.tracks, seen.together, limits, compared, by_place=run.form == "picture")
    if found.recogniser is None and run.form != "picture":
        run.notices.append(
            "people are not told apart: a face that comes back after a cut counts as another person, and nobody can be "
            f"looked for; {how_to_tell_apart(run.analyser.declared)}"
        )
    run.check_cancel()
    if look.drawn:
        draw_people(run, found, seen.whole)
    return Looked(
        target=run.job.target,
        kind=run.target.kind,
        width=run.size[0],
        height=run.size[1],
        frames=run.counts.frames,
        frames_with_face=run.counts.with_face,
        people=found.people,
        order=look.order,
        recogniser=found.recogniser,
        alike=found.alike,
        drawn=look.drawn or None,
        report=report_of(run, status="done", exit_code=0),
    )


def _nobody(run: Run) -> str:
    count, target = run.counts.frames, run.job.target
    where = f"in {target}"
    if run.form != "picture":
        what = "frame" if run.target.streams else "page" if run.target.kind == "pages" else "picture"
        where = f"in the only {what} of {target} that was" if count == 1 else f"in the {count} {what}s of {target} that were"
        where += " looked at"
    return f"no face was found {where}; take a picture or a part that shows one, or lower what the analyser asks of a face"


def _compared(album: Album, likes: tuple[str, ...]) -> Compared:
    found: dict[str, NDArray[np.float32]] = {}
    for text in likes:
        face = merged(album.faces_of(text, "reference")).face
        if face.embedding is not None:
            found[text] = unit(face.embedding)
    return found


@dataclass(slots=True, eq=False)
class _Seen:
    """What was seen so far. ``whole`` is the last picture that stood alone, for drawing in it."""

    run: Run
    look: Look
    tracks: list[Track] = field(default_factory=list)
    together: set[tuple[int, int]] = field(default_factory=set)
    whole: NDArray[np.uint8] | None = None
    _number_of: dict[int, int] = field(default_factory=dict)

    def note(self, view: FrameView, faces: list[Face], frame: int, time_s: float, *, alone: bool, file: str = "") -> None:
        """The faces of one frame, which is the target's number ``frame``. The ids of one that is ``alone`` mean nothing."""
        self.run.counts.frames += 1
        self.run.counts.with_face += bool(faces)
        if alone:
            self._number_of.clear()
        numbers = [self._track(face, frame, time_s) for face in faces]
        self.together.update((min(pair), max(pair)) for pair in combinations(numbers, 2))
        quality = [quality_of(face, view.width, view.height) for face in faces]
        better = [n for n in range(len(faces)) if self.tracks[numbers[n]].wants(quality[n])]
        if not better:
            return
        counted = ordered(faces if alone else self._as_reference(view), self.look.order)
        for n in better:
            place = position_among(faces[n], counted)
            track = self.tracks[numbers[n]]
            if place is None:
                track.missed()
                if track.best is not None:
                    continue
            # A frame that as a reference would not show the face serves until there is one that does.
            track.quality = quality[n] if place is not None else 0.0
            among = place if place is not None else ordered(faces, self.look.order).index(faces[n])
            track.best = sighting_of(faces[n], frame, round(time_s, 3), among, file)
            track.crop = crop_of(visible_bgr(view), faces[n].box_xyxy)

    def _track(self, face: Face, frame: int, time_s: float) -> int:
        number = self._number_of.get(face.id)
        if number is None:
            number = self._number_of[face.id] = len(self.tracks)
            self.tracks.append(Track(frame, time_s))
        self.tracks[number].note(face, frame, time_s)
        return number

    def _as_reference(self, view: FrameView) -> list[Face]:
        """The faces as a run finds them that is told this frame: positions count among these."""
        assert self.run.analyser is not None
        return list(self.run.call(self.run.analyser, self.run.analyser.item.analyse_picture, view))


def _through(run: Run, look: Look, seen: _Seen) -> None:
    """A clip, an animation or a folder of frames: as a stream, its faces followed from frame to frame."""
    analyser = run.analyser
    assert analyser is not None
    door = gate.Gate(run.before, run.control.cancelled)
    begin_s = run.target.begin_s
    with reader_of(run) as reader:
        offset = _offset(run)
        begun = False

        def screen(message: Message) -> Iterator[Message]:
            if isinstance(message, Frame):
                door.look(message, Stage.TARGET, f"target frame {message.index + offset} at {float(message.time):.2f} s")
                yield message

        def analyse(message: Message) -> Iterator[Message]:
            nonlocal begun
            if isinstance(message, Frame):
                if not begun:
                    analyser.attributed(analyser.item.start)(Segment(0, 0, _ENDLESS))
                    begun = True
                view = message.view()
                try:
                    found = list(analyser.attributed(analyser.item.analyse, chains.at((message,)))(view))
                    time_s = float(reader.origin - begin_s + message.time)
                    seen.note(view, found, message.index + offset, time_s, alone=False)
                finally:
                    let_go((view,))
            yield from ()

        stages = [
            chains.watched(run, "screen target", screen, run.before),
            StageSpec("analyse", analyse, late=analyser.late, pulses=run.host.pulses_of((analyser.item,))),
        ]
        chains.execute(run, partial(_chosen, run, look, reader), stages)
        run.notices += reader.notices


def _chosen(run: Run, look: Look, reader: Reader) -> Iterator[Frame]:
    """One frame of every ``look.every``, and at most ``look.most`` of them."""
    taken = 0
    for frame in reader.frames(cancel=run.control.cancelled):
        if frame.index % look.every:
            continue
        yield frame
        taken += 1
        if taken == look.most:
            return


def _offset(run: Run) -> int:
    """The number in the target itself of the first frame that is used."""
    number = first_used(run.target)
    if number is not None:
        return number
    start = run.target.reading.start
    info = replace(run.target, reading=replace(run.target.reading, start=None, end=None))
    with opened(run, info) as reader:
        for frame in reader.frames(cancel=run.control.cancelled):
            if reader.origin - info.begin_s + frame.time >= (start or 0):
                return frame.index
    return 0


def _one_by_one(run: Run, look: Look, seen: _Seen, album: Album) -> None:
    """A picture, the pages of a TIFF, or pictures of a folder: each stands alone."""
    items = run.target.items or (run.target,)
    chosen = range(0, len(items), look.every)
    for number in chosen[: look.most or None]:
        run.check_cancel()
        item = items[number]
        frame = read_picture(item)
        frame.index = number
        file = Path(item.path).name if run.target.kind == "folder" else ""
        album.screen(frame, Stage.TARGET, chains.still_name(item), placed=chains.is_placed(run))
        faces = [replace(face, id=place) for place, face in enumerate(album.analyse(frame))]
        seen.note(frame, faces, number, 0.0, alone=True, file=file)
        seen.whole = visible_bgr(frame) if run.form == "picture" and look.drawn else None
