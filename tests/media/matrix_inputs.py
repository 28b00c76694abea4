"""The inputs of the matrix: small clips, pictures, animations and folders, described as values and made when asked for."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

HDR10 = "hdr10=1:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400"


@dataclass(frozen=True, slots=True)
class Sound:
    """A tone of ``seconds`` from ``begin`` on."""

    encoder: str = "aac"
    pitch: int = 440
    seconds: float = 1.0
    begin: Fraction = Fraction(0)
    language: str = ""
    title: str = ""
    default: bool = True


@dataclass(frozen=True, slots=True)
class Subtitles:
    """Lines as (begin, end, text), in milliseconds, written as ``codec`` keeps them."""

    codec: str
    lines: tuple[tuple[int, int, str], ...] = ((100, 400, "First line"), (500, 900, "Second line"))
    language: str = "eng"
    title: str = ""


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip of moving waves. ``pts`` count in ``time_base``.

    ``colour`` is (range, primaries, transfer, space) in H.273's numbers. ``alpha`` is a ramp that moves. ``turn`` is the
    display matrix in degrees, anticlockwise.
    """

    encoder: str = "libx264"
    pix_fmt: str = "yuv420p"
    size: tuple[int, int] = (128, 96)
    frames: int = 24
    rate: Fraction = Fraction(25)
    pts: tuple[int, ...] = ()
    time_base: Fraction | None = None
    options: dict[str, str] = field(default_factory=dict)
    colour: tuple[int, int, int, int] | None = None
    aspect: Fraction | None = None
    turn: int = 0
    alpha: bool = False
    sounds: tuple[Sound, ...] = (Sound(),)
    subtitles: tuple[Subtitles, ...] = ()
    chapters: tuple[tuple[int, int, str], ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)
    attachment: bytes = b""
    timecode: str = ""
    muxing: dict[str, str] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        with av.open(str(path), "w", options=self.muxing) as sink:
            sink.metadata.update(self.metadata)
            if self.chapters:
                sink.set_chapters([_chapter(number, *one) for number, one in enumerate(self.chapters, 1)])
            if self.attachment:
                sink.add_attachment("font.ttf", "application/x-truetype-font", self.attachment)
            video = self._video(sink)
            tones = [(_tone_track(sink, sound), sound) for sound in self.sounds]
            texts = [(_text_track(sink, text), text) for text in self.subtitles]
            for picture in self._pictures():
                picture.time_base = video.codec_context.time_base
                sink.mux(video.encode(picture))
            sink.mux(video.encode(None))
            for track, sound in tones:
                for samples in _tone(sound):
                    sink.mux(track.encode(samples))
                sink.mux(track.encode(None))
            for track, text in texts:
                for packet in _texts(text, track):
                    sink.mux(packet)
        if self.turn:
            _turn(path, self.turn)

    def _video(self, sink: Any) -> Any:
        options = {"crf": "20"} if self.encoder in ("libx264", "libx265") and not self.options else dict(self.options)
        if self.encoder == "libx265":
            options["x265-params"] = ":".join(filter(None, (options.get("x265-params"), "log-level=error")))
        stream = sink.add_stream(self.encoder, rate=self.rate, options=options)
        stream.width, stream.height, stream.pix_fmt = *self.size, self.pix_fmt
        if self.timecode:
            stream.metadata["timecode"] = self.timecode
        context = stream.codec_context
        context.time_base = self.time_base or 1 / self.rate
        context.thread_count = 2
        if self.colour is not None:
            context.color_range, context.color_primaries, context.color_trc, context.colorspace = self.colour
        if self.aspect is not None:
            context.sample_aspect_ratio = self.aspect
        return stream

    def _pictures(self) -> Any:
        for number in range(self.frames):
            rgb = waves(self.size, number)
            if self.alpha:
                ramp = np.tile(np.linspace(0, 255, self.size[0]), (self.size[1], 1))
                rgb = np.dstack([rgb, np.roll(ramp, 3 * number, axis=1).astype(np.uint8)])
            made = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgba" if self.alpha else "rgb24")
            if self.colour is None:
                picture = made.reformat(format=self.pix_fmt)
            else:
                kind, primaries, transfer, space = self.colour
                to: dict[str, Any] = {"dst_color_primaries": primaries, "dst_color_trc": transfer}
                picture = made.reformat(format=self.pix_fmt, dst_colorspace=min(space, 9), dst_color_range=kind)
                picture.color_range, picture.color_primaries = kind, primaries
                picture.color_trc, picture.colorspace = to["dst_color_trc"], space
            picture.pts = self.pts[number] if self.pts else number
            yield picture


