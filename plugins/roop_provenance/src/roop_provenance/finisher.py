"""Signs every finished output: into the file where its format takes credentials, else into a file beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from roop_host import Context, Finished, Finisher, PluginError, UsageError
from roop_provenance.certificate import Signer, signer_of
from roop_provenance.credentials import Input, manifest_of
from roop_provenance.library import c2pa_library
from roop_provenance.options import Options

SUFFIX = ".c2pa"
_WITHOUT = "nothing was kept; to go on without Content Credentials: roop -p no:provenance run ..."


class Provenance(Finisher):
    """Content Credentials. Where their library can't be loaded the output has its plain marks alone: a notice says so."""

    def __init__(self) -> None:
        self._signer: Signer | None = None
        self._missing = ""
        self._timestamp_url = ""
        self._stamping = True
        self._inputs: dict[Path, Input] = {}
        self._clip: Input | None = None

    def setup(self, ctx: Context) -> None:
        """What can't sign is told before hours of work. Raises ``UsageError``, ``PluginError``."""
        options = ctx.options_as(Options)
        self._timestamp_url = _checked_address(options.timestamp_url.strip())
        self._missing = _why_missing()
        if self._missing:
            return
        from roop_provenance.signing import try_out

        self._signer = signer_of(options.certificate, options.key)
        try:
            try_out(self._signer)
        except PluginError as error:
            if self._signer.local:
                raise
            raise UsageError(
                f"with the certificate {options.certificate} {error}; it needs the purpose emailProtection and "
                "digitalSignature, so name another with --provenance-certificate, or leave it out"
            ) from error

    def finish(self, path: Path, about: Finished) -> Mapping[str, bytes] | None:
        """The credentials, where the format of the file takes none itself. Raises ``PluginError``."""
        signer = self._signer
        if signer is None:
            about.note(
                f"no Content Credentials: their library c2pa-python can't be loaded here ({self._missing}); the plain marks "
                "that say that it is synthetic are there"
            )
            return None
        target = self._target(about)
        sources = [self._input(source, about) for source in about.sources]
        if any(one.credentials for one in (target, *sources) if one is not None):
            about.note(
                "Content Credentials of a target or source are not carried over, as they may hold previews and names; those "
                "of the output say that there were some"
            )
        manifest = manifest_of(about, version("roop-host"), target, sources)
        try:
            beside = self._stamped(path, manifest, signer, about)
        except PluginError as error:
            raise PluginError(f"{error}; {_WITHOUT}") from error
        except OSError as error:
            raise PluginError(f"{path.name} could not be signed ({error.strerror or error}); {_WITHOUT}") from error
        who = "by an unknown signer" if signer.local else "with the certificate that was named"
        about.did(f"Content Credentials: intact, signed {who}")
        return beside

    def end(self) -> None:
        """Forget the job's inputs."""
        self._inputs.clear()
        self._clip = None
        self._stamping = True

    def teardown(self) -> None:
        """Forget the key."""
        self._signer = None

    def _stamped(
        self, path: Path, manifest: Mapping[str, Any], signer: Signer, about: Finished
    ) -> Mapping[str, bytes] | None:
        """Signed with a timestamp where one is asked for, and without where the authority gives none."""
        if self._timestamp_url and self._stamping:
            try:
                return _sign(path, manifest, signer, self._timestamp_url)
            except PluginError:
                made = _sign(path, manifest, signer, "")
                self._stamping = False  # the next file would only wait for it again
                about.note("the timestamp authority gave no timestamp, so it was signed without")
                return made
        return _sign(path, manifest, signer, "")

    def _target(self, about: Finished) -> Input | None:
        if about.target is not None:
            return self._input(about.target, about)
        if not about.pictures:
            return None
        if self._clip is None:
            self._clip = _together([self._input(picture, about) for picture in about.pictures])
        return self._clip

    def _input(self, path: Path, about: Finished) -> Input:
        if path not in self._inputs:
            found = _read(path) if about.is_same(path) else None
            if found is None or not about.is_same(path):
                about.note(
                    "a target or source was changed or taken away while the job ran, so the Content Credentials have no "
                    "hash of it; to have one, run again"
                )
                found = Input()
            self._inputs[path] = found
        return self._inputs[path]


def _read(path: Path) -> Input | None:
    """None of a file that can't be read."""
    from roop_provenance.signing import has_credentials

    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Input(digest, True if _beside(path) else has_credentials(path))
    except OSError:
        return None


def _beside(path: Path) -> bool:
    return path.with_name(path.name + SUFFIX).is_file()


def _together(pictures: Sequence[Input]) -> Input:
    """A clip of so many pictures as one input."""
    known = {picture.credentials for picture in pictures}
    credentials = True if True in known else None if None in known else False
    digest = ""
    if all(picture.sha256 for picture in pictures):
        digest = hashlib.sha256("".join(f"{picture.sha256}\n" for picture in pictures).encode()).hexdigest()
    return Input(digest, credentials, len(pictures))


def _sign(path: Path, manifest: Mapping[str, Any], signer: Signer, timestamp_url: str) -> Mapping[str, bytes] | None:
    from roop_provenance.signing import sign, sign_beside, takes_credentials

    if not takes_credentials(path):
        return {SUFFIX: sign_beside(path, manifest, signer, timestamp_url)}
    sign(path, manifest, signer, timestamp_url)
    return None


def _why_missing() -> str:
    """Why the library can't be loaded: there is no wheel for every machine. Nothing where it can."""
    try:
        c2pa_library()
    except ImportError as error:
        return str(error)
    return ""


def _checked_address(url: str) -> str:
    try:
        parts = urlsplit(url)
        right = not url or (parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc)
    except ValueError:
        right = False
    if not right:
        raise UsageError(
            "--provenance-timestamp-url takes the http address of a timestamp authority, without a name or a password; "
            "correct it or leave it out"
        )
    return url
