"""A small task tree of its own, run by the real `fab` in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
FAB = Path(sys.executable).with_name("fab")

TREE = {
    "jobs": '''
"""Tasks that say what they were given."""

import json as as_json
import os
import time
from pathlib import Path
from typing import Literal

from ops.cli import Context, output, settle, task
from ops.errors import Incomplete, OpsError, Refused
from ops.plan import Plan, Step


def candidates() -> tuple[list[str], dict[str, str]]:
    names = os.environ.get("READY", "").split()
    return names, {"directory": "no target yet"}


@task(app="many", asks=True, default=True, help={"allow_deletes": "this many at most"})
def apply(
    context: Context, app: str, *, plan: bool = False, expect: str = "", yes: bool = False,
    allow_deletes: int = 0, json: bool = False,
) -> int | None:
    """Carry out a plan with one deletion."""
    decided = Plan("jobs", app, (Step("x.delete", app, f"delete {app}", effect="delete"),))
    if settle(decided, show=plan, expect=expect, yes=yes):
        output.say(f"deleted {app}")
        output.document({"deleted": app, "limit": allow_deletes})
    return 0


@task(app="optional", candidates=candidates, one_after_another=True)
def check(context: Context, app: str) -> int | None:
    """Check a component."""
    output.say(f"checked {app}")
    return 1 if app == "wrong" else 0


@task(app="together")
def survey(context: Context, app: str) -> int | None:
    """Look at components at once."""
    output.say(f"looked at {app or 'the fleet'}")
    return 0


@task(app="many")
def fail(context: Context, app: str, *, json: bool = False) -> int | None:
    """Fail as the component's name says."""
    errors = {
        "fault": OpsError("a fault", "mend it"),
        "refused": Refused("refused"),
        "incomplete": Incomplete("some left"),
        "bug": ZeroDivisionError("a bug"),
        "system": FileNotFoundError(2, "No such file or directory", "/nowhere"),
        "full": OSError(28, "No space left on device", "/disk"),
    }
    if app in errors:
        raise errors[app]
    output.document({"fine": app})
    return 0


def ahead() -> None:
    output.say_aside("reads ahead")


@task(app="many", partial=True, ahead=ahead)
def build(context: Context, app: str) -> int | None:
    """Build a component, or fail."""
    if app.startswith("bad"):
        raise OpsError(f"{app} fell over")
    output.say(f"built {app}")
    return 0


@task(help={"seconds": "how long"})
def wait(context: Context, seconds: int, note: str, size: Literal["s", "l"] = "s") -> int | None:
    """Wait, and clean up when stopped."""
    try:
        Path(note).write_text("started")  # seen before it is written: a signal may come right here
        time.sleep(seconds)
    finally:
        time.sleep(0.2)
        Path(note).write_text("cleaned up")
    return 0


@task(app="many")
def dwell(context: Context, app: str, seconds: int) -> int | None:
    """Wait for a component, and clean up when stopped."""
    note = Path(os.environ["NOTES"]) / app
    try:
        note.write_text("started")
        time.sleep(seconds)
    finally:
        note.write_text("cleaned up")
    return 0
''',
    "status": '''
from ops.cli import Context, output, task


@task()
def status(context: Context, *, json: bool = False, lines: int = 1) -> int | None:
    """Say how things are."""
    output.table(["component", "bytes"], [["wiki", 12], [b"caf\\xe9\\n", 4]] * lines)
    output.document({"names": [b"caf\\xe9\\n", "caf\\u00e9"]})
    return 0
''',
}


@dataclass(frozen=True)
class Tree:
    """A folder with a fabfile of TREE, hooked as the project's own."""

    folder: Path

    @classmethod
    def grow(cls, folder: Path) -> Tree:
        """Write the tree into `folder` and return it."""
        package = folder / "fabfile"
        package.mkdir()
        (package / "__init__.py").write_bytes((PROJECT / "fabfile/__init__.py").read_bytes())
        for name, source in TREE.items():
            (package / f"{name}.py").write_text(source)
        return cls(folder)

    def inventory(self, *names: str) -> str:
        """Make an inventory of which only the components' names matter; return its path."""
        components = self.folder / "inventory/components"
        components.mkdir(parents=True)
        (self.folder / "inventory/site.yaml").touch()
        for name in names:
            (components / f"{name}.yaml").touch()
        return str(self.folder / "inventory")

    def environment(self, **more: str) -> dict[str, str]:
        """Return an environment like cron's, with a home of its own."""
        return {"PATH": os.defpath, "HOME": str(self.folder), **more}

    def start(self, *words: str, **more: str) -> subprocess.Popen[str]:
        """Start `fab WORDS` in the tree."""
        return subprocess.Popen(
            [str(FAB), *words],
            cwd=self.folder,
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def fab(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Return what `fab WORDS` gave."""
        with self.start(*words, **more) as process:
            out, err = process.communicate(timeout=300)
        return subprocess.CompletedProcess(words, process.returncode, out, err)
