"""Reading YAML: as written, with the place of everything."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from ops.inventory.document import dump, read
from ops.inventory.problems import Broken


def problems(text: bytes) -> list[str]:
    with pytest.raises(Broken) as caught:
        read(text, "x.yaml")
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("12:30:45", "12:30:45"),
        ("0755", "0755"),
        ("0o17", "0o17"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("123e456", "123e456"),
        ("2026-11-22", "2026-11-22"),
        (".inf", ".inf"),
        ("=", "="),
        ("true", True),
        ("~", None),
        ("-5", -5),
        ("1.50", 1.5),
        ("'5'", "5"),
    ],
)
def test_a_word_is_read_as_written(word: str, value: Any) -> None:
    assert read(f"a: {word}\n".encode(), "x.yaml").data == {"a": value}


def test_an_empty_file_is_an_empty_mapping() -> None:
    assert read(b"# nothing\n", "x.yaml").data == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"a: [1\n", "x.yaml:2:1: did not find expected ',' or ']'"),
        (b"a: b: c\n", "x.yaml:1:5: mapping values are not allowed"),
        (b"a: \xff\n", "x.yaml:1:4: byte 0xff is not UTF-8"),
        (b"a: 1\nb: \x01\n", "x.yaml:2:4: a control character"),
        (b"\xef\xbb\xbfa: 1\n", "x.yaml:1:1: starts with a byte order mark"),
        (b"- a\n", "x.yaml:1:1: a mapping"),
        (b"a: 1\n---\nb: 2\n", "x.yaml:2:1: but found another document"),
        (b"a: *b\n", "x.yaml:1:4: found undefined alias"),
        (b"a: &x [*x]\n", "x.yaml:1:4: is used again by an alias"),
        (b"a: !!str 5\n", "x.yaml:1:4: tags such as"),
        (b"a: !!python/object:os.system {}\n", "x.yaml:1:4: tags such as"),
        (b"a: " + b"[" * 50_000, "x.yaml:1:102: more than 100 levels deep"),
        (b"- " * 50_000, "x.yaml:1:199: more than 100 levels deep"),
        (b"a: 1\n<<<<<<< HEAD\nb: 2\n", "x.yaml:2:1: an unresolved merge conflict"),
    ],
)
def test_what_can_not_be_read_is_told_with_its_place(text: bytes, words: str) -> None:
    assert problems(text)[0].startswith(words)


def test_all_oddities_of_a_file_are_told_at_once() -> None:
    assert problems(b"a: 1\na: 2\nb: &x {c: 1, c: 2}\nd: *x\n") == [
        "x.yaml:2:1: a stands here a second time (first in line 1)",
        "x.yaml:3:4: is used again by an alias (*name): write it out there",
        "x.yaml:3:14: c stands here a second time (first in line 3)",
    ]


def test_places_are_those_of_values_and_keys() -> None:
    document = read("ä: {b: [1, 'two']}\n".encode(), "x.yaml")
    assert str(document.problem(("ä", "b", 1), "w")) == "x.yaml:1:12: w"
    assert str(document.problem(("ä", "b"), "w", key=True)) == "x.yaml:1:5: w"
    assert document.known(("ä", "tag", "b", 7)) == ("ä", "b")


values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(exclude_categories=["Cs"])),
        st.sampled_from(["no", "0755", "12:30", "~", "", "2026-11-22", "1e3", "- a", "a: b"]),
    ),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text("abc"), inner)),
    max_leaves=10,
)


@given(st.dictionaries(st.text("abc-~1"), values))
def test_what_is_written_reads_back_as_it_was(data: dict[str, Any]) -> None:
    assert read(dump(data, "A heading."), "x.yaml").data == data


@given(st.dictionaries(st.text("abc"), values))
def test_others_read_what_is_written_the_same(data: dict[str, Any]) -> None:
    assert YAML(typ="safe", pure=True).load(io.BytesIO(dump(data, "heading"))) == data


def test_bytes_that_are_no_text_are_written_in_octal() -> None:
    name = b"caf\xe9".decode(errors="surrogateescape")
    assert read(dump({name: [name, "é"]}), "x").data == {"caf\\351": ["caf\\351", "é"]}
