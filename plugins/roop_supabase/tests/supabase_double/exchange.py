"""One request and its answer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from supabase_double.body import Body
from supabase_double.tokens import Refused, verify
from supabase_double.world import World


class ApiError(Exception):
    """What the server answers for a failure. ``error`` is the old name of ``code``; both stand in the body."""

    def __init__(self, status: int, code: str, message: str, error: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.error = status, code, message, error or code

    def answer(self) -> Answer:
        """Of the object routes: the true status stands in the body only, but for these two."""
        body = {"statusCode": str(self.status), "error": self.error, "message": self.message, "code": self.code}
        return Answer.of(body, self.status if self.status in (416, 500) else 400)


@dataclass
class Answer:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    #: A file in the place of ``body``: path, first byte, length.
    file: tuple[Path, int, int] | None = None

    @classmethod
    def of(cls, value: Any, status: int = 200) -> Answer:
        return cls(status, {"Content-Type": "application/json; charset=utf-8"}, json.dumps(value).encode())


class Exchange:
    """``path`` is decoded; ``pieces`` reads the body once, as it comes, and ``break_off`` ends that from another thread."""

    def __init__(self, world: World, method: str, path: str, query: str, headers: dict[str, str], body: Body) -> None:
        self.world, self.method, self.path, self.headers = world, method, path, headers
        self.pieces, self.break_off = body.pieces, body.break_off
        #: Whether an ordered fault keeps the server from making an object of a resumable upload that is whole; and did.
        self.fails_to_finish, self.unfinished = False, False
        self.query = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}

    def body(self) -> bytes:
        return b"".join(self.pieces())

    def json(self) -> Any:
        try:
            return json.loads(self.body() or b"{}")
        except ValueError:
            raise ApiError(400, "InvalidRequest", "Body is not valid JSON", "Error") from None

    @property
    def upsert(self) -> bool:
        return self.headers.get("x-upsert") == "true"

    @property
    def token(self) -> str:
        token = self.headers.get("authorization", "").removeprefix("Bearer ")
        if not self.world.settings.gateway:
            return token
        if not token:
            token = self.headers.get("apikey", "")
            token = token if token.startswith("sb_") else ""
        return self.world.keys.exchanged(token)

    def role(self) -> str:
        """Who asks. Raises ``ApiError`` for a token that is not accepted."""
        try:
            return str(verify(self.world.keys.jwt_secret, self.token).get("role", "anon"))
        except Refused as error:
            raise ApiError(403, "AccessDenied", str(error), "Unauthorized") from None

    def named_role(self) -> str:
        """As ``role``, of routes that ask for the header by their schema."""
        if not self.token:
            raise ApiError(400, "InvalidRequest", "headers must have required property 'authorization'", "Error")
        return self.role()

    def role_or_none(self) -> str | None:
        """Of routes that anybody may ask: None without a valid token."""
        try:
            return self.role()
        except ApiError:
            return None
