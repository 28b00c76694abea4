"""Certificates, and jobs of which finished files are signed."""

from __future__ import annotations

import getpass
import io
import json
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from kit import OneFace, Quiet, Seal, Tint, analyser, job, processor, run, screener

from roop_host import Finished, Job, Plugins, Report
from roop_host.plugins.loader import plugins_of
from roop_host.testing import context_of
from roop_provenance import plugin
from roop_provenance.finisher import Provenance
from roop_provenance.options import Options
from roop_provenance.signing import MEDIA_TYPES

_DAY = timedelta(days=1)


class Pki:
    """A certificate authority of a test, and the files of a leaf: ``certificate`` is the chain, ``key`` only its owner's."""

    def __init__(self, folder: Path, *, ends: datetime | None = None, purpose: Any = ExtendedKeyUsageOID.EMAIL_PROTECTION):
        now = datetime.now(UTC)
        ends = ends or now + 9 * _DAY
        root, self._key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        authority = _certificate("A test's authority", None, root, root, (now - 30 * _DAY, now + 30 * _DAY), None)
        leaf = _certificate("A test's signer", authority, self._key, root, (ends - 10 * _DAY, ends), purpose)
        self.anchor = authority.public_bytes(Encoding.PEM).decode()
        self.certificate, self.key = folder / "chain.pem", folder / "key.pem"
        self.certificate.write_bytes(leaf.public_bytes(Encoding.PEM) + self.anchor.encode())
        self.key.write_bytes(self._key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
        self.key.chmod(0o600)

    @property
    def options(self) -> dict[str, str]:
        return {"certificate": str(self.certificate), "key": str(self.key)}


def _certificate(name: str, issuer: Any, key: Any, signing: Any, valid: Any, purpose: Any) -> x509.Certificate:
    said = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Tests"), x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"),
        False,
    )
    root = issuer is None
    builder = (
        x509.CertificateBuilder()
        .subject_name(said)
        .issuer_name(said if root else issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(valid[0])
        .not_valid_after(valid[1])
        .add_extension(x509.BasicConstraints(ca=root, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=not root, key_cert_sign=root, crl_sign=root, **usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False)
    )
    if purpose is not None:
        only = purpose == ExtendedKeyUsageOID.TIME_STAMPING  # as RFC 3161 wants it
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=only)
    return builder.sign(signing, hashes.SHA256())


def with_provenance(*more: SimpleNamespace, **spec: Any) -> Plugins:
    """A step that paints where a face is put, and this plugin, under the name that it has when it is installed."""
    step = processor(Tint, "tint", **{"needs_faces": True, "needs_source": True, **spec})
    return found_of(step, analyser(OneFace), *more)


def found_of(*modules: SimpleNamespace) -> Plugins:
    """Those, a screener and this plugin."""
    named = {f"t{number}": module for number, module in enumerate(modules)}
    return plugins_of({**named, "quiet": screener(Quiet, "quiet"), "provenance": plugin})


def signed(source: Path | str | None, target: Path, output: Path, found: Plugins | None = None, **more: Any) -> Report:
    """The report of a job whose output is signed."""
    return run(found or with_provenance(), a_job(source, target, output, **more))


def a_job(source: Path | str | None, target: Path, output: Path, **more: Any) -> Job:
    options = more.pop("options", {})
    what = job(target, output, "tint", plugin_options={"provenance": options} if options else {}, **more)
    return replace(what, sources=() if source is None else (str(source),))


def state_of(path: Path, content: bytes | None = None, *, anchor: str = "", beside: bytes | None = None) -> str:
    """What a reader says of a file (or of ``content`` in its place) that knows ``anchor`` and asks nobody."""
    settings: dict[str, Any] = {"verify": {"remote_manifest_fetch": False}, "core": {"allowed_network_hosts": []}}
    if anchor:
        settings["trust"] = {"user_anchors": anchor}
    beside = _beside(path) if beside is None else beside
    kind = MEDIA_TYPES.get(path.suffix, "application/octet-stream")
    content = path.read_bytes() if content is None else content
    with (
        c2pa.Context.from_dict(settings) as context,
        c2pa.Reader(kind, io.BytesIO(content), beside, context=context) as reader,
    ):
        return str(reader.get_validation_state())


def told(path: Path) -> dict[str, Any]:
    """The manifest of a file, and under ``run`` our own assertion."""
    kind = MEDIA_TYPES.get(path.suffix, "application/octet-stream")
    beside = _beside(path)
    with path.open("rb") as file, c2pa.Reader(kind, file, beside) as reader:
        store = json.loads(reader.json())
    assert len(store["manifests"]) == 1
    manifest: dict[str, Any] = store["manifests"][store["active_manifest"]]
    by_label = {assertion["label"]: assertion["data"] for assertion in manifest["assertions"]}
    return {**manifest, "run": by_label["org.roop.run"], "actions": by_label["c2pa.actions.v2"]["actions"]}


def _beside(path: Path) -> bytes | None:
    credentials = path.with_name(path.name + ".c2pa")
    return credentials.read_bytes() if credentials.exists() else None


def private() -> list[bytes]:
    """What must stand in no output: who runs this, and on which machine."""
    return [word.encode() for word in (getpass.getuser(), socket.gethostname()) if len(word) > 3]


def finisher_of(**options: Any) -> Provenance:
    """One that is set up."""
    made = Provenance()
    made.setup(context_of(Options(**options)))
    return made


def about(what: Job, notes: list[str], **more: Any) -> Finished:
    given = {"kind": "picture", "source_type": "compositeSynthetic", "changed": {"tint": 1}, **more}
    return Finished(job=what, note=notes.append, **{"plugins": (), "models": (), "screening": (), **given})


class Fails(Seal):
    """A finisher that comes last and fails."""

    def finish(self, path: Path, about: Finished) -> None:
        raise RuntimeError("no")


def signer_of_tests(folder: Path) -> Any:
    """What the C2PA library signs with, for files that others made."""
    pki = Pki(folder)
    key = load_pem_private_key(pki.key.read_bytes(), None)
    private_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    info = c2pa.C2paSignerInfo(c2pa.C2paSigningAlg.ES256, pki.certificate.read_bytes(), private_pem, None)
    return c2pa.Signer.from_info(info)
