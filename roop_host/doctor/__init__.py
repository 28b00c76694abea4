"""``roop doctor``: looks at everything that a run rests on, and says what to repair.

It must work where nothing else does. So each part imports what it examines only then, and an error in a part is a row.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from functools import partial

from roop_host.doctor import devices, installed, plugged
from roop_host.doctor.check import Check, Examination, problem, reason
from roop_host.plugins.found import Plugins

_Part = tuple[str, Callable[[], Iterable[Check]]]


def examine(plugins: Plugins, config: str | None = None) -> Examination:
    """Everything, in the order in which repairs build on each other; ``config`` is what ``--config`` says."""
    parts: tuple[_Part, ...] = (
        ("Python", installed.python),
        ("Packages", installed.packages),
        ("Runtime", installed.runtime),
        ("Devices", devices.devices),
        ("Plugins", partial(plugged.plugins_found, plugins)),
        ("Screening", partial(plugged.screening, plugins)),
        ("Models", partial(plugged.models, plugins)),
        ("Video", installed.video),
        ("Settings", partial(_settings, plugins, config)),
    )
    # What a package prints when it is imported must not stand in the JSON on stdout.
    with redirect_stdout(sys.stderr):
        return Examination(tuple(check for area, look in parts for check in _guarded(area, look)))


def _settings(plugins: Plugins, config: str | None) -> Iterable[Check]:
    from roop_host.doctor.settings import settings  # it rests on packages that may be missing

    return settings(plugins, config)


def _guarded(area: str, look: Callable[[], Iterable[Check]]) -> list[Check]:
    """What was found until an error nobody foresaw, and that error."""
    found = []
    try:
        for check in look():
            found.append(check)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  (a broken package may even call sys.exit)
        says = f"stopped by {reason(error)}; repair what stands above first, then look again"
        found.append(problem(area, "examination", says))
    return found
