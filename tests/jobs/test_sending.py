"""``Host.upload``: what a run has made and screened is sent later as the run would have sent it, and nothing else is."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import make_clip
from kit import Bucket, Tint, job, left, plugins, processor, refused, run, uploader
from PIL import Image
from qr import code_of

from roop_host import (
    Artifact,
    Control,
    ExecutionOptions,
    Host,
    InputError,
    Interrupted,
    JobContext,
    PluginError,
    Progress,
    Receipt,
    Report,
    RoopError,
    UploadError,
    UsageError,
    option,
)
from roop_host.plugins.found import Plugins
from roop_host.runner.codes import draw
from roop_host.runner.ledger import ledger_path


@dataclass(frozen=True)
class Options:
    place: str = option("here", "Where to.")
    tags: tuple[str, ...] = option((), "What it is called.")
    public: bool = option(False, "Whether all may see it.")


def sender(make: Callable[[], Any], name: str = "bucket") -> Any:
    module = uploader(make, name)
    module.ROOP_OPTIONS = Options
    return module


def found(make: Callable[[], Any], *more: Any) -> Plugins:
    return plugins(processor(Tint, "tint"), sender(make), *more)


@pytest.fixture(autouse=True)
def _state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setattr("platformdirs.user_state_path", lambda *_, **__: folder)


@pytest.fixture
def made(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output that a run has made, without an upload."""
    return make(tmp_path / "o.png", tmp_path_factory.mktemp("in") / "in.png")


def make(output: Path, picture: Path, grey: int = 90) -> Path:
    Image.fromarray(np.full((48, 64, 3), grey, np.uint8)).save(picture)
    run(found(Bucket), job(picture, output, "tint"))
    return output


def send(plugins: Plugins, files: Sequence[str | Path], *to: str, **more: Any) -> Report:
    with Host(plugins) as host:
        return host.upload(files, to or ("bucket",), **more)


def not_sent(plugins: Plugins, files: Sequence[str | Path], *to: str, **more: Any) -> RoopError:
    with pytest.raises(RoopError) as caught:
        send(plugins, files, *to, **more)
    report = caught.value.report
    assert report is not None
    assert (report.exit_code, report.error) == (caught.value.exit_code, str(caught.value))
    return caught.value


def test_what_a_run_has_made_is_sent_as_the_run_sends_it(tmp_path: Path) -> None:
    bucket, later = Bucket(), Bucket()
    make_clip(tmp_path / "in.mp4", frames=10)
    what = replace(job(tmp_path / "in.mp4", tmp_path / "o.mp4", "tint"), uploads=("bucket",))
    before = run(found(lambda: bucket), what)
    report = send(found(lambda: later), [tmp_path / "o.mp4"])
    assert later.given == bucket.given
    assert later.given[0].seconds == pytest.approx(0.4)
    assert report.uploads == before.uploads
    assert (report.status, report.exit_code, report.output, report.source_type) == ("done", 0, None, None)
    assert report.plugins == ("roop-t1 0",)


def test_a_file_is_known_under_another_name_and_through_a_link(made: Path, tmp_path: Path) -> None:
    moved, link = made.rename(tmp_path / "renamed.dat"), tmp_path / "link.png"
    link.symlink_to(moved)
    bucket = Bucket()
    report = send(found(lambda: bucket), [link])
    assert (bucket.given[0].path, bucket.given[0].media_type) == (moved, "image/png")
    assert report.uploads[0].file == str(moved)


