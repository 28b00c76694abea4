"""What ``roop plugins new`` writes, and what it refuses."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from roop_host.cli.app import call
from roop_host.errors import OutputError, UsageError
from roop_host.plugins.names import DECLARED_BY, HOST_COMMANDS, OWN_PLUGINS
from roop_host.scaffold import Scaffold, write
from roop_host.scaffold.names import names_of, require_free
from roop_host.scaffold.parts import KINDS, PARTS, ROLES

#: One that is as short as may be, one that is as long, and some that are words of the templates or of Python.
NAMES = ("ab", "my-filter", "name-of-twenty-four-char", "box", "frame-view", "none", "context", "path")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that can be written, under several names."""
    folder = tmp_path_factory.mktemp("packages")
    for name in NAMES:
        for part in PARTS:
            write(Scaffold(names_of(name), part), folder / part)
    return folder


def test_every_kind_and_role_can_be_asked_for() -> None:
    assert set(KINDS) == {"processor", "screener", "exporter", "uploader", "source", "analyser", "command"}
    assert set(ROLES) == {"writer", "sidecar", "finisher"}


def test_every_module_is_well_formed_and_in_order(packages: Path) -> None:
    modules = [*packages.rglob("*.py")]
    assert len(modules) == len(NAMES) * len(PARTS) * 6
    for path in modules:
        compile(path.read_bytes(), str(path), "exec")
    for words in (("check",), ("format", "--check")):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *words, "--no-cache", packages], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("part", PARTS)
def test_a_package_is_whole(part: str, packages: Path) -> None:
    folder = packages / part / "roop-my-filter"
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["name"] == "roop-my-filter"
    assert project["entry-points"] == {"roop": {"my-filter": "roop_my_filter.plugin"}}
    assert project["dependencies"][0] == "roop-host>=0.1,<0.2"
    assert "roop-plugin" in project["keywords"]
    files = {str(path.relative_to(folder)).replace(os.sep, "/") for path in folder.rglob("*") if path.is_file()}
    assert files == {
        *("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", ".gitignore"),
        *(".github/workflows/ci.yml", ".github/workflows/release.yml"),
        *(f"src/roop_my_filter/{name}" for name in ("__init__.py", "plugin.py", f"{part}.py", "py.typed")),
        *(f"tests/{name}.py" for name in ("conftest", "test_conformance", "test_my_filter")),
    }
    assert "class TestMyFilter(" in (folder / "tests/test_conformance.py").read_text()
    for path in folder.rglob("*"):  # what stands in workflows is GitHub's
        assert path.is_dir() or ".github" in path.parts or "$" not in path.read_text()
    workflow = (folder / ".github/workflows/ci.yml").read_text()
    assert "${{ matrix.os }}" in workflow
    assert "$p" not in workflow


@pytest.mark.parametrize(
    ("word", "plugin"),
    [("my-filter", "my-filter"), ("my_filter", "my-filter"), ("roop-my-filter", "my-filter"), ("x2", "x2")],
)
def test_a_name_may_be_said_in_several_ways(word: str, plugin: str) -> None:
    names = names_of(word)
    assert names.plugin == plugin
    assert (names.distribution, names.module) == (f"roop-{plugin}", f"roop_{plugin.replace('-', '_')}")


@pytest.mark.parametrize(
    "word", ["", "roop-", "MyFilter", "3d", "-x", "x-", "a--b", "a_-b", "ä", "a b", "../x", "a/b", "a.b", "a" * 25]
)
def test_an_odd_name_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="can't be the name of a plugin"):
        names_of(word)


@pytest.mark.parametrize("word", [*sorted(OWN_PLUGINS), "host", "conformance", *(name for _, name in DECLARED_BY)])
def test_a_name_of_roops_own_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="take another name"):
        require_free(names_of(word), (), ())


@pytest.mark.parametrize("word", ["con", "prn", "aux", "nul", "com1", "lpt9", "roop-con"])
def test_a_device_of_windows_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="a device on Windows; take another name"):
        require_free(names_of(word), (), ())
    require_free(names_of(f"{word}-x"), (), ())


@pytest.mark.parametrize("word", sorted(HOST_COMMANDS))
def test_a_command_of_roop_is_refused_for_every_kind(word: str) -> None:
    with pytest.raises(UsageError, match="a command of roop"):
        require_free(names_of(word), (), ())


def test_a_package_that_roop_will_have_is_refused() -> None:
    """Those that the map of the whole names as to come."""
    for word in ("camera", "provenance", "ray", "web"):
        with pytest.raises(UsageError, match="take another name"):
            require_free(names_of(word), (), ())


