"""Flag over variable over file over default; whose options go where; job files."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kit import Quiet, Tint, processor, screener

from roop_host import Job, Plugins, Step, option
from roop_host.config.files import parse
from roop_host.config.jobs import Request, make_job, read_job
from roop_host.config.layers import Layers, idle_variables
from roop_host.config.required import missing, require
from roop_host.errors import InputError, PluginError, UsageError
from roop_host.plugins.loader import load_plugins, plugins_of


@dataclass(frozen=True)
class Options:
    amount: int = option(3, "How much.", least=0, most=9)
    table: Path = option(Path("x.lut"), "A file.")


@dataclass(frozen=True)
class WatchOptions:
    threshold: float = option(0.85, "The limit.", least=0, most=1, tightens=True)


def installed() -> Plugins:
    watch, tint = screener(Quiet), processor(Tint, "tint")
    return plugins_of(
        {
            "watch": SimpleNamespace(**vars(watch), ROOP_OPTIONS=WatchOptions),
            "filter": SimpleNamespace(**vars(tint), ROOP_OPTIONS=Options),
            "other": processor(Tint, "plain"),
        }
    )


def made(text: str = "", environment: Mapping[str, str] | None = None, base: Job | None = None, **given: Any) -> Job:
    flags = {"--" + name.replace("_", "-"): value for name, value in given.items()}
    if base is None:
        flags = {"--processors": "tint", **flags}
    layers = Layers(flags, environment or {}, [parse(Path("/conf/roop.toml"), text)])
    return make_job(installed(), Request(layers, (), "t.mp4", "o.mp4", base))


FILE = "[run]\nquality = 10\n[plugin.filter]\namount = 1\n[plugin.watch]\nthreshold = 0.1"
ENV = {"ROOP_QUALITY": "20", "ROOP_FILTER_AMOUNT": "2", "ROOP_WATCH_THRESHOLD": "0.2"}


def said(job: Job) -> tuple[Any, Any, Any]:
    return job.media.quality, job.steps[0].options.get("amount"), job.plugin_options.get("watch", {}).get("threshold")


def test_flag_over_variable_over_file_over_default() -> None:
    """Of the limit the lowest holds."""
    assert said(made()) == (80, None, None)
    assert said(made(FILE)) == (10, 1, 0.1)
    assert said(made(FILE, ENV)) == (20, 2, 0.1)
    assert said(made(FILE, ENV, quality="30", filter_amount="3", watch_threshold="0.3")) == (30, 3, 0.1)
    assert said(made("", ENV)) == (20, 2, 0.2)
    assert said(made(FILE, {"ROOP_QUALITY": ""})) == (10, 1, 0.1)


def test_the_nearer_file_is_the_stronger() -> None:
    files = [
        parse(Path("/near/roop.toml"), "[run]\nquality = 1"),
        parse(Path("/far/roop.toml"), "[run]\nquality = 2\npreset='x'"),
    ]
    job = make_job(installed(), Request(Layers({"--processors": "tint"}, {}, files), (), "t", "o.mp4"))
    assert (job.media.quality, job.media.preset) == (1, "x")


def test_every_field_of_the_host_arrives() -> None:
    text = """[run]
        processors = ["tint", "plain"]\nface_selector_mode = "many"\non_no_face = "fail"\nscreen_limit = 0.5
        encoder = "libx265"\nquality = 1\npreset = "fast"\ndevice = "cpu"\nthreads = 3\ntimeout = 7\nresumable = true"""
    layers = Layers({"--overwrite": True}, {}, [parse(Path("roop.toml"), text)])
    job = make_job(installed(), Request(layers, ("s",), "t", "o.mp4"))
    assert [step.name for step in job.steps] == ["tint", "plain"]
    assert (job.faces.mode, job.on_no_face, job.screen_limit) == ("many", "fail", 0.5)
    assert (job.media.encoder, job.media.quality, job.media.preset, job.media.overwrite) == ("libx265", 1, "fast", True)
    execution = job.execution
    assert (execution.device, execution.threads, execution.timeout_s, execution.resumable) == ("cpu", 3, 7.0, True)
    assert job == Job.from_json(job.to_json())


@pytest.mark.parametrize(
    ("text", "environment", "given", "words"),
    [
        ("", {}, {"quality": "101"}, "--quality takes a whole number (0 to 100), not '101'"),
        ("", {"ROOP_THREADS": "-1"}, {}, "ROOP_THREADS takes a whole number (0 to 1024), not '-1'"),
        ("[run]\nquality = 'x'", {}, {}, "/conf/roop.toml: [run] quality takes a whole number (0 to 100), not 'x'"),
        (
            "[plugin.filter]\namount = 10",
            {},
            {},
            "/conf/roop.toml: [plugin.filter] amount takes a whole number (0 to 9)",
        ),
        ("", {}, {"filter_amount": "x"}, "--filter-amount takes"),
        ("", {}, {"timeout": "nan"}, "--timeout takes a number (0.1 or more), not 'nan'"),
        (
            "",
            {},
            {"device": "gpu"},
            "--device takes one of auto, cpu, cuda, tensorrt, coreml, directml, openvino, not",
        ),
        ("", {}, {"processors": "tint,"}, "--processors takes texts separated by commas, not 'tint,'"),
        ("", {}, {"processors": "tnit"}, "did you mean 'tint'"),
        ("", {}, {"processors": "plain", "filter_amount": "1"}, "--filter-amount belongs to the plugin filter"),
    ],
)
def test_what_does_not_fit_names_who_said_it(
    text: str, environment: dict[str, str], given: dict[str, str], words: str
) -> None:
    with pytest.raises(UsageError) as caught:
        made(text, environment, **given)
    assert words in str(caught.value)


def test_words_for_a_plugin_that_no_step_uses_do_no_harm_in_file_and_variable() -> None:
    job = made("[plugin.filter]\namount = 99", {"ROOP_FILTER_AMOUNT": "nonsense"}, processors="plain")
    assert job.steps == (Step("plain", {}),)


def test_a_relative_path_in_a_file_is_the_files() -> None:
    assert made("[plugin.filter]\ntable = 'a.lut'").steps[0].options["table"] == str(Path("/conf/a.lut"))
    assert made(filter_table="a.lut").steps[0].options["table"] == "a.lut"


def test_a_job_file_stands_alone_and_flags_stand_above_it(tmp_path: Path) -> None:
    steps = (Step("tint", {"amount": 1}), Step("plain"), Step("tint", {"amount": 2}))
    job = Job((), "a.mp4", "b.mp4", steps, plugin_options={"watch": {"threshold": 0.4}})
    path = tmp_path / "job.json"
    path.write_text(json.dumps(job.to_json()))
    assert read_job(path) == job
    path.write_text(json.dumps({"exit_code": 0, "job": job.to_json()}))
    assert read_job(path) == job
    again = make_job(installed(), Request(Layers({}, {}, ()), base=job))
    assert again == job
    changed = made("", {}, job, quality="7", filter_amount="5", watch_threshold="0.3")
    assert [step.options.get("amount") for step in changed.steps] == [5, None, 5]
    assert (changed.target, changed.media.quality, changed.plugin_options["watch"]["threshold"]) == ("t.mp4", 7, 0.3)
    with pytest.raises(UsageError, match="leave out --processors"):
        made("", {}, job, processors="tint")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot be read"),
        ("{", "is not JSON"),
        ("[]", "not a job but a list"),
        ("{}", "schema None"),
        (
            '{"schema": 1, "sources": [], "target": "t", "output": "o", "steps": [], "plugin_options": []}',
            "options are a table of keys and values, not []",
        ),
        ('{"schema": true, "sources": [], "target": "t", "output": "o", "steps": []}', "schema True"),
        ('{"schema": 1, "sources": null, "target": "t", "output": "o", "steps": []}', "sources is a list, not None"),
        ('{"schema": 1, "sources": [], "target": "t", "output": "o", "steps": [{}]}', "each of steps has a name"),
        ('{"schema": 1, "sources": [], "target": "t", "output": "o", "steps": [{"name": []}]}', "the name of a processor"),
        ('{"schema": 1, "sources": [], "target": "t", "output": "\\ud800", "steps": []}', "takes the name of a file"),
        ("[" * 200_000, "is not JSON"),
        ('{"schema": 1, "sources": [], "target": "t", "output": "o", "steps": ["x"]}', "each of steps is a table of keys"),
        (
            '{"schema": 1, "sources": [], "target": "t", "output": "o", "steps": [], "media": null}',
            "media is a table of keys",
        ),
        ('{"schema": 1, "sources": [], "target": "t", "output": "o"}', "this is not a job: it has no 'steps'"),
        ('{"schema": 1, "sources": [], "target": "t", "output": "o", "steps": [], "medai": {}}', "did you mean 'media'"),
        ('{"schema": 1, "sources": [], "target": "t", "output": "o", "steps": [{"nme": "x"}]}', "did you mean 'name'"),
        (
            '{"schema": 1, "sources": [], "target": "t", "output": "o", "steps": [], "media": {"quality": 900}}',
            "media.quality of the job takes a whole number (0 to 100), not 900",
        ),
        (
            '{"schema": 1, "sources": [], "target": "t", "output": "o", "steps": [], "on_no_face": "skip"}',
            "on_no_face of the job takes one of keep, hold, drop, fail, not 'skip'",
        ),
    ],
)
def test_a_wrong_job_file_is_exit_3(text: str | None, words: str, tmp_path: Path) -> None:
    path = tmp_path / "job.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_job(path)
    assert words in str(caught.value)


def test_a_misspelt_variable_is_told_and_a_plugins_secret_is_not() -> None:
    environment = {"ROOP_QUALTY": "3", "ROOP_WATCH_KEY": "secret", "ROOP_FILTER_AMOUNT": "3", "ROOP_CONFIG": ""}
    environment |= {"ROOP_OVERWRITE": "1", "ROOP_SOURCE": "x", "ROOP_SOMEBODYS_KEY": "secret"}
    assert idle_variables(installed(), environment) == {
        "ROOP_OVERWRITE": "it is asked for anew at each run: --overwrite",
        "ROOP_QUALTY": "did you mean ROOP_QUALITY?",
        "ROOP_SOURCE": "it is asked for anew at each run: --source",
    }


def test_variables_of_a_plugin_that_takes_no_part_are_told() -> None:
    environment = {"ROOP_PROVENANCE_LABEL": "1", "ROOP_FILTER_SECRET": "3", "ROOP_PROVENANCE_KEY": ""}
    told = idle_variables(installed(), environment)
    assert list(told) == ["ROOP_PROVENANCE_LABEL"]
    assert told["ROOP_PROVENANCE_LABEL"].startswith("the plugin provenance is not installed (")
    assert told["ROOP_PROVENANCE_LABEL"].endswith("pip install roop-provenance)")
    told = idle_variables(load_plugins(["provenance"]), environment)
    assert told == {"ROOP_PROVENANCE_LABEL": "the plugin provenance is switched off"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("roop-gone", "which is not installed; an upgrade may have dropped it"),
        ("roop-watch>=2", "and roop-watch 0 is installed"),
        ("roop_other>=1", "and roop-other 0 is installed"),
        ("somebodys", "which is not installed"),
    ],
)
def test_a_required_plugin_that_is_missing_is_exit_7(text: str, words: str) -> None:
    files = [parse(Path("roop.toml"), f'required_plugins = ["{text}"]')]
    with pytest.raises(PluginError) as caught:
        require(files, installed())
    assert words in str(caught.value)
    assert f"pip install --upgrade {shlex.quote(text)}" in str(caught.value)  # and no name that nobody wrote


def test_a_required_plugin_that_is_there_is_fine() -> None:
    required = parse(Path("roop.toml"), 'required_plugins = ["roop-watch", "roop_filter==0", "ROOP.Other"]')
    assert list(missing([required], installed())) == []
    for text in ("roop watch", "roop-watch @ https://example.org/x.whl", "roop-watch; python_version < '4'"):
        with pytest.raises(UsageError, match="which is no package with a version"):
            require([parse(Path("roop.toml"), f'required_plugins = ["{text}"]')], installed())


def test_a_plugins_bare_name_is_no_package() -> None:
    with pytest.raises(UsageError, match="write 'roop-watch', not 'watch'"):
        require([parse(Path("roop.toml"), 'required_plugins = ["watch"]')], installed())


@pytest.mark.parametrize("lowest", ["flag", "variable", "file", "job file"])
def test_of_a_limit_the_lowest_holds_that_anybody_says(lowest: str) -> None:
    limit = dict.fromkeys(("flag", "variable", "file", "job file"), 0.6) | {lowest: 0.2}
    given = {"--screen-limit": str(limit["flag"]), "--watch-threshold": str(limit["flag"])}
    variables = {"ROOP_SCREEN_LIMIT": str(limit["variable"]), "ROOP_WATCH_THRESHOLD": str(limit["variable"])}
    text = "[run]\nscreen_limit = {0}\n[plugin.watch]\nthreshold = {0}".format(limit["file"])
    base = Job((), "t", "o.mp4", (Step("tint"),), (), screen_limit=limit["job file"])
    base = replace(base, plugin_options={"watch": {"threshold": limit["job file"]}})
    layers = Layers(given, variables, [parse(Path("/own/roop.toml"), text)])
    job = make_job(installed(), Request(layers, (), "t", "o.mp4", base))
    assert (job.screen_limit, job.plugin_options["watch"]["threshold"]) == (0.2, 0.2)


def test_a_yes_of_the_files_is_taken_back_by_a_flag_only() -> None:
    files = [
        parse(Path("/near/roop.toml"), "[run]\noffline = false"),
        parse(Path("/own/roop.toml"), "[run]\noffline = true"),
    ]
    for given, wanted in (({}, True), ({"--offline": False}, False)):
        job = make_job(installed(), Request(Layers({"--processors": "tint", **given}, {}, files), (), "t", "o.mp4"))
        assert job.execution.offline is wanted


def test_of_a_limit_the_lowest_of_all_files_holds() -> None:
    near = parse(Path("/near/roop.toml"), "[run]\nscreen_limit = 0.8\n[plugin.watch]\nthreshold = 0.8")
    own = parse(Path("/own/roop.toml"), "[run]\nscreen_limit = 0.3\n[plugin.watch]\nthreshold = 0.2")
    layers = Layers({"--processors": "tint"}, {}, [near, own])
    job = make_job(installed(), Request(layers, (), "t", "o.mp4"))
    assert (job.screen_limit, job.plugin_options["watch"]["threshold"]) == (0.3, 0.2)


def test_a_file_is_not_asked_for_what_a_nearer_one_says() -> None:
    near = parse(Path("/near/roop.toml"), "[run]\nquality = 3")
    own = parse(Path("/own/roop.toml"), "[run]\nquality = 'bad'")
    job = make_job(installed(), Request(Layers({"--processors": "tint"}, {}, [near, own]), (), "t", "o.mp4"))
    assert job.media.quality == 3


def test_people_of_a_request_stand_above_those_of_a_job_file() -> None:
    flags = Layers({"--processors": "tint"}, {}, ())
    pairs = (("a", "r"), ("b", "s"))
    first = make_job(installed(), Request(flags, (), "t", "o.mp4", pairs=pairs))
    assert (first.sources, first.references, first.pairs) == ((), (), pairs)
    same = make_job(installed(), Request(Layers({}, {}, ()), base=first))
    assert same.pairs == pairs
    other = make_job(installed(), Request(Layers({}, {}, ()), base=first, pairs=(("c", "q"),)))
    assert other.pairs == (("c", "q"),)
    second = make_job(installed(), Request(flags, ("s",), "t", "o.mp4", references=("r",)))
    assert (second.sources, second.references) == (("s",), ("r",))
    assert make_job(installed(), Request(Layers({}, {}, ()), base=second, references=("q",))).references == ("q",)