def test_several_files_go_to_several_places(made: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = make(tmp_path / "p.png", tmp_path_factory.mktemp("in") / "in.png", 200)
    report = send(found(Bucket, uploader(Bucket, "second")), [str(made), other], "bucket", "second")
    sent = [(one.file, one.uploader) for one in report.uploads]
    assert sent == [(str(path), name) for path in (made, other) for name in ("bucket", "second")]


def test_progress_is_told_in_bytes(made: Path) -> None:
    class Half(Bucket):
        def upload(self, artifact: Artifact) -> Receipt:
            artifact.sent(artifact.size // 2)
            artifact.note("a word\nof its own")
            return super().upload(artifact)

    told: list[Progress] = []
    report = send(found(Half), [made], on_progress=told.append)
    size = made.stat().st_size
    assert [(one.phase, one.done, one.total, one.unit) for one in told] == [
        ("checking", 0, size, "bytes"),
        ("uploading", 0, size, "bytes"),
        ("uploading", size // 2, size, "bytes"),
    ]
    assert report.notices == ("a word of its own",)


def never() -> Any:
    raise AssertionError("loaded")


def edited(path: Path) -> Path:
    Image.fromarray(np.full((48, 64, 3), 7, np.uint8)).save(path)
    return path


def empty(path: Path) -> Path:
    path.write_bytes(b"")
    return path


def gone(path: Path) -> Path:
    path.unlink()
    return path


def linked_to_itself(path: Path) -> Path:
    link = path.with_name("loop.png")
    link.symlink_to(link)
    return link


def in_a_folder(path: Path) -> Path:
    folder = path.with_name("album")
    folder.mkdir()
    path.rename(folder / "a.png")
    return folder


def pipe(path: Path) -> Path:
    import os

    os.mkfifo(path.with_name("pipe.png"))
    return path.with_name("pipe.png")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            edited,
            "is no output that roop made and screened here and that is unchanged since, so nothing was sent",
        ),
        (empty, "is empty"),
        (gone, "is not there; check the path"),
        (linked_to_itself, "can't be read"),
        (in_a_folder, "is a folder; name each picture in it by itself, such as {path}/a.png"),
        (pipe, "is no plain file"),
    ],
)
def test_nothing_else_is_sent_and_no_uploader_is_loaded(change: Callable[[Path], Path], said: str, made: Path) -> None:
    path = change(made)
    error = not_sent(found(never), [path])
    assert (type(error), error.exit_code) == (InputError, 3)
    assert f"{path} {said.format(path=path)}" in str(error)


def test_all_files_are_looked_at_before_the_first_byte_goes(made: Path, tmp_path: Path) -> None:
    strange = edited(tmp_path / "strange.png")
    error = not_sent(found(never), [made, strange])
    assert (error.exit_code, str(strange) in str(error)) == (3, True)


@pytest.mark.parametrize("name", ["o.bmp", "renamed.png"])
def test_what_holds_no_mark_is_not_sent_under_any_name(name: str, tmp_path: Path) -> None:
    bmp = make(tmp_path / "o.bmp", tmp_path / "in.png")
    path = bmp.rename(tmp_path / name)
    error = not_sent(found(never), [path])
    assert error.exit_code == 3
    assert "cannot hold the mark that says that it is synthetic, so it is not uploaded" in str(error)


def test_a_file_that_cant_be_read_is_told(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(path: Path, *arguments: Any, **more: Any) -> Any:  # root may read all, so permissions are no test
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuses)
    error = not_sent(found(never), [made])
    assert (error.exit_code, "can't be read (Permission denied)" in str(error)) == (3, True)


def test_a_damaged_ledger_is_told(made: Path) -> None:
    ledger_path().write_bytes(b"nothing of that kind")
    error = not_sent(found(never), [made])
    assert (error.exit_code, "nothing was sent, as the ledger" in str(error)) == (3, True)


