"""Lines of md5sum lists."""

from __future__ import annotations

import pytest
from hypothesis import given

from ops.verify import md5list
from tests.verify.trees import names

DIGEST = b"0cc175b9c0f1b6a831c399e269772661"


@given(names)
def test_every_name_comes_back(name: bytes) -> None:
    line = md5list.line(DIGEST, b"./" + name)
    assert line.count(b"\n") == 1
    assert md5list.parse(line[:-1]) == (b"./" + name, DIGEST)


def test_many_lines_are_as_each_alone() -> None:
    for paths in ([b"./a", b"./b\n", b"./c\\"], [b"./a", b"./b"], []):
        assert md5list.lines(DIGEST, paths) == [md5list.line(DIGEST, path) for path in paths]


def test_the_binary_star_and_capitals_are_taken() -> None:
    assert md5list.parse(DIGEST.upper() + b" *a b") == (b"a b", DIGEST)


@pytest.mark.parametrize(
    "text", [b"", b"x", DIGEST, DIGEST + b"  ", DIGEST[:-1] + b"  a", b"\\" + DIGEST + b"  a\\t"]
)
def test_a_damaged_line_is_refused(text: bytes) -> None:
    with pytest.raises(md5list.BadLine):
        md5list.parse(text)
