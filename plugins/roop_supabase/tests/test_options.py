"""Options of the plugin: how long a link lives, and what a found file may not say."""

from __future__ import annotations

import dataclasses

import pytest

from roop_supabase.options import Options


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("1s", 1), ("3600", 3600), ("90m", 5400), ("24h", 86400), ("7d", 604800), (" 7d ", 604800), ("3650d", 315360000)],
)
def test_a_signed_link_lives_as_long_as_is_said(said: str, seconds: int) -> None:
    assert Options(expires=said).expires_s == seconds


@pytest.mark.parametrize("said", ["", "0", "0d", "-1", "1.5h", "7w", "1h30m", "3651d", "9999999999", "d", "٣d"])
def test_a_time_that_is_none_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match="--supabase-expires takes 1s to 3650d"):
        Options(expires=said)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (Options(link="public", expires="7d"), ["--supabase-expires", "--supabase-link public"]),
        (Options(link="none", expires="1h"), ["--supabase-expires", "--supabase-link none"]),
        (Options(link="none", qr="all"), ["--supabase-qr ", "--supabase-link none"]),
        (
            Options(link="none", qr_scale=4, qr_error="L"),
            ["--supabase-qr-error", "--supabase-qr-scale", "--supabase-link none"],
        ),
    ],
)
def test_what_would_do_nothing_is_refused(options: Options, names: list[str]) -> None:
    assert options.contradiction is not None
    assert all(name in options.contradiction for name in names)


@pytest.mark.parametrize(
    "options",
    [
        Options(),
        Options(link="public", qr="files", qr_error="H", qr_scale=3),
        Options(link="none", qr="none"),
        Options(expires="1h", qr="terminal"),
    ],
)
def test_what_goes_together(options: Options) -> None:
    assert options.contradiction is None
    assert options.expires_s == (3600 if options.expires == "1h" else 604800)


def test_where_an_output_goes_and_who_sees_it_is_the_users_own() -> None:
    own = {item.name for item in dataclasses.fields(Options) if item.metadata["users_own"]}
    assert own == {"bucket", "prefix", "link", "expires", "upsert", "table"}
