"""What must hold for a source's object, which opens the address that the kit was told."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from threading import Event
from typing import Any

import numpy as np

from roop_host.errors import InputError, UsageError, one_line, told
from roop_host.media.limits import check_size
from roop_host.pipeline.calls import GRACE_S, Unfit
from roop_host.runner.targets import frame_complaint, stream_complaint
from roop_host.testing.checking import DoesNotApply, Failed, NotRun, checks
from roop_host.testing.subject import Subject
from roop_host.testing.watching import Bounded, stopped
from roop_host.types.objects import Context, StreamInfo

#: A stream may have no end: so many frames are looked at.
_FRAMES = 10
#: A camera may take some seconds to give its first picture.
_LIMIT_S = 20.0
#: What no device and no machine is called.
_NOTHING = "roop-check-nothing-is-here.invalid"
_GONE = "roop-check-gone-"
#: Who asks: nobody is locked out of a camera by a check.
_USER = re.compile(r"//[^/@]*@")
#: A part of an address that names something: a number says how, such as a rate or a position.
_NAMES = re.compile(r"[^/\\:@?&=#,;.\s]*[^\W\d_][^/\\:@?&=#,;.\s]*")
#: So many names of an address are changed, one after the other: each may take a while where a network is asked.
_MOST_NAMES = 3
#: Of a sentence.
_LEAST_WORDS = 3
_END = object()


def stream_is_described(subject: Subject) -> None:
    """The stream is described before its first frame: size, rate and clock.

    ``open`` returns a ``StreamInfo``: width and height in pixels as the frames will have them, ``time_base`` and ``rate`` as
    ``Fraction`` above 0, ``frames`` a whole number above 0 or None where the end isn't known.
    """
    with _opened(subject) as opened:
        stream = opened.info
    if complaint := stream_complaint(stream):
        raise Failed(f"it gave {complaint}")
    try:
        check_size(subject.address, stream.width, stream.height)
    except InputError as error:
        raise Failed(f"it gave a stream that no job takes: {error}") from error


def frames_are_as_described(subject: Subject) -> None:
    """Each frame is an array of uint8 of the size that was told, and later than the one before.

    Give ``SourceFrame(bgr, pts)``: blue, green and red, upright, in ``time_base`` counted from anywhere; leave out a frame
    that comes twice or late. A stream without any frame is an ``InputError``.
    """
    with _opened(subject) as opened:
        last: int | None = None
        index = -1
        for index, frame in enumerate(opened.frames()):
            if complaint := frame_complaint(frame, opened.info.width, opened.info.height, last):
                raise Failed(f"it gave {complaint} as frame {index}")
            last = frame.pts
    if index < 0:
        raise Failed(f"it gave no frame of {subject.address}")


def frames_are_the_hosts(subject: Subject) -> None:
    """A frame that was given is not touched any more.

    The host works on several frames at a time. Give each an array of its own: copy what a library reads into one buffer.
    """
    with _opened(subject) as opened:
        given = [(frame.bgr, np.array(frame.bgr)) for frame in opened.frames()]
    if len(given) < 2:
        raise DoesNotApply(f"{subject.address} has no two frames")
    for index, (frame, copy) in enumerate(given):
        if not np.array_equal(frame, copy):
            raise Failed(f"it changed frame {index} after it was given")
        if any(np.may_share_memory(frame, later) for later, _ in given[index + 1 :]):
            raise Failed(f"it gave the array of frame {index} for a later one too")


def nothing_there_is_an_input_error(subject: Subject) -> None:
    """An address at which nothing is, is an ``InputError`` that says so.

    ``open`` raises ``InputError`` (or ``UsageError`` for one that can't be) with one sentence: what isn't there and what to
    try. Errors of the library are put in such words. Besides made-up addresses, the one of the check (``--address``) is
    tried with its longest names changed, as if a folder or a machine were gone.
    """
    for source, address, error in _failing(subject):
        with suppress(Exception):
            source.close()
        if not isinstance(error, (InputError, UsageError)):
            raise Failed(f"it raised {told(error)} for {address}")
        if len(str(error).split()) < _LEAST_WORDS or one_line(str(error)) != str(error):
            raise Failed(f"it said {str(error)!r} for {address}, which is no sentence in one line")


def closes_after_a_failed_open(subject: Subject) -> None:
    """Closing after a failed opening is no error.

    ``close`` is called also when ``open`` failed: begin with nothing in ``__init__`` or ``setup``, and let go of what is
    there.
    """
    for source, _, _ in _failing(subject):
        source.close()


def opens_again_after_close(subject: Subject) -> None:
    """After a job the next one can open the same address with the same object.

    Objects are kept between jobs: ``close`` lets go of the device, and ``open`` makes all of it anew.
    """
    with _ready(subject) as source:
        with opening(subject, source) as opened:
            first = len(list(opened.frames()))
        _require_again(subject, source, first, "a second time")


def closes_in_the_middle(subject: Subject) -> None:
    """A job that ends in the middle of the stream lets go of it, and the next one can begin.

    Jobs fail and are stopped. What is read ahead by a thread of its own ends with ``close``, and what ``frames`` holds
    open belongs into its ``finally``.
    """
    with _ready(subject) as source:
        with opening(subject, source) as opened:
            first = len(list(opened.frames(1)))
            opened.stop()
        _require_again(subject, source, first, "after a job that ended in the middle of it")


def cancel_is_heard(subject: Subject) -> None:
    """A job that was stopped is not held by waiting for the next frame.

    Wait in short pieces and look at ``ctx.cancel`` between them: then end, or raise ``Interrupted`` as
    ``ctx.check_cancel()`` does.
    """
    cancel = Event()
    late = f"it gave no frame and did not end {GRACE_S:g} s after the job was stopped"
    with _ready(subject, replace(subject.context(), cancel=cancel)) as source, opening(subject, source) as opened:
        list(opened.frames(1))
        cancel.set()
        with stopped():
            opened.next(GRACE_S, late)


class _Opened:
    """A source that has opened its address; it is asked for frames from a thread of its own, as by the host."""

    def __init__(self, source: Any, info: StreamInfo, thread: Bounded) -> None:
        self.info = info
        self._source, self._thread = source, thread
        self._given: Iterator[Any] | None = None

    def next(self, limit_s: float, late: str) -> Any:
        """The next frame, or ``_END``."""

        def from_the_thread() -> Any:
            if self._given is None:
                self._given = iter(self._source.frames())
            return next(self._given, _END)

        return self._thread.call(from_the_thread, limit_s, late)

    def frames(self, most: int = _FRAMES) -> Iterator[Any]:
        """The next frames, each as it comes."""
        for _ in range(most):
            frame = self.next(_LIMIT_S, f"it gave no frame within {_LIMIT_S:g} s")
            if frame is _END:
                return
            yield frame

    def stop(self) -> None:
        """End in the middle."""
        given = self._given
        if isinstance(given, Generator):
            self._thread.call(given.close, GRACE_S, f"its frames did not end {GRACE_S:g} s after they were closed")


@contextmanager
def _ready(subject: Subject, context: Context | None = None) -> Iterator[Any]:
    """Raises ``NotRun`` where nobody said what to open."""
    _require_address(subject)
    with subject.made(context) as source:
        yield source


def _require_address(subject: Subject) -> None:
    if not subject.address:
        scheme = subject.spec.schemes[0]
        raise NotRun(UsageError(f"a source is checked with something that it opens; say what with --address {scheme}:..."))


@contextmanager
def _opened(subject: Subject) -> Iterator[_Opened]:
    with _ready(subject) as source, opening(subject, source) as opened:
        yield opened


@contextmanager
def opening(subject: Subject, source: Any) -> Iterator[_Opened]:
    """A job from its beginning to its end. Raises ``NotRun`` where nothing is at the address, or none was said."""
    _require_address(subject)
    with Bounded() as thread, ExitStack() as ends:
        ends.callback(source.close)
        try:
            info = thread.call(partial(source.open, subject.address), _LIMIT_S, f"it did not open within {_LIMIT_S:g} s")
            source.begin(subject.job(width=info.width, height=info.height, media_type="video/mp4"))
            ends.callback(source.end)
            opened = _Opened(source, info, thread)
            yield opened
        except (InputError, UsageError) as error:
            raise NotRun(error) from error
        except Unfit:
            ends.pop_all()  # nothing more is called of what hangs
            raise
        with suppress(Exception):  # as the host, which has what it wanted
            opened.stop()


def _require_again(subject: Subject, source: Any, first: int, when: str) -> None:
    try:
        with opening(subject, source) as opened:
            again = len(list(opened.frames(1)))
    except NotRun as error:
        raise Failed(f"it did not open {subject.address} {when}: {error}") from error
    if first and not again:
        raise Failed(f"it gave no frame of {subject.address} {when}")


def _failing(subject: Subject) -> Iterator[tuple[Any, str, BaseException]]:
    """Objects that could not open an address at which nothing is, and why; who asks closes them."""
    late = f"it did not say within {_LIMIT_S:g} s that nothing is there"
    failed = 0
    for address in (*(f"{scheme}:{_NOTHING}" for scheme in subject.spec.schemes), *_gone(subject.address)):
        with subject.made() as source, Bounded() as thread:
            try:
                thread.call(partial(source.open, address), _LIMIT_S, late)
            except Unfit:
                raise
            except Exception as error:  # noqa: BLE001  (it is looked at by who asks)
                failed += 1
                yield source, address, error
            else:
                source.close()
    if not failed:
        raise DoesNotApply("it opens whatever it is told")


def _gone(address: str) -> Iterator[str]:
    """``address``, each time with another of its longest names behind the scheme changed, so that nothing is there."""
    begin = address.find(":") + 1
    if user := _USER.match(address, begin):
        begin = user.end()
    names = sorted(_NAMES.finditer(address, begin), key=lambda name: -len(name[0]))
    for name in names[:_MOST_NAMES]:
        yield f"{address[: name.start()]}{_GONE}{address[name.start() :]}"


CHECKS = checks(
    stream_is_described,
    frames_are_as_described,
    frames_are_the_hosts,
    nothing_there_is_an_input_error,
    closes_after_a_failed_open,
    opens_again_after_close,
    closes_in_the_middle,
    cancel_is_heard,
)
