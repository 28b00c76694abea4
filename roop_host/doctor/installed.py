"""Python and the packages of the host itself."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import partial
from importlib import import_module, metadata  # the package importlib_metadata is one of those that may be missing
from pathlib import Path

from roop_host.doctor.check import Check, install_anew, note, ok, problem, reason
from roop_host.errors import ModelError
from roop_host.models.devices import nvidia_gpus

#: Distribution, module, and something of it that the host uses: an empty folder that was left over can be imported too.
_PACKAGES = (
    ("numpy", "numpy", "ndarray"),
    ("opencv-python", "cv2", "warpAffine"),
    ("av", "av", "open"),
    ("pillow", "PIL.Image", "open"),
    ("pluggy", "pluggy", "PluginManager"),
    ("typer", "typer", "Typer"),
    ("importlib-metadata", "importlib_metadata", "entry_points"),
    ("platformdirs", "platformdirs", "user_config_path"),
    ("packaging", "packaging.requirements", "Requirement"),
)
_ENCODERS = ("libx264", "libx265", "libvpx-vp9", "libsvtav1", "prores_ks", "ffv1", "h264_nvenc", "hevc_nvenc")


def python() -> Iterator[Check]:
    import roop_host

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield ok("Python", "roop-host", f"{roop_host.__version__} in {Path(__file__).parents[1]}")
    yield ok("Python", "Python", f"{platform.python_version()} ({sys.executable})")
    yield ok("Python", "platform", platform.platform())
    yield ok("Python", "cores", f"{cores} of {os.cpu_count()} usable")


def packages() -> Iterator[Check]:
    """Every package that a run rests on, but the runtime."""
    owned = owners({_top(module) for _, module, _ in _PACKAGES})
    for distribution, module, used in _PACKAGES:
        yield _package(distribution, module, used, owned[_top(module)])


def runtime() -> Iterator[Check]:
    """ONNX Runtime, which comes as one of several distributions that own the same files."""
    owned = owners({"onnxruntime"})["onnxruntime"]
    build, why = _build(owned)
    broken = partial(problem, "Runtime", owned[0] if owned else "onnxruntime", exit_code=ModelError.exit_code)
    repair = runtime_repair(build)
    if len(owned) > 1:
        yield broken(f"{_mixture(owned)}, which loses the GPU without a word; {why}", repair)
        return
    fault, repair = _fault("onnxruntime", "InferenceSession", repair)
    if fault:
        yield broken(f"{fault}; {why}" if repair else fault, repair)
    else:
        yield ok("Runtime", owned[0] if owned else "onnxruntime", import_module("onnxruntime").__version__)


def runtime_repair(build: str) -> str:
    """Takes every runtime away and installs the one of the extra ``build``."""
    return install_anew(owners({"onnxruntime"})["onnxruntime"], f"roop-host[{build}]")


def video() -> Iterator[Check]:
    """Encoders are built into PyAV's wheel or not, and those of hardware open only where there is some."""
    import av

    from roop_host.media.writing.survey import survey  # it rests on packages that may be missing

    there = [name for name in _ENCODERS if _has_encoder(av, name)]
    missing = [name for name in _ENCODERS if name not in there]
    states = {found.row.name: found.state for found in survey(there)}
    opening = [name for name in there if states[name] == "ok"]
    closed = [name for name in there if name not in opening]
    if opening:
        yield ok("Video", "encoders", ", ".join(opening))
    if closed:
        yield note("Video", "does not open here", f"{', '.join(closed)}: they need hardware and its driver")
    if missing:
        yield note("Video", "not built in", f"{', '.join(missing)}: the wheels of PyAV have them")


def owners(tops: Set[str]) -> Mapping[str, tuple[str, ...]]:
    """For each of these top-level packages, the distributions that bring it, however their names are spelt.

    By what was recorded at their installation: where another package took the files along, they are owned all the same.
    """
    found: dict[str, set[str]] = {top: set() for top in tops}
    for distribution in metadata.distributions():
        recorded = {line.partition("/")[0] for line in (distribution.read_text("RECORD") or "").splitlines()}
        for top in tops & (recorded | set((distribution.read_text("top_level.txt") or "").split())):
            found[top].add(re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower())
    return {top: tuple(sorted(names)) for top, names in found.items()}


def _top(module: str) -> str:
    return module.partition(".")[0]


def _package(distribution: str, module: str, used: str, owned: Sequence[str]) -> Check:
    name, repair = owned[0] if owned else distribution, install_anew(owned, distribution)
    if len(owned) > 1:
        return problem("Packages", name, f"{_mixture(owned)}; keep {distribution}", repair)
    fault, repair = _fault(module, used, repair)
    if fault:
        return problem("Packages", name, fault, repair)
    loaded = import_module(module)
    version = metadata.version(owned[0]) if owned else getattr(loaded, "__version__", "of unknown version")
    return ok("Packages", name, version + _ffmpeg(loaded))


def _ffmpeg(module: object) -> str:
    """The libraries within PyAV."""
    numbers: Mapping[str, tuple[int, ...]] = getattr(module, "library_versions", {})
    said = ", ".join(f"{name.removeprefix('lib')} {'.'.join(map(str, number))}" for name, number in numbers.items())
    return f"; FFmpeg: {said}" if said else ""


def _fault(module: str, used: str, repair: str) -> tuple[str, str]:
    """What keeps ``module`` from being used, and what repairs it; both empty when nothing does."""
    try:
        loaded = import_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  (a broken package raises anything at import)
        if isinstance(error, ModuleNotFoundError) and error.name == _top(module):
            return "is missing", repair
        if "cannot open shared object file" in str(error):  # no package of Python brings it
            return f"can't be imported ({reason(error)}); install the system's package with this library", ""
        return f"can't be imported ({reason(error)})", repair
    return ("", "") if hasattr(loaded, used) else ("is an empty folder, as removing one of two packages leaves it", repair)


def _mixture(owned: Sequence[str]) -> str:
    return f"{' and '.join(owned)} own the same files, so that what is imported is a mixture"


def _build(present: Sequence[str]) -> tuple[str, str]:
    """Which extra of the host to install, and why. The large one is of use only where it was wanted and can run."""
    if not present:
        return "cpu", "networks need it (for an NVIDIA GPU install roop-host[gpu] instead)"
    if "onnxruntime-gpu" not in present:
        return "cpu", "install the one for the CPU"
    if nvidia_gpus():
        return "gpu", "install the one for GPUs, as an NVIDIA GPU is here"
    return "cpu", "install the one for the CPU, as no NVIDIA GPU is seen here"


def _has_encoder(av: object, name: str) -> bool:
    try:
        av.Codec(name, "w")  # type: ignore[attr-defined]
    except ValueError:
        return False
    return True
