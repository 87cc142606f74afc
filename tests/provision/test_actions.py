"""The commands that change a host really run, on this machine and in a folder of its own."""

from __future__ import annotations

import getpass
import grp
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ops.provision import actions
from ops.provision.desired import File
from ops.provision.storage import filesystem_uuid
from ops.remote.command import Command
from ops.remote.errors import CommandFailed
from ops.remote.host import Result
from ops.remote.local import LocalHost

UUID = filesystem_uuid("vol-1")


def do(command: Command) -> Result:
    """Run a command here, without root."""
    with LocalHost() as host:
        return host.run(replace(command, root=False))


def file(path: Path, content: bytes = b"new\n", **more: Any) -> File:
    group = grp.getgrgid(os.getegid()).gr_name
    return File(str(path), content, getpass.getuser(), group, "0640", **more)


def test_a_file_is_put_in_its_place_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "it's"
    do(actions.write(file(path), run=str(tmp_path)))
    assert path.read_bytes() == b"new\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in path.parent.iterdir()] == ["it's"]


def test_the_services_that_a_file_restarts_are_marked(tmp_path: Path) -> None:
    do(actions.write(file(tmp_path / "conf", restarts=("nginx", "php")), run=str(tmp_path)))
    assert sorted(one.name for one in (tmp_path / "restart").iterdir()) == ["nginx", "php"]


def test_a_file_does_not_take_the_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    with pytest.raises(CommandFailed, match="is a folder"):
        do(actions.write(file(tmp_path / "conf"), run=str(tmp_path / "run")))
    assert sorted(one.name for one in tmp_path.iterdir()) == ["conf", "run"]
    assert [one.name for one in (tmp_path / "run").iterdir()] == ["lock"]


def test_a_file_that_arrives_in_part_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "conf"
    path.write_bytes(b"old\n")
    whole = actions.write(file(path, b"x" * 100), run=str(tmp_path / "run"))
    with pytest.raises(CommandFailed, match="only 10 bytes arrived"):
        do(replace(whole, stdin=b"x" * 10))
    assert path.read_bytes() == b"old\n"
    assert list((tmp_path / "run").iterdir()) == []


def test_a_file_waits_for_the_step_before_it(tmp_path: Path) -> None:
    path, run = tmp_path / "conf", str(tmp_path / "run")
    path.write_bytes(b"old\n")
    waits = 'echo begun >"$1"; until [ -e "$2" ]; do sleep 0.02; done; cp "$3" "$1"'
    words = [str(tmp_path / "note"), str(tmp_path / "go"), str(path)]
    with LocalHost() as host, LocalHost() as other:
        before = host.start(replace(actions.steady(waits, *words, run=run), root=False))
        await_text(tmp_path / "note", "begun\n")
        writing = other.start(replace(actions.write(file(path), run=run), root=False))
        time.sleep(0.3)
        (tmp_path / "go").touch()
        assert (before.wait(60), writing.wait(60)) == (0, 0)
    assert (tmp_path / "note").read_bytes() == b"old\n"
    assert path.read_bytes() == b"new\n"


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_an_empty_volume_gets_the_file_system_and_its_uuid(tmp_path: Path, kind: str) -> None:
    image = disk(tmp_path, kind)
    do(formatting(image, kind, tmp_path))
    seen = do(Command(("/usr/sbin/blkid", "-p", "-o", "value", "-s", "UUID", str(image)))).out
    assert seen.decode().strip() == UUID


def test_a_volume_that_holds_a_file_system_is_never_formatted(tmp_path: Path) -> None:
    image = disk(tmp_path, "ext4")
    do(formatting(image, "ext4", tmp_path))
    before = image.read_bytes()
    with pytest.raises(CommandFailed, match="not empty, so not formatted") as failed:
        do(formatting(image, "xfs", tmp_path))
    assert failed.value.result.code == 9
    assert image.read_bytes() == before


def test_a_volume_that_holds_only_a_partition_table_is_never_formatted(tmp_path: Path) -> None:
    image = disk(tmp_path, "ext4")
    with image.open("r+b") as file:
        file.seek(510)
        file.write(b"\x55\xaa")
        file.seek(446)
        file.write(bytes([0x80, 0, 1, 0, 0x83, 0, 2, 0, 1, 0, 0, 0, 100, 0, 0, 0]))
    with pytest.raises(CommandFailed, match="not empty"):
        do(formatting(image, "ext4", tmp_path))


