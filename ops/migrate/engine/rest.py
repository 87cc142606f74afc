"""What rsync does after the streams, or without any: the rest, and the proof of it all.

What an archive brings whole into an empty target need not be looked at again: then rsync is told
the names of the rest. That rsync is started while the streams are at their last tasks, and waits
for the names: its channel, the gate and its greeting take several round trips.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from ops.inventory.patterns import Excludes
from ops.inventory.schema import FileSet
from ops.migrate.engine import rsync, streams
from ops.migrate.engine.door import Way
from ops.migrate.engine.ends import Ends
from ops.migrate.engine.meter import Meter
from ops.migrate.engine.outcome import GO_ON, Outcome, judged
from ops.migrate.engine.whole import whole
from ops.remote.command import Command, command, script
from ops.remote.errors import CommandFailed, Unreachable
from ops.remote.host import Running

PATIENT = 20.0
"""Seconds after which an rsync that still waits is not used any more: far below rsync.SILENCE."""

# The names come through a pipe, and a cut-short list would look like a whole one to rsync: what
# ends their reading too early ends this with an error, too. Each has names and a pipe of its own:
# one that outlived its guard must not hear what is told to the next, and ends with the folder.
_LISTED = """
cd -- "$1" && names=rest.$2 pipe=rest.$2.pipe || exit
shift 2
mkfifo "$pipe" 2>/dev/null || {
    echo "ops: the run's folder on the source takes no pipe" >&2
    exit 12
}
export LC_ALL=C
exec 4<>"$pipe" 5>"$pipe" 6<"$pipe" 4>&-
"$@" <&6 5>&- 6<&- &
rsync=$!
exec 6<&-
until [ -e "$names" ] || [ ! -e "$pipe" ] || ! kill -0 "$rsync" 2>/dev/null; do sleep 0.02; done
cat "$names" >&5
told=$?
exec 5>&-
wait "$rsync"
code=$?
[ "$code" != 0 ] || code=$told
exit "$code"
"""

_BRING = """
cd -- "$1" && cat >"rest.$2.new"
"""

_TELL = """
cd -- "$1" && exec mv "rest.$2.new" "rest.$2"
"""


@dataclass
class Rest:
    """rsync from one end to the other; `beside` streams through the first one's connection.

    `sent` are the totals of what the streams have sent before it.
    """

    ends: Ends
    way: Way
    data: FileSet
    meter: Meter
    limit_mbit: int = 0
    beside: bool = False
    sent: rsync.Totals = field(default_factory=rsync.Totals)
    _waiting: Running | None = None
    _since: float = 0.0
    _number: int = 0

    def wait(self, names: bytes) -> None:
        """Have an rsync wait for being told these names, if that was not tried yet; see `only`."""
        if not self._number:
            self._since = time.monotonic()
            with suppress(Unreachable, CommandFailed):
                self._waiting = self._ready(names)

    def all(self) -> Outcome:
        """Look at the whole set; return how that went."""
        self.close()
        asked = command(
            *self._words(listed=False),
            root=self.ends.source_root,
            env={"LC_ALL": "C"},
            cwd=self.way.inside,
        )
        return self._followed(lambda: self.ends.source.start(asked))

    def only(self, names: bytes) -> Outcome:
        """Look at these entries alone, each ended by a NUL byte; return how that went."""
        if self._waiting is not None and not self._still_waits(self._waiting):
            self.close()

        def told() -> Running:
            self._waiting = running = self._waiting or self._ready(names)
            self.ends.source.run(self._script(_TELL))
            return running

        return self._followed(told)

    def close(self) -> None:
        """End an rsync that waits, if there is one."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.end()

    def _still_waits(self, running: Running) -> bool:
        try:
            return time.monotonic() - self._since < PATIENT and running.poll() is None
        except Unreachable:
            return False

    def _ready(self, names: bytes) -> Running:
        """Bring the names, and start an rsync that waits to be told them."""
        self._number += 1
        number, as_root = str(self._number), self.ends.source_root
        bring = whole(_BRING, self.way.inside, number, stdin=names, root=as_root)
        self.ends.source.run(bring)
        return self.ends.source.start(self._script(_LISTED, *self._words(listed=True)))

    def _script(self, text: str, *words: str) -> Command:
        inside, number = self.way.inside, str(self._number)
        return script(text, inside, number, *words, root=self.ends.source_root)

    def _words(self, *, listed: bool) -> list[str]:
        data = self.data
        return rsync.send(
            data.source.root,
            streams.shared(self.way.ssh, 1) if self.beside else self.way.ssh,
            Excludes(data.exclude).rsync_arguments(),
            cross_mounts=data.cross_mounts,
            limit_mbit=self.limit_mbit,
            listed=listed,
        )

    def _followed(self, start: Callable[[], Running]) -> Outcome:
        """Follow rsync to its end and tell the meter how far it is; return how that went."""
        output = rsync.Output()
        try:
            with start() as running:
                while (chunk := running.read(1.0)) != b"":
                    output.feed(chunk or b"")
                    self._metered(output)
                code, said = running.wait(rsync.SILENCE), rsync.complaints(running.err)
        except (Unreachable, CommandFailed) as lost:
            what = "the connection to the source broke"
            if isinstance(lost, CommandFailed):
                what = "the source could not be told what is left"
            broke = f"{what}: {lost.message}"
            return Outcome("incomplete", output.totals(), words=broke, hint=GO_ON)
        totals = output.totals()
        output.bytes = max(output.bytes, totals.sent_bytes)
        output.sent = max(output.sent, totals.sent_files)
        self._metered(output)
        return judged(code, totals, said, (self.data.source.root, self.data.target.root))

    def _metered(self, output: rsync.Output) -> None:
        self.meter.at(self.sent.sent_bytes + output.bytes, self.sent.sent_files + output.sent)
