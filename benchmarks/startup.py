"""How long commands take to start, against ``import typer``; and what each further installed plugin adds.

Bars (issue 4): ``roop --help`` at most 2.2 of the baseline, and at most 2 ms for each of 50 plugins.
"""

from __future__ import annotations

import argparse
import compileall
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import cpu_name, spread

COMMANDS = ("--version", "--help", "plugins", "run --help")
MANY = 50
PLUGIN = """
from dataclasses import dataclass
from roop_host import Processor, ProcessorSpec, hookimpl, option

ROOP_API = 1


@dataclass(frozen=True)
class ROOP_OPTIONS:
    amount: int = option(3, "How much.", least=0)
    soft: bool = option(True, "Softly.")


@hookimpl
def roop_processors():
    yield ProcessorSpec(name="{name}", summary="benchmark", load=lambda: Processor)
"""


def install(site: Path, count: int) -> None:
    """Distributions as an installer leaves them, compiled."""
    for number in range(count):
        name = f"bench{number}"
        info = site / f"roop_{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: roop-{name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[roop]\n{name} = roop_{name}\n")
        (site / f"roop_{name}.py").write_text(PLUGIN.format(name=name))
    compileall.compile_dir(str(site), quiet=2)


def seconds(words: list[str], site: Path | None = None) -> float:
    """Of one process."""
    environment = {**os.environ, "PYTHONPATH": str(site or ""), "ROOP_CONFIG": ""}
    begun = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL, env=environment)
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder)
        install(site, MANY)
        print(f"{cpu_name()}, Python {sys.version.split()[0]}, {rounds} rounds in turn")
        for command in COMMANDS:
            words = ["-m", "roop_host", *command.split()]
            ratios, added, took = [], [], []
            for _ in range(rounds):
                base, few, many = seconds(["-c", "import typer"]), seconds(words), seconds(words, site)
                ratios.append(few / base)
                added.append((many - few) / MANY * 1000)
                took.append(few)
            took_ms = f"{statistics.median(took) * 1000:.0f} ms"
            print(f"roop {command:10}  {spread(ratios)} of `python -c 'import typer'`; {took_ms}; ", end="")
            print(f"each of {MANY} plugins adds {spread(added)} ms")


if __name__ == "__main__":
    main()
