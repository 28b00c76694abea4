"""Plain words for what a file says of itself. Never "verified": that a file is intact doesn't say who made it.

What was found out stands first. What somebody wrote is told as theirs, in quotation marks: it may read like our own words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from roop_provenance.facts import Action, Credentials, Facts, Ingredient
from roop_provenance.marks import Mark
from roop_provenance.quotes import quoted
from roop_provenance.terms import SYNTHETIC, WORDS, name_of, words_of

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
_OURS = re.compile(r"Synthetic media: made with (roop(?: \d[\w.+-]{0,20})?) ?\(([^()]{0,400})\)")
#: Codes of C2PA can't be read as words.
_CODE = re.compile(r"[A-Za-z]\w{0,39}(?:\.\w{1,40}){1,4}")
#: Of the models of a run: what is told of one besides its name.
_OF_MODEL = ("version", "licence", "precision", "sha256")
_SHOWN_OF_HASH = 16
#: Letters of one line, of what is quoted in the headline, and steps that are named there.
_LONGEST, _SHORT, _MOST_STEPS = 1000, 40, 4
#: States of credentials that can be told of, whether they hold or not.
_TELLING = ("known", "unknown", "changed", "invalid")
_SILENT = "says nothing of where it comes from: which doesn't mean that it is real"


def summary(facts: Facts) -> str:
    """One sentence: what holds, and what was done. Where credentials are, plain marks speak apart from them."""
    if facts.error:
        return facts.error
    credentials, done = facts.credentials, what_was_done(facts)
    if credentials is None:
        return _bounded(f"a plain mark, which anyone can write or take away, says: {done}") if done else _SILENT
    says = "its signer says" if credentials.state in ("known", "unknown") else "what was signed says"
    return _bounded("; ".join([_state(credentials), *([f"{says}: {done}"] if done else []), *_unsigned(facts)]))


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
    return f"{what}, with {quoted(tool, _SHORT)}" if what and tool else what


def _signed(found: Credentials) -> tuple[str, str]:
    """What was done, and with which tool; what earlier credentials say is signed along."""
    steps = _steps_of_run(found)
    if steps:
        return _of_steps(steps), found.tool or "roop"
    chain = (found.actions, *(one.actions for one in found.earlier))
    terms = [action.source_type for actions in chain for action in actions if action.source_type]
    if (found.run or {}).get("changed") == {}:
        return _of_nothing_changed(found.actions, terms), found.tool or "roop"
    return _of_terms(terms), found.tool


def _of_nothing_changed(actions: Iterable[Action], terms: Iterable[str]) -> str:
    """Of a run of roop whose steps left all frames as they were: they may be less or more, and synthetic from before."""
    cut = "maybe cut, " if any(action.name == "c2pa.edited" for action in actions) else ""
    before = _of_terms([term for term in terms if name_of(term) in SYNTHETIC])
    return f"written anew, {cut}with nothing {'else ' if cut else ''}changed{f', of what is {before}' if before else ''}"


def _of_marks(marks: Iterable[Mark]) -> tuple[str, str]:
    """The same of plain marks."""
    told = list(marks)
    ours = next((found for mark in told if mark.kind == "note" and (found := _OURS.fullmatch(mark.value))), None)
    if ours is not None:
        return _of_steps([name.strip() for name in ours[2].split(",")]), ours[1]
    what = _of_terms([mark.value for mark in told if mark.kind == "source type"])
    return what or next((_OF_OTHERS[mark.kind] for mark in told if mark.kind in _OF_OTHERS), ""), ""


def _of_steps(steps: Iterable[str]) -> str:
    told = list(dict.fromkeys(_STEPS.get(step, f"the step {quoted(step, _SHORT)} ran") for step in steps))
    more = [f"{len(told) - _MOST_STEPS} more steps ran"] if len(told) > _MOST_STEPS else []
    return " and ".join(told[:_MOST_STEPS] + more)


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


def _bounded(line: str) -> str:
    """Its parts are clean and bounded, but there may be any number of them."""
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


def _of_another(found: Credentials | None) -> bool:
    """They stand beside a file that they don't fit: an earlier file of that name may have left them."""
    return found is not None and found.beside and found.state == "changed"


def _state(found: Credentials) -> str:
    if found.state == "known":
        return f"intact, signed by {quoted(found.signer) if found.signer else 'somebody without a name'}, whom your CA knows"
    if found.state == "unknown":
        return "intact, signed by an unknown signer"
    if _of_another(found):
        return "the Content Credentials beside it are not of this file: it was changed since, or they are of an earlier one"
    if found.state == "changed":
        return "changed after it was signed"
    if found.state == "invalid":
        return f"signed, but not so that it holds ({quoted(found.reason) if found.reason else 'no reason is told'})"
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
    if found.state == "broken":
        yield f"    why: {quoted(found.reason, _LONGEST // 2) if found.reason else 'not told'}"
    elif found.state == "elsewhere":
        yield f"    address: {quoted(found.reason, _LONGEST // 2) if found.reason else 'not told'}"
    elif found.state in _TELLING:
        yield from _of_signature(found)
        yield from (f"      {line}" for line in _of_claim(found))


def _of_signature(found: Credentials) -> Iterator[str]:
    """What was found out, down to the heading of what was not."""
    holds = found.state in ("known", "unknown")
    if not holds:
        yield f"    why: {_codes(found.failures) or 'not told'}"
    if found.state != "known" and found.signer:
        of = f" of {quoted(found.organisation)}" if found.organisation not in ("", found.signer) else ""
        yield f"    the signer calls itself {quoted(found.signer)}{of}; nobody vouches for that"
    if found.signed_at:
        who = "an authority that your CA knows" if found.time_known else "an unknown authority; nobody vouches for that"
        yield f"    signed at: {found.signed_at}, says {who}"
    yield "    its signer says:" if holds else "    what was signed says, and it need not be true of this file:"


