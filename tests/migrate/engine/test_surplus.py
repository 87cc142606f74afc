"""What the target holds beyond the source: decided from two listings."""

from __future__ import annotations

import pytest

from ops.inventory.patterns import Excludes
from ops.migrate.engine.surplus import Surplus, below


def _told(
    there: list[str], here: list[str], *excludes: str, apart: str = "", crossing: bool = False
) -> Surplus:
    """Return what the listings tell; an entry without a device lies on that of the root."""
    found = Surplus(Excludes(excludes), apart=apart.encode().split(), crossing=crossing)
    for take, entries in ((found.there, there), (found.here, here)):
        take(b"d 1 ")
        for entry in entries:
            kind, _, rest = entry.partition(" ")
            path, _, device = rest.partition(" on ")
            take(f"{kind} {device or 1} {path}".encode())
    return found


def test_folders_come_after_what_is_in_them() -> None:
    found = _told(["d a", "f a/b", "d a/c", "f a/c/d", "f stays"], ["f stays"]).paths()
    assert sorted(found) == [b"a", b"a/b", b"a/c", b"a/c/d"]
    assert found.index(b"a/c/d") < found.index(b"a/c") < found.index(b"a")


def test_what_is_excluded_stays_and_so_do_the_folders_above_it() -> None:
    there = ["d a", "d a/b", "f a/b/x.tmp", "f a/y"]
    assert _told(there, ["f z"], "*.tmp").paths() == [b"a/y"]


def test_another_data_set_stays_with_all_it_holds() -> None:
    there = ["d up", "d up/media", "f up/media/1", "f up/media x", "f gone"]
    assert _told(there, ["f z"], apart="up/media").paths() == [b"up/media x", b"gone"]


def test_what_a_mount_of_the_source_hides_stays() -> None:
    there = ["d media", "f media/1", "f media-old"]
    assert _told(there, ["d media on 2"]).paths() == [b"media-old"]


def test_a_mount_of_the_target_stays() -> None:
    assert _told(["d a", "d a/b on 2"], ["f z"]).paths() == []


def test_only_what_is_of_the_set_makes_a_source_that_is_not_empty() -> None:
    assert _told(["f a"], ["f b.tmp"], "*.tmp").is_empty
    assert not _told(["f a"], ["f b"], "*.tmp").is_empty


@pytest.mark.parametrize(
    ("there", "here", "doubtful"),
    [
        (["d media", "f media/1"], ["d media", "f page"], [b"media"]),
        (["d media", "f media/1"], ["f page", "d media"], [b"media"]),
        (["d media", "f media/1"], ["d media on 2", "f media/2 on 2"], []),
        (["d media on 2", "f media/1 on 2"], ["d media", "f media/2"], [b"media"]),
        (["d media"], ["d media", "f page"], []),
        (["d a", "d a/b", "f a/b/1"], ["d a", "f a/2", "d b"], []),
    ],
)
def test_a_disk_of_the_source_that_is_not_mounted_is_suspected(
    there: list[str], here: list[str], doubtful: list[bytes]
) -> None:
    assert _told(there, here, crossing=True).unmounted() == doubtful


def test_only_paths_below_the_root_are_apart() -> None:
    others = ["/srv/wiki/media", "/srv/wiki", "/srv/wikis/x", "/etc/wiki.conf"]
    assert below("/srv/wiki", others) == [b"media"]
