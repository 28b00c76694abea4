"""Content Credentials (C2PA) of a stranger's file, checked without the network and without trust in anybody."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Container, Iterator, Mapping
from itertools import islice
from typing import IO, Any

from roop_host import one_line
from roop_provenance.facts import Action, Credentials, Earlier, Ingredient, State
from roop_provenance.library import OFFLINE, c2pa_library

#: Manifests of more are not read: ours have 4 kB, with previews of several pictures some MB.
MOST_BYTES = 64 << 20
_MOST_TEXT = 32 << 20
#: Actions, pictures and earlier manifests of one file that are told of.
_MOST = 50
_MOST_NAMES = 100
_LONGEST_VALUE = 4000
#: Of roop's own assertion.
_MOST_LETTERS, _MOST_VALUES, _DEEPEST, _LARGEST = 200_000, 5000, 6, 1 << 64
_RUN = "org.roop.run"
#: What says that bytes are not those that were signed (C2PA specification, validation codes).
_CHANGED = re.compile(r"\.(mismatch|missing)$|^assertion\.(undeclared|inaccessible)|^claim\.(missing|multiple)")
#: Of the signer, not of the file.
_UNKNOWN_SIGNER = "signingCredential.untrusted"
#: Of two timestamps one may be known and the other not: nobody sees then which of them is told.
_TIME_KNOWN, _TIME_UNKNOWN = "timeStamp.trusted", "timeStamp.untrusted"
#: What the library says of a file that it can't take apart, before it has seen any credentials in it.
_DAMAGED = ("Io:", "Other: asset could not be parsed")


class Damaged(Exception):
    """A file that can't be taken apart, with why, so that nobody knows whether there are credentials in it."""


def read_credentials(file: IO[bytes], media_type: str, beside: bytes | None, anchors: str) -> Credentials | None:
    """The credentials inside of ``file``, or those of the file ``beside`` it; None where there are none.

    ``anchors`` are certificates (PEM) of those whom the user trusts. Raises ``ImportError`` where c2pa-python is missing,
    ``Damaged``.
    """
    c2pa = c2pa_library()
    settings = {**OFFLINE, **({"trust": {"user_anchors": anchors}} if anchors else {})}
    context = c2pa.Context(settings=c2pa.Settings.from_dict(settings))
    file.seek(0)
    try:
        with c2pa.Reader(media_type, file, beside, context=context) as reader:
            text, state = reader.json(), str(reader.get_validation_state())
    except c2pa.C2paError as error:
        return _refused(str(error), beside)
    if len(text) > _MOST_TEXT:
        return Credentials(state="broken", beside=beside is not None, reason="they are larger than what is read")
    try:
        store = json.loads(text)
    except (RecursionError, ValueError):  # nested too deep, or a number without an end
        return Credentials(state="broken", beside=beside is not None, reason="they are not told in a way that can be read")
    return _told(_mapping(store), state, beside is not None)


def has_certificates(pem: str) -> bool:
    """Whether certificates can be read from a text."""
    from cryptography import x509

    try:
        return bool(x509.load_pem_x509_certificates(pem.encode()))
    except ValueError:
        return False


def _refused(text: str, beside: bytes | None) -> Credentials | None:
    """Files without credentials, and kinds that can hold none, say nothing. Raises ``Damaged``."""
    if beside is None and text.startswith(("ManifestNotFound", "NotSupported")):
        return None
    if text.startswith("Remote"):
        url = text.rpartition(" url ")[2]
        return Credentials(state="elsewhere", reason=one_line(url))
    if beside is None and text.startswith(_DAMAGED):
        raise Damaged(one_line(text))
    return Credentials(state="broken", beside=beside is not None, reason=one_line(text))


def _told(store: Mapping[str, Any], state: str, beside: bool) -> Credentials:
    manifests = _mapping(store.get("manifests"))
    name = str(store.get("active_manifest") or "")
    active = _mapping(manifests.get(name))
    signature = _mapping(active.get("signature_info"))
    failures = tuple(dict.fromkeys(code for code in _codes(store, "failure") if code != _UNKNOWN_SIGNER))
    run = _run(active)
    return Credentials(
        state=_state(state, failures),
        beside=beside,
        reason=_reason(store, failures),
        failures=failures,
        signer=_text(signature.get("common_name")) or _text(signature.get("issuer")),
        organisation=_text(signature.get("issuer")),
        signed_at=_text(signature.get("time")),
        time_known=_time_known(store),
        tool=_tool(active),
        actions=tuple(_actions(active)),
        ingredients=tuple(_ingredients(active, _with_credentials(run or {}))),
        earlier=tuple(_earlier(manifests, name)),
        run=run,
    )


def _state(state: str, failures: tuple[str, ...]) -> State:
    if state == "Trusted":
        return "known"
    if state == "Valid":
        return "unknown"
    return "changed" if any(_CHANGED.search(code) for code in failures) else "invalid"


