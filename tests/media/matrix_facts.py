"""What the matrix asks of a file; Pillow is asked about pictures where ffprobe and exiftool know less."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from matrix_seen import Seen, call, decoded
from PIL import Image, ImageOps, ImageSequence

_TAGS = ("title", "artist", "album", "genre", "date", "copyright")
# The same samples under another name.
_SAME_FORMAT = {
    "rgb24": "gbrp",
    "bgr24": "gbrp",
    "bgr0": "gbrp",
    "rgba": "gbrap",
    "bgra": "gbrap",
    "argb": "gbrap",
    "rgb48le": "gbrp16le",
    "rgb48be": "gbrp16le",
    "gbrp16be": "gbrp16le",
    "rgba64be": "gbrap16le",
    "rgba64le": "gbrap16le",
    "gray16be": "gray16le",
    "yuvj420p": "yuv420p",
    "yuvj422p": "yuv422p",
    "yuvj444p": "yuv444p",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """``words`` are for the table in the documentation; ``same`` compares an input's with an output's, given a tolerance."""

    words: str
    get: Callable[[Seen], Any]
    same: Callable[[Any, Any, Fraction], bool] = lambda a, b, _: bool(a == b)


def _near(a: Any, b: Any, tolerance: Fraction) -> bool:
    return len(a) == len(b) and all(abs(one - other) <= tolerance for one, other in zip(a, b, strict=True))


def _begin(seen: Seen) -> Fraction:
    """MPEG-TS counts from any number on; what counts is how its tracks lie to each other."""
    return Fraction(seen.probed["format"]["start_time"]) if seen.path.suffix == ".ts" else Fraction(0)


def _times(seen: Seen) -> list[Fraction]:
    base, begin = Fraction(seen.video["time_base"]), _begin(seen)
    return [(frame["pts"] if "pts" in frame else frame["best_effort_timestamp"]) * base - begin for frame in seen.shown]


def _steps(seen: Seen) -> set[Fraction]:
    """How far frames lie apart."""
    return {later - earlier for earlier, later in pairwise(_times(seen))}


def _end(seen: Seen) -> list[Fraction]:
    video = seen.video
    return [(video["start_pts"] + video["duration_ts"]) * Fraction(video["time_base"])]


def _pix_fmt(seen: Seen) -> str:
    name = seen.video["pix_fmt"]
    return _SAME_FORMAT.get(name, name)


def _colour(seen: Seen) -> tuple[str, ...]:
    """As decoded, which is what is shown. Where a range is not said, all players take the same."""
    usual = {"color_range": "pc" if _pix_fmt(seen).startswith("gbr") else "tv"}
    said = usual | seen.video | seen.shown[0]
    return tuple(said.get(f"color_{name}", "unknown") for name in ("range", "primaries", "transfer", "space"))


def _side_data(seen: Seen, kind: str) -> dict[str, Any]:
    places = [*(frame.get("side_data_list", ()) for frame in seen.shown[:1]), seen.video.get("side_data_list", ())]
    for data in (one for place in places for one in place):
        if data["side_data_type"] == kind:
            return {key: value for key, value in data.items() if key != "side_data_type"}
    return {}


def _hdr(seen: Seen) -> dict[str, Any]:
    said = _side_data(seen, "Mastering display metadata") | _side_data(seen, "Content light level metadata")
    return {key: Fraction(value) for key, value in said.items()}


def _interlaced(seen: Seen) -> tuple[str, ...]:
    """The container's word, and whether every frame says so."""
    order = {"tt": "tff", "tb": "tff", "bb": "bff", "bt": "bff"}.get(seen.video.get("field_order", ""), "progressive")
    return (order, "interlaced" if all(frame["interlaced_frame"] for frame in seen.shown) else "progressive")


def _rotation(seen: Seen) -> int:
    return int(_side_data(seen, "Display Matrix").get("rotation", 0)) % 360


def _aspect(seen: Seen) -> str:
    said = seen.video.get("sample_aspect_ratio", "1:1")
    return "1:1" if said in ("0:1", "N/A") else str(said)


def _size(seen: Seen) -> tuple[int, int]:
    return seen.video["width"], seen.video["height"]


def _sound(seen: Seen) -> list[list[tuple[str, Fraction, bool]]]:
    """Of each track: (MD5, when it is heard, whether a player drops it) for every packet."""
    tracks = []
    for stream in seen.streams("audio"):
        base, begin = Fraction(stream["time_base"]), _begin(seen)
        packets = seen.packets(stream)
        hashes = [packet["data_hash"].removeprefix("MD5:") for packet in packets]
        if seen.path.suffix == ".ts" and stream["codec_name"] == "aac":
            hashes = _without_adts(seen, stream["index"])
        tracks.append([(h, p["pts"] * base - begin, "D" in p["flags"]) for h, p in zip(hashes, packets, strict=True)])
    return tracks


