"""The video encoders there can be: what holds their streams, how ``--quality`` and ``--preset`` reach them, what they keep.

Figures of the software encoders were measured with the build that PyAV brings. The rows of hardware encoders are from the
documentation of FFmpeg and of their makers: whether one works is only known once it was opened on the machine at hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import av

_MP4, _MOV, _MKV, _WEBM = frozenset({".mp4", ".m4v"}), frozenset({".mov"}), frozenset({".mkv"}), frozenset({".webm"})
CONTAINERS = (".mp4", ".m4v", ".mov", ".mkv", ".webm")
#: The points of ``--quality`` that tables show; 80 is what is taken unless said.
QUALITY_POINTS = (0, 25, 50, 80, 100)
#: FF_QP2LAMBDA: FFmpeg's unit of ``global_quality`` where it stands for ``-q:v``.
_LAMBDA = 118


@dataclass(frozen=True, slots=True)
class Quality:
    """``--quality`` 0 to 100 as an encoder's option: from ``worst`` straight to ``best``, a whole number unless ``fine``.

    ``options`` are set to that number times ``unit``; ``fixed`` is what makes the encoder go by it. ``source`` says what the
    scale is, for people.
    """

    options: tuple[str, ...]
    worst: float
    best: float
    source: str
    fine: bool = False
    unit: int = 1
    fixed: tuple[tuple[str, str], ...] = ()

    def value(self, quality: int) -> float:
        """On the encoder's own scale."""
        exact = self.worst + (self.best - self.worst) * quality / 100
        return round(exact, 2) if self.fine else round(exact)


@dataclass(frozen=True, slots=True)
class Encoder:
    """A row of the table. ``hardware`` names whose; "" is software, which alone gives the same bytes again.

    ``quality`` is None where nothing is lost, or where it chooses a profile (prores_ks). ``presets`` are the fastest first
    where the maker counts so, ``preset`` is what "auto" stands for. ``reorder`` is D of the dts rule: packet k is sent when
    frame k - D is shown. ``whole_chroma``: it refuses a size that cuts a chroma sample. ``interlaced``: fields come out as
    they went in. ``hdr``: it writes static HDR metadata into the stream. ``full_range``: its stream can say full range.
    ``refuses`` are formats that it lists and was never seen to open with; ``alpha_in`` are the containers that hold its
    alpha.
    """

    name: str
    codec: str
    containers: frozenset[str]
    quality: Quality | None = None
    presets: tuple[str, ...] = ()
    preset: str = ""
    reorder: int = 0
    most_threads: int | None = None
    hardware: str = ""
    whole_chroma: bool = False
    interlaced: bool = False
    hdr: bool = False
    full_range: bool = True
    lossless: bool = False
    refuses: frozenset[str] = frozenset()
    alpha_in: frozenset[str] = frozenset(CONTAINERS)
    fixed: tuple[tuple[str, str], ...] = ()


#: Of libx264 and libx265.
_X26X = tuple("ultrafast superfast veryfast faster fast medium slow slower veryslow placebo".split())  # noqa: SIM905
#: libvpx: 0 to 5 are what "good" takes as cpu-used, 6 to 8 are for "realtime".
VPX_GOOD = 5
_X264_SCALE = "x264's crf, 0-51; 18 is held to be hard to tell from the source (FFmpeg's guide to H.264)"
_NO_B_FRAMES = ("bf", "0")
#: What hardware encodes as it is. It lists more: alpha that it drops, R, G, B of which it makes 4:2:0, 16 bit cut to 10.
_HARDWARE_KEEPS = frozenset(
    {"yuv420p", "nv12", "nv16", "yuv444p", "p010le", "p210le", "p012le", "yuyv422", "y210le", "vuyx", "xv30le"}
)


