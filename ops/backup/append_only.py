"""Whether a host could remove from a repository: asked of the repository's account itself.

`rclone serve restic --append-only` refuses to delete, before it looks for what is to be deleted:
403, and without --append-only 404. So a file that never was is asked to be deleted, of a server
that we start without --append-only: only the command that the vault forces on the key adds it.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from ops.remote.command import Command, script

_ASK = r"""
said=$(mktemp -d) || exit
trap 'rm -rf -- "$said"' EXIT
trap 'exit 143' HUP INT TERM
: >"$said/out"
{
  cat
  until=$(($(date +%s) + 25))
  until [ -e "$said/ended" ] || grep -aqE 'Forbidden|Not Found' "$said/out"; do
    [ "$(date +%s)" -lt "$until" ] || break
    sleep 0.1
  done
} | { "$@"; : >"$said/ended"; } | tee "$said/out"
"""
"""The server answers only while its input is open, and a connection may take some seconds."""

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_SETTINGS, _HEADERS = 4, 1
_ENDS = 5
"""Flags of the frame of headers: it is the last one, and no content follows."""


def asking(login: Sequence[str], path: str) -> Command:
    """Return the command that asks to delete; its output is for `refused`."""
    serving = ("rclone", "serve", "restic", "--stdio", shlex.quote(path))  # ssh joins words bare
    headers = b"\x02\x06DELETE\x86\x04" + _text(b"/data/" + b"0" * 64) + b"\x01" + _text(b"vault")
    request = _PREFACE + _frame(_SETTINGS, 0, 0, b"") + _frame(_HEADERS, _ENDS, 1, headers)
    return script(_ASK, *login, *serving, root=True, stdin=request)


def refused(out: bytes) -> bool:
    """Return whether the answer proves that nothing can be deleted."""
    return b"\x03403" in out and b"Forbidden" in out


def _frame(kind: int, flags: int, stream: int, content: bytes) -> bytes:
    return (
        len(content).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + content
    )


def _text(word: bytes) -> bytes:
    """Return a text of at most 126 bytes as headers hold it."""
    return bytes([len(word)]) + word
