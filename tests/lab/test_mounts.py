"""What is mounted, as a process sees it."""

from __future__ import annotations

from ops.lab import mounts


def test_the_root_is_mounted() -> None:
    assert "/" in {mount.place for mount in mounts.seen_by("self")}


def test_a_process_that_is_gone_sees_nothing() -> None:
    assert mounts.seen_by(2**22 + 1) == []
