"""A keyring in memory, for one test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keyring
from keyring.backend import KeyringBackend
from keyring.errors import KeyringError, PasswordDeleteError


class Memory(KeyringBackend):
    """``full`` is a user whose text it refuses to keep."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[tuple[str, str], str] = {}
        self.full = ""

    def get_password(self, service: str, username: str) -> str | None:
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if username == self.full:
            raise KeyringError("no room")
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.held.pop((service, username), None) is None:
            raise PasswordDeleteError("not there")

    def hold(self, url: str, key: str) -> None:
        self.held = {("roop-supabase", "url"): url, ("roop-supabase", "key"): key}

    def pair(self) -> tuple[str | None, str | None]:
        return self.held.get(("roop-supabase", "url")), self.held.get(("roop-supabase", "key"))


@contextmanager
def in_memory() -> Iterator[Memory]:
    """Take the place of this machine's keyring."""
    before = keyring.get_keyring()
    memory = Memory()
    keyring.set_keyring(memory)
    try:
        yield memory
    finally:
        keyring.set_keyring(before)
