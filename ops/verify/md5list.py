r"""Lines of md5sum lists, as `md5sum -c` of GNU coreutils takes them, for any name.

    0cc175b9c0f1b6a831c399e269772661  ./plain name
    \0cc175b9c0f1b6a831c399e269772661  ./line\nfeed\\and backslash

Names are bytes. Only backslash, LF and CR are escaped, and then the line starts with a
backslash; blanks, tabs and broken UTF-8 stand as they are (coreutils 9.1, src/digest.c).
"""

from __future__ import annotations

import re
from pathlib import Path

DIGEST = 32
"""Hex digits of an MD5."""

_HEX = b"0123456789abcdef"
_OURS = {b"  ./", b" *./"}
_TO_ESCAPE = re.compile(rb"[\\\n\r]")
_ESCAPED = re.compile(rb"\\(.?)", re.DOTALL)
_LINE = re.compile(rb"(?P<flag>\\?)(?P<digest>[0-9a-fA-F]{32}) [ *](?P<name>[^\n]+)")
_WORDS = {b"\\": b"\\\\", b"\n": b"\\n", b"\r": b"\\r"}
_BYTES = {b"\\": b"\\", b"n": b"\n", b"r": b"\r"}


class BadLine(ValueError):
    """A line that is none of an md5sum list; its text says why."""


class Unsorted(Exception):
    """Lines that are not in the order of their paths, or whose paths don't start with `./`.

    `path` and `number` are those of the first such line, where it is known.
    """

    def __init__(self, message: str, path: Path = Path(), number: int = 0) -> None:
        super().__init__(message)
        self.path = path
        self.number = number


def line(digest: bytes, path: bytes) -> bytes:
    """Return the line of one file, LF included."""
    if _TO_ESCAPE.search(path) is None:
        return b"%b  %b\n" % (digest, path)
    return b"\\%b  %b\n" % (digest, escape(path))


def lines(digest: bytes, paths: list[bytes]) -> list[bytes]:
    """Return the lines of many files with one digest: quick when no name is odd."""
    names = b"".join(paths)
    if not any(byte in names for byte in _WORDS):
        return [b"%b  %b\n" % (digest, path) for path in paths]
    return [line(digest, path) for path in paths]


def parse(text: bytes) -> tuple[bytes, bytes]:
    """Return path and digest (lower case) of a line without its LF. Raise BadLine."""
    found = _LINE.fullmatch(text)
    if found is None:
        raise BadLine("no line of an md5sum list")
    name = found["name"]
    return unescape(name) if found["flag"] else name, found["digest"].lower()


def sorted_paths(lines: list[bytes]) -> list[bytes]:
    """Return the paths of many lines as this suite writes them: one pass, no line by itself.

    Raise BadLine when one is damaged, Unsorted when paths don't start with `./`.
    """
    if {line[32:36] for line in lines} <= _OURS and are_digests(lines):
        return [line[34:] for line in lines]
    paths = [parse(line)[0] for line in lines]
    if not all(path.startswith(b"./") for path in paths):
        raise Unsorted("paths of another kind")
    return paths


def are_digests(lines: list[bytes]) -> bool:
    """Return whether all lines begin with 32 hex digits in lower case."""
    return all_digests([line[:DIGEST] for line in lines])


def all_digests(words: list[bytes]) -> bool:
    """Return whether all words are 32 hex digits in lower case."""
    return set(map(len, words)) <= {DIGEST} and not b"".join(words).translate(None, _HEX)


def escape(path: bytes) -> bytes:
    r"""Return a name as md5sum writes it: LF as \n, CR as \r, backslash as \\."""
    return _TO_ESCAPE.sub(lambda found: _WORDS[found.group()], path)


def unescape(name: bytes) -> bytes:
    """Return the name that `escape` was given. Raise BadLine for any other escape."""
    return _ESCAPED.sub(_unescaped, name)


def _unescaped(found: re.Match[bytes]) -> bytes:
    try:
        return _BYTES[found[1]]
    except KeyError:
        raise BadLine("an escape that md5sum does not write") from None
