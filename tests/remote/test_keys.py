from __future__ import annotations

from pathlib import Path

import pytest

from ops.errors import OpsError, Refused
from ops.remote.keys import make_keypair, read_public


def test_a_key_pair_is_private_from_the_start(tmp_path: Path) -> None:
    public = make_keypair(tmp_path / "keys" / "run", "run 7")
    assert public.kind == "ssh-ed25519"
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "keys" / "run").stat().st_mode & 0o777 == 0o600
    assert read_public(tmp_path / "keys" / "run") == public


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    make_keypair(tmp_path / "run")
    with pytest.raises(Refused, match="a key already"):
        make_keypair(tmp_path / "run")


def test_a_missing_key_is_told_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(OpsError, match=r"none\.pub"):
        read_public(tmp_path / "none")