def _of_claim(found: Credentials) -> Iterator[str]:
    if found.tool:
        yield f"written by: {quoted(found.tool)}"
    for number, action in enumerate(found.actions, 1):
        yield f"{number}. {_of_action(action)}"
    for ingredient in found.ingredients:
        yield f"made of: {_of_ingredient(ingredient)}"
    for earlier in found.earlier:
        done = ", ".join(_of_action(action) for action in earlier.actions) or "nothing told"
        yield f"before that, by {quoted(earlier.tool) if earlier.tool else 'an unnamed tool'}: {done}"
    yield from _of_run(found.run or {})


def _codes(codes: Iterable[str]) -> str:
    """Those of an ingredient stand in what was signed, so that they may be anything."""
    return ", ".join(code if _CODE.fullmatch(code) else quoted(code) for code in codes)


def _of_action(action: Action) -> str:
    parts = [_ACTIONS.get(action.name) or (quoted(action.name) if action.name else "something")]
    if action.source_type:
        parts.append(words_of(action.source_type))
    if action.description:
        parts.append(quoted(action.description))
    return f"{': '.join(parts)}{f' (by {quoted(action.tool)})' if action.tool else ''}"


def _of_ingredient(found: Ingredient) -> str:
    role = {"parentOf": "what was opened", "componentOf": "what was placed into it", "inputTo": "what a model was given"}
    parts = [role.get(found.relationship) or (quoted(found.relationship) if found.relationship else "something")]
    if found.kind:
        parts.append(f"of the kind {quoted(found.kind)}")
    if found.title:
        parts.append(f"called {quoted(found.title)}")
    if found.description:
        parts.append(quoted(found.description))
    if found.failures:
        parts.append(f"whose own Content Credentials did not hold ({_codes(found.failures)})")
    elif found.had_credentials:
        left = ", which were not carried over" if found.credentials_stated else ""
        parts.append(f"with Content Credentials of its own{left}")
    return ", ".join(parts)


def _of_run(run: Mapping[str, Any]) -> Iterator[str]:
    """The account that roop gives of a run, as far as its keys are known here: anybody can write one, with any others."""
    if kind := run.get("kind"):
        yield f"kind: {_named(kind)}"
    yield from (f"model: {_of_model(one)}" for one in _listed(run, "models"))
    for key in ("plugins", "processors"):
        if told := _listed(run, key):
            yield f"{key}: {'; '.join(map(_named, told))}"
    if changed := run.get("changed"):
        counts = changed.items() if isinstance(changed, Mapping) else ()
        told = [f"by {quoted(step)} {_count(frames)}" for step, frames in counts if _count(frames)]
        yield from [f"frames changed: {', '.join(told)}"] if told else []
    yield from (f"looked at by: {_of_verdicts(one)}" for one in _listed(run, "screening") if isinstance(one, Mapping))
    if saved := _count(run.get("saved_faces")):
        yield f"saved faces: {saved}"


def _listed(run: Mapping[str, Any], key: str) -> list[Any]:
    value = run.get(key)
    return value if isinstance(value, list) else []


def _named(one: object) -> str:
    name = one.get("name") if isinstance(one, Mapping) else one
    return quoted(name) if isinstance(name, str) and name else "one without a name"


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _of_model(one: object) -> str:
    """Its hash is cut for people; JSON has all of it."""
    about = one if isinstance(one, Mapping) else {}
    told = [(key, value) for key in _OF_MODEL if isinstance(value := about.get(key), str) and value]
    inside = ", ".join(f"{key} {quoted(value[:_SHOWN_OF_HASH] if key == 'sha256' else value)}" for key, value in told)
    return f"{_named(one)} ({inside})" if inside else _named(one)


def _of_verdicts(one: Mapping[str, Any]) -> str:
    """What one screener saw."""
    highest, limit = one.get("highest"), one.get("limit")
    told = highest.values() if isinstance(highest, Mapping) else ()
    scores = [score for score in told if isinstance(score, (int, float)) and 0 <= score <= 1]
    counts = [(count, key) for key in ("looks", "reused", "inherited") if (count := _count(one.get(key)))]
    parts = [f"{count} {'look' if (count, key) == (1, 'looks') else key}" for count, key in counts]
    parts += [f"highest score {max(scores):.2f}"] if scores else []
    parts += [f"limit {limit:.4g}"] if isinstance(limit, (int, float)) else []
    names = [name for key in ("screener", "distribution") if isinstance(name := one.get(key), str) and name]
    told_twice = len(names) == 2 and names[0] in names[1]
    who = " of ".join(map(quoted, names[told_twice:])) or "a screener without a name"
    return ": ".join([who, *([", ".join(parts)] if parts else [])])


def _steps_of_run(found: Credentials) -> list[str]:
    run = found.run or {}
    names = [one.get("name") if isinstance(one, Mapping) else one for one in _listed(run, "processors")]
    return [name for name in names if isinstance(name, str) and name]


def _of_mark(mark: Mark) -> str:
    if mark.kind == "source type":
        known = f" [DigitalSourceType {name_of(mark.value)}]" if name_of(mark.value) in WORDS else ""
        return f"{words_of(mark.value)}{known}"
    before = {
        "aigc": "China's label of generated content, AIGC",
        "tool": "written with",
        "credit": "credit",
        "generator": "settings of an image generator",
        "credentials elsewhere": "Content Credentials at an address that is not asked",
    }.get(mark.kind, "note")
    return f"{before}: {quoted(mark.value)}"
