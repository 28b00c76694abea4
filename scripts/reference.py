"""Write ``docs/reference/`` (hooks from the hookspecs, commands from their real help, the test kit), ``docs/models.md``, and
the tables of ``docs/media.md`` and ``docs/licences.md``::

python scripts/reference.py
"""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from docstrings import record_of, signature_of, text_of
from reference_kit import kit_page
from reference_objects import objects_page

from roop_host import hookspecs
from roop_host.media.writing import encoders
from roop_host.plugins.found import Plugins
from roop_host.plugins.loader import load_plugins
from roop_host.plugins.wanted import Use, wanted_models
from roop_host.types import models, objects, report, specs, uploads
from roop_host.types.job_context import JobContext

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
_GROUPS = {
    "config": ("show", "path", "init", "schema"),
    "models": ("list", "pull", "import", "verify", "path", "rm"),
}
COMMANDS = (
    "",
    "run",
    "preview",
    "faces",
    "faces save",
    "faces list",
    "faces rm",
    "upload",
    "plugins",
    "plugins new",
    "plugins check",
    "doctor",
    "encoders",
    *(f"{name} {word}".rstrip() for name in _GROUPS for word in ("", *_GROUPS[name])),
)
# What a plugin author meets, in the order of the hooks: the record, then the object that its ``load`` gives.
RECORDS: dict[str, tuple[type[Any], ...]] = {
    "roop_processors": (specs.ProcessorSpec, objects.Processor),
    "roop_screeners": (specs.ScreenerSpec, objects.Screener, objects.PreparedScreener),
    "roop_analysers": (specs.AnalyserSpec, objects.Analyser),
    "roop_exporters": (specs.ExporterSpec, objects.Writer, objects.Sidecar, objects.Finisher),
    "roop_uploaders": (specs.UploaderSpec, uploads.Uploader),
    "roop_sources": (specs.SourceSpec, objects.Source),
    "roop_commands": (specs.CommandSpec,),
    "roop_job_finished": (),
}
SHARED = (
    *(models.ModelSpec, models.Pack, models.Choice),
    *(objects.StageObject, objects.Context, objects.Pulse, JobContext),
    report.Measure,
)


def hooks() -> dict[str, Callable[..., Any]]:
    """Every hook by name, in the order of the file."""
    return {name: value for name, value in vars(hookspecs).items() if name.startswith("roop_")}


def hooks_page() -> str:
    """``hooks.md``."""
    lines = ["# Hooks", "", "Made from the code by `scripts/reference.py`; change the docstrings there.", ""]
    lines += [*text_of(hookspecs.__doc__ or ""), ""]
    lines += [
        f"Marker and entry-point group: `{hookspecs.PROJECT}`. A plugin's module states `ROOP_API = {hookspecs.ROOP_API}`"
    ]
    lines += ["and may name its options class as `ROOP_OPTIONS`. Everything here is imported from `roop_host`.", ""]
    for name, hook in hooks().items():
        lines += [f"## `{name}{signature_of(hook)}`", "", *text_of(hook.__doc__ or ""), ""]
        for record in RECORDS[name]:
            lines += record_of(record)
    lines += ["## What they share", ""]
    for record in SHARED:
        lines += record_of(record, methods=True)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def commands_page() -> str:
    """``cli.md``, with the flags of the plugins of this repository."""
    lines = [
        "# Commands",
        "",
        "Made from the real help by `scripts/reference.py`, with the plugins of this repository installed.",
        "",
    ]
    for words in COMMANDS:
        lines += [f"## roop {words}".rstrip(), "", "```text", _help(words).rstrip(), "```", ""]
    return "\n".join(lines).rstrip() + "\n"


