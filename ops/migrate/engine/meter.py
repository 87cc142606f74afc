"""The meter: looks at a transfer each second and keeps what it sees."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ops.errors import OpsError
from ops.migrate.engine.lanes import Lanes
from ops.migrate.engine.samples import Sample, busy, line, sockets
from ops.remote.command import script
from ops.remote.host import Host

PERIOD = 1.0
"""Seconds between two samples."""

_FLUSH = 10
"""Samples after which what was kept is on its way to the disk, should we die."""

_LOOK = """
head -n 1 /proc/stat
[ -z "$1" ] || exec ss -tinH dst "$1" 2>/dev/null
"""

Tell = Callable[[Sample], None]


class Meter:
    """Samples of one run, kept in a compressed file of JSON lines; used in a `with` block.

    Whoever moves data says where it stands with `enter` and `at`; a thread of the meter's own
    does the looking, and tells each sample to `tell`.
    """

    def __init__(self, path: Path, tell: Tell | None = None) -> None:
        self.path = path
        self.samples: list[Sample] = []
        self._tell = tell
        self._now = Sample(0, "", "start")
        self._loads: dict[str, Load] = {}
        self._start = time.monotonic()
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._file = gzip.open(self.path, "wt", encoding="utf-8")
        self._start = time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        self.load_of(None, None)
        self._look()
        self._file.close()

    def enter(self, data_set: str, phase: str) -> None:
        """Say that this phase of this data set begins; samples mark the end before and it."""
        self._look()
        with self._lock:
            same = self._now if self._now.data_set == data_set else Sample(0, data_set, phase)
            self._now = replace(same, phase=phase)
        self._look()

    def at(
        self,
        bytes: int,
        files: int,
        lanes: Lanes | None = None,
        under_way: Mapping[str, int] | None = None,
    ) -> None:
        """Say how much was sent of the data set so far, and by each lane of several streams.

        `under_way` are the bytes of what each lane is at.
        """
        told: dict[str, Any] = {"streams": None, "stream_files": None, "stream_retries": None}
        if lanes is not None:
            told = {
                "streams": lanes.at(under_way or {}),
                "stream_files": dict(lanes.files),
                "stream_retries": dict(lanes.retries),
                "retries": lanes.retries.total(),
            }
        with self._lock:
            self._now = replace(self._now, files=files, bytes=bytes, **told)

    def expect(self, bytes: int, files: int) -> None:
        """Say how much of the data set is to be sent in all."""
        with self._lock:
            self._now = replace(self._now, total_bytes=bytes, total_files=files)

    def load_of(self, source: Host | None, target: Host | None, towards: str = "") -> None:
        """Measure the load of these hosts from now on, instead of earlier ones.

        Of the source also its connections `towards` ADDRESS:PORT of the target.
        """
        for load in self._loads.values():
            load.stop()
        self._loads = {}
        if source is not None:
            self._loads["source"] = Load(source, towards)
        if target is not None:
            self._loads["target"] = Load(target)

    @property
    def busiest(self) -> float:
        """Return the load of the busier end, 0 where it is not known."""
        return max((load.share or 0.0 for load in self._loads.values()), default=0.0)

    def _watch(self) -> None:
        due = self._start + PERIOD
        while not self._over.wait(max(0.0, due - time.monotonic())):
            self._look()
            due = max(due + PERIOD, time.monotonic())

    def _look(self) -> None:
        with self._lock:
            now = self._now
            loads = {side: load.share for side, load in self._loads.items()}
            links = [load.link for load in self._loads.values() if load.link is not None]
            sample = replace(
                now,
                second=round(time.monotonic() - self._start, 3),
                source_load=loads.get("source"),
                target_load=loads.get("target"),
                round_trip_ms=links[0][0] if links else None,
                retransmits=links[0][1] if links else None,
            )
            self.samples.append(sample)
            self._file.write(line(sample))
            if len(self.samples) % _FLUSH == 0:
                self._file.flush()
        if self._tell:
            self._tell(sample)


class Load:
    """The processor load of one host, read each second over its connection, as long as wanted.

    So is how its own connections to an ADDRESS:PORT fare, where `ss` is present. It is a look
    on the side: a host that does not answer has no load, and no error.
    """

    def __init__(self, host: Host, towards: str = "") -> None:
        self.share: float | None = None
        self.link: tuple[float, int] | None = None
        self._host = host
        self._towards = towards
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop looking."""
        self._over.set()
        self._thread.join(10 * PERIOD)

    def _watch(self) -> None:
        before = self._read()
        while not self._over.wait(PERIOD):
            after = self._read()
            share, self.link = busy(before, after), sockets(after)
            self.share = None if share is None else round(share, 3)
            before = after

    def _read(self) -> bytes:
        asked = script(_LOOK, self._towards)
        try:
            return self._host.run(asked, check=False, timeout=5 * PERIOD).out
        except OpsError:
            return b""
