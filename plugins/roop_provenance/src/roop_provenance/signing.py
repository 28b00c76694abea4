"""Calls into the C2PA library: sign a file in place or beside it, and read back what was signed. Nothing is fetched."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import c2pa

from roop_host import PluginError
from roop_provenance.certificate import Signer
from roop_provenance.library import OFFLINE
from roop_provenance.terms import ADDRESS

#: What the library can put credentials in, of what the host writes. All else gets a file beside it.
MEDIA_TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".apng": "image/png",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".avif": "image/avif",
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
}
#: Of a file beside which the credentials stand: they hold whatever it is called.
_ANY = "application/octet-stream"
#: Larger results than so many MB go through a temporary file and not through memory.
_SETTINGS: Mapping[str, Any] = {
    **OFFLINE,
    "verify": {**OFFLINE["verify"], "verify_after_sign": True},
    "core": {**OFFLINE["core"], "backing_store_memory_threshold_in_mb": 16},
}
_INTACT = ("Valid", "Trusted")


def takes_credentials(path: Path) -> bool:
    """Whether they can stand in the file itself. Into a TIFF of several pages the library writes one more, an empty one."""
    suffix = path.suffix.lower()
    if suffix not in (".tif", ".tiff"):
        return suffix in MEDIA_TYPES
    from PIL import Image, TiffImagePlugin, UnidentifiedImageError

    try:
        with Image.open(path, formats=["TIFF"]) as picture:
            return isinstance(picture, TiffImagePlugin.TiffImageFile) and picture.n_frames == 1
    except UnidentifiedImageError:  # a layout that Pillow does not know, so nobody counted its pages
        return False


def sign(path: Path, manifest: Mapping[str, Any], signer: Signer, timestamp_url: str = "") -> None:
    """Put credentials into the file, which is replaced once they were read back. Raises ``PluginError``, ``OSError``."""
    media_type, part = MEDIA_TYPES[path.suffix.lower()], path.with_name(f"{path.name}.part")
    try:
        with path.open("rb") as file, part.open("w+b") as made:
            _signed(manifest, signer, media_type, file, made, timestamp_url)
            made.flush()
            _require_intact(media_type, made)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def sign_beside(path: Path, manifest: Mapping[str, Any], signer: Signer, timestamp_url: str = "") -> bytes:
    """The credentials of a file that can't hold them; the file stays as it is. Raises ``PluginError``, ``OSError``."""
    with path.open("rb") as file:
        made = _signed(manifest, signer, _ANY, file, _Nowhere(), timestamp_url, embed=False)
        _require_intact(_ANY, file, made)
    return made


def try_out(signer: Signer) -> None:
    """Sign a small picture: before hours of work, and not after. Raises ``PluginError``."""
    from PIL import Image

    picture, made = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "PNG")
    picture.seek(0)
    created = {"action": "c2pa.created", "digitalSourceType": f"{ADDRESS}composite"}
    manifest = {"assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [created]}}]}
    _signed(manifest, signer, "image/png", picture, made, "")
    _require_intact("image/png", made)


def has_credentials(path: Path) -> bool | None:
    """Whether a file has credentials, in it or at an address that it names, whatever they are worth; None if nobody knows.

    What kind of file it is the library sees by itself, whatever it is called.
    """
    settings = {**_SETTINGS, "verify": {**_SETTINGS["verify"], "verify_after_reading": False}}
    try:
        with path.open("rb") as file, c2pa.Context.from_dict(settings) as context:
            reader = c2pa.Reader.try_create(_ANY, file, context=context)
            if reader is not None:
                reader.close()
            return reader is not None
    except c2pa.C2paError as error:
        return True if str(error).startswith("Remote") else None


def _signed(
    manifest: Mapping[str, Any],
    signer: Signer,
    media_type: str,
    file: IO[bytes],
    made: Any,
    timestamp_url: str,
    *,
    embed: bool = True,
) -> bytes:
    """The manifest's bytes; with ``embed``, ``made`` holds the file with them."""
    algorithm = c2pa.C2paSigningAlg[signer.algorithm.upper()]
    info = c2pa.C2paSignerInfo(algorithm, signer.chain, signer.key, timestamp_url.encode() or None)
    try:
        with (
            c2pa.Context.from_dict(dict(_SETTINGS)) as context,
            c2pa.Signer.from_info(info) as signing,
            c2pa.Builder(json.dumps(manifest), context=context) as builder,
        ):
            if not embed:
                builder.set_no_embed()
            return bytes(builder.sign(signing, media_type, file, made))
    except c2pa.C2paError as error:
        raise PluginError(f"the file could not be signed ({error})") from error


def _require_intact(media_type: str, file: Any, beside: bytes | None = None) -> None:
    file.seek(0)
    try:
        with (
            c2pa.Context.from_dict(dict(_SETTINGS)) as context,
            c2pa.Reader(media_type, file, beside, context=context) as reader,
        ):
            state = reader.get_validation_state()
    except c2pa.C2paError as error:
        raise PluginError(f"the credentials could not be read back ({error})") from error
    if state not in _INTACT:
        raise PluginError(f"the credentials that were read back are {state}")


class _Nowhere(io.RawIOBase):
    """Takes the copy of a file that the library writes when it signs beside it, and keeps nothing but the position."""

    def __init__(self) -> None:
        self._at = self._end = 0

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self._at += len(content)
        self._end = max(self._end, self._at)
        return len(content)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._end)[whence]
        return self._at

    def tell(self) -> int:
        return self._at
