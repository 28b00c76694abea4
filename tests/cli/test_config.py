"""``roop config`` in a process of its own."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest
from terminal import roop


def test_a_first_file_is_valid_and_changes_nothing(tmp_path: Path) -> None:
    done = roop("config", "init", cwd=tmp_path)
    assert done.stdout == f"{tmp_path / 'roop.toml'}\n"
    text = (tmp_path / "roop.toml").read_text()
    data = tomllib.loads(text)
    assert data == {
        "run": {},
        "plugin": {"enhancer": {}, "nsfw": {}, "provenance": {}, "supabase": {}, "swapper": {}, "vision": {}},
    }
    # with every comment sign taken away it is still a file that the reader and the schema take
    values = "\n".join(line[2:] if " = " in line and line.startswith("# ") else line for line in text.splitlines())
    (tmp_path / "all.toml").write_text(values)
    schema = json.loads(roop("config", "schema").stdout)
    jsonschema.validate(tomllib.loads(values), schema)
    assert tomllib.loads(values)["plugin"]["nsfw"]["threshold"] == 0.85
    shown = json.loads(roop("--config", tmp_path / "all.toml", "config", "show", "--json").stdout)
    assert {item["from"] for item in shown["options"]} == {str(tmp_path / "all.toml")}
    plain = json.loads(roop("config", "show", "--json").stdout)
    assert [item["value"] for item in plain["options"]] == [item["value"] for item in shown["options"]]


def test_a_file_that_exists_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "roop.toml").write_text("[run]\nquality = 3\n")
    done = roop("config", "init", cwd=tmp_path)
    assert done.returncode == 2
    assert "exists already" in done.stderr
    assert (tmp_path / "roop.toml").read_text() == "[run]\nquality = 3\n"


def test_which_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "roop.toml").write_text("")
    home = tmp_path / "home"
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    lines = roop("config", "path", cwd=inner, ROOP_CONFIG="x.toml").stdout.splitlines()
    assert lines == ["x.toml  (not there)"]
    assert roop("config", "path", cwd=inner).stdout == "no file is read, as --config or ROOP_CONFIG says\n"
    found = roop("--config", tmp_path / "roop.toml", "config", "path", XDG_CONFIG_HOME=str(home)).stdout
    assert found == f"{tmp_path / 'roop.toml'}  (read)\n"


def test_the_users_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROOP_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    written = Path(roop("config", "init", "--user", cwd=tmp_path).stdout.strip())
    assert tmp_path / "home" in written.parents
    written.write_text("[run]\nquality = 33\n")
    assert f"{written}  (read)" in roop("config", "path", cwd=tmp_path).stdout
    lines = roop("config", "show", cwd=tmp_path).stdout.splitlines()
    assert next(line for line in lines if line.startswith("quality = 33")).endswith(f"  # {written}")


def test_a_wrong_value_is_exit_2_and_names_its_place(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text("[plugin.nsfw]\nthreshold = 2\n")
    done = roop("--config", tmp_path / "r.toml", "config", "show")
    assert done.returncode == 2
    assert done.stderr == f"roop: {tmp_path / 'r.toml'}: [plugin.nsfw] threshold takes a number (0 to 1), not 2\n"
    assert roop("--config", tmp_path / "gone.toml", "config", "show").returncode == 2


def test_the_schema_of_a_job() -> None:
    schema = json.loads(roop("config", "schema", "--job").stdout)
    names = [step["properties"]["name"]["const"] for step in schema["properties"]["steps"]["items"]["oneOf"]]
    assert names == ["enhancer", "label", "swapper"]
