"""Every way a plugin can be installed wrongly is a status with a reason, and a run refuses until it is settled."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from roop_host import ProcessorSpec, hookimpl
from roop_host.errors import PluginError, UsageError
from roop_host.plugins.found import Plugins
from roop_host.plugins.loader import load_plugins, plugins_of

GOOD = """
from roop_host import ProcessorSpec, hookimpl
ROOP_API = 1
@hookimpl
def roop_processors():
    return [ProcessorSpec(name="{name}", summary="a test", load=lambda: None)]
"""
Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Real distributions as the installer leaves them: a module, and a dist-info folder with an entry point."""
    monkeypatch.syspath_prepend(tmp_path)

    def do(name: str, code: str, *, version: str = "1.0", distribution: str | None = None) -> None:
        dist = distribution or f"roop-{name}"
        module = f"zz_{dist.replace('-', '_')}"
        (tmp_path / f"{module}.py").write_text(code)
        info = tmp_path / f"{dist.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[roop]\n{name} = {module}\n")
        sys.modules.pop(module, None)

    return do


def states(plugins: Plugins) -> dict[str, str]:
    return {status.name: status.state for status in plugins.statuses if status.name.startswith("x")}


def reason(plugins: Plugins, name: str) -> str:
    return next(status.reason for status in plugins.statuses if status.name == name)


def test_a_good_plugin_is_ok_and_attributed(install: Install) -> None:
    install("xgood", GOOD.format(name="xstep"), version="3.2")
    plugins = load_plugins()
    assert states(plugins) == {"xgood": "ok"}
    assert plugins.processor("xstep").label == "xstep (roop-xgood 3.2)"
    plugins.require_healthy()


@pytest.mark.parametrize(
    ("code", "state", "why"),
    [
        ("import no_such_module_here", "broken", "no_such_module_here"),
        ("raise SystemExit(3)", "broken", "SystemExit"),
        (GOOD.format(name="x").replace("return", "raise SystemExit(3)\n    return"), "broken", "SystemExit"),
        (GOOD.format(name="x").replace("@hookimpl\n", ""), "broken", "roop_processors is not marked with @hookimpl"),
        (GOOD.format(name="two words"), "broken", "not one lower-case word"),
        ("def broken(:", "broken", "SyntaxError"),
        ("ROOP_API = 99", "incompatible", "99"),
        ("", "incompatible", "does not state ROOP_API"),
        (GOOD.replace("roop_processors", "roop_procesors").format(name="x"), "broken", "roop_procesors"),
        (
            GOOD.replace("@hookimpl", "@hookimpl(wrapper=True)").format(name="x").replace("return", "yield"),
            "broken",
            "wraps",
        ),
        (GOOD.replace("ProcessorSpec(name", "dict(name").format(name="x"), "broken", "not a ProcessorSpec"),
        (GOOD.format(name="x") + "class ROOP_OPTIONS: pass\n", "broken", "frozen dataclass"),
        (
            "from roop_host import hookimpl\nROOP_API = 1\n@hookimpl(specname='roop_screeners', hookwrapper=True)\n"
            "def other():\n    yield\n",
            "broken",
            "roop_screeners",
        ),
    ],
)
def test_what_is_wrong_is_a_status_and_a_run_refuses(code: str, state: str, why: str, install: Install) -> None:
    install("xbad", code)
    install("xgood", GOOD.format(name="xstep"))
    plugins = load_plugins()
    assert states(plugins) == {"xbad": state, "xgood": "ok"}
    assert why in reason(plugins, "xbad")
    with pytest.raises(PluginError, match="-p no:xbad run") as caught:
        plugins.require_healthy()
    assert caught.value.exit_code == 7
    load_plugins(["xbad"]).require_healthy()


def test_two_packages_of_one_name_are_both_refused(install: Install) -> None:
    install("xdup", GOOD.format(name="one"), distribution="roop-xdup")
    install("xdup", GOOD.format(name="two"), distribution="other-xdup", version="9")
    plugins = load_plugins()
    assert [s.state for s in plugins.statuses if s.name == "xdup"] == ["duplicate", "duplicate"]
    assert "other-xdup 9" in reason(plugins, "xdup")
    assert "one" not in plugins.processors


def test_two_plugins_with_one_processor_are_both_refused(install: Install) -> None:
    install("xa", GOOD.format(name="same"))
    install("xb", GOOD.format(name="same"))
    plugins = load_plugins()
    assert states(plugins) == {"xa": "colliding", "xb": "colliding"}
    assert "same" not in plugins.processors


OPTIONS = """
from dataclasses import dataclass
from roop_host import option
@dataclass(frozen=True)
class ROOP_OPTIONS:
    {field} = option({default}, "a test")
"""


