"""The command that gathers facts really runs, on this machine; devices are parsed from samples."""

from __future__ import annotations

import getpass
import grp
import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from ops.errors import OpsError
from ops.provision.facts import Question, gather, link, parse
from ops.provision.observed import Device, Host, Mount, Unit
from ops.remote.local import LocalHost


def ask(asked: Question, run: Path) -> Host:
    """Return this machine's facts, without root."""
    with LocalHost() as host:
        return parse(asked, host.run(replace(gather(asked, run=str(run)), root=False)).out)


def test_a_file_is_told_with_owner_mode_and_digest(tmp_path: Path) -> None:
    path = tmp_path / "with space"
    path.write_text("content")
    path.chmod(0o640)
    asked = Question(files=(str(path), str(tmp_path / "none")))
    found = ask(asked, tmp_path / "run").files
    assert list(found) == [str(path)]
    told = found[str(path)]
    assert told.sha256 == hashlib.sha256(b"content").hexdigest()
    assert (told.kind, told.mode, told.owner) == ("regular file", "0640", getpass.getuser())
    assert told.group == grp.getgrgid(os.getegid()).gr_name


def test_a_link_is_no_file(tmp_path: Path) -> None:
    path = tmp_path / "link"
    path.symlink_to("/etc/hostname")
    (told,) = ask(Question(files=(str(path),)), tmp_path / "run").files.values()
    assert (told.kind, told.sha256) == ("symbolic link", "")


def test_a_folder_that_holds_something_is_occupied(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    (tmp_path / "fresh" / "lost+found").mkdir(parents=True)
    paths = tuple(str(tmp_path / name) for name in ("full", "fresh", "none"))
    found = ask(Question(mounts=paths), tmp_path / "run").mounts
    assert [found[path].occupied for path in paths] == [True, False, False]


def test_marks_of_restarts_are_found(tmp_path: Path) -> None:
    (tmp_path / "restart").mkdir()
    (tmp_path / "restart" / "nginx").touch()
    assert ask(Question(), tmp_path).restarts == {"nginx"}


def test_a_volume_that_is_not_there_has_no_entry(tmp_path: Path) -> None:
    assert ask(Question(volumes=("vol-0123",)), tmp_path).devices == {}


def test_devices_mounts_packages_and_units_are_read() -> None:
    asked = Question(("vol-1", "vol-2"), ("/srv/a b",), ("nginx", "php"), (), ("nginx", "cron"))
    entry = f"{link('vol-1')} /srv/a\\040b ext4 defaults,nofail 0 2"
    lines = [
        "user\t0",
        f"device\t{link('vol-1')}\t7:1\tno\tUUID=u-1 TYPE=ext4 ",
        f"device\t{link('vol-2')}\t7:2\tyes\t ",
        "mount\t/srv/a b\t7:1\tx",
        "fstab\t# a comment",
        "fstab\t" + entry.replace(" ", "\t", 2),
        "dpkg",
        "package\tnginx\tinstalled\t1.2",
        "package\tphp\tconfig-files\t8",
        "systemd",
        *[f"unit\t{line}" for line in _UNITS.split("\n")],
        "end",
        "",
    ]
    found = parse(asked, "\n".join(lines).encode())
    assert found.devices["vol-1"] == Device("7:1", False, "ext4", "u-1", "UUID=u-1 TYPE=ext4")
    assert found.devices["vol-2"].blank
    assert found.mounts == {"/srv/a b": Mount("7:1", False, entry)}
    assert found.packages == {"nginx": "1.2"}
    assert found.units == {
        "nginx": Unit("loaded", "active", "enabled"),
        "cron": Unit("not-found", "inactive", ""),
    }
    assert found.root


def test_facts_that_were_cut_short_are_no_facts() -> None:
    with pytest.raises(OpsError, match="incomplete"):
        parse(Question(), b"user\t0\ndpkg\n")


_UNITS = """\
Id=nginx.service
LoadState=loaded
ActiveState=active
UnitFileState=enabled

Id=cron.service
LoadState=not-found
ActiveState=inactive
UnitFileState="""
