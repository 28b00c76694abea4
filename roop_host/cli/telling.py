"""How errors reach people and programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from roop_host.errors import RoopError, one_line, visible

if TYPE_CHECKING:
    from roop_host.types.report import FailedUpload, Person, Report


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


def tell_uploads(report: Report, show: Mapping[str, Any]) -> None:
    """Where they went, also of a job that failed: one upload may have worked and another not."""
    several = len({sent.file for sent in report.uploads}) > 1
    for sent in report.uploads:
        file = f"{visible(sent.file)}: " if several else ""
        typer.echo(f"roop: {sent.uploader}: {file}{sent.url or 'sent'}", err=True)
        if sent.details and not show["quiet"]:
            told = ", ".join(f"{name} {value}" for name, value in sent.details.items())
            typer.echo(f"roop: {sent.uploader}: {one_line(told)}", err=True)


def tell_failures(failures: Sequence[FailedUpload]) -> None:
    for failed in failures:
        typer.echo(f"roop: {failed.uploader}: {visible(f'{failed.file}: {failed.why}')}", err=True)


def tell_beside(report: Report) -> None:
    """The files that were written beside the output."""
    for path in report.beside:
        what = "its QR code" if path.endswith((".qr.png", ".qr.svg")) else "beside it"
        typer.echo(f"{visible(path)}: {what}", err=True)


def tell_people(report: Report) -> None:
    """Where somebody was looked for: whose face was put how often, and how alike those were who got it."""
    for person in report.people:
        if person.references:
            typer.echo(visible(_told(person)), err=True)


def _told(person: Person) -> str:
    who = " or ".join(person.references)
    if not person.frames:
        return (
            f"{person.name}: in no frame, as nobody was found to look like {who}; lower --reference-similarity, "
            "or take another reference"
        )
    frames = f"{person.frames} frame{'' if person.frames == 1 else 's'}"
    alike = ""
    if person.mean_similarity is not None:
        alike = f", similarity {person.mean_similarity:.2f} on average, {person.best_similarity:.2f} at best"
    return f"{person.name}: in {frames} in place of {who}{alike}"
