r"""Names as printable text: every byte that is not printable UTF-8 as \ooo, and back.

File names are bytes. On a terminal, in JSON, YAML and HTML they are shown as text; what is not
printable there (control characters, broken UTF-8, and the backslash itself, as \134) becomes
three octal digits a byte, so that the text is safe to show and tells the exact name.
"""

from __future__ import annotations

import re

_ESCAPE = re.compile(rb"\\([0-3][0-7]{2})")


def escape(name: bytes | str) -> str:
    r"""Return `name` as printable text on one line; "caf\303\251" bytes give "café".

    Text may hold surrogate escapes, as os.fsdecode makes them.
    """
    text = name if isinstance(name, str) else name.decode("utf-8", "surrogateescape")
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(_escaped(character) for character in text)


def unescape(text: str) -> bytes:
    """Return the bytes that `escape` was given."""
    return _ESCAPE.sub(
        lambda found: bytes([int(found[1], 8)]), text.encode("utf-8", "surrogateescape")
    )


def _escaped(character: str) -> str:
    if character.isprintable() and character != "\\":
        return character
    try:
        encoded = character.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a lone surrogate that stands for no byte
        encoded = character.encode("utf-8", "surrogatepass")
    return "".join(f"\\{byte:03o}" for byte in encoded)
