"""What a new EC2 host finds in its file system: cloud-init's seed, and its volumes.

Only texts and their paths (below the host's root); ops/lab/hosts.py writes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

SEED = "var/lib/cloud/seed/nocloud-net"


def cloud_init(
    instance_id: str, *, user_data: bytes, public_keys: Sequence[str], hostname: str
) -> dict[str, bytes]:
    """Return the NoCloud seed that stands for EC2's instance metadata.

    The user data is passed on as it is: cloud-init itself unpacks gzip. JSON is YAML.
    """
    metadata = {
        "instance-id": instance_id,
        "local-hostname": hostname,
        "public-keys": list(public_keys),
    }
    return {
        f"{SEED}/meta-data": json.dumps(metadata, indent=1).encode() + b"\n",
        f"{SEED}/user-data": user_data or b"#cloud-config\n{}\n",
    }


def by_id(volume_id: str) -> str:
    """Return the link by which an EC2 host finds a volume: the id without its dash."""
    return f"/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_{volume_id.replace('-', '', 1)}"


def devices(attached: Mapping[str, tuple[str, int, int]]) -> bytes:
    """Return the tmpfiles.d(5) lines that make the volumes' devices at each boot.

    `attached` gives each volume's device name (`nvme1n1`), and its major and minor number.
    """
    lines = []
    for volume_id, (name, major, minor) in sorted(attached.items()):
        lines.append(f"b /dev/{name} 0660 root disk - {major}:{minor}")
        lines.append(f"L {by_id(volume_id)} - - - - ../../{name}")
    return "".join(f"{line}\n" for line in lines).encode()


def free_name(taken: Sequence[str]) -> str:
    """Return the first NVMe device name that is free; nvme0n1 is the boot volume's."""
    number = next(number for number in range(1, 128) if f"nvme{number}n1" not in taken)
    return f"nvme{number}n1"
