"""The campus wiki's pages, before they are written."""

from __future__ import annotations

import random

from ops.lab import wiki


def test_the_same_seed_gives_the_same_pages() -> None:
    assert list(wiki.pages(1, 30, 33)) == list(wiki.pages(1, 30, 33)) != list(wiki.pages(2, 30, 33))


def test_every_page_is_reached_from_its_index() -> None:
    words = {entry.path: entry.words or b"" for entry in wiki.pages(1, 40, 33)}
    pages = [path for path in words if path.startswith(b"pages/") and path.endswith(b".txt")]
    assert len(pages) == 40 + len(wiki.SPACES) + 1
    for path in pages:
        _, space, *rest = path.removesuffix(b".txt").split(b"/")
        if rest and rest != [b"start"]:
            assert b"[[" + space + b":" + rest[0] + b"]]" in words[b"pages/%s/start.txt" % space]


def test_the_start_page_says_what_a_probe_looks_for() -> None:
    start = next(e for e in wiki.pages(1, 8, 33) if e.path == b"pages/start.txt")
    assert wiki.START_WORDS.encode() in (start.words or b"")


def test_all_belongs_to_the_web_server() -> None:
    assert {entry.owner for entry in wiki.pages(1, 20, 33)} == {33}


def test_a_drawing_is_a_png() -> None:
    assert wiki.drawing(random.Random(1), 16, 4).startswith(b"\x89PNG\r\n\x1a\n")
