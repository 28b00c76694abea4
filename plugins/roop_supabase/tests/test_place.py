"""Where an output goes in a bucket."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from supabase_double.buckets import check_key
from supabase_kit import Told, artifact

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
        ("für Anna (neu).JPG", "fur_Anna_neu.png"),
        ("..%2f..%2fx.png", "2f.._2fx.png"),
        ("a%5Cb#c?.png", "a_5Cb_c.png"),
        (".hidden.png", "hidden.png"),
        ("x" * 150 + ".png", "x" * 100 + ".png"),
        ("clip.tar.weird-suffix", "clip.tar.png"),
    ],
)
def test_a_files_name_as_far_as_a_server_takes_it(name: str, key: str, tmp_path: Path) -> None:
    place = place_of(artifact(tmp_path / name), Options(bucket="b", naming="name"))
    assert place.key == key
    check_key(place.key)


@pytest.mark.parametrize(
    ("named", "kind", "suffix"),
    [
        ("a.png", "image/png", ".png"),
        ("a.apng", "image/apng", ".apng"),
        ("a.JPEG", "image/jpeg", ".jpg"),
        ("a.webp", "image/webp", ".webp"),
        ("a.gif", "image/gif", ".gif"),
        ("a.tiff", "image/tiff", ".tif"),
        ("a.avif", "image/avif", ".avif"),
        ("a.bmp", "image/bmp", ".bmp"),
        ("a.m4v", "video/mp4", ".mp4"),
        ("a.mov", "video/quicktime", ".mov"),
        ("a.mkv", "video/x-matroska", ".mkv"),
        ("a.webm", "video/webm", ".webm"),
        ("WRONG.mp4", "image/png", ".png"),
        ("a", "image/png", ".png"),
        ("a.other", "application/octet-stream", ""),
    ],
)
def test_the_suffix_is_that_of_the_type_whatever_the_file_is_called(
    named: str, kind: str, suffix: str, tmp_path: Path
) -> None:
    made = artifact(tmp_path / named, kind=kind)
    assert place_of(made, Options(bucket="b")).key == f"{made.sha256[:32]}{suffix}"
    assert place_of(made, Options(bucket="b", naming="name")).key == f"{made.path.stem}{suffix}"


def test_a_name_of_which_nothing_is_left_is_that_of_the_content_and_it_is_said(tmp_path: Path) -> None:
    told = Told()
    made = artifact(tmp_path / "写真.png", told=told)
    name = f"{made.sha256[:32]}.png"
    assert place_of(made, Options(bucket="b", naming="name")).key == name
    assert told.notes == [f"nothing of the file's name can stand in a bucket, so it is named by its content there: {name}"]


def test_a_name_that_is_cut_is_told(tmp_path: Path) -> None:
    told = Told()
    place_of(artifact(tmp_path / f"{'x' * 100}.png", told=told), Options(bucket="b", naming="name"))
    place_of(artifact(tmp_path / f"{'y' * 150}.png", told=told), Options(bucket="b"))
    assert told.notes == []
    place_of(artifact(tmp_path / f"{'x' * 101}.png", told=told), Options(bucket="b", naming="name"))
    assert told.notes == [f"the file's name is cut at 100 characters in the bucket: {'x' * 100}.png"]


@pytest.mark.parametrize(
    ("prefix", "why"),
    [
        ("..", "can have dots, but not be one or two of them"),
        ("a/../b", "can have dots, but not be one or two of them"),
        ("a/./b", "can have dots, but not be one or two of them"),
        ("a//b", "a slash follows a slash"),
        ("//a", "a slash follows a slash"),
        ("a//", "a slash follows a slash"),
        ("a/ b", "a blank stands at the beginning or the end"),
        ("a /b", "a blank stands at the beginning or the end"),
        ("a/b ", "a blank stands at the beginning or the end"),
        ("a\\b", r"it can't have '\\\\', only A to Z, digits"),
        ("a%2fb#c", "it can't have '%' '#', only"),
        ("ü", "it can't have 'ü', only"),
        ("a\u202eb", r"it can't have '\\u202e', only"),
        ("a?b", r"it can't have '\?', only"),
        ("x" * 513, "longer than 512 characters"),
        ("x/" * 300, "longer than 512 characters"),
    ],
)
def test_prefixes_that_no_server_takes(prefix: str, why: str) -> None:
    with pytest.raises(UsageError, match=f"--supabase-prefix .* is no folder of a bucket: .*{why}"):
        require_options(Options(bucket="b", prefix=prefix))


@pytest.mark.parametrize("prefix", ["", "/", "/clips/2026/", "v1.2/a b", ".hidden", "..."])
def test_prefixes_that_a_server_takes(prefix: str, tmp_path: Path) -> None:
    options = Options(bucket="b", prefix=prefix)
    require_options(options)
    check_key(place_of(artifact(tmp_path / "a.png"), options).key)


@pytest.mark.parametrize("bucket", ["a/b", "..", "a%2fb", "a?b#c", "x" * 101, " "])
def test_buckets_that_no_server_has(bucket: str) -> None:
    with pytest.raises(UsageError, match="is no bucket's name"):
        require_options(Options(bucket=bucket))


def test_a_bucket_must_be_named() -> None:
    with pytest.raises(UsageError, match="give --supabase-bucket or set ROOP_SUPABASE_BUCKET"):
        require_options(Options())
    require_options(dataclasses.replace(Options(), bucket="my-bucket_1", prefix="clips/2026"))
