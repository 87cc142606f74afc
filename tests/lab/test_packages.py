"""A folder of packages as a repository for apt."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from ops.lab.packages import index

CONTROL = """\
Package: tiny
Version: 1.0
Architecture: all
Maintainer: Nobody <nobody@example.org>
Description: nothing
"""


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="no dpkg-deb")
def test_the_index_has_what_apt_asks_for(tmp_path: Path) -> None:
    (tmp_path / "tiny" / "DEBIAN").mkdir(parents=True)
    (tmp_path / "tiny" / "DEBIAN" / "control").write_text(CONTROL)
    folder = tmp_path / "folder"
    folder.mkdir()
    words = ["dpkg-deb", "--root-owner-group", "--build", str(tmp_path / "tiny"), str(folder)]
    subprocess.run(words, check=True, capture_output=True)
    index(folder)
    package = folder / "tiny_1.0_all.deb"
    lines = (folder / "Packages").read_text().splitlines()
    assert lines[0] == "Package: tiny"
    assert f"Filename: ./{package.name}" in lines
    assert f"SHA256: {hashlib.sha256(package.read_bytes()).hexdigest()}" in lines


def test_an_empty_folder_has_an_empty_index(tmp_path: Path) -> None:
    index(tmp_path)
    assert (tmp_path / "Packages").read_text() == ""
