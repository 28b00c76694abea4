"""Whose faces are looked for: people of reference pictures, or one of a frame of the target."""

from __future__ import annotations

from pathlib import Path

from roop_host.errors import NoFaceError, PluginError, UsageError
from roop_host.faces.merging import merged
from roop_host.faces.ordering import ordered
from roop_host.media.info import MediaInfo
from roop_host.media.pictures.folders import folder_of
from roop_host.media.pictures.reading import read_picture
from roop_host.media.reading.probe import probe
from roop_host.media.reading.timing import as_read, reading_of
from roop_host.runner.casting import cast_of
from roop_host.runner.matching import Wanted
from roop_host.runner.selection import People
from roop_host.runner.source_faces import Album
from roop_host.runner.state import Put, Run
from roop_host.runner.targets import opened
from roop_host.types.frame import Frame
from roop_host.types.job import MediaOptions
from roop_host.types.objects import Stage
from roop_host.types.report import Person


def frame_of_target(run: Run) -> Frame | None:
    """The frame that shows who is looked for, as the target itself has it: before trimming, and at its own rate and size.

    None where the job asks for none. Raises ``UsageError`` for one beyond the end, ``InputError``.
    """
    faces, target = run.job.faces, run.target
    if faces.reference_position is None:
        return None
    number = faces.reference_frame
    if run.form in ("picture", "pages", "pictures"):
        pictures = target.items or (target,)
        if number >= len(pictures):
            raise _beyond(run, len(pictures))
        return read_picture(pictures[number])
    info = _own_info(run)
    with opened(run, info) as reader:
        frame = next(reader.frames(number, cancel=run.control.cancelled), None)
    if frame is None or frame.index != number:
        raise _beyond(run, info.frames)
    return frame


def read_people(run: Run, album: Album, shown: Frame | None) -> People:
    """Whom the selection is about. ``shown`` is what ``frame_of_target`` gave. Every picture is screened first.

    Raises ``UsageError`` or ``NoFaceError`` for what does not show who is meant.
    """
    analyser = run.analyser
    if analyser is None:
        for text in cast_of(run.job).references:
            album.faces_of(text, "reference")
        return People()
    genders = tuple(source.face.gender for source in run.sources)
    if run.job.faces.gender == "source":
        for source, gender in zip(run.sources, genders, strict=True):
            if gender is None:
                raise UsageError(
                    f"the gender of the source {source.name} is not known; say --face-selector-gender female or male"
                )
    wanted = [_wanted(run, album, role.references, role.source) for role in cast_of(run.job).roles]
    if shown is not None:
        wanted.append(_in_frame(run, album, shown))
    for one in wanted:
        if one.face.embedding is None:
            raise PluginError(
                f"the {analyser.label} gave no embedding of the reference {one.name}, so nobody can be found by it; "
                "use another analyser"
            )
    return People(genders, tuple(wanted), analyser.declared.spec.recognisers)


def told_people(run: Run) -> tuple[Person, ...]:
    """For the report: each source in the order of their numbers."""
    out = []
    texts = cast_of(run.job).sources if run.sources else ()
    for number, names in enumerate(texts):
        put = run.counts.people.get(number, Put())
        found = tuple(one.name for one in run.people.wanted if one.source == number)
        mean, best = (put.total / put.compared, put.best) if put.compared else (None, None)
        rounded = (None if one is None else round(one, 3) for one in (mean, best))
        out.append(Person(", ".join(names), found, put.frames, *rounded))
    return tuple(out)


def _wanted(run: Run, album: Album, texts: tuple[str, ...], source: int | None) -> Wanted:
    return Wanted(", ".join(texts), source, merged(album.person(texts, "reference"), run.job.faces.merge).face)


def _in_frame(run: Run, album: Album, frame: Frame) -> Wanted:
    number, position = run.job.faces.reference_frame, run.job.faces.reference_position or 0
    name = f"frame {number} of {run.job.target}"
    album.screen(frame, Stage.TARGET, name)
    found = ordered(album.analyse(frame), run.job.faces.order)
    if not found:
        raise NoFaceError(f"{name} shows no face, so nobody of it can be looked for; say another --reference-frame-number")
    if position >= len(found):
        shows = "1 face" if len(found) == 1 else f"{len(found)} faces"
        raise UsageError(f"{name} shows {shows}, counted from 0, so there is no face {position}; say another position")
    return Wanted(f"face {position} in {name}", 0 if run.job.sources else None, found[position])


def _beyond(run: Run, count: int | None) -> UsageError:
    has = f" (it has {count}, counted from 0)" if count else ""
    return UsageError(
        f"{run.job.target} has no frame {run.job.faces.reference_frame}{has}; say another --reference-frame-number"
    )


def _own_info(run: Run) -> MediaInfo:
    """The target with all its frames, in their own time and size."""
    media = run.job.media
    reading = reading_of(MediaOptions(deinterlace=media.deinterlace, salvage=media.salvage))
    path = Path(run.job.target)
    info = folder_of(path, "frames", reading).info if path.is_dir() else probe(path)
    return as_read(info, reading)
