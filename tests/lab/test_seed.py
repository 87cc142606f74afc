"""What a new EC2 host finds in its file system."""

from __future__ import annotations

import json

from ops.lab import seed


def test_user_data_is_passed_on_as_it_is() -> None:
    raw = b"\x1f\x8b\x08 not looked into"
    files = seed.cloud_init("i-1", user_data=raw, public_keys=["ssh-ed25519 AAAA"], hostname="h")
    told = json.loads(files[f"{seed.SEED}/meta-data"])
    assert files[f"{seed.SEED}/user-data"] == raw
    assert told == {
        "instance-id": "i-1",
        "local-hostname": "h",
        "public-keys": ["ssh-ed25519 AAAA"],
    }


def test_no_user_data_is_an_empty_configuration() -> None:
    files = seed.cloud_init("i-1", user_data=b"", public_keys=[], hostname="h")
    assert files[f"{seed.SEED}/user-data"].startswith(b"#cloud-config")


def test_a_volume_is_found_as_on_ec2() -> None:
    assert seed.by_id("vol-0a1b").endswith("/nvme-Amazon_Elastic_Block_Store_vol0a1b")


def test_devices_are_made_anew_at_each_boot() -> None:
    assert seed.devices({"vol-1": ("nvme1n1", 7, 3)}) == (
        b"b /dev/nvme1n1 0660 root disk - 7:3\n"
        b"L /dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol1 - - - - ../../nvme1n1\n"
    )


def test_a_name_that_is_free_again_is_taken_again() -> None:
    assert seed.free_name([]) == "nvme1n1"
    assert seed.free_name(["nvme1n1", "nvme3n1"]) == "nvme2n1"
