"""The rows of the matrix whose input is a clip."""

from __future__ import annotations

from fractions import Fraction

from matrix_inputs import HDR10, Clip, Remuxed, Sound, Subtitles
from matrix_row import PICTURE, VIDEO, Row

NTSC, FILM = Fraction(30000, 1001), Fraction(24000, 1001)
EVEN = frozenset({Fraction(1, 25)})
#: Milliseconds; the gap is of two seconds.
GAPS = (0, 40, 90, 100, 180, 1200, 1210, 1300, 3333, 3400, 3440, 3480, 3600)
OPUS, PCM, MP3 = (Sound("libopus"),), (Sound("pcm_s16le"),), (Sound("libmp3lame"),)


def _even(count: int, rate: Fraction | int = 25) -> list[Fraction]:
    return [number / Fraction(rate) for number in range(count)]


#: A font by its first bytes, which is all that is asked.
FONT = b"\x00\x01\x00\x00" + bytes(8) + b"a font " * 99


def _x264(**options: str) -> dict[str, str]:
    return {"crf": "20", **options}


CONTAINERS = (
    Row("MP4: H.264, AAC", Clip(), ".mp4", ".mp4", f"{VIDEO} end"),
    Row("MOV: H.264, AAC", Clip(), ".mov", ".mov", f"{VIDEO} end"),
    Row("M4V: H.264, AAC", Clip(), ".m4v", ".m4v"),
    Row("MKV: H.264, AAC", Clip(), ".mkv", ".mkv"),
    Row("WebM: VP9, Opus", Clip("libvpx-vp9", sounds=OPUS), ".webm", ".webm", becomes={"codec": "vp9"}),
    Row(
        "AVI: MPEG-4 with B-frames, MP3",
        Clip("mpeg4", options={"bf": "2"}, sounds=MP3),
        ".avi",
        ".mp4",
        "frames film size pix_fmt sound",
        becomes={"steps": EVEN},
    ),
    Row("MPEG-TS: H.264, AAC", Clip(), ".ts", ".mp4"),
    Row("MPEG-TS: H.264, AAC, into MKV", Clip(), ".ts", ".mkv"),
    Row("MKV into MP4", Clip(), ".mkv", ".mp4"),
    Row("MP4 into MKV", Clip(), ".mp4", ".mkv"),
    Row("MOV into MP4", Clip(), ".mov", ".mp4"),
    Row(
        "MP4 into WebM",
        Clip(),
        ".mp4",
        ".webm",
        f"{PICTURE} heard",
        {"sound_codecs": ["aac"]},
        {"codec": "vp9", "sound_codecs": ["opus"]},
    ),
    Row("WebM into MP4", Clip("libvpx-vp9", sounds=OPUS), ".webm", ".mp4"),
)
CODECS = (
    Row("HEVC", Clip("libx265"), ".mp4", ".mp4"),
    Row("VP8, Vorbis", Clip("libvpx", sounds=(Sound("vorbis"),)), ".webm", ".webm"),
    Row("VP9 in MKV", Clip("libvpx-vp9"), ".mkv", ".mkv"),
    Row("AV1", Clip("libsvtav1", options={"preset": "10"}), ".mp4", ".mp4"),
    Row("AV1 in MKV", Clip("libsvtav1", options={"preset": "10"}), ".mkv", ".mkv"),
    Row("MPEG-4", Clip("mpeg4"), ".mp4", ".mp4"),
    Row("ProRes 422, PCM", Clip("prores_ks", "yuv422p10le", sounds=PCM), ".mov", ".mov", has={"pix_fmt": "yuv422p10le"}),
    Row("ProRes 422 into MKV", Clip("prores_ks", "yuv422p10le", sounds=PCM), ".mov", ".mkv"),
    Row(
        "ProRes 4444",
        Clip("prores_ks", "yuv444p10le", options={"profile": "4444"}, sounds=()),
        ".mov",
        ".mov",
        PICTURE,
        has={"pix_fmt": "yuv444p12le"},
    ),
    Row("MJPEG in MOV", Clip("mjpeg", "yuvj422p"), ".mov", ".mov", has={"pix_fmt": "yuv422p"}),
    Row("MJPEG in AVI, PCM", Clip("mjpeg", "yuvj420p", sounds=PCM), ".avi", ".mkv"),
    Row("FFV1", Clip("ffv1"), ".mkv", ".mkv", becomes={"codec": "ffv1"}),
)
TIMES = (
    Row("30000/1001", Clip(rate=NTSC), ".mp4", ".mp4", f"{VIDEO} end", {"steps": {1 / NTSC}}),
    Row("24000/1001", Clip(rate=FILM), ".mov", ".mov", f"{VIDEO} end", {"steps": {1 / FILM}}),
    Row("24000/1001 in MKV", Clip(rate=FILM), ".mkv", ".mkv"),
    Row(
        "variable rate, a gap of 2 s",
        Clip(pts=GAPS, frames=len(GAPS), time_base=Fraction(1, 1000), sounds=(Sound(seconds=3.7),)),
        ".mp4",
        ".mp4",
        has={"times": [Fraction(one, 1000) for one in GAPS]},
    ),
    Row(
        "variable rate in MKV",
        Clip(pts=GAPS, frames=len(GAPS), time_base=Fraction(1, 1000), sounds=(Sound(seconds=3.7),)),
        ".mkv",
        ".mkv",
    ),
    Row(
        "edit list: begins 0.48 s in",
        Remuxed(
            Clip(frames=36, options=_x264(g="12"), sounds=(Sound(seconds=1.44),)),
            shift=Fraction(-12, 25),
            shift_sound=Fraction(-12, 25),
        ),
        ".mp4",
        ".mp4",
        f"{PICTURE} heard",
        {"frames": 24, "times": _even(24)},
    ),
    Row(
        "edit list, into MKV",
        Remuxed(
            Clip(frames=36, options=_x264(g="12"), sounds=(Sound(seconds=1.44),)),
            shift=Fraction(-12, 25),
            shift_sound=Fraction(-12, 25),
        ),
        ".mp4",
        ".mkv",
        f"{PICTURE} heard",
        {"frames": 24, "times": _even(24)},
    ),
    Row("B-frames, four in a row", Clip(options=_x264(bf="4", b_strategy="0")), ".mp4", ".mp4"),
    Row("open GOP", Clip(frames=30, options=_x264(**{"x264-params": "open-gop=1:keyint=8:bframes=3"})), ".mp4", ".mp4"),
    Row(
        "video begins at 0.5 s",
        Remuxed(Clip(), shift=Fraction(1, 2)),
        ".mp4",
        ".mp4",
        f"{VIDEO} heard",
        {"times": [Fraction(1, 2) + one for one in _even(24)]},
    ),
    Row("video begins at 0.5 s, into MKV", Remuxed(Clip(), shift=Fraction(1, 2)), ".mp4", ".mkv", f"{VIDEO} heard"),
    Row("sound begins at 0.3 s", Remuxed(Clip(), shift_sound=Fraction(3, 10)), ".mp4", ".mp4", f"{VIDEO} heard"),
    Row(
        "times that repeat",
        Remuxed(Clip(options=_x264(bf="0")), ".mkv", again=frozenset({5, 9})),
        ".mkv",
        ".mp4",
        "frames film size sound",
        {"rising": False},
        {"rising": True},
    ),
)
PICTURES_IN_CLIPS = (
    Row(
        "interlaced, top field first",
        Clip(options=_x264(flags="+ildct+ilme", **{"x264-params": "tff=1"})),
        ".mp4",
        ".mp4",
        has={"fields": ("tff", "interlaced")},
    ),
    Row(
        "interlaced, bottom field first",
        Clip(options=_x264(flags="+ildct+ilme", **{"x264-params": "bff=1"})),
        ".mkv",
        ".mkv",
        has={"fields": ("bff", "interlaced")},
    ),
    Row("turned by 90°", Clip(turn=90), ".mp4", ".mp4", f"{VIDEO} rotation", {"rotation": 90}),
    Row("turned by 180°", Clip(turn=180), ".mov", ".mov", f"{VIDEO} rotation", {"rotation": 180}),
    Row("turned by 270°", Clip(turn=270), ".mp4", ".mkv", f"{VIDEO} rotation", {"rotation": 270}),
    Row("sample aspect 4:3", Clip(aspect=Fraction(4, 3)), ".mp4", ".mp4", has={"aspect": "4:3"}),
    Row("sample aspect 4:3 in MKV", Clip(aspect=Fraction(4, 3)), ".mkv", ".mkv", has={"aspect": "4:3"}),
    Row("431x333 in 4:4:4", Clip(pix_fmt="yuv444p", size=(431, 333), frames=12), ".mp4", ".mp4", has={"size": (431, 333)}),
    Row(
        "431x333 in 4:2:0",
        Clip("libvpx-vp9", size=(431, 333), frames=12, sounds=OPUS),
        ".webm",
        ".webm",
        has={"size": (431, 333), "pix_fmt": "yuv420p"},
    ),
    Row("4:2:2", Clip(pix_fmt="yuv422p"), ".mp4", ".mp4", has={"pix_fmt": "yuv422p"}),
    Row("4:4:4", Clip(pix_fmt="yuv444p"), ".mov", ".mov", has={"pix_fmt": "yuv444p"}),
    # H.264 has 4:0:0 too, and decoders give it a chroma that is grey: so the format is not compared.
    Row("4:0:0", Clip("libx265", "gray"), ".mp4", ".mp4", "frames times film size aspect fields sound", {"pix_fmt": "gray"}),
    Row("4:1:1", Clip("ffv1", "yuv411p"), ".mkv", ".mkv", has={"pix_fmt": "yuv411p"}),
    Row("10 bit 4:2:0", Clip(pix_fmt="yuv420p10le"), ".mp4", ".mp4", has={"pix_fmt": "yuv420p10le"}),
    Row("10 bit 4:2:2", Clip(pix_fmt="yuv422p10le"), ".mkv", ".mkv", has={"pix_fmt": "yuv422p10le"}),
    Row("10 bit 4:4:4", Clip("libx265", "yuv444p10le"), ".mp4", ".mp4", has={"pix_fmt": "yuv444p10le"}),
    Row("12 bit 4:2:0", Clip("libx265", "yuv420p12le"), ".mp4", ".mp4", has={"pix_fmt": "yuv420p12le"}),
    Row("16 bit 4:4:4", Clip("ffv1", "yuv444p16le"), ".mkv", ".mkv", has={"pix_fmt": "yuv444p16le"}),
    Row("full range, 709", Clip(colour=(2, 1, 1, 1)), ".mp4", ".mp4", has={"colour": ("pc", "bt709", "bt709", "bt709")}),
    Row("limited range, 709", Clip(colour=(1, 1, 1, 1)), ".mkv", ".mkv", has={"colour": ("tv", "bt709", "bt709", "bt709")}),
    Row("601", Clip(colour=(1, 6, 6, 6)), ".mp4", ".mp4", has={"colour": ("tv", "smpte170m", "smpte170m", "smpte170m")}),
    Row(
        "2020, not HDR",
        Clip("libx265", "yuv420p10le", colour=(1, 9, 14, 9)),
        ".mp4",
        ".mp4",
        has={"colour": ("tv", "bt2020", "bt2020-10", "bt2020nc")},
    ),
    Row(
        "PQ with HDR10 metadata",
        Clip("libx265", "yuv420p10le", options={"crf": "20", "x265-params": HDR10}, colour=(1, 9, 16, 9)),
        ".mp4",
        ".mp4",
        f"{VIDEO} hdr",
        {"colour": ("tv", "bt2020", "smpte2084", "bt2020nc")},
    ),
    Row(
        "PQ with HDR10 metadata, into MKV",
        Clip("libx265", "yuv420p10le", options={"crf": "20", "x265-params": HDR10}, colour=(1, 9, 16, 9)),
        ".mp4",
        ".mkv",
        f"{VIDEO} hdr",
    ),
    Row(
        "HLG",
        Clip("libx265", "yuv420p10le", colour=(1, 9, 18, 9)),
        ".mp4",
        ".mp4",
        has={"colour": ("tv", "bt2020", "arib-std-b67", "bt2020nc")},
    ),
    Row(
        "alpha: ProRes 4444",
        Clip("prores_ks", "yuva444p10le", options={"profile": "4444", "alpha_bits": "16"}, alpha=True, sounds=PCM),
        ".mov",
        ".mov",
        "frames times size pix_fmt alpha sound",
        {"pix_fmt": "yuva444p12le"},
    ),
    Row(
        "alpha: VP9",
        Clip("libvpx-vp9", "yuva420p", alpha=True, sounds=OPUS),
        ".webm",
        ".webm",
        "frames times size alpha sound",
    ),
    Row(
        "alpha: PNG in MOV",
        Clip("png", "rgba", alpha=True, sounds=PCM),
        ".mov",
        ".mov",
        "frames times size alpha sound",
        {"pix_fmt": "gbrap"},
    ),
    Row(
        "alpha: FFV1",
        Clip("ffv1", "bgra", alpha=True),
        ".mkv",
        ".mkv",
        "frames times size pix_fmt alpha sound",
        {"pix_fmt": "gbrap"},
    ),
)
_TWO = (
    Sound("aac", 440, language="eng", title="English"),
    Sound("ac3", 660, language="deu", title="Deutsch", default=False),
)
TRACKS = (
    Row(
        "two sound tracks",
        Clip(sounds=_TWO),
        ".mp4",
        ".mp4",
        f"{VIDEO} languages default",
        {"languages": ["eng", "deu"], "default": [1, 0]},
    ),
    Row(
        "two sound tracks in MKV",
        Clip(sounds=_TWO),
        ".mkv",
        ".mkv",
        f"{VIDEO} languages titles default",
        {"languages": ["eng", "deu"], "titles": ["English", "Deutsch"], "default": [1, 0]},
    ),
    Row("Opus and FLAC", Clip(sounds=(Sound("libopus"), Sound("flac"))), ".mkv", ".mkv"),
    Row("Opus and FLAC into MP4", Clip(sounds=(Sound("libopus"), Sound("flac"))), ".mkv", ".mp4"),
    Row("PCM of 24 bit", Clip(sounds=(Sound("pcm_s24le"),)), ".mov", ".mov"),
    Row("PCM into MP4", Clip(sounds=PCM), ".mov", ".mp4", f"{PICTURE} heard", {"sound_codecs": ["pcm_s16le"]}),
    Row("MP3", Clip(sounds=MP3), ".mp4", ".mp4"),
    Row("AC-3", Clip(sounds=(Sound("ac3"),)), ".mov", ".mov"),
    Row("Vorbis into MP4", Clip("libvpx", sounds=(Sound("vorbis"),)), ".webm", ".mp4", f"{PICTURE} heard"),
    Row("sound longer than the video", Clip(sounds=(Sound(seconds=2),)), ".mp4", ".mp4", f"{VIDEO} heard"),
    Row("no sound", Clip(sounds=()), ".mp4", ".mp4", PICTURE),
    Row(
        "subtitles: SubRip",
        Clip(subtitles=(Subtitles("subrip", title="All"),)),
        ".mkv",
        ".mkv",
        f"{VIDEO} subtitles languages titles",
        {"languages": ["", "eng"], "titles": ["", "All"]},
    ),
    Row(
        "subtitles: MP4 text",
        Clip(subtitles=(Subtitles("mov_text"),)),
        ".mp4",
        ".mp4",
        f"{VIDEO} subtitles languages",
        {"subtitles": [100, 400, "First line", 500, 900, "Second line"]},
    ),
    Row(
        "subtitles: WebVTT",
        Clip("libvpx-vp9", sounds=OPUS, subtitles=(Subtitles("webvtt"),)),
        ".webm",
        ".webm",
        f"{VIDEO} subtitles languages",
        {"languages": ["", "eng"]},
    ),
    Row(
        "subtitles: SubRip into MP4",
        Clip(subtitles=(Subtitles("subrip"),)),
        ".mkv",
        ".mp4",
        f"{VIDEO} subtitles languages",
        {"languages": ["", "eng"]},
    ),
    Row("subtitles: MP4 text into MKV", Clip(subtitles=(Subtitles("mov_text"),)), ".mp4", ".mkv", f"{VIDEO} subtitles"),
    Row("subtitles: SubRip into WebM", Clip("libvpx-vp9", subtitles=(Subtitles("subrip"),)), ".mkv", ".webm", "subtitles"),
    Row(
        "chapters, title, artist",
        Clip(chapters=((0, 400, "One"), (400, 960, "Two")), metadata={"title": "A title", "artist": "An artist"}),
        ".mp4",
        ".mp4",
        f"{VIDEO} chapters metadata",
        {"chapters": [(0, 400, "One"), (400, 960, "Two")], "metadata": {"title": "A title", "artist": "An artist"}},
    ),
    Row(
        "chapters, title, artist in MKV",
        Clip(chapters=((0, 400, "One"), (400, 960, "Two")), metadata={"title": "A title", "artist": "An artist"}),
        ".mkv",
        ".mkv",
        f"{VIDEO} chapters metadata",
        {"chapters": [(0, 400, "One"), (400, 960, "Two")], "metadata": {"title": "A title", "artist": "An artist"}},
    ),
    Row("time code", Clip(timecode="01:02:03:04"), ".mov", ".mov", f"{VIDEO} timecode", {"timecode": "01:02:03:04"}),
    Row("attachment", Clip(attachment=FONT), ".mkv", ".mkv", f"{VIDEO} attachments"),
    Row("attachment into MP4", Clip(attachment=FONT), ".mkv", ".mp4", becomes={"attachments": []}),
)
ASKED_FOR = (
    Row(
        "trimmed by seconds",
        Clip(),
        ".mp4",
        ".mp4",
        "size pix_fmt sound_codecs",
        becomes={"frames": 10, "times": _even(10), "heard": [Fraction(0), Fraction(2, 5)]},
        options={"trim_start": "0.2", "trim_end": "0.6"},
    ),
    Row(
        "trimmed by frames, in MKV",
        Clip(options=_x264(g="6")),
        ".mkv",
        ".mkv",
        "size pix_fmt sound_codecs",
        becomes={"frames": 10, "times": _even(10), "heard": [Fraction(0), Fraction(2, 5)]},
        options={"trim_start": "7f", "trim_end": "17f"},
    ),
    Row(
        "another rate",
        Clip(),
        ".mp4",
        ".mp4",
        "size pix_fmt sound heard",
        becomes={"steps": {1 / NTSC}},
        options={"fps": "30000/1001"},
    ),
    Row(
        "another rate for a variable one",
        Clip(pts=GAPS, frames=len(GAPS), time_base=Fraction(1, 1000), sounds=(Sound(seconds=3.7),)),
        ".mp4",
        ".mp4",
        "size pix_fmt sound heard",
        becomes={"steps": EVEN},
        options={"fps": "25"},
    ),
    Row(
        "half the size", Clip(), ".mp4", ".mp4", "frames times film pix_fmt sound", {}, {"size": (64, 48)}, {"scale": "50%"}
    ),
    Row(
        "a turned one, half the size",
        Clip(turn=90),
        ".mp4",
        ".mp4",
        "frames times rotation film sound",
        {},
        {"size": (64, 48)},
        {"scale": "48x64"},
    ),
    Row(
        "deinterlaced",
        Clip(options=_x264(flags="+ildct+ilme", **{"x264-params": "tff=1"})),
        ".mp4",
        ".mp4",
        "frames times film size sound",
        {"fields": ("tff", "interlaced")},
        {"fields": ("progressive", "progressive")},
        {"deinterlace": True},
    ),
    Row(
        "without sound",
        Clip(),
        ".mp4",
        ".mp4",
        PICTURE,
        {"sound_codecs": ["aac"]},
        {"sound_codecs": []},
        {"skip_audio": True},
    ),
    Row("by libx265", Clip(), ".mp4", ".mp4", VIDEO, {}, {"codec": "hevc"}, {"encoder": "libx265"}),
    Row(
        "by libsvtav1",
        Clip(),
        ".mp4",
        ".mp4",
        "frames times film size sound",
        {},
        {"codec": "av1"},
        {"encoder": "libsvtav1"},
    ),
    Row("by libvpx-vp9", Clip(), ".mkv", ".mkv", VIDEO, {}, {"codec": "vp9"}, {"encoder": "libvpx-vp9"}),
    Row("by ffv1", Clip(), ".mp4", ".mkv", VIDEO, {}, {"codec": "ffv1"}, {"encoder": "ffv1"}),
    Row(
        "by prores_ks", Clip(pix_fmt="yuv422p10le"), ".mp4", ".mov", VIDEO, {}, {"codec": "prores"}, {"encoder": "prores_ks"}
    ),
    Row(
        "4:2:0 out of 4:4:4",
        Clip(pix_fmt="yuv444p"),
        ".mp4",
        ".mp4",
        "frames times film size sound",
        {"pix_fmt": "yuv444p"},
        {"pix_fmt": "yuv420p"},
        {"pixel_format": "yuv420p"},
    ),
)
