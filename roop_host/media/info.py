"""What is known of a target before it is decoded: plain values that every part of the media layer shares."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

from roop_host.types.planes import PixelLayout

#: ``video`` and ``animation`` (GIF, WebP, APNG) are streams, ``pages`` is a TIFF of several pictures, ``folder`` many files.
Kind = Literal["video", "animation", "picture", "pages", "folder"]
FieldOrder = Literal["tff", "bff"]


@dataclass(frozen=True, slots=True)
class Colour:
    """H.273 numbers, as the decoder gives them; ``range`` is FFmpeg's (1 limited, 2 full, 0 not said)."""

    range: int = 0
    primaries: int = 2
    transfer: int = 2
    space: int = 2

    @property
    def hdr(self) -> bool:
        """Whether the transfer is PQ (16) or HLG (18)."""
        return self.transfer in (16, 18)


#: Full range, BT.709 primaries, the transfer of sRGB (IEC 61966-2-1), no matrix: what pictures are that say nothing else.
SRGB = Colour(range=2, primaries=1, transfer=13, space=0)
#: BT.709, limited range: what players expect of a clip in HD, and of R, G, B that became YUV.
BT709 = Colour(range=1, primaries=1, transfer=1, space=1)


@dataclass(frozen=True, slots=True)
class Hdr:
    """Static HDR metadata as encoders are told it: empty where the source has none.

    ``mastering`` is (gx, gy, bx, by, rx, ry, white x, white y) in 1/50000 and (most, least) luminance in 1/10000 cd/m2
    (SMPTE ST 2086); ``light`` is (MaxCLL, MaxFALL) in cd/m2 (CTA-861.3).
    """

    mastering: tuple[int, ...] = ()
    light: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Track:
    """A stream of the file beside the video that is worked on. ``index`` is FFmpeg's in the source."""

    index: int
    kind: Literal["audio", "subtitle", "data", "attachment", "video", "cover"]
    codec: str
    language: str = ""
    title: str = ""

    @property
    def label(self) -> str:
        """For people: "audio track 1 (aac, eng)"."""
        about = ", ".join(filter(None, (self.codec, self.language, self.title)))
        what = {"cover": "cover picture", "attachment": "attachment"}.get(self.kind, f"{self.kind} track")
        return f"{what} {self.index} ({about})" if about else f"{what} {self.index}"


#: A place in a clip: seconds from its beginning, or the number of a frame.
Place = Fraction | int
#: Upright width and height, lines, or a factor.
Size = tuple[int, int] | int | Fraction


@dataclass(frozen=True, slots=True)
class Reading:
    """How a target is to be seen: what part of it, at which rate and size. The default changes nothing.

    ``start`` is the first that is used and ``end`` the first that is not; a ``Fraction`` is seconds after the clip's
    beginning, an ``int`` counts decoded frames. ``size`` is the upright (width, height), a number of lines with square
    pixels, or a factor; ``as_read`` makes the first of the others. ``deinterlace`` takes the frames that say they are
    interlaced, or "all". With ``salvage`` a clip that breaks off ends there.
    """

    start: Place | None = None
    end: Place | None = None
    rate: Fraction | None = None
    size: Size | None = None
    deinterlace: Literal["", "flagged", "all"] = ""
    salvage: bool = False

    @property
    def pixels(self) -> tuple[int, int] | None:
        """``size`` once ``as_read`` has settled it."""
        return self.size if isinstance(self.size, tuple) else None


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """A target that can be read, as the frames that come of it will be: after trimming, scaling and so on by ``reading``.

    ``width`` and ``height`` are coded; ``rotation`` is as in ``FrameView.rotation``. ``is_file`` is False where a plugin
    gives the frames: then ``path`` is only what the user calls it. ``frames`` is an estimate for progress; ``start_s`` and
    ``duration_s`` are the video track's own in the source, None where its header does not say. ``begin_s`` is where the
    clip begins: the earliest start of its tracks. ``metadata`` is the container's, descriptive keys only. ``side_data`` is
    what pictures say of themselves beyond that and not every encoder writes again, in words: "Dolby Vision metadata".

    ``decoded`` is the coded size that the decoder gives where scaling changes it, ``decoder`` one that must be taken in
    place of FFmpeg's choice. ``matrix`` is the display matrix as FFmpeg keeps it: nine numbers, empty where there is none.
    ``field_order`` is None for progressive pictures.

    Of pictures: ``page`` is which of ``pages`` this is; an animation has ``loop`` (0 for ever, None once); a folder has
    ``items``, in natural order.
    """

    path: Path
    kind: Kind
    width: int
    height: int
    codec: str
    container: str
    rotation: int = 0
    pix_fmt: str = "rgb24"
    layout: PixelLayout = field(default_factory=lambda: PixelLayout("rgb", full_range=True))
    time_base: Fraction = Fraction(1)
    average_rate: Fraction | None = None
    frames: int | None = None
    begin_s: Fraction = Fraction(0)
    start_s: float = 0.0
    duration_s: float | None = None
    sample_aspect_ratio: Fraction | None = None
    colour: Colour = Colour()
    hdr: Hdr = Hdr()
    field_order: FieldOrder | None = None
    matrix: tuple[int, ...] = ()
    decoded: tuple[int, int] | None = None
    decoder: str | None = None
    tracks: tuple[Track, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()
    left_out: tuple[str, ...] = ()
    side_data: tuple[str, ...] = ()
    is_file: bool = True
    page: int = 0
    pages: int = 1
    loop: int | None = None
    items: tuple[MediaInfo, ...] = ()
    reading: Reading = Reading()

    @property
    def audio_codecs(self) -> tuple[str, ...]:
        """Of each sound track, in order."""
        return tuple(track.codec for track in self.tracks if track.kind == "audio")

    @property
    def streams(self) -> bool:
        """Whether the frames belong together in time: a folder's do where it has a rate."""
        return self.kind in ("video", "animation") or (self.kind == "folder" and self.average_rate is not None)


@dataclass(frozen=True, slots=True)
class Known:
    """A frame whose place in the source is known, so that decoding can begin there: of a run that is continued.

    ``pts`` counts in the ``time_base`` of the info that the reader has; ``origin`` and ``steady`` as in ``SegmentPackets``.
    """

    index: int
    pts: int
    origin: Fraction = Fraction(0)
    steady: bool = True
