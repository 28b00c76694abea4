"""Every way a plugin can be installed wrongly is a status with a reason, and a run refuses until it is settled."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from wheels import make_wheel, plugin_wheel, unpack

from roop_host import ProcessorSpec, hookimpl
from roop_host.cli.listing import show
from roop_host.doctor.plugged import plugins_found
from roop_host.errors import PluginError, UsageError
from roop_host.plugins.found import Plugins
from roop_host.plugins.loader import load_plugins, plugins_of
from roop_host.plugins.names import DECLARED_BY, OWN_PLUGINS

GOOD = """
from roop_host import ProcessorSpec, hookimpl
from roop_host.cli.listing import show
from roop_host.doctor.plugged import plugins_found
ROOP_API = 1
@hookimpl
def roop_processors():
    return [ProcessorSpec(name="{name}", summary="a test", load=lambda: None)]
"""
Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Real wheels, unpacked into a fresh folder on ``sys.path``."""
    site = tmp_path / "site"
    site.mkdir()  # Python remembers of a folder that it is none
    monkeypatch.syspath_prepend(site)

    def do(name: str, code: str, *, version: str = "1.0", distribution: str | None = None) -> None:
        dist = distribution or f"roop-{name}"
        unpack(plugin_wheel(tmp_path / "wheels", name, code, version=version, distribution=dist), site)
        sys.modules.pop(f"zz_{dist.replace('-', '_')}", None)

    return do


def states(plugins: Plugins) -> dict[str, str]:
    return {status.name: status.state for status in plugins.statuses if status.name.startswith("x")}


def reason(plugins: Plugins, name: str) -> str:
    return next(status.reason for status in plugins.statuses if status.name == name)


def repair(plugins: Plugins, name: str) -> str:
    return next(status.repair for status in plugins.statuses if status.name == name)


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
        ("ROOP_API = 99", "incompatible", "API 99, and this roop has 1; update roop-host"),
        ("ROOP_API = 0", "incompatible", "API 0, and this roop has 1; update it"),
        ("ROOP_API = '1'", "incompatible", "states ROOP_API = '1', which is no whole number"),
        ("ROOP_API = True", "incompatible", "which is no whole number"),
        ("from roop_host import *", "incompatible", "does not state ROOP_API"),
        ("", "incompatible", "does not state ROOP_API"),
        ("from roop_host import NoSuchThing", "incompatible", "asks for something that this roop-host does not have"),
        ("import roop_host.no_such_room", "incompatible", "no_such_room"),
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
    assert f"roop-xbad 1.0) is {state}: " in str(caught.value)
    assert repair(plugins, "xbad") in str(caught.value)
    assert re.fullmatch(
        r"(uv )?pip install --upgrade (--force-reinstall --no-deps )?(roop-host )?(roop-xbad)?", repair(plugins, "xbad")
    )
    load_plugins(["xbad"]).require_healthy()


def test_two_packages_of_one_name_are_both_refused(install: Install) -> None:
    install("xdup", GOOD.format(name="one"), distribution="roop-xdup")
    install("xdup", GOOD.format(name="two"), distribution="other-xdup", version="9")
    plugins = load_plugins()
    assert [s.state for s in plugins.statuses if s.name == "xdup"] == ["duplicate", "duplicate"]
    assert "other-xdup 9" in reason(plugins, "xdup")
    assert repair(plugins, "xdup").endswith("pip uninstall other-xdup")  # not the one that is called as it should be
    assert "one" not in plugins.processors


def test_names_that_differ_by_a_dash_only_are_one_name(install: Install) -> None:
    install("x-dup", GOOD.format(name="one"), distribution="roop-x-dup")
    install("x_dup", GOOD.format(name="two"), distribution="other-xdup")
    plugins = load_plugins()
    assert states(plugins) == {"x-dup": "duplicate", "x_dup": "duplicate"}
    assert "other-xdup 1" in reason(plugins, "x-dup")
    assert repair(plugins, "x_dup").endswith("pip uninstall other-xdup")


def test_two_plugins_with_one_processor_are_both_refused(install: Install) -> None:
    install("xa", GOOD.format(name="same"))
    install("xb", GOOD.format(name="same"))
    plugins = load_plugins()
    assert states(plugins) == {"xa": "colliding", "xb": "colliding"}
    assert "roop-xa 1.0 and roop-xb 1.0" in reason(plugins, "xb")
    assert repair(plugins, "xa").endswith("pip uninstall roop-xb")
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
    assert next(status.state for status in plugins.statuses if status.name == plugin) == "colliding"
    assert repair(plugins, plugin).endswith(f"pip uninstall roop-{plugin}")
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


