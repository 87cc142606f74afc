"""A scan: all below a root looked at, every file read to its end, and looked at again.

The look and the reading run side by side: the first batches are read while find still walks.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ops.remote.host import Host
from ops.remote.local import LocalHost
from ops.verify.faults import Fault
from ops.verify.folders import upwards
from ops.verify.look import Look
from ops.verify.manifest import Draft
from ops.verify.reading import Reading
from ops.verify.scanner import Scanner
from ops.verify.seen import How, Memory, Notes, recall
from ops.verify.tree import Progress, Tree, unheard


@dataclass(frozen=True)
class Load:
    """How much of a host a scan may take.

    `workers` read side by side (0: one a core), with this niceness, no more than
    `bytes_per_second` all together (0: without limit), for `seconds` (0: to the end).
    """

    workers: int = 0
    nice: int = 0
    bytes_per_second: int = 0
    seconds: int = 0


@dataclass
class Scan:
    """What came of it. `digests` belong to the entries of `look`: None where nothing was read.

    `files` and `size` (bytes) count what is known to its end, `read_files` and `read_size` what
    of it was read now, not before. `corrupted` are files whose content is not what it was
    although nothing else about them changed.
    """

    look: Look
    draft: Draft
    digests: list[bytes | None]
    faults: list[Fault] = field(default_factory=list)
    corrupted: list[Fault] = field(default_factory=list)
    files: int = 0
    size: int = 0
    read_files: int = 0
    read_size: int = 0
    seconds: float = 0.0

    @property
    def share(self) -> float:
        """How much of the content was read now, 0 to 1; 1 of nothing."""
        return self.read_size / self.size if self.size else 1.0

    def size_without(self, paths: set[bytes]) -> int:
        """Return the bytes of all files known to their end but those at `paths` or below."""
        look = self.look
        return self.size - sum(
            look.sizes[i]
            for i, digest in enumerate(self.digests)
            if digest and paths and not paths.isdisjoint(upwards(look.paths[i]))
        )


@dataclass(frozen=True)
class Keeping:
    """Where a scan remembers what it read (FILE.look), and what of that it reads again.

    `due` says for an earlier scan's records which files to read although they lay still; a full
    scan reads all of them.
    """

    path: Path
    place: str
    how: How = "quick"
    due: Callable[[Memory], set[bytes]] = lambda _: set()


def may_be_root(host: Host) -> bool:
    """Return whether commands run as root on the host: by log-in, or by sudo without asking.

    Elsewhere what the account may not read is named as unreadable.
    """
    become, user = getattr(host, "become", "none"), getattr(host, "user", "")
    return user == "root" or (become == "sudo" and not isinstance(host, LocalHost))


def scan(
    host: Host,
    tree: Tree,
    *,
    load: Load | None = None,
    progress: Progress | None = None,
    keeping: Keeping | None = None,
) -> Scan:
    """Return the scan of a tree on a host.

    With `keeping` only what changed since an earlier scan is read, and a scan that was cut off
    goes on. Raise OpsError when the root is missing, is no folder, is not on its mount, or when
    the reading breaks off, OutOfTime when its time is over. Files that could not be read are
    faults of the scan, not errors.
    """
    began = time.monotonic()
    load = load or Load()
    notes = Notes(keeping.path, keeping.place, keeping.how) if keeping else None
    with (
        _without_collector(),
        Reading(
            host,
            tree.root,
            workers=load.workers,
            nice=load.nice,
            rate=load.bytes_per_second,
            seconds=load.seconds,
            as_root=tree.as_root,
        ) as reading,
    ):
        scanner = Scanner(host, tree, reading, progress or unheard, notes)
        if keeping and notes:
            resumed = notes.resumed()
            scanner.resumed = bool(resumed.records)
            _remind(scanner, keeping, resumed)
        try:
            result = _result(scanner)
        finally:
            if notes:
                notes.close()
    if notes:
        notes.keep()
    result.seconds = time.monotonic() - began
    return result


@contextmanager
def _without_collector() -> Iterator[None]:
    """Keep Python from searching the growing lists for circles, which they never have."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _remind(scanner: Scanner, keeping: Keeping, resumed: Memory) -> None:
    if keeping.how == "full":
        scanner.remember(resumed.records, lambda: recall(keeping.path, keeping.place).records)
        return
    before = recall(keeping.path, keeping.place)
    due = keeping.due(before)
    kept = {path: before.records[path] for path in before.records.keys() - due}
    read = due | (before.records.keys() & resumed.records.keys())
    checked = {path: before.records[path] for path in read}
    scanner.remember({**(kept if due else before.records), **resumed.records}, lambda: checked)


def _result(scanner: Scanner) -> Scan:
    look = scanner.work()
    digests = scanner.digests
    done = [i for i, digest in enumerate(digests) if digest]
    read = [i for i in scanner.read if digests[i]]
    return Scan(
        look,
        scanner.draft,
        digests,
        sorted(scanner.faults),
        sorted(scanner.corrupted),
        len(done),
        sum(map(look.sizes.__getitem__, done)),
        len(read),
        sum(map(look.sizes.__getitem__, read)),
    )
