"""Signatures of records, by OpenSSH's own format: `ssh-keygen -Y sign -n ops-run`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ops.errors import OpsError, Refused

NAMESPACE = "ops-run"


@dataclass(frozen=True)
class Signer:
    """A private key in memory, and the name it signs under."""

    principal: str
    key: str = field(repr=False)

    def public_key(self) -> str:
        """Return `TYPE BASE64` of the public half. Raise Refused when the key is unusable."""
        done = _with_key(self.key, ("-y", "-P", ""))
        if done.returncode != 0:
            raise Refused(
                f"the signing key is unusable: {done.stderr.decode(errors='replace').strip()}",
                "signing.key in site.yaml names an OpenSSH private key without a passphrase.",
            )
        return " ".join(done.stdout.decode().split()[:2])

    def sign(self, content: bytes) -> str:
        """Return the detached signature of `content`."""
        done = _with_key(self.key, ("-Y", "sign", "-n", NAMESPACE), content)
        if done.returncode != 0:
            raise OpsError(f"signing failed: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout.decode()


def check(signer: Signer, allowed: Path) -> None:
    """Raise Refused unless what `signer` signs will be accepted by the file `allowed`."""
    public = signer.public_key()
    lines = allowed.read_text().splitlines() if allowed.exists() else []
    if not any(line.split()[:1] == [signer.principal] and public in line for line in lines):
        raise Refused(
            f"{allowed.name} does not know the signing key of {signer.principal}",
            f"Add and commit the line: {allowed_line(signer.principal, public)}",
        )


def allowed_line(principal: str, public_key: str) -> str:
    """Return the line of allowed_signers that lets `public_key` sign records."""
    return f'{principal} namespaces="{NAMESPACE}" {public_key}'


def verify(content: bytes, signature: Path, allowed: Path) -> str:
    """Return who signed `content`. Raise OpsError when nobody in `allowed` did."""
    found = _ssh_keygen(("-Y", "find-principals", "-s", str(signature), "-f", str(allowed)))
    principal = found.stdout.decode().partition("\n")[0].strip()
    words = ("-Y", "verify", "-n", NAMESPACE, "-f", str(allowed), "-s", str(signature))
    if principal and _ssh_keygen((*words, "-I", principal), content).returncode == 0:
        return principal
    raise OpsError(
        f"{signature}: this is no valid signature by anybody in {allowed.name}",
        "The record or its signature was changed: compare it with the history in git.",
    )


def make_key(path: Path, comment: str) -> None:
    """Make an ed25519 key pair without passphrase at `path` (and `path`.pub)."""
    words = ("-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path))
    done = _ssh_keygen(words)
    if done.returncode != 0:
        raise OpsError(f"{path}: no key made: {done.stderr.decode(errors='replace').strip()}")


def _with_key(
    key: str, words: Sequence[str], content: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run ssh-keygen on a key that never is on a disk or a command line."""
    number = os.memfd_create("key", os.MFD_CLOEXEC)
    try:
        os.fchmod(number, 0o600)
        os.write(number, f"{key.rstrip()}\n".encode())
        words = (*words, "-f", f"/proc/self/fd/{number}")
        return _ssh_keygen(words, content, keep=(number,))
    finally:
        os.close(number)


def _ssh_keygen(
    words: Sequence[str], content: bytes = b"", keep: Sequence[int] = ()
) -> subprocess.CompletedProcess[bytes]:
    environ = {name: value for name, value in os.environ.items() if name != "SSH_AUTH_SOCK"}
    try:
        return subprocess.run(
            ["ssh-keygen", *words],
            input=content,
            capture_output=True,
            pass_fds=keep,
            env=environ,
            check=False,
        )
    except FileNotFoundError:
        raise Refused(
            "ssh-keygen is not installed: records can't be signed",
            "Install the OpenSSH client.",
        ) from None