@pytest.mark.parametrize("place", [4096, (320 << 20) - 4096])
def test_a_volume_that_holds_data_without_a_signature_is_never_formatted(
    tmp_path: Path, place: int
) -> None:
    image = disk(tmp_path, "ext4")
    with image.open("r+b") as file:
        file.seek(place)
        file.write(b"a page of a raw device that some database uses")
    with pytest.raises(CommandFailed, match="not empty, so not formatted"):
        do(formatting(image, "ext4", tmp_path))


def test_a_step_goes_on_to_its_end_when_nobody_waits_for_it_any_more(tmp_path: Path) -> None:
    text = 'echo begun >"$1"; sleep 0.5; echo done >"$1"'
    note = tmp_path / "note"
    command = actions.steady(text, str(note), run=str(tmp_path / "run"))
    with LocalHost() as host:
        running = host.start(replace(command, root=False))
        await_text(note, "begun\n")
        running.end()
    await_text(note, "done\n")


def test_what_a_failed_step_said_comes_back(tmp_path: Path) -> None:
    command = actions.steady("echo out; echo err >&2; exit 5", run=str(tmp_path))
    with pytest.raises(CommandFailed) as failed:
        do(command)
    assert failed.value.result.code == 5
    assert failed.value.result.err == b"out\nerr\n"
    assert [one.name for one in tmp_path.iterdir()] == ["lock"]


def disk(folder: Path, kind: str) -> Path:
    """Return a file that is as an empty volume. Skip without the programs."""
    if shutil.which(f"mkfs.{kind}", path="/usr/sbin:/sbin:/usr/bin") is None:
        pytest.skip(f"no mkfs.{kind} on this machine")
    image = folder / "disk"
    image.touch()
    os.truncate(image, 320 << 20)
    return image


def formatting(image: Path, kind: str, folder: Path) -> Command:
    return actions.steady(actions.FORMAT, str(image), kind, UUID, run=str(folder / "run"))


def await_text(path: Path, text: str) -> None:
    until = time.monotonic() + 60
    while not path.exists() or path.read_text() != text:
        assert time.monotonic() < until
        time.sleep(0.02)


# Of apt-get's words the command and what follows count.
_LOCKED = """\
#!/bin/sh
while [ "$1" != install ] && [ $# -gt 2 ]; do shift; done
[ "${{0##*/}} $*" = '{call}' ] || exit 0
echo >>{folder}/asked
rm {folder}/held 2>/dev/null || exit 0
echo '{words}' >&2
exit 100
"""


def _installed(folder: Path, call: str, words: str) -> tuple[Result, int]:
    """Install where the call fails once with these words; return that and how often it came."""
    locked = _LOCKED.format(folder=folder, call=call, words=words)
    for name in ("dpkg", "apt-get", "dpkg-query"):
        text = "#!/bin/sh\necho installed\n" if name == "dpkg-query" else locked
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    (folder / "held").touch()
    install = actions.install(["tiny"], run=str(folder / "run"))
    with LocalHost() as host:
        path = (("PATH", f"{folder}:{os.environ['PATH']}"),)
        result = host.run(replace(install, root=False, env=path), check=False)
    return result, (folder / "asked").read_text().count("\n")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("dpkg --configure -a", "dpkg: error: dpkg frontend lock was locked by another process"),
        ("apt-get install -- tiny", "E: Could not get lock /var/cache/apt/archives/lock."),
    ],
)
def test_packages_wait_for_whoever_holds_a_lock(tmp_path: Path, call: str, words: str) -> None:
    """So say dpkg 1.21 and apt 2.6, which do not wait for these locks by themselves."""
    result, asked = _installed(tmp_path, call, words)
    assert (result.code, asked) == (0, 2)


@pytest.mark.parametrize("call", ["dpkg --configure -a", "apt-get install -- tiny"])
def test_packages_wait_for_nothing_else(tmp_path: Path, call: str) -> None:
    result, asked = _installed(tmp_path, call, "E: no room")
    assert (result.code, asked) == (100, 1)
    assert b"E: no room" in result.err
