"""``roop encoders``: what the build has, and what really opens."""

from __future__ import annotations

import json

import av
import pytest

from roop_host.cli import app
from roop_host.media.writing import survey
from roop_host.media.writing.encoders import ENCODERS, formats_of


def test_every_encoder_is_listed_with_what_became_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.call(["encoders", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert list(rows) == list(ENCODERS)
    for name, row in rows.items():
        if not ENCODERS[name].hardware:
            assert row["state"] == "ok"
            assert row["pixel_formats"] == list(formats_of(name))
    assert rows["libx264"]["quality"] == {
        "option": "crf",
        "values": {"0": "40", "25": "33.12", "50": "26.25", "80": "18", "100": "12.5"},
    }
    assert rows["libsvtav1"]["containers"] == [".mp4", ".m4v", ".mkv", ".webm"]
    assert rows["libsvtav1"]["presets"][0] == "13"
    assert rows["prores_ks"]["carries"] == "4:2:2 10 bit, 4:4:4 10 bit; with alpha: 4:4:4 10 bit"


def test_the_table_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.call(["encoders"]) == 0
    out = capsys.readouterr().out
    (x264,) = (line for line in out.splitlines() if line.startswith("libx264 "))
    assert " .mp4 .m4v .mov .mkv " in x264
    assert " crf 40 to 12.5 " in x264
    assert " ultrafast to placebo (medium) " in x264
    assert x264.endswith("4:2:0 8-10 bit, 4:2:2 8-10 bit, 4:4:4 8-10 bit, grey 8-10 bit")


def test_what_is_not_there_or_does_not_open(monkeypatch: pytest.MonkeyPatch) -> None:
    class Codec:
        def __init__(self, name: str, mode: str) -> None:
            if name == "ffv1":
                raise ValueError(name)
            self.video_formats = real(name, mode).video_formats

    real = av.Codec
    formats_of.cache_clear()
    monkeypatch.setattr(av, "Codec", Codec)

    def refuse(plan: object) -> None:
        raise survey.UsageError("no")

    monkeypatch.setattr(survey, "open_context", refuse)
    try:
        states = {found.row.name: found.state for found in survey.survey()}
    finally:
        formats_of.cache_clear()
    assert (states["ffv1"], states["libx264"]) == ("not built in", "does not open here")
