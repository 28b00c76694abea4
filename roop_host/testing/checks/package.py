"""What must hold for the package that a plugin comes in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from roop_host.testing.checking import DoesNotApply, Failed
from roop_host.testing.subject import Subject

#: What brings its own files under ``cv2`` or ``onnxruntime``, beside those that the host has: which one wins is chance.
_RIVALS = frozenset(
    f"{family}{form}"
    for family, forms in {
        "onnxruntime": " -coreml -directml -gpu -migraphx -openvino -qnn -rocm -silicon -training -vitisai",
        "ort-nightly": " -directml -gpu",
        "opencv": "-contrib-python -contrib-python-headless -python-headless",
    }.items()
    for form in forms.split(" ")
)
#: Where installers put commands, and, beside the folder of packages, what belongs to no package: manuals and the like.
_COMMANDS = ("bin", "Scripts")
_SHARED = ("share", "etc")


def package_is_honest(subject: Subject) -> None:
    """The package is called as its plugin, says what it needs, and brings nothing but itself.

    In ``pyproject.toml``: ``name = "roop-NAME"`` for the entry point NAME, ``license``, ``requires-python``, and
    ``dependencies`` with ``roop-host>=...`` and without ONNX Runtime or another OpenCV, which are the host's. In the wheel
    nothing but the package itself: ``tests`` beside it would land among those of others.
    """
    plugin = subject.declared.plugin
    dist = _distribution(plugin.distribution) if subject.packaged else None
    if dist is None:
        raise DoesNotApply("it is no installed package")
    if canonicalize_name(plugin.distribution) != canonicalize_name(f"roop-{plugin.name}"):
        raise Failed(
            f"its package is called {plugin.distribution} and its entry point {plugin.name}; call it roop-{plugin.name}"
        )
    for says in _of_what_it_needs(dist):
        raise Failed(says)
    said = dist.metadata
    classifiers = said.get_all("Classifier") or []
    if not (
        said.get("License-Expression") or said.get("License") or any(word.startswith("License ::") for word in classifiers)
    ):
        raise Failed("it states no licence")
    if not said.get("Requires-Python"):
        raise Failed("it does not state which Python it needs (requires-python)")
    if not plugin.editable:
        foreign = [*_foreign(dist, plugin.name)]
        if foreign:
            raise Failed(f"it installs {', '.join(foreign)} beside its own package")


def _distribution(name: str) -> Any:
    import importlib_metadata

    try:
        return importlib_metadata.distribution(name)
    except importlib_metadata.PackageNotFoundError:
        return None


def _of_what_it_needs(dist: Any) -> Iterator[str]:
    """What is wrong with its dependencies; those of extras are nobody's who did not ask for them."""
    needs = [Requirement(line) for line in dist.requires or ()]
    always = [need for need in needs if need.marker is None or "extra" not in str(need.marker)]
    host = next((need for need in always if canonicalize_name(need.name) == "roop-host"), None)
    if host is None:
        yield "it does not depend on roop-host"
    elif not host.specifier and not host.url:
        yield "it depends on any roop-host; say from which version on (roop-host>=...)"
    for need in always:
        if canonicalize_name(need.name) in _RIVALS:
            yield f"it depends on {canonicalize_name(need.name)}, which the host has, or has in another form; take it out"


def _foreign(dist: Any, name: str) -> Iterator[str]:
    """Places in which it puts files, but for its own package, what is told of it, commands, manuals and libraries."""
    own = {point.module.partition(".")[0] for point in dist.entry_points if point.group == "roop" and point.name == name}
    seen: set[str] = set()
    for file in dist.files or ():
        path = PurePosixPath(str(file))
        top = _place(path)
        if top in seen or top in own or top.endswith((".dist-info", ".egg-info")) or top in (*_COMMANDS, "__pycache__"):
            continue
        if path.parts[0] == ".." and top in _SHARED:
            continue
        # Libraries that tools for wheels put beside what is linked to them.
        if top.endswith(".libs") and canonicalize_name(top.removesuffix(".libs")) == canonicalize_name(dist.name):
            continue
        seen.add(top)
        yield top


def _place(path: PurePosixPath) -> str:
    """The folder, or the module, that a file stands for."""
    parts = [part for part in path.parts if part != ".."]
    return parts[0].removesuffix(".py") if parts else str(path)
