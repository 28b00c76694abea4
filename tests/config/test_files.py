"""``roop.toml``: which files count, and every way one can be wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from kit import Quiet, Tint, processor, screener

from roop_host import ModelSpec, Plugins, option
from roop_host.config.fields import host_fields, plugin_fields
from roop_host.config.files import candidates, check_plugin_tables, parse, read_files, user_file
from roop_host.config.layers import Layers, Said
from roop_host.config.unasked import Unasked
from roop_host.errors import ModelError, UsageError
from roop_host.plugins.loader import load_plugins, plugins_of


@dataclass(frozen=True)
class Options:
    amount: int = option(3, "How much.", least=0)


def installed(name: str = "watch") -> Plugins:
    module = screener(Quiet)
    return plugins_of({name: SimpleNamespace(**vars(module), ROOP_OPTIONS=Options)})


def test_the_nearest_file_and_the_users_own_count(tmp_path: Path) -> None:
    near, far = tmp_path / "a" / "b", tmp_path / "a"
    near.mkdir(parents=True)
    (far / "roop.toml").touch()
    assert candidates(None, {}, near) == [far / "roop.toml", user_file()]
    (near / "roop.toml").touch()
    assert candidates(None, {}, near) == [near / "roop.toml", user_file()]


def test_a_file_that_is_named_counts_alone(tmp_path: Path) -> None:
    assert candidates("x.toml", {"ROOP_CONFIG": "y.toml"}, tmp_path) == [Path("x.toml")]
    assert candidates(None, {"ROOP_CONFIG": "y.toml"}, tmp_path) == [Path("y.toml")]
    assert candidates(None, {"ROOP_CONFIG": ""}, tmp_path) == []
    assert candidates("", {"ROOP_CONFIG": "y.toml"}, tmp_path) == []


def test_only_a_file_that_was_named_must_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("roop_host.config.files.user_file", lambda: tmp_path / "none" / "roop.toml")
    assert read_files(None, {}) == []
    (tmp_path / "roop.toml").write_text("[run]\nquality = 5\n")
    assert [file.run for file in read_files(None, {})] == [{"quality": 5}]
    with pytest.raises(UsageError, match=r"gone\.toml does not exist"):
        read_files("gone.toml", {})
    with pytest.raises(UsageError, match=r"gone\.toml does not exist"):
        read_files(None, {"ROOP_CONFIG": "gone.toml"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[run\n", "is not TOML"),
        ("quality = 3", "unknown 'quality' at its top"),
        ("[run]\nqualty = 3", "did you mean 'quality'"),
        ("[runn]\n", "did you mean 'run'"),
        ("run = 3", "run is a table"),
        ("[plugin]\nwatch = 3", "plugin holds tables"),
        ("[plugin.a-b]\n[plugin.a_b]", "[plugin.a-b] and [plugin.a_b] are of one plugin"),
        ("required_plugins = 'x'", "required_plugins is a list"),
        ("[run]\noverwrite = true", "asked for anew at each run"),
        ("[run]\nupload = ['x']", "asked for anew at each run"),
        ("[run]\nplugin = ['./evil.py']", "unknown 'plugin'"),
        ("disable_plugins = ['nsfw']", "unknown 'disable_plugins'"),
    ],
)
def test_a_wrong_file_is_exit_2(text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(Path("roop.toml"), text)
    assert words in str(caught.value)
    assert "roop.toml" in str(caught.value)


def test_tables_of_plugins(tmp_path: Path) -> None:
    def check(text: str) -> list[str]:
        return check_plugin_tables([parse(tmp_path / "roop.toml", text)], installed())

    assert check("[plugin.watch]\namount = 4") == []
    with pytest.raises(UsageError, match="did you mean 'amount'"):
        check("[plugin.watch]\namonut = 4")
    with pytest.raises(UsageError, match="did you mean 'watch'"):
        check("[plugin.wacth]\namount = 4")
    (notice,) = check("[plugin.supabase]\nbucket = 'x'")
    assert "supabase, which is not installed; they do nothing until it is (" in notice
    assert notice.endswith("pip install roop-supabase)")
    (notice,) = check("[plugin.watcher2]\nx = 1")  # another one, and nobody knows whose
    assert notice.endswith("watcher2, which is not installed; they do nothing")


@pytest.mark.parametrize("title", ["my-watch", "my_watch", "roop-my-watch"])
@pytest.mark.parametrize("name", ["my-watch", "my_watch"])
def test_a_table_may_be_called_with_either_dash(title: str, name: str, tmp_path: Path) -> None:
    plugins = installed(name)
    file = parse(tmp_path / "roop.toml", f"[plugin.{title}]\namount = 4")
    assert check_plugin_tables([file], plugins) == []
    (option,) = (option for option in plugins.options[name] if option.key == "amount")
    assert Layers({}, {}, [file]).settle(option) == Said(4, str(file.path))
    assert file.place(option).endswith(f"[plugin.{title}] amount")
    with pytest.raises(UsageError, match="did you mean 'amount'"):
        check_plugin_tables([parse(tmp_path / "roop.toml", f"[plugin.{title}]\namonut = 4")], plugins)


def test_a_table_of_one_of_roops_own_plugins_is_no_mistyped_one(tmp_path: Path) -> None:
    file = parse(tmp_path / "roop.toml", "[plugin.provenance]\nlabel = true\n[plugin.swapper]\nproportions = 0.3")
    near = plugins_of({"provenanc": screener(Quiet), "swappers": processor(Tint, "tint")})
    assert [notice.partition(" the plugin ")[2].partition(";")[0] for notice in check_plugin_tables([file], near)] == [
        "provenance, which is not installed",
        "swapper, which is not installed",
    ]


def test_a_table_of_a_plugin_that_is_switched_off_is_told(tmp_path: Path) -> None:
    file = parse(tmp_path / "roop.toml", "[plugin.provenance]\nlabel = true\nno_such = 1")
    (notice,) = check_plugin_tables([file], load_plugins(["provenance"]))
    assert notice.endswith("the plugin provenance, which is switched off; they do nothing")


def test_an_unreadable_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "roop.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="cannot be read"):
        read_files(str(tmp_path / "roop.toml"), {})


def test_a_folder_of_that_name_is_no_file_and_a_byte_order_mark_is_borne(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("roop_host.config.files.user_file", lambda: tmp_path / "own.toml")
    (tmp_path / "roop.toml").mkdir()
    (tmp_path / "own.toml").write_bytes(b"\xef\xbb\xbf[run]\nquality = 5\n")
    assert [file.run for file in read_files(None, {})] == [{"quality": 5}]


@dataclass(frozen=True)
class Own:
    address: str = option("", "Who is asked.", users_own=True)


@pytest.mark.parametrize(
    ("owner", "key", "flag", "variable"),
    [("", "audit_log", "--audit-log", "ROOP_AUDIT_LOG"), ("watch", "address", "--watch-address", "ROOP_WATCH_ADDRESS")],
)
def test_what_only_the_user_may_say_no_found_file_says(
    owner: str, key: str, flag: str, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, folder = tmp_path / "home" / "roop.toml", tmp_path / "pictures"
    for each in (mine.parent, folder):
        each.mkdir()
    for module in ("files", "layers"):
        monkeypatch.setattr(f"roop_host.config.{module}.user_file", lambda: mine)
    monkeypatch.chdir(folder)
    found = plugins_of({"watch": SimpleNamespace(**vars(screener(Quiet)), ROOP_OPTIONS=Own)})
    (own,) = [each for each in (*host_fields(), *plugin_fields(found)) if (each.owner, each.key) == (owner, key)]

    def said(asked: str | None = None, given: dict[str, str] | None = None, **environment: str) -> str:
        settled = Layers(given or {}, environment, read_files(asked, {})).settle(own)
        assert settled is not None
        return str(settled.value)

    table = f"plugin.{owner}" if owner else "run"
    mine.write_text(f'[{table}]\n{key} = "mine"\n')
    assert said() == "mine"
    (folder / "roop.toml").write_text(f'[{table}]\n{key} = "theirs"\n')
    refused = rf"pictures/roop\.toml: \[{table}\] {key} is for you alone to say.*say {flag} or {variable}, .*{mine}$"
    with pytest.raises(UsageError, match=refused):
        said()
    assert said(str(folder / "roop.toml")) == "theirs"
    assert said(given={flag: "typed"}) == "typed"
    assert said(**{variable: "set"}) == "set"


@pytest.mark.slow
def test_a_found_file_fetches_nothing_and_does_not_take_offline_back(tmp_path: Path) -> None:
    user, folder = tmp_path / "home" / "roop", tmp_path / "pictures"
    user.mkdir(parents=True)
    (user / "roop.toml").write_text("[run]\noffline = true\n")
    folder.mkdir()
    (folder / "roop.toml").write_text('[run]\noffline = false\n[plugin.swapper]\nengine = "inswapper_128"\n')
    run = "import os, sys; os.environ.pop('ROOP_CONFIG', None); from roop_host.cli import main; main()"

    def roop(*words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "home")}
        command = [sys.executable, "-c", run, *words]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    options = json.loads(roop("config", "show", "--json").stdout)["options"]
    assert [row["value"] for row in options if row["key"] == "offline"] == [True]
    examples = Path(__file__).parents[2] / "examples" / "media"
    words = ("run", "-s", f"{examples}/collins.jpg", "-t", f"{examples}/hopper.jpg", "-o", "o.jpg")
    (user / "roop.toml").unlink()
    (folder / "roop.toml").write_text('[plugin.swapper]\nengine = "inswapper_128"\n')
    done = roop(*words)
    assert done.returncode == 6
    assert "inswapper_128 would have to be fetched" in done.stderr
    assert f"{folder}/roop.toml, a file that was only found, decides about that (--swapper-engine)" in done.stderr
    assert roop(*words, "--swapper-engine", "mesh").returncode == 0


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ('[run]\nprocessors = ["swapper"]\nquality = 70', "--processors"),
        ('[run]\nprecision = "fp16"\ndevice = "cpu"', "--device, --precision"),
        ('[plugin.vision]\nbackend = "insightface"\nmax_faces = 2', "--vision-backend"),
    ],
)
def test_whatever_decides_about_models_counts(text: str, flags: str, tmp_path: Path) -> None:
    model = ModelSpec(name="net", sha256="a" * 64, size=1, licence="none", urls=("https://example.org/net",))
    file, plugins = parse(tmp_path / "roop.toml", text), load_plugins()
    for found in (True, False):
        unasked = Unasked()
        unasked.look(Layers({}, {}, [replace(file, found=found)]), plugins)
        if found:
            with pytest.raises(ModelError, match=rf"net would have to be fetched, and .*roop.toml.* \({flags}\)"):
                unasked([model])
        else:
            unasked([model])