def test_every_template_is_one() -> None:
    folder = Path(str(files("roop_host.scaffold"))) / "templates"
    assert [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".tmpl"] == []


def test_a_new_analyser_says_that_there_may_be_one_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["plugins", "new", "my-eyes", "--kind", "analyser", "--folder", str(tmp_path)]) == 0
    assert "-p no:NAME" in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize("name", ["ci", "release"])
def test_a_workflow_may_do_no_more_than_it_needs(name: str, packages: Path) -> None:
    text = (packages / "processor" / "roop-my-filter" / f".github/workflows/{name}.yml").read_text()
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {}
    for job, said in workflow["jobs"].items():
        assert said["permissions"] == ({"id-token": "write"} if job == "publish" else {"contents": "read"})
    assert "by commit" in text


@pytest.mark.parametrize("word", ["face", "trim", "screen", "output", "no", "face-selector"])
def test_a_name_whose_flags_would_be_the_hosts_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="of roop itself"):
        require_free(names_of(word), (), ())


def test_an_installed_plugin_is_refused_by_its_name_and_by_its_flags(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"blur is an installed one"):
        require_free(names_of("my-blur"), [("my_blur", "an installed one")], ())
    with pytest.raises(UsageError, match="--my-blur-size of the plugin my"):
        require_free(names_of("my-blur"), (), [("my_blur_size", "the plugin my")])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["x-y", "--kind", "procesor"], "did you mean 'processor'?"),
        (["x-y", "--kind", "exporter", "--role", "side"], "--role takes writer, sidecar, finisher"),
        (["x-y", "--kind", "source", "--role", "writer"], "--role is for --kind exporter"),
        (["x-y"], "missing option '--kind'"),
        (["vision", "--kind", "source"], "take another name"),
        (["vision-detect", "--kind", "source"], "--vision-detect-every of the plugin vision"),
        (["x-y", "--kind", "source", "--folder", ""], "--folder is empty"),
    ],
)
def test_what_is_refused_leaves_nothing(
    words: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(["plugins", "new", *words]) == 2
    told = capsys.readouterr()
    assert says in told.err
    assert len(told.err.splitlines()) == 1
    assert (told.out, [*tmp_path.iterdir()]) == ("", [])


@pytest.mark.parametrize("below", ["", "a/b"])
def test_a_file_is_no_folder(below: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("mine")
    folder = tmp_path / "file" / below
    assert call(["plugins", "new", "x-y", "--kind", "source", "--folder", str(folder)]) == 2
    assert capsys.readouterr().err == f"roop: {tmp_path / 'file'} is no folder; name a folder with --folder\n"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "mine"


def test_it_says_what_comes_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["plugins", "new", "my_cam", "--kind", "source", "--folder", str(tmp_path / "a" / "b")]) == 0
    head, install, check, use = capsys.readouterr().out.splitlines()
    made = tmp_path / "a" / "b" / "roop-my-cam"
    assert head == f"{made}: the source my_cam, package roop-my-cam"
    assert "pip install" in install
    assert f"{made}[test]" in install
    assert check.split(maxsplit=1)[1] == "roop plugins check my-cam --address my-cam:64x48@10"
    assert use.split(maxsplit=1)[1] == "roop run -t my-cam:320x240@25 -o out.mp4 --processors label"
    assert [path.name for path in made.parent.iterdir()] == ["roop-my-cam"]


def test_what_is_there_stays(tmp_path: Path) -> None:
    scaffold, folder = Scaffold(names_of("x-y"), "sidecar"), tmp_path / "roop-x-y"
    folder.mkdir()
    write(scaffold, tmp_path)  # into an empty folder
    (folder / "README.md").write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        write(scaffold, tmp_path)
    assert (folder / "README.md").read_text() == "mine"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "roop-x-y").write_text("a file")
    with pytest.raises(UsageError, match="is there already"):
        write(scaffold, tmp_path / "other")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "roop-x-y"]


def test_a_package_that_can_not_be_written_whole_is_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Path] = []

    def full(self: Path, text: str, **more: object) -> None:
        written.append(self)
        if len(written) == 5:
            raise OSError(28, "No space left on device")
        self.write_bytes(text.encode())

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OutputError, match=r"No space left on device\); name another folder") as raised:
        write(Scaffold(names_of("x-y"), "command"), tmp_path)
    assert raised.value.exit_code == 9
    assert len(written) == 5
    assert [*tmp_path.iterdir()] == []
