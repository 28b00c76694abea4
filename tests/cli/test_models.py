"""``roop models`` as people type it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import kit
import pytest
from pulled import archive, graph, pack, spec
from web import Answer, Handler, Web, begin, cut, raw, serving, whole
from wheels import plugin_wheel, unpack

from roop_host import Choice, ModelSpec, option
from roop_host.cli.app import call
from roop_host.models.places import part_path
from roop_host.models.store import Store
from roop_host.plugins.wanted import wanted_models
from roop_host.types.specs import models_of

DATA, HALF, OTHER = graph(), graph(3, 9000), graph(1)


@dataclass(frozen=True)
class Options:
    """Options of the plugin of these tests."""

    engine: str = option("auto", "Which one.")


@dataclass
class Bench:
    """A store, a server, and the plugin whose models lie there: net (with a half), and one and two of a pack."""

    web: Web
    store: Store
    net: ModelSpec
    half: ModelSpec
    one: ModelSpec
    two: ModelSpec
    roop: Callable[..., tuple[int, str, str]]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Bench]:
    monkeypatch.setenv("ROOP_MODELS", str(tmp_path / "store"))
    inside = tmp_path / "inside.onnx"
    inside.write_bytes(DATA)
    with serving() as web:
        half = spec(HALF, web.at("/half", whole(HALF)) + "#s3cret", name="net_fp16", licence="MIT")
        net = spec(DATA, web.at("/net", whole(DATA)), name="net", licence="research only", commercial=False, half=half)
        zipped = archive({"bundle/one.onnx": OTHER, "bundle/two.onnx": HALF})
        bundle = pack(zipped, web.at("/bundle.zip", whole(zipped)))
        one, two = (spec(data, name=name, pack=bundle, urls=()) for name, data in (("one", OTHER), ("two", HALF)))
        embedded = spec(DATA, name="small", path=lambda: inside, purpose="finds faces")
        step = kit.processor(
            kit.Tint,
            "swapper",
            models=(embedded,),
            choices=(
                Choice(option="engine", value="net", models=(net,)),
                Choice(option="engine", value="duo", models=(one, two)),
            ),
        )
        step.ROOP_OPTIONS = Options
        plugins = kit.plugins(step)
        monkeypatch.setattr("roop_host.plugins.loader.load_plugins", lambda off: plugins)
        (declared,) = plugins.processors.values()
        assert {wanted.model for wanted in wanted_models(plugins)} == set(models_of(declared.spec))

        def roop(*words: object) -> tuple[int, str, str]:
            code = call(["models", *map(str, words)])
            out, error = capsys.readouterr()
            assert "Traceback" not in error
            return code, out, error

        yield Bench(web, Store(), net, half, one, two, roop)


def test_list(bench: Bench) -> None:
    bench.roop("pull", "one")
    code, out, _ = bench.roop("list")
    rows = {line.split()[0]: line for line in out.splitlines()}
    assert (code, list(rows)) == (0, ["NAME", "small", "net", "net_fp16", "one", "two"])
    for name, words in {
        "small": ("embedded", "yes", "CC0", "finds faces", "swapper (roop-t0 0)"),
        "net": ("0.3 MB", "missing", "no", "research only", "swapper (roop-t0 0) with --t0-engine net"),
        "net_fp16": ("MIT", "swapper (roop-t0 0) with --t0-engine net --precision fp16"),
        "one": ("pulled", "swapper (roop-t0 0) with --t0-engine duo"),
    }.items():
        for word in words:
            assert f"  {word}" in rows[name]
    code, out, _ = bench.roop("list", "--json")
    listed = {item["name"]: item for item in json.loads(out)}
    assert listed["net"] == {
        "name": "net",
        "state": "missing",
        "path": str(bench.store.path(bench.net)),
        "size": len(DATA),
        "sha256": bench.net.sha256,
        "licence": "research only",
        "commercial": False,
        "purpose": "",
        "pack": "",
        "urls": list(bench.net.urls),
        "for": [{"name": "swapper", "plugin": "t0", "option": "--t0-engine", "value": "net", "with": {}}],
    }
    assert listed["net_fp16"]["urls"] == [f"{bench.web.base}/half"]
    assert (listed["one"]["pack"], listed["one"]["urls"]) == ("bundle", [f"{bench.web.base}/bundle.zip"])


def test_pull_tells_the_licence_before_the_first_byte(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []

    def answer(handler: Handler) -> None:
        said.append(capsys.readouterr().err)
        whole(DATA)(handler)

    bench.web.at("/net", answer)
    code, out, error = bench.roop("pull", "net", "small")
    assert said == ["roop: fetching net (0.3 MB; licence: research only; not for commercial use)\n"]
    assert (code, out, error) == (0, f"{bench.store.path(bench.net)}\n", "")
    code, out, error = bench.roop("pull", "net")
    assert (code, out, error) == (0, f"{bench.store.path(bench.net)}\n", "")
    assert len(bench.web.asked) == 1


def test_pull_takes_a_pack_or_all(bench: Bench) -> None:
    code, out, _ = bench.roop("pull", "bundle")
    assert (code, out.splitlines()) == (0, [str(bench.store.path(model)) for model in (bench.one, bench.two)])
    code, out, _ = bench.roop("pull", "--all")
    assert (code, len(out.splitlines())) == (0, 5)
    assert [path for path, _ in bench.web.asked] == ["/bundle.zip", "/net", "/half"]


def test_pull_mends_what_is_damaged(bench: Bench) -> None:
    bench.roop("pull", "net")
    path = bench.store.path(bench.net)
    found = path.stat()
    path.write_bytes(DATA[:-1] + b"x")
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))  # the disk's doing, not a person's
    code, _, error = bench.roop("verify")
    assert code == 6
    assert "wrong hash" in error
    assert bench.roop("pull", "net")[0] == 0
    assert bench.roop("verify") == (0, "small  ok\nnet  ok\n", "")


def test_what_fails_is_told_and_the_rest_is_done(bench: Bench) -> None:
    bench.web.at("/net", raw(b"", 404))
    bench.web.at("/half", raw(b"", 410))
    code, out, error = bench.roop("pull", "--all")
    told = [line for line in error.splitlines() if "can't be fetched" in line]
    assert (code, len(told), len(out.splitlines())) == (6, 2, 3)
    assert "/net answers 404" in told[0]


@pytest.mark.parametrize("command", [["pull"], ["verify"], ["path"], ["rm"]])
def test_an_unknown_name_is_bad_usage(command: list[str], bench: Bench) -> None:
    code, _, error = bench.roop(*command, "bundel")
    assert code == 2
    assert error == (
        "roop: no model is called 'bundel'; did you mean 'bundle'? (there are: bundle, net, net_fp16, one, small, two)\n"
    )


@pytest.mark.parametrize("words", [["pull"], ["pull", "net", "--all"], ["import"], ["rm"], []])
def test_bad_usage(words: list[str], bench: Bench) -> None:
    code, out, error = bench.roop(*words)
    assert (code, out, len(error.splitlines())) == (2, "", 1)


def test_import(bench: Bench, tmp_path: Path) -> None:
    mine, other = tmp_path / "mine.bin", tmp_path / "other.onnx"
    mine.write_bytes(DATA)
    other.write_bytes(b"other")
    code, out, error = bench.roop("import", other, mine, tmp_path / "none.onnx")
    assert (code, out) == (6, f"net  {bench.store.path(bench.net)}\n")
    lines = error.splitlines()
    assert "other.onnx is none of the models" in lines[0]
    assert lines[1] == "roop: net: research only; not for commercial use"
    assert "none.onnx is not there" in lines[2]
    assert mine.exists()
    assert bench.roop("verify", "net") == (0, "net  ok\n", "")


def test_verify_of_a_missing_one(bench: Bench) -> None:
    code, out, error = bench.roop("verify", "small", "net")
    assert (code, out) == (6, "small  ok\n")
    assert "roop models pull net fetches it" in error


def test_path(bench: Bench, tmp_path: Path) -> None:
    assert bench.roop("path") == (0, f"{tmp_path / 'store'}\n", "")
    assert bench.roop("path", "one") == (0, f"{tmp_path / 'store' / 'bundle' / 'one.onnx'}\n", "")
    assert bench.roop("path", "small") == (0, f"{tmp_path / 'inside.onnx'}\n", "")


def test_rm_deletes_only_what_roop_put_there(bench: Bench) -> None:
    bench.roop("pull", "bundle")
    bench.store.path(bench.net).write_bytes(DATA)
    code, out, error = bench.roop("rm", "bundle", "net", "net_fp16")
    assert (code, out) == (6, "one  removed\ntwo  removed\nnet_fp16  was not there\n")
    assert "delete it yourself" in error
    assert bench.store.missing([bench.net, bench.one, bench.two]) == [bench.one, bench.two]


@pytest.mark.parametrize("by", ["variable", "file"])
def test_offline_nothing_is_fetched(by: str, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if by == "variable":
        monkeypatch.setenv("ROOP_OFFLINE", "1")
    else:
        (tmp_path / "roop.toml").write_text("[run]\noffline = true\n")
        monkeypatch.setenv("ROOP_CONFIG", str(tmp_path / "roop.toml"))
    code, out, error = bench.roop("pull", "net")
    assert (code, out, len(error.splitlines())) == (6, "", 1)
    assert f"download {bench.net.urls[0]} elsewhere and bring it: roop models import FILE" in error
    assert "(ROOP_OFFLINE, roop.toml, or --offline of roop run)" in error
    assert bench.web.asked == []


def test_debug_shows_where_it_failed(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.web.at("/net", raw(b"", 404))
    assert call(["--debug", "models", "pull", "net"]) == 6
    assert "Traceback" in capsys.readouterr().err


PLUGIN = """
from roop_host import ModelSpec, Processor, ProcessorSpec, hookimpl

