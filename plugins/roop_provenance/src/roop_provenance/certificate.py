"""Who signs: a certificate of the user's, or one made on this machine, which says nothing about anybody."""

from __future__ import annotations

import os
import stat
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from roop_host import PluginError, UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

#: The organisation of a certificate that was made here: it is what readers show as the signer.
LOCAL = "roop (made on this machine, not verified)"
#: C2PA's names of the algorithms for keys on these curves (C2PA specification, Digital signatures).
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
#: Clocks differ: a certificate that begins now is not yet valid elsewhere.
_BACK_DATED = timedelta(days=1)
#: Without a timestamp credentials hold as long as their certificate.
_LASTS = timedelta(days=3650)
_MOST_BYTES, _LEAST_RSA_BITS = 1 << 20, 2048
_LOCK_S = 30.0
_OWN = "name another with --provenance-certificate and --provenance-key, or leave both out"


@dataclass(frozen=True, slots=True)
class Signer:
    """``chain`` is PEM, the leaf first; ``key`` PEM (PKCS 8); ``algorithm`` as C2PA calls it; ``local`` if made here."""

    chain: bytes
    key: bytes = field(repr=False)
    algorithm: str
    local: bool


class _BrokenError(Exception):
    """What is wrong with a chain or its key, as the second half of a sentence. It never holds what the key file says."""


class _BrokenKeyError(_BrokenError):
    """The same of the key alone."""


def signer_of(certificate: Path | None, key: Path | None) -> Signer:
    """The user's own, or the one that was made on this machine, which is made now if it is not there.

    Raises ``UsageError`` for files of the user's that do not do, ``PluginError`` for roop's own.
    """
    if certificate is None and key is None:
        return _local()
    if certificate is None or key is None:
        lacks, has = ("certificate", "key") if certificate is None else ("key", "certificate")
        raise UsageError(
            f"a {has} was named to sign with and no {lacks}; name it with --provenance-{lacks}, or name neither"
        )
    try:
        chain = _read(certificate)
    except OSError as error:
        raise UsageError(f"the certificate {certificate} can't be read ({error.strerror or error}); {_OWN}") from error
    except _BrokenError as error:
        raise UsageError(f"the certificate {certificate} {error}; {_OWN}") from error
    try:
        secret = _read(key, secret=True)
    except OSError as error:
        raise UsageError(f"the key {key} can't be read ({error.strerror or error}); {_OWN}") from error
    except _BrokenError as error:
        raise UsageError(f"the key {key} {error}; {_OWN}") from error
    try:
        return _checked(chain, secret, local=False)
    except _BrokenKeyError as error:
        raise UsageError(f"the key {key} {error}; {_OWN}") from error
    except _BrokenError as error:
        raise UsageError(f"the certificate {certificate} {error}; {_OWN}") from error


def local_path() -> Path:
    """Where the key and the chain lie that were made on this machine; they need not be there."""
    from platformdirs import user_state_path

    return user_state_path("roop", appauthor=False) / "credentials" / "signer.pem"


def _local() -> Signer:
    from filelock import FileLock, Timeout

    path = local_path()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_folder(path.parent)
        with FileLock(path.with_name(".signer.lock"), timeout=_LOCK_S, mode=0o600):
            if not os.path.lexists(path):
                _save(path, _made(datetime.now(UTC)))
        content = _read(path, secret=True)
        return _checked(content, content, local=True)
    except Timeout as error:
        raise PluginError(f"another process holds {path.parent}; end it and run again") from error
    except OSError as error:
        raise PluginError(
            f"the folder of roop's own certificate {path.parent} can't be used ({error.strerror or error}); make it "
            "writable, or set XDG_STATE_HOME to another"
        ) from error
    except _BrokenError as error:
        raise PluginError(
            f"roop's own certificate {path} {error}; delete that file, and the next run makes a new one"
        ) from error


def _check_folder(folder: Path) -> None:
    """Who may write there could put a certificate in the place of roop's."""
    if os.name == "posix" and stat.S_IMODE(folder.stat().st_mode) & 0o022:
        raise PluginError(f"others may write in {folder}, where roop's own certificate lies; run: chmod 700 {folder}")


