"""How errors reach people and programs."""

from __future__ import annotations

import json

import typer

from roop_host.errors import RoopError, visible


def tell_error(error: RoopError, *, as_json: bool = False) -> None:
    """One line on stderr, and the report on stdout where it was asked for."""
    typer.echo(f"roop: {visible(str(error))}", err=True)
    tell_json(error, as_json)


def tell_json(error: RoopError, as_json: bool = True) -> None:
    """The report of a job that failed, or of one that never began."""
    if as_json:
        from roop_host.types.report import Report

        report = error.report or Report(exit_code=error.exit_code, error=str(error))
        typer.echo(json.dumps(report.to_json(), indent=2))
