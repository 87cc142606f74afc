"""Names of files as printable text, and back."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.escapes import escape, unescape


@given(st.binary())
def test_every_name_comes_back(name: bytes) -> None:
    assert unescape(escape(name)) == name


@given(st.binary())
def test_the_text_is_printable_on_one_line(name: bytes) -> None:
    text = escape(name)
    assert text.isprintable()
    assert text.encode().decode() == text


@given(st.binary())
def test_a_decoded_name_reads_the_same(name: bytes) -> None:
    assert escape(os.fsdecode(name)) == escape(name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (b"caf\xc3\xa9", "café"),
        (b"caf\xe9", "caf\\351"),
        (b"a\nb", "a\\012b"),
        (b"\\012", "\\134012"),
        (b"\x1b[31m", "\\033[31m"),
        ("\ud800", "\\355\\240\\200"),
        (b"", ""),
    ],
)
def test_what_is_not_printable_is_octal(name: bytes | str, text: str) -> None:
    assert escape(name) == text
