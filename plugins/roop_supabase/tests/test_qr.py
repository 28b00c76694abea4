"""The code of a link leads to that link."""

from __future__ import annotations

import random
import string

import cv2
import numpy as np
import pytest
import segno

from roop_host import QrCode
from roop_supabase.options import Options
from roop_supabase.qr import code_of

URL = "https://abcdefghijklmnop.supabase.co/storage/v1/object/public/clips/2026/0123456789abcdef0123456789abcdef.mp4"
_TOKEN = "".join(random.Random(1).choices(f"{string.ascii_letters}{string.digits}-_.", k=900))
SIGNED = f"{URL.replace('public', 'sign')}?token={_TOKEN}"[:900]
#: More than level H holds, and less than level L does.
LONG = f"{URL}?token={'aZ09-_.' * 200}"


def read(code: QrCode) -> str:
    """What OpenCV reads of the code, drawn as the host draws it."""
    dark = np.array([[module == "1" for module in row] for row in code.rows])
    framed = np.pad(dark, 4)
    picture = np.where(framed, 0, 255).astype(np.uint8).repeat(code.scale, 0).repeat(code.scale, 1)
    # Each of the two detectors misses a few large codes that the other one reads.
    texts = [detector.detectAndDecode(picture)[0] for detector in (cv2.QRCodeDetector(), cv2.QRCodeDetectorAruco())]
    return max(texts, key=len)


def made(url: str, options: Options, notes: list[str]) -> QrCode:
    code = code_of(url, options, notes.append)
    assert code is not None
    return code


@pytest.mark.parametrize("level", ["L", "M", "Q", "H"])
@pytest.mark.parametrize("url", [URL, SIGNED], ids=["public", "signed"])
def test_the_code_decodes_to_the_link_at_each_level(level: str, url: str) -> None:
    notes: list[str] = []
    code = made(url, Options(qr_error=level), notes)
    assert read(code) == url
    assert notes == []


def test_the_level_is_at_least_the_one_asked_and_no_larger_than_that_takes() -> None:
    for level in ("L", "M", "Q", "H"):
        code = made(URL, Options(qr_error=level), [])
        plain = segno.make_qr(URL, error=level, boost_error=False)
        assert len(code.rows) == len(plain.matrix)


def test_more_of_the_code_may_be_lost_makes_it_larger() -> None:
    sides = [len(made(URL, Options(qr_error=level), []).rows) for level in ("L", "M", "Q", "H")]
    assert sides == sorted(set(sides))


def test_a_link_that_is_too_long_for_its_level_gets_a_weaker_one_and_a_note() -> None:
    notes: list[str] = []
    code = made(LONG, Options(qr_error="H"), notes)
    assert len(code.rows) <= 177
    (note,) = notes
    assert note == "a QR code of level H can't hold so long a link; it was made with level Q"


def test_a_link_that_no_code_holds_gets_none_and_a_note() -> None:
    notes: list[str] = []
    assert code_of("https://x.test/" + "a" * 3000, Options(), notes.append) is None
    (note,) = notes
    assert "the link has 3015 letters" in note
    assert "https" not in note  # the link may be a secret


def test_a_short_link_is_no_micro_code() -> None:
    assert len(made("https://x.t", Options(qr_error="L"), []).rows) >= 21


@pytest.mark.parametrize(
    ("qr", "files", "shown"),
    [("auto", True, True), ("all", True, True), ("files", True, False), ("terminal", False, True)],
)
def test_where_it_is_drawn_and_how_large_is_the_options_to_say(qr: str, files: bool, shown: bool) -> None:
    code = made(URL, Options(qr=qr, qr_scale=3), [])
    assert (code.files, code.shown, code.scale) == (files, shown, 3)


def test_without_a_code_wanted_none_is_made() -> None:
    notes: list[str] = []
    assert code_of(URL, Options(qr="none"), notes.append) is None
    assert notes == []