@pytest.mark.parametrize(
    ("files", "to", "more", "said"),
    [
        (["o.png", "o.png"], ["bucket"], {}, "is named twice; name it once"),
        (["o.png", "link.png"], ["bucket"], {}, "is named twice; name it once"),
        ([], ["bucket"], {}, "at least one file must be named"),
        ([""], ["bucket"], {}, "takes the name of a file"),
        (["a\0b"], ["bucket"], {}, "takes the name of a file"),
        ("o.png", ["bucket"], {}, "a list of names"),
        (["o.png"], "bucket", {}, "a list of names"),
        (["o.png"], [], {}, "no uploader was named; say where with --to (installed: bucket, second)"),
        (["o.png"], ["buckets"], {}, "did you mean 'bucket'"),
        (["o.png"], ["bucket", "bucket"], {}, "named twice"),
        (["o.png"], ["bucket"], {"plugin_options": {"t2": {"x": 1}}}, "takes no part in this job"),
        (["o.png"], ["bucket"], {"plugin_options": {"t1": {"plaice": "x"}}}, "did you mean 'place'"),
        (["o.png"], ["bucket"], {"execution": ExecutionOptions(timeout_s=-1)}, "timeout"),
    ],
)
def test_what_makes_no_sense_is_refused(
    files: Any, to: Any, more: Any, said: str, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("link.png").symlink_to(made)
    with Host(found(never, uploader(never, "second"))) as host, pytest.raises(UsageError) as caught:
        host.upload(files, to, **more)
    assert said in str(caught.value)


def test_without_any_uploader_the_package_is_told(made: Path) -> None:
    bare = plugins(processor(Tint, "tint"))
    with Host(bare) as host, pytest.raises(UsageError, match=r"no uploader was named; install one: .*roop-supabase"):
        host.upload([made], [])
    error = not_sent(bare, [made], "supabase")
    assert (error.exit_code, "install roop-supabase" in str(error)) == (2, True)


class Refuses(Bucket):
    def upload(self, artifact: Artifact) -> Receipt:
        raise UploadError("the bucket is full; empty it")


def test_a_failure_says_how_to_send_it_again(made: Path) -> None:
    error = not_sent(found(Refuses, uploader(Bucket, "second")), [made], "bucket", "second")
    assert (error.exit_code, str(error)) == (
        8,
        f"the uploader bucket (roop-t1 0) failed (the bucket is full; empty it); the output {made} is kept; "
        f"when that is mended, to send it again: roop upload {made} --to bucket",
    )
    assert error.report is not None
    assert [one.uploader for one in error.report.uploads] == ["second"]


def test_a_run_says_it_with_the_same_words_and_options(made: Path, tmp_path: Path) -> None:
    output = tmp_path / "a b.png"
    said = {"t1": {"place": "over there", "tags": ("a", "b"), "public": True}}
    what = replace(job(made, output, "tint"), uploads=("bucket",), plugin_options=said)
    by_run = refused(found(Refuses), what)
    by_upload = not_sent(found(Refuses), [output], plugin_options=said)
    assert str(by_run) == str(by_upload)
    command = shlex.split(str(by_run).partition("to send it again: ")[2])
    assert command[:5] == ["roop", "upload", str(output), "--to", "bucket"]
    assert command[5:] == ["--t1-place", "over there", "--t1-tags", "a,b", "--t1-public"]


def test_one_that_fails_keeps_neither_other_files_nor_uploaders_from_it(
    made: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    class Picky(Bucket):
        def upload(self, artifact: Artifact) -> Receipt:
            if artifact.path == made:
                raise UploadError("not that one")
            return super().upload(artifact)

    other = make(tmp_path / "p.png", tmp_path_factory.mktemp("in") / "in.png", 200)
    error = not_sent(found(Picky), [made, other])
    assert str(error).endswith(f"to send it again: roop upload {made} --to bucket")
    assert error.report is not None
    assert [one.file for one in error.report.uploads] == [str(other)]


def test_a_run_whose_ledger_cant_be_written_promises_nothing(made: Path, tmp_path: Path) -> None:
    ledger_path().write_bytes(b"nothing of that kind")
    error = refused(found(Refuses), replace(job(made, tmp_path / "p.png", "tint"), uploads=("bucket",)))
    assert str(error).endswith("p.png is kept, so it can be sent by other means")


@pytest.mark.parametrize("how", ["changes", "removes"])
def test_an_uploader_that_changes_the_file_ends_it(how: str, made: Path) -> None:
    class Changes(Bucket):
        def upload(self, artifact: Artifact) -> Receipt:
            artifact.path.write_bytes(b"other") if how == "changes" else artifact.path.unlink()
            return Receipt()

    second = Bucket()
    error = not_sent(found(Changes, uploader(lambda: second, "second")), [made], "bucket", "second")
    assert (type(error), error.exit_code) == (PluginError, 7)
    assert f"changed or removed the output {made} after it was screened" in str(error)
    assert str(error).count("changed or removed") == 1
    assert second.given == []


@pytest.mark.parametrize("method", ["end", "teardown"])
def test_it_is_compared_once_more_when_plugins_have_ended(method: str, made: Path) -> None:
    def changes(self: Bucket) -> None:
        made.write_bytes(b"other")

    late = type("Late", (Bucket,), {method: changes})
    control = Control()
    if method == "end":
        error = not_sent(found(late), [made], control=control)
        assert (error.exit_code, str(error).count("changed or removed")) == (7, 1)
        return
    send(found(late), [made], control=control)
    assert control.made is not None
    with pytest.raises(PluginError, match="changed or removed"):
        control.made.require()


@pytest.fixture
def ever() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_one_that_hangs_makes_the_process_unfit(made: Path, ever: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roop_host.runner.uploads.LONG", 0.2)

    class Hangs(Bucket):
        def upload(self, artifact: Artifact) -> Receipt:
            ever.wait(20)
            return Receipt()

    control = Control()
    error = not_sent(found(Hangs), [made], control=control, execution=ExecutionOptions(timeout_s=1))
    assert (error.exit_code, control.unfit) == (8, True)
    assert "did not come back within" in str(error)
    assert str(error).endswith(f"to send it again: roop upload {made} --to bucket --timeout 1")


def test_a_cancel_before_anything_was_sent(made: Path) -> None:
    control = Control()
    control.cancel()
    error = not_sent(found(never), [made], control=control)
    assert (error.exit_code, str(error)) == (130, "stopped on request before anything was sent")


def test_a_cancel_says_how_to_send_the_rest(made: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    control = Control()

    class Cancels(Bucket):
        def upload(self, artifact: Artifact) -> Receipt:
            control.cancel()
            return super().upload(artifact)

    other = make(tmp_path / "p.png", tmp_path_factory.mktemp("in") / "in.png", 200)
    error = not_sent(found(Cancels), [made, other], control=control)
    assert isinstance(error, Interrupted)
    assert str(error).endswith(f"to send it again: roop upload {other} --to bucket")
    assert error.report is not None
    assert [one.file for one in error.report.uploads] == [str(made)]


def test_uploaders_are_begun_and_ended_as_in_a_run(made: Path) -> None:
    calls: list[str] = []

    class Notes(Bucket):
        def setup(self, ctx: Any) -> None:
            calls.append(f"setup {ctx.options_as(Options).place}")

        def begin(self, job: JobContext) -> None:
            calls.append(f"begin {job.job.uploads}")

        def upload(self, artifact: Artifact) -> Receipt:
            calls.append("upload")
            return super().upload(artifact)

        def end(self) -> None:
            calls.append("end")

        def teardown(self) -> None:
            calls.append("teardown")

    send(found(Notes), [made], plugin_options={"t1": {"place": "there"}})
    assert calls == ["setup there", "begin ('bucket',)", "upload", "end", "teardown"]


def test_what_an_uploader_lacks_is_told_before_anything_is_sent(made: Path, tmp_path: Path) -> None:
    class Keyless(Bucket):
        def setup(self, ctx: Any) -> None:
            raise UsageError("BUCKET_KEY is not set; set it")

    first = Bucket()
    error = not_sent(found(lambda: first, uploader(Keyless, "second")), [made], "bucket", "second")
    assert (error.exit_code, "BUCKET_KEY is not set" in str(error)) == (2, True)
    assert first.given == []
    assert "o.png" in left(tmp_path)


def test_codes_that_a_pattern_names_too_are_left_out(made: Path, tmp_path: Path) -> None:
    draw(code_of("https://example.test/"), made, "bucket")
    bucket = Bucket()
    report = send(found(lambda: bucket), sorted(tmp_path.glob("*.png")))
    assert [one.path for one in bucket.given] == [made]
    code = tmp_path / "o.png.bucket.qr.png"
    assert report.notices == (f"the QR code {code} is not sent, as roop drew it of an upload",)
    report = send(found(lambda: bucket), sorted(tmp_path.glob("o.png*")))
    assert report.notices == ("2 QR codes are not sent, as roop drew them of uploads",)
    error = not_sent(found(never), [code])
    assert (error.exit_code, f"{code} is a QR code that roop drew of an upload and no output" in str(error)) == (3, True)
    made.rename(tmp_path / "z.png")
    error = not_sent(found(never), [tmp_path])
    assert str(error).endswith(f"name each picture in it by itself, such as {tmp_path / 'z.png'}")


def test_a_code_of_the_very_file_is_not_told_as_of_an_earlier_one(made: Path) -> None:
    draw(code_of("https://example.test/"), made, "second")
    assert send(found(Bucket), [made]).notices == ()
    error = not_sent(found(Refuses), [made])
    assert error.report is not None
    assert error.report.notices == ()
