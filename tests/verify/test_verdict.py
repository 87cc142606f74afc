"""What comparison and faults amount to."""

from __future__ import annotations

from ops.verify.differences import Comparison, Difference, Kind
from ops.verify.faults import Fault
from ops.verify.since import Since
from ops.verify.verdict import Judgement, judge

NOTHING = Since(1000.0, {}, {})


def _judged(
    *differences: tuple[Kind, bytes],
    since: Since | None = NOTHING,
    faults: tuple[Fault, ...] = (),
) -> Judgement:
    """Judge differences where ./new was edited on the source since, and ./old was not."""
    found = Comparison(5, [Difference(path, kind) for kind, path in differences])
    if since is NOTHING:
        folders = {b".": b"1 1 1 1100.0 1100.0"}
        source = {b"./old": b"1 2 3 500.0 500.0", b"./new": b"1 2 3 1100.0 1100.0"}
        since = Since(1000.0, {**folders, **source}, {**folders, **dict.fromkeys(source, OLD)})
    return judge(found, list(faults), [], since=since)


OLD = b"9 2 3 500.0 900.0"


def test_no_difference_is_the_same() -> None:
    assert _judged().verdict == "same"


def test_metadata_alone_is_the_same() -> None:
    judged = _judged(("metadata", b"./old"))
    assert (judged.verdict, len(judged.metadata)) == ("same", 1)


def test_a_difference_in_what_lay_still_is_a_difference() -> None:
    assert _judged(("different", b"./old")).verdict == "different"


def test_what_changed_on_the_source_since_is_counted_apart() -> None:
    judged = _judged(("different", b"./new"), ("missing", b"./new"))
    assert (judged.verdict, len(judged.changed_since)) == ("same-as-of", 2)


def test_nothing_may_change_when_the_source_is_at_rest() -> None:
    assert _judged(("different", b"./new"), since=None).verdict == "different"


def test_one_true_difference_outweighs_all_that_changed_since() -> None:
    assert _judged(("different", b"./new"), ("missing", b"./old")).verdict == "different"


def test_a_fault_makes_it_incomplete_even_where_the_rest_is_the_same() -> None:
    judged = _judged(("different", b"./new"), faults=(Fault(b"./x", "unreadable"),))
    assert judged.verdict == "incomplete"


def test_what_lies_below_an_unreadable_folder_is_unknown() -> None:
    judged = _judged(("extra", b"./dir/a/b"), faults=(Fault(b"./dir", "unreadable"),))
    assert (judged.verdict, judged.differences) == ("incomplete", [])


def test_an_unread_file_makes_it_incomplete() -> None:
    assert _judged(("unread", b"./old")).verdict == "incomplete"


def test_the_file_systems_own_folder_is_nobodys_data() -> None:
    found = Comparison(1, [Difference(b"./lost+found", "extra", "dir")])
    assert judge(found, [], [], since=NOTHING).verdict == "same"
