"""What the credentials say: a C2PA manifest in the shape that validates, and what the host knows of the run.

Inputs stand there by their hash alone. Given as streams, the SDK would add nothing but ids to those without credentials,
and of the others the whole old manifest: with previews of the face as it was, and names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from roop_host import PluginError

if TYPE_CHECKING:
    from roop_host import Finished

#: The label of our own assertion; ``SCHEMA`` counts up when anything in it gets another meaning.
ASSERTION, SCHEMA = "org.roop.run", 1
#: IPTC NewsCodes, digital source type. The SDK takes any text, readers do not.
_TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_KNOWN = frozenset(
    {
        "algorithmicMedia",
        "algorithmicallyEnhanced",
        "composite",
        "compositeCapture",
        "compositeSynthetic",
        "compositeWithTrainedAlgorithmicMedia",
        "computationalCapture",
        "dataDrivenMedia",
        "digitalCapture",
        "digitalCreation",
        "humanEdits",
        "multiFrameComputationalCapture",
        "negativeFilm",
        "positiveFilm",
        "print",
        "screenCapture",
        "trainedAlgorithmicMedia",
        "virtualRecording",
    }
)
_MODEL_FIELDS = ("name", "sha256", "licence", "precision")


@dataclass(frozen=True, slots=True)
class Input:
    """A file that was used: its SHA-256 in hexadecimal, and whether it has Content Credentials of its own."""

    sha256: str
    credentials: bool = False


def manifest_of(about: Finished, version: str, target: Input | None, sources: Sequence[Input]) -> dict[str, Any]:
    """The manifest of a finished file, made by ``version`` of roop of these inputs. No name of a file is in it."""
    ingredients = [_ingredient("target", "parentOf", target)] if target is not None else []
    people: list[tuple[str, Input | None]] = [(f"source {number}", one) for number, one in enumerate(sources, 1)]
    people += [(f"saved face {number}", None) for number in range(1, about.saved_faces + 1)]
    ingredients += [_ingredient(title, "componentOf", one) for title, one in people]
    actions = _actions(_term(about.source_type), opened=target is not None, placed=[title for title, _ in people])
    return {
        "claim_generator_info": [{"name": "roop", "version": version}],
        "ingredients": ingredients,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": actions}},
            {"label": ASSERTION, "data": _run(about, version, target, sources)},
        ],
    }


def _ingredient(title: str, relationship: str, one: Input | None) -> dict[str, str]:
    known = {} if one is None else {"description": f"SHA-256 {one.sha256}"}
    return {"title": title, "relationship": relationship, "label": title, **known}


def _actions(term: str, *, opened: bool, placed: Sequence[str]) -> list[dict[str, Any]]:
    """The first has to be opened or created: a stream was never a file that could be opened."""
    made = {"digitalSourceType": term}
    put = [{"action": "c2pa.placed", "parameters": {"ingredientIds": list(placed)}}] if placed else []
    if not opened:
        return [{"action": "c2pa.created", **made}, *put]
    first = {"action": "c2pa.opened", "parameters": {"ingredientIds": ["target"]}}
    return [first, *put, {"action": "c2pa.edited", **made}]


def _term(source_type: str) -> str:
    if source_type not in _KNOWN:
        raise PluginError(f"{source_type!r} is no IPTC term for how a picture came to be; report it to the step's authors")
    return _TERMS + source_type


def _run(about: Finished, version: str, target: Input | None, sources: Sequence[Input]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "roop": version,
        "kind": about.kind,
        "processors": [step.name for step in about.job.steps],
        "plugins": list(about.plugins),
        "models": [_model(told) for told in about.models],
        "screening": [{**asdict(verdicts), "highest": dict(verdicts.highest)} for verdicts in about.screening],
        "target": None if target is None else asdict(target),
        "sources": [asdict(one) for one in sources],
        "saved_faces": about.saved_faces,
    }


def _model(told: Mapping[str, str]) -> dict[str, str]:
    return {name: told[name] for name in _MODEL_FIELDS if told.get(name)}
