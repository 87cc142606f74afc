"""Key pairs, made by ssh-keygen."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ops.errors import OpsError, Refused
from ops.known_hosts import PublicKey


def make_keypair(path: Path, comment: str = "") -> PublicKey:
    """Make an ed25519 key pair without passphrase at `path` and `path`.pub; return the public key.

    The folder is made with mode 0700 if it is missing. Raise Refused when there is a key already:
    a key is never overwritten.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() or public_path(path).exists():
        raise Refused(f"{path}: there is a key already", "remove it if nothing needs it any more")
    made = subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if made.returncode:
        raise OpsError(f"{path}: no key made: {made.stderr.decode(errors='replace').strip()}")
    return read_public(path)


def read_public(path: Path) -> PublicKey:
    """Return the public key beside the private one at `path`. Raise OpsError if it is none."""
    try:
        return PublicKey.parse(public_path(path).read_text(errors="replace"))
    except OSError as error:
        raise OpsError(f"{public_path(path)}: {error.strerror}") from error


def public_path(path: Path) -> Path:
    """Return where ssh-keygen puts the public half of the key at `path`."""
    return path.with_name(path.name + ".pub")
