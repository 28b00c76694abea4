"""What the kit gives to pytest, used as a plugin's author would."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import av
import kit
import numpy as np
import pytest
from PIL import Image
from pulled import spec
from wheels import PROCESSOR

from roop_host import Job, ModelError, Step, Tensor
from roop_host.plugins.loader import load_plugins
from roop_host.testing import FakeSessions, Network, Pictures, Places, Ran, context_of, host_of, quiet_screener

pytest_plugins = ["roop_host.testing.fixtures"]

PLUGIN = PROCESSOR.format(name="leave")


def test_nothing_of_this_machine_is_seen(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setenv("ROOP_PROCESSORS", "nonesuch")
    monkeypatch.setenv("ROOP_MODELS", "/somewhere/else")
    places: Places = request.getfixturevalue("isolated_roop")
    set_here = {name for name in os.environ if name.startswith("ROOP_")}
    assert set_here == {"ROOP_CONFIG", "ROOP_MODELS"}
    assert os.environ["ROOP_MODELS"] == str(places.models)
    assert os.environ["XDG_STATE_HOME"].startswith(str(places.home))
    assert list(places.models.iterdir()) == []


def test_windows_is_told_too(isolated_roop: Places) -> None:
    for name in ("WIN_PD_OVERRIDE_LOCAL_APPDATA", "WIN_PD_OVERRIDE_APPDATA"):
        assert Path(os.environ[name]).is_relative_to(isolated_roop.home)


def test_the_config_file_of_a_test_counts(isolated_roop: Places, roop_cli: Callable[..., Ran]) -> None:
    isolated_roop.config.write_text("[run]\nquality = 11\n")
    shown = roop_cli("config", "show", "--json")
    assert shown.code == 0, shown.err
    assert f"{isolated_roop.config}" in shown.out


def test_a_command_is_called_in_this_process(roop_cli: Callable[..., Ran], pictures: Pictures, tmp_path: Path) -> None:
    log = logging.getLogger("roop")
    before = list(log.handlers), log.propagate, log.level
    listed = roop_cli("plugins", "--json")
    assert (listed.code, listed.err) == (0, "")
    assert "swapper" in {one["name"] for one in listed.json()}
    failed = roop_cli("run", "-t", tmp_path / "gone.png", "-s", pictures.hopper, "-o", tmp_path / "o.png")
    assert (failed.code, failed.out) == (3, "")
    assert failed.err.startswith("roop: ")
    with pytest.raises(AssertionError, match="no JSON was printed \\(exit code 3\\)"):
        failed.json()
    assert (list(log.handlers), log.propagate, log.level) == before


def test_a_command_that_ends_its_process_does_not_end_the_tests(
    roop_cli: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    end = os._exit
    monkeypatch.setattr("roop_host.cli.app._tell", lambda *_: os._exit(9))
    assert roop_cli("nonesuch").code == 9
    assert os._exit is end


def test_a_fake_plugin_is_found_as_any_other(fake_plugin: Callable[..., Path], roop_cli: Callable[..., Ran]) -> None:
    site = fake_plugin("leave-it", PLUGIN, version="3.2")
    found = load_plugins().processors["leave"]
    assert (found.plugin.name, found.label) == ("leave-it", "leave (roop-leave-it 3.2)")
    listed = {one["name"]: one for one in roop_cli("plugins", "--json").json()}
    assert (listed["leave-it"]["state"], listed["leave-it"]["where"]) == ("ok", str(site))
    command = [sys.executable, "-m", "roop_host", "plugins"]
    other = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(site)}, capture_output=True, text=True, check=True)
    assert "roop-leave-it 3.2" in other.stdout


def test_a_fake_plugin_may_be_an_object(fake_plugin: Callable[..., Path]) -> None:
    fake_plugin("paint", kit.processor(kit.Tint, "paint"), distribution="roop-of-mine")
    fake_plugin("odd", SimpleNamespace(ROOP_API=99))
    found = load_plugins()
    assert found.processors["paint"].spec.load() is kit.Tint
    assert found.processors["paint"].plugin.distribution == "roop-of-mine"
    assert {status.name: status.state for status in found.statuses}["odd"] == "incompatible"


def test_a_fake_plugin_is_gone_after_the_test() -> None:
    assert not {"paint", "odd", "leave-it"} & {status.name for status in load_plugins().statuses}
    assert not [name for name in sys.modules if "_of_a_test_" in name]


def test_pictures_show_the_people_of_the_kit(pictures: Pictures) -> None:
    sizes = {}
    for name in ("collins", "hopper", "both", "nobody"):
        with Image.open(getattr(pictures, name)) as image:
            sizes[name] = (image.format, image.size)
    assert sizes == {
        "collins": ("PNG", (224, 224)),
        "hopper": ("PNG", (224, 224)),
        "both": ("PNG", (480, 256)),
        "nobody": ("PNG", (480, 256)),
    }


def test_the_video_has_a_varying_rate_and_sound(video: Path) -> None:
    with av.open(str(video)) as container:
        shown = [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]
        container.seek(0)
        heard = sum(frame.samples for frame in container.decode(audio=0))
    steps = {round(1000 * (after - before)) for before, after in pairwise(shown)}
    assert (len(shown), steps) == (12, {40, 60, 80})
    assert heard / 48000 == pytest.approx(0.56, abs=0.05)


def test_a_job_with_the_quiet_screener(pictures: Pictures, tmp_path: Path) -> None:
    job = Job((), str(pictures.nobody), str(tmp_path / "o.png"), (Step("tint"),))
    with host_of(mine=kit.processor(kit.Tint, "tint"), quiet=quiet_screener()) as host:
        report = host.run(job)
    assert [verdicts.screener for verdicts in report.screening] == ["quiet"]


ADDRESS = "https://example.test/twice"
TWICE = Network(
    inputs=(Tensor("x", "float32", (None, 3)), Tensor("times", "float32", ())),
    outputs=(Tensor("y", "float32", (None, 3)),),
    compute=lambda inputs: [inputs["times"] * inputs["x"]],
)


def test_a_fake_session_computes_with_a_function() -> None:
    model = spec(b"weights", ADDRESS, name="twice")
    sessions = FakeSessions({"twice": TWICE}, data={"twice": b"weights"})
    ctx = context_of(sessions=sessions)
    session = ctx.sessions.open(model)
    assert (session.input_names, session.output_names) == (("x", "times"), ("y",))
    given = {"x": np.ones((2, 3), np.float32), "times": np.array(2, np.float32)}
    assert np.array_equal(session.run(given)[0], np.full((2, 3), 2, np.float32))
    held = session.holding({"times": np.array(3, np.float32)})
    assert held.input_names == ("x",)
    assert held.run({"x": given["x"]})[0].max() == 3
    assert ctx.sessions.read(model) == b"weights"
    assert sessions.opened == ["twice", "twice"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"x": np.ones((2, 3), np.float32)}, "takes x, times, and was given x"),
        ({"x": np.ones((2, 3)), "times": np.float32(1)}, r"the input x is float32 \(None, 3\), not float64 \(2, 3\)"),
        ({"x": np.ones((2, 4), np.float32), "times": np.float32(1)}, r"the input x is .*, not float32 \(2, 4\)"),
        ({"x": np.ones(3, np.float32), "times": np.float32(1)}, r"the input x is .*, not float32 \(3,\)"),
        ({"x": np.ones((2, 3), np.float32), "times": np.float32([1, 2])}, r"the input times is float32 \(\), not"),
    ],
)
def test_a_fake_session_refuses_what_the_network_would(given: dict[str, np.ndarray], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        FakeSessions({"twice": TWICE}).open(spec(b"w", ADDRESS, name="twice")).run(given)


def test_a_fake_session_refuses_outputs_that_the_network_would_not_give() -> None:
    wrong = Network(TWICE.inputs[:1], TWICE.outputs, lambda inputs: [inputs["x"].astype(np.float64)])
    with pytest.raises(ValueError, match=r"wrong: the output y is float32 \(None, 3\), not float64 \(1, 3\)"):
        FakeSessions({"wrong": wrong}).open(spec(b"w", ADDRESS, name="wrong")).run({"x": np.ones((1, 3), np.float32)})


def test_a_missing_model_is_told_as_the_host_tells_it() -> None:
    sessions = FakeSessions({"here": TWICE, "gone": TWICE}, data={"gone": b"x"}, missing={"gone"})
    sessions.open(spec(b"w", ADDRESS, name="here"))
    for name, ask in (("gone", sessions.open), ("gone", sessions.read), ("other", sessions.open), ("here", sessions.read)):
        with pytest.raises(ModelError, match=f"the model {name} is missing .*roop models pull {name}"):
            ask(spec(b"w", ADDRESS, name=name))
