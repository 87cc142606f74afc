"""Lines of mtree specifications."""

from __future__ import annotations

import pytest
from hypothesis import given

from ops.verify import mtree
from ops.verify.md5list import BadLine
from tests.verify.trees import names


@given(names)
def test_every_name_comes_back_and_is_plain(name: bytes) -> None:
    encoded = mtree.encode(name)
    assert mtree.decode(encoded) == name
    assert encoded.isascii()
    assert not set(encoded) & set(b" \t\n#=*?[,")


def test_many_names_are_the_names_one_by_one() -> None:
    assert mtree.encoded([b"./a", b"./b c"]) == [b"./a", b"./b\\040c"]
    assert mtree.encoded([b"./a"]) == [b"./a"]


def test_an_entry_tells_its_words() -> None:
    entry = mtree.parse(b"./a\\040b type=file uid=1 mode=0644 size=3 time=1.000000000 md5=ab")
    assert (entry.path, entry.type, entry.size, entry.unread) == (b"./a b", "file", 3, False)
    assert entry.words["uid"] == b"1"


def test_a_file_without_checksum_was_not_read() -> None:
    assert mtree.parse(b"./a type=file size=3").unread


@pytest.mark.parametrize("text", [b"", b"./a", b"./a type", b"./a size=3", b"./a type=file size=x"])
def test_a_damaged_line_is_refused(text: bytes) -> None:
    with pytest.raises(BadLine):
        mtree.parse(text)
