"""Plain words for what a file says of itself. Never "verified": that a file is intact doesn't say who made it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from roop_provenance.facts import Action, Credentials, Facts, Ingredient
from roop_provenance.marks import Mark
from roop_provenance.terms import SYNTHETIC, name_of, words_of

#: C2PA specification, "Actions".
_ACTIONS: Mapping[str, str] = {
    "c2pa.created": "made from nothing",
    "c2pa.opened": "opened: a picture or video that was there before",
    "c2pa.placed": "placed into it: another picture",
    "c2pa.removed": "taken out of it: another picture",
    "c2pa.edited": "edited",
    "c2pa.edited.metadata": "its descriptions edited",
    "c2pa.converted": "converted to another format",
    "c2pa.transcoded": "encoded anew",
    "c2pa.resized": "its size changed",
    "c2pa.cropped": "cropped",
    "c2pa.orientation": "turned",
    "c2pa.color_adjustments": "its colours adjusted",
    "c2pa.filtered": "filtered",
    "c2pa.drawing": "drawn upon",
    "c2pa.dubbed": "its sound replaced",
    "c2pa.translated": "translated",
    "c2pa.published": "published",
    "c2pa.repackaged": "put into another container",
    "c2pa.redacted": "parts of its credentials taken out",
    "c2pa.watermarked": "marked invisibly",
    "c2pa.unknown": "something that its tool can't name",
}
#: What roop's steps do, by their names; plugins may bring others.
_STEPS: Mapping[str, str] = {
    "swapper": "faces were swapped",
    "enhancer": "faces were redrawn by a network that restores them",
    "label": "a visible label was added",
}
#: Marks of others that say what a file is without an IPTC term.
_OF_OTHERS: Mapping[str, str] = {
    "aigc": "labelled as generated content (AIGC)",
    "generator": "settings of an image generator stand in it",
    "credit": "its credit speaks of AI",
    "note": "called synthetic",
    "credentials elsewhere": "it names an address of Content Credentials, which is not asked",
}
_OURS = re.compile(r"Synthetic media: made with (roop[^()]{0,40}?) ?\(([^()]{0,400})\)")
#: Of a run: what stands in the lines above already, or is for programs.
_IN_OTHER_WORDS = ("schema", "roop", "target", "sources")
_SHOWN_OF_HASH = 16
#: Letters of one line, and of what was done in it.
_LONGEST, _LONGEST_CLAUSE = 1000, 300
#: States of credentials that can be told of, whether they hold or not.
_TELLING = ("known", "unknown", "changed", "invalid")
_SILENT = "says nothing of where it comes from: which doesn't mean that it is real"


def summary(facts: Facts) -> str:
    """One sentence: what was done, and what holds of it. Where credentials are, plain marks speak apart from them."""
    if facts.error:
        return facts.error
    credentials = facts.credentials
    if credentials is None:
        done = what_was_done(facts)
        return _bounded(f"{done}; so says a plain mark, which anyone can write or take away") if done else _SILENT
    state, done = _state(credentials), what_was_done(facts)
    holds = credentials.state in ("known", "unknown")
    parts = ([done, state] if holds else [state, f"what was signed says: {done}"]) if done else [state]
    return _bounded("; ".join([*parts, *_unsigned(facts)]))


def what_was_done(facts: Facts) -> str:
    """What the file says was done to it, in a few words; of plain marks only where there are no credentials."""
    if facts.credentials is None:
        what, tool = _of_marks(facts.marks)
    elif facts.credentials.state in _TELLING and not _of_another(facts.credentials):
        what, tool = _signed(facts.credentials)
    else:
        return ""
    return _with(what, tool)


def _unsigned(facts: Facts) -> Iterator[str]:
    """What plain marks say besides; nothing where they only say again what was signed."""
    signed = _signed(facts.credentials)[0] if facts.credentials is not None and what_was_done(facts) else ""
    for place, beside in (("in", False), ("beside", True)):
        told = [mark for mark in facts.marks if mark.beside == beside and mark.kind != "credentials elsewhere"]
        what, tool = _of_marks(told)
        if what and what != signed:
            yield f"unsigned marks {place} the file say: {_with(what, tool)}"


def _with(what: str, tool: str) -> str:
    """Short, so that what holds of it always stands behind it."""
    return _bounded(f"{what}, with {tool}" if what and tool else what, _LONGEST_CLAUSE)


def _signed(found: Credentials) -> tuple[str, str]:
    """What was done, and with which tool; what earlier credentials say is signed along."""
    steps = _steps_of_run(found)
    if steps:
        return _of_steps(steps), found.tool or "roop"
    chain = (found.actions, *(one.actions for one in found.earlier))
    what = _of_terms([action.source_type for actions in chain for action in actions if action.source_type])
    return what, found.tool


def _of_marks(marks: Iterable[Mark]) -> tuple[str, str]:
    """The same of plain marks."""
    told = list(marks)
    ours = next((found for mark in told if mark.kind == "note" and (found := _OURS.match(mark.value))), None)
    if ours is not None:
        return _of_steps([name.strip() for name in ours[2].split(",")]), ours[1]
    what = _of_terms([mark.value for mark in told if mark.kind == "source type"])
    return what or next((_OF_OTHERS[mark.kind] for mark in told if mark.kind in _OF_OTHERS), ""), ""


def _of_steps(steps: Iterable[str]) -> str:
    return " and ".join(dict.fromkeys(_STEPS.get(step, f"the step {step} ran") for step in steps))


def _of_terms(terms: Sequence[str]) -> str:
    synthetic = [term for term in terms if name_of(term) in SYNTHETIC]
    return words_of((synthetic or terms)[0]) if terms else ""


def lines(facts: Facts) -> Iterator[str]:
    """All that is known, for people; the first line is the file's name."""
    yield f"{facts.file}: {facts.kind}"
    yield f"  in short: {summary(facts)}"
    yield from (_bounded(line) for line in _details(facts))


