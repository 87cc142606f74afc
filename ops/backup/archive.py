"""Archives of the campus side, by restic: made, listed as of their moment, read back in parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ops import run
from ops.backup import append_only, archive_dump, archives, left_out, moment, restic
from ops.backup.archive_plan import plan_archive
from ops.backup.witness import manifest_path
from ops.cloud import objects
from ops.cloud.errors import CloudError
from ops.errors import Incomplete, OpsError
from ops.inventory.schema import Archive, ArchiveState, UnsoundState
from ops.plan import Plan, Step
from ops.remote.command import command, script
from ops.remote.errors import TimedOut
from ops.verify import clock, manifest
from ops.verify.scan import Keeping, Load, Scan, may_be_root, scan
from ops.verify.tree import Tree

if TYPE_CHECKING:
    from ops.inventory.repository import Repository
    from ops.remote.host import Host

_NOW = "sleep 0.05; date +%s.%N"


def plan(repo: Repository, name: str) -> Plan:
    """Return what a run would archive now."""
    return plan_archive(name, repo.component(name), repo.state(name).archive)


def make(
    repo: Repository, name: str, decided: Plan, *, tell: Callable[[Step], None] | None = None
) -> ArchiveState:
    """Carry out an archive's plan; return what was archived.

    Raise DumpFailed, with nothing archived; Incomplete when some files could not be read;
    OpsError for a repository that is locked, full, damaged or gone.
    """
    archive = archives.declared(repo, name)
    with run.begin(repo, "backup.run", name, dict(decided.facts)) as r, ExitStack() as stack:
        work = _Archiving(repo, name, archive, r, stack)
        performers = {
            "database.dump": work.dump,
            "archive.make": work.archive,
            "archive.check": work.check,
        }
        r.carry_out(decided, performers, tell=tell)
        if work.unread:
            raise Incomplete(f"{name}: {'; '.join(work.unread)}", "The rest is archived.")
        if work.open:
            raise OpsError(
                f"{name}: {'; '.join(work.open)}",
                "All is archived. Let the host only add, as docs/backups.md says.",
            )
        work.complete = True
        work.observe()
        return work.state()


class _Archiving:
    """The performers of one run, and what they add up."""

    def __init__(
        self, repo: Repository, name: str, archive: Archive, r: run.Run, stack: ExitStack
    ) -> None:
        self.repo, self.name, self.run = repo, name, r
        self.way = archives.way(repo, archive)
        self.stack = stack
        self.hosts: dict[str, Host] = {}
        self.ids: dict[str, str] = {}
        self.at: datetime | None = None
        self.files = self.bytes = 0
        self.unread: list[str] = []
        self.open: list[str] = []
        """Which hosts may not only add, though they should."""
        self.complete = False
        before = r.state.archive
        known = before if before and before.repository == archive.repository else None
        self.part, self.unsound = (known.part, known.unsound) if known else (0, None)

    def dump(self, step: Step) -> run.Facts:
        """Dump one database; see ops.verify.dump for what counts as a dump."""
        told: Any = step.arguments
        text = self.repo.template(told["script"]).read_text()
        hook = archive_dump.Hook(told["engine"], told["to"], told["least"], text, told["arguments"])
        return {"bytes": archive_dump.dump(self._host(told["slot"]), step.subject, hook)}

    def archive(self, step: Step) -> run.Facts:
        """Archive one host's trees, and write their manifests as of the moment it began."""
        told: Any = step.arguments
        slot, host = told["slot"], self._host(told["slot"])
        trees = {each: _tree(tree, host) for each, tree in told["trees"].items()}
        self._open(host)
        looks = {each: self._scanned(host, slot, each, tree).look for each, tree in trees.items()}
        began = float(host.run(script(_NOW)).out) - clock.TICK
        self.at = self.at or datetime.now(UTC)
        with self._excluded(host, trees) as excludes:
            asked = restic.backup(
                self.way,
                self.run.id,
                f"{self.name}.{slot}",
                [tree.root for tree in trees.values()],
                crossing=any(tree.cross for tree in trees.values()),
                excludes=excludes,
            )
            told = self._summary(host.run(asked, check=False, timeout=archives.LONG), slot)
        self.ids[slot] = self._id(host, slot)
        self.run.remember(id=self.ids[slot])
        files = moving = 0
        for each, tree in trees.items():
            path = manifest_path(self.run.directory, slot, each)
            after = self._scanned(host, slot, each, tree)
            written = moment.write(path, looks[each], after, began)
            files, moving = files + written.files, moving + written.moving
            for suffix in ("", manifest.MTREE, moment.MOVING):
                self.run.attach(manifest.beside(path, suffix))
        if (seen := told["total_files_processed"]) < files:
            self.unread.append(f"restic archived {seen} files of {slot}, but {files} lie there")
        self.files += told["total_files_processed"]
        self.bytes += told["total_bytes_processed"]
        self.observe()
        added = told["data_added"]
        append_only = self._adds_only(host)
        return {"id": self.ids[slot], "added": added, "moving": moving, "adds_only": append_only}

    def check(self, step: Step) -> run.Facts:
        """Let restic read a part of the repository back, to the last byte of it."""
        told: Any = step.arguments
        host = self._host(told["slot"])
        asked = self.way.command("check", f"--read-data-subset={told['part']}")
        result = host.run(asked, check=False, timeout=archives.LONG)
        try:
            restic.checked(result, self.way.repository)
        except restic.Known:
            raise
        except OpsError as error:
            self.unsound = UnsoundState(part=told["part"], run=self.run.id)
            self.observe()
            raise OpsError(
                f"{error.message}: the repository is not sound",
                error.hint or "The archive was added, but don't rely on it: see `restic check`.",
            ) from error
        self.part = int(told["part"].partition("/")[0])
        if self.unsound and self.unsound.part == told["part"]:
            self.unsound = None
        return {"part": told["part"]}

    def observe(self) -> None:
        """Record what was archived so far."""
        self.run.observe(self.run.state.model_copy(update={"archive": self.state()}))

    def state(self) -> ArchiveState:
        """Return what was archived so far."""
        return ArchiveState.model_validate(
            {
                "run": self.run.id,
                "at": self.at or run.now(),
                "repository": self.way.repository,
                "ids": dict(self.ids),
                "files": self.files,
                "bytes": self.bytes,
                "complete": self.complete,
                "part": self.part,
                "unsound": self.unsound,
            }
        )

    def _host(self, slot: str) -> Host:
        if slot not in self.hosts:
            made = run.host(self.repo, self.name, "campus", slot)
            self.hosts[slot] = self.stack.enter_context(made)
        return self.hosts[slot]

    def _open(self, host: Host) -> None:
        """Free the repository of locks whose process is dead; make it at the first run."""
        where = self.way.repository
        try:
            restic.checked(self._run(host, "unlock"), where)
        except restic.Missing:
            before = self.run.state.archive
            if before is not None and before.repository == where:
                raise
            restic.checked(self._run(host, "init"), where)

    def _run(self, host: Host, *words: str) -> Any:
        return host.run(self.way.command(*words), check=False, timeout=archives.SHORT)

    def _summary(self, result: Any, slot: str) -> dict[str, Any]:
        try:
            restic.checked(result, f"{self.name}.{slot} to {self.way.repository}")
        except Incomplete as error:
            self.unread.append(error.message)
        return restic.summary(result.out)

    def _id(self, host: Host, slot: str) -> str:
        asked = restic.listing(self.way, f"run={self.run.id}")
        found = restic.checked(
            host.run(asked, check=False, timeout=archives.SHORT), self.way.repository
        )
        ids = [one.id for one in restic.snapshots(found.out) if one.slot == slot]
        if len(ids) != 1:
            raise OpsError(f"{self.way.repository} does not list the archive that was just made")
        return ids[0]

    def _adds_only(self, host: Host) -> bool | None:
        """Return whether the host is proven to be able to add only; None where nobody can tell."""
        if self.way.repository.startswith("/"):
            return False
        vault = self.way.vault()
        if vault is None:
            return self._s3_adds_only(host)
        with suppress(TimedOut):
            said = host.run(append_only.asking(*vault), check=False, timeout=60)
            if append_only.refused(said.out):
                return True
        self.open.append(f"{host.name} could remove from {self.way.repository}, for all we know")
        return False

    def _s3_adds_only(self, host: Host) -> bool | None:
        """Try, with the host's keys and from here, to delete an object made for that."""
        if not (keys := self.way.keys):
            return None
        url = self.way.repository.removeprefix("s3:")
        try:
            free = objects.may_delete(url, keys[0].reveal, keys[1].reveal)
        except CloudError:
            return None  # S3 may let the host in only
        if free:
            self.open.append(f"{host.name} has keys that may remove from {self.way.repository}")
        return not free

    def _scanned(self, host: Host, slot: str, each: str, tree: Tree) -> Scan:
        memory = self.repo.var / "looks" / self.name / f"archive.{slot}.{each}{manifest.LOOK}"
        source = self.repo.component(self.name).source
        told = source.hosts[slot].load if source else None
        load = Load(told.processes, told.nice or 10, told.bytes_per_second) if told else Load()
        return scan(host, tree, load=load, keeping=Keeping(memory, f"{slot} {tree.root}"))

    @contextmanager
    def _excluded(self, host: Host, trees: Mapping[str, Tree]) -> Iterator[str]:
        """Give the file on the host that names what is excluded now; "" when nothing is."""
        lines = left_out.patterns(host, list(trees.values()))
        path = f"/run/ops-archive.{self.run.id}" if lines else ""
        if not path:
            yield ""
            return
        host.put(b"".join(line + b"\n" for line in lines), path, root=True)
        try:
            yield path
        finally:
            host.run(command("rm", "-f", "--", path, root=True), check=False, timeout=60)


def _tree(told: Any, host: Host) -> Tree:
    exclude = tuple(told["exclude"])
    return Tree(told["root"], exclude, told["mount"], told["cross"], may_be_root(host))