MODELS = """\
# Models

Made by `scripts/reference.py` from what the plugins declare; change it there.

A network is a file of weights. Some are part of a package and need no download; others are pulled when you ask for
them. Whatever the file and wherever it comes from, its size and SHA-256 are checked before it is used, and it must be
a single ONNX file; the weights that another library reads (`.dat`) are checked and handed to it.

## Where they lie

`roop models path` prints the folder: `models/` of a checkout, else `roop/models` in your user's data folder.
`ROOP_MODELS=FOLDER` names another one, for example on a larger disk. The embedded ones lie in
their packages.

| command | what it does |
|---|---|
| `roop models list` | every model, its licence, whether it is here, which option wants it (`--json`: and more) |
| `roop models pull NAME...` | fetches and verifies; mends a damaged one; stopped, it goes on where it was |
| `roop models import FILE...` | copies files of yours into the store, recognised by their hash |
| `roop models verify` | reads and hashes all that is here; exit code 6 when one is wrong |
| `roop models rm NAME...` | deletes what roop put there |

A name is that of a model or of a pack (a zip archive with several models, of which only those that a plugin knows are
unpacked).

**Your own files.** roop notes what it put into the store, with the size and the time of the file. A file without such a
note, or not as it was noted, is yours: it is used where its hash is right, and never changed, overwritten or deleted.
Where another file of yours stands under a model's name, pulling stops and says so. After the store was copied without
the times of its files (`cp` without `-p`), all of them are yours.

**Same name, other file.** Conversions of one network go round under one name: three different files are called
`inswapper_128_fp16.onnx`. `roop models import` says the hash of what you have, and which one is wanted.

## Without internet, or behind a firewall

* `ROOP_OFFLINE=1`, or `offline = true` under `[run]` in `roop.toml`, also for `roop models pull`; `roop run --offline` for
  one job: nothing is fetched. What is missing is an error (exit code 6) that says the address. Fetch it on another
  machine and bring it: `roop models import inswapper_128.onnx buffalo_l.zip`.
* `ROOP_MODELS_MIRROR=https://files.example.test/roop`: a folder of your own that is asked first, with the files named
  as under `models/`: `<name>.onnx` or `<name>.dat`, and `<pack>.zip` for a pack. Only https, and only what has the
  right hash, is taken.
* `HTTPS_PROXY` and `SSL_CERT_FILE` count as everywhere.

Models come over https only; a redirect to anything else is not followed.

## Licences

The licence of the weights is not that of the code. Those marked "no" below may not be used commercially; you are told
so before the first byte of one is fetched. What a licence allows you is for you to find out.
"""


def repository_plugins() -> Plugins:
    """Those of this repository, whatever else is installed."""
    ours = {folder.name.removeprefix("roop_") for folder in (ROOT / "plugins").iterdir()}
    return load_plugins(status.name for status in load_plugins().statuses if status.name not in ours)


def models_page(plugins: Plugins | None = None) -> str:
    """``models.md``."""
    wanted = wanted_models(repository_plugins() if plugins is None else plugins)
    lines = [MODELS, "| model | purpose | MB | commercial | licence | for |", "|---|---|---|---|---|---|"]
    for one in wanted:
        model = one.model
        uses = ", ".join(dict.fromkeys(_use(use) for use in one.uses))
        commercial = "yes" if model.commercial else "**no**"
        cells = (f"`{model.name}`", model.purpose, f"{model.size / 1e6:.1f}", commercial, model.licence, uses)
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "## Files", ""]
    for one in wanted:
        lines += _file(one.model)
    packs = {one.model.pack.name: one.model.pack for one in wanted if one.model.pack is not None}
    for pack in packs.values():
        lines += [f"**`{pack.name}.zip`**, {pack.size:,} bytes, SHA-256 `{pack.sha256}`:", "", *_addresses(pack.urls), ""]
    return "\n".join(lines).rstrip() + "\n"


def _use(use: Use) -> str:
    """Without versions, which change with every release."""
    flags = f" `{use.said}`" if use.said else ""
    return f"{use.declared.spec.name}{flags}{' `--precision fp16`' if use.half else ''}"


def _file(model: models.ModelSpec) -> Iterator[str]:
    head = f"**`{model.file_name}`**, {model.size:,} bytes, SHA-256 `{model.sha256}`"
    if model.pack is not None:
        yield from (f"{head}: in the pack `{model.pack.name}`.", "")
    elif model.embedded:
        yield from (f"{head}: part of a package.", "")
    else:
        yield from (f"{head}:", "", *_addresses(model.urls), "")


