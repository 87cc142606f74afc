"""What on a live source explains a difference, and what does not."""

from __future__ import annotations

import pytest

from ops.verify.differences import Difference, Kind
from ops.verify.since import Since

START, BEFORE, LATER = 1000.0, "900.123000000", "1100.123000000"


def _at(mtime: str, ctime: str = LATER) -> bytes:
    return f"1 2 3 {mtime} {ctime}".encode()


SOURCE = {
    b".": _at(BEFORE, BEFORE),
    b"./busy": _at(LATER),
    b"./calm": _at(BEFORE),  # ctimes are as after chown -R
    b"./busy/kept": _at(BEFORE),
    b"./calm/kept": _at(BEFORE),
    b"./busy/still": _at(BEFORE, BEFORE),
}


def _excused(kind: Kind, path: bytes, to: bytes = b"") -> bool:
    return Since(START, SOURCE, {}).excuses(Difference(path, kind, to=to))


@pytest.mark.parametrize(
    ("source", "target", "excused"),
    [
        (_at(LATER), _at(BEFORE), True),  # edited
        (_at(LATER), _at(LATER), True),
        (_at("950.000000001"), _at(BEFORE), True),  # replaced by a file that is older than START
        (_at(BEFORE), _at(BEFORE), False),  # chmod, chown, ln
        (_at(BEFORE), _at("900.000000000"), False),  # a target that keeps whole seconds
        (_at(BEFORE), _at(LATER), False),  # written on the target
        (_at(BEFORE, BEFORE), _at(LATER), False),
    ],
)
def test_a_file_was_edited_only_when_its_mtime_says_so(
    source: bytes, target: bytes, excused: bool
) -> None:
    since = Since(START, {b"./a": source}, {b"./a": target})
    assert since.excuses(Difference(b"./a", "different")) is excused


def test_an_entry_came_or_went_only_where_its_folder_was_changed() -> None:
    assert _excused("missing", b"./busy/kept")
    assert not _excused("missing", b"./calm/kept")
    assert not _excused("missing", b"./busy/still")
    assert _excused("extra", b"./busy/gone")
    assert _excused("extra", b"./busy/sub/gone")
    assert not _excused("extra", b"./calm/odd")
    assert not _excused("extra", b"./odd")


def test_a_file_was_moved_only_where_both_folders_were_changed() -> None:
    assert _excused("moved", b"./busy/kept", to=b"./busy/old")
    assert not _excused("moved", b"./busy/kept", to=b"./calm/old")
    assert not _excused("moved", b"./calm/kept", to=b"./busy/old")
