"""Manifests and comparisons by themselves: where they may lie, and which host is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.errors import UsageError
from ops.verify import lone


def test_a_manifest_may_lie_anywhere_but_below_its_root(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    (tmp_path / "link").symlink_to(root)
    assert lone.writable(f"{tmp_path}/new/list", str(root), "") == tmp_path / "new/list"
    assert lone.writable(f"{root}/list", str(root), "wiki.cloud.main") == root / "list"
    for out in (f"{root}/list", f"{tmp_path}/link/list", f"{root}/deep/list"):
        with pytest.raises(UsageError, match="would list itself"):
            lone.writable(out, str(root), "")
    for out in ("", str(tmp_path), "."):
        with pytest.raises(UsageError, match="names no file"):
            lone.writable(out, "/nowhere", "")


@pytest.mark.parametrize("name", ["@", "ann@", "host:", "host:x", "::1", "[::1", "a:1:2", "[]"])
def test_what_is_no_host_is_a_usage_error(name: str) -> None:
    with pytest.raises(UsageError, match="is no host"):
        lone.place(name)


def test_hosts_are_read_with_user_and_port() -> None:
    assert lone.place("ann@host.example") == ("ann", "host.example", 22)
    assert lone.place("host:2222") == ("", "host", 2222)
    assert lone.place("ann@[2001:db8::1]:2222") == ("ann", "2001:db8::1", 2222)
    assert lone.place("[2001:db8::1]") == ("", "2001:db8::1", 22)


def test_a_root_is_absolute_on_a_host() -> None:
    assert lone.checked("/srv/wiki", "wiki.cloud.main") == "/srv/wiki"
    assert lone.checked(".") == str(Path.cwd())
    for root, host in (("", ""), ("", "here"), ("srv", "here")):
        with pytest.raises(UsageError):
            lone.checked(root, host)
