"""A real host: systemd-nspawn boots Debian on a copy-on-write overlay over the image."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ops.errors import OpsError
from ops.lab import cgroups, freezing, packages, processes
from ops.lab.programs import attempt, call

REBOOT = 133
"""nspawn's exit code when the host itself asked for a reboot."""

HALT_SECONDS = 20

_BETWEEN_BOOTS = 20
"""Seconds after which a host that has ended does not boot again: who boots it may be busy."""

_NSPAWN = Path("/run/systemd/nspawn")


@dataclass
class Host:
    """One host of the lab: its folder, its network namespace and, when it runs, its process.

    `layers` are the read-only roots below its own, the upper one first. `binds` are files and
    folders of this machine that it sees at the same paths, read-only.
    """

    lab_id: str
    name: str
    folder: Path
    layers: Sequence[Path]
    debs: Path
    namespace: str
    binds: Sequence[Path] = ()
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def root(self) -> Path:
        """The host's root folder, mounted between `prepare` and `remove`."""
        return self.folder / "root"

    @property
    def console(self) -> Path:
        """The file that takes what the host writes to its console."""
        return self.folder / "console"

    def prepare(self) -> None:
        """Mount the host's root: empty layers of its own over the image's."""
        for part in ("up", "work", "root"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        if not os.path.ismount(self.root):
            lower = ":".join(map(str, self.layers))
            options = f"lowerdir={lower},upperdir={self.folder}/up,workdir={self.folder}/work"
            call("mount", "-t", "overlay", f"ops-lab-{self.lab_id}", "-o", options, str(self.root))

    def write(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """Write a file below the root of a host, owned by its root; who boots sees it whole."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.new")
        beside.unlink(missing_ok=True)
        beside.write_bytes(content)
        beside.chmod(mode)
        beside.replace(target)

    def boot(self) -> None:
        """Start the host; see `wait_ready`. Its console begins anew at the end of the last."""
        groups = cgroups.make(self.lab_id, self.name)
        argv = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot"]
        argv += [f"--machine=ops{self.lab_id}-{self.name}", f"--hostname={self.name}"]
        argv += [f"--network-namespace-path=/run/netns/{self.namespace}"]
        argv += ["--capability=CAP_NET_ADMIN"]  # its own namespace's: it may have a firewall
        argv += ["--resolv-conf=off", "--timezone=off", "--link-journal=no"]
        argv += [f"--bind-ro={self.debs}:{packages.SEEN_AT}", f"--directory={self.root}"]
        argv += [f"--bind-ro={path}" for path in self.binds]
        with self.console.open("ab") as console:
            self._process = subprocess.Popen(
                cgroups.joining(groups, argv),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env=processes.environment(self.lab_id),
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        """Whether the host runs."""
        return self._process is not None and self._process.poll() is None

    def wait_end(self) -> int:
        """Wait until the host ends by itself and return nspawn's exit code."""
        return self._process.wait() if self._process else 0

    def leader(self) -> int | None:
        """Return the id, on this machine, of the host's process 1."""
        if not self.running or self._process is None:
            return None
        return next(iter(processes.children(self._process.pid)), None)

    def inside(self, *argv: str) -> bytes:
        """Run a program as root inside the running host; return its output."""
        leader = self.leader()
        if leader is None:
            raise OpsError(f"the lab's host {self.name} does not run")
        return call("nsenter", "--target", str(leader), "--all", "--", *argv)

    def wait_ready(self, address: str, ready: Callable[[Path], bool], seconds: float) -> None:
        """Wait until sshd answers and `ready`, given the root as the host sees it, agrees.

        Raise OpsError with the end of the console when the host ends for more than a reboot,
        or is late.
        """
        until = time.monotonic() + seconds
        back = time.monotonic() + _BETWEEN_BOOTS
        while time.monotonic() < until and (self.running or time.monotonic() < back):
            back = time.monotonic() + _BETWEEN_BOOTS if self.running else back
            leader = self.leader()
            if leader and ready(Path(f"/proc/{leader}/root")) and answers(address, 22):
                return
            time.sleep(0.05)
        words = "is not ready" if self.running else "ended while it booted"
        tail = self.console.read_bytes()[-1500:].decode(errors="replace")
        raise OpsError(f"the lab's host {self.name} {words}; its console ends:\n{tail}")

    def halt(self) -> None:
        """Shut the host down in order; after 20 s, end it."""
        if self._process and self.running:
            self._process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(HALT_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End the host at once, as a machine loses its power; frozen file systems are thawed."""
        for group in [group / self.name for group in cgroups.of_lab(self.lab_id)]:
            pids = cgroups.members(group)
            freezing.thaw(pids)
            processes.end(pids)
            cgroups.remove(group)
        if self._process:
            self._process.wait()

    def remove(self) -> None:
        """Unmount the root of a host that has ended, and remove all it wrote."""
        if os.path.ismount(self.root):
            unmount(self.root)
        shutil.rmtree(self.folder, ignore_errors=True)


def unmount(root: Path) -> None:
    """Unmount a host's root, and remove the lock that a killed nspawn leaves behind."""
    identity = root.stat()
    attempt("umount", str(root)) or call("umount", "--lazy", str(root))
    (_NSPAWN / f"locks/inode-{identity.st_dev}:{identity.st_ino}").unlink(missing_ok=True)


def forget_machines(lab_id: str) -> None:
    """Remove the folders that nspawn keeps for the lab's machines; they are empty."""
    for folder in _NSPAWN.glob(f"propagate/ops{lab_id}-*"):
        with contextlib.suppress(OSError):
            folder.rmdir()


def answers(address: str, port: int) -> bool:
    """Return whether an SSH server greets there."""
    try:
        with socket.create_connection((address, port), 1) as connection:
            connection.settimeout(10)
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def cloud_init_done(root: Path) -> bool:
    """Return whether this boot's cloud-init has ended; for `Host.wait_ready`.

    The link is of this boot; what it leads to is removed at the start and written at the end.
    """
    result = root / "var/lib/cloud/data/result.json"
    return os.path.lexists(root / "run/cloud-init/result.json") and result.exists()


def always(_root: Path) -> bool:
    """Return True: a host without cloud-init is ready when its sshd answers."""
    return True
