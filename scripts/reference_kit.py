"""The page of the test kit, as ``scripts/reference.py`` writes it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from typing import Any

from docstrings import marks_of, record_of, signature_of, text_of

from roop_host import testing
from roop_host.plugins.found import KINDS, word
from roop_host.testing import conformance, fixtures
from roop_host.testing.checks import BY_HOOK

KIT = """\
# The test kit

Made from the code by `scripts/reference.py`; change the docstrings there.

`roop_host.testing` is for the tests of a plugin; everything here but the fixtures is imported from there. The checks run
as test classes, and by `roop plugins check NAME` without pytest.

A check that a plugin does not mean to hold is waived by its module, with the reason:
`ROOP_WAIVED = {"processor.my_filter.CHECK": "why it can't hold"}`, kind and name as `roop plugins` shows them. What is of
the plugin as a whole has `plugin.my-filter.CHECK`. A waived check is run all the same: one that holds after all, or that
does not apply, fails, until the waiver is taken out; so does one whose reason has fewer than three words. These can't be
waived, since users go by them or the host refuses what breaks them:
NEVER.
"""


def kit_page() -> str:
    """``testing.md``."""
    public = {name: getattr(testing, name) for name in testing.__all__}
    classes = {name: value for name, value in public.items() if inspect.isclass(value)}
    by_kind = {name: kind for name, kind in classes.items() if name.endswith("Conformance")}
    never = sorted({check.id for hook in BY_HOOK for check in testing.checks_of(hook) if not check.waivable})
    lines = [
        KIT.replace("NEVER", ", ".join(f"`{name}`" for name in never)),
        "## Test classes",
        "",
        *text_of(conformance.__doc__ or ""),
        "",
    ]
    lines += [f"* `{name}`: {_said(kind)}" for name, kind in by_kind.items()]
    shared = inspect.getmro(testing.ProcessorConformance)[1]
    lines += ["", *text_of(inspect.getdoc(shared) or "")]
    fixed = {name: value for name, value in vars(fixtures).items() if name[0] != "_" and _is_fixture(value)}
    lines += ["", "## Fixtures", "", 'For `tests/conftest.py`: `pytest_plugins = ["roop_host.testing.fixtures"]`.', ""]
    for name, fixture in fixed.items():
        lines += [f"### {name}", "", *text_of(inspect.getdoc(fixture) or ""), ""]
    lines += ["## Functions", ""]
    for name, value in public.items():
        if inspect.isroutine(value) or hasattr(value, "__wrapped__"):
            lines += [f"### {name}", "", f"`{name}{signature_of(value)}`", "", *text_of(inspect.getdoc(value) or ""), ""]
    lines += ["## Records and objects", ""]
    for name, kind in classes.items():
        if name not in by_kind:
            lines += record_of(kind, methods=True)
    lines += ["## Checks", "", *_checks()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def _said(value: Any) -> str:
    return marks_of(" ".join((inspect.getdoc(value) or "").split()))


def _is_fixture(value: Any) -> bool:
    """pytest has no public word for it; each wraps its function."""
    return hasattr(value, "__wrapped__") and value.__module__ == fixtures.__name__


def _checks() -> Iterator[str]:
    """A table for each group of kinds that has the same checks, the largest group first."""
    hooks_of: dict[testing.Check, list[str]] = {}
    for hook in KINDS:
        for check in testing.checks_of(hook):
            hooks_of.setdefault(check, []).append(hook)
    groups = sorted(dict.fromkeys(map(tuple, hooks_of.values())), key=lambda group: -len(group))
    for group in groups:
        yield from (f"### {_kinds(group)}", "", "| check | what holds | what to do |", "|---|---|---|")
        for check, its in hooks_of.items():
            if tuple(its) == group:
                yield f"| `{check.id}` | {marks_of(check.says)} | {marks_of(check.advice)} |"
        yield ""


def _kinds(hooks: Sequence[str]) -> str:
    """ "Any declaration", "Any but a command", "A processor"."""
    others = [word(hook) for hook in KINDS if hook not in hooks]
    if not others:
        return "Any declaration"
    few, start = (others, "Any but ") if len(others) < len(hooks) else ([word(hook) for hook in hooks], "")
    said = start + " or ".join(f"{'an' if name[0] in 'aeiou' else 'a'} {name}" for name in few)
    return said[0].upper() + said[1:]
