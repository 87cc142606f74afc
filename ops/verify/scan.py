"""A scan: all below a root looked at, every file read to its end, and looked at again.

The look and the reading run side by side: the first batches are read while find still walks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ops.errors import OpsError
from ops.inventory.patterns import Excludes
from ops.remote.command import script
from ops.remote.host import Host
from ops.remote.local import LocalHost
from ops.verify.batches import Batches
from ops.verify.faults import Fault
from ops.verify.look import IDENTITY, Look, Reader, looking
from ops.verify.reading import Answer, Batch, Reading, look_digest

Progress = Callable[[int, int], None]
"""Hears how many bytes and files are done."""


def unheard(_bytes: int, _files: int) -> None:
    """Do nothing with the progress."""


_AGAIN = (
    'cd -P -- "$1" && exec xargs -0 -r sh -c '
    f'\'find "$@" -maxdepth 0 -printf "%p\\0{IDENTITY}\\0"; :\' find'
)


@dataclass(frozen=True)
class Tree:
    """What to scan: all below `root`, but what `exclude` says."""

    root: str
    exclude: tuple[str, ...] = ()
    mount: str = ""
    cross: bool = False
    as_root: bool = True


@dataclass(frozen=True)
class Load:
    """How much of a host a scan may take: workers (0: every core) and niceness."""

    workers: int = 0
    nice: int = 0


@dataclass
class Scan:
    """What came of it. `digests` belong to the entries of `look`: None where nothing was read."""

    look: Look
    digests: list[bytes | None]
    faults: list[Fault] = field(default_factory=list)
    files: int = 0
    size: int = 0
    seconds: float = 0.0

    def size_without(self, paths: set[bytes]) -> int:
        """Return the bytes of all files read but those at `paths`."""
        look = self.look
        return self.size - sum(
            look.size(i)
            for i, digest in enumerate(self.digests)
            if digest and paths and look.paths[i] in paths
        )


def may_be_root(host: Host) -> bool:
    """Return whether commands run as root on the host: by log-in, or by sudo without asking.

    Elsewhere what the account may not read is named as unreadable.
    """
    become, user = getattr(host, "become", "none"), getattr(host, "user", "")
    return user == "root" or (become == "sudo" and not isinstance(host, LocalHost))


def scan(
    host: Host, tree: Tree, *, load: Load | None = None, progress: Progress | None = None
) -> Scan:
    """Return the scan of a tree on a host.

    Raise OpsError when the root is missing, is no folder, is not on its mount, or when the
    reading breaks off. Files that could not be read are faults of the scan, not errors.
    """
    began = time.monotonic()
    load = load or Load()
    with Reading(
        host, tree.root, workers=load.workers, nice=load.nice, as_root=tree.as_root
    ) as reading:
        scanner = _Scanner(host, tree, reading, progress or unheard)
        result = scanner.work()
    result.seconds = time.monotonic() - began
    return result


class _Scanner:
    """The look in a thread of its own, the answers in the caller's; both give batches."""

    def __init__(self, host: Host, tree: Tree, reading: Reading, progress: Progress) -> None:
        self._host = host
        self._tree = tree
        self._reading = reading
        self._progress = progress
        self._reader = Reader(_excluded(tree.exclude))
        self._lock = threading.Lock()
        self._batches: Batches | None = None
        self._known = 0
        self._looked = False
        self._error: BaseException | None = None
        self._digests: dict[int, bytes] = {}
        self._doubts: list[Batch] = []
        self._unread: dict[bytes, str] = {}
        self._done = (0, 0)

    def work(self) -> Scan:
        thread = threading.Thread(target=self._look, daemon=True)
        thread.start()
        try:
            self._reading.wait_ready()
            with self._lock:
                self._batches = Batches(self._reading.workers)
            self._dispatch()
            for answer in self._reading.answers():
                self._take(answer)
                self._dispatch()
        except OpsError:
            thread.join()
            if self._error:
                raise self._error from None
            raise
        thread.join()
        if self._error:
            raise self._error
        return self._result()

    def _look(self) -> None:
        try:
            tree = self._tree
            command = looking(tree.root, mount=tree.mount, cross=tree.cross, as_root=tree.as_root)
            with self._host.start(command) as program:
                while chunk := program.read():
                    self._reader.take(chunk)
                    self._dispatch()
                code = program.wait()
                self._reader.finish(code, program.err, tree.root, tree.mount)
        except BaseException as error:
            self._error = error
        self._looked = True
        self._dispatch()

    def _dispatch(self) -> None:
        """Keep every worker busy, with one batch more in store for each."""
        with self._lock:
            if self._batches is None or (self._batches.complete and not self._batches.left):
                return
            self._supply(self._batches)
            while self._reading.waiting < 2 * self._reading.workers:
                files = [] if self._error else self._batches.take()
                if not files:
                    break
                self._reading.give(self._batch(files))
            if self._error or (self._batches.complete and not self._batches.left):
                self._reading.finish()

    def _supply(self, batches: Batches) -> None:
        looked, look = self._looked, self._reader.look
        until = len(look)
        paths = look.paths
        batches.add((i, look.size(i), len(paths[i])) for i in look.files(self._known, until))
        self._known = until
        batches.complete = looked

    def _batch(self, files: list[int]) -> Batch:
        look = self._reader.look
        names = [look.paths[i] for i in files]
        return Batch(files, names, look_digest([look.identities[i] for i in files]))

    def _take(self, answer: Answer) -> None:
        look, batch = self._reader.look, answer.batch
        bytes_read = 0
        for index, digest in zip(batch.files, answer.digests, strict=True):
            if digest is not None:
                self._digests[index] = digest
                bytes_read += look.size(index)
        if not answer.calm or len(answer.errors) or answer.code:
            self._doubts.append(batch)
            self._unread |= _reasons(answer)
        self._done = (self._done[0] + bytes_read, self._done[1] + len(batch.files))
        self._progress(*self._done)

    def _result(self) -> Scan:
        look = self._reader.look
        faults = [Fault(path, "unreadable", reason) for path, reason in look.complaints]
        faults += self._settle_doubts()
        digests = [self._digests.get(i) for i in range(len(look))]
        done = [i for i, digest in enumerate(digests) if digest]
        return Scan(look, digests, sorted(faults), len(done), sum(map(look.size, done)))

    def _settle_doubts(self) -> list[Fault]:
        """Return the faults of batches in doubt, and forget the digests of what changed."""
        faults = []
        again = self._look_again([name for batch in self._doubts for name in batch.names])
        for batch in self._doubts:
            for index, name in zip(batch.files, batch.names, strict=True):
                seen = again.get(name)
                if seen is None:
                    faults.append(Fault(name, "vanished", "it was there when the scan began"))
                elif seen != self._reader.look.identities[index]:
                    faults.append(Fault(name, "changed", "it changed while it was read"))
                elif index not in self._digests:
                    reason = self._unread.get(name, "md5sum did not read it to its end")
                    faults.append(Fault(name, "unreadable", reason))
                    continue
                else:
                    continue
                self._digests.pop(index, None)
        return faults

    def _look_again(self, names: list[bytes]) -> dict[bytes, bytes]:
        if not names:
            return {}
        command = script(
            _AGAIN, self._tree.root, root=self._tree.as_root, stdin=b"\0".join(names) + b"\0"
        )
        parts = self._host.run(command).out.split(b"\0")
        return dict(zip(parts[0:-1:2], parts[1::2], strict=True))


def _excluded(patterns: tuple[str, ...]) -> Callable[[bytes, bool], bool] | None:
    if not patterns:
        return None
    excludes = Excludes(patterns)
    return lambda path, folder: excludes.hold(path, folder=folder)


def _reasons(answer: Answer) -> dict[bytes, str]:
    """Return why md5sum could not read files, by name, as far as it says so plainly."""
    said = {}
    for line in answer.errors.splitlines():
        name, found, reason = line.removeprefix(b"md5sum: ").rpartition(b": ")
        if found:
            said[name.strip(b"'")] = reason.decode("utf-8", "backslashreplace")
    return said
