"""Whether what is sent gets compressed: chosen from a sample of it, where it pays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ops.inventory.schema import FileSet
from ops.migrate.both import at_once
from ops.migrate.engine.ends import Ends
from ops.migrate.engine.shards import MEBI, Big, Range, Sharing, Task
from ops.remote.command import script
from ops.remote.host import Host

PIECE = 65536
"""Bytes that are tried of a place in a file."""

SMALL = 16
"""Files tried for all that are not big."""

BIGS = 8
"""Big files that are tried, largest first; the others are sent as they are."""

PAYS = {"zstd": 0.9, "gzip": 0.5}
"""Share of the bytes that has to be left at the most. zstd costs little, gzip a lot."""

HEADERS = 32_768
"""Mean size of a file in bytes below which zstd pays for the archives' headers alone."""

_PACKER = """
for name in zstd gzip; do
    command -v "$name" >/dev/null && echo "$name"
done
true
"""

# Standard input: of each place the file, the offset from 1, and whose sample it is. Told are,
# in a line each, whose, the bytes, and the bytes as packed.
_TRY = """
cd -- "$1" && exec xargs -0 -r -n 3 sh -c '
    plain=$(tail -c "+$4" -- "./$3" 2>/dev/null | head -c "$1" | wc -c)
    packed=$(tail -c "+$4" -- "./$3" 2>/dev/null | head -c "$1" | "$2" -1c 2>/dev/null | wc -c)
    echo "$5 $plain $packed"
' ops "$2" "$3"
"""


@dataclass(frozen=True)
class Packing:
    """What is compressed by which program; the keys of big files, "" for all the others."""

    program: str = ""
    packed: frozenset[str] = field(default_factory=frozenset)

    def of(self, task: Task) -> str:
        """Return the program that compresses the task, "" for none."""
        whose = task.big.key if isinstance(task, Range) else ""
        return self.program if whose in self.packed else ""


def chosen(ends: Ends, data: FileSet, sharing: Sharing) -> Packing:
    """Return what pays, after a look at the source's files and both ends' programs."""
    here, there = at_once(
        lambda: _packers(ends.source, as_root=ends.source_root),
        lambda: _packers(ends.target, as_root=ends.target_root),
    )
    program = next((name for name in here if name in there), "")
    if not program:
        return Packing()
    bigs = sorted(sharing.bigs, key=lambda one: -one.size)[:BIGS]
    small = program == "zstd" and sharing.mean < HEADERS
    told = b"".join(_places([] if small else sharing.sample(SMALL), bigs))
    asked = script(_TRY, data.source.root, str(PIECE), program, stdin=told, root=ends.source_root)
    found = ends.source.run(asked, check=False).out.decode().splitlines() if told else []
    return decided(program, found, small=small)


def decided(program: str, lines: list[str], *, small: bool) -> Packing:
    """Return what pays, from lines of `WHOSE BYTES PACKED`; `small` files do without a sample."""
    sums: dict[str, tuple[int, int]] = {}
    for line in lines:
        *whose, plain, packed = line.split()
        key = "".join(whose)
        before = sums.get(key, (0, 0))
        sums[key] = before[0] + int(plain), before[1] + int(packed)
    paying = {key for key, (plain, packed) in sums.items() if packed < PAYS[program] * plain}
    return Packing(program, frozenset(paying | ({""} if small else set())))


def _packers(host: Host, *, as_root: bool) -> list[str]:
    return host.run(script(_PACKER, root=as_root)).out.decode().split()


def _places(names: list[bytes], bigs: list[Big]) -> Iterator[bytes]:
    yield from (b"%b\0001\0\0" % name for name in names)
    for big in bigs:
        for at in (0, big.size // 2 // MEBI * MEBI, big.size - PIECE):
            yield b"%b\0%d\0%b\0" % (big.path, at + 1, big.key.encode())
