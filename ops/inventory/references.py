"""Where secrets are: `env:NAME` and `file:PATH` name them; here they are looked up."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ops.errors import Refused
from ops.inventory import files


def resolve(reference: str, base: Path, environ: Mapping[str, str]) -> str:
    """Return the secret that `reference` names, without a newline at its end.

    Relative paths start at `base`, `~` is the account's home. Raise Refused when it is
    missing or empty, and when a file is open to others than its owner.
    """
    kind, _, name = reference.partition(":")
    if kind == "env":
        secret = environ.get(name, "")
        hint = f"Set the environment variable {name} for the account that runs the tasks."
    else:
        path = private_file(reference, base)
        secret = _text(path).rstrip("\n")
        hint = f"Write the secret into {path}."
    if not secret:
        raise Refused(f"the secret {reference} is missing or empty", hint)
    return secret


def file(reference: str, base: Path) -> Path:
    """Return the path of a `file:` reference. Raise Refused when it is none, or not there."""
    kind, _, name = reference.partition(":")
    if kind != "file":
        raise Refused(f"{reference} is no file", "Here only `file:PATH` can be used.")
    path = base / files.expanded(name)
    if not path.is_file():
        raise Refused(f"{reference}: there is no file {path}", "Put it there, or name another.")
    return path


def private_file(reference: str, base: Path) -> Path:
    """Return the path of a `file:` reference. Raise Refused also when others may read it."""
    path = file(reference, base)
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise Refused(
            f"{path} is a secret that others may read (mode {mode:04o})",
            f"chmod 600 {path}",
        )
    return path


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"the secret in {path} can't be read: {error}") from None