def _addresses(urls: Sequence[str]) -> list[str]:
    return [f"* <{url}>" for url in urls]


def _help(words: str) -> str:
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "roop_host", *words.split(), "--help"]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout


def media_page() -> str:
    """``media.md`` as it stands, with its tables made anew."""
    page = (DOCS / "media.md").read_text(encoding="utf-8")
    page = _between(page, "encoders", "\n".join(_encoders()))
    return _between(page, "matrix", _matrix().table())


def licences_page() -> str:
    """``licences.md`` as it stands, with its table made anew."""
    page = (DOCS / "licences.md").read_text(encoding="utf-8")
    return _between(page, "choices", "\n".join(_choices(repository_plugins())))


def _choices(plugins: Plugins) -> Iterator[str]:
    """What an option's value or a part brings with it: the commercial ones first."""
    rows: dict[str, dict[str, models.ModelSpec]] = {}
    for one in wanted_models(plugins):
        for use in one.uses:
            name = f"`{use.said}`" if use.said else f"{use.declared.spec.name}, always"
            rows.setdefault(name, {})[one.model.name] = one.model
    yield from ("| option | commercial use | networks and their licences |", "|---|---|---|")
    for name, brought in sorted(rows.items(), key=lambda row: not all(model.commercial for model in row[1].values())):
        free = "yes" if all(model.commercial for model in brought.values()) else "**no**"
        yield f"| {name} | {free} | {', '.join(f'`{model.name}`: {model.licence}' for model in brought.values())} |"


def _encoders() -> Iterator[str]:
    """Both tables: what each encoder holds, in the order in which ``auto`` asks, and what ``--quality`` means to it."""
    yield "In the order in which `auto` asks, but for the target's own kind, which comes first: `prores_ks` for ProRes and"
    yield "for alpha in MOV, `ffv1` for what was kept exactly, `libx265` for HDR and more than 10 bit. `auto` never takes"
    yield "those of hardware (`_nvenc`, `_qsv`, `_amf`, `_videotoolbox`):"
    yield from ("they are there on request, and with them the same job need not give the same bytes again.", "")
    yield from ("| encoder | codec | containers | alpha in | fields | HDR metadata |", "|---|---|---|---|---|---|")
    for row in encoders.ENCODERS.values():
        if not row.hardware:
            has_alpha = any(name.startswith(("yuva", "gbrap")) for name in encoders.formats_of(row.name))
            alpha = sorted(row.alpha_in & row.containers) if has_alpha else []
            words = [f"`{row.name}`", row.codec, " ".join(sorted(row.containers)), " ".join(alpha) or "-"]
            words += ["yes" if can else "-" for can in (row.interlaced, row.hdr)]
            yield f"| {' | '.join(words)} |"
    points = encoders.QUALITY_POINTS
    yield from ("", f"| encoder | its option | {' | '.join(f'quality {point}' for point in points)} | the scale |")
    yield "|---" * (len(points) + 3) + "|"
    for name, *cells in encoders.quality_rows():
        yield f"| `{name}` | {' | '.join(cells)} |"


def _matrix() -> Any:
    """The tests' own module: the table shows what they compare."""
    folder = str(ROOT / "tests" / "media")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module("matrix")


def _between(page: str, name: str, made: str) -> str:
    """``page`` with ``made`` between the marks of that name."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, rest = page.split(begin)
    return f"{before}{begin}\n{made.strip()}\n{end}{rest.split(end)[1]}"


#: Every page under ``docs`` that is made.
PAGES: dict[str, Callable[[], str]] = {
    "reference/hooks.md": hooks_page,
    "reference/objects.md": objects_page,
    "reference/cli.md": commands_page,
    "reference/testing.md": kit_page,
    "models.md": models_page,
    "media.md": media_page,
    "licences.md": licences_page,
}


def main() -> None:
    (DOCS / "reference").mkdir(parents=True, exist_ok=True)
    for name, make in PAGES.items():
        (DOCS / name).write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main()
