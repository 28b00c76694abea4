"""The project's keys, and JSON web tokens (HS256) with the words that the real server has for bad ones."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from typing import Any

_TEN_YEARS_S = 10 * 365 * 24 * 3600


class Refused(Exception):
    """A token that is not accepted; the text says why."""


def packed(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unpacked(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _signature(secret: str, signed: str) -> str:
    return packed(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())


def sign(secret: str, claims: dict[str, Any], *, expires_in: float) -> str:
    now = int(time.time())
    body = {**claims, "iat": now, "exp": int(now + expires_in)}
    parts = ({"alg": "HS256", "typ": "JWT"}, body)
    signed = ".".join(packed(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
    return f"{signed}.{_signature(secret, signed)}"


def verify(secret: str, token: str) -> dict[str, Any]:
    """The claims. Raises ``Refused``."""
    parts = token.split(".")
    if len(parts) != 3:
        raise Refused("Invalid Compact JWS")
    try:
        header, claims = (json.loads(unpacked(part)) for part in parts[:2])
    except (binascii.Error, ValueError):
        raise Refused("Invalid Compact JWS") from None
    if header.get("alg") != "HS256" or not hmac.compare_digest(_signature(secret, f"{parts[0]}.{parts[1]}"), parts[2]):
        raise Refused("signature verification failed")
    if claims.get("exp", float("inf")) <= time.time():
        raise Refused('"exp" claim timestamp check failed')
    return dict(claims)


@dataclass(frozen=True)
class Keys:
    """The keys of one project: the old two are tokens themselves, the new two are exchanged by the gateway."""

    jwt_secret: str
    anon: str
    service_role: str
    publishable: str
    secret: str

    @classmethod
    def made(cls) -> Keys:
        jwt_secret = secrets.token_urlsafe(32)

        def legacy(role: str) -> str:
            return sign(jwt_secret, {"iss": "supabase", "ref": "double", "role": role}, expires_in=_TEN_YEARS_S)

        def new(kind: str) -> str:
            return f"sb_{kind}_{secrets.token_hex(11)}_{secrets.token_hex(4)}"

        return cls(jwt_secret, legacy("anon"), legacy("service_role"), new("publishable"), new("secret"))

    def exchanged(self, token: str) -> str:
        """What the gateway hands on in the place of a new key."""
        return {self.publishable: self.anon, self.secret: self.service_role}.get(token, token)
