"""Signatures: by the key that allowed_signers knows, checked by OpenSSH itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.errors import OpsError, Refused
from ops.inventory import signing
from ops.inventory.signing import Signer


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    signing.make_key(tmp_path / "key", "ops")
    found = Signer("ops@papa", (tmp_path / "key").read_text())
    line = signing.allowed_line("ops@papa", found.public_key())
    (tmp_path / "allowed_signers").write_text(f"{line}\n")
    return found


def test_a_signature_names_its_signer(tmp_path: Path, signer: Signer) -> None:
    (tmp_path / "sig").write_text(signer.sign(b"content"))
    assert signing.verify(b"content", tmp_path / "sig", tmp_path / "allowed_signers") == "ops@papa"


def test_other_content_or_another_key_is_told(tmp_path: Path, signer: Signer) -> None:
    (tmp_path / "sig").write_text(signer.sign(b"content"))
    with pytest.raises(OpsError, match="no valid signature"):
        signing.verify(b"other", tmp_path / "sig", tmp_path / "allowed_signers")
    (tmp_path / "allowed_signers").write_text("")
    with pytest.raises(OpsError, match="no valid signature"):
        signing.verify(b"content", tmp_path / "sig", tmp_path / "allowed_signers")


def test_a_key_that_is_not_allowed_is_refused_with_the_line_to_add(
    tmp_path: Path, signer: Signer
) -> None:
    signing.check(signer, tmp_path / "allowed_signers")
    with pytest.raises(Refused, match="does not know the signing key") as caught:
        signing.check(Signer("other", signer.key), tmp_path / "allowed_signers")
    assert 'other namespaces="ops-run" ssh-ed25519 ' in caught.value.hint


def test_what_is_no_key_is_refused_and_not_told(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="signing key is unusable") as caught:
        signing.check(Signer("ops", "hunter2"), tmp_path / "allowed_signers")
    assert "hunter2" not in str(caught.value) + repr(Signer("ops", "hunter2"))


def test_without_ssh_keygen_it_is_refused(
    tmp_path: Path, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refused, match="ssh-keygen is not installed"):
        signing.check(signer, tmp_path / "allowed_signers")
