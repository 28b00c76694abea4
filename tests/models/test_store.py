"""What lies in the store, whose it is, and what becomes of it."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from pulled import archive, graph, outside, pack, spec
from web import Handler, Web, held, raw, whole

from roop_host import InputError, ModelError, ModelSpec, UsageError
from roop_host.errors import Interrupted
from roop_host.models.places import locked, part_path
from roop_host.models.placing import own_record, record_path
from roop_host.models.store import Store, store_root

DATA, OTHER = graph(), graph(1)
NEVER = threading.Event()


@pytest.fixture
def model(web: Web) -> ModelSpec:
    return spec(DATA, web.at("/net.onnx", whole(DATA)))


def put(store: Store, model: ModelSpec, data: bytes) -> Path:
    """A file under the model's name that roop did not put there."""
    path = store.path(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def left(store: Store) -> list[str]:
    found = (path.relative_to(store.root).as_posix() for path in store.root.rglob("*"))
    return sorted(name for name in found if not name.endswith(".lock"))


def test_the_folder_is_the_one_of_the_variable_else_that_of_the_checkout(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("ROOP_MODELS")
    assert store_root() == Path(__file__).parents[2] / "models"
    monkeypatch.setenv("ROOP_MODELS", "~/weights")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert store_root() == tmp_path / "weights"
    monkeypatch.setenv("ROOP_MODELS", "~nosuch-user-here/x")
    with pytest.raises(UsageError, match=r"ROOP_MODELS begins with .*: ~nosuch-user-here/x; write the whole path"):
        store_root()


def test_states(store: Store, model: ModelSpec, tmp_path: Path) -> None:
    assert store.state(model) == "missing"
    assert store.missing([model, model]) == [model]
    put(store, model, DATA)
    assert (store.state(model), store.present(model), store.missing([model])) == ("brought", True, [])
    put(store, model, DATA[:-1])
    assert (store.state(model), store.present(model)) == ("wrong size", False)
    store.path(model).unlink()
    store.path(model).mkdir()
    assert (store.state(model), store.present(model)) == ("wrong size", False)
    store.path(model).rmdir()
    store.pull(model)
    assert store.state(model) == "pulled"
    inside = tmp_path / "inside.onnx"
    part_of_package = spec(DATA, path=lambda: inside)
    assert store.state(part_of_package) == "missing"
    inside.write_bytes(DATA)
    assert store.state(part_of_package) == "embedded"
    assert store.pull(part_of_package) == inside


def _lost() -> Path:
    raise ZeroDivisionError("no\nway")


def _ends() -> Path:
    sys.exit(3)


@pytest.mark.parametrize("where", [_lost, _ends, lambda: 3])
def test_a_plugin_that_can_not_say_where_its_model_lies(where: Callable[[], Path], store: Store) -> None:
    lost = spec(DATA, path=where)
    assert (store.state(lost), store.present(lost), store.missing([lost])) == ("missing", False, [lost])
    assert store.pick(spec(OTHER, "https://example.test/x", half=lost), "auto", accelerated=True).half is lost
    for look in (store.path, store.read, store.verify, store.pull):
        with pytest.raises(ModelError, match=r"the model net is missing \(.*\); install its package again") as caught:
            look(lost)
        assert "\n" not in str(caught.value)


def test_a_file_of_another_size_is_not_read(store: Store, model: ModelSpec) -> None:
    with put(store, model, b"").open("wb") as file:
        file.truncate(100_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(ModelError, match="100,000,000 bytes in place of"):
            store.read(model)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_a_record_says_what_came_from_where(store: Store, model: ModelSpec) -> None:
    record = own_record(store.pull(model))
    assert record is not None
    assert (record.sha256, record.size, record.by, record.source) == (model.sha256, len(DATA), "pull", model.urls[0])
    assert record.date.startswith("20")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"sha256": 1}', "[" * 100_000])
def test_a_record_that_says_nothing_is_none(text: str, store: Store, model: ModelSpec) -> None:
    path = store.pull(model)
    record_path(path).write_text(text)
    assert store.state(model) == "brought"
    with pytest.raises(ModelError, match="not put there by roop"):
        store.remove(model)


def test_the_file_of_a_user_is_used_as_it_is(store: Store, model: ModelSpec, web: Web) -> None:
    path = put(store, model, DATA)
    assert store.pull(model) == path
    assert store.pull_all([model], check=True) == (path,)
    assert store.read(model) == DATA
    assert web.asked == []
    assert left(store) == ["net.onnx"]
    with pytest.raises(ModelError, match="it stays; delete it yourself"):
        store.remove(model)
    assert path.read_bytes() == DATA


@pytest.mark.parametrize("data", [DATA[:-1], OTHER])
@pytest.mark.parametrize("linked", [False, True])
def test_another_file_of_a_user_under_the_models_name_stays(
    data: bytes, linked: bool, store: Store, model: ModelSpec, web: Web
) -> None:
    path = put(store, model, data)
    if linked:
        path = path.rename(store.root / "elsewhere.onnx")
        store.path(model).symlink_to(path)
    with pytest.raises(ModelError, match="roop did not put it there, or it was changed since; move it away") as caught:
        store.pull_all([model], check=True)
    assert model.sha256 in str(caught.value)
    assert web.asked == []
    with pytest.raises(ModelError, match=r"wrong hash.*move it away, then roop models pull net"):
        store.read(model)
    with pytest.raises(ModelError, match="stays"):
        store.remove(model)
    assert path.read_bytes() == data


def test_a_folder_or_a_dead_link_under_the_models_name_stays(store: Store, model: ModelSpec) -> None:
    store.path(model).mkdir(parents=True)
    with pytest.raises(ModelError, match="move it away"):
        store.pull(model)
    store.path(model).rmdir()
    store.path(model).symlink_to("nowhere")
    with pytest.raises(ModelError, match="move it away"):
        store.pull(model)
    assert store.path(model).is_symlink()


def test_a_file_that_the_user_brings_meanwhile_is_used(store: Store, web: Web) -> None:
    for data, mended in ((DATA, True), (OTHER, False)):
        model = spec(DATA, web.at("/net.onnx", whole(DATA)), name=f"net-{mended}")

        def arrives(have: int, total: int, model: ModelSpec = model, data: bytes = data) -> None:
            if have == total:
                put(store, model, data)

        if mended:
            store.pull(model, on_bytes=arrives)
            assert store.state(model) == "brought"
            assert not [path.name for path in store.root.iterdir() if ".part" in path.name]
        else:
            with pytest.raises(ModelError, match="move it away"):
                store.pull(model, on_bytes=arrives)
        assert store.path(model).read_bytes() == data


def rot(path: Path) -> None:
    """Damage that the system does not tell of."""
    found = path.stat()
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def test_damage_to_what_roop_put_there_is_found_and_mended(store: Store, model: ModelSpec, web: Web) -> None:
    rot(store.pull(model))
    with pytest.raises(ModelError, match=r"wrong hash.*; roop models pull net fetches it") as caught:
        store.verify(model)
    assert "move" not in str(caught.value)
    with pytest.raises(ModelError, match="roop models pull net fetches it"):
        store.read(model)
    store.pull_all([model], check=True)
    store.verify(model)
    assert left(store) == [".net.onnx.json", "net.onnx"]
    assert len(web.asked) == 2


def dated(path: Path) -> None:
    """Another time than the record's, however coarse the clock of the file system."""
    os.utime(path, ns=(0, path.stat().st_mtime_ns - 10**9))


def overwritten(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    dated(path)


def moved_there(path: Path, data: bytes) -> None:
    mine = path.with_name("mine")
    overwritten(mine, data)
    mine.replace(path)


def copied_there(path: Path, data: bytes) -> None:
    """After the old one was deleted, and its record was left."""
    path.unlink()
    overwritten(path, data)


def linked_there(path: Path, data: bytes) -> None:
    """As who moves the file to a larger disk does: the link is theirs, even to the very file."""
    path.rename(path.with_name("mine"))
    path.symlink_to("mine")
    if data != DATA:
        overwritten(path, data)


@pytest.mark.parametrize("data", [DATA, OTHER, OTHER[:-1]])
@pytest.mark.parametrize("change", [overwritten, moved_there, copied_there, linked_there])
def test_what_takes_the_place_of_what_roop_had_put_there_is_the_users(
    change: Callable[[Path, bytes], None], data: bytes, store: Store, model: ModelSpec, web: Web
) -> None:
    path = store.pull(model)
    change(path, data)
    before = left(store)
    found = path.lstat()
    assert store.state(model) == ("brought" if len(data) == len(DATA) else "wrong size")
    with pytest.raises(ModelError, match="was not put there by roop, or was changed since, so it stays"):
        store.remove(model)
    if data == DATA:
        assert store.pull_all([model], check=True) == (path,)
    else:
        with pytest.raises(ModelError, match="roop did not put it there, or it was changed since; move it away"):
            store.pull_all([model], check=True)
        with pytest.raises(ModelError, match=r"wrong hash.*; move it away, then roop models pull net fetches it"):
            store.verify(model)
    now = path.lstat()
    assert (path.read_bytes(), left(store), len(web.asked)) == (data, before, 1)
    assert (now.st_ino, now.st_mtime_ns) == (found.st_ino, found.st_mtime_ns)


@pytest.mark.parametrize("older", [False, True])
def test_where_the_record_can_not_be_written_no_file_is_left_that_nobody_owns(
    older: bool, store: Store, model: ModelSpec, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    if older:
        store.pull(spec(graph(2, 9000), web.at("/older", whole(graph(2, 9000)))))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("roop_host.models.placing.write_whole", full)
        with pytest.raises(ModelError, match=r"can't be written \(No space left on device\)"):
            store.pull(model)
    assert not store.path(model).exists()
    store.pull(model)
    assert store.state(model) == "pulled"
    assert [path for path, _ in web.asked].count("/net.onnx") == 1  # what came was kept
    assert store.remove(model)
    assert left(store) == []


def test_only_what_roop_put_there_is_removed(store: Store, model: ModelSpec, tmp_path: Path) -> None:
    assert not store.remove(model)
    assert not store.root.exists()
    path = store.pull(model)
    assert store.remove(model)
    assert left(store) == []
    part_path(path, model.sha256).write_bytes(DATA[:9])
    assert store.remove(model)
    assert left(store) == []
    with pytest.raises(ModelError, match="part of an installed package"):
        store.remove(spec(DATA, path=lambda: tmp_path / "x.onnx"))


def test_what_is_missing_says_what_brings_it(store: Store, model: ModelSpec, tmp_path: Path) -> None:
    for look in (store.read, store.verify):
        with pytest.raises(ModelError, match=r"missing.*; roop models pull net fetches it, or roop models import FILE"):
            look(model)
        with pytest.raises(ModelError, match=r"missing.*; install its package again"):
            look(spec(DATA, path=lambda: tmp_path / "none.onnx"))


def test_verify_looks_at_the_graph_too(store: Store) -> None:
    for data, words in ((outside(), "in other files"), (b"\xff" * 9, "no ONNX model"), (b"", "")):
        model = spec(data, "https://example.test/net.onnx")
        put(store, model, data)
        for look in (store.verify, store.read):
            if words:
                with pytest.raises(ModelError, match=words):
                    look(model)
            else:
                look(model)
    cancelled = threading.Event()
    cancelled.set()
    put(store, spec(DATA, "https://example.test/net.onnx"), DATA)
    with pytest.raises(Interrupted):
        store.verify(spec(DATA, "https://example.test/net.onnx"), cancel=cancelled)


# Packs.


def members(web: Web, data: bytes, *parts: tuple[str, bytes]) -> list[ModelSpec]:
    """Models of one pack, whose archive is ``data``."""
    whole_pack = pack(data, web.at("/bundle.zip", whole(data)))
    return [spec(part, name=name, pack=whole_pack, urls=()) for name, part in parts]


def test_models_of_a_pack_come_in_one_download(store: Store, web: Web) -> None:
    data = archive(
        {"deep/in/one.onnx": DATA, "two.onnx": OTHER, "three.onnx": b"other", "readme.txt": b"", "one.onnx/": b""}
    )
    one, two = members(web, data, ("one", DATA), ("two", OTHER))
    told: list[tuple[int, int]] = []
    paths = store.pull_all([one, two, one], on_bytes=lambda have, total: told.append((have, total)))
    assert paths == (store.root / "bundle/one.onnx", store.root / "bundle/two.onnx", store.root / "bundle/one.onnx")
    assert [path.read_bytes() for path in paths] == [DATA, OTHER, DATA]
    assert told[-1] == (len(data), len(data))
    assert len(web.asked) == 1
    assert left(store) == [
        "bundle",
        *(f"bundle/{name}" for name in (".one.onnx.json", ".two.onnx.json", "one.onnx", "two.onnx")),
    ]
    assert store.remove(one)
    assert store.missing([one, two]) == [one]
    store.pull(one)
    store.verify(one)


EVIL = {
    "slip": {"../../one.onnx": DATA, "/etc/one.txt": b"x"},
    "slip, windows": {"..\\..\\one.onnx": DATA},
    "absolute": {"/tmp/roop-evil/one.onnx": DATA},
}


@pytest.mark.parametrize("name", EVIL)
def test_no_name_in_an_archive_is_a_place(name: str, store: Store, web: Web, tmp_path: Path) -> None:
    (one,) = members(web, archive(EVIL[name]), ("one", DATA))
    assert store.pull(one) == store.root / "bundle" / "one.onnx"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store"]
    assert not Path("/tmp/roop-evil").exists()


BAD = {
    "doubled": (archive([("a/one.onnx", DATA), ("b/one.onnx", DATA)]), "holds 2 files one.onnx"),
    "none": (archive({"two.onnx": DATA}), "holds no one.onnx"),
    "a bomb": (archive({"one.onnx": bytes(50_000_000)}), "says that it is 50,000,000 bytes"),
    "another file": (archive({"one.onnx": DATA[:-1] + b"x"}), "wrong hash"),
    "no archive": (b"PK nothing", "can't be read"),
    "cut": (archive({"one.onnx": DATA})[:-90], "can't be read"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_archive_gives_nothing(name: str, store: Store, web: Web) -> None:
    data, words = BAD[name]
    (one,) = members(web, data, ("one", DATA))
    with pytest.raises(ModelError, match=words):
        store.pull(one)
    assert not store.path(one).exists()
    assert [path for path in left(store) if ".copy" in path] == []


def lying(data: bytes, size: int) -> bytes:
    """The archive, whose member says that it has ``size`` bytes."""
    at = data.index(b"PK\x01\x02") + 24
    return data[:at] + size.to_bytes(4, "little") + data[at + 4 :]


def test_a_member_that_lies_about_its_size_is_not_unpacked(store: Store, web: Web) -> None:
    bomb = lying(archive({"one.onnx": bytes(50_000_000)}), len(DATA))
    (one,) = members(web, bomb, ("one", DATA))
    with pytest.raises(ModelError, match=r"can't be read|wrong hash"):
        store.pull(one)
    assert max(path.stat().st_size for path in store.root.rglob("*")) < 1_000_000


def test_data_is_pulled_and_brought_as_any_model(store: Store, web: Web, tmp_path: Path) -> None:
    data = spec(b"no network", web.at("/w.dat", whole(b"no network")), name="weights", form="data")
    assert store.pull(data).name == "weights.dat"
    assert store.read(data) == b"no network"
    zipped = archive({"some/other.dat": b"what else"})
    other = spec(b"what else", name="other", form="data", pack=pack(zipped, web.at("/b.zip", whole(zipped))))
    assert store.pull(other) == store.root / "bundle" / "other.dat"
    mine = tmp_path / "mine"
    mine.write_bytes(b"no network")
    store.remove(data)
    ((brought, path),) = store.bring(mine, [data])
    assert (brought, path.read_bytes()) == (data, b"no network")


def test_offline_a_pack_is_named_by_its_address(store: Store, web: Web) -> None:
    one, two = members(web, archive({"one.onnx": DATA, "two.onnx": OTHER}), ("one", DATA), ("two", OTHER))
    net = spec(DATA, web.at("/net.onnx", whole(DATA)))
    store.offline = True
    with pytest.raises(ModelError, match=r"models one, two are missing.*/bundle\.zip elsewhere"):
        store.pull_all([one, two])
    with pytest.raises(
        ModelError, match=r"net\.onnx elsewhere and bring them: .*FILE \.\.\. .*roop models pull bundle net\)"
    ):
        store.pull_all([one, two, net])
    with pytest.raises(ModelError, match=r"elsewhere and bring it: roop models import FILE \(.*roop models pull net\)"):
        store.pull(net)


# A file that the user has.


def test_a_file_is_recognised_whatever_its_name(store: Store, model: ModelSpec, tmp_path: Path) -> None:
    mine = tmp_path / "Größe 1.bin"
    mine.write_bytes(DATA)
    part_path(store.path(model), model.sha256).parent.mkdir()
    part_path(store.path(model), model.sha256).write_bytes(DATA[:9])
    for _ in range(2):
        assert store.bring(mine, [spec(OTHER, "https://example.test/o", name="other"), model]) == (
            (model, store.path(model)),
        )
    assert mine.read_bytes() == DATA
    assert not store.path(model).samefile(mine)
    assert left(store) == [".net.onnx.json", "net.onnx"]
    assert store.state(model) == "brought"
    assert store.remove(model)
    assert mine.exists()


def test_a_file_in_the_store_itself_is_only_looked_at(store: Store, model: ModelSpec) -> None:
    path = put(store, model, DATA)
    assert store.bring(path, [model]) == ((model, path),)
    assert left(store) == ["net.onnx"]


def test_an_unknown_file_is_told_by_what_it_is(store: Store, tmp_path: Path) -> None:
    known = [spec(DATA, "https://example.test/x", name="swap_128_fp16")]
    for name, hint in (("swap_128.fp16.onnx", "different files go by the name swap_128_fp16"), ("else.onnx", "list --json")):
        mine = tmp_path / name
        mine.write_bytes(OTHER)
        with pytest.raises(ModelError, match=hint) as caught:
            store.bring(mine, known)
        assert hashlib.sha256(OTHER).hexdigest() in str(caught.value)
        assert f"{len(OTHER):,} bytes" in str(caught.value)
    assert known[0].sha256 not in str(caught.value)
    for path in (tmp_path, tmp_path / "none.onnx"):
        with pytest.raises(InputError, match="is not"):
            store.bring(path, known)
    assert not store.root.exists()


def test_a_pack_is_brought_with_all_that_is_known_of_it(store: Store, tmp_path: Path) -> None:
    mine = tmp_path / "mine.zip"
    mine.write_bytes(archive({"b/one.onnx": DATA, "b/two.onnx": OTHER, "three.onnx": b"unknown"}))
    bundle = pack(b"another archive of the same", "https://example.test/bundle.zip")
    known = [spec(data, name=name, pack=bundle, urls=()) for name, data in (("one", DATA), ("two", OTHER), ("four", DATA))]
    assert [model.name for model, _ in store.bring(mine, known)] == ["one", "two"]
    assert store.missing(known) == known[2:]
    with pytest.raises(ModelError, match="none of the models"):
        store.bring(mine, known[2:])


def test_importing_does_not_replace_a_file_of_the_user(store: Store, model: ModelSpec, tmp_path: Path) -> None:
    mine = tmp_path / "mine.onnx"
    mine.write_bytes(DATA)
    path = put(store, model, OTHER)
    with pytest.raises(ModelError, match="move it away"):
        store.bring(mine, [model])
    assert path.read_bytes() == OTHER
    assert left(store) == ["net.onnx"]


# Two at once.

PULL = """
import json, sys
from pathlib import Path
from roop_host import ModelSpec
from roop_host.models.store import Store
said = json.loads(sys.argv[1])
print(Store(Path(said.pop("root"))).pull(ModelSpec(**{**said, "urls": tuple(said["urls"])})), flush=True)
"""


def test_two_processes_fetch_once(store: Store, web: Web) -> None:
    asked, go = threading.Event(), threading.Event()

    def answer(handler: Handler) -> None:
        asked.set()
        go.wait(60)
        whole(DATA)(handler)

    model = spec(DATA, web.at("/net.onnx", answer))
    said = {"root": str(store.root), "name": model.name, "sha256": model.sha256, "size": model.size, "licence": "CC0"}
    command = [sys.executable, "-c", PULL, json.dumps({**said, "urls": model.urls})]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert asked.wait(60)
    second = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert second.stderr is not None
    assert second.stderr.readline() == "another process is at net.onnx; waiting for it\n"
    go.set()
    for process in (first, second):
        out, error = process.communicate(timeout=60)
        assert (process.returncode, out.strip()) == (0, str(store.path(model))), error
    assert len(web.asked) == 1
    assert left(store) == [".net.onnx.json", "net.onnx"]


def test_waiting_for_another_process_hears_a_cancel(store: Store, model: ModelSpec, web: Web) -> None:
    cancel = threading.Event()
    with locked(store.path(model), NEVER):
        timer = threading.Timer(0.3, cancel.set)
        timer.start()
        with pytest.raises(Interrupted, match="another process"):
            store.pull(model, cancel=cancel)
        timer.join()
    assert web.asked == []


def test_many_threads_fetch_once(store: Store, model: ModelSpec, web: Web) -> None:
    threads = [threading.Thread(target=store.pull, args=(model,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(web.asked) == 1
    assert store.read(model) == DATA


def test_a_failed_one_leaves_the_others_of_a_pull(store: Store, web: Web) -> None:
    good, bad = (spec(data, web.base + f"/{name}", name=name) for name, data in (("good", DATA), ("bad", OTHER)))
    web.at("/good", whole(DATA))
    web.at("/bad", raw(b"", 404))
    with pytest.raises(ModelError, match="bad can't be fetched"):
        store.pull_all([good, bad])
    assert store.missing([good, bad]) == [bad]


def test_a_new_version_takes_the_place_of_the_one_roop_had_put_there(store: Store, model: ModelSpec, web: Web) -> None:
    store.pull(model)
    newer = spec(graph(2, 90_000), web.at("/newer", whole(graph(2, 90_000))))
    cancel = threading.Event()
    web.at("/newer", held(graph(2, 90_000), 5000))
    with pytest.raises(Interrupted):
        store.pull(newer, cancel=cancel, on_bytes=lambda have, total: cancel.set() if have == 5000 else None)
    store.read(model)  # the old one is there until the new one is whole
    web.at("/newer", whole(graph(2, 90_000)))
    store.pull(newer)
    store.verify(newer)
    assert left(store) == [".net.onnx.json", "net.onnx"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_what_gives_bytes_for_ever_is_no_file(store: Store, model: ModelSpec, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(InputError, match="is not a file"):
            store.bring(path, [model])
    with pytest.raises(InputError, match="is not there"):
        store.bring(tmp_path / "none", [model])
