"""EC2 instances as real hosts: cloud-init, volumes, freezing, reboots, ends."""

from __future__ import annotations

import gzip
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ops.lab import cgroups
from ops.lab.record import Lab
from ops.lab.seed import by_id
from tests.support import labs

pytestmark = pytest.mark.lab

CONFIG = """#cloud-config
users:
  - name: ops
    sudo: "ALL=(ALL) NOPASSWD:ALL"
    shell: /bin/bash
    ssh_authorized_keys: ["{key}"]
write_files: [{{path: /etc/told, content: by cloud-init}}]
"""

FREEZE = "sudo fsfreeze -f /srv/data; (echo late | sudo tee /srv/data/late >/dev/null) </dev/null"


@dataclass
class Ec2Host:
    """An instance of the lab."""

    lab: Lab
    id: str
    address: str

    def run(self, line: str, code: int = 0) -> str:
        """Return what a command says there."""
        done = labs.ssh(self.lab, f"ops@{self.address}", line)
        assert done.returncode == code, done.stderr
        return done.stdout

    def await_boot(self, not_boot: str = "") -> str:
        """Wait until cloud-init is done in another boot than this one; return the boot's time."""
        until = time.monotonic() + 300
        while time.monotonic() < until:
            asked = "cloud-init status --wait >/dev/null; cat /proc/1/stat | cut -d ' ' -f 22"
            done = labs.ssh(self.lab, f"ops@{self.address}", asked)
            if done.returncode == 0 and done.stdout != not_boot:
                return done.stdout
            time.sleep(0.1)
        raise AssertionError(done.stderr)

    def volume(self, snapshot: str = "") -> str:
        """Return a new volume, attached to the host."""
        wish: dict[str, Any] = {"SnapshotId": snapshot} if snapshot else {"Size": 1}
        ec2 = labs.ec2(self.lab)
        made: str = ec2.create_volume(AvailabilityZone="us-east-1a", **wish)["VolumeId"]
        device = "/dev/sdg" if snapshot else "/dev/sdf"
        ec2.attach_volume(VolumeId=made, InstanceId=self.id, Device=device)
        return made


@pytest.fixture(scope="module")
def host(full_lab: Lab) -> Iterator[Ec2Host]:
    """Return an instance whose user data went in gzipped, with a volume mounted on /srv/data."""
    key = full_lab.login.with_suffix(".pub").read_text().strip()
    packed: Any = gzip.compress(CONFIG.format(key=key).encode())
    made = Ec2Host(full_lab, *labs.launch(full_lab, packed))
    made.await_boot()
    disk = by_id(made.volume())
    made.run(f"sudo mkfs.xfs -q {disk} && sudo mkdir /srv/data")
    made.run(f"echo {disk} /srv/data xfs defaults,nofail 0 0 | sudo tee -a /etc/fstab")
    made.run("sudo mount /srv/data && echo kept | sudo tee /srv/data/file")
    yield made
    ec2 = labs.ec2(full_lab)
    ec2.terminate_instances(InstanceIds=[made.id])


def test_cloud_init_did_what_the_user_data_says(host: Ec2Host) -> None:
    assert host.run("cat /etc/told; systemctl is-system-running --wait") == "by cloud-initrunning\n"


def test_nobody_logs_in_as_root(host: Ec2Host) -> None:
    assert labs.ssh(host.lab, f"root@{host.address}", "true").returncode == 255


def test_packages_come_from_the_local_folder_without_a_network(host: Ec2Host) -> None:
    host.run("sudo apt-get update -q && sudo apt-get install -qy libsodium23")
    assert host.run("dpkg-query -Wf '${db:Status-Status}' libsodium23") == "installed"


def test_the_machine_itself_is_out_of_reach(host: Ec2Host) -> None:
    host.run(f"test ! -e {host.lab.path} && ! curl -s --max-time 1 http://192.0.2.1")


def test_a_snapshot_of_a_frozen_volume_holds_exactly_its_content(host: Ec2Host) -> None:
    ec2 = labs.ec2(host.lab)
    volume = next(
        one["VolumeId"]
        for one in ec2.describe_volumes()["Volumes"]
        if any(a["InstanceId"] == host.id and a["Device"] == "/dev/sdf" for a in one["Attachments"])
    )
    writer = frozen_writer(host)
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    host.run("sudo fsfreeze -u /srv/data")
    writer.wait()
    copy = host.volume(snapshot)
    mount = f"sudo mount -o ro,nouuid {by_id(copy)} /mnt && ls /mnt && sudo umount /mnt"
    assert host.run(mount) == "file\n"
    assert host.run("ls /srv/data; sudo rm /srv/data/late") == "file\nlate\n"
    ec2.detach_volume(VolumeId=copy)
    host.run(f"test ! -e {by_id(copy)}")
    ec2.delete_volume(VolumeId=copy)


def test_a_reboot_brings_the_volume_back(host: Ec2Host) -> None:
    before = host.await_boot()
    labs.ec2(host.lab).reboot_instances(InstanceIds=[host.id])
    host.await_boot(before)
    assert host.run("cat /srv/data/file") == "kept\n"


def test_a_stopped_instance_keeps_its_disk(host: Ec2Host) -> None:
    before = host.await_boot()
    ec2 = labs.ec2(host.lab)
    ec2.stop_instances(InstanceIds=[host.id])
    assert labs.ssh(host.lab, f"ops@{host.address}", "true").returncode == 255
    ec2.start_instances(InstanceIds=[host.id])
    host.await_boot(before)
    assert host.run("cat /srv/data/file /etc/told") == "kept\nby cloud-init"


def test_an_instance_dies_with_its_api_also_while_a_writer_hangs(host: Ec2Host) -> None:
    writer = frozen_writer(host)
    labs.ec2(host.lab).terminate_instances(InstanceIds=[host.id])
    writer.wait()
    groups = [group / host.id for group in cgroups.of_lab(host.lab.id)]
    assert [pid for group in groups for pid in cgroups.members(group)] == []
    assert not (host.lab.path / "hosts" / host.id).exists()


def frozen_writer(host: Ec2Host) -> subprocess.Popen[bytes]:
    """Freeze /srv/data and return a program that hangs as it writes there."""
    words = ["ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "UserKnownHostsFile=/dev/null"]
    words += ["-o", "StrictHostKeyChecking=no", "-i", str(host.lab.login), f"ops@{host.address}"]
    quiet = subprocess.DEVNULL
    writer = subprocess.Popen([*words, FREEZE], stdin=quiet, stdout=quiet, stderr=quiet)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if "tee" in host.run("ps -eo stat,comm | grep '^D.*tee' || true"):
            return writer
        time.sleep(0.1)
    raise AssertionError("the writer does not hang")
