"""What the plugin declares. Light: everything heavy is imported by a record's ``load``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from roop_host import CommandSpec, UploaderSpec, hookimpl
from roop_supabase.options import Options

if TYPE_CHECKING:
    from roop_host import Uploader

ROOP_API = 1
ROOP_OPTIONS = Options


def _load_uploader() -> Callable[[], Uploader]:
    from roop_supabase.uploader import Supabase

    return Supabase


def _load_account() -> Callable[[Sequence[str]], int]:
    from roop_supabase.account import account

    return account


@hookimpl
def roop_uploaders() -> Iterable[UploaderSpec]:
    yield UploaderSpec(name="supabase", summary="Supabase Storage, with a QR code of the link", load=_load_uploader)


@hookimpl
def roop_commands() -> Iterable[CommandSpec]:
    yield CommandSpec(
        name="supabase",
        summary="Keep the address and key of a project, and see whether they work",
        load=_load_account,
        network=True,
    )
