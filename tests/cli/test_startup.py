"""A cheap start: what each command imports, with no, five and fifty plugins installed. Counting modules does not flake."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from wheels import PROCESSOR, plugin_wheel, unpack

HEAVY = {"numpy", "cv2", "av", "onnxruntime", "tensorflow", "torch", "PIL", "scipy", "rich", "httpx"}
# Modules beyond those of the plugins, which may add their own and no more. These numbers only go down; they went up
# by two when plugins began to declare the files they need: what a model is, and the swapper's; and by three with the tables
# of the swapper's networks, of masks and of the networks of masks, which are all declared there; and by the five modules
# that declare the enhancer; by five with the options of provenance and those of the screener's extras; by three with what
# declares the uploader.
BUDGET = {
    "--version": 75,
    "--help": 160,
    "plugins": 355,
    "run --help": 368,
    "plugins check --help": 370,
    "config path": 294,
    "models list": 382,
}
LOADS_PLUGINS = {"plugins", "run --help", "plugins check --help", "models list"}
CODE = """
import sys
sys.argv = ['roop', *sys.argv[1:]]
from roop_host.cli import main
try: main()
except SystemExit as error: code = error.code
import json
print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""


def modules_after(command: str, site: Path | None) -> set[str]:
    environment = {**os.environ, "PYTHONPATH": str(site or "")}
    done = subprocess.run(
        [sys.executable, "-c", CODE, *command.split()], capture_output=True, text=True, check=True, env=environment
    )
    code, modules = json.loads(done.stderr)
    assert code == 0, done
    return set(modules)


@pytest.fixture(scope="module", params=[0, pytest.param(5, marks=pytest.mark.slow), 50])
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Path | None]:
    folder = tmp_path_factory.mktemp("many")
    for number in range(request.param):
        unpack(plugin_wheel(folder / "wheels", f"x{number}", PROCESSOR.format(name=f"x{number}")), folder / "site")
    return request.param, folder / "site" if request.param else None


@pytest.mark.parametrize("command", BUDGET)
def test_a_cheap_start(command: str, installed: tuple[int, Path | None]) -> None:
    count, site = installed
    modules = modules_after(command, site)
    assert not HEAVY & modules
    assert len(modules) <= BUDGET[command] + (count if command in LOADS_PLUGINS else 0)
    assert bool(count and command in LOADS_PLUGINS) == any(name.startswith("zz_roop_x") for name in modules)
