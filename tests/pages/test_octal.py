"""Bytes as text that people can read and type again."""

from hypothesis import given
from hypothesis import strategies as st

from ops.pages.octal import octal, unoctal


def test_printable_names_of_all_languages_stay_as_they_are() -> None:
    assert octal("Übersicht 概要 (1).txt") == "Übersicht 概要 (1).txt"


def test_control_bytes_backslashes_and_broken_utf8_become_octal() -> None:
    assert octal(b"a\nb\\c\xff") == "a\\012b\\134c\\377"


def test_a_name_from_the_file_system_reads_like_its_bytes() -> None:
    assert octal("caf\udce9") == octal(b"caf\xe9") == "caf\\351"


@given(st.binary())
def test_every_name_comes_back(raw: bytes) -> None:
    text = octal(raw)
    assert text.isprintable() or not text
    assert unoctal(text) == raw
