"""Runs in an environment that a slow test has made: prints what one of its packages brought, and the modules of each.

What another package of this repository asks for too is not among them.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from importlib.metadata import distributions, packages_distributions

from packaging.requirements import Requirement


def canonical(name: str) -> str:
    return re.sub("[-_.]+", "-", name).lower()


def needs() -> dict[str, set[str]]:
    """What each distribution asks for, with the extras that anybody asks of it."""
    lines = {canonical(one.metadata["Name"]): [Requirement(line) for line in one.requires or ()] for one in distributions()}
    extras = {name: {""} for name in lines}
    extras["roop-host"].add("cpu")
    for asked in lines.values():
        for need in asked:
            extras.setdefault(canonical(need.name), {""}).update(need.extras)
    return {
        name: {
            canonical(need.name)
            for need in asked
            if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in extras[name])
        }
        for name, asked in lines.items()
    }


def closure(names: Iterable[str], asked: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    left = set(names)
    while left:
        name = left.pop()
        seen.add(name)
        left |= (asked[name] & set(asked)) - seen
    return seen


def main(package: str) -> None:
    asked = needs()
    others = (name for name in asked if name.startswith("roop-") and name != package)
    only = closure({package}, asked) - closure(others, asked)
    modules = packages_distributions()
    print(json.dumps({name: [top for top, owners in modules.items() if name in map(canonical, owners)] for name in only}))


main(sys.argv[1])