MODELS = """
from dataclasses import dataclass
from roop_host import Choice, ModelSpec, Pack, ProcessorSpec, hookimpl
ROOP_API = 1
def net(name="Net", hash="a", **more):
    more = more or {{"urls": ("https://example.test/x",)}}
    return ModelSpec(name=name, sha256=64 * hash, size=1, licence="", **more)
def pack(name="Bundle", hash="a"):
    return Pack(name=name, sha256=64 * hash, size=1, urls=("https://example.test/x",))
@dataclass(frozen=True)
class ROOP_OPTIONS:
    {name}_engine: str = "x"
@hookimpl
def roop_processors():
    yield ProcessorSpec(name="{name}", summary="a test", load=lambda: None, {models})
"""


@pytest.mark.parametrize(
    ("models", "why"),
    [
        ("models=(net(),)", ""),
        ("models=(net(hash='b'),)", "its model Net is another file than that of the plugin xa"),
        ("models=(net('nET', 'b'),)", "its model nET is another file than that of the plugin xa"),
        ("models=(net('other', half=net(hash='b'), urls=('https://example.test/x',)),)", "its model Net is"),
        ("choices=(Choice(option='{name}_engine', value='x', models=(net(hash='b'),)),)", "its model Net is"),
        ("models=(net('in', 'b', pack=pack()),)", "its model in is another file than that of the plugin xa"),
        ("models=(net('In', pack=pack('bundle', 'b')),)", "its pack bundle is another file than that of the plugin xa"),
        ("models=(net('In', pack=pack()), net('more', 'b', pack=pack()))", ""),
        ("models=(net('more', 'b', path=lambda: None), net('in', 'b'))", ""),  # one in a package, one beside the pack
        ("models=(net('more', 'a'), net('more', 'b'))", "its model more is another file than another one of its own"),
    ],
)
def test_a_file_of_the_store_has_one_owner(models: str, why: str, install: Install) -> None:
    install("xa", MODELS.format(name="xa", models="models=(net(), net('in', pack=pack()))"))
    install("xb", MODELS.format(name="xb", models=models.replace("{name}", "xb")))
    plugins = load_plugins()
    assert states(plugins) == {"xa": "ok", "xb": "colliding" if why else "ok"}
    if why:
        assert why in reason(plugins, "xb")
        assert repair(plugins, "xb").endswith("pip uninstall roop-xb")
        assert "xb" not in plugins.processors


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