ROOP_API = 1
NET = ModelSpec(name="net", sha256="{sha256}", size={size}, licence="CC0", urls=("{url}",))


@hookimpl
def roop_processors():
    yield ProcessorSpec(name="xnet", summary="a test", load=lambda: Processor, models=(NET,))
"""


def started(site: Path, store: Path, model: ModelSpec, **more: object) -> subprocess.Popen[bytes]:
    code = PLUGIN.format(sha256=model.sha256, size=model.size, url=model.urls[0])
    unpack(plugin_wheel(site / "wheels", "xnet", code), site)
    environment = {**os.environ, "PYTHONPATH": str(site), "ROOP_MODELS": str(store), "COLUMNS": "120", "TERM": "xterm"}
    command = [sys.executable, "-m", "roop_host", "models", "pull", "net"]
    return subprocess.Popen(command, env=environment, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more})


def halfway(data: bytes, reached: threading.Event) -> Answer:
    def answer(handler: Handler) -> None:
        handler.wfile.write(begin(handler, data)[: len(data) // 2])
        reached.set()
        handler.web.hold.wait(60)

    return answer


@pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")
@pytest.mark.parametrize(
    "number", [signal.SIGINT, *(pytest.param(one, marks=pytest.mark.slow) for one in (signal.SIGTERM, signal.SIGKILL))]
)
def test_stopped_in_the_middle(number: signal.Signals, tmp_path: Path) -> None:
    site, store, reached = tmp_path / "site", Store(tmp_path / "store"), threading.Event()
    with serving() as web:
        model = spec(DATA, web.at("/net", halfway(DATA, reached)))
        process = started(site, store.root, model)
        assert reached.wait(60)
        part = part_path(store.path(model), model.sha256)
        while part.stat().st_size < len(DATA) // 2:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
        out, error = process.communicate(timeout=60)
        if number is signal.SIGKILL:
            assert process.returncode == -signal.SIGKILL
        else:
            assert (process.returncode, out) == (130, b"")
            assert b"0.2 MB that came are kept, and the same command goes on from there" in error
            assert b"Traceback" not in error
        web.at("/net", whole(DATA))
        process = started(site, store.root, model)
        out, error = process.communicate(timeout=60)
        assert (process.returncode, out.decode().strip()) == (0, str(store.path(model))), error
        assert web.asked[-1][1]["Range"] == f"bytes={len(DATA) // 2}-"


@pytest.mark.skipif(os.name != "posix", reason="makes a terminal")
def test_a_terminal_shows_a_bar(tmp_path: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    with serving() as web:
        process = started(
            tmp_path / "site", tmp_path / "store", spec(DATA, web.at("/net", cut(DATA, 200_000))), stderr=theirs
        )
        os.close(theirs)
        shown = b""
        try:
            while data := os.read(ours, 65536):
                shown += data
        except OSError:  # the other end was closed
            pass
        process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == 0, shown
    assert b"net" in shown
    assert b"kB" in shown