def _details(facts: Facts) -> Iterator[str]:
    if facts.credentials is not None:
        yield from _of_credentials(facts.credentials)
    places: dict[str, list[str]] = {}
    for mark in facts.marks:
        places.setdefault(_of_mark(mark), []).append(mark.where)
    for told, where in places.items():
        yield f"  plain mark: {told} ({', '.join(dict.fromkeys(where))})"
    for notice in facts.notices:
        yield f"  note: {notice}"


def _bounded(line: str, most: int = _LONGEST) -> str:
    """Its parts are clean and bounded, but there may be any number of them."""
    return line if len(line) <= most else f"{line[:most]}..."


def _of_another(found: Credentials | None) -> bool:
    """They stand beside a file that they don't fit: an earlier file of that name may have left them."""
    return found is not None and found.beside and found.state == "changed"


def _state(found: Credentials) -> str:
    if found.state == "known":
        return f"intact, signed by {found.signer or 'somebody without a name'}, whom your CA knows"
    if found.state == "unknown":
        return "intact, signed by an unknown signer"
    if _of_another(found):
        return "the Content Credentials beside it are not of this file: it was changed since, or they are of an earlier one"
    if found.state == "changed":
        return "changed after it was signed"
    if found.state == "invalid":
        return f"signed, but not so that it holds ({found.reason or 'no reason is told'})"
    if found.state == "broken":
        return "its Content Credentials are broken or were changed, so they say nothing that holds"
    if found.state == "unread" and found.reason:
        return f"it may hold Content Credentials, which were not looked for: {found.reason}"
    if found.state == "elsewhere":
        return "its Content Credentials are at an address on the network, which is not asked"
    return "it holds Content Credentials that can't be read on this machine"


def _of_credentials(found: Credentials) -> Iterator[str]:
    place = " (in the file beside it)" if found.beside else ""
    yield f"  Content Credentials{place}: {_state(found)}"
    if found.state in ("broken", "elsewhere"):
        yield f"    {'why' if found.state == 'broken' else 'address'}: {found.reason or 'not told'}"
        return
    if found.state == "unread":
        return
    if found.state in ("changed", "invalid"):
        yield f"    why: {', '.join(found.failures) or 'not told'}"
        yield "    what follows is what was signed; it need not be true of this file"
    if found.state != "known" and found.signer:
        of = f' of "{found.organisation}"' if found.organisation not in ("", found.signer) else ""
        yield f'    the signer calls itself "{found.signer}"{of}; nobody vouches for that'
    if found.signed_at:
        who = "an authority that your CA knows" if found.time_known else "an unknown authority; nobody vouches for that"
        yield f"    signed at: {found.signed_at}, says {who}"
    if found.tool:
        yield f"    written by: {found.tool}"
    for number, action in enumerate(found.actions, 1):
        yield f"    {number}. {_of_action(action)}"
    for ingredient in found.ingredients:
        yield f"    made of: {_of_ingredient(ingredient)}"
    for earlier in found.earlier:
        done = ", ".join(_of_action(action) for action in earlier.actions) or "nothing told"
        yield f"    before that, by {earlier.tool or 'an unnamed tool'}: {done}"
    yield from _of_run(found.run or {})


