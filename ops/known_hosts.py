"""The known_hosts format as OpenSSH reads it: pure functions on its text.

Host keys are looked up by key name (`wiki.cloud.main`), as `ssh -o HostKeyAlias` does. Lines
that are no host keys (comments, garbage, unknown markers) are passed over, and always kept.
Patterns, negation, hashed names and `@revoked` count as they do in OpenSSH; `@cert-authority`
lines do not, as paramiko asks no host for a certificate. Source of the format: sshd(8).
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from ops.errors import OpsError

Verdict = Literal["trusted", "wrong", "unknown", "revoked"]

_NAME = re.compile(r"[A-Za-z0-9\[\]._:-]+\Z")


@dataclass(frozen=True)
class PublicKey:
    """A public key: its type, and its bytes as they travel."""

    kind: str
    blob: bytes

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """Return the key of `ssh-ed25519 AAAA... [comment]`. Raise OpsError for anything else."""
        kind, _, rest = text.strip().partition(" ")
        try:
            blob = base64.b64decode(rest.split()[0], validate=True)
        except (IndexError, ValueError, binascii.Error) as error:
            raise OpsError(f"no public key: {text.strip()[:60]!r}") from error
        if not blob.startswith(len(kind).to_bytes(4, "big") + kind.encode()):
            raise OpsError(f"no public key of type {kind!r}: {text.strip()[:60]!r}")
        return cls(kind, blob)

    @property
    def fingerprint(self) -> str:
        """Return `SHA256:...` as ssh-keygen and ssh print it."""
        digest = base64.b64encode(hashlib.sha256(self.blob).digest())
        return "SHA256:" + digest.decode().rstrip("=")

    def __str__(self) -> str:
        return f"{self.kind} {base64.b64encode(self.blob).decode()}"


@dataclass(frozen=True)
class _Line:
    marker: str
    names: tuple[str, ...]
    key: PublicKey


def fingerprint(key: str) -> str:
    """Return the SHA256 fingerprint of `ssh-ed25519 AAAA...`. Raise OpsError if it is no key."""
    return PublicKey.parse(key).fingerprint


def find(text: str, key_name: str) -> tuple[PublicKey, ...]:
    """Return the keys pinned for this name, in the order of the lines, without revoked ones."""
    return _pinned(_matching(text, key_name))


def revoked(text: str, key_name: str) -> tuple[PublicKey, ...]:
    """Return the keys that are not to be trusted for this name, whatever other lines say."""
    return _revoked(_matching(text, key_name))


def judge(text: str, key_name: str, offered: PublicKey) -> Verdict:
    """Return whether the key that a host offers is the one of this name."""
    lines = _matching(text, key_name)
    if offered in _revoked(lines):
        return "revoked"
    pinned = _pinned(lines)
    if offered in pinned:
        return "trusted"
    return "wrong" if pinned else "unknown"


def pin(text: str, key_name: str, key: str) -> str:
    """Return the text with this key as the one of this name; all other lines byte for byte.

    The first line of the name is replaced, further ones go; a line that names others too loses
    only this name; a new name is appended. Patterns and marked lines stay. Pinning the same key
    again changes nothing. Raise OpsError for a wrong name or key.
    """
    if not _NAME.match(key_name):
        raise OpsError(f"{key_name!r} cannot be the name of a host key")
    new = f"{key_name} {PublicKey.parse(key)}"
    lines = _lines(text)
    at = next((at for at, line in enumerate(lines) if _only(line, key_name)), None)
    if at is not None and _content(lines[at]) == new:
        new = lines[at].rstrip("\n")
    kept = [_without(line, key_name) if n != at else new + "\n" for n, line in enumerate(lines)]
    if at is None:
        kept = [*_ended(kept), new + "\n"]
    return "".join(kept)


def remove(text: str, key_name: str) -> str:
    """Return the text without the keys of this name; all other lines byte for byte."""
    return "".join(_without(line, key_name) for line in _lines(text))


def _pinned(lines: Sequence[_Line]) -> tuple[PublicKey, ...]:
    bad = _revoked(lines)
    return tuple(line.key for line in lines if not line.marker and line.key not in bad)


def _revoked(lines: Sequence[_Line]) -> tuple[PublicKey, ...]:
    return tuple(line.key for line in lines if line.marker == "@revoked")


def _matching(text: str, key_name: str) -> tuple[_Line, ...]:
    wanted = key_name.lower()
    return tuple(line for line in _read(text) if _matches(line.names, wanted))


@lru_cache(maxsize=4)
def _read(text: str) -> tuple[_Line, ...]:
    """Return the lines of a text that say something; kept, as each host of a fleet asks anew."""
    return tuple(line for line in map(_parsed, text.split("\n")) if line is not None)


def _parsed(line: str) -> _Line | None:
    fields = line.split()
    marker = fields.pop(0) if fields and fields[0].startswith("@") else ""
    if len(fields) < 3 or fields[0].startswith("#"):
        return None
    try:
        key = PublicKey.parse(f"{fields[1]} {fields[2]}")
    except OpsError:
        return None
    return _Line(marker, tuple(fields[0].split(",")), key)


def _matches(names: tuple[str, ...], key_name: str) -> bool:
    """Return whether a list of names means this one; a negated name that matches decides."""
    if names[0].startswith("|"):
        return _hashed(names[0], key_name)
    if any(name.startswith("!") and _like(key_name, name[1:]) for name in names):
        return False
    return any(_like(key_name, name) for name in names if not name.startswith("!"))


def _like(key_name: str, pattern: str) -> bool:
    if "*" not in pattern and "?" not in pattern:
        return key_name == pattern.lower()
    literal = re.sub(r"\[", "[[]", pattern.lower())
    return fnmatch.fnmatchcase(key_name, literal)


def _hashed(name: str, key_name: str) -> bool:
    try:
        _, version, salt, digest = name.split("|")
        expected = base64.b64decode(digest)
        found = hmac.digest(base64.b64decode(salt), key_name.encode(), "sha1")
    except ValueError:
        return False
    return version == "1" and hmac.compare_digest(expected, found)


def _only(line: str, key_name: str) -> bool:
    parsed = _parsed(line)
    if parsed is None or parsed.marker:
        return False
    name, wanted = parsed.names[0], key_name.lower()
    return len(parsed.names) == 1 and (
        name.lower() == wanted or (name.startswith("|") and _hashed(name, wanted))
    )


def _without(line: str, key_name: str) -> str:
    if _only(line, key_name):
        return ""
    parsed = _parsed(line)
    if parsed is None or parsed.marker:
        return line
    names = ",".join(name for name in parsed.names if name.lower() != key_name.lower())
    return line.replace(",".join(parsed.names), names, 1) if names else ""


def _lines(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+\Z", text)


def _ended(lines: list[str]) -> list[str]:
    """Return the lines, the last one ended."""
    if lines and not lines[-1].endswith("\n"):
        return [*lines[:-1], lines[-1] + "\n"]
    return lines


def _content(line: str) -> str:
    return " ".join(line.split()[:3])
