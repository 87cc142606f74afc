"""A host of the lab's image that acts as a controller: a real cron, and the suite read-only."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.lab import cgroups, hosts, processes
from ops.lab.hosts import Host
from ops.lab.image import image
from tests.support.fabric_tree import FAB, PROJECT

INVENTORY = Path("/srv/inventory")


class Controller:
    """A booted host with the project, its .venv and git bound in; all runs as its root."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def run(self, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a program in the host with nothing in its environment."""
        return self.start(*words).communicated(stdin)

    def start(self, *words: str) -> Under:
        """Start a program in the host."""
        leader = str(self.host.leader())
        inside = ["nsenter", "--target", leader, "--all", "--", "env", "-i"]
        settings = [f"OPS_INVENTORY={INVENTORY}", "PATH=/usr/bin:/bin"]
        return Under([*inside, *settings, *words])

    def fab(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        """Run a task as a person does on the controller."""
        return self.run(str(FAB), "-r", str(PROJECT), *words)

    def path(self, name: str) -> Path:
        """Return where a file of the inventory is for this machine."""
        return self.host.root / INVENTORY.relative_to("/") / name

    def edit(self, old: str, new: str) -> None:
        """Change site.yaml as a person does, with a commit: again while a task of cron commits."""
        text = self.path("site.yaml").read_text()
        assert old in text
        self.path("site.yaml").write_text(text.replace(old, new))
        person = ["-c", "user.name=p", "-c", "user.email=p@x"]
        until = time.monotonic() + 60
        while True:
            done = self.run("git", "-C", str(INVENTORY), *person, "commit", "-qam", "edit")
            if done.returncode == 0:
                return
            assert b"lock" in done.stderr and time.monotonic() < until, done.stderr
            time.sleep(0.1)


class Under:
    """A program under way."""

    def __init__(self, words: list[str]) -> None:
        pipe = subprocess.PIPE
        self._words = words
        self._process = subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe)

    def communicated(self, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Return how it ended."""
        out, err = self._process.communicate(stdin, timeout=300)
        return subprocess.CompletedProcess(self._words, self._process.returncode, out, err)


@contextmanager
def controller(folder: Path) -> Iterator[Controller]:
    """Boot the host in `folder` and make an inventory in it; it is gone afterwards."""
    made, lab = image(), f"cron{secrets.token_hex(2)}"
    namespace = f"ops{lab}-papa"
    subprocess.run(["ip", "netns", "add", namespace], check=True)
    host = Host(lab, "papa", folder, [made.base], made.packages, namespace, binds=_binds())
    try:
        host.prepare()
        host.boot()
        booted = Controller(host)
        _wait_for_cron(booted)
        done = booted.fab("inventory.init", f"path={INVENTORY}")
        assert done.returncode == 0, done.stderr
        yield booted
    finally:
        host.halt()
        host.remove()
        for group in cgroups.of_lab(lab):
            cgroups.remove(group)
        hosts.forget_machines(lab)
        subprocess.run(["ip", "netns", "delete", namespace], check=True)


def _binds() -> list[Path]:
    """Return the suite, what Python it runs on, and git, which the image has none of."""
    git = shutil.which("git")
    said = subprocess.run(["git", "--exec-path"], check=True, capture_output=True, text=True)
    python = Path(sys.base_prefix)
    return [
        PROJECT,
        *([] if python == Path("/usr") else [python]),
        Path(str(git)),
        Path(said.stdout.strip()),
    ]


def _wait_for_cron(booted: Controller) -> None:
    """Wait until cron runs in the host.

    Before its process 1 is systemd, what enters its namespaces may still be in ours.
    """
    until = time.monotonic() + 300
    while time.monotonic() < until:
        leader = booted.host.leader()
        up = leader and processes.await_program(leader, "systemd")
        if up and booted.run("pgrep", "-x", "cron").returncode == 0:
            return
        time.sleep(0.1)
    raise AssertionError(booted.host.console.read_text(errors="replace")[-1500:])
