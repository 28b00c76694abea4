"""``roop encoders``."""

from __future__ import annotations

import json
from typing import Any

import typer

from roop_host.media.writing.encoders import CONTAINERS, QUALITY_POINTS, quality_rows
from roop_host.media.writing.survey import Found, survey

_HEAD = ("NAME", "CODEC", "HERE", "CONTAINERS", "QUALITY 0-100", "PRESETS", "CARRIES")


def show(*, as_json: bool) -> None:
    """Print every encoder that a run could use, and whether it really opens here."""
    qualities = {name: (option, values) for name, option, *values, _ in quality_rows()}
    found = list(survey())
    if as_json:
        typer.echo(json.dumps([_row(one, *qualities[one.row.name]) for one in found], indent=2))
        return
    rows = [_HEAD]
    for one in found:
        option, values = qualities[one.row.name]
        quality = values[0] if option == "-" else f"{option} {values[0]} to {values[-1]}"
        containers = " ".join(_containers(one))
        rows.append((one.row.name, one.row.codec, one.state, containers, quality, _presets(one), one.carries or "-"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        typer.echo("  ".join([*cells, row[-1]]).rstrip())


def _containers(one: Found) -> list[str]:
    return [suffix for suffix in CONTAINERS if suffix in one.row.containers]


def _presets(one: Found) -> str:
    presets = one.row.presets
    if not presets:
        return "-"
    return f"{presets[0]} to {presets[-1]} ({one.row.preset})"


def _row(one: Found, option: str, values: list[str]) -> dict[str, Any]:
    return {
        "name": one.row.name,
        "codec": one.row.codec,
        "hardware": one.row.hardware,
        "state": one.state,
        "containers": _containers(one),
        "quality": {"option": option, "values": dict(zip(map(str, QUALITY_POINTS), values, strict=True))},
        "presets": list(one.row.presets),
        "preset": one.row.preset,
        "interlaced": one.row.interlaced,
        "pixel_formats": list(one.formats),
        "carries": one.carries,
    }
