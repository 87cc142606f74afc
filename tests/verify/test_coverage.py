"""What of an application no data set covers."""

from __future__ import annotations

from ops.verify.coverage import Uncovered, uncovered

ENTRIES = [
    (b".", -1),
    (b"./data", -1),
    (b"./data/pages", -1),
    (b"./data/pages/a", 10),
    (b"./data/cache", -1),
    (b"./data/cache/deep", -1),
    (b"./data/cache/deep/b", 5),
    (b"./data/cache/c", 6),
    (b"./conf", -1),
    (b"./conf/local.php", 7),
    (b"./readme", 1),
]


def test_the_topmost_folders_without_anything_covered_are_told() -> None:
    assert uncovered(b"/srv/wiki", ENTRIES, [b"/srv/wiki/data/pages"]) == [
        Uncovered(b"/srv/wiki/conf", 1, 7),
        Uncovered(b"/srv/wiki/data/cache", 2, 11),
        Uncovered(b"/srv/wiki/readme", 1, 1),
    ]


def test_a_folder_within_a_data_set_is_covered() -> None:
    assert uncovered(b"/srv/wiki", ENTRIES, [b"/srv"]) == []
    assert uncovered(b"/srv/wiki", ENTRIES, [b"/srv/wiki"]) == []
    assert uncovered(b"/srv/wiki", ENTRIES, [b"/"]) == []


def test_a_root_with_the_same_beginning_covers_nothing() -> None:
    found = uncovered(b"/srv/wiki", ENTRIES, [b"/srv/wiki/dat", b"/srv/wi"])
    assert [one.path for one in found] == [
        b"/srv/wiki/conf",
        b"/srv/wiki/data",
        b"/srv/wiki/readme",
    ]
    assert sum(one.files for one in found) == 5


def test_folders_alone_are_nothing() -> None:
    assert uncovered(b"/srv", [(b".", -1), (b"./a", -1)], []) == []