def _without_adts(seen: Seen, index: int) -> list[str]:
    """In MPEG-TS each packet of AAC has a header of its own, which no other container keeps."""
    copy = ("-map", f"0:{index}", "-c", "copy", "-bsf:a", "aac_adtstoasc", "-f", "framemd5")
    lines = decoded(seen, *copy).decode().splitlines()
    return [line.split(",")[5].strip() for line in lines if not line.startswith("#")]


def _same_sound(source: Any, output: Any, tolerance: Fraction) -> bool:
    """Every packet, bit by bit and at its time; only what a player drops before the beginning may be missing."""
    if len(source) != len(output):
        return False
    for before, after in zip(source, output, strict=True):
        dropped, kept = before[: len(before) - len(after)], before[len(before) - len(after) :]
        if not all(one[2] for one in dropped) or [one[0] for one in kept] != [one[0] for one in after]:
            return False
        if not all(abs(a[1] - b[1]) <= tolerance for a, b in zip(kept, after, strict=True)):
            return False
    return True


def _sound_codecs(seen: Seen) -> list[str]:
    return [stream["codec_name"] for stream in seen.streams("audio")]


def _heard(seen: Seen) -> list[Fraction]:
    """When each track begins and ends, against the first frame."""
    first, found = _times(seen)[0], []
    for stream, track in zip(seen.streams("audio"), _sound(seen), strict=True):
        heard = [time for _, time, drop in track if not drop]
        last = seen.packets(stream)[-1].get("duration", 0) * Fraction(stream["time_base"])
        found += [min(heard) - first, max(heard) + last - first]
    return found


def _tracks(seen: Seen, tag: str) -> list[str]:
    said = [stream.get("tags", {}).get(tag, "") for kind in ("audio", "subtitle") for stream in seen.streams(kind)]
    return ["" if word == "und" else word for word in said]


def _default(seen: Seen) -> list[int]:
    return [stream["disposition"]["default"] for stream in seen.streams("audio")]


def _subtitles(seen: Seen) -> list[list[Any]]:
    """Of each track: begin and end in seconds, flat, then the texts."""
    tracks = []
    for number in range(len(seen.streams("subtitle"))):
        text = decoded(seen, "-map", f"0:s:{number}", "-f", "srt", before=("-copyts",)).decode()
        lines = re.findall(r"(\d+):(\d+):(\d+),(\d+) --> (\d+):(\d+):(\d+),(\d+)\n(.*)", text)
        for line in lines:
            numbers = [int(word) for word in line[:8]]
            for h, m, s, ms in (numbers[:4], numbers[4:]):
                tracks.append(((h * 60 + m) * 60 + s) * 1000 + ms)
            tracks.append(re.sub(r"<[^>]*>", "", line[8]))
    return tracks


def _same_subtitles(source: Any, output: Any, tolerance: Fraction) -> bool:
    if len(source) != len(output):
        return False
    pairs = zip(source, output, strict=True)
    return all(a == b if isinstance(a, str) or isinstance(b, str) else abs(a - b) <= 1 for a, b in pairs)


def _chapters(seen: Seen) -> list[tuple[int, int, str]]:
    """(begin, end, title), in milliseconds."""
    return [
        (round(float(one["start_time"]) * 1000), round(float(one["end_time"]) * 1000), one["tags"]["title"])
        for one in seen.probed["chapters"]
    ]


def _metadata(seen: Seen) -> dict[str, str]:
    tags = {key.lower(): value for key, value in seen.probed["format"].get("tags", {}).items()}
    return {key: tags[key] for key in _TAGS if key in tags}


def _attachments(seen: Seen) -> list[tuple[str, str, str]]:
    return [
        (stream["tags"]["filename"], stream["tags"]["mimetype"], stream["extradata_hash"])
        for stream in seen.streams("attachment")
    ]


def _alpha(seen: Seen) -> list[int]:
    """Alpha of the first and the last frame in twelve places, 0..255; empty where there is none."""
    decoder = ("-c:v", "libvpx-vp9") if seen.video["codec_name"] == "vp9" else ()
    small = "alphaextract,scale=4:3:flags=area:in_range=full:out_range=full,format=gray"
    raw = decoded(seen, "-map", "0:v:0", "-vf", small, "-f", "rawvideo", before=decoder)
    return [*raw[:12], *raw[-12:]]


def _film(seen: Seen) -> Any:
    """Every frame of a video as 8x6 R, G, B, or every picture of a folder by the numbers in their names."""
    if seen.path.is_dir():
        files = sorted(seen.path.iterdir(), key=lambda path: int(re.sub(r"\D", "", path.stem)))
        return [page for path in files for page in _look(Seen(path))]
    small = "scale=8:6:flags=area+accurate_rnd,format=rgb24"
    made = decoded(seen, "-map", "0:v:0", "-fps_mode", "passthrough", "-vf", small, "-f", "rawvideo")
    raw = np.frombuffer(made, np.uint8)
    return raw.reshape(-1, 6, 8, 3).astype(int).tolist()