def _time_known(store: Mapping[str, Any]) -> bool:
    doubts = (code for outcome in ("informational", "failure") for code in _codes(store, outcome))
    return _TIME_KNOWN in _codes(store, "success") and _TIME_UNKNOWN not in doubts


def _codes(about: Mapping[str, Any], outcome: str) -> Iterator[str]:
    """What a check of a manifest, or of an ingredient's, came to."""
    results = _mapping(_mapping(about.get("validation_results")).get("activeManifest"))
    for one in _list(results.get(outcome)):
        if code := _text(_mapping(one).get("code")):
            yield code


def _reason(store: Mapping[str, Any], failures: tuple[str, ...]) -> str:
    for one in _list(store.get("validation_status")):
        if _mapping(one).get("code") in failures:
            return _text(_mapping(one).get("explanation"))
    return failures[0] if failures else ""


def _tool(manifest: Mapping[str, Any]) -> str:
    """Name and version of what wrote the claim."""
    for one in _list(manifest.get("claim_generator_info")):
        return _agent(one)
    return _text(manifest.get("claim_generator"))


def _agent(value: object) -> str:
    if isinstance(value, str):
        return _text(value)
    about = _mapping(value)
    return " ".join(part for part in (_text(about.get("name")), _text(about.get("version"))) if part)


def _assertions(manifest: Mapping[str, Any], label: str) -> Iterator[Mapping[str, Any]]:
    for one in _list(manifest.get("assertions")):
        if str(_mapping(one).get("label", "")).startswith(label):
            yield _mapping(_mapping(one).get("data"))


def _actions(manifest: Mapping[str, Any]) -> Iterator[Action]:
    told = (one for data in _assertions(manifest, "c2pa.actions") for one in _list(data.get("actions")))
    for one in islice(told, _MOST):
        about = _mapping(one)
        yield Action(
            name=_text(about.get("action")),
            source_type=_text(about.get("digitalSourceType")),
            tool=_agent(about.get("softwareAgent")),
            description=_text(about.get("description")),
        )


def _with_credentials(run: Mapping[str, Any]) -> Container[str]:
    """Titles of the ingredients of which roop's account of the run says that they had credentials."""
    sources = [(f"source {number}", one) for number, one in enumerate(_list(run.get("sources")), 1)]
    inputs = (("target", run.get("target")), *sources)
    return {title for title, one in inputs if _mapping(one).get("credentials") is True}


def _ingredients(manifest: Mapping[str, Any], stated: Container[str]) -> Iterator[Ingredient]:
    for one in _list(manifest.get("ingredients")):
        about = _mapping(one)
        title, carried = _text(about.get("title")), bool(about.get("active_manifest"))
        yield Ingredient(
            relationship=_text(about.get("relationship")),
            kind=_text(about.get("format")),
            title=title,
            description=_text(about.get("description")),
            had_credentials=carried or title in stated,
            credentials_stated=not carried and title in stated,
            failures=tuple(code for code in _codes(about, "failure") if code != _UNKNOWN_SIGNER),
        )


def _earlier(manifests: Mapping[str, Any], active: str) -> Iterator[Earlier]:
    """Also of all of them together no more actions than of one."""
    left = _MOST
    for name, manifest in islice(manifests.items(), _MOST):
        if name != active:
            about = _mapping(manifest)
            actions = tuple(islice(_actions(about), left))
            left -= len(actions)
            yield Earlier(tool=_tool(about), actions=actions)


def _run(manifest: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What roop says of the run, whoever signed it: its keys as they stand, all texts cleaned and bounded."""
    for data in _assertions(manifest, _RUN):
        return _Cleaner().mapping(data, 0)
    return None


class _Cleaner:
    """Plain data of a stranger, with a bound on all of it: each text is, but there can be any number of them."""

    def __init__(self) -> None:
        self._letters_left, self._values_left = _MOST_LETTERS, _MOST_VALUES

    def mapping(self, value: Mapping[str, Any], depth: int) -> dict[str, Any]:
        return {self._text(key): self._value(item, depth + 1) for key, item in islice(value.items(), _MOST_NAMES)}

    def _value(self, value: object, depth: int) -> Any:
        self._values_left -= 1
        if self._values_left < 0:
            return None
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping) and depth < _DEEPEST:
            return self.mapping(value, depth)
        if isinstance(value, list) and depth < _DEEPEST:
            return [self._value(item, depth + 1) for item in value[:_MOST_NAMES]]
        whole = isinstance(value, int) and abs(value) < _LARGEST
        return value if value is None or whole or (isinstance(value, float) and math.isfinite(value)) else "..."

    def _text(self, value: str) -> str:
        part = value[: min(self._letters_left, _LONGEST_VALUE)]
        self._letters_left -= len(part)
        return one_line(part)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value[:_MOST] if isinstance(value, list) else []


def _text(value: object) -> str:
    return one_line(value[:_LONGEST_VALUE]) if isinstance(value, str) else ""
