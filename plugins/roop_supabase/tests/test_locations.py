"""Where a resumable upload and the key with it go, whatever a server or a file says: to the configured server only."""

from __future__ import annotations

from pathlib import Path

import pytest
from sending import MIB, PATH, Stopped, require_there, upload
from supabase_double.handle import Project

from roop_host import Interrupted, UploadError
from roop_supabase.resumable import address_of

_ENDPOINT = "https://project.example/storage/v1/upload/resumable"


@pytest.mark.parametrize(
    "location", ["{location}", "https://{host}{path}", "{path}", "{path}/", "http://{host}/upload/resumable/{path}"]
)
def test_an_odd_location_is_followed_to_the_configured_server_only(
    project: Project, clip: Path, state: Path, location: str
) -> None:
    project.fault("POST", PATH, location=location)
    assert upload(project, clip, state)
    require_there(project, clip)


def test_the_key_goes_to_no_other_host(project: Project, other_host: Project, clip: Path, state: Path) -> None:
    project.fault("POST", PATH, location=f"{other_host.url}{{path}}")
    assert upload(project, clip, state)
    require_there(project, clip)
    assert not other_host.requests()


def test_a_location_of_no_use_is_told_by_its_host(project: Project, other_host: Project, clip: Path, state: Path) -> None:
    project.fault("POST", PATH, location=f"{other_host.url}/private%20token?a=b")
    with pytest.raises(UploadError, match=r"an address at 127\.0\.0\.1 that is no upload's") as caught:
        upload(project, clip, state)
    assert "private" not in str(caught.value)
    assert not other_host.requests()
    assert not list(state.glob("*.json"))


def test_a_kept_address_of_another_host_is_not_asked(project: Project, other_host: Project, clip: Path, state: Path) -> None:
    with pytest.raises(Interrupted):
        upload(project, clip, state, Stopped(after=8 * MIB))
    (left,) = state.glob("*.json")
    left.write_text(left.read_text().replace(project.url, other_host.url))
    assert upload(project, clip, state)
    require_there(project, clip)
    assert not other_host.requests()


@pytest.mark.parametrize(
    ("location", "address"),
    [
        (f"{_ENDPOINT}/aGk_-0", f"{_ENDPOINT}/aGk_-0"),
        ("https://PROJECT.example:443/storage/v1/upload/resumable/aGk", f"{_ENDPOINT}/aGk"),
        ("/upload/resumable/aGk", f"{_ENDPOINT}/aGk"),
        ("http://project.example/upload/resumable/aGk/", f"{_ENDPOINT}/aGk"),
        ("https://other.example/aGk?x=y#z", f"{_ENDPOINT}/aGk"),
        ("https://user:word@project.example/storage/v1/upload/resumable/aGk", f"{_ENDPOINT}/aGk"),
        ("https://project.example@other.example/aGk", f"{_ENDPOINT}/aGk"),
        ("//other.example/aGk", f"{_ENDPOINT}/aGk"),
        ("https://other.example/", None),
        ("https://other.example", None),
        ("https://other.example/a%2Fb", None),
        ("https://other.example/a.b", None),
        ("https://other.example:port/aGk", None),
        ("", None),
    ],
)
def test_addresses(location: str, address: str | None) -> None:
    assert address_of(location, _ENDPOINT) == address
