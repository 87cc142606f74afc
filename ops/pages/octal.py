r"""File names and other bytes as text a person can read and type again.

Bytes that are no printable UTF-8 are written `\ooo`, three octal digits each, as mtree(5)
does; the backslash too, so that the text can always be turned back into the bytes.
"""

from __future__ import annotations

import os
import re

_ESCAPE = re.compile(rb"\\([0-3][0-7]{2})")


def octal(value: bytes | str) -> str:
    r"""Return `value` on one printable line: `octal(b"a\nb") == "a\\012b"`.

    Text is taken as the bytes that os.fsencode makes of it, so names from os.listdir and
    names as bytes come out the same. Printable characters stay, all languages included.
    """
    raw = value if isinstance(value, bytes) else os.fsencode(value)
    text = raw.decode("utf-8", "surrogateescape")
    return "".join(map(_character, text))


def unoctal(text: str) -> bytes:
    """Return the bytes that `octal` wrote as `text`; a backslash that escapes nothing stays."""
    raw = text.encode("utf-8", "surrogateescape")
    return _ESCAPE.sub(lambda match: bytes([int(match[1], 8)]), raw)


def _character(one: str) -> str:
    if one.isprintable() and one != "\\":
        return one
    return "".join(f"\\{byte:03o}" for byte in one.encode("utf-8", "surrogateescape"))
