"""Scans of real hosts: another account than root, sudo, hostile names, a full disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ops import run
from ops.errors import OpsError
from ops.inventory.repository import Repository
from ops.lab.record import Lab
from ops.remote.command import command, script
from ops.remote.host import Host
from ops.verify import manifest, md5list
from ops.verify.scan import Keeping, Scan, may_be_root, scan
from ops.verify.tree import Tree
from tests.support.fabric_tree import PROJECT

_THEIRS = r"""
cd -- "$1" && find . -type f -print0 | sort -z | xargs -0 -r md5sum -z
"""
_SMALL_MEMORY = "mount -t tmpfs -o size=128k,mode=1777 small /dev/shm"
_BACK = "umount --lazy /dev/shm"  # what fell over may not have ended yet


def _host(made: Lab, name: str = "documents") -> Host:
    return run.host(Repository(made.inventory, PROJECT), name, "campus")


@pytest.fixture
def host(full_lab: Lab) -> Iterator[Host]:
    with _host(full_lab) as connected:
        yield connected


def _root(made: Lab) -> str:
    component = Repository(made.inventory, PROJECT).component("documents")
    (declared,) = (data for data in component.data.values() if data.kind == "files")
    return declared.source.root


def _is_as_the_host_says(host: Host, root: str, found: Scan, listed: Path) -> None:
    manifest.write(listed, found.draft, found.digests)
    ours = dict(md5list.parse(line) for line in listed.read_bytes().split(b"\n")[:-1])
    asked = script(_THEIRS, root, root=may_be_root(host))
    records = host.run(asked).out.split(b"\0")[:-1]
    assert ours == {record[34:]: record[:32] for record in records}
    assert found.faults == []
    assert found.files == len(records) > 100


@pytest.mark.lab
def test_a_host_without_root_log_in_is_scanned_whole(
    full_lab: Lab, host: Host, tmp_path: Path
) -> None:
    root = _root(full_lab)
    keeping = Keeping(tmp_path / "look", "campus")
    found = scan(host, Tree(root, as_root=may_be_root(host)), keeping=keeping)
    _is_as_the_host_says(host, root, found, tmp_path / "list")
    again = scan(host, Tree(root, as_root=may_be_root(host)), keeping=keeping)
    assert (again.read_files, again.digests) == (0, found.digests)
    assert host.run(command("ls", "/dev/shm")).out == b""


def test_a_light_host_is_scanned_whole(light_lab: Lab, tmp_path: Path) -> None:
    with _host(light_lab) as host:
        root = _root(light_lab)
        found = scan(host, Tree(root, as_root=may_be_root(host)))
        _is_as_the_host_says(host, root, found, tmp_path / "list")


@pytest.mark.lab
def test_a_host_without_room_for_the_names_is_told_as_full(full_lab: Lab, host: Host) -> None:
    root = _root(full_lab)
    many = "cd -- $1 && mkdir many && cd many && seq -f %0200.0f 3000 | xargs touch"
    host.run(script(many, root, root=True))
    host.run(script(_SMALL_MEMORY, root=True))
    try:
        with pytest.raises(OpsError, match="No space left on device"):
            scan(host, Tree(root, as_root=True))
    finally:
        host.run(script(f'{_BACK}; rm -r "$1/many"', root, root=True))
