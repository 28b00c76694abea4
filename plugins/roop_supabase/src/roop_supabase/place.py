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
_LONGEST_BUCKET, _LONGEST_PREFIX, _LONGEST_NAME = 100, 512, 100
#: Of a content's SHA-256 as a name: 128 bits, so nobody finds it by trying.
_DIGITS = 32


@dataclass(frozen=True)
class Place:
    """An object of a bucket."""

    bucket: str
    key: str


def require_options(options: Options) -> None:
    """Raise ``UsageError`` for a bucket or prefix that no server takes."""
    if not options.bucket:
        raise UsageError("no bucket is named to upload to; give --supabase-bucket or set ROOP_SUPABASE_BUCKET")
    if not _is_segment(options.bucket) or len(options.bucket) > _LONGEST_BUCKET:
        raise UsageError(f"--supabase-bucket {options.bucket!r} is no bucket's name; it has letters, digits, - and _")
    prefix = options.prefix.strip("/")
    if prefix and (not all(map(_is_segment, prefix.split("/"))) or len(prefix) > _LONGEST_PREFIX):
        raise UsageError(
            f"--supabase-prefix {options.prefix!r} is no folder of a bucket; it has letters, digits, - and _ between slashes"
        )


def place_of(artifact: Artifact, options: Options) -> Place:
    """By its content, or by its name as far as a server takes that. ``options`` went through ``require_options``."""
    suffix = artifact.path.suffix.lower()
    name = _plain(artifact.path.stem) if options.naming == "name" else ""
    name = (name or artifact.sha256[:_DIGITS]) + (suffix if re.fullmatch(r"\.[a-z0-9]{1,8}", suffix) else "")
    prefix = options.prefix.strip("/")
    return Place(options.bucket, f"{prefix}/{name}" if prefix else name)


def _is_segment(text: str) -> bool:
    return re.fullmatch(rf"{_TAKEN}+", text) is not None and text.strip() == text and text not in (".", "..")


def _plain(stem: str) -> str:
    """A name in plain letters, "" where nothing of it is left."""
    letters = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9.-]+", "_", letters).strip("._-")[:_LONGEST_NAME]
    return plain.rstrip("._-")


def is_of_content(place: Place, artifact: Artifact) -> bool:
    """Whether the key is made of the content, so that nothing else is likely to have it."""
    return place.key.rpartition("/")[2].partition(".")[0] == artifact.sha256[:_DIGITS]
