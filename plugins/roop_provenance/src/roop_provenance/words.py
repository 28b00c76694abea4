"""Plain words for what a file says of itself. Never "verified": that a file is intact doesn't say who made it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from roop_host import one_line
from roop_provenance.marks import Mark
from roop_provenance.reading import Action, Credentials, Facts, Ingredient

#: IPTC NewsCodes and C2PA's own additions: how a picture came to be (https://cv.iptc.org/newscodes/digitalsourcetype/).
_TERMS: Mapping[str, str] = {
    "digitalCapture": "taken with a camera or a recorder",
    "computationalCapture": "taken with a camera that computes the picture of several",
    "negativeFilm": "taken from negative film",
    "positiveFilm": "taken from positive film",
    "print": "taken from a print",
    "minorHumanEdits": "real material with small changes by a person",
    "humanEdits": "real material that a person changed",
    "compositeCapture": "put together of several real pictures",
    "algorithmicallyEnhanced": "real material that a program enhanced",
    "dataDrivenMedia": "drawn by a program from data",
    "digitalArt": "drawn by a person with a computer",
    "digitalCreation": "made by a person with a computer",
    "virtualRecording": "recorded in a virtual world",
    "screenCapture": "recorded from a screen",
    "composite": "put together of several parts",
    "compositeSynthetic": "put together of parts of which some are synthetic",
    "compositeWithTrainedAlgorithmicMedia": "real material with what a trained model (AI) made in it",
    "trainedAlgorithmicMedia": "made as a whole by a trained model (AI)",
    "algorithmicMedia": "made as a whole by a program without a trained model",
    "softwareImage": "made with software",
    "trainedAlgorithmicData": "data that a trained model (AI) made",
    "empty": "begun empty",
}
_SYNTHETIC = ("compositeWithTrainedAlgorithmicMedia", "trainedAlgorithmicMedia", "compositeSynthetic", "algorithmicMedia")
_TERM_URI = re.compile(r"https?://(?:cv\.iptc\.org/newscodes|c2pa\.org)/digitalsourcetype/(\w+)/?", re.IGNORECASE)
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
_SILENT = "says nothing of where it comes from: which doesn't mean that it is real"


def summary(facts: Facts) -> str:
    """One sentence: what was done, and what holds of it."""
    if facts.error:
        return facts.error
    state = "" if facts.credentials is None else _state(facts.credentials)
    done = what_was_done(facts)
    if not state:
        return f"{done}; so says a plain mark, which anyone can write or take away" if done else _SILENT
    if not done:
        return state
    if _of_another(facts.credentials):
        return f"{state}; its plain marks, which anyone can write or take away, say: {done}"
    signed = facts.status in ("changed", "invalid")
    return f"{state}; what was signed says: {done}" if signed else f"{done}; {state}"


def what_was_done(facts: Facts) -> str:
    """What the file says was done to it, in a few words; empty where it says nothing of that."""
    credentials = None if _of_another(facts.credentials) else facts.credentials
    steps, tool = _steps_of_run(credentials), credentials.tool if credentials is not None else ""
    if not steps:
        for mark in facts.marks:
            ours = _OURS.match(mark.value)
            if ours is not None:
                steps, tool = [name.strip() for name in ours[2].split(",")], tool or ours[1]
                break
    if steps:
        words = list(dict.fromkeys(_STEPS.get(step, f"the step {step} ran") for step in steps))
        return f"{' and '.join(words)}, with {tool or 'roop'}"
    terms = list(_terms(facts, credentials))
    synthetic = [term for term in terms if _last(term) in _SYNTHETIC]
    if not terms:
        return next((_OF_OTHERS[mark.kind] for mark in facts.marks if mark.kind in _OF_OTHERS), "")
    return f"{term_words((synthetic or terms)[0])}{f', with {tool}' if tool else ''}"


def lines(facts: Facts) -> Iterator[str]:
    """All that is known, for people; the first line is the file's name."""
    yield f"{facts.file}: {facts.kind}"
    yield f"  in short: {summary(facts)}"
    if facts.credentials is not None:
        yield from _of_credentials(facts.credentials)
    places: dict[str, list[str]] = {}
    for mark in facts.marks:
        places.setdefault(_of_mark(mark), []).append(mark.where)
    for told, where in places.items():
        yield f"  plain mark: {told} ({', '.join(dict.fromkeys(where))})"
    for notice in facts.notices:
        yield f"  note: {notice}"


def term_words(term: str) -> str:
    """An IPTC term in plain words; one that nobody knows as it stands."""
    return _TERMS.get(_last(term), f"of a kind that is not known here ({one_line(term)})")


def _last(term: str) -> str:
    found = _TERM_URI.fullmatch(term.strip())
    name = found[1] if found else term.strip()
    return next((known for known in _TERMS if known.lower() == name.lower()), name)


def _of_another(found: Credentials | None) -> bool:
    """They stand beside a file that they don't fit: an earlier file of that name may have left them."""
    return found is not None and found.beside and found.state == "changed"


def _terms(facts: Facts, credentials: Credentials | None) -> Iterator[str]:
    if credentials is not None:
        for actions in (credentials.actions, *(one.actions for one in credentials.earlier)):
            yield from (action.source_type for action in actions if action.source_type)
    yield from (mark.value for mark in facts.marks if mark.kind == "source type")


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
        yield f"    signed at: {found.signed_at}"
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
        parts.append(term_words(action.source_type))
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
    scores = [score for score in highest.values() if isinstance(score, (int, float))] if isinstance(highest, Mapping) else []
    parts = [f"{one['looks']} looks"] if "looks" in one else []
    parts += [f"{_compact(one[key])} {key}" for key in ("reused", "inherited") if one.get(key)]
    parts += [f"highest score {max(scores):.2f}"] if scores else []
    parts += [f"limit {_compact(one['limit'])}"] if "limit" in one else []
    names = [_compact(one[key]) for key in ("screener", "distribution") if one.get(key)]
    who = names[-1] if len(names) == 2 and names[0] in names[1] else " of ".join(names)
    told = f": {', '.join(parts)}" if parts else ""
    return f"{who or 'a screener without a name'}{told}"


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
        return f"{term_words(mark.value)} [DigitalSourceType {_last(mark.value)}]"
    before = {
        "aigc": "China's label of generated content, AIGC",
        "tool": "written with",
        "credit": "credit",
        "generator": "settings of an image generator",
        "credentials elsewhere": "Content Credentials at an address that is not asked",
    }.get(mark.kind, "")
    return f"{before}: {mark.value}" if before else mark.value
