"""Files moved as files: whole or not at all, streamed, with any mode, also as root."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from ops.remote.command import Command, script
from ops.remote.errors import TransferFailed

_CHUNK = 256 * 1024
_LONGEST_SIZE = 20

_PUT = """
umask 077
set -C
trap 'rm -f -- "$2" 2>/dev/null' EXIT
trap 'exit 143' HUP INT TERM
cat >"$2" || exit
size=$(stat -c %s -- "$2") || exit
if [ "$size" != "$3" ]; then
    echo "$size of $3 bytes arrived" >&2
    exit 1
fi
chmod -- "$4" "$2" && sync -- "$2" && mv -fT -- "$2" "$1"
"""

_GET = """
if [ -e "$1" ] && [ ! -f "$1" ]; then
    echo "$1: not a regular file" >&2
    exit 1
fi
exec 3<"$1"
if [ ! -f /dev/fd/3 ]; then
    echo "$1: not a regular file" >&2
    exit 1
fi
size=$(stat -L -c %s /dev/fd/3) || exit
echo "$size"
exec head -c "$size" <&3
"""


def put_command(path: str, size: int, mode: int, *, root: bool) -> Command:
    """Return the command that reads a file of this size and puts it in place."""
    temporary = f"{path}.ops-{secrets.token_hex(4)}"
    return script(_PUT, _rooted(path), _rooted(temporary), str(size), f"{mode:04o}", root=root)


def get_command(path: str, *, root: bool) -> Command:
    """Return the command that writes a file's size in a line, and that many bytes of it."""
    return script(_GET, _rooted(path), root=root)


@contextmanager
def source(content: bytes | Path) -> Iterator[tuple[int, Iterable[bytes]]]:
    """Yield size and chunks of what is to be put. Raise TransferFailed for an unreadable file."""
    if isinstance(content, bytes):
        yield len(content), (content[at : at + _CHUNK] for at in range(0, len(content), _CHUNK))
        return
    try:
        opened = content.open("rb")
    except OSError as error:
        raise TransferFailed(f"{content}: {error.strerror}") from error
    with opened:
        size = os.fstat(opened.fileno()).st_size
        yield size, _first(opened, size)


class Arriving:
    """A local file in the making, next to its place; `complete` puts it there."""

    def __init__(self, to: Path) -> None:
        self._to = to
        self._temporary = to.with_name(f".{to.name[:200]}.ops-{secrets.token_hex(4)}")
        self._head = b""
        self._size = -1
        self._got = 0

    def __enter__(self) -> Self:
        try:
            descriptor = os.open(self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise TransferFailed(f"{self._to}: {error.strerror}") from error
        self._file = os.fdopen(descriptor, "wb", buffering=0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        self._temporary.unlink(missing_ok=True)

    @property
    def missing(self) -> int:
        """Return the bytes that have not come; all of them being there is 0."""
        return self._size - self._got if self._size >= 0 else 1

    def write(self, chunk: bytes) -> None:
        """Take the next chunk of what the host writes: a line with the size, then the bytes."""
        if self._size < 0:
            self._head += chunk
            line, found, chunk = self._head.partition(b"\n")
            if not found and len(self._head) <= _LONGEST_SIZE:
                return
            if not line.isdigit():
                raise TransferFailed(f"{self._to}: the host said something else than a size")
            self._size = int(line)
        self._got += len(chunk)
        try:
            _write_all(self._file.fileno(), chunk)
        except OSError as error:
            raise TransferFailed(f"{self._to}: {error.strerror}") from error

    def complete(self) -> None:
        """Put the whole file in its place."""
        os.fsync(self._file.fileno())
        self._temporary.replace(self._to)


def _rooted(path: str) -> str:
    """Return the path so that no program takes it for an option."""
    return f"./{path}" if path.startswith("-") else path


def _first(opened: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield `size` bytes and no more, though the file may grow; fewer when it shrinks."""
    while size > 0 and (chunk := opened.read(min(size, _CHUNK))):
        size -= len(chunk)
        yield chunk


def _write_all(descriptor: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(descriptor, view) :]
