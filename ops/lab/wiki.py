"""The campus wiki's pages and media, made from a seed, as DokuWiki keeps them: plain files.

Pure. DokuWiki's folder (`data`) holds pages/NAMESPACE/PAGE.txt and media/NAMESPACE/FILE; all
belongs to the web server's user. Names are lower case, with underscores, as it makes them.
"""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Iterator

from ops.lab.content import Entry

ROOT = "/var/lib/dokuwiki/data"
"""Where Debian's DokuWiki keeps the pages and media."""

ACCOUNTS = "/var/lib/dokuwiki/acl"
"""Where it keeps users and access rules."""

NGINX_SITE = "/etc/nginx/sites-available/default"

START_WORDS = "Campus operations handbook"
"""A text that the start page holds, for whoever asks whether the wiki is there."""

SPACES = ["network", "mail", "storage", "accounts", "backups", "servers", "teaching", "on_call"]

WRITTEN = 1_730_000_000
"""When the pages were last written: in October 2024."""

WORDS = """
    after before the a each every host service mail disk volume restart check note person desk
    rack cable switch port quota account group ticket answer ask order replace keep week night
    morning alarm probe record name address key list page folder file copy restore day office
""".split()  # noqa: SIM905 - words read better without their quotes


def pages(seed: int, count: int, owner: int) -> Iterator[Entry]:
    """Yield the start page, an index per namespace, `count` pages with history, pictures.

    `owner` is the number of the web server's user.
    """
    chance = random.Random(seed)  # noqa: S311 - content, no secret
    names = [_name(chance, number) for number in range(count)]
    for folder in ("pages", "media", "meta"):
        yield from (_folder(f"{folder}/{space}", owner) for space in ("", *SPACES))
    yield _file("pages/start.txt", _start(names).encode(), owner)
    for space in SPACES:
        mine = [name for name in names if name.startswith(f"{space}:")]
        yield _file(f"pages/{space}/start.txt", _index(space, mine).encode(), owner)
    for number, name in enumerate(names):
        path = name.replace(":", "/")
        picture = number % 8 == 0
        text = _page(chance, name, names, picture=picture)
        yield _file(f"pages/{path}.txt", text.encode(), owner)
        yield _file(f"meta/{path}.changes", _history(chance, name).encode(), owner)
        if picture:
            yield _file(f"media/{path}.png", drawing(chance, 160, 100), owner)


def _folder(path: str, owner: int) -> Entry:
    return Entry(path.rstrip("/").encode(), "folder", mode=0o755, owner=owner, mtime=WRITTEN)


def _file(path: str, content: bytes, owner: int) -> Entry:
    size = len(content)
    return Entry(path.encode(), "file", size, owner=owner, mtime=WRITTEN, words=content)


def drawing(chance: random.Random, width: int, height: int) -> bytes:
    """Return a PNG of coloured stripes (W3C's PNG specification, colour type 2, 8 bit)."""
    row = b"\0" + b"".join(chance.randbytes(3) * 8 for _ in range(width // 8))
    header = struct.pack(">IIBBBBB", width // 8 * 8, height, 8, 2, 0, 0, 0)
    body = zlib.compress(row * height)
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", body), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + check


def _name(chance: random.Random, number: int) -> str:
    space = SPACES[number % len(SPACES)]
    return f"{space}:{chance.choice(WORDS)}_{chance.choice(WORDS)}_{number:03}"


def _start(names: list[str]) -> str:
    lines = [f"====== {START_WORDS} ======", "", f"This wiki has {len(names)} pages.", ""]
    return "\n".join([*lines, *(f"  * [[{space}:start]]" for space in SPACES), ""])


def _index(space: str, names: list[str]) -> str:
    lines = [f"====== {space.replace('_', ' ').capitalize()} ======", ""]
    return "\n".join([*lines, *(f"  * [[{name}]]" for name in names), ""])


def _page(chance: random.Random, name: str, names: list[str], *, picture: bool) -> str:
    title = name.partition(":")[2].replace("_", " ").capitalize()
    parts = [f"====== {title} ======", ""]
    if picture:
        parts += [f"{{{{:{name}.png|{title}}}}}", ""]
    for _ in range(chance.randrange(2, 7)):
        parts += [f"===== {_sentence(chance, 3)} =====", "", _paragraph(chance), ""]
    parts += [f"See also [[{chance.choice(names)}]], naïve café, 東京, and //{name}//.", ""]
    return "\n".join(parts)


def _history(chance: random.Random, name: str) -> str:
    """Return a page's log of changes, as DokuWiki writes it: one line of tabs per change."""
    times = sorted(WRITTEN - chance.randrange(100_000_000) for _ in range(chance.randrange(1, 5)))
    kinds = ["C", *"E" * (len(times) - 1)]
    lines = zip(times, kinds, strict=True)
    return "".join(f"{time}\t192.0.2.7\t{kind}\t{name}\t\t\t\t\n" for time, kind in lines)


def _paragraph(chance: random.Random) -> str:
    return " ".join(_sentence(chance, chance.randrange(6, 16)) for _ in range(chance.randrange(9)))


def _sentence(chance: random.Random, length: int) -> str:
    return " ".join(chance.choices(WORDS, k=length)).capitalize() + "."
