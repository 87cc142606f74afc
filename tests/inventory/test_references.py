"""References to secrets: looked up, and refused when others could read them too."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.errors import Refused
from ops.inventory import references


def test_a_variable_and_a_file_give_their_secret(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("two words\n")
    (tmp_path / "s").chmod(0o600)
    assert references.resolve("file:s", tmp_path, {}) == "two words"
    assert references.resolve("env:WORD", tmp_path, {"WORD": "x"}) == "x"


@pytest.mark.parametrize("reference", ["env:NONE", "file:none", "file:empty"])
def test_a_missing_secret_is_refused_by_its_name(tmp_path: Path, reference: str) -> None:
    (tmp_path / "empty").touch(0o600)
    with pytest.raises(Refused, match=reference):
        references.resolve(reference, tmp_path, {})


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    (tmp_path / "s").write_text("hunter2")
    (tmp_path / "s").chmod(mode)
    with pytest.raises(Refused, match="others may read") as caught:
        references.resolve("file:s", tmp_path, {})
    assert "hunter2" not in str(caught.value) and "chmod 600" in caught.value.hint


def test_only_a_file_can_stand_where_a_program_needs_one(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="env:KEY is no file"):
        references.private_file("env:KEY", tmp_path)


def test_the_home_of_the_account_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "k.pub").touch()
    assert references.file("file:~/k.pub", Path("/elsewhere")) == tmp_path / "k.pub"
