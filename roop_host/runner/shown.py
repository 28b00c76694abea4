"""Pictures for people that are no output of a run: checked, written whole or not at all, and published."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from fractions import Fraction
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import gate
from roop_host.errors import UsageError
from roop_host.faces.drawing import MOST_CELLS, Marked, sheet, with_faces
from roop_host.faces.persons import People
from roop_host.faces.tracks import opened_crop
from roop_host.media.info import SRGB, MediaInfo
from roop_host.media.kinds import SUFFIXES, holds_marks, suffix_of
from roop_host.media.marks import Marks
from roop_host.media.output import WorkFolder, save_atomically, unwritable
from roop_host.media.pictures import png
from roop_host.media.pictures.belongings import Belongings
from roop_host.media.pictures.png_out import png_extras
from roop_host.media.pictures.writing import check_still_fits, write_picture
from roop_host.media.publish import publish
from roop_host.runner import chain as chains
from roop_host.runner import exports
from roop_host.runner.files import marks_path
from roop_host.runner.made import Made
from roop_host.runner.state import Run
from roop_host.types.frame import Frame, FrameView
from roop_host.types.objects import Stage
from roop_host.types.people import SeenPerson
from roop_host.types.planes import PixelLayout, over_grey, rgb_pixels

#: What OpenCV writes everywhere; it says nothing in metadata.
_PLAIN = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")


def visible_bgr(frame: FrameView) -> NDArray[np.uint8]:
    """uint8 B, G, R as the gate saw it: what is transparent lies over grey."""
    alpha = frame.alpha()
    return np.ascontiguousarray(frame.bgr() if alpha is None else over_grey(frame.bgr(), alpha))


def check_shown(picture: str) -> None:
    """Raise ``UsageError`` unless ``picture`` is the name of a still picture."""
    suffix = suffix_of(Path(picture))
    if suffix is None or not suffix.still:
        still = (name for name in SUFFIXES if (found := suffix_of(Path(f"x{name}"))) is not None and found.still)
        raise UsageError(
            f"{picture} is to be one picture, so its name ends in one of {', '.join(still)}; choose such a name"
        )


def check_plain(picture: str) -> None:
    """Raise ``UsageError`` unless ``picture`` can be written without metadata."""
    if Path(picture).suffix.lower() not in _PLAIN:
        raise UsageError(
            f"{picture} is to be one picture, so its name ends in one of {', '.join(_PLAIN)}; choose such a name"
        )


def write_synthetic(run: Run, bgr: NDArray[np.uint8], kept: Belongings, changed: Collection[str]) -> None:
    """Write the job's output as a picture that says that it is synthetic, let finishers work on it, and publish it.

    ``changed`` are the names of the steps that changed what it shows.
    """
    output = Path(run.job.output)
    frame = Frame(rgb_pixels(np.ascontiguousarray(bgr[..., ::-1])))
    info = _info(output, bgr)
    check_still_fits(info, output.suffix)
    work = WorkFolder(output, secrets.token_hex())
    try:
        temporary = work.path / f"output{output.suffix}"
        marked = holds_marks(output.suffix)
        if output.suffix.lower() == ".png":
            _write_png_fast(bgr, kept, temporary, run.marks)
        else:
            write_picture(frame, info, temporary, output.suffix, run.job.media, run.marks, kept)
        told = dict.fromkeys((*changed, "preview"), 1)  # it is drawn in any case
        files = exports.finish(run, temporary, output, marked=marked, changed=told)
        if not marked:
            beside = temporary.with_name("marks")
            save_atomically(beside, [run.marks.xmp()])
            files.append((beside, marks_path(output)))
        files.append((temporary, output))
        run.check_cancel()
        run.made = Made.read(files, run.check_cancel)
        publish(files, run.job.media.overwrite)
        run.beside, run.published = tuple(final for _, final in files[:-1]), True
    finally:
        work.remove()


def draw_people(run: Run, found: People, whole: NDArray[np.uint8] | None) -> None:
    """The picture with its faces marked, or a sheet of everybody: screened as all that is shown."""
    if whole is not None:
        drawn = with_faces(whole, [Marked(person.number, person.best.box_xyxy, _lines(person)) for person in found.people])
    else:
        cells = [
            (opened_crop(crop), Marked(person.number, person.best.box_xyxy, (*_where(person), *_lines(person)[1:])))
            for person, crop in zip(found.people, found.crops, strict=True)
        ]
        drawn = sheet(cells)
        if len(cells) > MOST_CELLS:
            run.notices.append(f"{run.job.output} shows the first {MOST_CELLS} of {len(cells)} people")
    frame = Frame(rgb_pixels(np.ascontiguousarray(drawn[..., ::-1])))
    look = partial(gate.Gate(run.after, run.control.cancelled).look, frame, Stage.OUTPUT, f"the picture {run.job.output}")
    run.host.call(look, limit_s=run.job.execution.timeout_s, late=partial(chains.late_screener, run.after))
    _write_plain(run, drawn)


def _lines(person: SeenPerson) -> tuple[str, ...]:
    best = person.best
    angles = (("yaw", best.yaw), ("pitch", best.pitch), ("roll", best.roll))
    pose = "  ".join(f"{name} {angle:.0f}" for name, angle in angles if angle is not None)
    believed = " ".join(filter(None, (person.gender, "" if person.age is None else f"{person.age:.0f}")))
    return (f"{person.number}  position {best.position}  score {best.score:.2f}", *filter(None, (pose, believed)))


def _where(person: SeenPerson) -> tuple[str, ...]:
    best = person.best
    place = best.file or f"frame {best.frame}"
    return (f"{person.number}  {place}, position {best.position}", f"{person.frames} frames, score {best.score:.2f}")


def _write_plain(run: Run, bgr: NDArray[np.uint8]) -> None:
    """Write the job's output as a picture that says nothing: what it shows is not synthetic."""
    output = Path(run.job.output)
    done, packed = cv2.imencode(output.suffix.lower(), bgr)
    if not done:
        raise unwritable(output, OSError("the picture could not be packed"))
    work = WorkFolder(output, secrets.token_hex())
    try:
        temporary = work.path / f"output{output.suffix}"
        save_atomically(temporary, [packed.tobytes()])
        run.check_cancel()
        run.made = Made.read([(temporary, output)], run.check_cancel)
        publish([(temporary, output)], run.job.media.overwrite)
        run.published = True
    finally:
        work.remove()


def _write_png_fast(bgr: NDArray[np.uint8], kept: Belongings, path: Path, marks: Marks) -> None:
    """Larger by a tenth and made in a fraction of the time: who looks at one frame after the other waits for it."""
    done, packed = cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not done:
        raise unwritable(path, OSError("the picture could not be packed"))
    save_atomically(path, [png.with_extras(packed.tobytes(), png_extras(kept, marks, grey=False))])


def _info(output: Path, bgr: NDArray[np.uint8]) -> MediaInfo:
    height, width = bgr.shape[:2]
    layout = PixelLayout("rgb", full_range=True)
    base = Fraction(1)
    return MediaInfo(
        output, "picture", width, height, "png", "picture", pix_fmt="gbrp", layout=layout, time_base=base, colour=SRGB
    )