def _read(path: Path, *, secret: bool = False) -> bytes:
    """The content of a small file. Raises ``_BrokenError`` for a ``secret`` one that others may read, and ``OSError``."""
    with open(path, "rb", opener=_at_once) as file:
        # Of the opened file: under its name there may be another by now.
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise _BrokenError("is no file")
        if secret and os.name == "posix" and stat.S_IMODE(found.st_mode) & 0o077:
            raise _BrokenError(f"may be read by others, so it is none any more (chmod 600 {path} once you made a new one)")
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise _BrokenError("is too long for that")
    return content


def _at_once(path: str, flags: int) -> int:
    """Opens a pipe too without waiting for one who writes into it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _save(path: Path, content: bytes) -> None:
    """Whole or not at all, and at no time readable by others."""
    number, name = tempfile.mkstemp(prefix=".signer-", dir=path.parent)  # of mode 0600
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _checked(chain: bytes, secret: bytes, *, local: bool) -> Signer:
    """Raises ``_BrokenError`` unless the chain begins with a certificate of that key that is valid now."""
    try:
        certificates = x509.load_pem_x509_certificates(chain)
    except ValueError as error:
        raise _BrokenError("holds no certificate in PEM that can be read") from error
    key = _key_of(secret)
    leaf = certificates[0]
    if leaf.public_key() != key.public_key():
        raise _BrokenError("does not begin with the certificate of that key")
    now = datetime.now(UTC)
    if now < leaf.not_valid_before_utc:
        raise _BrokenError(f"is not valid before {leaf.not_valid_before_utc:%Y-%m-%d}, and the clock says {now:%Y-%m-%d}")
    if now > min(one.not_valid_after_utc for one in certificates):
        raise _BrokenError(f"has expired on {min(one.not_valid_after_utc for one in certificates):%Y-%m-%d}")
    return Signer(
        chain=b"".join(one.public_bytes(Encoding.PEM) for one in certificates),
        key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        algorithm=_algorithm(key),
        local=local,
    )


def _key_of(secret: bytes) -> PrivateKeyTypes:
    # Nothing of what these say goes on: it may quote the key.
    try:
        return load_pem_private_key(secret, password=None)
    except TypeError:
        raise _BrokenKeyError("has a passphrase, which nobody can type here (openssl pkcs8 writes one without)") from None
    except (ValueError, UnsupportedAlgorithm):
        raise _BrokenKeyError("holds no private key in PEM that can be read") from None


def _algorithm(key: PrivateKeyTypes) -> str:
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= _LEAST_RSA_BITS:
        return "ps256"
    raise _BrokenError("has a key of a kind that signs no credentials (P-256, P-384, P-521, Ed25519, RSA from 2048 bits do)")


def _made(now: datetime) -> bytes:
    """PEM of a new key, its certificate, and that of an authority whose own key is forgotten at once."""
    authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer, subject = _name("roop local authority"), _name("roop")
    root = _begun(issuer, issuer, authority, authority, now, is_authority=True).sign(authority, hashes.SHA256())
    mail = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])  # the purpose that every C2PA reader takes
    begun = _begun(subject, issuer, key, authority, now, is_authority=False).add_extension(mail, critical=False)
    leaf = begun.sign(authority, hashes.SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private + leaf.public_bytes(Encoding.PEM) + root.public_bytes(Encoding.PEM)


def _month(moment: datetime) -> datetime:
    """Its beginning: who reads a certificate need not know the second in which somebody first used roop."""
    return moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _name(common: str) -> x509.Name:
    """The same on every machine: no name of a person or a computer."""
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, LOCAL), x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuing: ec.EllipticCurvePrivateKey,
    now: datetime,
    *,
    is_authority: bool,
) -> x509.CertificateBuilder:
    usage = x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_month(now - _BACK_DATED))
        .not_valid_after(_month(now + _LASTS))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=0 if is_authority else None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuing.public_key()), critical=False)
    )
