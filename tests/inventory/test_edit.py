"""Edits: the value changes, every other byte stays."""

from __future__ import annotations

import difflib
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.errors import Refused, UsageError
from ops.inventory.document import read
from ops.inventory.edit import path_of, value_of, with_value, written

TEXT = """\
# The wiki.
owner: wiki team   # a role
quoted: "two"
single: 'x'
backup:
  keep: {daily: 7, weekly: 4}  # enough
  times:
  - early  # at 2
  - late

  # end of backup
empty:   # nothing yet
story: |
  text # no comment

# the end
last:
"""


def edited(key: str, value: Any) -> tuple[str, str]:
    """Return the lines that went and the lines that came, in TEXT."""
    old, new = TEXT.splitlines(), with_value(TEXT, path_of(key), value).splitlines()
    came, went = (
        [line for line in new if line not in old],
        [line for line in old if line not in new],
    )
    return "\n".join(went), "\n".join(came)


@pytest.mark.parametrize(
    ("key", "value", "went", "came"),
    [
        ("owner", "web team", "owner: wiki team   # a role", "owner: web team   # a role"),
        ("owner", "no", "owner: wiki team   # a role", 'owner: "no"   # a role'),
        ("owner", "12:30", "owner: wiki team   # a role", 'owner: "12:30"   # a role'),
        ("quoted", "a b", 'quoted: "two"', 'quoted: "a b"'),
        ("single", "it's", "single: 'x'", "single: 'it''s'"),
        (
            "backup.keep.daily",
            14,
            "  keep: {daily: 7, weekly: 4}  # enough",
            "  keep: {daily: 14, weekly: 4}  # enough",
        ),
        (
            "backup.keep.last",
            2,
            "  keep: {daily: 7, weekly: 4}  # enough",
            "  keep: {daily: 7, weekly: 4, last: 2}  # enough",
        ),
        ("backup.times.0", "noon", "  - early  # at 2", "  - noon  # at 2"),
        ("backup.level", "crash", "", "  level: crash"),
        ("empty", "x", "empty:   # nothing yet", "empty: x   # nothing yet"),
        ("empty.a.b", True, "", "  a:\n    b: true"),
        ("story", "short", "story: |\n  text # no comment", "story: short"),
        ("last.a", None, "", "  a: null"),
        ("new", ["a", "b: c"], "", 'new: [a, "b: c"]'),
    ],
)
def test_an_edit_changes_its_own_lines_only(key: str, value: Any, went: str, came: str) -> None:
    assert edited(key, value) == (went, came)


def test_a_value_that_would_take_a_comment_along_is_refused() -> None:
    with pytest.raises(Refused, match=r"backup\.times can't be set without touching"):
        with_value(TEXT, ("backup", "times"), ["x"])


@pytest.mark.parametrize("key", ["owner.name", "backup.times.7", "backup.times.x", "story.a"])
def test_a_key_that_can_hold_nothing_is_an_error(key: str) -> None:
    with pytest.raises(UsageError, match="no place for a value"):
        with_value(TEXT, path_of(key), 1)


def test_line_ends_of_other_systems_stay() -> None:
    assert (
        with_value("a: 1\r\nb:\r\n  c: 2\r\n", ("b", "d"), 3)
        == "a: 1\r\nb:\r\n  c: 2\r\n  d: 3\r\n"
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("14", 14),
        ("true", True),
        ("no", "no"),
        ("0755", "0755"),
        ("[a, b]", ["a", "b"]),
        ("a: b: c", "a: b: c"),
        ("x # y", "x # y"),
        ("a\nb: c", "a\nb: c"),
        ("", None),
    ],
)
def test_a_value_on_the_command_line_is_read_as_in_yaml(text: str, value: Any) -> None:
    assert value_of(text) == value


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_text_is_written_so_that_it_reads_back(text: str) -> None:
    assert read(f"a: [{written(text)}]\n".encode(), "x").data == {"a": [text]}


words = st.sampled_from(
    ["alpha", "beta", "no", "12:30", "0755", "x # y", "a: b", "", "é", "{", "-"]
)
scalars = st.one_of(words, st.integers(), st.booleans(), st.none())
keys = st.sampled_from(["a", "b", "c", "long-key"])
trees = st.recursive(
    scalars, lambda inner: st.one_of(st.dictionaries(keys, inner), st.lists(inner)), max_leaves=12
)


class Writer:
    """Writes a tree as a person might: any style, comments everywhere."""

    def __init__(self, choose: st.DataObject) -> None:
        self.choose = choose
        self.count = 0

    def comment(self, before: str = "  ") -> str:
        if not self.choose.draw(st.booleans()):
            return ""
        self.count += 1
        return f"{before}#{self.count}#"

    def scalar(self, value: Any) -> str:
        if isinstance(value, str) and self.choose.draw(st.booleans()):
            return written(value, "'")
        return "" if value is None and self.choose.draw(st.booleans()) else written(value)

    def lines(self, tree: dict[str, Any], indent: int) -> list[str]:
        found: list[str] = []
        for key, value in tree.items():
            found += [" " * indent + line for line in [self.comment("")] if line]
            head = f"{' ' * indent}{key}:"
            if isinstance(value, dict) and value and self.choose.draw(st.booleans()):
                step = self.choose.draw(st.sampled_from([1, 2, 4]))
                found += [head + self.comment(), *self.lines(value, indent + step)]
            elif isinstance(value, list) and value and self.choose.draw(st.booleans()):
                dent = " " * (indent + self.choose.draw(st.sampled_from([0, 2])))
                items = [f"{dent}- {written(item)}{self.comment()}" for item in value]
                found += [head + self.comment(), *items]
            elif isinstance(value, dict | list):
                found.append(f"{head} {written(value)}{self.comment()}")
            else:
                found.append(f"{head} {self.scalar(value)}".rstrip() + self.comment())
            found += [""] if self.choose.draw(st.booleans()) else []
        return found


def places(tree: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the paths of all scalars, and of a new key in each mapping and empty value."""
    if isinstance(tree, dict):
        inner = [place for key, value in tree.items() for place in places(value, (*at, key))]
        return [*inner, (*at, "new"), (*at, "new", "er")]
    if isinstance(tree, list):
        return [place for i, value in enumerate(tree) for place in places(value, (*at, i))]
    return [at, (*at, "new")] if tree is None and isinstance(at[-1], str) else [at]


@given(st.dictionaries(keys, trees), scalars, st.data())
def test_any_edit_keeps_all_other_lines_and_comments(
    tree: dict[str, Any], value: Any, data: st.DataObject
) -> None:
    old = "\n".join([*Writer(data).lines(tree, 0), ""])
    place = data.draw(st.sampled_from(places(tree)))
    new = with_value(old, place, value)  # which checks that the data are as wanted
    assert re.findall("#[0-9]+#", new) == re.findall("#[0-9]+#", old)
    changes = difflib.ndiff(old.splitlines(), new.splitlines())
    assert sum(line.startswith("- ") for line in changes) <= 1
