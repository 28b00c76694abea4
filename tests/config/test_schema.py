"""The schema takes what the reader takes, and refuses what it refuses."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import jsonschema
import pytest
from kit import Quiet, Tint, processor, screener

from roop_host import Job, Plugins, Step, option
from roop_host.config.schema import config_schema, job_schema
from roop_host.plugins.loader import plugins_of


@dataclass(frozen=True)
class Options:
    amount: int = option(3, "How much.", least=0, most=9)
    kind: Literal["a", "b"] = option("a", "Which.")
    name: str | None = option(None, "Who.")
    where: Path = option(Path("x"), "Where.")
    pair: tuple[int, float] = option((1, 2.0), "Two.", least=0)
    many: tuple[float, ...] = option((), "Any number.", most=1)
    soft: bool = option(True, "Softly.")


def installed() -> Plugins:
    tint = processor(Tint, "tint")
    return plugins_of({"watch": screener(Quiet), "filter": SimpleNamespace(**vars(tint), ROOP_OPTIONS=Options)})


def valid(schema: dict[str, Any], data: Any) -> bool:
    jsonschema.Draft202012Validator.check_schema(schema)
    return bool(jsonschema.Draft202012Validator(schema).is_valid(data))


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("", True),
        ("[run]\nquality = 3\nprocessors = ['tint']\ndevice = 'cpu'", True),
        ("[run]\nquality = 101", False),
        ("[run]\ndevice = 'gpu'", False),
        ("[run]\noverwrite = true", False),
        ("[run]\nqualty = 3", False),
        ("[plugin.filter]\namount = 9\nkind = 'b'\nname = 'x'\npair = [1, 2.5]\nmany = [0.5, 1]\nsoft = false", True),
        ("[plugin.filter]\namount = 10", False),
        ("[plugin.filter]\npair = [1]", False),
        ("[plugin.filter]\npair = [-1, 2]", False),
        ("[plugin.filter]\nmany = [2]", False),
        ("[plugin.gone]\nx = 1", True),
        ("required_plugins = [3]", False),
    ],
)
def test_of_the_file(text: str, good: bool) -> None:
    assert valid(config_schema(installed()), tomllib.loads(text)) is good


def test_of_a_job() -> None:
    schema = job_schema(installed())
    data = Job(("s",), "t", "o", (Step("tint", {"amount": 1}), Step("tint")), plugin_options={"watch": {}}).to_json()
    assert valid(schema, data)
    assert valid(schema, {**data, "references": ["r"], "pairs": [["s", "r"]]})
    for change in (
        {"references": "r"},
        {"pairs": [["s"]]},
        {"pairs": [["s", "r", "t"]]},
        {"pairs": ["s"]},
        {"faces": {"similarity": 2}},
        {"faces": {"mode": "two"}},
        {"steps": []},
        {"steps": [{"name": "other"}]},
        {"steps": [{"name": "tint", "options": {"amount": 10}}]},
        {"media": {"quality": 101}},
        {"media": {"qualty": 1}},
        {"schema": 2},
        {"on_no_face": "skip"},
    ):
        assert not valid(schema, {**data, **change}), change
