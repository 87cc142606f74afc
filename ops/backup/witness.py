"""Sees what an instance's volumes hold around the moment of their snapshot."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from ops.backup import moment
from ops.errors import OpsError
from ops.inventory.schema import InstanceState
from ops.remote.command import script
from ops.remote.host import Host
from ops.run import Run
from ops.verify import clock, manifest
from ops.verify.look import Look
from ops.verify.reading import OutOfTime
from ops.verify.scan import Keeping, Load, Scan, may_be_root, scan
from ops.verify.tree import Tree

NICE = 10
"""The host has its own work: what reads for the manifest comes last."""

BEFORE, AFTER = 1800, 3 * 3600
"""Seconds for reading before the set is taken, and after it: well below a job's limit.

Instances share them, as the set of one is taken when the other's is listed."""

_SYNC = 'PATH=/usr/bin:/bin; date +%s.%N; sync -f -- "$@"'


def manifest_path(folder: Path, slot: str, volume: str) -> Path:
    """Return where in its run's folder the manifest of a volume's snapshot is."""
    return folder / f"{slot}.{volume}.md5"


class Witness:
    """The witness of one snapshot of one instance. `places` are the mounts by volume.

    `before`, then `mark` while all is frozen (or `sync` where nothing is), then `after`. Called
    again before the set is there, the last moment counts. What fails in between never fails the
    backup: `unseen` says why there is no manifest.

    Of large volumes the first manifest takes longer than a night: `before` and `after` have a
    time each, after which they are broken off; the next run goes on where this one stopped.
    """

    def __init__(
        self, course: Run, host: Host, slot: str, instance: InstanceState, places: Mapping[str, str]
    ) -> None:
        self._course, self.host = course, host
        self._slot, self._instance, self._places = slot, instance, places
        self._looks: dict[str, Look] = {}
        self._offset: clock.Offset | None = None
        self._moment = 0.0
        self._share = 1 / max(1, sum(bool(one.volumes) for one in course.state.instances.values()))
        self.unseen = ""
        self.files = self.bytes = self.moving = 0

    def before(self) -> None:
        """Look at everything, reading what changed since the last time; only once.

        What there was no time for is read afterwards.
        """
        self._try(self._look_before)

    def mark(self) -> None:
        """Take this moment, in which nothing changes, as the one of the manifest."""
        if self._offset:
            self._moment = self._offset.on_host(time.time())

    def sync(self) -> None:
        """Take this moment, and bring on disk what was written before it."""
        self._try(self._synced)

    def after(self) -> None:
        """Look again, and write the manifest of what did not change after the moment."""
        if self._moment:
            self._try(self._write)
        self.unseen = self.unseen or ("" if self._moment else "nobody looked at the volumes")

    def _try(self, look: Callable[[], None]) -> None:
        if self.unseen:
            return
        try:
            look()
        except OpsError as error:
            self.unseen = error.message

    def _look_before(self) -> None:
        if not self._offset:
            until = time.monotonic() + BEFORE * self._share
            with suppress(OutOfTime):
                for volume in self._places:
                    self._looks[volume] = self._scanned(volume, until).look
        self._offset = clock.measure(self.host)

    def _synced(self) -> None:
        said = self.host.run(script(_SYNC, *self._places.values(), root=True), timeout=600).out
        self._moment = float(said) - clock.TICK

    def _write(self) -> None:
        until = time.monotonic() + AFTER * self._share
        for volume in self._places:
            found = self._scanned(volume, until)
            if unread := [fault for fault in found.faults if fault.kind == "unreadable"]:
                raise OpsError(f"{len(unread)} files could not be read: {unread[0].reason}")
            path = manifest_path(self._course.directory, self._slot, volume)
            written = moment.write(path, self._looks.get(volume), found, self._moment)
            for suffix in ("", manifest.MTREE, moment.MOVING):
                self._course.attach(manifest.beside(path, suffix))
            self.files += written.files
            self.bytes += written.bytes
            self.moving += written.moving

    def _scanned(self, volume: str, until: float) -> Scan:
        mount, repo = self._places[volume], self._course.repo
        held = self._instance.volumes[volume].id
        component = self.host.name.partition(".")[0]
        memory = repo.var / "looks" / component / f"backup.{self._slot}.{volume}{manifest.LOOK}"
        keeping = Keeping(memory, f"{self._slot} {mount} {self._instance.id} {held}")
        tree = Tree(mount, mount=mount, as_root=may_be_root(self.host))
        load = Load(nice=NICE, seconds=max(1, round(until - time.monotonic())))
        return scan(self.host, tree, load=load, keeping=keeping)
