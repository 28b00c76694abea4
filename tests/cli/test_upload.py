"""``roop upload`` as people run it, with an uploader in a single file."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kit import Tint, job, plugins, processor, run
from PIL import Image
from terminal import roop

UPLOADER = """
from dataclasses import dataclass

from roop_host import Receipt, Uploader, UploaderSpec, UploadError, hookimpl, option

ROOP_API = 1


@dataclass(frozen=True)
class Options:
    place: str = option("here", "Where to.")
    full: bool = option(False, "Whether it is full.")


ROOP_OPTIONS = Options


class Bucket(Uploader):
    def setup(self, ctx):
        self.options = ctx.options_as(Options)

    def upload(self, artifact):
        if self.options.full:
            raise UploadError("the bucket is full; empty it")
        return Receipt(f"https://example.test/{self.options.place}/{artifact.sha256[:8]}", {"type": artifact.media_type})


@hookimpl
def roop_uploaders():
    yield UploaderSpec(name="NAME", summary="a test", load=lambda: Bucket)
"""


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    (tmp_path / "bucket.py").write_text(UPLOADER.replace("NAME", "bucket"))
    return tmp_path / "bucket.py"


@pytest.fixture
def made(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    picture = tmp_path_factory.mktemp("in") / "in.png"
    Image.fromarray(np.full((48, 64, 3), 90, np.uint8)).save(picture)
    what = job(picture, tmp_path / "o.png", "tint")
    run(plugins(processor(Tint, "tint")), replace(what, media=replace(what.media, overwrite=True)))
    return tmp_path / "o.png"


def test_it_is_sent_with_the_options_that_were_said(made: Path, bucket: Path, tmp_path: Path) -> None:
    toml = tmp_path / "my.toml"
    toml.write_text('[plugin.bucket]\nplace = "file"\n')
    said = ("upload", made.name, "--to", "bucket", "--plugin", bucket)
    assert "roop: bucket: https://example.test/here/" in roop(*said, cwd=tmp_path).stderr
    by_file = roop("--config", toml, *said, "-q", cwd=tmp_path)
    assert (by_file.returncode, "example.test/file/" in by_file.stderr) == (0, True)
    by_variable = roop("--config", toml, *said, cwd=tmp_path, ROOP_BUCKET_PLACE="variable")
    assert "example.test/variable/" in by_variable.stderr
    done = roop("--config", toml, *said, "--bucket-place", "flag", "--json", cwd=tmp_path, ROOP_BUCKET_PLACE="variable")
    report = json.loads(done.stdout)
    (sent,) = report["uploads"]
    assert sent["url"].startswith("https://example.test/flag/")
    assert (sent["file"], sent["details"], report["status"]) == (str(made), {"type": "image/png"}, "done")


def test_several_are_told_with_their_names(made: Path, bucket: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.png"
    copy.write_bytes(made.read_bytes())
    done = roop("upload", made, copy, "--to", "bucket", "--plugin", bucket, cwd=tmp_path)
    assert done.returncode == 0
    assert [line.rpartition(": ")[0] for line in done.stderr.splitlines() if "https:" in line] == [
        f"roop: bucket: {made}",
        f"roop: bucket: {copy}",
    ]


def test_a_failure_says_the_command_that_works(made: Path, bucket: Path, tmp_path: Path) -> None:
    said = ("upload", made, "--to", "bucket", "--plugin", bucket, "--bucket-place", "a b")
    failed = roop(*said, "--bucket-full", cwd=tmp_path)
    assert failed.returncode == 8
    command = f"roop upload {made} --to bucket --plugin {bucket} --bucket-place 'a b' --bucket-full"
    assert failed.stderr.rstrip().endswith(f"the output {made} is kept; when that is mended, to send it again: {command}")


def test_a_failure_tells_notices_too(made: Path, bucket: Path, tmp_path: Path) -> None:
    before = "        if self.options.full"
    text = bucket.read_text().replace(before, f'        artifact.note("it is nearly full")\n{before}')
    bucket.write_text(text)
    failed = roop("upload", made, "--to", "bucket", "--plugin", bucket, "--bucket-full", cwd=tmp_path)
    assert failed.returncode == 8
    assert failed.stderr.startswith("roop: it is nearly full\nroop: the uploader bucket")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--to", "bucket"), 3, "strange.png is no output that roop made and screened here"),
        (("--to", "buckets"), 2, "did you mean 'bucket'"),
        ((), 2, "no uploader was named; say where with --to (installed: bucket"),
        (("--to", ""), 2, "no uploader was named"),
        (("--to", "bucket,bucket"), 2, "named twice"),
        (("--to", "bucket", "--bucket-plaice", "x"), 2, "no such option: --bucket-plaice"),
        (
            ("--to", "bucket", "--crate-place", "x"),
            2,
            "--crate-place belongs to the plugin crate, which no step",
        ),
        (("--to", "bucket", "--nsfw-threshold", "0.1"), 2, "no such option: --nsfw-threshold"),
        (("--to", "bucket", "--timeout", "soon"), 2, "--timeout takes a number"),
    ],
)
def test_what_is_refused(words: tuple[str, ...], code: int, said: str, bucket: Path, tmp_path: Path) -> None:
    (tmp_path / "strange.png").write_bytes(b"anything")
    (tmp_path / "crate.py").write_text(UPLOADER.replace("NAME", "crate"))
    there = ("--plugin", bucket, "--plugin", tmp_path / "crate.py")
    done = roop("upload", "strange.png", *words, *there, "--json", cwd=tmp_path)
    assert (done.returncode, json.loads(done.stdout)["exit_code"]) == (code, code)
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_without_files_or_uploaders(tmp_path: Path) -> None:
    done = roop("upload", "--to", "bucket", cwd=tmp_path)
    assert (done.returncode, "FILE" in done.stderr) == (2, True)
    done = roop("-p", "no:supabase", "upload", "o.png", "--to", "supabase", cwd=tmp_path)
    assert (
        done.returncode,
        "no uploader is called 'supabase' (installed: none; switched off: supabase)" in done.stderr,
    ) == (2, True)


def test_a_ledger_of_a_newer_roop_is_told(made: Path, bucket: Path, tmp_path: Path) -> None:
    state = tmp_path / "state" / "roop"
    state.mkdir(parents=True)
    with sqlite3.connect(state / "ledger.sqlite3") as ledger:
        ledger.execute("PRAGMA application_id = 0x726f6f70")
        ledger.execute("PRAGMA user_version = 9")
    words = ("upload", made, "--to", "bucket", "--plugin", bucket)
    done = roop(*words, cwd=tmp_path, XDG_STATE_HOME=str(state.parent))
    assert (done.returncode, len(done.stderr.splitlines())) == (3, 1)
    assert "was written by a newer version of roop; update roop" in done.stderr


def test_help_shows_the_flags_of_those_that_send_alone(bucket: Path, tmp_path: Path) -> None:
    shown = roop("upload", "--help", "--plugin", bucket, cwd=tmp_path).stdout
    assert "\n  FILE      " in shown
    assert "--bucket-place" in shown
    assert "--timeout" in shown
    assert "bucket" in shown.partition("installed: ")[2].partition(")")[0]
    assert not [flag for flag in ("--nsfw-threshold", "--device", "--quality", "--overwrite") if flag in shown]
