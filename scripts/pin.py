"""Refresh the pinned versions in the root ``pyproject.toml`` (``[tool.uv] constraint-dependencies``).

The list between the lines ``# pins: begin`` and ``# pins: end`` is rewritten with what uv resolves for the whole
workspace, for each extra that can be chosen. It works on a copy of the ``pyproject.toml`` files in a temporary folder,
so it neither reads nor writes ``uv.lock``, and it writes names, versions and markers only, never an address::

    python scripts/pin.py           # newest versions
    python scripts/pin.py --keep    # hold the versions pinned now; add what is missing, drop what is no longer used
    python scripts/pin.py --check   # like --keep, but write nothing; exit 1 if the list would change
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = ("cpu", "gpu")  # they exclude each other, so each is exported by itself
EXPORT = "uv export --quiet --all-packages --group dev --no-hashes --no-emit-workspace --no-annotate --no-header"
BLOCK = re.compile(r"(?P<begin>^ *# pins: begin\n)(?P<pins>.*?)(?P<end>^ *# pins: end$)", re.DOTALL | re.MULTILINE)
PIN = re.compile(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+( ; [^\"\\]+)?")


def export(folder: Path, extra: str) -> list[str]:
    """The requirements that uv resolves in ``folder`` with ``extra``, one ``name==version[ ; marker]`` each."""
    command = [*EXPORT.split(), "--extra", extra]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False)
    if done.returncode:
        sys.exit(f"uv could not resolve the workspace with the extra {extra!r}:\n{done.stderr}")
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    for line in lines:
        if not PIN.fullmatch(line):
            sys.exit(f"Not a pinned version from a registry: {line!r}. Only name==version can be written.")
    return lines


def resolve(text: str) -> list[str]:
    """Resolve the workspace whose root ``pyproject.toml`` reads ``text``; the pins, sorted."""
    with tempfile.TemporaryDirectory(prefix="roop-pin-") as name:
        folder = Path(name)
        (folder / "pyproject.toml").write_text(text, encoding="utf-8")
        for member in ROOT.glob("plugins/*/pyproject.toml"):
            copy = folder / member.relative_to(ROOT)
            copy.parent.mkdir(parents=True)
            shutil.copyfile(member, copy)
        found = {line for extra in EXTRAS for line in export(folder, extra)}
    # "name==1 ; marker" of one extra says nothing new beside "name==1" of the other.
    return sorted(line for line in found if " ; " not in line or line.split(" ; ")[0] not in found)


def main() -> int:
    """Read the options, resolve, and write or compare."""
    parser = argparse.ArgumentParser(description="Refresh the pinned versions in pyproject.toml.")
    parser.add_argument("--keep", action="store_true", help="hold the versions pinned now; only add and drop")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if --keep would change the list")
    options = parser.parse_args()

    path = ROOT / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    if not BLOCK.search(text):
        sys.exit("pyproject.toml has no lines '# pins: begin' and '# pins: end'; add them to constraint-dependencies.")
    held = text if options.keep or options.check else BLOCK.sub(r"\g<begin>\g<end>", text)
    pins = resolve(held)
    rows = "".join(f'    "{pin}",\n' for pin in pins)
    wanted = BLOCK.sub(lambda match: match["begin"] + rows + match["end"], text)
    if wanted == text:
        print(f"pyproject.toml: {len(pins)} pins, nothing to change")
        return 0
    if options.check:
        print("pyproject.toml: the pins differ from what the workspace needs; run: python scripts/pin.py --keep")
        return 1
    path.write_text(wanted, encoding="utf-8", newline="\n")
    print(f"pyproject.toml: {len(pins)} pins written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
