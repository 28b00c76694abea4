"""Each check of a plugin as a package fails for one that breaks its promise: packages that lie installed, and files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kit import processor

from roop_host import Processor, ProcessorSpec, hookimpl, load_plugins, option
from roop_host.plugins.loader import plugins_of
from roop_host.testing import Subject, run_check
from roop_host.testing.checks.plugin import CHECKS

MODULE = """
from dataclasses import dataclass
from roop_host import ProcessorSpec, hookimpl, option
ROOP_API = 1
{top}
@dataclass(frozen=True)
class ROOP_OPTIONS:
    amount: float = option(0.5, "How much of the colour goes.")
def load():
    from roop_host import Processor
    class Nothing(Processor):
        def process(self, window):
            pass
    return Nothing
@hookimpl
def roop_processors():
    {hook}
    yield ProcessorSpec(name="my_filter", summary={summary}, load=load)
"""
METADATA = {
    "Name": "roop-my-filter",
    "Version": "1.0",
    "License-Expression": "MIT",
    "Requires-Python": ">=3.11",
    "Requires-Dist": "roop-host>=0.1",
}


@dataclass(frozen=True)
class Package:
    """A package as an installer would leave it, and what is wrong with it."""

    told: str = ""
    top: str = ""
    hook: str = ""
    summary: str = "'Takes colour away'"
    metadata: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    name: str = "my-filter"

    def lay(self, folder: Path) -> None:
        code = MODULE.format(top=self.top, hook=self.hook, summary=self.summary)
        (folder / "roop_my_filter.py").write_text(code)
        said = {key: value for key, value in {**METADATA, **self.metadata}.items() if value}
        info = folder / "roop_my_filter-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.4\n" + "".join(f"{key}: {one}\n" for key, one in said.items()))
        (info / "entry_points.txt").write_text(f"[roop]\n{self.name} = roop_my_filter\n")
        names = ("roop_my_filter.py", f"{info.name}/METADATA", "../../bin/my-filter", *self.files)
        for name in names[2:]:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()
        (info / "RECORD").write_text("".join(f"{name},,\n" for name in names))


def needing(what: str) -> dict[str, str]:
    return {"Requires-Dist": f"roop-host<2\nRequires-Dist: {what}"}


HEALTHY = Package()
#: What is odd in a process that does nothing else.
ALONE = "import sys\nif 'pytest' not in sys.modules:\n    raise RuntimeError('odd')"
COUNTS = "import itertools\nN = itertools.count()"
BROKEN: dict[str, tuple[Package, ...]] = {
    "plugin_module_is_light": (
        Package("roop_my_filter.py, line 5), numpy (by", top="import roop_host.types.frame"),
        Package("roop_my_filter.py, line 5)", top="import PIL.Image"),
        Package("it imports cv2 (by", hook="import cv2"),
        Package(
            "can't be imported in a fresh process: RuntimeError: odd",
            top=ALONE,
        ),
    ),
    "declarations_are_valid": (
        Package("its summary is no single line of text: ''", summary="''"),
        Package("its summary is no single line", summary="'one\\ntwo'"),
        Package("its summary has 130 characters, and 120 fit", summary="'x' * 130"),
        Package(
            "gives something else when it is asked again",
            top="import itertools\nN = itertools.count()",
            summary="f'{next(N)} times'",
        ),
    ),
    "package_is_honest": (
        Package("its package is called roop-my-filter and its entry point other; call it roop-other", name="other"),
        Package("it does not depend on roop-host", metadata={"Requires-Dist": ""}),
        Package("it depends on any roop-host", metadata={"Requires-Dist": "roop-host"}),
        Package("it depends on onnxruntime-gpu", metadata=needing("onnxruntime-gpu")),
        Package(
            "it depends on opencv-python-headless",
            metadata=needing("opencv_python_headless>=4"),
        ),
        Package("it states no licence", metadata={"License-Expression": ""}),
        Package("it does not state which Python it needs", metadata={"Requires-Python": ""}),
        Package("it installs tests beside its own package", files=("tests/test_filter.py", "tests/__init__.py")),
        Package("it installs roop_host beside", files=("roop_host/better.py",)),
        Package("it installs start.pth beside", files=("start.pth",)),
        Package("it installs roop_other.libs, share beside", files=("roop_other.libs/libx.so", "share/man/man1/x.1")),
    ),
}
CASES = [pytest.param(name, one, id=f"{name}-{number}") for name, all_ in BROKEN.items() for number, one in enumerate(all_)]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in which packages lie as if they were installed."""
    folder = tmp_path / "lib" / "site-packages"
    folder.mkdir(parents=True)
    monkeypatch.syspath_prepend(folder)
    yield folder
    sys.modules.pop("roop_my_filter", None)


def installed() -> Subject:
    plugins = load_plugins()
    return Subject(plugins, "roop_processors", plugins.processor("my_filter"))


def results_of(subject: Subject) -> dict[str, str]:
    """What did not pass, by check."""
    results = [run_check(check, subject) for check in CHECKS]
    return {result.check.id: result.told for result in results if result.state not in ("passed", "does not apply")}


