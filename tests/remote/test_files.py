from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ops.remote.connection import SshHost
from ops.remote.errors import TransferFailed
from ops.remote.files import Arriving, put_command


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if ".ops-" in path.name]


@pytest.mark.parametrize("size", [0, 1, 300_000, 20_000_000])
def test_a_file_arrives_whole_both_ways(host: SshHost, tmp_path: Path, size: int) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(size))
    host.put(source, str(tmp_path / "there"))
    host.get(str(tmp_path / "there"), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == source.read_bytes()
    assert leftovers(tmp_path) == []


def test_the_mode_is_the_asked_one_and_private_unless_asked(host: SshHost, tmp_path: Path) -> None:
    host.put(b"x", str(tmp_path / "private"))
    host.put(b"x", str(tmp_path / "program"), mode=0o4755)
    assert (tmp_path / "private").stat().st_mode & 0o7777 == 0o600
    assert (tmp_path / "program").stat().st_mode & 0o7777 == 0o4755


@pytest.mark.parametrize("name", ["-f", "a b'c\"d", "new\nline", "\\", "caf\udce9", "$(id)", "*"])
def test_names_are_taken_as_they_are(host: SshHost, tmp_path: Path, name: str) -> None:
    host.put(b"content", str(tmp_path / name))
    host.get(str(tmp_path / name), tmp_path / "back")
    assert (tmp_path / name).read_bytes() == (tmp_path / "back").read_bytes() == b"content"


def test_a_put_that_fails_leaves_the_old_file(host: SshHost, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(TransferFailed, match="could not be written"):
        host.put(b"x", str(tmp_path / "there"))
    with pytest.raises(TransferFailed, match="nowhere"):
        host.put(b"x", str(tmp_path / "nowhere" / "x"))
    assert leftovers(tmp_path) == []


def test_a_full_disk_is_told_in_its_words(host: SshHost) -> None:
    with pytest.raises(TransferFailed, match=r"could not be written|No space"):
        host.put(b"x", "/dev/full/x")


def test_a_source_that_shrinks_meanwhile_replaces_nothing(host: SshHost, tmp_path: Path) -> None:
    class Shrinking(type(tmp_path)):  # type: ignore[misc] # of this system's kind
        def open(self, mode: str = "r") -> object:
            opened = super().open(mode)
            opened.seek(5)
            return opened

    (tmp_path / "source").write_bytes(b"0123456789")
    (tmp_path / "there").write_bytes(b"old")
    with pytest.raises(TransferFailed, match="5 of 10 bytes arrived"):
        host.put(Shrinking(tmp_path / "source"), str(tmp_path / "there"))
    assert (tmp_path / "there").read_bytes() == b"old"
    assert leftovers(tmp_path) == []


def test_a_get_that_fails_leaves_the_local_file(host: SshHost, tmp_path: Path) -> None:
    (tmp_path / "here").write_bytes(b"old")
    for wrong in ("/nowhere", "/tmp", "/dev/null"):
        with pytest.raises(TransferFailed, match="could not be read"):
            host.get(wrong, tmp_path / "here")
    assert (tmp_path / "here").read_bytes() == b"old"
    assert leftovers(tmp_path) == []


def test_a_fifo_is_refused_without_waiting_for_a_writer(host: SshHost, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(TransferFailed, match="not a regular file"):
        host.get(str(tmp_path / "fifo"), tmp_path / "here")


@pytest.mark.parametrize("said", [b"Welcome!\n", b"x" * 99, b"-1\n"])
def test_a_host_that_says_no_size_is_told(tmp_path: Path, said: bytes) -> None:
    with Arriving(tmp_path / "x") as arriving, pytest.raises(TransferFailed, match="than a size"):
        arriving.write(said)
    assert leftovers(tmp_path) == []


def test_a_put_follows_no_link_that_lies_in_its_way(tmp_path: Path) -> None:
    what = put_command(str(tmp_path / "there"), 1, 0o600, root=False)
    (tmp_path / "victim").write_bytes(b"old")
    Path(str(what.argv[5])).symlink_to(tmp_path / "victim")
    done = subprocess.run(
        ["sh", "-c", what.line("none")], input=b"x", capture_output=True, check=False
    )
    assert done.returncode != 0
    assert (tmp_path / "victim").read_bytes() == b"old"


def test_local_files_that_cannot_be_used_are_told(host: SshHost, tmp_path: Path) -> None:
    with pytest.raises(TransferFailed, match="none"):
        host.put(tmp_path / "none", str(tmp_path / "x"))
    with pytest.raises(TransferFailed, match="nowhere"):
        host.get("/etc/hostname", tmp_path / "nowhere" / "x")


def test_a_got_file_is_private(host: SshHost, tmp_path: Path) -> None:
    host.get("/etc/hostname", tmp_path / "x")
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600
