"""What can be ordered to go wrong with the next requests."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

Moment = Literal["start", "body", "finish", "end"]


@dataclass
class Fault:
    """Meets requests of this method and of a path that starts so. An empty word meets all."""

    method: str = ""
    path: str = ""
    times: int = 1
    #: So many matching requests are served first.
    skip: int = 0
    #: Before the body is read, after it was read but before anything is done, when all of a resumable upload is there but
    #: no object is made of it, or after the work is done.
    at: Moment = "body"
    #: The body is read, and worked on, up to here.
    after_bytes: int | None = None
    #: The connection ends without an answer.
    drop: bool = False
    #: So long nothing is said first.
    stall_s: float = 0.0
    #: This answer in the place of the true one.
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    #: In the place of the true ``Location``; ``{host}``, ``{path}`` and ``{location}`` are its parts.
    location: str | None = None

    @property
    def instead(self) -> bool:
        """Whether the true answer is never seen."""
        return self.drop or self.status is not None

    @property
    def late(self) -> bool:
        """Whether there is work before it."""
        return self.at in ("finish", "end")

    @classmethod
    def ordered(cls, order: dict[str, Any]) -> Fault:
        unknown = order.keys() - {one.name for one in fields(cls)}
        if unknown:
            raise ValueError(f"no such word in a fault: {', '.join(sorted(unknown))}")
        fault = cls(**order)
        if fault.at not in get_args(Moment):
            raise ValueError(f"a fault comes at {', '.join(get_args(Moment))}")
        return fault

    def meets(self, method: str, path: str) -> bool:
        return method.startswith(self.method) and path.startswith(self.path)

    def due(self) -> bool:
        """Count one matching request."""
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return self.times >= 0