def test_a_healthy_package_passes(site: Path) -> None:
    HEALTHY.lay(site)
    assert {run_check(check, installed()).state for check in CHECKS} == {"passed"}


def test_an_extra_may_bring_what_it_likes(site: Path) -> None:
    Package(metadata=needing("onnxruntime; extra == 'all'")).lay(site)
    assert not results_of(installed())


def test_manuals_libraries_and_extensions_of_a_runtime_are_honest(site: Path) -> None:
    files = ("../../share/man/man1/my-filter.1", "roop_my_filter.libs/libx-1.so")
    Package(metadata=needing("onnxruntime-extensions"), files=files).lay(site)
    assert not results_of(installed())


@pytest.mark.parametrize(("name", "package"), CASES)
def test_a_broken_package_fails_its_check_and_no_other(name: str, package: Package, site: Path) -> None:
    package.lay(site)
    failed = results_of(installed())
    assert list(failed) == [name]
    assert package.told in failed[name]


class Nothing(Processor):
    pass


def declared(spec: Mapping[str, Any] | None = None, **module: Any) -> Subject:
    """A plugin that is no package."""
    made = processor(Nothing, "broken")
    if spec is not None:

        @hookimpl
        def roop_processors() -> list[ProcessorSpec]:
            return [ProcessorSpec(**{"name": "broken", "summary": "a test", **spec})]

        made.roop_processors = roop_processors
    plugins = plugins_of({"broken": SimpleNamespace(**{**vars(made), **module})})
    assert [status.reason for status in plugins.statuses] == [""]
    return Subject(plugins, "roop_processors", plugins.named("roop_processors", "broken"))


def works() -> Callable[[], Processor]:
    class Works(Processor):
        def process(self, window: Any) -> None:
            pass

    return Works


@dataclass(frozen=True)
class Undocumented:
    amount: float = 0.5


@dataclass(frozen=True)
class Lengthy:
    amount: float = option(0.5, "How much.\nOf what.")


@dataclass(frozen=True)
class Parrot:
    amount: float = option(0.5, "amount: how much of the colour goes.")


@dataclass(frozen=True)
class Contradictory:
    amount: float = option(0.5, "How much of the colour goes.")

    def __post_init__(self) -> None:
        raise ValueError("the amount is odd")


DECLARED: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("declarations_are_valid", "its load gave None", {"load": lambda: None}, {}),
    ("declarations_are_valid", "makes a dict, which is no Processor", {"load": lambda: dict}, {}),
    ("declarations_are_valid", "its class Nothing has no process of its own", {"load": lambda: Nothing}, {}),
    ("options_are_documented", "--broken-amount has no help", {"load": works}, {"ROOP_OPTIONS": Undocumented}),
    ("options_are_documented", "is no single line of text", {"load": works}, {"ROOP_OPTIONS": Lengthy}),
    ("options_are_documented", "begins with its own name", {"load": works}, {"ROOP_OPTIONS": Parrot}),
    ("options_are_documented", "by default: the amount is odd", {"load": works}, {"ROOP_OPTIONS": Contradictory}),
    *(
        ("waivers_name_checks", f"names '{key}', which is no check", {"load": works}, {"ROOP_WAIVED": {key: "it is so"}})
        for key in (
            "processor.broken.no_faces",
            "processor.other.no_frame_kept",
            "broken.no_frame_kept",
            "exporter.broken.no_frame_kept",
        )
    ),
    ("waivers_name_checks", "is '.'; say in", {"load": works}, {"ROOP_WAIVED": {"processor.broken.no_frame_kept": "."}}),
    (
        "waivers_name_checks",
        "this check can't be waived; take it out",
        {"load": works},
        {"ROOP_WAIVED": {"processor.broken.no_network_unless_declared": "nobody needs to know"}},
    ),
]


@pytest.mark.parametrize(("name", "told", "spec", "module"), DECLARED, ids=[told for _, told, *_ in DECLARED])
def test_a_broken_declaration_fails_its_check_and_no_other(
    name: str, told: str, spec: dict[str, Any], module: dict[str, Any]
) -> None:
    failed = results_of(declared(spec, **module))
    assert list(failed) == [name]
    assert told in failed[name]


def test_every_check_has_a_plugin_that_breaks_it() -> None:
    assert {*BROKEN, *(name for name, *_ in DECLARED)} == {check.id for check in CHECKS}


def test_a_file_may_import_what_it_likes_and_is_asked_twice_too(tmp_path: Path) -> None:
    path = tmp_path / "my_filter.py"
    path.write_text(MODULE.format(top="import numpy, itertools\nN = itertools.count()", hook="", summary="f'{id(N)}'"))
    plugins = load_plugins(files=[path])
    subject = Subject(plugins, "roop_processors", plugins.processor("my_filter"))
    assert run_check(CHECKS[0], subject).state == "does not apply"
    assert list(results_of(subject)) == ["declarations_are_valid"]