@dataclass(frozen=True, slots=True)
class Remuxed:
    """Another clip, packet by packet, written as ``suffix`` first: video moved by ``shift`` seconds, some times altered.

    ``again`` says which packets are given the time of the one before.
    """

    clip: Clip
    suffix: str = ".mp4"
    shift: Fraction = Fraction(0)
    shift_sound: Fraction = Fraction(0)
    again: frozenset[int] = frozenset()
    muxing: dict[str, str] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        between = path.with_name(f"between-{path.stem}{self.suffix}")
        self.clip.write(between)
        with av.open(str(between)) as source, av.open(str(path), "w", options=self.muxing) as sink:
            streams = {stream.index: sink.add_stream_from_template(stream) for stream in source.streams}
            before, number = 0, 0
            for packet in source.demux():
                if packet.dts is None:
                    continue
                is_video = packet.stream.type == "video"
                moved = round((self.shift if is_video else self.shift_sound) / packet.time_base)
                packet.stream = streams[packet.stream.index]
                packet.pts, packet.dts = (packet.pts or 0) + moved, packet.dts + moved
                if is_video:
                    if number in self.again:
                        packet.pts = packet.dts = before
                    before, number = packet.pts, number + 1
                sink.mux(packet)
        between.unlink()


@dataclass(frozen=True, slots=True)
class Still:
    """A picture that ``draw`` writes."""

    draw: Callable[[Path], None]

    def write(self, path: Path) -> None:
        self.draw(path)


@dataclass(frozen=True, slots=True)
class Animation:
    """Moving waves with a delay of its own for each frame, in milliseconds. ``loop`` as Pillow's; None writes none."""

    delays: tuple[int, ...] = (40, 70, 250, 100, 1000, 40)
    loop: int | None = 0
    alpha: bool = False
    size: tuple[int, int] = (96, 64)

    def write(self, path: Path) -> None:
        pictures = [Image.fromarray(self._rgb(number)) for number in range(len(self.delays))]
        more: dict[str, Any] = {} if self.loop is None else {"loop": self.loop}
        if path.suffix == ".webp":
            more |= {"lossless": True}
        first, *rest = pictures
        first.save(path, save_all=True, append_images=rest, duration=list(self.delays), **more)

    def _rgb(self, number: int) -> NDArray[np.uint8]:
        rgb = waves(self.size, number)
        if not self.alpha:
            return rgb
        opaque = np.zeros((*rgb.shape[:2], 1), np.uint8)
        opaque[8:-8, 8 + number : -8] = 255
        return np.dstack([rgb, opaque])


@dataclass(frozen=True, slots=True)
class Folder:
    """Pictures in a folder, one file each, whose natural order is not that of their letters."""

    count: int = 11
    size: tuple[int, int] = (64, 48)

    def write(self, path: Path) -> None:
        path.mkdir()
        for number in range(1, self.count + 1):
            Image.fromarray(waves(self.size, number)).save(path / f"shot {number}.png")


Made = Clip | Remuxed | Still | Animation | Folder


def waves(size: tuple[int, int], number: int) -> NDArray[np.uint8]:
    """R, G, B ``(height, width, 3)``, in colours between the limits, moving with ``number``."""
    width, height = size
    y, x = np.mgrid[:height, :width]
    rings = np.sin((x + 3 * number) / 9) + np.cos((y - 2 * number) / 7)
    return np.stack([rings * 30 + 120 + shift for shift in (0, 20, -20)], axis=-1).astype(np.uint8)


def _chapter(number: int, start_ms: int, end_ms: int, title: str) -> Any:
    about = {"id": number, "start": start_ms, "end": end_ms, "time_base": Fraction(1, 1000)}
    return {**about, "metadata": {"title": title}}


def _tone_track(sink: Any, sound: Sound) -> Any:
    options = {"strict": "-2"} if sound.encoder == "vorbis" else {}
    track = sink.add_stream(sound.encoder, rate=48000, options=options)
    track.layout = "stereo"
    _describe(track, sound.language, sound.title)
    track.disposition = av.stream.Disposition.default if sound.default else av.stream.Disposition(0)
    return track


def _tone(sound: Sound) -> Any:
    wave = np.sin(np.arange(int(48000 * sound.seconds)) * sound.pitch * 2 * np.pi / 48000) * 6000
    first = int(sound.begin * 48000)
    for start in range(0, len(wave), 1024):
        part = np.repeat(wave[start : start + 1024].astype(np.int16), 2)[None]
        samples = av.AudioFrame.from_ndarray(part, format="s16", layout="stereo")
        samples.sample_rate, samples.pts, samples.time_base = 48000, first + start, Fraction(1, 48000)
        yield samples


def _text_track(sink: Any, text: Subtitles) -> Any:
    track = sink.add_mux_stream(text.codec)
    track.time_base = Fraction(1, 1000)
    _describe(track, text.language, text.title)
    return track


