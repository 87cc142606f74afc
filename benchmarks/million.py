"""What planning for a million files costs the controller: `python -m benchmarks.million`.

Both ends are listings made on the fly, as find tells them; what reads, decides and shares out is
what transfers run. A first run has an empty target, a second one a target that holds all; a mirror
has a target that holds some more. Ends with 1 where one takes over 20 s of a processor, making the
listings included, or 500 MB in all.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ops.inventory.schema import FileSet
from ops.migrate.engine import mirror, scan
from ops.migrate.engine.ends import Ends
from ops.remote.command import Command
from ops.remote.endpoint import Endpoint
from ops.remote.host import Result, Sink
from ops.remote.local import LocalHost

FILES = 1_000_000
SECONDS, BYTES = 20.0, 500_000_000
_CHUNK = 32_768
_TIME = b"1700000000.1234567890"
_DATA = FileSet.model_validate(
    {
        "kind": "files",
        "source": {"root": "/srv/wiki"},
        "target": {"root": "/srv/wiki"},
        "exclude": ["*.tmp", "/cache/"],
    }
)


class Listing(LocalHost):
    """A host that answers every find with its files, and all else with nothing."""

    def __init__(self, name: str, files: range) -> None:
        super().__init__(name)
        self.files = files

    def run(self, command: Command, *, sink: Sink | None = None, **_: object) -> Result:
        """Tell the files to `sink`, in chunks as they come over a connection."""
        if sink is not None:
            for chunk in _chunks(_records(self.files, " ".join(map(str, command.argv)))):
                sink(chunk)
        return Result(command, 0, b"", b"")


def _records(files: range, asked: str) -> Iterator[bytes]:
    """Yield what find tells of the files, in the form that was asked for."""
    mirrored, whole = "%y %D %P" in asked, "%T@" in asked
    if mirrored:
        yield b"d 2049 \0"
    for number in files:
        path = b"pages/%03d/%04d/a page of the wiki %d.txt" % (
            number // 10_000,
            number // 100,
            number,
        )
        if mirrored:
            yield b"f 2049 %b\0" % path
        elif whole:
            size = 200 + number * 7919 % 20_000
            told = number, size, size // 512 + 1, _TIME, _TIME, path
            yield b"f 1 %d %d %d %b %b %b\0" % told
        else:
            yield path + b"\0"


def _chunks(records: Iterator[bytes]) -> Iterator[bytes]:
    chunk = bytearray()
    for record in records:
        chunk += record
        if len(chunk) > _CHUNK:
            yield bytes(chunk)
            chunk.clear()
    yield bytes(chunk)


def _ends(there: int) -> Ends:
    far = Endpoint("wiki.cloud.main", "127.0.0.1", "root", Path("/dev/null"))
    here = Listing("wiki.campus.main", range(FILES))
    return Ends(here, Listing("wiki.cloud.main", range(there)), far, "")


def first() -> str:
    """Plan for an empty target."""
    sharing = scan.missing(_ends(0), _DATA)
    return f"{sharing.files} files in {len(sharing.tasks(8))} tasks"


def second() -> str:
    """Plan for a target that holds all."""
    left = scan.missing(_ends(FILES), _DATA).files
    if left:
        raise AssertionError(
            f"{left} files are taken for missing: is the listing as find tells it?"
        )
    return "0 files"


def mirrored() -> str:
    """Find out what is gone from the source."""
    return f"{len(mirror.gone(_ends(FILES + 1000), _DATA))} gone"


def main() -> int:
    """Print time and memory of each, and whether both are within the limits."""
    return max(_measured(work) for work in (first, second, mirrored))


def _measured(work: Callable[[], str]) -> int:
    """Do it in a process of its own, whose memory is that of the whole controller."""
    child = multiprocessing.get_context("spawn").Process(target=_told, args=[work])
    child.start()
    child.join()
    return 1 if child.exitcode else 0


def _told(work: Callable[[], str]) -> None:
    words = work()
    taken = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    sys.stdout.write(
        f"a million files, {work.__name__}: {taken:.1f} s, {peak / 1e6:.0f} MB ({words})\n"
    )
    sys.exit(taken > SECONDS or peak > BYTES)


if __name__ == "__main__":
    sys.exit(main())
