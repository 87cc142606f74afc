"""Light hosts: one sshd each on a loopback address, as the same user, with a folder of its own.

They hold data only. No root is needed, and nothing outside the lab's folder changes: what of
a host is in /etc/ssh and /run on a real one is in its folder here (ops/lab/enter.sh).
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.errors import OpsError
from ops.lab import abilities, processes
from ops.lab.hosts import answers
from ops.lab.machines import Addresses
from ops.lab.programs import call
from ops.lab.record import Lab

ENTER = Path(__file__).with_name("enter.sh")

CONFIGURATION = """\
Port {port}
ListenAddress {address}
HostKey {folder}/etc/ssh/ssh_host_ed25519_key
AuthorizedKeysFile {folder}/.ssh/authorized_keys
PidFile {folder}/run/sshd.pid
SetEnv HOME={folder}
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PrintMotd no
Subsystem sftp internal-sftp
"""

STUBS = {
    "systemctl": "exit 1",
    "sshd": "exit 0",
    "sudo": "exit 1",
    "cloud-init": "echo status: done",
}
"""Programs that must not do to the machine what they would do to a host."""


@dataclass(frozen=True)
class Identity:
    """What a host's sshd starts with: its private key (none: a new one), and who may log in."""

    host_key: str
    public_keys: tuple[str, ...]


def address(lab_id: str, number: int) -> str:
    """Return a loopback address of one lab's; another lab's differ, but for rare chance."""
    first, second = hashlib.sha256(lab_id.encode()).digest()[:2]
    return f"127.{first % 254 + 1}.{second}.{number}"


def free_port(where: str) -> int:
    """Return a port that is free on one loopback address, hence on this lab's others."""
    with socket.create_server((where, 0)) as server:
        return int(server.getsockname()[1])


def identity(user_data: bytes, public_keys: Iterable[str]) -> tuple[str, Identity]:
    """Return what cloud-init would make of user data: the host's name, "" if none, its identity.

    Only a host key and the users' keys are looked at; scripts are no light host's matter.
    """
    import yaml

    raw = gzip.decompress(user_data) if user_data[:2] == b"\x1f\x8b" else user_data
    loaded = yaml.safe_load(raw) if raw.startswith(b"#cloud-config") else {}
    told = loaded if isinstance(loaded, dict) else {}
    users = [user for user in told.get("users", []) if isinstance(user, dict)]
    listed = [key for one in (told, *users) for key in one.get("ssh_authorized_keys", [])]
    host_key = str(told.get("ssh_keys", {}).get("ed25519_private", ""))
    return str(told.get("hostname", "")), Identity(host_key, (*public_keys, *listed))


