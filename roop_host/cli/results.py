"""What came of the checks of a plugin, for people and programs."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

import typer

from roop_host.errors import PluginError, visible
from roop_host.plugins.found import word

if TYPE_CHECKING:
    from roop_host.plugins.status import PluginStatus
    from roop_host.testing import Check, Result, Subject

#: Lines longer than this are hard to read, however wide a terminal is.
_WIDEST = 110


@dataclass
class Checked:
    """The checks of one plugin, as far as they have run; ``total`` is how many there are."""

    status: PluginStatus
    total: int
    subjects: list[Subject] = field(default_factory=list)
    results: list[tuple[Subject, Result]] = field(default_factory=list)

    def of(self, subject: Subject) -> list[Result]:
        return [result for one, result in self.results if one is subject]

    def having(self, state: str) -> list[Result]:
        return [result for _, result in self.results if result.state == state]

    @property
    def hangs(self) -> Result | None:
        """The one whose call did not come back; those after it were not begun."""
        return next((result for _, result in self.results if result.hangs), None)

    @property
    def exit_code(self) -> int:
        """0 where nothing is to be done, 7 where a check failed, else that of what is missing."""
        if self.hangs is not None and self.hangs.error is not None:
            return self.hangs.error.exit_code
        if self.having("failed"):
            return PluginError.exit_code
        return next((result.error.exit_code for result in self.having("not run") if result.error is not None), 0)

    @property
    def sentence(self) -> str:
        """How it went, with what to do next."""
        name, failed, idle = self.status.name, self.having("failed"), self.having("not run")
        if self.hangs is not None:
            rest = self.total - len(self.results)
            left = f"; {_checks(rest)} after it {'was' if rest == 1 else 'were'} not run" if rest else ""
            return f"{name}: the check {self.hangs.check.id} did not end ({self.hangs.told}){left}"
        if failed:
            only = "" if len(failed) > 1 else f" ({failed[0].check.id})"
            return f"{name}: {len(failed)} of {_checks(self.total)} failed{only}; what to do stands above, then check again"
        if idle:
            return f"{name}: {len(idle)} of {_checks(self.total)} could not be run; bring what is missing, then check again"
        waived = len(self.having("waived"))
        return f"{name}: {_checks(self.total)}, nothing to repair{f' ({waived} waived)' if waived else ''}"


def tell(checked: Checked, show: Mapping[str, Any]) -> None:
    """The page on stdout, or all of it as JSON; a sentence about what is to be done on stderr."""
    if show["json"]:
        typer.echo(json.dumps(_as_json(checked), indent=2))
    else:
        for subject in checked.subjects:
            for line in _page(subject, checked.of(subject), quiet=show["quiet"]):
                typer.echo(line)
    if checked.exit_code:
        typer.echo(f"roop: {checked.sentence}", err=True)
    elif not (show["json"] or show["quiet"]):
        typer.echo(checked.sentence)


def tell_list(chosen: Sequence[tuple[Subject, Sequence[Check]]], *, as_json: bool) -> None:
    """The checks of each declaration."""
    if as_json:
        rows = [
            {**_named(subject), "checks": [{"id": one.id, "says": one.says, "advice": one.advice} for one in checks]}
            for subject, checks in chosen
        ]
        typer.echo(json.dumps(rows, indent=2))
        return
    for subject, checks in chosen:
        typer.echo(_heading(subject))
        for check in checks:
            typer.echo(f"  {check.id}")
            typer.echo(_indented(check.says))


def _page(subject: Subject, results: Sequence[Result], *, quiet: bool) -> Iterator[str]:
    """What needs eyes; the rest as a count."""
    told = [*_failed(results), *_waived(results), *_not_run(results)]
    if quiet and not told:
        return
    yield _heading(subject)
    yield from told
    if not quiet:
        passed, idle = (sum(result.state == state for result in results) for state in ("passed", "does not apply"))
        counts = [f"{passed} passed", *([f"{idle} {'does' if idle == 1 else 'do'} not apply"] if idle else [])]
        yield f"  {', '.join(counts)}"
        yield ""


def _failed(results: Sequence[Result]) -> Iterator[str]:
    """What one error made fail is told once, without what each of these checks is about."""
    from roop_host.testing.causes import advice_of, groups_of, told_with_place

    for cause, group in groups_of(results):
        if cause is not None and len(group) > 1:
            yield f"  failed: {_checks(len(group))}, all by one error"
            yield _indented(f"What happened: {cause}.")
            yield _indented(f"What to do: {cause.advice}")
            yield _indented(f"Checks: {', '.join(result.check.id for result in group)}")
            continue
        for result in group:
            yield f"  failed: {result.check.id}"
            yield _indented(result.check.says)
            yield _indented(f"What happened: {told_with_place(result)}.")
            if result.check.advice:
                yield _indented(f"What to do: {advice_of(result)}")


def _waived(results: Sequence[Result]) -> Iterator[str]:
    for result in results:
        if result.state == "waived":
            yield f"  waived: {result.check.id}"
            yield _indented(result.told)


def _not_run(results: Sequence[Result]) -> Iterator[str]:
    """What is missing is said once, however many checks need it."""
    idle = sorted((result for result in results if result.state == "not run"), key=lambda result: result.told)
    for told, group in groupby(idle, key=lambda result: result.told):
        ids = [result.check.id for result in group]
        yield f"  not run: {ids[0]}{f' and {len(ids) - 1} more' if len(ids) > 1 else ''}"
        yield _indented(told)


def _heading(subject: Subject) -> str:
    return f"{word(subject.hook)} {subject.declared.label}"


def _indented(text: str) -> str:
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    return textwrap.fill(
        visible(text), width, initial_indent="    ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )


def _checks(count: int) -> str:
    return f"{count} check{'' if count == 1 else 's'}"


def _named(subject: Subject) -> dict[str, str]:
    return {"kind": word(subject.hook), "name": subject.name}


def tell_unusable(status: PluginStatus, error: PluginError) -> None:
    """Why nothing of it can be checked, in the shape of a check's result."""
    typer.echo(json.dumps({**_about(status, error.exit_code, str(error)), "declarations": []}, indent=2))
    typer.echo(f"roop: {visible(str(error))}", err=True)


def _about(status: PluginStatus, code: int, error: str | None) -> dict[str, Any]:
    return {
        "plugin": status.name,
        "distribution": status.distribution,
        "version": status.version,
        "state": status.state,
        "reason": status.reason,
        "repair": status.repair,
        "exit_code": code,
        "error": error,
    }


def _as_json(checked: Checked) -> dict[str, Any]:
    code = checked.exit_code
    return {
        **_about(checked.status, code, checked.sentence if code else None),
        "declarations": [{**_named(subject), "checks": _rows(checked.of(subject))} for subject in checked.subjects],
    }


def _rows(results: Sequence[Result]) -> list[dict[str, Any]]:
    from roop_host.testing.causes import advice_of, groups_of

    advice: dict[str, dict[str, str]] = {}
    for cause, group in groups_of(results):
        for result in group:
            says = cause.advice if cause is not None and len(group) > 1 else advice_of(result)
            advice[result.check.id] = {"advice": says, **({"place": cause.place} if cause is not None else {})}
    return [_row(result, advice.get(result.check.id, {})) for result in results]


def _row(result: Result, advice: Mapping[str, str]) -> dict[str, Any]:
    check = result.check
    row = {"id": check.id, "state": result.state, "says": check.says, "told": result.told, **advice}
    return {**row, **({"exit_code": result.error.exit_code} if result.error is not None else {})}
