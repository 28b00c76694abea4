"""What must hold for a plugin as a package: its module, its declarations, its options."""

from __future__ import annotations

import dataclasses
import inspect
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from roop_host.plugins.loader import load_plugins
from roop_host.plugins.names import bare
from roop_host.testing.checking import Check, DoesNotApply, Failed, checks, checks_of, is_reason
from roop_host.testing.checks.package import package_is_honest
from roop_host.testing.subject import Subject
from roop_host.types.objects import Analyser, Finisher, PreparedScreener, Processor, Screener, Sidecar, Source, Writer
from roop_host.types.uploads import Uploader

#: What takes long to import, or much memory: ``roop --help`` would pay for it.
HEAVY = (
    "PIL aiohttp av boto3 c2pa cryptography cv2 dlib gfpgan google httpx insightface keras matplotlib numpy onnx "  # noqa: SIM905
    "onnxruntime pandas requests scipy skimage sklearn supabase tensorflow torch torchvision transformers".split()
)
#: Of characters: a longer summary breaks the lines of tables.
LONGEST_SUMMARY = 120
#: What an object must be, and which methods its class must bring of its own.
_MUST: dict[str, tuple[type[Any], tuple[str, ...]]] = {
    "roop_processors": (Processor, ("process",)),
    "roop_screeners": (Screener, ("screen",)),
    "roop_analysers": (Analyser, ("analyse", "analyse_picture")),
    "roop_uploaders": (Uploader, ("upload",)),
    "roop_sources": (Source, ("open", "frames")),
    "writer": (Writer, ("open", "write", "close")),
    "sidecar": (Sidecar, ("piece",)),
    "finisher": (Finisher, ("finish",)),
}


