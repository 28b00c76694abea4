"""Which format keeps all of another: what is chosen for an encoder hangs on it."""

from __future__ import annotations

import av
import pytest

from roop_host.media.info import Colour
from roop_host.media.pixel_formats import keeps_all, layout_of, nearest, planar_format, size_step

X264 = tuple("yuv420p yuvj420p yuv422p yuvj422p yuv444p nv12 nv16 yuv420p10le yuv422p10le yuv444p10le gray gray10le".split())  # noqa: SIM905
NVENC = tuple("yuv420p nv12 p010le yuv444p p016le yuv444p16le bgr0 bgra x2rgb10le cuda".split())  # noqa: SIM905
PRORES = ("yuv422p10le", "yuv444p10le", "yuva444p10le")


@pytest.mark.parametrize(
    ("name", "planar"),
    [
        ("yuvj422p", "yuv422p"),
        ("nv12", "yuv420p"),
        ("p010be", "yuv420p10le"),
        ("yuyv422", "yuv422p"),
        ("uyyvyy411", "yuv411p"),
        ("rgb565le", "gbrp"),
        ("rgba64be", "gbrap16le"),
        ("pal8", "gbrap"),
        ("ya8", "gbrap"),
        ("monob", "gray"),
        ("gray12be", "gray12le"),
        ("ayuv64le", "yuva444p16le"),
        ("xv36le", "yuv444p12le"),
        ("gbrpf32le", "gbrp16le"),
    ],
)
def test_planar_form(name: str, planar: str) -> None:
    assert planar_format(name) == planar


def test_every_format_has_a_planar_form_that_keeps_all_of_it_or_no_pixels() -> None:
    for name in av.video.format.names:
        try:
            planar = planar_format(name)
        except ValueError:
            assert not av.VideoFormat(name).components
            continue
        assert planar_format(planar) == planar
        assert keeps_all(planar, name), name
        layout = layout_of(planar, Colour(), 480)
        assert 8 <= layout.depth <= 16
        assert len(av.VideoFrame(16, 16, planar).planes) == {"grey": 1}.get(layout.model, 3) + layout.alpha


@pytest.mark.parametrize(
    ("formats", "of", "chosen"),
    [
        (X264, "yuv420p", "yuv420p"),
        (X264, "yuv411p", "yuv422p"),
        (X264, "yuv410p", "yuv420p"),
        (X264, "yuv440p", "yuv444p"),
        (X264, "yuv420p12le", None),
        (X264, "gray", "gray"),
        (X264, "gbrp", "yuv444p"),
        (X264, "yuva420p", None),
        (NVENC, "yuv420p10le", "p010le"),
        (NVENC, "yuv420p12le", "p016le"),
        (NVENC, "gbrp", "bgr0"),
        (NVENC, "gbrap", "bgra"),
        (NVENC, "gray", "yuv420p"),
        (PRORES, "yuv420p", "yuv422p10le"),
        (PRORES, "yuva420p", "yuva444p10le"),
        (PRORES, "gbrap", "yuva444p10le"),
        (("nv12",), "yuv420p", "nv12"),
        (("yuvj420p", "yuv420p"), "yuv420p", "yuv420p"),
        (("bgra",), "yuv444p", None),
        (("cuda", "no such thing"), "yuv420p", None),
    ],
)
def test_the_least_that_keeps_all(formats: tuple[str, ...], of: str, chosen: str | None) -> None:
    assert nearest(formats, of) == chosen


def test_steps_of_size() -> None:
    assert [size_step(name) for name in ("yuv420p", "yuv411p", "yuv422p10le", "gray", "gbrap")] == [
        (2, 2),
        (4, 1),
        (2, 1),
        (1, 1),
        (1, 1),
    ]
