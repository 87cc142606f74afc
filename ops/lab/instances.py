"""The EC2 instances of a full lab: real hosts that boot when the API says that they run."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ops.errors import OpsError
from ops.lab import network as networks
from ops.lab import seed
from ops.lab.hosts import REBOOT, Host, cloud_init_done
from ops.lab.image import Image
from ops.lab.machines import Addresses
from ops.lab.network import Network
from ops.lab.processes import await_program
from ops.lab.volumes import Disks

log = logging.getLogger(__name__)

FIRST, LAST = 140, 254
"""The last parts of the EC2 hosts' addresses."""

BOOT_SECONDS = 300

_APPEAR = """
set -e
mkdir -p /dev/disk/by-id
[ -b "/dev/$1" ] || mknod -m 660 "/dev/$1" b "$2" "$3" || [ -b "/dev/$1" ]
chgrp disk "/dev/$1"
ln -sfn "../../$1" "$4"
"""
"""A host that boots may make the same device at this moment, from its tmpfiles.d."""


@dataclass
class Instance:
    """What the lab knows of one instance; `attached` gives each volume's device name."""

    host: Host
    last: int
    attached: dict[str, str] = field(default_factory=dict)
    thread: threading.Thread | None = None


class Instances:
    """The machines of ops/lab/machines.py as hosts that boot, one lab's."""

    def __init__(self, folder: Path, network: Network, image: Image) -> None:
        self._folder = folder
        self._network = network
        self._image = image
        self._disks = Disks(folder / "disks")
        self._instances: dict[str, Instance] = {}
        self._last: dict[str, int] = {}
        self._lock = threading.RLock()

    def addresses(self, instance_id: str) -> Addresses:
        """Return the instance's one address, which is both its private and its public one."""
        with self._lock:
            if instance_id not in self._last:
                self._last[instance_id] = self._free()
            address = self._network.address(self._last[instance_id])
        dashed = address.replace(".", "-")
        names = f"ip-{dashed}.ec2.internal", f"ec2-{dashed}.compute-1.amazonaws.com"
        return Addresses(address, address, *names)

    def start(
        self,
        instance_id: str,
        *,
        user_data: bytes,
        public_keys: Sequence[str],
        hostname: str,
        volumes: Mapping[str, str],
    ) -> None:
        """Boot the instance; its cloud-init and sshd come up in the background."""
        with self._lock:
            instance = self._instances.get(instance_id) or self._made(instance_id)
            if instance.host.running:
                return
            instance.host.prepare()
            files = seed.cloud_init(
                instance_id, user_data=user_data, public_keys=public_keys, hostname=hostname
            )
            for path, content in files.items():
                instance.host.write(path, content, 0o600)
            for volume_id in volumes.values():
                instance.attached.setdefault(volume_id, self._name(instance))
            self._boot(instance)

    def stop(self, instance_id: str) -> None:
        """Halt the instance in order."""
        instance = self._known(instance_id)
        instance.host.halt()
        _join(instance)

    def reboot(self, instance_id: str) -> None:
        """Halt and boot the instance in the background."""
        instance = self._known(instance_id)
        threading.Thread(target=self._restart, args=(instance,), daemon=True).start()

    def lose_power(self, instance_id: str) -> None:
        """End the instance at once; what it wrote and its volumes stay as they are."""
        instance = self._known(instance_id)
        instance.host.kill()
        _join(instance)

    def terminate(self, instance_id: str) -> None:
        """End the instance at once and remove what it wrote to its own disk."""
        with self._lock:
            instance = self._instances.pop(instance_id, None)
        if instance is not None:
            try:
                self._remove(instance)
            except OpsError:
                with self._lock:  # still there, for who asks again
                    self._instances[instance_id] = instance
                raise
        with self._lock:
            self._last.pop(instance_id, None)

    def _remove(self, instance: Instance) -> None:
        instance.host.kill()
        _join(instance)
        for volume_id in list(instance.attached):
            self._disks.disconnect(volume_id)
        instance.host.remove()
        networks.remove_namespace(instance.host.namespace)

    def create_volume(self, volume_id: str, size_gib: int, snapshot_id: str | None) -> None:
        """Make a volume."""
        self._disks.create(volume_id, size_gib, snapshot_id)

    def attach(self, volume_id: str, instance_id: str, device: str) -> None:
        """Make the volume appear in the instance; EC2's `device` is none of the host's names."""
        with self._lock:
            instance = self._known(instance_id)
            if volume_id not in instance.attached:
                instance.attached[volume_id] = self._name(instance)
            self._declare(instance)
            log.info("%s is %s in %s", device, instance.attached[volume_id], instance_id)
            if instance.host.running:
                self._appear(instance, volume_id)

    def detach(self, volume_id: str) -> None:
        """Take the volume from its instance."""
        with self._lock:
            for instance in self._instances.values():
                name = instance.attached.pop(volume_id, None)
                if name is None:
                    continue
                self._declare(instance)
                if instance.host.running:
                    instance.host.inside("rm", "-f", seed.by_id(volume_id), f"/dev/{name}")
            self._disks.disconnect(volume_id)

    def delete_volume(self, volume_id: str) -> None:
        """Remove a detached volume."""
        with self._lock:
            there = list(self._instances.items())
        holder = next((name for name, one in there if volume_id in one.attached), None)
        if holder is not None:
            raise OpsError(f"volume {volume_id} is attached to {holder}", "detach it first")
        self._disks.delete(volume_id)

    def snapshot(self, snapshot_id: str, volume_id: str) -> None:
        """Keep the volume's content as of now."""
        self._disks.snapshot(snapshot_id, volume_id)

    def delete_snapshot(self, snapshot_id: str) -> None:
        """Remove the snapshot."""
        self._disks.delete(snapshot_id)

    def console(self, instance_id: str) -> str:
        """Return what the instance wrote to its console so far."""
        console = self._known(instance_id).host.console
        return console.read_text(errors="replace") if console.exists() else ""

    def wait_ready(self, instance_id: str) -> None:
        """Wait until the instance's cloud-init has ended and its sshd answers."""
        address = self.addresses(instance_id).private_ip
        self._known(instance_id).host.wait_ready(address, cloud_init_done, BOOT_SECONDS)

    def _made(self, instance_id: str) -> Instance:
        """Make the instance's namespace and host; it does not run yet."""
        self.addresses(instance_id)
        last = self._last[instance_id]
        namespace = networks.add_host(self._network, instance_id, "cloud", last)
        folder = self._folder / "hosts" / instance_id
        layers, debs = [self._image.base], self._image.packages
        host = Host(self._network.lab_id, instance_id, folder, layers, debs, namespace)
        self._instances[instance_id] = Instance(host, last)
        return self._instances[instance_id]

    def _boot(self, instance: Instance) -> None:
        self._declare(instance)
        instance.host.boot()
        instance.thread = threading.Thread(target=self._live, args=(instance,), daemon=True)
        instance.thread.start()

    def _live(self, instance: Instance) -> None:
        """Boot the host again as often as it reboots by itself."""
        while instance.host.wait_end() == REBOOT:
            self._declare(instance)
            instance.host.boot()

    def _restart(self, instance: Instance) -> None:
        instance.host.halt()
        _join(instance)
        with self._lock:
            if instance in self._instances.values():
                self._boot(instance)

    def _declare(self, instance: Instance) -> None:
        """Write which devices the host has when it boots next."""
        numbers = {}
        for volume_id, name in instance.attached.items():
            numbers[volume_id] = (name, *self._disks.numbers(volume_id))
        instance.host.write("etc/tmpfiles.d/lab-volumes.conf", seed.devices(numbers))

    def _appear(self, instance: Instance, volume_id: str) -> None:
        """Make the device in the host that runs."""
        leader = instance.host.leader()
        if leader is None or not await_program(leader, "systemd"):
            return
        major, minor = self._disks.numbers(volume_id)
        words = (instance.attached[volume_id], str(major), str(minor), seed.by_id(volume_id))
        instance.host.inside("sh", "-c", _APPEAR, "sh", *words)

    def _name(self, instance: Instance) -> str:
        return seed.free_name(list(instance.attached.values()))

    def _free(self) -> int:
        taken = set(self._last.values())
        free = next((last for last in range(FIRST, LAST + 1) if last not in taken), None)
        if free is None:
            raise OpsError("the lab has no address left for another instance")
        return free

    def _known(self, instance_id: str) -> Instance:
        try:
            return self._instances[instance_id]
        except KeyError:
            raise OpsError(f"the lab has no instance {instance_id}") from None


def _join(instance: Instance) -> None:
    if instance.thread is not None:
        instance.thread.join(30)
