"""The inventory repo: found, and guarded against changes that must not be."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ops import known_hosts
from ops.errors import Refused
from ops.inventory import document, files, locks, machine, references, signing
from ops.inventory.git import Git
from ops.inventory.recorded import Recorded

_FOUND = "fab inventory.init path=DIR"


@dataclass(frozen=True)
class Entry:
    """A commit: when (ISO 8601), by whom, and its first line."""

    at: str
    who: str
    words: str


@dataclass(frozen=True)
class Repository(Recorded):
    """An inventory as tasks use it."""

    @classmethod
    def find(cls, environ: Mapping[str, str], start: Path) -> Repository:
        """Return the inventory of OPS_INVENTORY, else of fabric.yaml, else the sample.

        `start` is the folder of the suite. Relative paths in fabric.yaml start there, one in
        the variable where the person is. Raise Refused when there is none.
        """
        chosen = environ.get("OPS_INVENTORY")
        named = chosen or _configured(environ, start) or "inventory"
        path = ((Path.cwd() if chosen else start) / files.expanded(named)).absolute()
        if not (path / "site.yaml").is_file():
            raise Refused(
                f"there is no inventory in {path}",
                f"Make one with `{_FOUND}`, then `export OPS_INVENTORY=DIR`.",
            )
        return cls(path, start)

    @property
    def git(self) -> Git:
        """Return the repository's git."""
        return Git(self.path)

    @property
    def known_hosts(self) -> Path:
        """Return the file of pinned host keys."""
        return self.path / "known_hosts"

    def secret(self, reference: str, environ: Mapping[str, str]) -> str:
        """Return what `env:NAME` or `file:PATH` refers to. Raise Refused when it is not there."""
        return references.resolve(reference, self.path, environ)

    def history(self, component: str, limit: int) -> list[Entry]:
        """Return the commits on a component's file and state, the newest first."""
        self.component(component)
        self.is_versioned()
        paths = (f"components/{component}.yaml", f"state/{component}.yaml")
        words = ("log", f"--max-count={limit}", "--format=%cI%x1f%an <%ae>%x1f%s", "--", *paths)
        lines = self.git.run(*words).splitlines()
        return [Entry(*line.split("\x1f", 2)) for line in lines]

    # -- guards

    @property
    def is_sample(self) -> bool:
        """Return whether this is the sample that comes with the suite."""
        return self.path.resolve() == (self.project / "inventory").resolve()

    def writable(self) -> None:
        """Raise Refused unless this machine may change things by this inventory."""
        if self.is_sample:
            raise Refused(
                "this is the sample inventory of the suite: it can only be read",
                f"Make your own with `{_FOUND}`, then `export OPS_INVENTORY=DIR`.",
            )
        self.is_versioned()
        self._is_controller()
        self._is_at_rest()

    def is_versioned(self) -> None:
        """Raise Refused unless the inventory is a git repository of its own, and our account's.

        Git refuses other accounts' repositories, but not to root by sudo, who would leave
        files there that the account can't change any more.
        """
        if not (self.path / ".git").exists():
            raise Refused(
                f"{self.path} is no git repository of its own: changes could not be recorded",
                f"Make an inventory with `{_FOUND}`.",
            )
        owner = self.path.stat().st_uid
        if owner != os.geteuid():
            raise Refused(
                f"{self.path} belongs to the account {machine.account(owner)}",
                "Run tasks as that account.",
            )

    def clean(self, component: str = "") -> None:
        """Raise Refused when people's edits that a task would act on are not committed."""
        paths = ["site.yaml", *([f"components/{component}.yaml"] if component else ())]
        changed = self.git.changed(paths)
        if changed:
            listed = " ".join(changed)
            raise Refused(
                f"{self.path}: uncommitted edits in {', '.join(changed)}",
                f"Look at them with `fab inventory.diff`, then "
                f"`git -C {self.path} add {listed}` and commit.",
            )

    def signer(self, environ: Mapping[str, str]) -> signing.Signer:
        """Return who signs records here. Raise Refused when that would not work."""
        told = self.site().signing
        signer = signing.Signer(told.principal, self.secret(told.key, environ))
        signing.check(signer, self.path / "allowed_signers")
        return signer

    # -- host keys

    def pinned(self, key_name: str) -> str | None:
        """Return the host key (`TYPE BASE64`) pinned for `wiki.cloud.main`, if there is one."""
        return next(map(str, known_hosts.find(self._known_hosts_text(), key_name)), None)

    def pin(self, key_name: str, public_key: str) -> None:
        """Make `public_key` the one host key of `key_name`, from now on.

        All else in the file, which people write too, stays as it is.
        """
        self._rewrite(lambda text: known_hosts.pin(text, key_name, public_key))

    def unpin(self, key_name: str) -> None:
        """Forget the host key of `key_name`."""
        self._rewrite(lambda text: known_hosts.remove(text, key_name))

    @contextlib.contextmanager
    def locked(self) -> Iterator[Git]:
        """Hold the repository lock, for milliseconds; give the git to be used meanwhile."""
        with locks.repository_lock(self.var) as number:
            yield Git(self.path, number)

    def _rewrite(self, change: Callable[[str], str]) -> None:
        with self.locked():
            before = self._known_hosts_text()
            after = change(before)
            if after != before:
                files.write(self.known_hosts, after.encode("utf-8", "surrogateescape"))

    def _known_hosts_text(self) -> str:
        found = self.known_hosts.read_bytes() if self.known_hosts.exists() else b""
        return found.decode("utf-8", "surrogateescape")

    def _is_at_rest(self) -> None:
        """Raise Refused when a commit of ours would get lost, or take part in a merge."""
        if not self.git.branch():
            raise Refused(
                f"{self.path} is on no branch: what is recorded now would get lost",
                f"End the rebase, or `git -C {self.path} switch` to the branch.",
            )
        unmerged = self.git.unmerged()
        if unmerged:
            raise Refused(
                f"{self.path}: a merge left conflicts in {', '.join(unmerged)}",
                "Resolve and commit them, or end it with `git merge --abort`.",
            )
        if not self.git.head():
            raise Refused(f"{self.path} has no commit yet", "Commit the inventory first.")

    def _is_controller(self) -> None:
        controller = self.site().controller
        if controller.machine_id != machine.machine_id():
            raise Refused(
                f"this machine is not the controller: that is {controller.name}",
                f"Run the task on {controller.name}, or hand control over to this machine "
                "with `fab inventory.adopt`.",
            )
        known = self.known_epoch()
        if known is not None and known != controller.epoch:
            raise Refused(
                f"control has moved on: site.yaml is of epoch {controller.epoch}, "
                f"this machine was the controller in epoch {known}",
                "Run tasks on the controller, or take control with `fab inventory.adopt`.",
            )

    def known_epoch(self) -> int | None:
        """Return the epoch in which this machine became the controller, if it noted one."""
        path = self.var / "epoch"
        text = path.read_text().strip() if path.is_file() else ""
        if path.is_file() and not text.isdecimal():
            raise Refused(
                f"{path} holds no number: nobody knows in which epoch this was the controller",
                "Take control with `fab inventory.adopt`.",
            )
        return int(text) if text else None


def _configured(environ: Mapping[str, str], start: Path) -> str:
    """Return `inventory:` of the first fabric.yaml that has it, "" when none does."""
    home = environ.get("HOME")
    for path in (
        start / "fabric.yaml",
        *([Path(home) / ".fabric.yaml"] if home else ()),
        Path("/etc/fabric.yaml"),
    ):
        if path.is_file():
            named = document.read(path.read_bytes(), str(path)).data.get("inventory")
            if named:
                return str(named)
    return ""
