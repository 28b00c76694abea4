"""What an option that says ``auto`` stands for: one rule, for a job and for checks of a plugin."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

from roop_host.types.models import Choice

_AUTO = "auto"


def decided_in_turn(
    choices: Sequence[Choice],
    values: Mapping[str, Any],
    read: Callable[[dict[str, Any]], object],
    pick: Callable[[list[Choice]], Choice],
) -> dict[str, Any]:
    """``values`` of a step with its ``auto`` options decided, in the order in which choices name them.

    ``read`` makes options of values; ``pick`` takes one of those that an option may stand for, the last of which is what
    remains. Others may go by what was decided before.
    """
    decided = dict(values)
    for option in dict.fromkeys(choice.option for choice in choices):
        options = read(decided)
        able = _by_option(choices, options).get(option)
        if able and getattr(options, option) == _AUTO:
            decided[option] = pick(able).value
    return decided


def decided_by_gives(choices: Sequence[Choice], gives: Set[str], options: object, needs: Set[str]) -> Iterator[Choice]:
    """What each ``auto`` option of an analyser stands for: the first choice that gives all ``needs``, or the last.

    What its other options ask of it, such as details that only one backend has, is needed too.
    """
    needed = {*needs, *(name for choice in choices if choice.made_by(options) for name in choice.needs)}
    for option, able in _by_option(choices, options).items():
        if getattr(options, option) == _AUTO:
            yield next((choice for choice in able if not needed - gives - choice.gives), able[-1])


def _by_option(choices: Iterable[Choice], options: object) -> dict[str, list[Choice]]:
    """What ``auto`` may stand for, under the option that makes it, in the order they were declared."""
    table: dict[str, list[Choice]] = {}
    for choice in choices:
        if not choice.by_name and choice.goes_with(options):
            table.setdefault(choice.option, []).append(choice)
    return table
