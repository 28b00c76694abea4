"""Wheels made on the fly: real distributions, small enough to build by the hundred."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

PROCESSOR = """
from roop_host import Processor, ProcessorSpec, hookimpl

ROOP_API = 1


class Step(Processor):
    def process(self, window):
        pass


@hookimpl
def roop_processors():
    yield ProcessorSpec(name="{name}", summary="a test", load=lambda: Step, needs_faces=False)
"""


def make_wheel(
    folder: Path,
    name: str,
    modules: Mapping[str, str],
    *,
    version: str = "1.0",
    entry_points: Mapping[str, str] | None = None,
    requires: tuple[str, ...] = (),
    long_description: str = "",
) -> Path:
    """A wheel with these modules (path to code) and entry points in the group ``roop``, as PEP 427 has it."""
    safe = name.replace("-", "_")
    info = f"{safe}-{version}.dist-info"
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}", *(f"Requires-Dist: {need}" for need in requires)]
    points = "".join(f"{key} = {value}\n" for key, value in (entry_points or {}).items())
    files = {path: dedent(code) for path, code in modules.items()} | {
        f"{info}/METADATA": "\n".join(metadata) + "\n\n" + long_description,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[roop]\n{points}",
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{safe}-{version}-py3-none-any.whl"
    record = [f"{file},{_digest(text)},{len(text.encode())}" for file, text in files.items()]
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
        archive.writestr(f"{info}/RECORD", "\n".join([*record, f"{info}/RECORD,,"]) + "\n")
    return path


def plugin_wheel(folder: Path, name: str, code: str, *, version: str = "1.0", distribution: str | None = None) -> Path:
    """A wheel of the plugin ``name`` whose one module is ``code``."""
    dist = distribution or f"roop-{name}"
    module = f"zz_{dist.replace('-', '_')}"
    return make_wheel(folder, dist, {f"{module}.py": code}, version=version, entry_points={name: module})


def unpack(wheel: Path, site: Path) -> None:
    """What an installer does with a wheel of pure Python."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