def _of_action(action: Action) -> str:
    parts = [_ACTIONS.get(action.name, action.name or "something")]
    if action.source_type:
        parts.append(words_of(action.source_type))
    if action.description:
        parts.append(action.description)
    return f"{': '.join(parts)}{f' (by {action.tool})' if action.tool else ''}"


def _of_ingredient(found: Ingredient) -> str:
    role = {"parentOf": "what was opened", "componentOf": "what was placed into it", "inputTo": "what a model was given"}
    parts = [role.get(found.relationship, found.relationship or "something")]
    if found.kind:
        parts.append(found.kind)
    if found.title:
        parts.append(f'called "{found.title}"')
    if found.description:
        parts.append(found.description)
    if found.failures:
        parts.append(f"whose own Content Credentials did not hold ({', '.join(found.failures)})")
    elif found.had_credentials:
        parts.append("with Content Credentials of its own")
    return ", ".join(parts)


def _of_run(run: Mapping[str, Any]) -> Iterator[str]:
    """roop's own account of the run: what is there, whatever the version that wrote it."""
    for key, value in run.items():
        if key in _IN_OTHER_WORDS:
            continue
        if key == "screening" and isinstance(value, list):
            yield from (f"    looked at by: {_of_verdicts(one)}" for one in value if isinstance(one, Mapping))
        elif key == "models" and isinstance(value, list):
            yield from (f"    model: {_of_model(one)}" for one in value)
        elif told := _compact(value):
            yield f"    {key.replace('_', ' ')}: {told}"


def _of_model(one: object) -> str:
    """Its hash is cut for people; JSON has all of it."""
    if isinstance(one, Mapping) and isinstance(one.get("sha256"), str):
        one = {**one, "sha256": one["sha256"][:_SHOWN_OF_HASH]}
    return _compact(one) or "one without a name"


def _of_verdicts(one: Mapping[str, Any]) -> str:
    """What one screener saw."""
    highest = one.get("highest")
    told = highest.values() if isinstance(highest, Mapping) else ()
    scores = [score for score in told if isinstance(score, (int, float)) and 0 <= score <= 1]
    looks, limit = one.get("looks"), one.get("limit")
    parts = [f"{looks} looks"] if isinstance(looks, int) else []
    parts += [f"{one[key]} {key}" for key in ("reused", "inherited") if isinstance(one.get(key), int) and one[key]]
    parts += [f"highest score {max(scores):.2f}"] if scores else []
    parts += [f"limit {_compact(limit)}"] if isinstance(limit, (int, float)) else []
    names = [_compact(one[key]) for key in ("screener", "distribution") if one.get(key)]
    who = names[-1] if len(names) == 2 and names[0] in names[1] else " of ".join(names)
    return ": ".join([who or "a screener without a name", *([", ".join(parts)] if parts else [])])


def _compact(value: object) -> str:
    if isinstance(value, Mapping):
        own = [_compact(value[key]) for key in ("name", "screener", "step", "version") if value.get(key)]
        rest = [
            f"{key} {_compact(item)}" for key, item in value.items() if key not in ("name", "screener", "step", "version")
        ]
        inside = ", ".join(part for part in rest if not part.endswith(" "))
        return f"{' '.join(own)} ({inside})" if own and inside else " ".join(own) or inside
    if isinstance(value, (list, tuple)):
        return "; ".join(filter(None, map(_compact, value)))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value) if value else ""


def _steps_of_run(found: Credentials | None) -> list[str]:
    run = (found.run or {}) if found is not None else {}
    steps = run.get("processors", run.get("steps"))
    names = [one.get("name") if isinstance(one, Mapping) else one for one in steps] if isinstance(steps, list) else []
    return [name for name in names if isinstance(name, str) and name]


def _of_mark(mark: Mark) -> str:
    if mark.kind == "source type":
        return f"{words_of(mark.value)} [DigitalSourceType {name_of(mark.value)}]"
    before = {
        "aigc": "China's label of generated content, AIGC",
        "tool": "written with",
        "credit": "credit",
        "generator": "settings of an image generator",
        "credentials elsewhere": "Content Credentials at an address that is not asked",
    }.get(mark.kind, "")
    return f"{before}: {mark.value}" if before else mark.value
