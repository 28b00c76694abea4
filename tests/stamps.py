"""A timestamp authority of tests (RFC 3161, and RFC 5652 for what is around it), written out in DER."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID
from signed import Pki

PURPOSE = ExtendedKeyUsageOID.TIME_STAMPING
_INTEGER, _OCTETS, _SEQUENCE, _SET, _TIME, _INSIDE = 0x02, 0x04, 0x30, 0x31, 0x18, 0xA0
_SIGNED = bytes.fromhex("06092a864886f70d010702")
_STAMP = bytes.fromhex("060b2a864886f70d0109100104")
_KIND, _DIGEST = bytes.fromhex("06092a864886f70d010903"), bytes.fromhex("06092a864886f70d010904")
_SHA256, _ECDSA = bytes.fromhex("300b0609608648016503040201"), bytes.fromhex("300a06082a8648ce3d040302")
_POLICY = bytes.fromhex("06042a030401")


def stamp(request: bytes, pki: Pki) -> bytes:
    """The answer to a request, signed now with a certificate for ``PURPOSE``."""
    certificates = x509.load_pem_x509_certificates(pki.certificate.read_bytes())
    key = load_pem_private_key(pki.key.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    _, imprint, *others = _parts(_content(request))
    nonce = [part for part in others if part[0] == _INTEGER]
    now = _der(_TIME, f"{datetime.now(UTC):%Y%m%d%H%M%SZ}".encode())
    told = _der(_SEQUENCE, _number(1), _POLICY, imprint, _number(7), now, *nonce)
    digest = _der(_SEQUENCE, _DIGEST, _der(_SET, _der(_OCTETS, hashlib.sha256(told).digest())))
    about = _der(_SEQUENCE, _KIND, _der(_SET, _STAMP)) + digest
    signature = key.sign(_der(_SET, about), ec.ECDSA(hashes.SHA256()))
    who = _der(_SEQUENCE, certificates[0].issuer.public_bytes(), _number(certificates[0].serial_number))
    signer = _der(_SEQUENCE, _number(1), who, _SHA256, _der(_INSIDE, about), _ECDSA, _der(_OCTETS, signature))
    held = _der(_INSIDE, *(one.public_bytes(Encoding.DER) for one in certificates))
    content = _der(_SEQUENCE, _STAMP, _der(_INSIDE, _der(_OCTETS, told)))
    signed = _der(_SEQUENCE, _number(3), _der(_SET, _SHA256), content, held, _der(_SET, signer))
    return _der(_SEQUENCE, _der(_SEQUENCE, _number(0)), _der(_SEQUENCE, _SIGNED, _der(_INSIDE, signed)))


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content).to_bytes(2, "big").lstrip(b"\0") or b"\0"
    length = size if len(content) < 0x80 else bytes([0x80 | len(size)]) + size
    return bytes([tag]) + length + content


def _number(value: int) -> bytes:
    return _der(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _content(der: bytes) -> bytes:
    return der[2 + (der[1] & 0x7F) * (der[1] > 0x7F) :]


def _parts(content: bytes) -> Iterator[bytes]:
    """Each of them is short."""
    while content:
        end = 2 + content[1]
        yield content[:end]
        content = content[end:]
