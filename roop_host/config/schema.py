"""JSON Schema (draft 2020-12) of the config file and of a job, for editors and for programs that build jobs."""

from __future__ import annotations

import types
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from roop_host.config.fields import host_fields
from roop_host.types.job import SCHEMA, job_fields
from roop_host.types.options import OptionField, plain

if TYPE_CHECKING:
    from roop_host.plugins.found import Plugins

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_TEXTS = {"type": "array", "items": {"type": "string"}}
_PAIR = {"type": "array", "prefixItems": [{"type": "string"}] * 2, "minItems": 2, "items": False}
_PLAIN = {bool: "boolean", int: "integer", float: "number", str: "string", Path: "string", type(None): "null"}


def config_schema(plugins: Plugins) -> dict[str, Any]:
    """Of ``roop.toml``. Tables of plugins that are not installed are let through, as the reader does."""
    tables = {name: _table(fields) for name, fields in plugins.options.items()}
    return {
        "$schema": _DRAFT,
        "title": "roop.toml",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "required_plugins": {
                "type": "array",
                "items": {"type": "string"},
                "description": "A run refuses without these.",
            },
            "run": _table(field for field in host_fields() if not field.per_run),
            "plugin": {"type": "object", "properties": tables, "additionalProperties": {"type": "object"}},
        },
    }


def job_schema(plugins: Plugins) -> dict[str, Any]:
    """Of ``Job.to_json``: what ``roop run --job`` reads."""
    properties: dict[str, Any] = {
        "schema": {"const": SCHEMA},
        "sources": {**_TEXTS, "description": "Pictures of the face to put in, or face:NAME."},
        "references": {**_TEXTS, "description": "Pictures of whom to change, or face:NAME."},
        "pairs": {"type": "array", "items": _PAIR, "description": "Sources, each with the reference of whom to change."},
        "target": {"type": "string"},
        "output": {"type": "string"},
        "steps": {"type": "array", "minItems": 1, "items": {"oneOf": list(_steps(plugins))}},
        "plugin_options": {
            "type": "object",
            "properties": {name: _table(fields, by_name=True) for name, fields in plugins.options.items()},
            "additionalProperties": False,
        },
    }
    for field in job_fields():
        place = properties
        if field.group:
            place = properties.setdefault(field.group, _object({}))["properties"]
        place[field.name] = field_schema(field)
    needed = ["schema", "sources", "target", "output", "steps"]
    return {"$schema": _DRAFT, "title": "roop job", **_object(properties), "required": needed}


def field_schema(field: OptionField) -> dict[str, Any]:
    """Of one option: type, help, default and limits."""
    made = _kind_schema(field.kind)
    for name, limit in (("minimum", field.least), ("maximum", field.most)):
        if limit is not None:
            _limit(made, name, limit)
    default = plain(field.default)
    return {**made, "description": field.help, "default": list(default) if isinstance(default, tuple) else default}


def _limit(schema: dict[str, Any], name: str, limit: float) -> None:
    if schema.get("type") in ("integer", "number"):
        schema[name] = limit
    inner = schema.get("items")
    for part in (*schema.get("anyOf", ()), *schema.get("prefixItems", ()), *([inner] if isinstance(inner, dict) else ())):
        _limit(part, name, limit)


def _steps(plugins: Plugins) -> Iterable[dict[str, Any]]:
    for name, declared in sorted(plugins.processors.items()):
        options = _table(plugins.options[declared.plugin.name], by_name=True)
        made = _object({"name": {"const": name}, "options": options})
        yield {**made, "description": declared.spec.summary, "required": ["name"]}


def _table(fields: Iterable[OptionField], *, by_name: bool = False) -> dict[str, Any]:
    return _object({field.name if by_name else field.key: field_schema(field) for field in fields})


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _kind_schema(kind: Any) -> dict[str, Any]:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return {"enum": list(inner)}
    if origin in (Union, types.UnionType):
        parts = [_kind_schema(part) for part in inner]
        if type(None) in inner and not {str, Path} & set(inner):
            parts.append({"const": ""})  # TOML has no word for nothing
        return {"anyOf": parts}
    if origin is tuple:
        if inner[1:] == (...,):
            return {"type": "array", "items": _kind_schema(inner[0])}
        return {
            "type": "array",
            "prefixItems": [_kind_schema(part) for part in inner],
            "minItems": len(inner),
            "items": False,
        }
    return {"type": _PLAIN[kind]}
