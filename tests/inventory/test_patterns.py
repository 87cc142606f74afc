"""Exclude patterns: a pure matcher that leaves out exactly what rsync leaves out."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ops.inventory.patterns import BadPattern, Excludes, Pattern


@pytest.mark.parametrize(
    ("pattern", "path", "folder", "held"),
    [
        ("*.tmp", b"a.tmp", False, True),
        ("*.tmp", b"x/y/a.tmp", False, True),
        ("*.tmp", b"x.tmp/y", False, True),
        ("/cache", b"cache", False, True),
        ("/cache", b"x/cache", False, False),
        ("cache/", b"x/cache", True, True),
        ("cache/", b"x/cache", False, False),
        ("cache/", b"x/cache/y/z", False, True),
        ("a/b", b"x/a/b", False, True),
        ("a/b", b"a/x/b", False, False),
        ("/a/**/b", b"a/x/y/b", False, True),
        ("/a/**/b", b"a/b", False, False),
        ("**/b", b"b", False, True),
        ("?", "é".encode(), False, False),
        ("??", "é".encode(), False, True),
        ("caf*", b"caf\xe9", False, True),
        ("[!a-c]x", b"dx", False, True),
        ("[!a-c]x", b"/x", False, False),
        (r"\*", b"*", False, True),
        (r"\*", b"x", False, False),
    ],
)
def test_a_pattern_means_what_its_page_says(
    pattern: str, path: bytes, folder: bool, held: bool
) -> None:
    assert Excludes([pattern]).hold(path, folder=folder) is held


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("", "matches nothing"),
        ("/", "matches nothing"),
        ("a//b", "two slashes"),
        ("./a", "`.` and `..`"),
        ("a/../b", "`.` and `..`"),
        ("a***", "more than two"),
        ("[ab", "without its ]"),
        ("[z-a]", "backwards"),
        ("[a/b]", "neither"),
        ("[[:alpha:]]", "neither"),
        (r"a\b", "a backslash stands before"),
        ("a\\", "a backslash stands before"),
        ("a\0", "NUL"),
    ],
)
def test_what_is_not_in_the_language_is_an_error(pattern: str, words: str) -> None:
    with pytest.raises(BadPattern, match=words):
        Pattern(pattern)


def test_no_patterns_leave_out_nothing() -> None:
    assert not Excludes([]).hold(b"a/b") and Excludes([]).rsync_arguments() == []


NAMES = (
    b"a",
    b"b",
    b"ab",
    b"a.b",
    b"*",
    b"[",
    b"\\",
    b"caf\xe9",
    b"a b",
    b"- a",
    b"a]",
    b"-",
    b"\n",
)
PIECES = (
    *(
        "a",
        "b",
        "a.b",
        "*",
        "**",
        "?",
        "[ab]",
        "[!a]",
        "[]a]",
        "[a-]",
        "[^*-b]",
        "/",
        "/",
        " ",
        "-",
    ),
    *(r"\*", r"\[", r"\]", r"\\", "caf\udce9", "- ", "]", "!", "+ ", "\n"),
)
patterns = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    for first in NAMES:
        folder = os.fsencode(root) + b"/" + first
        for second in NAMES:
            if second in (b"a", b"*", b"\\"):
                Path(os.fsdecode(folder + b"/" + second)).mkdir(parents=True)
                for third in NAMES[:8]:
                    Path(os.fsdecode(folder + b"/" + second + b"/" + third)).touch()
            else:
                Path(os.fsdecode(folder + b"/" + second)).touch()
    return root


def entries(root: Path) -> Iterator[tuple[bytes, bool]]:
    """Yield every entry below `root` as (path, whether a folder)."""
    start = os.fsencode(root)
    for folder, folders, names in os.walk(start):
        for name in folders + names:
            yield os.path.relpath(folder + b"/" + name, start), name in folders


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much])
@given(st.lists(patterns, min_size=1, max_size=3))
def test_rsync_leaves_out_the_same(tree: Path, texts: list[str]) -> None:
    try:
        excludes = Excludes(texts)
    except BadPattern:
        assume(False)
    kept = {path for path, folder in entries(tree) if not excludes.hold(path, folder=folder)}
    assert taken(tree, excludes) == kept


def taken(tree: Path, excludes: Excludes) -> set[bytes]:
    """Return the paths that rsync would copy to an empty folder."""
    empty = tree.with_name("empty")
    empty.mkdir(exist_ok=True)
    words = [
        "rsync",
        "-rn",
        "--out-format=%n",
        *excludes.rsync_arguments(),
        f"{tree}/",
        f"{empty}/",
    ]
    said = subprocess.run([os.fsencode(word) for word in words], check=True, capture_output=True)
    names = (line.removesuffix(b"/") for line in said.stdout.splitlines() if line != b"./")
    return {re.sub(rb"\\#([0-7]{3})", lambda m: bytes([int(m[1], 8)]), name) for name in names}
