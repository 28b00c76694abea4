"""Where an output goes in a bucket."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from supabase_double.buckets import check_key
from supabase_kit import artifact

from roop_host import UsageError
from roop_supabase.options import Options
from roop_supabase.place import Place, place_of, require_options


def test_a_name_of_the_content_tells_nothing_of_the_file(tmp_path: Path) -> None:
    made = artifact(tmp_path / "My Private Name.PNG")
    assert place_of(made, Options(bucket="b")) == Place("b", f"{made.sha256[:32]}.png")
    assert place_of(made, Options(bucket="b", prefix="/clips/2026/")).key == f"clips/2026/{made.sha256[:32]}.png"


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("holiday 1.png", "holiday_1.png"),
        ("für Anna (neu).JPG", "fur_Anna_neu.jpg"),
        ("..%2f..%2fx.png", "2f.._2fx.png"),
        ("a%5Cb#c?.png", "a_5Cb_c.png"),
        (".hidden.png", "hidden.png"),
        ("x" * 150 + ".png", "x" * 100 + ".png"),
        ("clip.tar.weird-suffix", "clip.tar"),
    ],
)
def test_a_files_name_as_far_as_a_server_takes_it(name: str, key: str, tmp_path: Path) -> None:
    place = place_of(artifact(tmp_path / name), Options(bucket="b", naming="name"))
    assert place.key == key
    check_key(place.key)


def test_a_name_of_which_nothing_is_left_is_that_of_the_content(tmp_path: Path) -> None:
    made = artifact(tmp_path / "写真.png")
    assert place_of(made, Options(bucket="b", naming="name")).key == f"{made.sha256[:32]}.png"


@pytest.mark.parametrize("prefix", ["..", "a/../b", "a//b", "a/./b", "a\\b", "a%2fb", "a#b", "ü", "a/ b", "a?b", "x" * 513])
def test_prefixes_that_no_server_takes(prefix: str) -> None:
    with pytest.raises(UsageError, match="--supabase-prefix"):
        require_options(Options(bucket="b", prefix=prefix))


@pytest.mark.parametrize("bucket", ["a/b", "..", "a%2fb", "a?b#c", "x" * 101, " "])
def test_buckets_that_no_server_has(bucket: str) -> None:
    with pytest.raises(UsageError, match="is no bucket's name"):
        require_options(Options(bucket=bucket))


def test_a_bucket_must_be_named() -> None:
    with pytest.raises(UsageError, match="give --supabase-bucket or set ROOP_SUPABASE_BUCKET"):
        require_options(Options())
    require_options(dataclasses.replace(Options(), bucket="my-bucket_1", prefix="clips/2026"))