class LightHost:
    """One sshd and its folder."""

    def __init__(self, lab: Lab, folder: Path, where: str, port: int) -> None:
        self._lab, self.folder, self._address, self._port = lab, folder, where, port
        self._process: subprocess.Popen[bytes] | None = None

    def move_in(self, identity: Identity) -> str:
        """Make the host's folder and return its public host key; again: it stays as it is."""
        key = self.folder / "etc/ssh/ssh_host_ed25519_key"
        if not key.exists():
            for part in ("etc/ssh", ".ssh", "bin", "run", "data"):
                (self.folder / part).mkdir(parents=True, exist_ok=True)
            _host_key(key, identity.host_key)
            self._write("bin/enter", ENTER.read_text().replace("@HOST@", str(self.folder)), 0o755)
            for name, text in STUBS.items():
                self._write(f"bin/{name}", f"#!/bin/sh\n{text}\n", 0o755)
            entered = f'command="{self.folder}/bin/enter"'
            lines = [f"{entered} {key.strip()}\n" for key in identity.public_keys]
            self._write(".ssh/authorized_keys", "".join(dict.fromkeys(lines)), 0o600)
        return " ".join(key.with_suffix(".pub").read_text().split()[:2])

    def start(self) -> None:
        """Start the host's sshd and wait until it answers."""
        values = {"port": self._port, "address": self._address, "folder": self.folder}
        self._write("etc/sshd_config", CONFIGURATION.format(**values), 0o600)
        with (self.folder / "console").open("ab") as console:
            self._process = subprocess.Popen(
                _sshd(self.folder / "etc/sshd_config"),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env=processes.environment(self._lab.id),
                start_new_session=True,
            )
        processes.record(self._lab.path, self._process.pid)
        until = time.monotonic() + 60
        while not answers(self._address, self._port):
            if time.monotonic() > until or self._process.poll() is not None:
                said = (self.folder / "console").read_text(errors="replace")[-500:]
                raise OpsError(f"the lab's sshd on {self._address} did not start: {said}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End the sshd with all its sessions."""
        if self._process is not None and self._process.poll() is None:
            processes.end(processes.family(self._process.pid))
            self._process.wait()

    def _write(self, path: str, text: str, mode: int) -> None:
        target = self.folder / path
        target.write_text(text)
        target.chmod(mode)


class LightInstances:
    """The machines of ops/lab/machines.py as light hosts; volumes are names only."""

    def __init__(self, lab: Lab, port: int) -> None:
        self._lab, self._port = lab, port
        self._numbers: dict[str, int] = {}
        self._hosts: dict[str, LightHost] = {}
        self._volumes: dict[str, str] = {}
        self._lock = threading.RLock()

    def addresses(self, instance_id: str) -> Addresses:
        """Return the instance's loopback address."""
        with self._lock:
            taken = set(self._numbers.values())
            free = next((number for number in range(140, 255) if number not in taken), None)
            number = self._numbers.get(instance_id) or free
            if number is None:
                raise OpsError("the lab has no address left for another instance")
            self._numbers[instance_id] = number
        where = address(self._lab.id, number)
        dashed = where.replace(".", "-")
        names = f"ip-{dashed}.ec2.internal", f"ec2-{dashed}.compute-1.amazonaws.com"
        return Addresses(where, where, *names)

    def start(
        self,
        instance_id: str,
        *,
        user_data: bytes,
        public_keys: Sequence[str],
        hostname: str,
        volumes: Mapping[str, str],
    ) -> None:
        """Start the instance's sshd; cloud/NAME, as user data names it, leads to its folder."""
        with self._lock:
            where = self.addresses(instance_id).private_ip
            name, told = identity(user_data, public_keys)
            folder = self._lab.path / "hosts" / instance_id
            host = self._hosts.get(instance_id) or LightHost(self._lab, folder, where, self._port)
            host.stop()
            host.move_in(told)
            link = self._lab.path / "cloud" / (name or hostname)
            link.parent.mkdir(exist_ok=True)
            link.unlink(missing_ok=True)
            link.symlink_to(folder)
            self._hosts[instance_id] = host
            self._volumes.update(dict.fromkeys(volumes.values(), instance_id))
            host.start()

    def stop(self, instance_id: str) -> None:
        """End the instance's sshd."""
        self._known(instance_id).stop()

    def reboot(self, instance_id: str) -> None:
        """End and start the instance's sshd."""
        self.stop(instance_id)
        self._known(instance_id).start()

    def lose_power(self, instance_id: str) -> None:
        """End the instance's sshd; its folder stays."""
        self.stop(instance_id)

    def terminate(self, instance_id: str) -> None:
        """End the instance's sshd and remove its folder."""
        with self._lock:
            host = self._hosts.pop(instance_id, None)
            self._numbers.pop(instance_id, None)
            self._volumes = {v: i for v, i in self._volumes.items() if i != instance_id}
        if host is not None:
            host.stop()
            shutil.rmtree(host.folder, ignore_errors=True)

    def create_volume(self, volume_id: str, size_gib: int, snapshot_id: str | None) -> None:
        """Do nothing: a light volume holds nothing."""

    def attach(self, volume_id: str, instance_id: str, device: str) -> None:  # noqa: ARG002 - the signature of Machines
        """Note the attachment."""
        self._known(instance_id)
        self._volumes[volume_id] = instance_id

    def detach(self, volume_id: str) -> None:
        """Forget the attachment."""
        self._volumes.pop(volume_id, None)

    def delete_volume(self, volume_id: str) -> None:
        """Raise OpsError for an attached volume; otherwise do nothing."""
        if volume_id in self._volumes:
            raise OpsError(f"volume {volume_id} is attached", "detach it first")

    def snapshot(self, snapshot_id: str, volume_id: str) -> None:
        """Do nothing: there is no content to keep."""

    def delete_snapshot(self, snapshot_id: str) -> None:
        """Do nothing."""

    def console(self, instance_id: str) -> str:
        """Return what the instance's sshd said."""
        console = self._known(instance_id).folder / "console"
        return console.read_text(errors="replace") if console.exists() else ""

    def _known(self, instance_id: str) -> LightHost:
        try:
            return self._hosts[instance_id]
        except KeyError:
            raise OpsError(f"the lab has no instance {instance_id}") from None


def _host_key(path: Path, private: str) -> None:
    if not private:
        call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "light", "-f", str(path))
        return
    path.touch(0o600)
    path.write_text(private.rstrip() + "\n")
    path.with_suffix(".pub").write_bytes(call("ssh-keygen", "-y", "-f", str(path)))


def _sshd(configuration: Path) -> list[str]:
    """Return sshd's argv; root's gets a /run of its own, where sshd insists on a folder."""
    program = abilities.program("sshd")
    if program is None:
        raise OpsError("the lab needs the program sshd", "run `make lab`")
    argv = [program, "-D", "-e", "-f", str(configuration)]
    if os.geteuid() != 0:
        return argv
    private = 'mount -t tmpfs -o mode=755 tmpfs /run && mkdir /run/sshd && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", private, "sh", *argv]
