"""Lines of authorized_keys that let a run's key in, for one purpose and a short time.

A line of ours ends with a comment `ops-migrate:COMPONENT:RUN`; by it a later run of the
component finds and removes what a run that died has left. All other lines stay byte for byte.
"""

from __future__ import annotations

import ipaddress
import re

from ops.errors import OpsError

_MARK = re.compile(rb"\A[^#].*\sops-migrate:(?P<component>[a-z0-9-]+):(?P<run>\S+)\s*\Z")

_EXPIRY = re.compile(rb',expiry-time="(\d{14})"')


def mark(component: str, run: str) -> str:
    """Return the comment of a run's key: `mark("wiki", "R1") == "ops-migrate:wiki:R1"`."""
    return f"ops-migrate:{component}:{run}"


def line(public_key: str, comment: str, command: str, expiry: str, address: str = "") -> bytes:
    """Return a line that lets the key do `command` and nothing else, until `expiry`.

    `public_key` is its type and its base64. `expiry` is YYYYMMDDHHMMSS in the target's own
    time zone, which sshd of any age reads. `address` is where the key may come from; without
    it from anywhere. Raise OpsError for an address that is none.
    """
    options = ["restrict", f"command={_quoted(command)}", f"expiry-time={_quoted(expiry)}"]
    if address:
        options.append(f"from={_quoted(_address(address))}")
    kind, key = public_key.split()[:2]
    return f"{','.join(options)} {kind} {key} {comment}\n".encode()


def added(text: bytes, new: bytes) -> bytes:
    """Return authorized_keys with one more line; a last line without its end gets it."""
    return (text if text.endswith(b"\n") or not text else text + b"\n") + new


def without(text: bytes, component: str) -> bytes:
    """Return authorized_keys without the lines of any run of the component."""
    return b"".join(each for each in _lines(text) if not _is_ours(each, component))


def unexpired(text: bytes, now: str) -> bytes:
    """Return authorized_keys without lines of ours that were good until before `now`."""
    return b"".join(each for each in _lines(text) if not _is_over(each, now.encode()))


def _is_over(one: bytes, now: bytes) -> bool:
    until = _EXPIRY.search(one) if _MARK.search(one) else None
    return until is not None and until[1] < now


def _is_ours(one: bytes, component: str) -> bool:
    match = _MARK.search(one)
    return match is not None and match["component"] == component.encode()


def _lines(text: bytes) -> list[bytes]:
    return re.findall(rb"[^\n]*\n|[^\n]+\Z", text)


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        raise OpsError(
            f"{text!r} is no address that the target could have seen", "Look at SSH_CONNECTION."
        ) from None


def _quoted(value: str) -> str:
    r"""Quote as sshd reads it: \" within quotes is a quote, and nothing else is special."""
    if any(character in value for character in "\n\r\0"):
        raise OpsError(f"{value!r} does not fit into a line of authorized_keys")
    return '"' + value.replace('"', '\\"') + '"'
