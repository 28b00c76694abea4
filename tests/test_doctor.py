"""Every state of an installation that ``roop doctor`` is there for, made for real where that is quick."""

from __future__ import annotations

import hashlib
import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import kit
import onnxruntime
import pytest
from pulled import graph, spec

import roop_host.doctor
from roop_host import Choice, ModelSpec, Processor
from roop_host.cli.doctor import tell
from roop_host.doctor import devices, examine, installed, plugged
from roop_host.doctor.check import Check, Examination, note, ok
from roop_host.doctor.settings import settings
from roop_host.media.writing import survey
from roop_host.media.writing.encoders import ENCODERS
from roop_host.models.devices import TINY_MODEL
from roop_host.models.placing import write_record
from roop_host.models.providers import PROVIDERS
from roop_host.models.store import Store
from roop_host.plugins.found import Plugins
from roop_host.plugins.loader import load_plugins, plugins_of

Distribution = Callable[..., Path]
HEALTHY = """
from roop_host import ProcessorSpec, hookimpl
ROOP_API = 1
@hookimpl
def roop_processors():
    return [ProcessorSpec(name="xstep", summary="a test", load=lambda: None, network=True)]
@hookimpl
def roop_job_finished():
    pass
"""


@pytest.fixture
def distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Distribution:
    """Installed distributions as the installer leaves them: the list of files says which packages they own."""
    monkeypatch.syspath_prepend(tmp_path)

    def do(name: str, top: str, *, code: str | None = None, plugin: str = "") -> Path:
        info = tmp_path / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "RECORD").write_text(f"{top}/__init__.py,,\n")
        if plugin:
            sys.modules.pop(top, None)
            (info / "entry_points.txt").write_text(f"[roop]\n{plugin} = {top}\n")
        folder = tmp_path / top
        if code is not None:
            folder.mkdir(exist_ok=True)
            (folder / "__init__.py").write_text(code)
        return folder

    return do


