"""How errors end a task: one to three lines for the person, and an exit code."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
import traceback
from pathlib import Path

from ops.cli.output import say_aside
from ops.cli.place import state_folder
from ops.cli.signals import Terminated
from ops.errors import Incomplete, Interrupted, OpsError
from ops.escapes import escape


def report(error: BaseException, who: str = "") -> int:
    """Print what `error` means, after the name `who` of a component, and return its exit code."""
    return tell(error, who).exit_code


def tell(error: BaseException, who: str = "") -> OpsError:
    """Print what `error` means, after the name `who` of a component, and return what it is."""
    known = explain(error)
    if known is None:
        known = _unexpected(error)
    prefix = f"{who}: " if who and not known.message.startswith(who) else ""
    say_aside(*lines(known, prefix))
    return known


def lines(error: OpsError, prefix: str = "") -> list[str]:
    """Return an error as text: its message, and its hint on the lines after."""
    text = f"{prefix}{error.message}\n{error.hint}" if error.hint else f"{prefix}{error.message}"
    return [escape(line) for line in text.splitlines()]


def explain(error: BaseException) -> OpsError | None:
    """Return what `error` is for a person, or None when it is a bug of ours."""
    if isinstance(error, OpsError):
        return error
    if isinstance(error, Terminated):
        return Interrupted("stopped by SIGTERM", terminated=True)
    if isinstance(error, KeyboardInterrupt):
        return Interrupted("interrupted")
    if isinstance(error, OSError) and error.errno is not None:
        return _system(error)
    return None


def _system(error: OSError) -> OpsError:
    what = os.strerror(error.errno or 0)
    where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Incomplete(f"{where}{what} on this machine", "Make room, then run the task again.")
    return OpsError(f"{where}{what}")


def _unexpected(error: BaseException) -> OpsError:
    path = _keep(error)
    told = f"The traceback is in {path}." if path else "The traceback could not be written."
    return OpsError(
        f"unexpected {type(error).__name__}: {error}".splitlines()[0],
        f"This is a fault of the suite itself. {told}",
    )


def _keep(error: BaseException) -> Path | None:
    text = "".join(traceback.format_exception(error))
    for folder in (state_folder() / "faults", Path(tempfile.gettempdir())):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix="fault-", suffix=".txt", dir=folder)
        except OSError:
            continue
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{' '.join(sys.argv[:2])}\n{text}")
        return Path(name)
    return None
