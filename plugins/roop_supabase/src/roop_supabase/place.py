"""Where an output goes: a bucket and a key in it that every server takes."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from roop_host import Artifact, UsageError
from roop_supabase.options import Options

#: Of what the server takes (its own rule has no per cent sign, and the client would decode one). It takes a question mark
#: too, but signs links in which that ends the path.
_TAKEN = r"[A-Za-z0-9 _!.*'()&$@=;:+,-]"
_SIGNS = "_ ! . * ' ( ) & $ @ = ; : + , -"
_LONGEST_BUCKET, _LONGEST_PREFIX, _LONGEST_NAME = 100, 512, 100
#: Of a content's SHA-256 as a name: 128 bits, so nobody finds it by trying.
_DIGITS = 32
#: Of what the host writes. Not the standard library's, which knows other types on other machines.
_SUFFIXES = {
    "image/apng": ".apng",
    "image/avif": ".avif",
    "image/bmp": ".bmp",
    "image/gif": ".gif",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/tiff": ".tif",
    "image/webp": ".webp",
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/webm": ".webm",
    "video/x-matroska": ".mkv",
}


@dataclass(frozen=True)
class Place:
    """An object of a bucket."""

    bucket: str
    key: str


def require_options(options: Options) -> None:
    """Raise ``UsageError`` for a bucket or prefix that no server takes."""
    if not options.bucket:
        raise UsageError("no bucket is named to upload to; give --supabase-bucket or set ROOP_SUPABASE_BUCKET")
    if fault := _fault_of(options.bucket) or _excess_of(options.bucket, _LONGEST_BUCKET):
        raise UsageError(f"--supabase-bucket {options.bucket!r} is no bucket's name: {fault}")
    prefix = _bare(options.prefix)
    faults = map(_fault_of, prefix.split("/") if prefix else ())
    if fault := next(filter(None, faults), "") or _excess_of(prefix, _LONGEST_PREFIX):
        raise UsageError(f"--supabase-prefix {options.prefix!r} is no folder of a bucket: {fault}")


def place_of(artifact: Artifact, options: Options) -> Place:
    """By its content, or by its name as far as a server takes that, with a note where that is not all of it.

    ``options`` went through ``require_options``. The suffix is that of the type, so that copies of one content with other
    names are one object.
    """
    suffix = _SUFFIXES.get(artifact.media_type, "")
    name = artifact.sha256[:_DIGITS] + suffix
    if options.naming == "name":
        plain = _plain(artifact.path.stem)
        cut = plain[:_LONGEST_NAME].rstrip("._-")
        if not cut:
            artifact.note(f"nothing of the file's name can stand in a bucket, so it is named by its content there: {name}")
        else:
            name = cut + suffix
            if cut != plain:
                artifact.note(f"the file's name is cut at {_LONGEST_NAME} characters in the bucket: {name}")
    prefix = _bare(options.prefix)
    return Place(options.bucket, f"{prefix}/{name}" if prefix else name)


def _bare(prefix: str) -> str:
    return prefix.removeprefix("/").removesuffix("/")


def _fault_of(name: str) -> str:
    """What is wrong with a bucket's name or a part of a prefix; "" where nothing is."""
    if not name:
        return "a slash follows a slash, with nothing between them"
    if odd := dict.fromkeys(letter for letter in name if not re.fullmatch(_TAKEN, letter)):
        return f"it can't have {' '.join(map(repr, odd))}, only A to Z, digits, blanks and {_SIGNS}"
    if name.strip() != name:
        return "a blank stands at the beginning or the end of a name"
    if name in (".", ".."):
        return "a name can have dots, but not be one or two of them"
    return ""


def _excess_of(name: str, most: int) -> str:
    return f"it is longer than {most} characters" if len(name) > most else ""


def _plain(stem: str) -> str:
    """A name in plain letters, "" where nothing of it is left."""
    letters = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9.-]+", "_", letters).strip("._-")


def is_of_content(place: Place, artifact: Artifact) -> bool:
    """Whether the key is made of the content, so that nothing else is likely to have it."""
    return place.key.rpartition("/")[2].partition(".")[0] == artifact.sha256[:_DIGITS]
