"""A change of several files that is one commit, whenever the machine stops.

What is to be written is written down first (var/pending/NAME.json). From then on the change
happens: now, or when the next task finds it there (`finish`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ops.inventory import files
from ops.inventory.git import Author, Git


@dataclass(frozen=True)
class Change:
    """New contents by path from the repo's root, as one commit.

    `before` holds digests of the contents that the change was made for, where a person may
    write too: a file that is another one by now stays as it is.
    """

    name: str
    message: str
    author: Author
    contents: Mapping[str, str]
    before: Mapping[str, str] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    """Paths to commit as they are on disk."""


def carry_out(git: Git, change: Change) -> None:
    """Write the files of `change` and commit them. The repository lock must be held."""
    note = _pending(git.path) / f"{change.name}.json"
    files.write(note, json.dumps(asdict(change)).encode(), 0o600)
    _apply(git, change)
    files.remove(note)


def finish(git: Git) -> list[str]:
    """Finish every change that a crash left behind; return their names."""
    folder = _pending(git.path)
    if not folder.is_dir():
        return []
    for half in folder.glob(f".*{files.TEMPORARY}"):
        half.unlink()
    notes = sorted(folder.glob("*.json"))
    if notes:
        git.clear_locks(min(note.stat().st_mtime for note in notes))
    for note in notes:
        data = json.loads(note.read_bytes())
        author = Author(**data.pop("author"))
        _apply(git, Change(**{**data, "also": tuple(data["also"])}, author=author))
        files.remove(note)
    return [note.stem for note in notes]


def digest(content: bytes) -> str:
    """Return the SHA-256 of `content` in hex."""
    return hashlib.sha256(content).hexdigest()


def _apply(git: Git, change: Change) -> None:
    written = [name for name in change.contents if _write(git.path, change, name)]
    git.commit([*written, *change.also], change.message, change.author)


def _write(root: Path, change: Change, name: str) -> bool:
    """Return whether the file now has its new content: not, when a person was faster."""
    path, new = root / name, change.contents[name].encode()
    files.leftover(path).unlink(missing_ok=True)
    old = path.read_bytes() if path.exists() else b""
    if old == new and path.exists():
        return True
    if name in change.before and digest(old) != change.before[name]:
        return False
    files.write(path, new)
    return True


def _pending(root: Path) -> Path:
    return root / "var" / "pending"
