"""What the lab's AWS calls when its API says that something starts, stops or is attached.

Two kinds of machines answer to it: real hosts that boot (ops/lab/hosts.py) and one sshd each
on a loopback address (ops/lab/light.py). Calls return soon; a boot goes on in the background.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Addresses:
    """The addresses that DescribeInstances answers with for one instance."""

    private_ip: str
    public_ip: str
    private_dns: str
    public_dns: str


class Machines(Protocol):
    """The hosts and disks behind the lab's EC2 API, by the ids that the API gave them.

    Every call may be repeated: what is already so stays so. An unknown id, or a state that does
    not allow the call (deleting an attached volume), raises OpsError; the API has normally
    refused such a call before. `device` is the name given to AttachVolume (`/dev/sdf`).
    """

    def addresses(self, instance_id: str) -> Addresses:
        """Return the instance's addresses; they are chosen at the first call and then stay."""

    def start(
        self,
        instance_id: str,
        *,
        user_data: bytes,
        public_keys: Sequence[str],
        hostname: str,
        volumes: Mapping[str, str],
    ) -> None:
        """Boot the instance in the background, its volumes (device name -> volume id) attached.

        `user_data` is raw: decoded from base64, still gzipped where the caller sent it so.
        A second start after a stop finds the host's own disk as it was left.
        """

    def stop(self, instance_id: str) -> None:
        """Halt the instance in order; its own disk and its attachments stay."""

    def reboot(self, instance_id: str) -> None:
        """Halt and boot it again, in the background, as it was started."""

    def lose_power(self, instance_id: str) -> None:
        """End the host at once; its own disk and its attachments stay, as they are."""

    def terminate(self, instance_id: str) -> None:
        """End the instance at once and remove its own disk; volumes are detached, not deleted."""

    def create_volume(self, volume_id: str, size_gib: int, snapshot_id: str | None) -> None:
        """Make an empty volume, or one that holds what the snapshot holds."""

    def attach(self, volume_id: str, instance_id: str, device: str) -> None:
        """Make the volume appear in the instance (now, or when it boots)."""

    def detach(self, volume_id: str) -> None:
        """Take the volume from its instance."""

    def delete_volume(self, volume_id: str) -> None:
        """Remove a detached volume and what it holds."""

    def snapshot(self, snapshot_id: str, volume_id: str) -> None:
        """Keep the volume's content as of now; complete when the call returns."""

    def delete_snapshot(self, snapshot_id: str) -> None:
        """Remove the snapshot; volumes made from it stay."""

    def console(self, instance_id: str) -> str:
        """Return what the instance wrote to its console so far."""
