"""A running double, as tests hold it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from supabase_double.faults import Moment
from supabase_double.tokens import Keys, sign
from supabase_double.world import Policies, Seen

if TYPE_CHECKING:
    from supabase import Client

_SERVER = Path(__file__).parents[1] / "storage_server.py"


@dataclass(frozen=True)
class Lying:
    """An object that lies in a bucket."""

    bucket: str
    key: str
    sha256: str
    size: int
    content_type: str
    cache_control: str
    metadata: dict[str, Any] | None


@dataclass(frozen=True)
class Begun:
    """A resumable upload, begun or done. Its URL ends in ``id``."""

    id: str
    bucket: str
    key: str
    offset: int
    length: int | None
    metadata: dict[str, str]


def failure(status: int, code: str, message: str = "") -> dict[str, Any]:
    """The body of a failure of the object routes, whose HTTP status is 400 (500 for 500)."""
    return {"statusCode": str(status), "error": code, "message": message or code, "code": code}


@dataclass
class Project:
    """One server process: its address, its keys, and what is ordered of it and asked."""

    url: str
    keys: Keys
    #: For requests by hand; to make one client takes longer than a hundred requests.
    http: httpx.Client = field(repr=False)
    _process: subprocess.Popen[str] = field(repr=False)

    @classmethod
    def started(cls, folder: Path, *flags: str) -> Project:
        words = [sys.executable, str(_SERVER), "--folder", str(folder), "--end-with-stdin", *flags]
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        url = said.pop("url")
        return cls(url, Keys(**said), httpx.Client(base_url=url, trust_env=False, timeout=30.0), process)

    def stop(self) -> None:
        self.http.close()
        self._process.kill()
        self._process.communicate()

    def client(self, key: str = "") -> Client:
        """The real client, with the service role's key where none is given."""
        from supabase import ClientOptions, create_client

        return create_client(self.url, key or self.keys.service_role, ClientOptions(httpx_client=self.http))

    def token(self, role: str = "authenticated", *, expires_in: float = 3600.0, secret: str | None = None) -> str:
        """A token of this role, signed with the project's secret or another."""
        return sign(secret or self.keys.jwt_secret, {"role": role}, expires_in=expires_in)

    def reset(self) -> None:
        """No bucket, no table, no fault, no request seen; settings as at the start."""
        self._order("reset")

    def bucket(
        self,
        name: str,
        *,
        public: bool = False,
        file_size_limit: int | None = None,
        allowed_mime_types: list[str] | None = None,
        policies: Policies | None = None,
    ) -> None:
        """A new, empty bucket. ``policies`` say what roles may do: insert, select, update, delete, bucket (see it)."""
        self._order(
            "bucket",
            id=name,
            public=public,
            file_size_limit=file_size_limit,
            allowed_mime_types=allowed_mime_types,
            policies=policies or {},
        )

    def table(
        self,
        name: str,
        columns: dict[str, str],
        *,
        unique: list[list[str]] | None = None,
        required: list[str] | None = None,
        policies: Policies | None = None,
    ) -> None:
        """A new, empty table; the types of columns are text, float8, timestamptz or jsonb."""
        self._order(
            "table", name=name, columns=columns, unique=unique or [], required=required or [], policies=policies or {}
        )

    def settings(self, **changes: Any) -> None:
        """Until the next reset: chunk, max_size, standard_size, expires_s, expired_status, gateway, packs."""
        self._order("settings", **changes)

    def fault(
        self,
        method: str = "",
        path: str = "",
        *,
        times: int = 1,
        skip: int = 0,
        at: Moment = "body",
        after_bytes: int | None = None,
        drop: bool = False,
        stall_s: float = 0.0,
        status: int | None = None,
        headers: dict[str, str] | None = None,
        body: Any = None,
        location: str | None = None,
    ) -> None:
        """What goes wrong with the next ``times`` requests of this method whose path starts so; see ``faults.Fault``."""
        said = {"status": status, "headers": headers or {}, "body": body, "location": location}
        when = {"method": method, "path": path, "times": times, "skip": skip, "at": at, "after_bytes": after_bytes}
        self._order("faults", **when, drop=drop, stall_s=stall_s, **said)

    def waiting_faults(self) -> int:
        """How many ordered faults have not met all their requests."""
        return len(self._asked("faults"))

    def requests(self, method: str = "", path: str = "") -> list[Seen]:
        """What came, in order, but for what tests asked themselves."""
        seen = [Seen(**one) for one in self._asked("requests")]
        return [one for one in seen if one.method.startswith(method) and one.path.startswith(path)]

    def objects(self) -> list[Lying]:
        return [Lying(**one) for one in self._asked("objects")]

    def transfers(self) -> list[Begun]:
        return [Begun(**one) for one in self._asked("transfers")]

    def rows(self, table: str) -> list[dict[str, Any]]:
        return list(self._asked(f"rows/{table}"))

    def content(self, bucket: str, key: str) -> bytes:
        return self.http.get(f"/_test/content/{bucket}/{key}").raise_for_status().content

    def _order(self, what: str, **said: Any) -> None:
        answer = self.http.post(f"/_test/{what}", json=said)
        assert answer.status_code == 200, answer.text

    def _asked(self, what: str) -> Any:
        return self.http.get(f"/_test/{what}").raise_for_status().json()