@pytest.mark.parametrize("word", ["x-off", "x_off", "roop-x-off", "roop_x_off"])
@pytest.mark.parametrize("by", ["flag", "variable"])
def test_a_plugin_switched_off_is_never_imported(
    word: str, by: str, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("x-off", "raise RuntimeError('imported')")
    if by == "variable":
        monkeypatch.setenv("ROOP_DISABLE_PLUGINS", f"{word}, nsfw")
        plugins = load_plugins()
    else:
        plugins = load_plugins([word])
    assert states(plugins) == {"x-off": "off"}
    assert plugins.absence("x_off") == "switched off"
    assert "zz_roop_x_off" not in sys.modules
    plugins.require_healthy()


def test_an_unknown_name_cannot_be_switched_off(install: Install) -> None:
    install("xgood", GOOD.format(name="xstep"))
    with pytest.raises(UsageError, match="did you mean 'xgood'"):
        load_plugins(["xgod"])


@hookimpl
def _my_step() -> list[ProcessorSpec]:
    return [ProcessorSpec(name="my_step", summary="a test", load=lambda: SimpleNamespace)]


def test_an_unknown_processor_says_what_to_do(install: Install) -> None:
    install("xgood", GOOD.format(name="xstep"))
    with pytest.raises(UsageError, match="did you mean 'xstep'") as caught:
        load_plugins().processor("xstap")
    assert "installed: enhancer, label, swapper, xstep" in str(caught.value)
    with pytest.raises(UsageError, match="did you mean 'my_step'"):  # a step's name is exact
        plugins_of({"my-x": SimpleNamespace(ROOP_API=1, roop_processors=_my_step)}).processor("my-step")
    assert "pip install" not in str(caught.value)  # who mistyped must not be led to a package of that name
    with pytest.raises(UsageError, match="pip install roop-blur-more"):
        load_plugins().processor("blur_more")
    with pytest.raises(UsageError, match="switched off: xgood"):
        load_plugins(["xgood"]).processor("xstep")


@pytest.mark.parametrize(("hook", "name"), [("roop_commands", "verify"), ("roop_processors", "label")])
def test_what_comes_from_one_of_roops_own_plugins_is_told_with_its_package(hook: str, name: str) -> None:
    without = plugins_of({})
    assert without.brought_by(hook, name).startswith(
        "; it comes from the plugin provenance, which is not installed; install"
    )
    assert without.brought_by(hook, name).endswith("pip install roop-provenance")
    assert load_plugins().brought_by(hook, name) == ""
    assert without.brought_by(hook, "verfy") == ""


def test_so_is_a_flag_of_one() -> None:
    without = plugins_of({})
    told = without.option_brought_by("--provenance-label")
    assert told.startswith("; it comes from the plugin provenance, which is not installed; install that: ")
    assert told.endswith("pip install roop-provenance")
    assert load_plugins().option_brought_by("--provenance-label") == ""
    assert without.option_brought_by("--provenancelabel") == without.option_brought_by("") == ""


def test_the_names_of_roops_own_plugins_are_those_of_the_repository() -> None:
    folders = (Path(__file__).parents[2] / "plugins").glob("roop_*")
    plugins = load_plugins()
    assert {folder.name.removeprefix("roop_") for folder in folders if folder.is_dir()} <= OWN_PLUGINS
    named = ("roop_commands", "roop_processors", "roop_uploaders")
    declared = {(hook, one.spec.name): one.plugin.name for hook in named for one in plugins.declared[hook].values()}
    assert {key: owner for key, owner in declared.items() if key[1] != owner} == DECLARED_BY


def test_a_module_that_a_plugin_rests_on_and_that_is_not_here_is_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    show([status for status in load_plugins().statuses if status.name == "provenance"], as_json=False)
    assert "can't do its work" not in capsys.readouterr().out
    monkeypatch.setitem(sys.modules, "c2pa", None)
    statuses = [status for status in load_plugins().statuses if status.name in ("provenance", "nsfw")]
    show(statuses, as_json=False)
    told = capsys.readouterr().out
    assert told.count("can't do its work, as c2pa can't be imported\n  repair:      ") == 1
    show(statuses, as_json=True)
    assert [item["lacks"] for item in json.loads(capsys.readouterr().out)] == [[], ["c2pa"]]


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


OTHERS = """
from roop_host import *
ROOP_API = 1
@hookimpl
def {hook}():
    yield {spec}
"""
SCREENER = "ScreenerSpec(name='a', summary='', load=lambda: None, {})"
COMMAND = "CommandSpec(name='{}', summary='a test', load=lambda: None)"


@pytest.mark.parametrize("name", ["run", "plugins", "doctor", "config", "encoders"])
def test_a_command_of_the_host_is_not_taken_over(name: str, install: Install) -> None:
    install("xshadow", OTHERS.format(hook="roop_commands", spec=COMMAND.format(name)))
    plugins = load_plugins()
    assert states(plugins) == {"xshadow": "colliding"}
    assert f"its command takes {name}, which is roop's own" in reason(plugins, "xshadow")
    assert name not in plugins.commands


def test_a_suffix_of_the_host_is_not_taken_over(install: Install) -> None:
    from roop_host.media.kinds import SUFFIXES
    from roop_host.plugins.names import HOST_SUFFIXES

    assert set(SUFFIXES) == HOST_SUFFIXES
    writer = "ExporterSpec(name='a', summary='', role='writer', load=lambda: None, suffixes=('.exr', '.mp4'))"
    install("xshadow", OTHERS.format(hook="roop_exporters", spec=writer))
    plugins = load_plugins()
    assert states(plugins) == {"xshadow": "colliding"}
    assert "its exporter takes .mp4, which is roop's own" in reason(plugins, "xshadow")
    assert "a" not in plugins.exporters


@pytest.mark.parametrize(
    ("hook", "one", "two"),
    [
        ("roop_commands", COMMAND.format("same"), COMMAND.format("same")),
        (
            "roop_sources",
            "SourceSpec(name='a', summary='', load=lambda: None, schemes=('cam', 'web'))",
            "SourceSpec(name='b', summary='', load=lambda: None, schemes=('web',))",
        ),
        (
            "roop_exporters",
            "ExporterSpec(name='a', summary='', role='writer', load=lambda: None, suffixes=('.exr',))",
            "ExporterSpec(name='b', summary='', role='writer', load=lambda: None, suffixes=('.hdr', '.exr'))",
        ),
    ],
)
def test_what_two_plugins_claim_neither_gets(hook: str, one: str, two: str, install: Install) -> None:
    install("xa", OTHERS.format(hook=hook, spec=one))
    install("xb", OTHERS.format(hook=hook, spec=two))
    plugins = load_plugins()
    assert states(plugins) == {"xa": "colliding", "xb": "colliding"}
    assert not {"xa", "xb"} & {declared.plugin.name for declared in plugins.declared[hook].values()}


@pytest.mark.parametrize(
    ("hook", "spec", "why"),
    [
        ("roop_sources", "SourceSpec(name='a', summary='', load=lambda: None, schemes=('c',))", "a scheme is like camera"),
        ("roop_sources", "SourceSpec(name='a', summary='', load=lambda: None, schemes=())", "at least one scheme"),
        ("roop_exporters", "ExporterSpec(name='a', summary='', role='writer', load=lambda: None)", "a writer has suffixes"),
        ("roop_exporters", "ExporterSpec(name='a', summary='', role='other', load=lambda: None)", "a writer has suffixes"),
        (
            "roop_exporters",
            "ExporterSpec(name='a', summary='', role='sidecar', load=lambda: None, suffixes=('csv',))",
            "a suffix is like .csv",
        ),
        *(
            (
                "roop_exporters",
                f"ExporterSpec(name='a', summary='', role='{role}', load=lambda: None, suffixes=('{suffix}',))",
                f"a {role} may put no picture, clip or page beside an output",
            )
            for role, suffix in (("sidecar", ".side.mp4"), ("finisher", ".jpg"), ("finisher", ".heic"), ("sidecar", ".ts"))
        ),
        ("roop_screeners", SCREENER.format("covers='says nothing on nudity'"), "covers is a set of words"),
        ("roop_screeners", SCREENER.format("covers=None"), "covers is a set of words"),
        ("roop_screeners", SCREENER.format("covers={'nudity'}, threshold='x'"), "threshold is a number from 0 to 1"),
        ("roop_screeners", SCREENER.format("covers={'nudity'}, threshold=float('nan')"), "threshold is a number"),
        ("roop_screeners", SCREENER.format("covers={'nudity'}, threshold=True"), "threshold is a number"),
        ("roop_screeners", SCREENER.format("covers={'nudity'}, batch_size=True"), "batch_size must be 1 or more"),
        ("roop_screeners", SCREENER.format("covers={'nudity'}, models=['x']"), "models is a tuple of ModelSpec"),
        ("roop_processors", "ProcessorSpec(name='a', summary='', load=lambda: None, added_by='x')", "no yes-or-no option"),
        (
            "roop_processors",
            "ProcessorSpec(name='a', summary='', load=lambda: None, added_by=True)",
            "the name of an option",
        ),
        ("roop_processors", "ProcessorSpec(name='a', summary='', load=lambda: None, network=1)", "network yes, no or"),
        ("roop_processors", "ProcessorSpec(name='a', summary='', load=lambda: None, network='x')", "no option of the"),
        ("roop_commands", "CommandSpec(name='a', summary=3, load=lambda: None)", "summary is text"),
        ("roop_commands", "CommandSpec(name='a', summary='', load='x:y')", "load a function"),
        ("roop_uploaders", "UploaderSpec(name='A', summary='', load=lambda: None)", "not one lower-case word"),
        ("roop_uploaders", "CommandSpec(name='a', summary='', load=lambda: None)", "not a UploaderSpec"),
    ],
)
def test_a_declaration_that_cannot_be_is_broken(hook: str, spec: str, why: str, install: Install) -> None:
    install("xbad", OTHERS.format(hook=hook, spec=spec))
    plugins = load_plugins()
    assert states(plugins) == {"xbad": "broken"}
    assert why in reason(plugins, "xbad")


NETWORKED = """
from dataclasses import dataclass
from roop_host import ProcessorSpec, hookimpl, option
ROOP_API = 1
@dataclass(frozen=True)
class ROOP_OPTIONS:
    address: str = option("", "Where to ask.")
@hookimpl
def roop_processors():
"""


@pytest.mark.parametrize(
    ("network", "told"),
    [(("False",), False), (("'address'",), "--xnet-address"), (("'address'", "True"), True), (("''",), False)],
)
def test_what_uses_the_network_only_with_an_option_says_so(
    network: tuple[str, ...], told: bool | str, install: Install
) -> None:
    steps = "".join(
        f"    yield ProcessorSpec(name='x{number}', summary='', load=lambda: None, network={one})\n"
        for number, one in enumerate(network)
    )
    install("xnet", NETWORKED + steps)
    assert [(one.state, one.network) for one in load_plugins().statuses if one.name == "xnet"] == [("ok", told)]


def test_of_the_plugins_here_two_may_use_the_network(capsys: pytest.CaptureFixture[str]) -> None:
    plugins = load_plugins()
    flag = "--provenance-timestamp-url"
    found = {status.name: status.network for status in plugins.statuses if status.network}
    assert found == {"provenance": flag, "supabase": True}
    show(plugins.statuses, as_json=False)
    assert f"  with {flag}  " in capsys.readouterr().out
    (check,) = (check for check in plugins_found(plugins) if check.name == "provenance")
    assert check.says.endswith(f"; uses the network only with {flag}")


def test_a_plugin_may_lie_in_a_wheel_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(plugin_wheel(tmp_path, "xzip", GOOD.format(name="xstep")))
    assert states(load_plugins()) == {"xzip": "ok"}


def test_a_long_description_and_an_odd_version_do_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = {"zz_long.py": GOOD.format(name="xstep")}
    text = "word " * 20_000
    wheel = make_wheel(
        tmp_path, "roop-xlong", code, version="1!2.0.dev3", entry_points={"xlong": "zz_long"}, long_description=text
    )
    unpack(wheel, tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert load_plugins().processor("xstep").label == "xstep (roop-xlong 1!2.0.dev3)"


def test_where_a_plugin_came_from_and_what_installs_it_again(install: Install, tmp_path: Path) -> None:
    install("xa", GOOD.format(name="a"))
    install("xb", "import no_such_module_here")
    info = tmp_path / "site" / "roop_xb-1.0.dist-info"
    (info / "direct_url.json").write_text('{"url": "file:///src/my%20b", "dir_info": {"editable": true}}')
    by_name = {status.name: status for status in load_plugins().statuses}
    assert by_name["xa"].where == str(tmp_path / "site")
    assert by_name["xa"].requirement() == "roop-xa==1.0"
    assert by_name["xb"].requirement() == "-e file:///src/my%20b"
    assert by_name["xb"].repair.endswith("pip install -e file:///src/my%20b")
    (info / "direct_url.json").write_text('{"url": "https://x/y.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}}')
    by_name = {status.name: status for status in load_plugins().statuses}
    assert by_name["xb"].requirement() == "roop-xb @ git+https://x/y.git@abc"


def test_a_single_file(tmp_path: Path) -> None:
    path = tmp_path / "my_filter.py"
    path.write_text(with_option("my_step", "amount: int", 1))
    plugins = load_plugins(files=[path, path])
    (status,) = [status for status in plugins.statuses if status.name == "my_filter"]
    assert (status.state, status.distribution, status.installed) == ("ok", "my_filter.py", False)
    assert [option.flag for option in plugins.options["my_filter"]] == ["--my-filter-amount"]
    assert plugins.processor("my_step").label.startswith("my_step (my_filter.py ")
    assert [other.name for other in tmp_path.iterdir()] == ["my_filter.py"]  # no cache beside somebody's file
    path.write_text(path.read_text() + "# changed")
    changed = load_plugins(files=[path])
    assert changed.processor("my_step").label != plugins.processor("my_step").label


@pytest.mark.parametrize(
    ("name", "code", "why"),
    [
        ("my-filter.py", "", "is named like my_filter.py"),
        ("MyFilter.py", "", "is named like my_filter.py"),
        ("filter.txt", "", "is named like my_filter.py"),
        ("gone.py", None, "cannot be read"),
    ],
)
def test_what_is_no_plugin_file_is_bad_usage(name: str, code: str | None, why: str, tmp_path: Path) -> None:
    if code is not None:
        (tmp_path / name).write_text(code)
    with pytest.raises(UsageError, match=why):
        load_plugins(files=[tmp_path / name])


def test_a_broken_file_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("ROOP_API = 1\n\nimport no_such_module_here\n")
    plugins = load_plugins(files=[tmp_path / "mine.py"])
    assert "no_such_module_here' (line 3)" in reason(plugins, "mine")
    with pytest.raises(PluginError, match=r"repair it, or run without it \(leave --plugin out\)"):
        plugins.require_healthy()


def test_a_file_for_an_older_api_is_not_repaired_by_another_host(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("ROOP_API = 0")
    (status,) = [status for status in load_plugins(files=[tmp_path / "mine.py"]).statuses if status.name == "mine"]
    assert (status.state, status.repair) == ("incompatible", "")
    assert status.reason.endswith("update it")


def test_a_file_does_not_take_the_name_of_an_installed_plugin(tmp_path: Path) -> None:
    (tmp_path / "nsfw.py").write_text(GOOD.format(name="x"))
    plugins = load_plugins(files=[tmp_path / "nsfw.py"])
    assert {status.distribution: status.state for status in plugins.statuses if status.name == "nsfw"} == {
        "roop-nsfw": "ok",
        "nsfw.py": "duplicate",
    }
    assert "nsfw" in plugins.screeners
    with pytest.raises(PluginError, match=r"rename the file; .* \(leave --plugin out\)"):
        plugins.require_healthy()


def test_its_own_module_that_is_gone_is_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = make_wheel(tmp_path, "roop-xgone", {"x.py": ""}, entry_points={"xgone": "zz_gone.plugin"})
    unpack(wheel, tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert repair(load_plugins(), "xgone").endswith("pip install --upgrade --force-reinstall --no-deps roop-xgone")


def test_what_is_missing_is_installed_and_what_is_damaged_is_installed_anew(install: Install) -> None:
    install("xa", "import no_such_module_here")
    install("xb", "def (")
    plugins = load_plugins()
    assert repair(plugins, "xa").endswith("pip install --upgrade roop-xa")
    assert repair(plugins, "xb").endswith("pip install --upgrade --force-reinstall --no-deps roop-xb")


def test_nobody_is_told_to_uninstall_a_screener_for_the_sake_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        OTHERS.format(hook="roop_screeners", spec=SCREENER.format("covers={'x'}").replace("'a'", "'nsfw'"))
    )
    plugins = load_plugins(files=[tmp_path / "mine.py"])
    assert [status.name for status in plugins.statuses if not status.usable] == ["mine"]
    assert {status.repair for status in plugins.statuses} == {""}
    assert "nsfw" in plugins.screeners


def test_the_newcomer_goes_and_not_the_one_that_is_called_so(install: Install) -> None:
    install("swapper-x", GOOD.format(name="swapper"))
    assert repair(load_plugins(), "swapper").endswith("pip uninstall roop-swapper-x")


def test_a_command_to_paste_names_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from roop_host.types import packages

    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    assert packages.pip("install", "x") == "uv pip install x"
    monkeypatch.setenv("VIRTUAL_ENV", "/elsewhere")
    assert packages.pip("install", "x") == f"uv pip install --python {sys.executable} x"
    monkeypatch.setattr(packages, "find_spec", lambda name: object())
    monkeypatch.setattr(packages.shutil, "which", lambda name: "/elsewhere/bin/pip")
    assert packages.pip("install", "x>=1") == f"{sys.executable} -m pip install 'x>=1'"
    monkeypatch.setattr(packages.shutil, "which", lambda name: str(Path(sys.executable).parent / "pip"))
    assert packages.pip_remove_all("x") == "pip uninstall -y x"


def test_an_observer_that_fails_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    @hookimpl
    def roop_job_finished() -> None:
        raise RuntimeError("no\nway")

    plugins_of({"a": SimpleNamespace(ROOP_API=1, roop_job_finished=roop_job_finished)}).notify_finished("job", "report")  # type: ignore[arg-type]
    (record,) = caplog.records
    assert record.getMessage() == "the plugin a failed after the job (RuntimeError: no way)"
    assert not record.exc_info
