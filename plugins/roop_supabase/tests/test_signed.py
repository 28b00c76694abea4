"""Which links may be told as signed links of an object."""

from __future__ import annotations

import pytest

from roop_supabase.place import Place
from roop_supabase.signed import leads_to

_BASE = "https://project.example/storage/v1"
_SIGN = f"{_BASE}/object/sign"
PLACE = Place("clips", "made of it/a&b.png")


@pytest.mark.parametrize(
    "url",
    [
        f"{_SIGN}/clips/made%20of%20it/a&b.png?token=eyJx",
        f"{_SIGN}/clips/made%20of%20it/a%26b%2Epng?token=eyJx",
        "https://PROJECT.example:443/storage/v1/object/sign/clips/made%20of%20it/a&b.png?token=eyJx&download=",
    ],
)
def test_a_link_of_the_object(url: str) -> None:
    assert leads_to(url, _BASE, PLACE)


@pytest.mark.parametrize(
    "url",
    [
        "",
        f"{_BASE}/",
        "https://project.example/rest/v1/secret?token=eyJx",
        f"{_BASE}/u:p@host/made%20of%20it/a&b.png?token=eyJx",
        f"{_SIGN}/clips/made%20of%20it/a&b.png",
        f"{_SIGN}/clips/made%20of%20it/a&b.png?token=",
        f"{_SIGN}/clips/made%20of%20it/a&b.png#?token=eyJx",
        f"{_SIGN}/clips/made%20of%20it/a&b.png?token=eyJx#b",
        f"{_SIGN}/clips/made of it/a&b.png?token=eyJx",
        f"{_SIGN}/clips/made%20of%20it/other.png?token=eyJx",
        f"{_SIGN}/clips/made%20of%20it%2Fa&b.png?token=eyJx",
        f"{_SIGN}/other/../clips/made%20of%20it/a&b.png?token=eyJx",
        f"{_SIGN}/other/%2e%2e/clips/made%20of%20it/a&b.png?token=eyJx",
        f"{_SIGN}/clips\\made%20of%20it/a&b.png?token=eyJx",
        f"{_SIGN}/clips/made%2520of%2520it/a&b.png?token=eyJx",
        "https://u:p@project.example/storage/v1/object/sign/clips/made%20of%20it/a&b.png?token=eyJx",
        "http://project.example/storage/v1/object/sign/clips/made%20of%20it/a&b.png?token=eyJx",
        "https://project.example.other/storage/v1/object/sign/clips/made%20of%20it/a&b.png?token=eyJx",
        "https://project.example:port/storage/v1/object/sign/clips/made%20of%20it/a&b.png?token=eyJx",
        "//project.example/storage/v1/object/sign/clips/made%20of%20it/a&b.png?token=eyJx",
    ],
)
def test_no_link_of_the_object(url: str) -> None:
    assert not leads_to(url, _BASE, PLACE)
