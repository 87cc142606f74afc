"""The evidence of a drill: a restored tree held against the manifest of its backup."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ops.backup import moment
from ops.backup.witness import manifest_path
from ops.errors import OpsError
from ops.run import Run
from ops.verify import manifest, wording
from ops.verify.compare import compare
from ops.verify.scan import may_be_root, scan
from ops.verify.tree import Tree

if TYPE_CHECKING:
    from ops.inventory.repository import Repository
    from ops.remote.host import Host
    from ops.run import Facts


class Evidence:
    """What one drill finds; `lines` say each difference, for people."""

    def __init__(self, repo: Repository, course: Run, host: Host) -> None:
        self._repo, self._course, self._host = repo, course, host
        self.lines: list[str] = []

    def manifest(self, backup: str, slot: str, part: str) -> Path:
        """Return the manifest that the backup's own run made. Raise OpsError.

        It must be what that run signed: a manifest that was changed since proves nothing.
        """
        path = manifest_path(self._repo.run_folder(backup), slot, part)
        if not path.exists():
            raise OpsError(
                f"the backup {backup} has no manifest of {slot}/{part}: nothing to compare with",
                "Take a new one while the host answers, then drill that.",
            )
        self._repo.verify_signature(backup)
        return path

    def compare(self, name: str, listed: Path, root: str, exclude: tuple[str, ...] = ()) -> Facts:
        """Scan what was restored at `root`, compare it, attach both; return verdict and counts."""
        restored = self._course.directory / f"{name}.restored.md5"
        tree = Tree(root, exclude, as_root=may_be_root(self._host))
        found = scan(self._host, tree)
        manifest.write(restored, found.draft, found.digests)
        in_motion = moment.moving(listed)
        against = moment.proven(compare(listed, restored), in_motion)
        for path in (restored, manifest.beside(restored, manifest.MTREE)):
            self._course.attach(path)
        lines = [f"{name}: {wording.difference(one)}" for one in against]
        self._tell(name, lines)
        files = listed.read_bytes().count(b"\n")
        return {
            "verdict": "different" if lines else "proven",
            "files": files,
            "bytes": found.size,
            "moving": len(in_motion),
        }

    def _tell(self, name: str, lines: list[str]) -> None:
        self.lines += lines
        if lines:
            path = self._course.directory / f"{name}.differences"
            path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
            self._course.attach(path)