@pytest.fixture(params=["pip", "uv pip"])
def tool(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Environments that uv made have no pip of their own."""
    monkeypatch.setattr("roop_host.types.packages.find_spec", lambda name: object() if request.param == "pip" else None)
    monkeypatch.setattr("roop_host.types.packages.shutil.which", lambda name: str(Path(sys.executable).parent / name))
    return str(request.param)


def gpus(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    for module in (installed, devices):
        monkeypatch.setattr(module, "nvidia_gpus", lambda: count)


def no_distribution_owns(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = installed.owners
    monkeypatch.setattr(installed, "owners", lambda tops: {**real(tops), **dict.fromkeys(tops & {missing}, ())})


def one(checks: Iterator[Check], name: str) -> Check:
    (found,) = [check for check in checks if check.name == name]
    return found


def commands(repair: str) -> list[list[str]]:
    """The words of each command of a repair."""
    return [shlex.split(command) for command in repair.split(" && ")]


def test_this_environment_is_well() -> None:
    found = examine(load_plugins())
    assert [check for check in found.checks if check.state == "problem"] == []
    assert found.exit_code == 0
    areas = list(dict.fromkeys(check.area for check in found.checks))
    assert areas == ["Python", "Packages", "Runtime", "Devices", "Plugins", "Screening", "Models", "Video", "Settings"]
    said = {(check.area, check.name): check.says for check in found.checks}
    assert said["Packages", "numpy"] == metadata.version("numpy")
    assert "avcodec 6" in said["Packages", "av"]
    assert said["Plugins", "nsfw"] == "roop-nsfw 0.1.0: screener nsfw"
    assert "licence BSD-2-Clause" in said["Models", "open-nsfw"]
    assert "libx264" in said["Video", "encoders"]


@pytest.mark.parametrize(("count", "extra"), [(0, "cpu"), (1, "gpu")])
def test_two_runtimes_are_both_removed(
    count: int, extra: str, tool: str, distribution: Distribution, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus(monkeypatch, count)
    distribution("onnxruntime_gpu", "onnxruntime")
    (found,) = installed.runtime()
    assert (found.state, found.exit_code) == ("problem", 6)
    assert "onnxruntime and onnxruntime-gpu own the same files" in found.says
    yes = "-y " if tool == "pip" else ""
    assert found.repair == f"{tool} uninstall {yes}onnxruntime onnxruntime-gpu && {tool} install 'roop-host[{extra}]'"
    assert commands(found.repair)[1] == [*tool.split(), "install", f"roop-host[{extra}]"]


def test_two_opencvs_are_both_removed(tool: str, distribution: Distribution) -> None:
    distribution("opencv-python-headless", "cv2")
    found = one(installed.packages(), "opencv-python")
    assert (found.state, found.exit_code) == ("problem", 1)
    yes = ["-y"] if tool == "pip" else []
    assert commands(found.repair) == [
        [*tool.split(), "uninstall", *yes, "opencv-python", "opencv-python-headless"],
        [*tool.split(), "install", "opencv-python"],
    ]


def test_another_spelling_of_a_name_is_no_second_package(distribution: Distribution) -> None:
    distribution("OpenCV_Python", "cv2")
    assert one(installed.packages(), "opencv-python").state == "ok"


def test_an_empty_folder_is_no_runtime(tool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As uninstalling one of two runtimes leaves it: it can be imported, and holds nothing."""
    monkeypatch.setitem(sys.modules, "onnxruntime", ModuleType("onnxruntime"))
    (found,) = installed.runtime()
    assert (found.state, found.exit_code) == ("problem", 6)
    assert "empty folder" in found.says
    yes = ["-y"] if tool == "pip" else []
    (owner,) = installed.owners({"onnxruntime"})["onnxruntime"]
    assert commands(found.repair)[0] == [*tool.split(), "uninstall", *yes, owner]
    (untried,) = devices.devices()
    assert (untried.state, "see Runtime" in untried.says) == ("note", True)


def test_without_a_runtime_it_names_both(tool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    no_distribution_owns("onnxruntime", monkeypatch)
    (found,) = installed.runtime()
    assert (found.exit_code, found.repair) == (6, f"{tool} install 'roop-host[cpu]'")
    assert "roop-host[gpu]" in found.says


@pytest.mark.parametrize(
    ("code", "says", "repaired"),
    [
        ("raise SystemExit(3)", "can't be imported (SystemExit: 3)", True),
        ("", "empty folder", True),
        ("raise ImportError('pages\\nof advice') from OSError('wrong ABI\\nmore')", "(OSError: wrong ABI)", True),
        ("raise ImportError('libGL.so.1: cannot open shared object file: No such file')", "system's package", False),
        ("import no_such_module_here", "no_such_module_here", True),
    ],
)
def test_a_package_that_does_not_work_is_a_problem(
    code: str, says: str, repaired: bool, tool: str, distribution: Distribution, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "cv2")
    distribution("opencv-python", "cv2", code=code)
    found = one(installed.packages(), "opencv-python")
    assert found.state == "problem"
    assert says in found.says
    assert (commands(found.repair)[-1] == [*tool.split(), "install", "opencv-python"]) == repaired
    assert bool(found.repair) == repaired


def test_a_missing_package_is_installed(tool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    no_distribution_owns("av", monkeypatch)
    found = one(installed.packages(), "av")
    assert (found.says, found.repair) == ("is missing", f"{tool} install av")


def test_encoders_that_are_not_built_in_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import av

    real = av.Codec

    def codec(name: str, mode: str) -> Any:
        if "nvenc" in name:
            raise ValueError(name)
        return real(name, mode)

    monkeypatch.setattr(av, "Codec", codec)
    there, missing = installed.video()
    assert "h264_nvenc" not in there.says
    assert missing.says.startswith("h264_nvenc, hevc_nvenc:")
    assert {row.name for row in ENCODERS.values() if not row.hardware} <= set(installed._ENCODERS)


def test_encoders_that_do_not_open_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(plan: Any) -> None:
        if plan.name == "ffv1":
            raise survey.UsageError("no")

    monkeypatch.setattr(survey, "open_context", refuse)
    monkeypatch.setattr(installed, "_ENCODERS", ("libx264", "ffv1", "prores_ks"))
    opening, closed = installed.video()
    assert (opening.name, opening.says) == ("encoders", "libx264, prores_ks")
    assert (closed.state, closed.name, closed.says) == (
        "note",
        "does not open here",
        "ffv1: they need hardware and its driver",
    )


def cuda(monkeypatch: pytest.MonkeyPatch, why: str, *, count: int, listed: bool = True) -> Check:
    names = [PROVIDERS["cuda"], "OtherProvider", PROVIDERS["cpu"]] if listed else [PROVIDERS["cpu"]]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: names)
    monkeypatch.setattr(devices, "why_not", lambda device: why if device == "cuda" else "")
    gpus(monkeypatch, count)
    return one(devices.devices(), "cuda")


def test_a_gpu_that_is_silently_left_alone_is_a_problem(tool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = cuda(monkeypatch, "Failed to load library x.so with error: libcublasLt.so.13", count=1)
    assert (found.state, found.exit_code) == ("problem", 2)
    assert "libcublasLt.so.13" in found.says
    assert found.repair == f"{tool} install 'onnxruntime-gpu[cuda,cudnn]'"
    found = cuda(monkeypatch, "CUDA driver version is insufficient", count=1)
    assert (found.exit_code, found.repair) == (2, "nvidia-smi")


def test_a_machine_without_a_gpu_has_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cuda(monkeypatch, "built without", count=0, listed=False).state == "note"
    found = cuda(monkeypatch, "libcuda.so.1 is missing", count=0)
    assert (found.state, "libcuda.so.1" in found.says) == ("note", True)


def test_a_gpu_without_its_runtime_is_noted(tool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = cuda(monkeypatch, "this ONNX Runtime is built without it", count=1, listed=False)
    assert found.state == "note"
    assert commands(found.repair)[-1] == [*tool.split(), "install", "roop-host[gpu]"]


def test_devices_that_run_and_providers_that_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cuda(monkeypatch, "", count=1).state == "ok"
    assert "OtherProvider" in one(devices.devices(), "not used").says
    monkeypatch.setattr(devices, "why_not", lambda device: "illegal instruction")
    found = one(devices.devices(), "cpu")
    assert (found.exit_code, "illegal instruction" in found.says) == (2, True)


@pytest.mark.parametrize(
    ("device", "why", "state"),
    [
        ("directml", "", "ok"),
        ("directml", "no adapter", "problem"),
        ("coreml", "no unit", "problem"),
        ("tensorrt", "Failed to load library", "note"),
        ("openvino", "no plugin", "note"),
    ],
)
def test_every_other_device_that_is_listed_is_tried(
    device: str, why: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that must be named hurts nobody who does not name it."""
    tried: list[str] = []

    def why_not(name: str) -> str:
        tried.append(name)
        return why if name == device else ""

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [PROVIDERS[device], PROVIDERS["cpu"]])
    monkeypatch.setattr(devices, "why_not", why_not)
    found = list(devices.devices())
    assert [check.name for check in found] == ["cpu", "cuda", device]
    assert tried == ["cpu", "cuda", device]
    assert (found[2].state, why in found[2].says) == (state, True)


def test_plugins_are_told_with_their_repair(tool: str, distribution: Distribution) -> None:
    distribution("roop-xbad", "zz_xbad", code="raise RuntimeError('no\\nway')", plugin="xbad")
    distribution("roop-xgood", "zz_xgood", code=HEALTHY, plugin="xgood")
    distribution("roop-xslow", "zz_xslow", code="import time\ntime.sleep(0.21)\nROOP_API = 1", plugin="xslow")
    distribution("roop-xoff", "zz_xoff", code="raise RuntimeError", plugin="xoff")
    plugins = load_plugins(["xoff"])
    found = {check.name: check for check in plugged.plugins_found(plugins)}
    assert found["xgood"] == ok(
        "Plugins", "xgood", "roop-xgood 1.0: processor xstep, observer of finished jobs; uses the network"
    )
    bad = found["xbad"]
    assert (bad.state, bad.exit_code) == ("problem", 7)
    assert "RuntimeError: no way" in bad.says
    assert "roop -p no:xbad run" in bad.says
    assert commands(bad.repair) == [[*tool.split(), "install", "--upgrade", "--force-reinstall", "--no-deps", "roop-xbad"]]
    assert found["xoff"].state == "note"
    assert found["xslow"].state == "note"
    assert "belong into load()" in found["xslow"].says


@pytest.mark.parametrize("fault", ["None", "BrokenLibrary()"])
def test_a_plugin_that_can_do_nothing_for_want_of_a_module_is_told(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class BrokenLibrary:
        """As a package whose native library is for another machine."""

        def find_spec(self, name: str, path: object, target: object = None) -> None:
            if name == "c2pa":
                raise RuntimeError("no library for this machine")

    if fault == "None":
        monkeypatch.setitem(sys.modules, "c2pa", None)
    else:
        monkeypatch.delitem(sys.modules, "c2pa", raising=False)
        monkeypatch.setattr(sys, "meta_path", [BrokenLibrary(), *sys.meta_path])
    found = one(plugged.plugins_found(load_plugins()), "provenance")
    assert (found.state, found.exit_code) == ("note", 0)
    assert "it can't do its work: c2pa can't be imported (" in found.says
    assert (
        found.repair == next(status.reinstall() for status in load_plugins().statuses if status.name == "provenance") != ""
    )


def test_a_broken_plugin_file_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "xfile.py"
    path.write_text("nonsense")
    found = one(plugged.plugins_found(load_plugins(files=[path])), "xfile")
    assert found.says.endswith("repair it, or leave it out")
    assert found.repair == ""


def test_without_a_screener_the_exit_code_is_that_of_a_run(tool: str) -> None:
    found = examine(plugins_of({}))
    assert (found.exit_code, [check.area for check in found.problems]) == (5, ["Screening", "Settings"])
    assert found.problems[0].repair == f"{tool} install roop-nsfw"
    assert one(iter(found.checks), "none").repair == f"{tool} install roop-swapper roop-nsfw"


def test_every_screener_is_named_and_one_must_cover_what_matters() -> None:
    logos = kit.screener(kit.Quiet, "logos", covers=frozenset({"logos"}), threshold=0.5)
    found = list(plugged.screening(kit.plugins(logos, quiet=False)))
    assert [(check.name, check.state) for check in found] == [("logos", "ok"), ("cover", "problem")]
    assert "from 0.50 on" in found[0].says
    others = list(plugged.screening(kit.plugins(logos)))
    assert [(check.name, check.state) for check in others] == [("logos", "ok"), ("quiet", "ok"), ("whose", "note")]
    assert "roop-quiet 0 alone" in others[2].says


def with_model(path: Callable[[], Path], sha256: str = hashlib.sha256(TINY_MODEL).hexdigest()) -> Plugins:
    model = ModelSpec(name="tiny", sha256=sha256, size=len(TINY_MODEL), licence="CC0", path=path)
    return kit.plugins(
        kit.processor(Processor, "a", models=(model,)), kit.processor(Processor, "b", models=(model,)), quiet=False
    )


def test_a_model_is_verified_once_for_all_who_use_it(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(TINY_MODEL)
    assert list(plugged.models(with_model(lambda: path))) == [
        ok("Models", "tiny", "verified, 0.1 kB, licence CC0; for a (roop-t0 0), b (roop-t1 0)")
    ]


def test_a_model_that_was_tampered_with_is_brought_again(tool: str, distribution: Distribution) -> None:
    path = distribution("zz-weights", "zz_weights", code="") / "m.onnx"
    path.write_bytes(TINY_MODEL[:-1] + b"\x12")
    (found,) = plugged.models(with_model(lambda: path))
    assert (found.state, found.exit_code) == ("problem", 6)
    assert "wrong hash" in found.says
    assert commands(found.repair) == [[*tool.split(), "install", "--force-reinstall", "--no-deps", "zz-weights==1.0"]]


def test_a_model_that_cannot_be_found_is_a_problem(tool: str, tmp_path: Path) -> None:
    def lost() -> Path:
        raise RuntimeError("where is it?")

    (found,) = plugged.models(with_model(lambda: tmp_path / "none.onnx"))
    assert (found.exit_code, found.repair) == (6, f"{tool} install --upgrade roop-t0")
    (found,) = plugged.models(with_model(lost))
    assert (found.exit_code, found.repair) == (6, f"{tool} install --upgrade roop-t0")
    assert "tiny is missing (RuntimeError: where is it?); install its package again" in found.says


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    engine: str = "net"


def test_what_can_be_fetched_is_a_note_and_what_is_wrong_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    half = spec(TINY_MODEL, "https://example.test/half", name="half")
    net = spec(graph(), "https://example.test/net", half=half)
    step = kit.processor(Processor, "a", choices=(Choice(option="engine", value="net", models=(net,)),))
    step.ROOP_OPTIONS = Engine
    monkeypatch.setenv("ROOP_MODELS", str(tmp_path / "store"))
    path = Store().path(net)

    def look() -> list[Check]:
        return list(plugged.models(kit.plugins(step, quiet=False)))

    missing, store = look()
    says = "is not here, 0.3 MB, licence CC0; for a (roop-t0 0) with --t0-engine net"
    assert missing == note("Models", "net", says, "roop models pull net")
    assert (store.state, store.says.startswith(f"{path.parent}, ")) == ("ok", True)
    assert store.says.endswith(" GB free")
    assert not path.parent.exists()
    path.parent.mkdir()
    Store().path(half).write_bytes(TINY_MODEL)
    for data, state, words in (
        (b"other", "problem", "move it away"),
        (graph()[:-1] + b"x", "problem", "wrong hash"),
        (graph(), "ok", "verified, 0.3 MB"),
    ):
        path.write_bytes(data)
        wrong, fits, _ = look()
        assert (wrong.name, wrong.state, wrong.repair, wrong.exit_code) == ("net", state, "", 6 if state == "problem" else 0)
        assert words in wrong.says
        assert (fits.name, fits.state) == ("half", "ok")
    path.write_bytes(b"other")
    write_record(path, path, net.sha256, "pull", "https://example.test/net")
    assert look()[0].repair == "roop models pull net"


def test_a_store_that_can_not_be_written_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ROOP_MODELS", str(tmp_path / "file" / "store"))
    step = kit.processor(Processor, "a", models=(spec(graph(), "https://example.test/net"),))
    missing, store = plugged.models(kit.plugins(step, quiet=False))
    assert (missing.state, store.state) == ("note", "note")
    assert "name another folder by ROOP_MODELS" in store.says


def test_a_misspelt_variable_is_noted_and_no_value_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("ROOP_DEVICES", "ROOP_NSFW_TRESHOLD", "ROOP_NSFW_KEY", "ROOP_SUPABASE_URL", "OTHER"):
        monkeypatch.setenv(name, "a-secret")
    monkeypatch.setenv("ROOP_THREADS", "2")
    found = list(settings(load_plugins(), None))
    assert [(check.name, check.state, check.says.rpartition(" ")[2]) for check in found] == [
        ("processors", "ok", "--processors"),
        ("ROOP_DEVICES", "note", "ROOP_DEVICE?"),
        ("ROOP_NSFW_TRESHOLD", "note", "ROOP_NSFW_THRESHOLD?"),
        ("ROOP_SUPABASE_URL", "note", "ROOP_SUPABASE_QR?"),
    ]
    tell(Examination(tuple(found)), as_json=True)
    assert "a-secret" not in capsys.readouterr().out
    without = {check.name: check.says for check in settings(kit.plugins(), None)}
    assert without["ROOP_SUPABASE_URL"].endswith("roop-supabase)")


def test_a_run_that_nobody_could_make_is_not_well() -> None:
    step = kit.processor(kit.Tint, "swapper", needs_faces=True)
    assert [check.exit_code for check in settings(kit.plugins(step), None)] == [2]  # no analyser
    assert [check.exit_code for check in settings(kit.plugins(step, kit.analyser(kit.OneFace)), None)] == [0]
    (found,) = settings(kit.plugins(), None)
    assert (found.exit_code, "no processor is called 'swapper'" in found.says) == (2, True)


@pytest.mark.parametrize(
    ("text", "state", "code", "words"),
    [
        ("", "ok", 0, "is read"),
        ("[run\n", "problem", 2, "is not TOML"),
        ("[run]\nqualty = 1", "problem", 2, "did you mean 'quality'"),
        ("[run]\nquality = 101", "problem", 2, "[run] quality takes a whole number (0 to 100), not 101"),
        ("[plugin.nsfw]\nthreshold = 2", "problem", 2, "[plugin.nsfw] threshold takes a number (0 to 1), not 2"),
        ("[plugin.gone]\nx = 2", "note", 0, "which is not installed"),
        ('required_plugins = ["roop-gone>=2"]', "problem", 7, "an upgrade may have dropped it"),
        ('required_plugins = ["roop gone"]', "problem", 2, "no package with a version"),
    ],
)
def test_what_a_config_file_gets_wrong_is_a_row(text: str, state: str, code: int, words: str, tmp_path: Path) -> None:
    path = tmp_path / "roop.toml"
    path.write_text(text)
    found = [check for check in settings(load_plugins(), str(path)) if words in check.says]
    assert [(check.state, check.exit_code) for check in found] == [(state, code)]


def test_an_error_nobody_foresaw_is_a_row(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def half(plugins: object, config: object) -> Iterator[Check]:
        print("noise")
        yield ok("Settings", "file", "is there")
        raise SystemExit("gone\nwrong")

    monkeypatch.setattr(roop_host.doctor, "_settings", half)
    rows = [check for check in examine(plugins_of({})).checks if check.area == "Settings"]
    assert [(check.name, check.state) for check in rows] == [("file", "ok"), ("examination", "problem")]
    assert "SystemExit: gone;" in rows[1].says
    assert capsys.readouterr().out == ""

    def stopped(plugins: object, config: object) -> Iterator[Check]:
        raise KeyboardInterrupt

    monkeypatch.setattr(roop_host.doctor, "_settings", stopped)
    with pytest.raises(KeyboardInterrupt):
        examine(plugins_of({}))


@pytest.mark.parametrize("missing", ["numpy", "cv2", "onnxruntime", "av"])
def test_it_works_where_nothing_else_does(missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from roop_host.cli.doctor import tell\n"
        "from roop_host.doctor import examine\n"
        "from roop_host.plugins.loader import load_plugins\n"
        "sys.exit(tell(examine(load_plugins()), as_json=True))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    checks = json.loads(done.stdout)
    first = next(check for check in checks if check["state"] == "problem")
    assert done.returncode == first["exit_code"] == (6 if missing == "onnxruntime" else 1)
    assert first["says"].startswith("is missing")
    assert "Traceback" not in done.stderr


def test_a_problem_and_nothing_else_has_an_exit_code() -> None:
    for state, code in (("problem", 0), ("ok", 1), ("note", 2)):
        with pytest.raises(ValueError, match="exit code"):
            Check("Python", "x", state, "says", exit_code=code)  # type: ignore[arg-type]
