"""The plugins in ``examples``, found as installed ones are, though they are not."""

from __future__ import annotations

import shutil
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


@contextmanager
def example_plugins(folder: Path) -> Iterator[None]:
    """In this process. They are copied to ``folder``: a module counts only where its package says that it lies."""
    modules = set[str]()
    for project in sorted(EXAMPLES.glob("roop-*/pyproject.toml")):
        about = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
        info = folder / f"{about['name'].replace('-', '_')}-{about['version']}.dist-info"
        info.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {about['name']}\nVersion: {about['version']}\n"
        points = "".join(f"{name} = {module}\n" for name, module in about["entry-points"]["roop"].items())
        shutil.copytree(project.parent / "src", folder, dirs_exist_ok=True)
        files = (path.relative_to(folder).as_posix() for path in folder.rglob("*.py"))
        (info / "METADATA").write_text(metadata, encoding="utf-8")
        (info / "entry_points.txt").write_text(f"[roop]\n{points}", encoding="utf-8")
        (info / "RECORD").write_text("".join(f"{file},,\n" for file in files), encoding="utf-8")
        modules |= {path.name for path in (project.parent / "src").iterdir()}
    sys.path.append(str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.split(".")[0] in modules]:
            del sys.modules[name]
