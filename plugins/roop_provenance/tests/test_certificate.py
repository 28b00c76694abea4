"""Who signs: a certificate made here, once, or the user's own; and none that others could sign with too."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import signed as kit
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID
from kit import left, refused

from roop_host import PluginError, UsageError
from roop_provenance import certificate
from roop_provenance.certificate import Signer, local_path, signer_of

NOW = datetime.now(UTC)
POSIX = pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def own(pki: kit.Pki) -> Signer:
    return signer_of(pki.certificate, pki.key)


def test_one_is_made_once_and_only_its_owner_reads_it(state: Path) -> None:
    first = signer_of(None, None)
    assert (signer_of(None, None), first.local, local_path()) == (first, True, state / "roop" / "credentials" / "signer.pem")
    if os.name == "posix":
        assert (local_path().stat().st_mode & 0o777, local_path().parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert left(local_path().parent) == [".signer.lock", "signer.pem"]
    assert "PRIVATE" not in repr(first)


def test_it_says_nothing_about_anybody(state: Path) -> None:
    leaf, authority = x509.load_pem_x509_certificates(signer_of(None, None).chain)
    assert leaf.subject.rfc4514_string() == "CN=roop,O=roop (made on this machine\\, not verified)"
    leaf.verify_directly_issued_by(authority)
    assert list(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.EMAIL_PROTECTION
    ]
    for one in (leaf, authority):
        begins, ends = one.not_valid_before_utc, one.not_valid_after_utc
        assert NOW - timedelta(days=33) < begins < NOW - timedelta(hours=23)
        assert ends > NOW + timedelta(days=3610)
        for moment in (begins, ends):  # not the second in which somebody first used it
            assert (moment.day, moment.hour, moment.minute, moment.second) == (1, 0, 0, 0)
    made = leaf.public_bytes(Encoding.DER) + authority.public_bytes(Encoding.DER)
    assert not [word for word in kit.private() if word in made]


def test_processes_that_begin_together_agree(state: Path) -> None:
    code = "from roop_provenance.certificate import signer_of; print(hash(signer_of(None, None).key))"
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    started = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment) for _ in range(4)]
    assert len({process.communicate(timeout=120)[0] for process in started}) == 1
    assert [process.returncode for process in started] == [0] * 4
    assert left(local_path().parent) == [".signer.lock", "signer.pem"]


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "holds no certificate"), (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no certificate")],
)
def test_a_broken_one_is_told_with_what_to_do(content: bytes, said: str, state: Path) -> None:
    signer_of(None, None)
    local_path().write_bytes(content)
    with pytest.raises(PluginError, match=f"{said}.*; delete that file, and the next run makes a new one"):
        signer_of(None, None)


def test_one_that_has_expired_is_told(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate, "_LASTS", timedelta(seconds=-1))
    with pytest.raises(PluginError, match=r"signer.pem has expired on .*; delete that file"):
        signer_of(None, None)


@POSIX
def test_what_others_may_read_or_replace_does_not_sign(state: Path, tmp_path: Path) -> None:
    signer_of(None, None)
    local_path().chmod(0o644)
    with pytest.raises(PluginError, match="may be read by others"):
        signer_of(None, None)
    local_path().chmod(0o600)
    local_path().parent.chmod(0o770)
    with pytest.raises(PluginError, match="others may write in"):
        signer_of(None, None)
    pki = kit.Pki(tmp_path)
    pki.key.chmod(0o640)
    with pytest.raises(UsageError, match=r"key .*key.pem may be read by others"):
        own(pki)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from roop_provenance.certificate import signer_of\n"
        "try: signer_of(*map(Path, sys.argv[1:]))\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    pki, pipe = kit.Pki(tmp_path), tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    for named in ((pipe, pki.key), (pki.certificate, pipe)):
        done = subprocess.run([sys.executable, "-c", code, *named], capture_output=True, text=True, timeout=60, check=True)
        assert done.stdout.startswith("UsageError the ")
        assert f"{pipe} is no file; name another" in done.stdout


def test_a_folder_that_can_not_be_made_is_told(state: Path) -> None:
    state.write_bytes(b"")
    with pytest.raises(PluginError, match=r"can't be used .*set XDG_STATE_HOME"):
        signer_of(None, None)


def test_ones_own_is_trusted_where_its_authority_is_known(source: Path, targets: dict[str, Path], tmp_path: Path) -> None:
    pki, output = kit.Pki(tmp_path), tmp_path / "out.mp4"
    report = kit.signed(source, targets["video"], output, options=pki.options)
    assert report.finished == ("Content Credentials: intact, signed with the certificate that was named",)
    assert (kit.state_of(output), kit.state_of(output, anchor=pki.anchor)) == ("Valid", "Trusted")
    assert kit.told(output)["signature_info"]["common_name"] == "A test's signer"
    secret = b"".join(pki.key.read_bytes().splitlines()[1:-1])[:40]
    assert secret not in output.read_bytes()
    assert secret.decode() not in str(report.to_json())


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"ends": NOW - timedelta(days=1)}, "has expired on"),
        ({"ends": NOW + timedelta(days=11)}, "is not valid before"),
        ({"purpose": ExtendedKeyUsageOID.CODE_SIGNING}, "it needs the purpose emailProtection"),
        ({"purpose": None}, "it needs the purpose emailProtection"),
    ],
)
def test_one_that_can_not_sign_ends_the_job_before_its_first_frame(
    made: dict[str, object], said: str, source: Path, targets: dict[str, Path], tmp_path: Path
) -> None:
    pki = kit.Pki(tmp_path, **made)  # type: ignore[arg-type]
    error = refused(kit.with_provenance(), kit.a_job(source, targets["picture"], tmp_path / "o.png", options=pki.options))
    assert (error.exit_code, said in str(error)) == (2, True), str(error)
    assert error.report is not None
    assert error.report.frames == 0


def test_a_key_that_is_none_or_anothers_is_told_without_what_it_holds(tmp_path: Path) -> None:
    pki = kit.Pki(tmp_path)
    key = load_pem_private_key(pki.key.read_bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    for content, said in (
        (
            pem(ec.generate_private_key(ec.SECP256R1())),
            r"^the certificate .* does not begin with the certificate of that key",
        ),
        (locked, r"^the key .*key.pem has a passphrase"),
        (b"hunter2", r"^the key .*key.pem holds no private key in PEM"),
        (b"x" * (1 << 21), r"^the key .*key.pem is too long"),
    ):
        pki.key.write_bytes(content)
        with pytest.raises(UsageError, match=said) as caught:
            own(pki)
        assert "hunter2" not in str(caught.value)
    pki.key.unlink()
    with pytest.raises(UsageError, match=r"key .*key.pem can't be read"):
        own(pki)
    with pytest.raises(UsageError, match=r"can't be read|is no file"):
        signer_of(tmp_path, pki.key)


def test_both_are_named_or_neither(tmp_path: Path) -> None:
    pki = kit.Pki(tmp_path)
    with pytest.raises(UsageError, match="--provenance-key"):
        signer_of(pki.certificate, None)
    with pytest.raises(UsageError, match="--provenance-certificate"):
        signer_of(None, pki.key)


def test_kinds_of_keys() -> None:
    known = {
        "es256": ec.generate_private_key(ec.SECP256R1()),
        "es384": ec.generate_private_key(ec.SECP384R1()),
        "es512": ec.generate_private_key(ec.SECP521R1()),
        "ed25519": ed25519.Ed25519PrivateKey.generate(),
        "ps256": rsa.generate_private_key(65537, 2048),
    }
    assert {name: certificate._algorithm(key) for name, key in known.items()} == {name: name for name in known}
    for other in (
        ec.generate_private_key(ec.SECP256K1()),
        rsa.generate_private_key(65537, 1024),
        dsa.generate_private_key(1024),
    ):
        with pytest.raises(certificate._BrokenError, match="signs no credentials"):
            certificate._algorithm(other)


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
