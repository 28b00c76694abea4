"""Through the whole host: uploads, and that what is secret stands in no log, error, traceback, report or notice."""

from __future__ import annotations

import dataclasses
import json
import logging
import re
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from kit import Quiet, Tint, processor, screener
from PIL import Image
from supabase_double.handle import Project
from supabase_kit import use

from roop_host import Host, Job, Report, RoopError, Step, UploadError, UploaderSpec, UsageError, hookimpl
from roop_host.testing import host_of
from roop_supabase.options import Options
from roop_supabase.uploader import Supabase


class Plugin:
    """The plugin, in a hurry."""

    ROOP_API = 1
    ROOP_OPTIONS = Options

    @hookimpl
    def roop_uploaders(self) -> list[UploaderSpec]:
        return [UploaderSpec(name="supabase", summary="a test", load=lambda: lambda: Supabase(pace=0.001))]


@pytest.fixture
def host() -> Iterator[Host]:
    with host_of(supabase=Plugin(), tint=processor(Tint, "tint"), quiet=screener(Quiet, "quiet")) as made:
        yield made


@pytest.fixture(params=["anon", "service_role", "publishable", "secret"])
def key(request: pytest.FixtureRequest, storage: Project, monkeypatch: pytest.MonkeyPatch) -> str:
    storage.bucket("b", policies={"anon": ["insert", "select"]})
    made = str(getattr(storage.keys, request.param))
    use(monkeypatch, storage, made)
    return made


def job(folder: Path, **options: object) -> Job:
    target = folder / "target.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)).save(target)
    said: Mapping[str, object] = {"bucket": "b", **options}
    return Job(
        (), str(target), str(folder / "out.png"), (Step("tint"),), uploads=("supabase",), plugin_options={"supabase": said}
    )


def secrets_of(key: str) -> list[str]:
    return [key, *(piece for piece in re.split(r"[.]|^sb_[a-z]+_", key) if len(piece) > 8)]


def told_of(error: RoopError | None, report: Report | None, caplog: pytest.LogCaptureFixture) -> str:
    """All that could be seen, but for the link that was asked for."""
    told = [caplog.text, *(repr(vars(record)) for record in caplog.records)]
    if error is not None:
        told += ["".join(traceback.format_exception(error)), *_chain(error)]
    if report is not None:
        shown = dataclasses.replace(report, uploads=tuple(dataclasses.replace(one, url="") for one in report.uploads))
        told.append(json.dumps(dataclasses.asdict(shown), default=str))
    return "\n".join(told)


def _chain(error: BaseException | None) -> Iterator[str]:
    """As a program would show it that prints every cause and context."""
    while error is not None:
        yield str(error)
        error = error.__cause__


def test_an_upload_that_goes_well(
    key: str, host: Host, storage: Project, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        report = host.run(job(tmp_path))
    (done,) = report.uploads
    assert done.url is not None
    token = done.url.partition("token=")[2]
    told = told_of(None, report, caplog)
    for secret in (*secrets_of(key), token, *token.split(".")[1:]):
        assert secret not in told
    assert "httpcore" in told  # or nothing was listened to


def test_what_exists_is_sent_to_a_bucket_of_few_types(host: Host, storage: Project, tmp_path: Path, key: str) -> None:
    storage.bucket("pictures", allowed_mime_types=["image/png"], policies={"anon": ["bucket", "insert", "select"]})
    host.run(job(tmp_path))
    options = {"supabase": {"bucket": "pictures"}}
    (done,) = host.upload([tmp_path / "out.png"], ["supabase"], plugin_options=options).uploads
    assert (done.file, done.details["bucket"]) == (str(tmp_path / "out.png"), "pictures")
    with pytest.raises(UsageError, match="takes image/png and no image/jpeg"):
        host.run(dataclasses.replace(job(tmp_path, bucket="pictures"), output=str(tmp_path / "out.jpg")))
    assert not (tmp_path / "out.jpg").exists()


def test_uploads_that_fail(key: str, host: Host, storage: Project, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    body = {"statusCode": "400", "error": key, "message": f"no {key} and no {key[:20]}", "hint": key}
    moments = {
        "refused": ("POST", "/storage/v1/object/b/", {"status": 400, "body": body}),
        "page": ("POST", "/storage/v1/object/b/", {"status": 400, "body": f"<p>{key}</p>"}),
        "misled": ("POST", "/storage/v1/object/b/", {"status": 302, "headers": {"Location": f"http://127.0.0.1:1/{key}"}}),
        "broken": ("POST", "/storage/v1/object/b/", {"drop": True, "times": 9}),
        "unsigned": ("POST", "/storage/v1/object/sign/", {"status": 400, "body": body}),
        "dead": ("GET", "/storage/v1/object/sign/", {"status": 404, "body": body}),
        "torn": ("GET", "/storage/v1/object/sign/", {"drop": True, "times": 9}),
        "other": ("GET", "/storage/v1/object/sign/", {"status": 200, "body": "x"}),
    }
    for name, (method, path, fault) in moments.items():
        caplog.clear()
        storage.fault(method, path, **fault)
        (folder := tmp_path / name).mkdir()
        with caplog.at_level(logging.DEBUG), pytest.raises(UploadError) as caught:
            host.run(job(folder, prefix=name))
        assert (folder / "out.png").exists()
        assert caught.value.report is not None
        told = told_of(caught.value, caught.value.report, caplog)
        for secret in secrets_of(key):
            assert secret not in told, name
        assert "token=" not in str(caught.value)
        assert not re.search(
            r"eyJ[\w-]{20,}", str(caught.value) + json.dumps(dataclasses.asdict(caught.value.report), default=str)
        )


def test_a_run_that_does_not_begin(
    key: str, host: Host, storage: Project, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for fault in ({"status": 401, "body": {"message": f"{key} is no key"}}, {"drop": True, "times": 2}):
        storage.fault("GET", "/storage/v1/bucket/", **fault)  # type: ignore[arg-type]
        with caplog.at_level(logging.DEBUG), pytest.raises(RoopError) as caught:
            host.run(job(tmp_path))
        assert caught.value.exit_code == 2
        assert not (tmp_path / "out.png").exists()
        for secret in secrets_of(key):
            assert secret not in told_of(caught.value, caught.value.report, caplog)
