"""A scan at work: the look in a thread of its own, the answers in the caller's."""

from __future__ import annotations

import threading
import time
from array import array
from collections.abc import Callable, Sequence
from itertools import chain

from ops.errors import OpsError
from ops.remote.host import Host
from ops.verify import doubts
from ops.verify.answers import Answer, Batch, look_digest
from ops.verify.batches import Batches
from ops.verify.faults import Fault
from ops.verify.look import GONE, Look, Reader, looking
from ops.verify.manifest import Draft
from ops.verify.reading import TICK, Reading
from ops.verify.seen import Notes, Record
from ops.verify.tree import Progress, Tree, excluded

GRACE = 5.0
"""Seconds that a look may take to say why a root that can't be read can't be looked at either."""


class Scanner:
    """One scan. `remember` first, then `work`, then the results are there."""

    def __init__(
        self, host: Host, tree: Tree, reading: Reading, progress: Progress, notes: Notes | None
    ) -> None:
        self._host = host
        self._tree = tree
        self._reading = reading
        self._progress = progress
        self._notes = notes
        self._reader = Reader(excluded(tree.exclude))
        self._lock = threading.Lock()
        self._batches: Batches | None = None
        self._known = 0
        self._looked = self._finished = False
        self._halted = threading.Event()
        self._error: BaseException | None = None
        self._reuse: dict[bytes, Record] = {}
        self._before: dict[bytes, Record] = {}
        self._recall: Callable[[], dict[bytes, Record]] = dict
        self._unplaced: list[Answer] = []
        self._doubts: list[Answer] = []
        self._reused: list[tuple[list[int], list[bytes]]] = []
        self._done = (0, 0)
        self.resumed = False
        """Whether the notes go on behind those of a scan that was cut off."""
        self.draft = Draft(Look())
        self.digests: list[bytes | None] = []
        self.read = array("q")
        self.faults: list[Fault] = []
        self.corrupted: list[Fault] = []

    def remember(
        self, reuse: dict[bytes, Record], before: Callable[[], dict[bytes, Record]]
    ) -> None:
        """Take over what need not be read again, and what the content was `before`.

        The second is for files that are read although they may have lain still, now or by a
        scan that was cut off; it is asked for while these are read.
        """
        self._reuse = reuse
        self._recall = before

    def work(self) -> Look:
        """Do the scan and return the look it rests on."""
        thread = threading.Thread(target=self._look, daemon=True)
        thread.start()
        try:
            self._read_all()
        except OpsError as error:
            if not len(self._reader.look):  # nor can the root be looked at; the look says why
                thread.join(GRACE)
            self._halt(thread)
            raise (self._error or error) from None
        except BaseException:
            self._halt(thread)
            raise
        thread.join()
        if self._error:
            raise self._error
        self._settle()
        return self._reader.look

    def _read_all(self) -> None:
        """Have everything read that the look finds."""
        self._reading.wait_ready()
        with self._lock:
            self._batches = self._reading.batches()
        self._dispatch()
        for answer in self._reading.answers():
            if answer:
                self._take(answer)
            elif overdue := self._reading.overdue():
                self._look_after(overdue)
            self._dispatch()

    def _look_after(self, overdue: list[Batch]) -> None:
        """Read without the files that are other ones by now: a FIFO, say, is never read to its end.

        As long as they are what they were, reading just takes long.
        """
        look, names = self._reader.look, [name for batch in overdue for name in batch.names]
        now = doubts.look_again(self._host, self._tree, names, nice=self._reading.nice)
        known = {i: now.get(look.paths[i]) for batch in overdue for i in batch.files}
        changed = {i for i, identity in known.items() if identity != look.identities[i]}
        if not changed:
            self._reading.wake()
            return
        with self._lock:
            for batch in self._reading.restart():
                if files := [i for i in batch.files if i not in changed]:
                    self._reading.give(self._batch(files), again=True)
        self._take(doubts.unread(self._batch(sorted(changed))))

    def _halt(self, thread: threading.Thread) -> None:
        """End the look, so that nobody uses the notes after us."""
        self._halted.set()
        thread.join()

    def _look(self) -> None:
        try:
            if self._find():
                self._looked = True
                self._dispatch()
                self.draft = Draft(self._reader.look)
                self._before = self._recall()
        except BaseException as error:
            self._error = error
            self._dispatch()

    def _find(self) -> bool:
        """Look at the whole tree; return whether that was done, not halted."""
        tree = self._tree
        command = looking(
            tree.root,
            mount=tree.mount,
            cross=tree.cross,
            as_root=tree.as_root,
            nice=self._reading.nice,
        )
        with self._host.start(command) as program:
            while (chunk := program.read(TICK)) != b"":
                if self._halted.is_set():
                    return False
                if chunk:
                    self._reader.take(chunk)
                    self._dispatch()
            self._reader.finish(program.wait(), program.err, tree.root, tree.mount)
        return True

    def _dispatch(self) -> None:
        """Keep every worker busy, with one batch more in store for each; none after an error."""
        with self._lock:
            if self._batches is None or self._finished:
                return
            if not self._error:
                self._supply(self._batches)
                self._give(self._batches)
            if self._error or (self._batches.complete and not self._batches.left):
                self._finished = True
                self._reading.finish()

    def _give(self, batches: Batches) -> None:
        while self._reading.waiting < 2 * self._reading.workers and (files := batches.take()):
            self._reading.give(self._batch(files))

    def _supply(self, batches: Batches) -> None:
        looked, look = self._looked, self._reader.look
        until = len(look)
        files = look.files(self._known, until)
        if self._notes and not self._known and until:
            self._notes.begin(look.started, resumed=self.resumed)
        if self._reuse and files:
            files = self._without_known(files)
        if files:
            sizes, paths = look.sizes, look.paths
            batches.add(files, [sizes[i] for i in files], [len(paths[i]) for i in files])
        self._known = until
        batches.complete = looked

    def _without_known(self, files: list[int]) -> list[int]:
        """Note the files that lay still since they were read, and return the others."""
        look, reuse = self._reader.look, self._reuse
        nothing: Record = (b"", b"", b"")
        records = [reuse.get(look.paths[i], nothing) for i in files]
        pairs = list(zip(files, records, strict=True))
        kept = [(i, record) for i, record in pairs if record[0] == look.identities[i]]
        self._reused.append(([i for i, _ in kept], [record[1] for _, record in kept]))
        if self._notes:
            self._notes.add(
                [look.paths[i] for i, _ in kept],
                [record[0] for _, record in kept],
                [record[1] for _, record in kept],
                [record[2] for _, record in kept],
            )
        self._done = (
            self._done[0] + sum(look.sizes[i] for i, _ in kept),
            self._done[1] + len(kept),
        )
        return [i for i, record in pairs if record[0] != look.identities[i]]

    def _batch(self, files: list[int]) -> Batch:
        look = self._reader.look
        names = [look.paths[i] for i in files]
        identities = [look.identities[i] for i in files]
        size = sum(map(look.sizes.__getitem__, files))
        return Batch(files, names, look_digest(identities), size)

    def _take(self, answer: Answer) -> None:
        batch = answer.batch
        sums = [digest for digest in answer.digests if digest]
        if answer.calm and not answer.code and len(sums) == len(batch.names):
            self._unplaced.append(answer)
            if self._looked:
                self._place_all()
            self._note(batch.files, sums)
        else:
            self._doubts.append(answer)
        with self._lock:  # the look's thread counts what it knows
            self._done = (self._done[0] + batch.size, self._done[1] + len(batch.names))
        self._progress(*self._done)

    def _note(self, files: Sequence[int], sums: Sequence[bytes]) -> None:
        """Remember what was read just now."""
        if self._notes and files:
            look = self._reader.look
            paths = [look.paths[i] for i in files]
            identities = [look.identities[i] for i in files]
            self._notes.add(paths, identities, sums, [b"%d" % time.time()] * len(files))

    def _place_all(self) -> None:
        """Put the digests that came so far in their places, once all places are known."""
        if not self.digests:
            self.digests = [None] * len(self._reader.look)
        for answer in self._unplaced:
            self.read.extend(answer.batch.files)
            for index, maybe in zip(answer.batch.files, answer.digests, strict=True):
                self.digests[index] = maybe
        self._unplaced = []

    def _settle(self) -> None:
        """Put the last digests in their places, and look again where there is doubt."""
        look = self._reader.look
        self._unplaced += self._doubts
        self._place_all()
        for files, sums in self._reused:
            for index, digest in zip(files, sums, strict=True):
                self.digests[index] = digest
        self.faults = [
            Fault(path, "vanished" if reason == GONE else "unreadable", reason)
            for path, reason in look.complaints
        ]
        if self._doubts:
            self._settle_doubts()
        if self._before:
            self.corrupted = [
                Fault(look.paths[i], "corrupted", doubts.SILENT) for i in self._silent()
            ]

    def _settle_doubts(self) -> None:
        """Name what changed, vanished or was not read, and forget its digests."""
        names = [name for answer in self._doubts for name in answer.batch.names]
        again, look = (
            doubts.look_again(self._host, self._tree, names, nice=self._reading.nice),
            self._reader.look,
        )
        for answer in self._doubts:
            reasons = doubts.reasons(answer)
            for index, name in zip(answer.batch.files, answer.batch.names, strict=True):
                fault = doubts.fault(
                    name,
                    before=look.identities[index],
                    now=again.get(name),
                    digest=self.digests[index],
                    reasons=reasons,
                )
                if fault:
                    self.faults.append(fault)
                    self.digests[index] = None
            sure = [(i, digest) for i in answer.batch.files if (digest := self.digests[i])]
            self._note([i for i, _ in sure], [digest for _, digest in sure])

    def _silent(self) -> list[int]:
        """Return the files with other content than before although nothing else changed."""
        look = self._reader.look
        found = []
        resumed = chain.from_iterable(files for files, _ in self._reused)
        for index in chain(self.read, resumed):  # what a scan that was cut off read counts as well
            before = self._before.get(look.paths[index])
            digest = self.digests[index]
            if before and digest and before[0] == look.identities[index] and before[1] != digest:
                found.append(index)
        return found