def _within(levels: int) -> Callable[[Any, Any, Fraction], bool]:
    def same(a: Any, b: Any, _: Fraction) -> bool:
        return np.shape(a) == np.shape(b) and bool(np.all(np.abs(np.subtract(a, b, dtype=int)) <= levels))

    return same


def _pixels(seen: Seen) -> str:
    """MD5 of every sample of every picture, R, G, B and alpha, at the depth there is."""
    depth = "rgba64le" if "16" in _pix_fmt(seen) else "rgba"
    return hashlib.md5(decoded(seen, "-f", "rawvideo", "-pix_fmt", depth)).hexdigest()


def _look(seen: Seen) -> Any:
    """Every picture as 8x6 R, G, B, over grey and upright."""
    with Image.open(seen.path) as image:
        return [_small(page) for page in ImageSequence.Iterator(image)]


def _small(page: Image.Image) -> Any:
    upright = ImageOps.exif_transpose(page)
    if upright.mode.startswith("I;16"):
        upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
    rgba = upright.convert("RGBA")
    whole = Image.alpha_composite(Image.new("RGBA", rgba.size, (128, 128, 128, 255)), rgba).convert("RGB")
    return np.asarray(whole.resize((8, 6), Image.Resampling.BOX), int).tolist()


def _picture_size(seen: Seen) -> tuple[int, int]:
    """As shown."""
    with Image.open(seen.path) as image:
        return ImageOps.exif_transpose(image).size


def _dpi(seen: Seen) -> list[float]:
    with Image.open(seen.path) as image:
        return [round(float(one)) for one in image.info.get("dpi", ())]


def _icc(seen: Seen) -> str:
    return hashlib.md5(call("exiftool", "-b", "-icc_profile", str(seen.path))).hexdigest()


def _exif(seen: Seen) -> dict[str, Any]:
    return {key: seen.exif.get(key) for key in ("Make", "DateTimeOriginal")}


def _place(seen: Seen) -> bool:
    return any("GPS" in key for key in seen.exif)


def _delays(seen: Seen) -> list[int]:
    with Image.open(seen.path) as image:
        delays = []
        for page in ImageSequence.Iterator(image):
            page.load()  # WebP's is known only then
            delays.append(round(page.info.get("duration", 0)))
        return delays


def _loop(seen: Seen) -> int | None:
    """0 for ever."""
    with Image.open(seen.path) as image:
        said = image.info.get("loop")
        return None if said is None else int(said)


def _count(seen: Seen) -> int:
    with Image.open(seen.path) as image:
        return int(getattr(image, "n_frames", 1))


FACTS: dict[str, Fact] = {
    "frames": Fact("frames", lambda seen: len(seen.shown)),
    "times": Fact("every time", _times, _near),
    "steps": Fact("even times", _steps),
    "rising": Fact("times that rise", lambda seen: all(step > 0 for step in _steps(seen))),
    "timecode": Fact("time code", lambda seen: seen.video.get("tags", {}).get("timecode", "")),
    "film": Fact("look of every frame", _film, _within(12)),
    "files": Fact("names", lambda seen: sorted(path.name for path in seen.path.iterdir())),
    "end": Fact("end", _end, _near),
    "size": Fact("size", _size),
    "aspect": Fact("sample aspect", _aspect),
    "pix_fmt": Fact("depth and chroma", _pix_fmt),
    "colour": Fact("colour tags", _colour),
    "hdr": Fact("HDR metadata", _hdr),
    "fields": Fact("fields", _interlaced),
    "rotation": Fact("rotation", _rotation),
    "alpha": Fact("alpha", _alpha, _within(6)),
    "codec": Fact("codec", lambda seen: seen.video["codec_name"]),
    "sound": Fact("sound bit by bit", _sound, _same_sound),
    "sound_codecs": Fact("sound", _sound_codecs),
    "heard": Fact("begin and end of the sound", _heard, lambda a, b, _: _near(a, b, Fraction(1, 20))),
    "languages": Fact("languages", lambda seen: _tracks(seen, "language")),
    "titles": Fact("track titles", lambda seen: _tracks(seen, "title")),
    "default": Fact("default track", _default),
    "subtitles": Fact("subtitles", _subtitles, _same_subtitles),
    "chapters": Fact("chapters", _chapters),
    "metadata": Fact("metadata", _metadata),
    "attachments": Fact("attachments", _attachments),
    "pixels": Fact("every sample", _pixels),
    "look": Fact("look", _look, _within(10)),
    "picture_size": Fact("size", _picture_size),
    "bits": Fact("depth", _pix_fmt),
    "dpi": Fact("resolution", _dpi),
    "icc": Fact("ICC profile", _icc),
    "exif": Fact("EXIF", _exif),
    "place": Fact("place", _place),
    "upright": Fact("upright pixels", lambda seen: seen.exif.get("Orientation", 1) == 1),
    "delays": Fact("delays", _delays),
    "loop": Fact("loop count", _loop),
    "count": Fact("pictures", _count),
}
