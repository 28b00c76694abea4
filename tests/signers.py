"""Somebody who signs with c2pa-python as others do, and small pictures to sign."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import Any

import c2pa
import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image

from roop_provenance.library import OFFLINE

TERM = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
RUN = {
    "schema": 1,
    "processors": ["swapper", "enhancer"],
    "models": [{"name": "inswapper_128", "sha256": "ab"}],
    "screening": [
        {"screener": "nsfw", "distribution": "roop-nsfw 0.1.0", "limit": 0.85, "looks": 4, "highest": {"out": 0.1}}
    ],
    "later": {"a key": ["that", "is", "new"]},
}
MIMES = {
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".tiff": "image/tiff",
    ".avif": "image/avif",
}


@dataclass
class Signer:
    """A CA and a leaf, as trust.md's shape has them."""

    name: str = "Jane Doe"

    @cached_property
    def keys(self) -> tuple[ec.EllipticCurvePrivateKey, ec.EllipticCurvePrivateKey]:
        return ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def certificate(self, *, leaf: bool) -> bytes:
        ca_key, leaf_key = self.keys
        key = leaf_key if leaf else ca_key
        now = datetime.datetime.now(datetime.UTC)
        subject = self.name if leaf else "A CA"
        made = x509.CertificateBuilder().subject_name(_name(subject)).issuer_name(_name("A CA"))
        made = made.public_key(key.public_key()).serial_number(7 + leaf)
        made = made.not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(100))
        made = made.add_extension(x509.BasicConstraints(not leaf, None), True)
        made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        made = made.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), False)
        usage = (leaf, False, False, False, False, not leaf, not leaf, False, False)
        made = made.add_extension(x509.KeyUsage(*usage), True)
        if leaf:
            made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
        return made.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def info(self) -> c2pa.C2paSignerInfo:
        form = serialization.PrivateFormat.PKCS8
        key = self.keys[1].private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        return c2pa.C2paSignerInfo(b"es256", self.certificate(leaf=True) + self.certificate(leaf=False), key, None)

    def sign(
        self, content: bytes, mime: str, *, run: Any = RUN, remote: str = "", embed: bool = True, captured: bool = False
    ) -> tuple[bytes, bytes]:
        """The signed file and its manifest; ``captured`` as by a camera, and not by roop."""
        actions = [
            {"action": "c2pa.opened", "parameters": {"ingredientIds": ["target"]}},
            {"action": "c2pa.placed", "parameters": {"ingredientIds": ["source 1"]}},
            {"action": "c2pa.edited", "digitalSourceType": TERM},
        ]
        ingredients = [("target", "parentOf"), ("source 1", "componentOf")]
        manifest: dict[str, Any] = {
            "claim_generator_info": [{"name": "roop", "version": "9.9"}],
            "ingredients": [{"title": name, "label": name, "relationship": role} for name, role in ingredients],
            "assertions": [
                {"label": "c2pa.actions.v2", "data": {"actions": actions}},
                {"label": "org.roop.run", "data": run},
            ],
        }
        if captured:
            created = {"action": "c2pa.created", "digitalSourceType": f"{TERM.rpartition('/')[0]}/digitalCapture"}
            manifest = {
                "claim_generator_info": [{"name": "Camera", "version": "1"}],
                "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [created]}}],
            }
        builder = c2pa.Builder(manifest, context=c2pa.Context(settings=c2pa.Settings.from_dict(dict(OFFLINE))))
        if not embed:
            builder.set_no_embed()
        if remote:
            builder.set_no_embed()
            builder.set_remote_url(remote)
        output = BytesIO()
        made = builder.sign(c2pa.Signer.from_info(self.info()), mime, BytesIO(content), output)
        return output.getvalue(), bytes(made)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Org")])


def picture(suffix: str = ".jpg", **more: Any) -> bytes:
    file = BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(file, MIMES[suffix].partition("/")[2], **more)
    return file.getvalue()