def plugin_module_is_light(subject: Subject) -> None:
    """The module of the plugin and its hooks import nothing heavy.

    ``roop --help`` and ``roop plugins`` call them: move imports of numpy, OpenCV, networks and clients into ``load``, or
    into the module that ``load`` imports; for annotations put them under ``if TYPE_CHECKING:``.
    """
    plugin = subject.declared.plugin
    if not subject.packaged:
        raise DoesNotApply("it is no installed package; a single file may import what it likes")
    asked = json.dumps([[place or str(Path.cwd()) for place in sys.path], plugin.name, HEAVY])
    code = f"from __future__ import annotations\n{inspect.getsource(_imported)}\n_imported()"
    done = subprocess.run([sys.executable, "-c", code], input=asked, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Failed(f"its module can't be imported in a fresh process: {last}")
    by: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    if by:
        raise Failed(f"it imports {', '.join(f'{name} (by {place})' for name, place in by.items())}")


def _imported() -> None:
    """Run in a fresh interpreter: what heavy the plugin's module and hooks bring in, and where that was asked for."""
    import json
    import sys
    import traceback
    from pathlib import Path

    sys.path[:], wanted, heavy = json.load(sys.stdin)
    from roop_host.plugins.loader import plugins_of
    from roop_host.plugins.scan import installed

    by: dict[str, str] = {}
    plugin = next(one for one in installed() if one.status.name == wanted)
    own = plugin.module.partition(".")[0]

    class Watch:
        @staticmethod
        def find_spec(name: str, path: Any = None, target: Any = None) -> None:
            if name in heavy and name not in by:
                frames = [frame for frame in traceback.extract_stack()[:-1] if not frame.filename.startswith("<")]
                mine = [frame for frame in frames if own in Path(frame.filename).with_suffix("").parts]
                place = (mine or frames)[-1]
                by[name] = f"{place.filename}, line {place.lineno}"

    sys.meta_path.insert(0, Watch)
    plugins_of({wanted: plugin.load()})  # which calls its hooks
    print("\n" + json.dumps({name: place for name, place in by.items() if name in sys.modules}))


def declarations_are_valid(subject: Subject) -> None:
    """What is declared can be shown, loaded and used.

    A summary is one line that fits a table. ``load`` takes nothing and gives a class, or a function that makes an object
    of its base class (``Processor``, ``Screener``, ...) with that class's methods. The hook gives the same each time.
    """
    spec = subject.spec
    summary = spec.summary
    if not summary.strip() or len(summary.splitlines()) != 1 or summary != summary.strip():
        raise Failed(f"its summary is no single line of text: {summary!r}")
    if len(summary) > LONGEST_SUMMARY:
        raise Failed(f"its summary has {len(summary)} characters, and {LONGEST_SUMMARY} fit: {summary!r}")
    made = spec.load()
    if not callable(made):
        raise Failed(f"its load gave {made!r}, which can't be called")
    if subject.hook != "roop_commands":
        _has_methods(subject, made())
    again = _again(subject)
    if again is not None and _facts(again) != _facts(spec):
        raise Failed("its hook gives something else when it is asked again; declare the same each time")


def _has_methods(subject: Subject, item: Any) -> None:
    base, methods = _MUST[subject.spec.role if subject.hook == "roop_exporters" else subject.hook]
    if not isinstance(item, base):
        raise Failed(f"what its load gives makes a {type(item).__name__}, which is no {base.__name__}")
    if isinstance(item, PreparedScreener) and type(item).screen is PreparedScreener.screen:
        base, methods = PreparedScreener, ("prepare", "judge")
    lacking = [name for name in methods if getattr(type(item), name) is getattr(base, name)]
    if lacking:
        raise Failed(f"its class {type(item).__name__} has no {' and no '.join(lacking)} of its own")


def _again(subject: Subject) -> Any:
    """The same declaration, asked for once more; None where the plugin is neither a package nor a file."""
    plugin = subject.declared.plugin
    if not plugin.where:
        return None
    plugins = load_plugins(files=() if plugin.installed else (Path(plugin.where),))
    found = plugins.declared[subject.hook].get(subject.name)
    if found is None:
        raise Failed("its hook does not declare it when it is asked again; declare the same each time")
    return found.spec


def _facts(value: Any) -> Any:
    """Plain data of a declaration. A function made anew is another object, so functions are left out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _facts(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: _facts(one) for key, one in value.items()}
    if isinstance(value, tuple):
        return tuple(map(_facts, value))
    return None if callable(value) else value


def options_are_documented(subject: Subject) -> None:
    """Every option says in one line what it does, and the options hold as they are by default.

    Give each field its help, ``amount: float = option(0.5, "How much of the colour goes.")``: the flag, the type and the
    limits are shown beside it, so it need not begin with its own name. ``__post_init__`` accepts the defaults.
    """
    for option in subject.plugins.options.get(subject.declared.plugin.name, ()):
        if not option.help.strip():
            raise Failed(f"{option.flag} has no help")
        if len(option.help.splitlines()) != 1 or option.help != option.help.strip():
            raise Failed(f"the help of {option.flag} is no single line of text: {option.help!r}")
        first = option.help.replace(":", " ").split()[0]
        if first in (option.name, option.flag):
            raise Failed(f"the help of {option.flag} begins with its own name: {option.help!r}")
    try:
        subject.declared.options_class()
    except Exception as error:
        raise Failed(f"its options are refused as they are by default: {error}") from error


def waivers_name_checks(subject: Subject) -> None:
    """What ``ROOP_WAIVED`` says is of a check that there is, with a reason.

    A key is ``KIND.NAME.CHECK``, as in ``processor.my_filter.it_does_something``: what the plugin declares, as ``roop
    plugins`` shows it, and the id of a check of that kind; of the plugin as a whole it is ``plugin.my-filter.CHECK``. The
    value says in at least three words why it need not hold.
    """
    name = subject.declared.plugin.name
    known = dict(_keys(subject))
    for key, reason in subject.plugins.waived.get(name, {}).items():
        if key not in known:
            raise Failed(f"ROOP_WAIVED names {key!r}, which is no check of anything that {name} declares")
        if not known[key].waivable:
            raise Failed(f"ROOP_WAIVED names {key!r}, and this check can't be waived; take it out")
        if not is_reason(reason):
            raise Failed(f"ROOP_WAIVED[{key!r}] is {reason!r}; say in at least three words why it need not hold")


def _keys(subject: Subject) -> Iterator[tuple[str, Check]]:
    """All that the plugin could waive."""
    for hook, table in subject.plugins.declared.items():
        for declared in table.values():
            if bare(declared.plugin.name) == bare(subject.declared.plugin.name):
                one = replace(subject, hook=hook, declared=declared)
                yield from ((one.waiver_key(check), check) for check in checks_of(hook))
    yield from ((subject.waiver_key(check), check) for check in WHOLE_CHECKS)


#: Of the plugin as a whole: once is enough, however much it declares.
WHOLE_CHECKS = checks(plugin_module_is_light, options_are_documented, waivers_name_checks, package_is_honest)
CHECKS = (*WHOLE_CHECKS, *checks(declarations_are_valid))
