"""What the credentials say: a C2PA manifest in the shape that validates, and what the host knows of the run.

Inputs stand there by their hash alone. Given as streams, the SDK would add nothing but ids to those without credentials,
and of the others the whole old manifest: with previews of the face as it was, and names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from roop_provenance.terms import ADDRESS

if TYPE_CHECKING:
    from roop_host import Finished

#: The label of our own assertion; ``SCHEMA`` counts up when anything in it gets another meaning.
ASSERTION, SCHEMA = "org.roop.run", 2
#: What is created has to have a term, and what a stream shows nobody knows: this says that parts of it may be anything.
_UNKNOWN = f"{ADDRESS}composite"
_MODEL_FIELDS = ("name", "sha256", "licence", "precision")


@dataclass(frozen=True, slots=True)
class Input:
    """A file that was used: its SHA-256 in hexadecimal, and whether it has Content Credentials of its own, where known.

    Of a folder that is one clip, ``pictures`` is how many there are, and the hash that of their hashes in the clip's order:
    each in hexadecimal and a line of its own.
    """

    sha256: str = ""
    credentials: bool | None = None
    pictures: int = 0

    def to_json(self) -> dict[str, Any]:
        """What is known."""
        known = {"sha256": self.sha256 or None, "credentials": self.credentials, "pictures": self.pictures or None}
        return {name: value for name, value in known.items() if value is not None}


def manifest_of(about: Finished, version: str, target: Input | None, sources: Sequence[Input]) -> dict[str, Any]:
    """The manifest of a finished file, made by ``version`` of roop of these inputs. No name of a file is in it."""
    ingredients = [_ingredient("target", "parentOf", target)] if target is not None else []
    people: list[tuple[str, Input | None]] = [(f"source {number}", one) for number, one in enumerate(sources, 1)]
    people += [(f"saved face {number}", None) for number in range(1, about.saved_faces + 1)]
    ingredients += [_ingredient(title, "componentOf", one) for title, one in people]
    actions = _actions(about, opened=target is not None, placed=[title for title, _ in people])
    return {
        "claim_generator_info": [{"name": "roop", "version": version}],
        "ingredients": ingredients,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": actions}},
            {"label": ASSERTION, "data": _run(about, version, target, sources)},
        ],
    }


def _ingredient(title: str, relationship: str, one: Input | None) -> dict[str, str]:
    known = {"description": _described(one)} if one is not None and one.sha256 else {}
    return {"title": title, "relationship": relationship, "label": title, **known}


def _described(one: Input) -> str:
    listed = f" of the list of SHA-256 of {one.pictures} pictures, each in hexadecimal on a line" if one.pictures else ""
    return f"SHA-256 {one.sha256}{listed}"


def _actions(about: Finished, *, opened: bool, placed: Sequence[str]) -> list[dict[str, Any]]:
    """The first has to be opened or created: a stream was never a file that could be opened.

    What no step has changed was only written anew, or cut: nothing in it is synthetic for that, unless the target says so.
    """
    # The host hands on no term that is not among IPTC's.
    made = {"digitalSourceType": ADDRESS + about.source_type} if about.source_type else {}
    put = [{"action": "c2pa.placed", "parameters": {"ingredientIds": list(placed)}}] if placed else []
    if not opened:
        return [{"action": "c2pa.created", "digitalSourceType": _UNKNOWN, **made}, *put]
    first = {"action": "c2pa.opened", "parameters": {"ingredientIds": ["target"]}}
    worked = "c2pa.edited" if about.changed or _is_cut(about) else "c2pa.transcoded"
    return [first, *put, {"action": worked, **made}]


def _is_cut(about: Finished) -> bool:
    """Whether frames were left out, or stand in the place of others."""
    job = about.job
    return bool(job.media.trim_start or job.media.trim_end) or job.on_no_face in ("hold", "drop")


def _run(about: Finished, version: str, target: Input | None, sources: Sequence[Input]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "roop": version,
        "kind": about.kind,
        "processors": [step.name for step in about.job.steps if step.name in about.changed],
        "changed": dict(about.changed),
        "plugins": list(about.plugins),
        "models": [_model(told) for told in about.models],
        "screening": [{**asdict(verdicts), "highest": dict(verdicts.highest)} for verdicts in about.screening],
        "target": None if target is None else target.to_json(),
        "sources": [one.to_json() for one in sources],
        "saved_faces": about.saved_faces,
    }


def _model(told: Mapping[str, str]) -> dict[str, str]:
    return {name: told[name] for name in _MODEL_FIELDS if told.get(name)}
