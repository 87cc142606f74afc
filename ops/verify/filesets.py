"""The verification of one data set of files: both sides scanned, compared, judged, told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ops import run
from ops.inventory.schema import Component, FileSet, Place, State, TransferState
from ops.remote.fanout import each
from ops.remote.host import Host
from ops.verify import clock, manifest, wording
from ops.verify.compare import compare
from ops.verify.folders import upwards
from ops.verify.scan import Keeping, Load, Scan, may_be_root, scan
from ops.verify.sides import SIDES, Hosts, Outcome, Side
from ops.verify.since import Since
from ops.verify.tree import Progress, Tree
from ops.verify.verdict import Judgement, judge

Bars = Callable[[str], Progress]
"""Returns what hears of the progress of a scan, by the scan's name."""


@dataclass
class FileWork:
    """One data set, moved before."""

    course: run.Run
    hosts: Hosts
    name: str
    declared: FileSet
    moved: TransferState
    full: bool = False

    def done(self, bars: Bars) -> Outcome:
        """Verify the data set and put figures and files into the record."""
        began = datetime.now(UTC)
        connected = {side: self.hosts.get(side, self._place(side).host) for side in SIDES}
        offset = clock.measure(connected["source"])
        outcomes = each(
            SIDES, lambda side: self._scanned(side, connected[side], bars(f"{self.name} {side}"))
        )
        for outcome in outcomes:
            if outcome.error is not None:
                raise outcome.error
        scans = {outcome.item: outcome.value for outcome in outcomes if outcome.value}
        judged = self._judged(scans["source"], scans["target"], offset)
        seconds = (datetime.now(UTC) - began).total_seconds()
        self._tell(scans, judged, offset, seconds)
        return Outcome(self.name, judged, self.moved.started, seconds, _share(scans))

    def _place(self, side: Side) -> Place:
        return self.declared.source if side == "source" else self.declared.target

    def _scanned(self, side: Side, host: Host, bar: Progress) -> Scan:
        keeping = keep(self.hosts, self.name, side, self._place(side))
        found = scan(
            host,
            tree(self.declared, self._place(side), host),
            load=load(self.hosts, side, self._place(side).host),
            progress=bar,
            keeping=Keeping(*keeping, "full" if self.full else "quick"),
        )
        manifest.write(self._path(side), found.draft, found.digests)
        return found

    def _judged(self, source: Scan, target: Scan, offset: clock.Offset) -> Judgement:
        compared = compare(self._path("source"), self._path("target"))
        differing = [d for d in compared.differences if d.kind != "metadata"]
        entries = {up for d in differing for path in (d.path, d.to) for up in upwards(path)}
        judged = judge(
            compared,
            source.faults,
            target.faults,
            since=Since(
                offset.on_host(self.moved.started.timestamp()),
                source.look.among(entries),
                target.look.among(entries),
            ),
            corrupted={"source": source.corrupted, "target": target.corrupted},
        )
        judged.bytes = source.size_without({d.path for d in differing})
        if not self.declared.cross_mounts:
            judged.not_entered = [
                (side, folder)
                for side, found in (("source", source), ("target", target))
                for folder in found.look.other_file_systems()
            ]
        return judged

    def _tell(
        self, scans: Mapping[Side, Scan], judged: Judgement, offset: clock.Offset, seconds: float
    ) -> None:
        for side in SIDES:
            self.course.attach(self._path(side))
            self.course.attach(manifest.beside(self._path(side), manifest.MTREE))
        lines = list(wording.judgement(judged, None))
        if lines:
            listed = self.course.directory / f"{self.name}.differences"
            listed.write_text("".join(f"{line}\n" for line in lines), "utf-8")
            self.course.attach(listed)
        self.course.figure(
            self.name,
            {
                "verdict": judged.verdict,
                "as_of": self.moved.started.isoformat(),
                "transfer": self.moved.run,
                "files": judged.files,
                "bytes": judged.bytes,
                **judged.counts,
                "seconds": round(seconds, 3),
                "clock_offset": round(offset.seconds, 3),
                **{f"{side}_files": scans[side].files for side in SIDES},
                **{f"{side}_bytes": scans[side].size for side in SIDES},
                **{f"{side}_read_bytes": scans[side].read_size for side in SIDES},
            },
        )

    def _path(self, side: Side) -> Path:
        return self.course.directory / f"{self.name}.{side}.md5"


def tree(declared: FileSet, place: Place, host: Host) -> Tree:
    """Return what to scan for one side of a data set."""
    return Tree(
        place.root,
        tuple(declared.exclude),
        place.mount or "",
        declared.cross_mounts,
        may_be_root(host),
    )


def keep(hosts: Hosts, name: str, side: Side, place: Place) -> tuple[Path, str]:
    """Return where the scans of a side are remembered, and the place they are true for.

    What was read on one instance or volume proves nothing about another, even if a snapshot
    made all numbers equal.
    """
    path = hosts.repo.var / "looks" / hosts.component / f"{name}.{side}{manifest.LOOK}"
    words = [side, place.host, place.root]
    if side == "target":
        words += behind(hosts.repo.state(hosts.component), place.host)
    return path, " ".join(words)


def behind(state: State, slot: str) -> list[str]:
    """Return the ids of the instance and the volumes that a slot's name stands for now."""
    instance = state.instances.get(slot)
    return [instance.id, *sorted(v.id for v in instance.volumes.values())] if instance else []


def load(hosts: Hosts, side: Side, slot: str) -> Load:
    """Return how much of a host a scan may take; instances are there for nothing else yet."""
    return declared_load(hosts.repo.component(hosts.component), side, slot)


def declared_load(component: Component, side: Side, slot: str) -> Load:
    """Return the load that the inventory allows on a component's host."""
    source = component.source
    if side == "target" or source is None:
        return Load()
    declared = source.hosts[slot].load
    return Load(declared.processes, declared.nice, declared.bytes_per_second)


def _share(scans: Mapping[Side, Scan]) -> float:
    size = sum(found.size for found in scans.values())
    return sum(found.read_size for found in scans.values()) / size if size else 1.0
