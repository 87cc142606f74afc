"""Trees with hostile names and entries, and an independent walk over them."""

from __future__ import annotations

import hashlib
import os
import random
import socket
import stat
from collections.abc import Mapping
from pathlib import Path

from hypothesis import strategies as st

from ops.verify import mtree

HOSTILE: Mapping[bytes, bytes] = {
    b"plain": b"plain",
    b"with blank": b"b",
    b" leading and trailing ": b"l",
    b"-rf": b"dash",
    b"line\nfeed": b"lf",
    b"carriage\rreturn": b"cr",
    b"back\\slash": b"bs",
    b"back\\nslash-n": b"bsn",
    b"tab\there": b"tab",
    b"'quotes' \"both\"": b"q",
    b"*star?[x]": b"glob",
    b"#hash=equals,comma": b"mtree",
    b"not-utf8-\xff\xfe": b"raw",
    "umlaut-\u00e4".encode(): b"utf8",
    b"empty": b"",
    b"\x01\x1f\x7f": b"control",
    b"$(touch x)`id`;&|": b"shell",
}

names = (
    st.binary(min_size=1, max_size=20)
    .map(lambda raw: raw.replace(b"\0", b"0").replace(b"/", b"\\"))
    .filter(lambda name: name not in (b".", b".."))
)
contents = st.dictionaries(names, st.binary(max_size=300), max_size=12)


def plant(root: Path, files: Mapping[bytes, bytes]) -> None:
    """Make files below `root`; names may hold slashes."""
    for name, content in files.items():
        path = os.path.join(os.fsencode(root), name)  # noqa: PTH118  names are bytes
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 - the path is bytes
        with open(path, "wb") as file:  # noqa: PTH123 - the path is bytes
            file.write(content)


def plant_all(root: Path) -> None:
    """Make a tree of everything: hostile names, folders, links, special files."""
    root.mkdir(exist_ok=True)
    plant(root, HOSTILE)
    plant(root, {b"deep \n er/" + name: content + b"2" for name, content in HOSTILE.items()})
    plant(root, {b"zz/first": b"linked"})
    (root / "empty folder").mkdir()
    os.link(root / "zz/first", root / "second link")
    (root / "to nowhere").symlink_to("no\nwhere")
    (root / "to a folder").symlink_to("deep \n er")
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(os.path.relpath(root / "socket"))


class Mutations:
    """Single-bit flips, truncations, swaps and renames, each of another file."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self.files = {
            b"d%02d/f%03d\n" % (number % 20, number): self._rng.randbytes(
                self._rng.randrange(2, 3000)
            )
            for number in range(600)
        }

    def apply(self, root: Path, count: int) -> dict[bytes, str]:
        """Change about `count` files below `root`; return each with the kind of difference."""
        left = self._rng.sample(sorted(self.files), count + 1)
        done: dict[bytes, str] = {}
        while len(left) > 1:
            kind = self._rng.choice(["flip", "truncate", "swap", "rename"])
            name = left.pop()
            path = os.fsencode(root) + b"/" + name
            content = self.files[name]
            if kind == "rename":
                os.rename(path, path + b".away")  # noqa: PTH104 - the path is bytes
                done[name] = "moved"
            elif kind == "swap":
                other = left.pop()
                self._put(path, self.files[other])
                self._put(os.fsencode(root) + b"/" + other, content)
                done |= {name: "different", other: "different"}
            else:
                self._put(path, content[:-1] if kind == "truncate" else self._flipped(content))
                done[name] = "different"
        return done

    def _flipped(self, content: bytes) -> bytes:
        changed = bytearray(content)
        changed[self._rng.randrange(len(changed))] ^= 1 << self._rng.randrange(8)
        return bytes(changed)

    @staticmethod
    def _put(path: bytes, content: bytes) -> None:
        with open(path, "wb") as file:  # noqa: PTH123 - the path is bytes
            file.write(content)


def walk(root: Path) -> dict[bytes, bytes]:
    """Return the MD5 by path of all regular files, found and hashed by other means."""
    found = {}
    top = os.fsencode(root)
    for folder, _, files in os.walk(top):
        for name in files:
            path = os.path.join(folder, name)  # noqa: PTH118 - the path is bytes
            if os.path.isfile(path) and not os.path.islink(path):  # noqa: PTH113, PTH114 - the path is bytes
                with open(path, "rb") as file:  # noqa: PTH123 - the path is bytes
                    digest = hashlib.md5(file.read(), usedforsecurity=False).hexdigest()
                found[b"./" + os.path.relpath(path, top)] = digest.encode()
    return found


def plant_others(root: Path, others: list[tuple[str, bytes]]) -> None:
    """Make a folder (d), link (l), hard link to ./first (h) or FIFO (p) of each name not taken."""
    for kind, name in others:
        path = os.fsencode(root) + b"/" + name
        if os.path.lexists(path):
            continue
        if kind == "d":
            os.mkdir(path, 0o750)  # noqa: PTH102 - the path is bytes
        elif kind == "l":
            os.symlink(name, path)  # noqa: PTH211 - the path is bytes
        elif kind == "h":
            os.link(os.fsencode(root) + b"/first", path)
        else:
            os.mkfifo(path)


_TYPES = {
    stat.S_IFREG: b"file",
    stat.S_IFDIR: b"dir",
    stat.S_IFLNK: b"link",
    stat.S_IFIFO: b"fifo",
    stat.S_IFSOCK: b"socket",
}


def lstats(root: Path) -> dict[bytes, dict[str, bytes]]:
    """Return the words of an mtree of every entry, but checksums and tags, by an lstat of each."""
    top = os.fsencode(root)
    paths = [top]
    for folder, folders, files in os.walk(top):
        paths += [os.path.join(folder, name) for name in (*folders, *files)]  # noqa: PTH118 - the path is bytes
    return {b"." + path.removeprefix(top): _lstat(path) for path in paths}


def _lstat(path: bytes) -> dict[str, bytes]:
    status = os.lstat(path)
    words = {
        "type": _TYPES[stat.S_IFMT(status.st_mode)],
        "uid": b"%d" % status.st_uid,
        "gid": b"%d" % status.st_gid,
        "mode": b"0%o" % stat.S_IMODE(status.st_mode),
        "time": b"%d.%09d" % divmod(status.st_mtime_ns, 10**9),
    }
    if not stat.S_ISDIR(status.st_mode):
        words["nlink"] = b"%d" % status.st_nlink
    if stat.S_ISREG(status.st_mode):
        words["size"] = b"%d" % status.st_size
    if stat.S_ISLNK(status.st_mode):
        words["link"] = mtree.encode(os.readlink(path))  # noqa: PTH115 - the path is bytes
    return words
