"""Content Credentials (C2PA) of a stranger's file, checked without the network and without trust in anybody."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import IO, Any

from roop_host import one_line
from roop_provenance.reading import Action, Credentials, Earlier, Ingredient, State

#: Manifests of more are not read: ours have 4 kB, with previews of several pictures some MB.
MOST_BYTES = 64 << 20
_MOST_TEXT = 32 << 20
#: Actions, pictures and earlier manifests of one file that are told of.
_MOST = 50
_MOST_NAMES = 100
_LONGEST_VALUE = 4000
_RUN = "org.roop.run"
#: What says that bytes are not those that were signed (C2PA specification, validation codes).
_CHANGED = re.compile(r"\.(mismatch|missing)$|^assertion\.(undeclared|inaccessible)|^claim\.(missing|multiple)")
#: Of the signer, not of the file.
_UNKNOWN_SIGNER = "signingCredential.untrusted"
SETTINGS: Mapping[str, Any] = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    "core": {"allowed_network_hosts": []},
    "builder": {"thumbnail": {"enabled": False}},
}


def read_credentials(file: IO[bytes], media_type: str, beside: bytes | None, anchors: str) -> Credentials | None:
    """The credentials inside of ``file``, or those of the file ``beside`` it; None where there are none.

    ``anchors`` are certificates (PEM) of those whom the user trusts. Raises ``ImportError`` where c2pa-python is missing.
    """
    c2pa = _library()
    settings = {**SETTINGS, **({"trust": {"user_anchors": anchors}} if anchors else {})}
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
    return _told(store, state, beside is not None)


def _library() -> Any:
    """c2pa-python, whose import loads a native library: any failure of that is that it is missing."""
    try:
        import c2pa
    except (OSError, RuntimeError, ValueError) as error:
        raise ImportError(str(error)) from error
    return c2pa


def has_certificates(pem: str) -> bool:
    """Whether certificates can be read from a text."""
    from cryptography import x509

    try:
        return bool(x509.load_pem_x509_certificates(pem.encode()))
    except ValueError:
        return False


def _refused(text: str, beside: bytes | None) -> Credentials | None:
    """Files without credentials, and kinds that can hold none, say nothing; what else fails is a broken manifest."""
    if beside is None and text.startswith(("ManifestNotFound", "NotSupported")):
        return None
    if text.startswith("Remote"):
        url = text.rpartition(" url ")[2]
        return Credentials(state="elsewhere", reason=one_line(url))
    return Credentials(state="broken", beside=beside is not None, reason=one_line(text))


def _told(store: dict[str, Any], state: str, beside: bool) -> Credentials:
    manifests = _mapping(store.get("manifests"))
    name = str(store.get("active_manifest") or "")
    active = _mapping(manifests.get(name))
    signature = _mapping(active.get("signature_info"))
    failures = tuple(dict.fromkeys(_failures(store)))
    return Credentials(
        state=_state(state, failures),
        beside=beside,
        reason=_reason(store, failures),
        failures=failures,
        signer=_text(signature.get("common_name")) or _text(signature.get("issuer")),
        organisation=_text(signature.get("issuer")),
        signed_at=_text(signature.get("time")),
        tool=_tool(active),
        actions=tuple(_actions(active)),
        ingredients=tuple(_ingredients(active)),
        earlier=tuple(_earlier(manifests, name)),
        run=_run(active),
    )


def _state(state: str, failures: tuple[str, ...]) -> State:
    if state == "Trusted":
        return "known"
    if state == "Valid":
        return "unknown"
    return "changed" if any(_CHANGED.search(code) for code in failures) else "invalid"


def _failures(store: Mapping[str, Any]) -> Iterator[str]:
    results = _mapping(_mapping(store.get("validation_results")).get("activeManifest"))
    for one in _list(results.get("failure")):
        code = _text(_mapping(one).get("code"))
        if code and code != _UNKNOWN_SIGNER:
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
    for data in _assertions(manifest, "c2pa.actions"):
        for one in _list(data.get("actions")):
            about = _mapping(one)
            yield Action(
                name=_text(about.get("action")),
                source_type=_text(about.get("digitalSourceType")),
                tool=_agent(about.get("softwareAgent")),
                description=_text(about.get("description")),
            )


def _ingredients(manifest: Mapping[str, Any]) -> Iterator[Ingredient]:
    for one in _list(manifest.get("ingredients")):
        about = _mapping(one)
        results = _mapping(_mapping(about.get("validation_results")).get("activeManifest"))
        codes = (_text(_mapping(failure).get("code")) for failure in _list(results.get("failure")))
        yield Ingredient(
            relationship=_text(about.get("relationship")),
            kind=_text(about.get("format")),
            title=_text(about.get("title")),
            description=_text(about.get("description")),
            had_credentials=bool(about.get("active_manifest")),
            failures=tuple(code for code in codes if code and code != _UNKNOWN_SIGNER),
        )


def _earlier(manifests: Mapping[str, Any], active: str) -> Iterator[Earlier]:
    for name, manifest in list(manifests.items())[:_MOST]:
        if name != active:
            about = _mapping(manifest)
            yield Earlier(tool=_tool(about), actions=tuple(_actions(about)))


def _run(manifest: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What roop says of the run, whoever signed it: its keys as they stand, all texts cleaned and bounded."""
    for data in _assertions(manifest, _RUN):
        return _mapping(_clean(data, 0))
    return None


def _clean(value: object, depth: int) -> object:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping) and depth < 6:
        return {_text(str(key)): _clean(item, depth + 1) for key, item in list(value.items())[:_MOST_NAMES]}
    if isinstance(value, list) and depth < 6:
        return [_clean(item, depth + 1) for item in value[:_MOST_NAMES]]
    return value if isinstance(value, (bool, int, float)) or value is None else _text(str(value))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value[:_MOST] if isinstance(value, list) else []


def _text(value: object) -> str:
    return one_line(value[:_LONGEST_VALUE]) if isinstance(value, str) else ""
