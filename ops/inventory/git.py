"""Git as the inventory needs it: only our own paths, and nothing of the person's settings."""

from __future__ import annotations

import math
import os
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ops.errors import Incomplete, OpsError

_SETTINGS = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.autocrlf": "false",
    "core.quotePath": "false",
    "core.fsync": "all",
    "gc.auto": "0",
}
_TRIES = 5
_GRACE = 1.0
"""Seconds that a lock file may be a living git's: they hold them for milliseconds."""


@dataclass(frozen=True)
class Author:
    """Who a commit is by."""

    name: str
    email: str


@dataclass(frozen=True)
class Git:
    """The git repository at `path`, called without hooks, signing or the person's config.

    `lock` is the file number of the repository lock: git inherits it, so that a git that
    outlives a killed task still keeps others away.
    """

    path: Path
    lock: int | None = field(default=None, compare=False)

    def run(self, *words: str, stdin: str = "", environ: Mapping[str, str] | None = None) -> str:
        """Return what `git WORDS` says. Raise OpsError with git's own words when it fails."""
        done = self._start(words, stdin, environ or {})
        if done.returncode != 0:
            raise _failure(words, self.path, done.stderr)
        return done.stdout.decode(errors="surrogateescape")

    def head(self) -> str:
        """Return the id of the current commit, "" before the first."""
        done = self._start(("rev-parse", "-q", "--verify", "HEAD^{commit}"), "", {})
        return done.stdout.decode().strip()

    def branch(self) -> str:
        """Return the name of the branch, "" when none is checked out (a detached HEAD)."""
        done = self._start(("symbolic-ref", "-q", "--short", "HEAD"), "", {})
        return done.stdout.decode(errors="surrogateescape").strip()

    def unmerged(self) -> list[str]:
        """Return the paths that a merge left with conflicts."""
        said = self.run("ls-files", "--unmerged", "-z")
        entries = [entry.partition("\t")[2] for entry in said.split("\0") if entry]
        return list(dict.fromkeys(entries))

    def untracked(self) -> list[str]:
        """Return the paths that no commit knows yet, without those that are ignored."""
        said = self.run("ls-files", "-z", "--others", "--exclude-standard")
        return [name for name in said.split("\0") if name]

    def changed(self, paths: Iterable[str]) -> list[str]:
        """Return which of `paths` (files or folders) differ from the current commit."""
        said = self.run("status", "--porcelain=v1", "-z", "-uall", "--no-renames", "--", *paths)
        return [entry[3:] for entry in said.split("\0") if entry]

    def commit(self, paths: Sequence[str], message: str, author: Author) -> str | None:
        """Commit the files at `paths` and nothing else; return the commit, None if unchanged.

        What a person has staged stays staged and out of the commit. The person's index learns
        of the files first: at no time would their own commit take ours back.
        """
        listing = "".join(f"{path}\0" for path in paths)
        self._stage(listing)
        for _ in range(_TRIES):
            head = self.head()
            tree = self._tree(head, listing)
            if head and tree == self.run("rev-parse", f"{head}^{{tree}}").strip():
                return None
            commit = self._commit(tree, head, message, author)
            if self._advance(head, commit):
                return commit
        raise OpsError(f"{self.path}: others commit all the time", "Run the task again.")

    def clear_locks(self, since: float) -> None:
        """Remove lock files that a git of ours left when it was killed after `since`.

        Only to be called when that may have happened. A person's git may have made one
        meanwhile: it gets the time to finish.
        """
        for path in self._locks():
            until = time.monotonic() + _GRACE
            while _changed(path) >= since - 1:
                if time.monotonic() > until:
                    path.unlink(missing_ok=True)
                time.sleep(0.02)

    def mend_index(self, *folders: str) -> None:
        """Let the person's index know what was committed in `folders` while it was locked."""
        words = ("diff-index", "--cached", "--name-only", "-z", "HEAD", "--", *folders)
        behind = self.run(*words)
        if behind:
            self._stage(behind)

    def _locks(self) -> list[Path]:
        folder = Path(self.run("rev-parse", "--absolute-git-dir").strip())
        branch = self._start(("symbolic-ref", "-q", "HEAD"), "", {}).stdout.decode().strip()
        names = ["index.lock", "HEAD.lock", *([f"{branch}.lock"] if branch else ())]
        return [folder / name for name in names]

    def _stage(self, listing: str) -> None:
        """Put our files into the person's index, unless they hold its lock for long."""
        words = ("update-index", "--add", "--remove", "-z", "--stdin")
        for attempt in range(_TRIES):
            if self._start(words, listing, {}).returncode == 0:
                return
            time.sleep(0.05 * attempt)

    def _tree(self, head: str, listing: str) -> str:
        """Return the tree of `head` with our files as they are on disk now."""
        index = self.path / "var" / "index"
        environ = {"GIT_INDEX_FILE": str(index)}
        index.unlink(missing_ok=True)
        index.with_name("index.lock").unlink(missing_ok=True)
        self.run("read-tree", head or "--empty", environ=environ)
        self.run(
            "update-index", "--add", "--remove", "-z", "--stdin", stdin=listing, environ=environ
        )
        tree = self.run("write-tree", environ=environ).strip()
        index.unlink()
        return tree

    def _commit(self, tree: str, head: str, message: str, author: Author) -> str:
        environ = {
            f"GIT_{role}_{part}": value
            for role in ("AUTHOR", "COMMITTER")
            for part, value in (("NAME", author.name), ("EMAIL", author.email))
        }
        parent = ("-p", head) if head else ()
        words = ("commit-tree", tree, *parent, "-F", "-")
        return self.run(*words, stdin=message, environ=environ).strip()

    def _advance(self, head: str, commit: str) -> bool:
        """Return whether the branch was still at `head`, and is at `commit` now."""
        words = ("update-ref", "-m", "ops: commit", "HEAD", commit, head or "0" * 40)
        done = self._start(words, "", {})
        if done.returncode != 0 and self.head() == head:
            raise _failure(words, self.path, done.stderr)
        return done.returncode == 0

    def _start(
        self, words: Sequence[str], stdin: str, environ: Mapping[str, str]
    ) -> subprocess.CompletedProcess[bytes]:
        settings = [word for pair in _SETTINGS.items() for word in ("-c", "=".join(pair))]
        try:
            return subprocess.run(
                ["git", *settings, *words],
                cwd=self.path,
                env={**self._environ(), **environ},
                input=stdin.encode(errors="surrogateescape"),
                capture_output=True,
                pass_fds=() if self.lock is None else (self.lock,),
                check=False,
            )
        except FileNotFoundError:
            raise OpsError(
                "git is not installed", "Install git: the inventory is kept in it."
            ) from None

    def _environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        return {
            **kept,
            "LC_ALL": "C",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CEILING_DIRECTORIES": str(self.path.parent),
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_LITERAL_PATHSPECS": "1",
        }


def _failure(words: Sequence[str], path: Path, said: bytes) -> OpsError:
    lines = said.decode(errors="backslashreplace").strip()
    listed = lines.splitlines() or ["it said nothing"]
    reason = next((one for one in listed if one.startswith(("fatal:", "error:"))), listed[0])
    message = f"{path}: git {words[0]}: {reason}"
    if "No space left" in lines or "Out of diskspace" in lines or "Disk quota" in lines:
        return Incomplete(message, "Make room, then run the task again.")
    hint = "Try the same by hand there."
    if "dubious ownership" in lines:
        hint = "Run tasks as the account that owns the inventory."
    elif ".lock" in lines:
        hint = "If no git is at work there, remove the lock file that it names."
    return OpsError(message, hint)


def _changed(path: Path) -> float:
    """Return when a file was changed, in seconds; long ago where there is none (any more)."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return -math.inf
