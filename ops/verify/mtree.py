r"""Lines of mtree specifications: every entry's metadata, names safe for any reader.

    #mtree
    . type=dir uid=0 gid=0 mode=0755 time=1700000000.000000000
    ./a\040b type=file uid=33 gid=33 mode=0644 nlink=1 size=3 time=1700000000.123456789 md5=...
    ./to type=link uid=0 gid=0 mode=0777 time=1700000000.000000000 link=a\040b

One line an entry, full paths, sorted by the raw bytes of the path. Files with several links
carry `tags=hardlink:FIRST`, FIRST being the group's first path, so that groups can be told. A
file without `md5=` was not read to its end, a folder with `tags=unread` not listed to its end:
nobody knows what is below it. Keywords: mtree(5) of NetBSD, FreeBSD, libarchive.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ops.verify.md5list import BadLine

HEAD = b"#mtree\n"

UNREAD = b" tags=unread"
"""Behind the words of a folder that was not listed to its end."""

TYPES = {
    b"f": b"file",
    b"d": b"dir",
    b"l": b"link",
    b"p": b"fifo",
    b"s": b"socket",
    b"c": b"char",
    b"b": b"block",
}
"""mtree's word for each type that find's %y prints."""

# Also what means something to a reader of mtree: comments, keywords, lists of tags, patterns.
_TO_ENCODE = re.compile(rb"[^!-~]|[\\#=,*?[]")
_PLAIN = bytes(byte for byte in range(256) if not _TO_ENCODE.match(bytes([byte])))
_ENCODED = re.compile(rb"\\([0-3][0-7]{2})")
_WORD = rb"(?:size=[0-9]+|(?!size=|type=)[a-z0-9]+=[!-~]*)"
_LINE = re.compile(rb"[!-~]+(?: %b)* type=[a-z]+(?: %b)*\Z" % (_WORD, _WORD))


@dataclass(frozen=True)
class Entry:
    """One entry: its path and its keywords, values as they stand in the line."""

    path: bytes
    words: dict[str, bytes]

    @property
    def type(self) -> str:
        """file, dir, link, fifo, socket, char or block."""
        return self.words.get("type", b"").decode()

    @property
    def size(self) -> int:
        """Bytes of a file; 0 for anything else."""
        return int(self.words.get("size", b"0"))

    @property
    def unread(self) -> bool:
        """Whether this is a file or a folder whose content nobody read to its end."""
        if self.type == "file":
            return "md5" not in self.words
        return self.type == "dir" and self.words.get("tags") == b"unread"


def encode(path: bytes) -> bytes:
    """Return a name with everything unsafe as three octal digits a byte."""
    if _TO_ENCODE.search(path) is None:
        return path
    return _TO_ENCODE.sub(lambda found: b"\\%03o" % found.group()[0], path)


def decode(name: bytes) -> bytes:
    """Return the name that `encode` was given."""
    if b"\\" not in name:
        return name
    return _ENCODED.sub(lambda found: bytes([int(found[1], 8)]), name)


def encoded(paths: list[bytes]) -> list[bytes]:
    """Return many names encoded; quick when none needs it."""
    if not b"".join(paths).translate(None, _PLAIN):
        return paths
    return [encode(path) for path in paths]


def checked(text: bytes) -> bytes:
    """Return a line without its LF as it is. Raise BadLine when it tells no entry."""
    if _LINE.match(text) is None:
        raise BadLine("no line of an mtree specification as this suite writes them")
    return text


def parse(text: bytes) -> Entry:
    """Return the entry of a line without its LF. Raise BadLine."""
    name, *words = checked(text).split(b" ")
    pairs = (word.partition(b"=") for word in words)
    return Entry(decode(name), {key.decode(): value for key, _, value in pairs})