def with_option(name: str, field: str, default: object) -> str:
    return GOOD.format(name=name) + OPTIONS.format(field=field, default=default)


@pytest.mark.parametrize(
    ("plugin", "field", "default", "why"),
    [
        ("screen", "limit: float", 1.0, "--screen-limit is taken by roop itself"),
        ("disable", "plugins: str", "''", "--disable-plugins is taken by roop itself"),
        ("xa-b", "c: int", 1, "--xa-b-c is taken by the plugin xa"),
    ],
)
def test_a_flag_has_one_owner(plugin: str, field: str, default: object, why: str, install: Install) -> None:
    install("xa", with_option("one", "b_c: int", 1))
    install(plugin, with_option("late", field, default))
    plugins = load_plugins()
    assert why in reason(plugins, plugin)
    assert "one" in plugins.processors
    assert "late" not in plugins.processors
    assert plugin not in plugins.options
    with pytest.raises(PluginError, match=f"-p no:{plugin} run"):
        plugins.require_healthy()


def test_the_flag_that_says_no_counts_too(install: Install) -> None:
    install("no-xb", with_option("one", "on: int", 1))
    install("xb", with_option("two", "on: bool", True))
    plugins = load_plugins()
    assert "--xb-on is taken by the plugin no-xb" in reason(plugins, "xb")
    assert "one" in plugins.processors


def test_what_a_plugin_prints_does_not_reach_stdout(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    install("xloud", "print('noise')\n" + GOOD.format(name="xstep"))
    assert states(load_plugins()) == {"xloud": "ok"}
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "noise" in printed.err


def test_a_reason_is_one_line(install: Install) -> None:
    install("xbad", GOOD.format(name="x").replace("roop_processors()", "roop_processors(nothing)"))
    assert "nothing" in reason(load_plugins(), "xbad")
    assert "\n" not in reason(load_plugins(), "xbad")


def test_a_name_that_has_the_prefix_can_be_switched_off(install: Install) -> None:
    install("roop-xodd", "raise RuntimeError('imported')", distribution="xodd")
    for word in ("roop-xodd", "xodd"):
        assert next(s.state for s in load_plugins([word]).statuses if s.name == "roop-xodd") == "off"


def test_a_broken_plugins_processor_is_not_called_unknown(install: Install) -> None:
    install("xbad", "import no_such_module_here")
    with pytest.raises(PluginError, match="no_such_module_here"):
        load_plugins().processor("xbad")


@pytest.mark.parametrize("word", ["xoff", "roop-xoff"])
@pytest.mark.parametrize("by", ["flag", "variable"])
def test_a_plugin_switched_off_is_never_imported(
    word: str, by: str, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("xoff", "raise RuntimeError('imported')")
    if by == "variable":
        monkeypatch.setenv("ROOP_DISABLE_PLUGINS", f"{word}, nsfw")
        plugins = load_plugins()
    else:
        plugins = load_plugins([word])
    assert states(plugins) == {"xoff": "off"}
    assert "zz_roop_xoff" not in sys.modules
    plugins.require_healthy()


def test_an_unknown_name_cannot_be_switched_off(install: Install) -> None:
    install("xgood", GOOD.format(name="xstep"))
    with pytest.raises(UsageError, match="did you mean 'xgood'"):
        load_plugins(["xgod"])


def test_an_unknown_processor_says_what_to_do(install: Install) -> None:
    install("xgood", GOOD.format(name="xstep"))
    with pytest.raises(UsageError, match="did you mean 'xstep'") as caught:
        load_plugins().processor("xstap")
    assert "pip install roop-xstap" in str(caught.value)
    assert "installed: swapper, xstep" in str(caught.value)
    with pytest.raises(UsageError, match="switched off: xgood"):
        load_plugins(["xgood"]).processor("xstep")


def test_observers_are_told_and_cannot_hurt() -> None:
    told: list[object] = []

    @hookimpl
    def roop_job_finished(report: object) -> None:
        told.append(report)
        raise SystemExit(3)

    @hookimpl(specname="roop_job_finished")
    def told_too(job: object) -> None:
        told.append(job)

    @hookimpl
    def roop_processors() -> list[ProcessorSpec]:
        return [ProcessorSpec(name="twice", summary="a test", load=lambda: None)] * 2  # type: ignore[arg-type, return-value]

    watchers = {
        "a": SimpleNamespace(ROOP_API=1, roop_job_finished=roop_job_finished),
        "b": SimpleNamespace(ROOP_API=1, told_too=told_too),
        "unusable": SimpleNamespace(ROOP_API=1, roop_processors=roop_processors, told_too=told_too),
    }
    plugins_of(watchers).notify_finished("job", "report")  # type: ignore[arg-type]
    assert told == ["report", "job"]
