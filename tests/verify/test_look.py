"""What find says, and what is made of it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ops.verify.look import GONE, Reader, complaints
from ops.verify.tree import excluded

_HEAD = b"1700000000.0\n"


@pytest.mark.parametrize(
    "name", [b"plain", b"a\nb", b"it's: \\x", b"\xe2\x80\x98q\xe2\x80\x99", b"\xff\x07\t", b"'q'"]
)
def test_find_names_exactly_what_it_could_not_look_at(tmp_path: Path, name: bytes) -> None:
    words: list[str | bytes] = ["find", b"./" + name]
    told = subprocess.run(
        words, cwd=tmp_path, env={**os.environ, "LC_ALL": "C"}, capture_output=True, check=False
    )
    assert complaints(told.stderr) == [(b"./" + name, GONE)]


def test_what_find_says_of_no_path_is_about_the_root() -> None:
    assert complaints(b"find: out of memory\n") == [(b".", "find: out of memory")]


def test_what_is_excluded_may_be_unreadable() -> None:
    reader = Reader(excluded(("/cache/", "*.tmp")))
    reader.take(_HEAD)
    said = [b"./cache", b"./cache/deep/x", b"./a.tmp", b"./kept"]
    err = b"".join(b"find: '%b': Permission denied\n" % path for path in said)
    assert reader.finish(1, err, "/srv", "").complaints == [(b"./kept", "Permission denied")]
