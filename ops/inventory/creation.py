"""A new inventory repo, made from the sample."""

from __future__ import annotations

import shutil
from pathlib import Path

from ops.errors import Refused
from ops.inventory import edit, files, machine, signing
from ops.inventory.git import Git
from ops.inventory.repository import Repository

_IGNORED = f"""\
# Keys, journals, locks, manifests: what is no part of the history.
var/
.*{files.TEMPORARY}
"""
_COPIED = ("README.md", "site.yaml", "prices.yaml", "components", "templates")
_KEYS = ("signing", "login")


def create(sample: Path, path: Path, project: Path) -> Repository:
    """Return the new inventory at `path`: a copy of `sample`, this machine its controller.

    `project` is the folder of the suite.

    Makes the key that signs records and the one that logs in to hosts, and the first commit.
    The folder appears when all of it is done. Raise Refused when there is something already.
    """
    path = files.expanded(str(path)).absolute()
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise Refused(
            f"{path} is not empty: nothing was changed", "Name a folder that is new or empty."
        )
    half = files.leftover(path)
    shutil.rmtree(half, ignore_errors=True)
    try:
        _fill(sample, half)
        half.rename(path)
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        raise
    files.sync_folder(path.parent)
    return Repository(path, project)


def _fill(sample: Path, folder: Path) -> None:
    for name in _COPIED:
        _copy(sample / name, folder / name)
    principal = f"ops@{machine.host_name()}"
    _make_keys(folder / "var" / "keys", principal)
    public = (folder / "var" / "keys" / "signing.pub").read_text()
    line = signing.allowed_line(principal, " ".join(public.split()[:2]))
    files.write(folder / "allowed_signers", f"{line}\n".encode())
    files.write(folder / ".gitignore", _IGNORED.encode())
    files.write(folder / "var" / "epoch", b"1\n", 0o600)
    _settle(folder / "site.yaml", principal)
    _commit(folder)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    elif source.exists():
        files.make_folder(target.parent)
        shutil.copy2(source, target)


def _make_keys(folder: Path, comment: str) -> None:
    files.make_folder(folder.parent, 0o700)
    files.make_folder(folder, 0o700)
    for name in _KEYS:
        signing.make_key(folder / name, comment)


def _settle(path: Path, principal: str) -> None:
    text = path.read_text()
    for key, value in (
        ("controller.name", machine.host_name()),
        ("controller.machine_id", machine.machine_id()),
        ("controller.epoch", 1),
        ("signing.key", "file:var/keys/signing"),
        ("signing.principal", principal),
    ):
        text = edit.with_value(text, edit.path_of(key), value)
    files.write(path, text.encode())


def _commit(folder: Path) -> None:
    git = Git(folder)
    git.run("init", "-q", "-b", "main")
    git.commit(git.untracked(), "Begin the inventory", machine.person())