def _hardware() -> tuple[Encoder, ...]:
    """B-frames are off, so that packets come in the order in which they are shown and D is 0."""
    common = _MP4 | _MOV | _MKV
    names = (("h264", "H.264", common), ("hevc", "HEVC", common), ("av1", "AV1", _MP4 | _MKV | _WEBM))
    rows: list[Encoder] = []
    for short, codec, containers in names:
        av1 = short == "av1"
        by_cq = (("rc", "vbr"), ("b", "0"))
        said = f"NVENC's target quality, 0-{63 if av1 else 51}"
        nvenc = Quality(("cq",), *((55, 15) if av1 else (40, 14)), said, fine=True, fixed=by_cq)
        rows.append(_hard(f"{short}_nvenc", codec, containers, nvenc, _numbered("p", 1, 7), "p5", "NVIDIA"))
        qsv = Quality(("global_quality",), 40, 14, "Quick Sync's ICQ, 1-51")
        speeds = ("veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
        rows.append(_hard(f"{short}_qsv", codec, containers, qsv, speeds, "medium", "Intel"))
        qps = ("qp_i", "qp_p")
        amf = Quality(qps, *((200, 60) if av1 else (40, 14)), f"AMF's QP, 0-{255 if av1 else 51}", fixed=(("rc", "cqp"),))
        rows.append(_hard(f"{short}_amf", codec, containers, amf, ("speed", "balanced", "quality"), "balanced", "AMD"))
        said, by_q = "VideoToolbox's q:v, 1-100 (Apple silicon)", (("flags", "+qscale"),)
        apple = Quality(("global_quality",), 20, 75, said, unit=_LAMBDA, fixed=by_q)
        rows.append(_hard(f"{short}_videotoolbox", codec, containers, apple, (), "", "Apple"))
    return tuple(sorted(rows, key=lambda row: ("nvenc", "qsv", "amf", "videotoolbox").index(row.name.split("_")[1])))


def _hard(
    name: str, codec: str, containers: frozenset[str], quality: Quality, presets: tuple[str, ...], preset: str, whose: str
) -> Encoder:
    # AMF has no B-frames but in H.264, where the option has a name of its own; its AV1 encoder knows none.
    fixed = () if name in ("hevc_amf", "av1_amf") else (_NO_B_FRAMES,)
    deep = frozenset({"p010le"} if name == "h264_amf" else ())  # AMF's H.264 is 8 bit
    return Encoder(
        name, codec, containers, quality, presets, preset, hardware=whose, whole_chroma=True, refuses=deep, fixed=fixed
    )


def _numbered(before: str, first: int, last: int) -> tuple[str, ...]:
    return tuple(f"{before}{number}" for number in range(first, last + 1))


# D as measured over 60 clips for libx264 and libx265 with their default B-frames; the others send in display order.
_ROWS = (
    Encoder(
        "libx264",
        "H.264",
        _MP4 | _MOV | _MKV,
        Quality(("crf",), 40, 12.5, _X264_SCALE, True),
        _X26X,
        "medium",
        reorder=2,
        whole_chroma=True,
        interlaced=True,
        hdr=True,
    ),
    # x265 takes interlaced pictures as single fields only, so it is not offered frames of two.
    Encoder(
        "libx265",
        "HEVC",
        _MP4 | _MOV | _MKV,
        Quality(("crf",), 42, 15, "x265's crf, 0-51, where 28 looks as x264's 23 (FFmpeg's guide to H.265)", True),
        _X26X,
        "medium",
        reorder=2,
        most_threads=16,  # it refuses more
        whole_chroma=True,
        hdr=True,
        refuses=frozenset({"yuva420p", "yuva420p10le"}),  # alpha as a second layer: "Operation not supported"
    ),
    Encoder(
        "libvpx-vp9",
        "VP9",
        _MP4 | _MKV | _WEBM,
        Quality(("crf",), 55, 15, "libvpx's cq-level, 0-63; 31 is Google's advice for 1080p", fixed=(("b", "0"),)),
        _numbered("", 0, 8)[::-1],
        "4",
        refuses=frozenset({"yuva422p", "yuva444p", "gbrap"}),
        alpha_in=_MKV | _WEBM,
        fixed=(("row-mt", "1"),),
    ),
    Encoder(
        "libsvtav1",
        "AV1",
        _MP4 | _MKV | _WEBM,
        Quality(("crf",), 58, 18, "SVT-AV1's crf, 1-63; 35 is its default"),
        _numbered("", 0, 13)[::-1],
        "6",
        hdr=True,
    ),
    # Editors by Apple want that vendor.
    Encoder("prores_ks", "ProRes", _MOV | _MKV, interlaced=True, full_range=False, fixed=(("vendor", "apl0"),)),
    Encoder("ffv1", "FFV1", _MKV, interlaced=True, lossless=True),
    *_hardware(),
)
ENCODERS = {row.name: row for row in _ROWS}


#: Profiles of ProRes from the smallest, and the least ``--quality`` for each (Apple's white paper has their data rates).
_PRORES_422 = (("proxy", 0), ("lt", 25), ("standard", 50), ("hq", 75))
_PRORES_4444 = (("4444", 0), ("4444xq", 90))


def prores_profile(pix_fmt: str, quality: int) -> str:
    """The profile of prores_ks that carries the chroma and alpha of ``pix_fmt`` at this quality."""
    profiles = _PRORES_422 if "422" in pix_fmt else _PRORES_4444
    return next(name for name, least in reversed(profiles) if quality >= least)


def quality_rows() -> tuple[tuple[str, ...], ...]:
    """For tables: the encoder, its option, the value at each of ``QUALITY_POINTS``, and what the scale is."""
    return tuple((row.name, *_quality_row(row)) for row in _ROWS)


def _quality_row(row: Encoder) -> tuple[str, ...]:
    if row.lossless:
        return ("-", *["lossless"] * len(QUALITY_POINTS), "every frame is kept exactly")
    if row.quality is None:
        said = [f"{prores_profile('422', q)} / {prores_profile('444', q)}" for q in QUALITY_POINTS]
        return ("profile", *said, "Apple's profiles for 4:2:2 / for 4:4:4 and alpha")
    options = "q:v" if row.quality.unit == _LAMBDA else ", ".join(row.quality.options)
    return (options, *(f"{row.quality.value(q):g}" for q in QUALITY_POINTS), row.quality.source)


@cache
def formats_of(name: str) -> tuple[str, ...]:
    """The pixel formats of integers in memory that the encoder lists; empty where the build does not have it.

    What is named for its full range is left out: the range is told apart from the format.
    """
    try:
        listed = av.Codec(name, "w").video_formats or ()
    except ValueError:
        return ()
    row = ENCODERS[name]
    names = [pixel.name for pixel in listed if pixel.components and pixel.name not in row.refuses]
    if row.hardware:
        return tuple(one for one in names if one in _HARDWARE_KEEPS)
    return tuple(one for one in names if not one.startswith("yuvj") and "f16" not in one and "f32" not in one)
