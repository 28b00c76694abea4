"""Each check of any object fails for one that breaks its promise, and for no other reason."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, Literal

import cv2
import pytest
from kit import processor

from roop_host import (
    Analyser,
    AnalyserSpec,
    Choice,
    Context,
    ExecutionOptions,
    Host,
    Job,
    JobContext,
    ModelError,
    ModelSpec,
    Processor,
    Session,
    Step,
    UsageError,
    Window,
    hookimpl,
    option,
)
from roop_host.plugins.loader import plugins_of
from roop_host.testing import Subject, portrait, quiet_screener, run_check
from roop_host.testing.checks.shared import CHECKS

NET = ModelSpec(name="paint", sha256="0" * 64, size=9, licence="MIT", urls=("https://example.org/paint.onnx",))
#: An address that is nobody's (RFC 5737).
NOBODY = ("192.0.2.1", 9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    engine: Literal["auto", "paint", "plain", "odd"] = option("plain", "How it is done.")
    address: str = option("", "Where to ask.")


class Healthy(Processor):
    """Has a model where an option says so."""

    def __init__(self) -> None:
        self.session: Session | None = None
        self.seen: list[int] = []

    def setup(self, ctx: Context) -> None:
        engine = ctx.options_as(Options).engine
        if engine == "odd":
            raise UsageError("the engine odd needs a package; install it")
        self.session = ctx.sessions.open(NET) if engine == "paint" else None
        self.seen.append(1)

    def process(self, window: Window) -> None:
        pass

    def teardown(self) -> None:
        self.session = None


class GoesElsewhere(Healthy):
    def setup(self, ctx: Context) -> None:
        super().setup(ctx)
        os.chdir("/")


class SetsVariables(Healthy):
    def setup(self, ctx: Context) -> None:
        super().setup(ctx)
        os.environ["MY_FILTER_KEY"] = "hush"


class TakesThreads(Healthy):
    def setup(self, ctx: Context) -> None:
        super().setup(ctx)
        cv2.setNumThreads(cv2.getNumThreads() + 1)


class LogsEverything(Healthy):
    def setup(self, ctx: Context) -> None:
        super().setup(ctx)
        logging.basicConfig(level=logging.DEBUG, force=True)


class TakesThreadsForAJob(Healthy):
    def begin(self, job: JobContext) -> None:
        cv2.setNumThreads(cv2.getNumThreads() + 1)


class SetsVariablesAtWork(Healthy):
    def process(self, window: Window) -> None:
        os.environ["MY_FILTER_KEY"] = "hush"


class PutsBack(Healthy):
    """A healthy one."""

    def begin(self, job: JobContext) -> None:
        self.threads = cv2.getNumThreads()
        cv2.setNumThreads(self.threads + 1)

    def end(self) -> None:
        cv2.setNumThreads(self.threads)


class Only(Healthy):
    """There is one."""

    one: ClassVar[Any] = None

    def __new__(cls) -> Only:
        cls.one = cls.one or super().__new__(cls)
        return cls.one  # type: ignore[no-any-return]


class SharesModels(Healthy):
    models: ClassVar[dict[str, object]] = {}

    def setup(self, ctx: Context) -> None:
        super().setup(ctx)
        self.models[f"model {len(self.models)}"] = object()


class SetsItsClass(Healthy):
    ready: ClassVar[object] = None

    def setup(self, ctx: Context) -> None:
        super().setup(ctx)
        type(self).ready = object()


class ReleasesWhatIsNotThere(Healthy):
    def setup(self, ctx: Context) -> None:
        super().setup(ctx)
        self.cache: list[int] = []

    def teardown(self) -> None:
        self.cache.clear()


class ReleasesTheSecond(Healthy):
    """Opens one model after the other, and releases both."""

    first: Any = None
    second: Any

    def setup(self, ctx: Context) -> None:
        options = ctx.options_as(Options)
        if options.engine == "paint":
            self.first = ctx.sessions.open(NET)
            self.second = ctx.sessions.open(NET)

    def teardown(self) -> None:
        if self.first is not None:
            del self.second


class GoesOnWithout(Healthy):
    def setup(self, ctx: Context) -> None:
        try:
            super().setup(ctx)
        except ModelError:
            ctx.log.info("it goes without")


class SaysNothing(Healthy):
    def setup(self, ctx: Context) -> None:
        try:
            super().setup(ctx)
        except ModelError:
            raise ModelError("something is missing") from None


class RaisesAnything(Healthy):
    def setup(self, ctx: Context) -> None:
        try:
            super().setup(ctx)
        except ModelError as error:
            raise RuntimeError("no model") from error


class KnowsNoOdd(Healthy):
    def setup(self, ctx: Context) -> None:
        if ctx.options_as(Options).engine == "odd":
            raise KeyError("odd")
        super().setup(ctx)


class Prints(Healthy):
    def process(self, window: Window) -> None:
        print("a frame")


class PrintsPastPython(Healthy):
    def setup(self, ctx: Context) -> None:
        super().setup(ctx)
        os.write(1, b"loading ...\n")


class Asks(Healthy):
    def process(self, window: Window) -> None:
        with socket.socket() as line:
            line.connect_ex(NOBODY)


class SendsAPacket(Healthy):
    def process(self, window: Window) -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as line, suppress(OSError):
            line.sendto(b"here", NOBODY)


class LooksUpByName(Healthy):
    def process(self, window: Window) -> None:
        with suppress(OSError):
            socket.gethostbyname("names.example.org")


class LooksUp(Healthy):
    def setup(self, ctx: Context) -> None:
        super().setup(ctx)
        try:
            socket.create_connection(("models.example.org", 443))
        except OSError:
            ctx.log.info("not reached")


CHOICES = (Choice(option="engine", value="paint", models=(NET,)), Choice(option="engine", value="plain"))
#: By check, classes that break it, and what is told.
BROKEN: dict[str, dict[Callable[[], Processor], str]] = {
    "setup_changes_no_process_state": {
        GoesElsewhere: "setting it up changed the working folder from ",
        SetsVariables: "setting it up changed the environment (MY_FILTER_KEY)",
        TakesThreads: "setting it up changed the number of OpenCV's threads from ",
        LogsEverything: "setting it up changed the root logger",
    },
    "work_changes_no_process_state": {
        TakesThreadsForAJob: "a job changed the number of OpenCV's threads from ",
        SetsVariablesAtWork: "a job changed the environment (MY_FILTER_KEY)",
    },
    "load_gives_a_fresh_object": {
        Only: "its load gave the same object twice",
        SharesModels: "setting up one object changed models of another",
        SetsItsClass: "setting up one object changed ready of another",
    },
    "teardown_after_a_failed_setup": {
        ReleasesWhatIsNotThere: "its teardown before any setup raised AttributeError",
    },
    "missing_model_is_named": {
        GoesOnWithout: "without paint with engine paint its setup was no error",
        SaysNothing: "raised a ModelError that does not name it: something is missing",
        RaisesAnything: "its setup raised RuntimeError: no model, and no ModelError",
    },
    "every_word_of_an_option_is_taken": {KnowsNoOdd: "with --broken-engine odd it raised KeyError"},
    "stdout_stays_clean": {Prints: "it printed 'a frame'", PrintsPastPython: "it printed 'loading ...'"},
    "no_network_unless_declared": {
        Asks: "it asked for 192.0.2.1, and its spec says network=False",
        LooksUp: "it asked for models.example.org",
        LooksUpByName: "it asked for names.example.org",
        SendsAPacket: "it asked for 192.0.2.1, and its spec says network=False",
    },
}
#: What another check sees too: no model, and another error than a word's.
TOO: dict[Callable[[], Processor], set[str]] = {RaisesAnything: {"every_word_of_an_option_is_taken"}}
CASES = [(name, make, said) for name, cases in BROKEN.items() for make, said in cases.items()]


def subject_of(make: Callable[[], Processor], models: Path, values: dict[str, Any] | None = None, **spec: Any) -> Subject:
    module = processor(make, "broken", **{"choices": CHOICES, **spec})
    plugins = plugins_of({"broken": SimpleNamespace(**vars(module), ROOP_OPTIONS=Options)})
    declared = plugins.named("roop_processors", "broken")
    return Subject(plugins, "roop_processors", declared, values or {}, models)


def check_named(name: str) -> Any:
    (check,) = (check for check in CHECKS if check.id == name)
    return check


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_an_object_that_keeps_its_promises_passes(check: Any, tmp_path: Path) -> None:
    result = run_check(check, subject_of(Healthy, tmp_path))
    assert (result.state, result.told) == ("passed", "")


@pytest.mark.parametrize(("name", "make", "said"), CASES, ids=[f"{name}-{make.__name__}" for name, make, _ in CASES])
def test_a_broken_object_fails_its_check_and_no_other(
    name: str, make: Callable[[], Processor], said: str, tmp_path: Path
) -> None:
    before = os.environ.copy(), Path.cwd(), cv2.getNumThreads(), logging.getLogger().level
    subject = subject_of(make, tmp_path)
    of_process = name.endswith("_process_state")
    results = {check.id: run_check(check, subject) for check in CHECKS if check.id == name or not of_process}
    assert said in results[name].told
    assert {one for one, result in results.items() if result.state != "passed"} == {name, *TOO.get(make, ())}
    assert (os.environ.copy(), Path.cwd(), cv2.getNumThreads(), logging.getLogger().level) == before


def test_what_a_job_sets_may_be_put_back_at_its_end(tmp_path: Path) -> None:
    assert run_check(check_named("work_changes_no_process_state"), subject_of(PutsBack, tmp_path)).state == "passed"


def test_every_check_has_an_object_that_breaks_it() -> None:
    assert set(BROKEN) == {check.id for check in CHECKS}


def test_a_set_up_may_fail_at_any_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Given:
        def open(self, model: ModelSpec, *, threads: int | None = None) -> Any:
            return object()

    subject = subject_of(ReleasesTheSecond, tmp_path, {"engine": "paint"})
    monkeypatch.setattr("roop_host.testing.subject.OrtSessions", lambda *_, **__: Given())
    result = run_check(check_named("teardown_after_a_failed_setup"), subject)
    assert "its teardown after a setup that failed at model 2 raised AttributeError: " in result.told


def test_a_network_that_is_declared_may_be_used(tmp_path: Path) -> None:
    check = check_named("no_network_unless_declared")
    assert run_check(check, subject_of(Asks, tmp_path, network=True)).state == "does not apply"
    said = subject_of(Asks, tmp_path, {"address": "https://example.org"}, network="address")
    assert run_check(check, said).state == "does not apply"
    assert "network='address'" in run_check(check, subject_of(Asks, tmp_path, network="address")).told


def test_this_machine_may_be_asked_and_connections_work_again(tmp_path: Path) -> None:
    class AsksHere(Healthy):
        def process(self, window: Window) -> None:
            with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
                pass

    assert run_check(check_named("no_network_unless_declared"), subject_of(AsksHere, tmp_path)).state == "passed"
    assert not {"connect", "connect_ex", "sendto"} & vars(socket.socket).keys()
    assert socket.getaddrinfo.__module__ == "socket"
    assert socket.gethostbyname.__module__ == "_socket"


def test_what_lacks_a_model_or_a_word_is_not_checked_for_it(tmp_path: Path) -> None:
    subject = subject_of(Healthy, tmp_path, choices=())
    assert run_check(check_named("missing_model_is_named"), subject).told == "it declares no model that is pulled"
    module = processor(Prints, "broken")
    plugins = plugins_of({"broken": module})
    bare = Subject(plugins, "roop_processors", plugins.named("roop_processors", "broken"))
    assert run_check(check_named("every_word_of_an_option_is_taken"), bare).told == "none of its options offers words"


def test_an_object_that_cannot_be_had_here_is_not_run(tmp_path: Path) -> None:
    subject = subject_of(Healthy, tmp_path, {"engine": "paint"})
    result = run_check(check_named("stdout_stays_clean"), subject)
    assert result.state == "not run"
    assert isinstance(result.error, ModelError)
    assert "paint" in result.told


CHOOSES = (
    # What needs another option said is no choice while that one is only left to be decided.
    Choice(option="engine", value="odd", with_options=(("address", "here"),)),
    Choice(option="engine", value="paint", models=(NET,)),
    Choice(option="engine", value="plain"),
)


@pytest.mark.parametrize(
    ("choices", "engine"),
    [(CHOOSES, "plain"), (CHOOSES[:2], "paint"), ((CHOICES[0], replace(CHOICES[0], value="odd")), "odd")],
)
def test_auto_is_what_the_host_makes_of_it(choices: tuple[Choice, ...], engine: str, tmp_path: Path) -> None:
    seen = list[str]()

    class Tells(Healthy):
        def setup(self, ctx: Context) -> None:
            seen.append(ctx.options_as(Options).engine)

    subject = subject_of(Tells, tmp_path, {"engine": "auto"}, choices=choices)
    assert subject.options().engine == engine
    module = SimpleNamespace(**vars(processor(Tells, "broken", choices=choices)), ROOP_OPTIONS=Options)
    picture = tmp_path / "target.png"
    cv2.imwrite(str(picture), portrait("hopper").bgr)
    job = Job((), str(picture), str(tmp_path / "out.png"), (Step("broken", {"engine": "auto"}),))
    plugins = plugins_of({"broken": module, "quiet": quiet_screener()})
    with Host(plugins, models=tmp_path) as host, suppress(ModelError):  # what remains may lack its model
        host.run(replace(job, execution=ExecutionOptions(offline=True)))
    assert seen in ([engine], [])
    assert seen or engine != "plain"


def test_auto_of_an_analyser_is_what_gives_and_not_what_is_here(tmp_path: Path) -> None:
    choices = (CHOICES[0], replace(CHOICES[1], gives=frozenset({"age"})), Choice(option="address", value="x"))
    needy = replace(choices[2], needs=frozenset({"age"}))

    def engine_of(*choices: Choice) -> str:
        def spec() -> list[AnalyserSpec]:
            return [AnalyserSpec(name="looks", summary="Looks", load=lambda: Analyser, choices=choices)]

        module = SimpleNamespace(ROOP_API=1, ROOP_OPTIONS=Options, roop_analysers=hookimpl(specname="roop_analysers")(spec))
        plugins = plugins_of({"looks": module})
        declared = plugins.named("roop_analysers", "looks")
        said = {"engine": "auto", "address": "x"}
        return str(Subject(plugins, "roop_analysers", declared, said, tmp_path).options().engine)

    assert engine_of(*choices) == "paint"
    assert engine_of(*choices[:2], needy) == "plain"


def test_standard_output_is_as_it_was(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run_check(check_named("stdout_stays_clean"), subject_of(PrintsPastPython, tmp_path))
    print("here")
    sys.stdout.flush()
    os.write(1, b"and here\n")
    assert capfd.readouterr().out == "here\nand here\n"