def _texts(text: Subtitles, track: Any) -> Any:
    for begin, end, line in text.lines:
        data = line.encode()
        packet = av.Packet(struct.pack(">H", len(data)) + data if text.codec == "mov_text" else data)
        packet.stream, packet.time_base = track, Fraction(1, 1000)
        packet.pts = packet.dts = begin
        packet.duration, packet.is_keyframe = end - begin, True
        yield packet


def _describe(track: Any, language: str, title: str) -> None:
    for key, value in (("language", language), ("title", title)):
        if value:
            track.metadata[key] = value


def _turn(path: Path, turn: int) -> None:
    """Overwrite the first track's matrix (``tkhd``, ISO/IEC 14496-12): 16.16 fixed point, clockwise."""
    a, b, c, d = {270: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 90: (0, -1, 1, 0)}[turn]
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4
    at += 4 + (32 if data[at] == 1 else 20) + 16
    one = 1 << 16
    data[at : at + 36] = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def saved(mode: str, **options: Any) -> Still:
    """A picture of Pillow's ``mode``, saved with ``options``."""

    def draw(path: Path) -> None:
        rgb = Image.fromarray(waves((128, 96), 1))
        if mode == "RGBA":
            rgb.putalpha(Image.fromarray(np.tile(np.linspace(0, 255, 128), (96, 1)).astype(np.uint8)))
        picture = rgb if mode in ("RGB", "RGBA") else rgb.convert(mode)
        picture.save(path, **{key: value() if callable(value) else value for key, value in options.items()})

    return Still(draw)


def exif(orientation: int = 1) -> Callable[[], Image.Exif]:
    """An EXIF block with a maker, a time, a place, and which way is up."""

    def make() -> Image.Exif:
        block = Image.Exif()
        block[0x0112], block[0x010F] = orientation, "A maker"
        block.get_ifd(0x8769)[0x9003] = "2020:01:02 03:04:05"
        block.get_ifd(0x8825)[1] = "N"
        block.get_ifd(0x8825)[2] = (51.0, 30.0, 0.0)
        return block

    return make


def profile() -> bytes:
    """An ICC profile for R, G, B."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def deep_png(channels: int) -> Still:
    """16 bit a channel: grey (1), R G B (3), or with alpha (4)."""
    return Still(lambda path: path.write_bytes(_png16(_deep(channels))) and None)


def deep_tiff() -> Still:
    """R, G, B of 16 bit in an uncompressed TIFF, written by bytes: Pillow has no such mode."""
    return Still(lambda path: path.write_bytes(_tiff16(_deep(3))) and None)


def pages(count: int = 3) -> Still:
    """A TIFF of several pictures."""

    def draw(path: Path) -> None:
        first, *rest = (Image.fromarray(waves((64, 48), number)) for number in range(count))
        first.save(path, save_all=True, append_images=rest, compression="tiff_deflate")

    return Still(draw)


def _deep(channels: int) -> NDArray[np.uint16]:
    """All 16 bits are used: ``(48, 64, channels)``."""
    y, x = np.mgrid[:48, :64]
    return np.stack([(x * 1021 + y * 13 + shift * 4099) % 65536 for shift in range(channels)], -1).astype(np.uint16)


def _png16(pixels: NDArray[np.uint16]) -> bytes:
    kind = {1: "gray16be", 3: "rgb48be", 4: "rgba64be"}[pixels.shape[2]]
    context = av.CodecContext.create("png", "w")
    context.width, context.height, context.pix_fmt = pixels.shape[1], pixels.shape[0], kind
    context.time_base = Fraction(1, 25)
    frame = av.VideoFrame(context.width, context.height, kind)
    rows = pixels.astype(">u2").reshape(pixels.shape[0], -1)
    plane = np.frombuffer(frame.planes[0], ">u2").reshape(context.height, -1)  # type: ignore[call-overload]
    plane[:, : rows.shape[1]] = rows
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])


def _tiff16(pixels: NDArray[np.uint16]) -> bytes:
    height, width, channels = pixels.shape
    body = pixels.astype("<u2").tobytes()
    strip, bits = 8, 8 + len(body)
    # (tag, type, count, value) of TIFF 6.0; 3 is a 16 bit number, 4 one of 32.
    tags: Sequence[tuple[int, int, int, int]] = (
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, channels, bits),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (273, 4, 1, strip),
        (277, 3, 1, channels),
        (278, 4, 1, height),
        (279, 4, 1, len(body)),
        (284, 3, 1, 1),
    )
    table = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    depths = struct.pack(f"<{channels}H", *[16] * channels)
    return struct.pack("<2sHI", b"II", 42, bits + len(depths)) + body + depths + table
