"""The faces of source and reference pictures, and of people that were saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from roop_host import gate
from roop_host.errors import NoFaceError, UsageError
from roop_host.faces.likeness import similarity
from roop_host.faces.merging import merged
from roop_host.faces.saved import is_saved, load, name_in
from roop_host.media.info import MediaInfo
from roop_host.media.pictures.reading import read_picture
from roop_host.media.reading.probe import probe
from roop_host.runner.casting import cast_of
from roop_host.runner.chain import late_screener
from roop_host.runner.resolve import Names
from roop_host.runner.state import Run
from roop_host.types.faces import Face
from roop_host.types.frame import Frame, let_go
from roop_host.types.job import Job
from roop_host.types.objects import SourceFace, Stage
from roop_host.types.planes import rgb_pixels

#: From which on two pictures count as of one person: as likely as not.
_SAME = 0.5
#: What the picture files are that a job names, by the text that names them; saved faces are none.
Pictures = Mapping[str, MediaInfo]


def look_at_pictures(job: Job, names: Names) -> Pictures:
    """What the files are of sources and references. Raises ``UsageError`` for none where one is needed, and for what is no
    picture; also for saved faces that are not there, and ``InputError`` for damaged ones.
    """
    cast = cast_of(job)
    if not cast.sources and any(declared.spec.needs_source for _, declared in names.steps):
        raise UsageError("a step needs a source face; name a picture of it with --source")
    infos: dict[str, MediaInfo] = {}
    named = [("source", text) for texts in cast.sources for text in texts]
    for what, text in (*named, *(("reference", text) for text in cast.references)):
        if is_saved(text):
            load(name_in(text))
        elif text not in infos:
            infos[text] = probe(Path(text))
            if infos[text].kind != "picture":
                raise UsageError(f"the {what} {text} is a {infos[text].kind}; a {what} is a picture of a face")
    return infos


class Album:
    """Pictures of people, each read, screened and looked at once."""

    def __init__(self, run: Run, infos: Pictures) -> None:
        self._run, self._infos = run, infos
        self._door = gate.Gate(run.before, run.control.cancelled)
        #: By text and by what it is asked for: as a source a picture has to show other things than as a reference.
        self._known: dict[tuple[str, str], tuple[SourceFace, ...]] = {}
        self._looked: dict[str, tuple[Frame, list[Face]]] = {}
        self._screened: set[str] = set()

    def person(self, texts: Sequence[str], what: str) -> list[SourceFace]:
        """All pictures of somebody. Who looks like somebody else among them is told in the notices."""
        pictures = [picture for text in texts for picture in self.faces_of(text, what)]
        analyser = self._run.analyser
        if analyser is not None:
            self._run.notices += _told_of_others(pictures, analyser.declared.spec.recognisers)
        return pictures

    def faces_of(self, text: str, what: str) -> tuple[SourceFace, ...]:
        """One for a picture, several for a saved face, none where no step looks at faces. Raises ``NoFaceError``."""
        if (text, what) not in self._known:
            self._run.check_cancel()
            self._known[text, what] = self._saved(text, what) if is_saved(text) else self._seen(text, what)
        return self._known[text, what]

    def screen(self, frame: Frame, stage: Stage, what: str, *, placed: bool = True) -> None:
        """Raise ``ContentBlocked`` or ``ScreenerFailed`` unless every screener allows the picture."""
        look = partial(self._door.look, frame, stage, what, placed=placed)
        self._run.host.call(look, limit_s=self._run.job.execution.timeout_s, late=partial(late_screener, self._run.before))

    def analyse(self, frame: Frame) -> list[Face]:
        """The faces of a picture that was screened; none where no step looks at faces."""
        analyser = self._run.analyser
        if analyser is None:
            return []
        view = frame.view()  # what steps get of a source is what was screened
        try:
            return list(self._run.call(analyser, analyser.item.analyse_picture, view))
        finally:
            let_go((view,))

    def _seen(self, text: str, what: str) -> tuple[SourceFace, ...]:
        """The largest face of a picture, which is screened before anything looks for a face in it."""
        if text not in self._looked:
            frame = read_picture(self._infos[text])
            self.screen(frame, Stage.SOURCE, f"the {what} {text}")
            self._looked[text] = frame, self.analyse(frame)
        frame, found = self._looked[text]
        if self._run.analyser is None:
            return ()
        if not found:
            raise NoFaceError(f"no face was found in the {what} {text}; take a picture that shows a face from the front")
        if len(found) > 1:
            taken = "looked for" if what == "reference" else "taken"
            self._run.notices.append(f"the {what} {text} shows {len(found)} faces; the largest is {taken}")
        return (SourceFace(text, frame.bgr(), max(found, key=lambda face: face.area)),)

    def _saved(self, text: str, what: str) -> tuple[SourceFace, ...]:
        """A saved face's pictures; they are screened as if they were new."""
        name = name_in(text)
        saved = load(name, recogniser=self._run.recogniser)
        for picture in () if text in self._screened else saved.pictures:
            frame = Frame(rgb_pixels(np.ascontiguousarray(picture.bgr[..., ::-1])))
            self.screen(frame, Stage.SOURCE, f"the saved face {name}")
        self._screened.add(text)
        if self._run.analyser is None:
            return ()
        needs = {"embedding"} if what == "reference" else self._run.step_needs
        again = f"save it again: roop faces save {name} PICTURE --overwrite"
        for picture in saved.pictures:
            lacking = sorted(need for need in needs if getattr(picture.face, need, True) is None)
            if "embedding" in lacking:
                known = f"is known by {', '.join(saved.recognisers)}" if saved.recognisers else "has no embedding"
                this = f", and this job's recogniser is {self._run.recogniser}" if self._run.recogniser else ""
                raise UsageError(f"the saved face {name} {known}{this}; {again}")
            if lacking:
                raise UsageError(f"the saved face {name} lacks what a step needs ({', '.join(lacking)}); {again}")
        return saved.pictures


def read_sources(run: Run, album: Album) -> tuple[SourceFace, ...]:
    """The people of the sources, each made of all pictures of that person. Raises ``NoFaceError`` for one without a face."""
    people = []
    for texts in cast_of(run.job).sources:
        pictures = album.person(texts, "source")
        if pictures:
            people.append(merged(pictures, run.job.faces.merge))
    return tuple(people)


def _told_of_others(pictures: Sequence[SourceFace], limits: Mapping[str, float]) -> Iterator[str]:
    """A notice for each picture that is like none of those that are of one person: most look like the first of these."""
    known = [one for one in pictures if one.face.embedding is not None]
    if len({one.face.recogniser for one in known}) != 1:
        return
    alike = [[similarity(one.face, other.face, limits) or 0.0 for other in known] for one in known]
    first = max(range(len(known)), key=lambda number: sum(alike[number]))
    same, waiting = [first], [number for number in range(len(known)) if number != first]
    for one in same:
        joining = [number for number in waiting if alike[one][number] >= _SAME]
        same += joining
        waiting = [number for number in waiting if number not in joining]
    for number in waiting:
        yield (
            f"{known[number].name} looks like somebody else than {known[first].name}, and both are taken as pictures of one "
            "person; leave one out if they are two"
        )
