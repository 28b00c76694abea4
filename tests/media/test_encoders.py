"""Which encoder is taken, what is refused and what is said about it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import av
import pytest
from made import (
    LIMITED_709,
    PQ,
    SOFTWARE,
    TRIED,
    colour_of,
    encoded,
    frames_of,
    read,
    target,
    written,
)

from roop_host import MediaOptions
from roop_host.errors import UsageError
from roop_host.media.info import Colour, MediaInfo
from roop_host.media.pixel_formats import layout_of
from roop_host.media.writing import choosing
from roop_host.media.writing.choosing import choose_encoder
from roop_host.media.writing.conversion import losses
from roop_host.media.writing.encoders import ENCODERS, QUALITY_POINTS, formats_of, quality_rows
from roop_host.media.writing.settings import settings_of

# Kind of input, container, and what auto makes of it.
AUTO = [
    (target(), ".mp4", "libx264", "yuv420p"),
    (target("yuv422p10le"), ".mov", "libx264", "yuv422p10le"),
    (target("yuv420p10le"), ".mkv", "libx264", "yuv420p10le"),
    (target("yuv420p10le", colour=PQ, codec="hevc"), ".mp4", "libx265", "yuv420p10le"),
    (target("yuv420p10le", colour=PQ, codec="hevc"), ".mov", "libx265", "yuv420p10le"),
    (target("yuv422p12le"), ".mkv", "libx265", "yuv422p12le"),
    (target("yuv422p10le", codec="prores"), ".mov", "prores_ks", "yuv422p10le"),
    (target("yuv422p10le", codec="prores"), ".mkv", "prores_ks", "yuv422p10le"),
    (target("yuv422p10le", codec="prores"), ".mp4", "libx264", "yuv422p10le"),
    (target("yuva444p12le", codec="prores"), ".mov", "prores_ks", "yuva444p10le"),
    (target("gbrap", codec="png"), ".mov", "prores_ks", "yuva444p10le"),
    (target("gbrp", codec="png"), ".mkv", "ffv1", "bgr0"),
    (target("gbrap", codec="qtrle"), ".mkv", "ffv1", "bgra"),
    (target("yuv422p", codec="utvideo"), ".mkv", "ffv1", "yuv422p"),
    (target("yuv422p", codec="huffyuv"), ".mp4", "libx264", "yuv422p"),
    (target("yuva420p", codec="libvpx-vp9"), ".webm", "libvpx-vp9", "yuva420p"),
    (target("yuva420p", codec="libvpx-vp9"), ".mkv", "libvpx-vp9", "yuva420p"),
    (target("yuv444p"), ".webm", "libvpx-vp9", "yuv444p"),
    (target("yuv420p10le", colour=PQ), ".webm", "libsvtav1", "yuv420p10le"),
    (target(size=(131, 97)), ".mp4", "libvpx-vp9", "yuv420p"),
    (target("yuv420p10le", size=(131, 97)), ".mp4", "libsvtav1", "yuv420p10le"),
    (target("yuv444p", size=(131, 97)), ".mp4", "libx264", "yuv444p"),
    (target(field_order="tff"), ".mp4", "libx264", "yuv420p"),
    (target("yuv420p12le", field_order="bff"), ".mkv", "ffv1", "yuv420p12le"),
    (target("gray"), ".mov", "libx264", "gray"),
]


@pytest.mark.parametrize(("info", "suffix", "name", "pix_fmt"), AUTO)
def test_auto_loses_nothing_of_the_kind(info: MediaInfo, suffix: str, name: str, pix_fmt: str) -> None:
    plan = choose_encoder(info, MediaOptions(), Path(f"o{suffix}"), threads=2)
    assert (plan.name, plan.pix_fmt) == (name, pix_fmt)
    encoded(plan, frames_of(info, 2))


# What nothing in the container carries: the sentence names what can.
REFUSED: list[tuple[MediaInfo, str, dict[str, Any], str]] = [
    (
        target("yuva420p"),
        ".mp4",
        {},
        r"no encoder for \.mp4 keeps all of yuva420p at 128x96; "
        r"name an output in \.mov, \.mkv, \.webm, or add --pixel-format yuv420p \(no alpha\)$",
    ),
    (
        target("yuv422p10le"),
        ".webm",
        {},
        r"in \.mp4, \.mov, \.mkv, or add --pixel-format yuv420p10le \(chroma 4:2:0 instead of 4:2:2\)$",
    ),
    (
        target(field_order="tff"),
        ".webm",
        {},
        r"yuv420p at 128x96 interlaced; name an output in \.mp4, \.mov, \.mkv, or add --deinterlace$",
    ),
    (
        target(field_order="tff"),
        ".mp4",
        {"encoder": "libx265"},
        r"interlaced frames; add --deinterlace; --encoder libx264 can",
    ),
    (
        target(),
        ".mp4",
        {"encoder": "prores_ks"},
        r"\.mp4 does not hold ProRes \(these do: \.mkv, \.mov\); --encoder libx264",
    ),
    (
        target(size=(131, 97)),
        ".mp4",
        {"encoder": "libx265", "pixel_format": "yuv420p"},
        r"it does not carry yuv420p at the odd size 131x97; --encoder libvpx-vp9 can",
    ),
    (target(), ".mp4", {"encoder": "libx264x"}, r"no encoder is called 'libx264x'; did you mean 'libx264'\?"),
    (target(), ".mp4", {"pixel_format": "yuv42p"}, r"'yuv42p' is one that no encoder has; did you mean 'yuv42\dp'\?"),
    (target(), ".mp4", {"pixel_format": "cuda"}, r"one that no encoder has"),
    (
        target(),
        ".mp4",
        {"encoder": "libsvtav1", "pixel_format": "yuv444p"},
        r"it has no yuv444p; did you mean 'yuv420p'\? \(it has yuv420p, yuv420p10le\)",
    ),
    (target(), ".webm", {"pixel_format": "yuv422p10le"}, r"no encoder for \.webm has yuv422p10le"),
    (
        target(),
        ".mp4",
        {"preset": "10"},
        r"libx264 has no preset '10'; it is one of --encoder libsvtav1 \(there are: ultraf",
    ),
    (target(), ".mkv", {"encoder": "ffv1", "preset": "10"}, "ffv1 has no --preset"),
    (target(), ".mp4", {"encoder": "h264_videotoolbox"}, "this build of FFmpeg does not have it; --encoder libx264 can"),
]


def built(monkeypatch: pytest.MonkeyPatch, name: str, *formats: str) -> None:
    """As in a build of FFmpeg whose encoder of that name takes these formats, or that has none."""
    monkeypatch.setattr(choosing, "formats_of", lambda asked: formats if asked == name else formats_of(asked))


@pytest.mark.parametrize(("info", "suffix", "asked", "message"), REFUSED)
def test_what_is_refused_and_what_can(
    info: MediaInfo, suffix: str, asked: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(monkeypatch, "h264_videotoolbox")
    with pytest.raises(UsageError, match=message):
        choose_encoder(info, MediaOptions(**asked), Path(f"o{suffix}"), threads=1)


# --pixel-format: what is lost is said.
ON_REQUEST = [
    (target("yuv422p10le"), "yuv420p", ["8 bit instead of 10, chroma 4:2:0 instead of 4:2:2"], LIMITED_709),
    (target("yuva420p"), "yuv420p", ["gives no alpha"], LIMITED_709),
    (target("gbrp", colour=Colour(2, 1, 13, 0)), "yuv420p", ["chroma 4:2:0 instead of 4:4:4"], LIMITED_709),
    (target("yuv420p10le", colour=PQ), "yuv420p", ["8 bit instead of 10", "HDR in 8 bit shows steps"], PQ),
    (target("yuv420p"), "yuv444p10le", [], LIMITED_709),
]


@pytest.mark.parametrize(("info", "asked", "told", "colour"), ON_REQUEST)
def test_conversion_on_request(info: MediaInfo, asked: str, told: list[str], colour: Colour, tmp_path: Path) -> None:
    plan = choose_encoder(info, MediaOptions(pixel_format=asked), tmp_path / "o.mp4", threads=1)
    assert plan.pix_fmt == asked
    assert len(plan.notices) == len(told)
    assert all(part in notice for part, notice in zip(told, plan.notices, strict=True))
    (shown, *_) = read(written(plan, info, frames_of(info), tmp_path / "o.mp4"))
    assert (shown.format.name, colour_of(shown)) == (asked, colour)


def test_an_unusual_format_is_said_but_not_of_a_target_that_is_so_already() -> None:
    (told,) = choose_encoder(target("yuv444p", codec="vp9"), MediaOptions(), Path("o.mp4"), threads=1).notices
    assert told == "yuv444p keeps all of the target; players that can't show it take --pixel-format yuv420p"
    assert not choose_encoder(target("yuv444p", codec="h264"), MediaOptions(), Path("o.mp4"), threads=1).notices
    (told,) = choose_encoder(target("yuva444p12le", codec="prores"), MediaOptions(), Path("o.mov"), threads=1).notices
    assert told == "the encoder prores_ks gives 10 bit instead of 12"


def test_chroma_is_upsampled_only_where_nothing_else_can_or_on_request() -> None:
    info = target(size=(131, 97))
    plan = choose_encoder(info, MediaOptions(encoder="libx265"), Path("o.mp4"), threads=1)
    assert plan.pix_fmt == "yuv444p"
    assert plan.notices[0].startswith("yuv444p keeps all")
    assert choose_encoder(info, MediaOptions(), Path("o.mp4"), threads=1).pix_fmt == "yuv420p"
    assert choose_encoder(info, MediaOptions(), Path("o.mov"), threads=1).pix_fmt == "yuv444p"


@pytest.mark.parametrize("row", SOFTWARE, ids=lambda row: row.name)
def test_quality_and_presets_reach_the_encoder(row: Any) -> None:
    suffix, pix_fmt = sorted(row.containers)[0], TRIED[row.name][0][0]
    info = target(pix_fmt, size=(256, 192))
    frames = frames_of(info, 6)

    def size(**options: Any) -> int:
        plan = choose_encoder(info, MediaOptions(encoder=row.name, **options), Path(f"o{suffix}"), threads=1)
        return sum(len(data) for _, _, data in encoded(plan, frames).packets)

    if row.lossless:
        assert size(quality=0) == size(quality=100)
    else:
        assert size(quality=0) < size(quality=50) < size(quality=100)
    plans = [
        choose_encoder(info, MediaOptions(encoder=row.name, preset=preset), Path(f"o{suffix}"), threads=1)
        for preset in (*row.presets[:1], *row.presets[-1:])
    ]
    assert len({encoded(plan, frames).packets for plan in plans}) == len(plans)


def test_a_quality_that_changes_nothing_is_said() -> None:
    said = [
        choose_encoder(target(), MediaOptions(encoder="ffv1", quality=quality), Path("o.mkv"), threads=1).notices
        for quality in (MediaOptions().quality, 3)
    ]
    assert said == [(), ("ffv1 keeps every frame exactly, so --quality 3 changes nothing",)]


def test_the_table_of_qualities() -> None:
    rows = {name: more for name, *more in quality_rows()}
    assert rows["libx264"][:6] == ["crf", "40", "33.12", "26.25", "18", "12.5"]
    assert rows["ffv1"][1] == "lossless"
    assert rows["prores_ks"][4] == "hq / 4444"
    assert all(len(row) == 2 + len(QUALITY_POINTS) and row[-1] for row in rows.values())


def test_the_hardware_encoders_know_the_options_and_presets_they_are_given() -> None:
    """FFmpeg passes over an option it does not know, so a wrong name would do nothing."""
    tried = 0
    for row in ENCODERS.values():
        if row.hardware and formats_of(row.name):
            known = av.CodecContext.create(row.name, "w").supported_options
            names = {option.name: option for option in (*known.generic, *known.private)}
            options = dict(settings_of(row, target(), MediaOptions(), "nv12"))
            assert set(options) <= set(names), row.name
            assert set(row.presets) <= {choice.name for choice in names["preset"].choices}, row.name
            assert row.reorder == 0
            # They list these, and drop alpha and depth without a word.
            assert not {"bgra", "rgba", "p016le", "gbrp", "cuda", "qsv", "amf"} & set(formats_of(row.name))
            assert options.get("bf", "0") == "0"
            tried += 1
    assert tried


def test_hardware_that_is_not_there_says_whose(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(plan: object) -> None:
        raise UsageError("refuses")

    built(monkeypatch, "h264_nvenc", "yuv420p")
    monkeypatch.setattr(choosing, "open_context", refuse)
    with pytest.raises(UsageError, match=r"h264_nvenc does not open .* of NVIDIA is not there.*; --encoder libx264 can"):
        choose_encoder(target(), MediaOptions(encoder="h264_nvenc"), Path("o.mp4"), threads=1)


def test_hardware_is_never_taken_unasked() -> None:
    names = {choose_encoder(info, MediaOptions(), Path(f"o{suffix}"), threads=1).name for info, suffix, *_ in AUTO}
    assert not any(ENCODERS[name].hardware for name in names)


def test_losses_are_said_in_words() -> None:
    assert losses("yuv420p", layout_of("yuv420p", LIMITED_709, 96)) == []
    assert losses("gbrp", layout_of("yuv444p", LIMITED_709, 96)) == ["no colours that R, G, B can't hold"]
    assert losses("yuv440p", layout_of("yuv422p", LIMITED_709, 96)) == ["chroma 4:4:0 instead of 4:2:2"]


def test_svtav1_writes_nothing_to_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    choose_encoder(target(), MediaOptions(encoder="libsvtav1"), Path("o.mp4"), threads=1)
    assert os.environ["SVT_LOG"]
    assert "Svt" not in capfd.readouterr().err
