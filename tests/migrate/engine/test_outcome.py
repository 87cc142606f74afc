"""How a transfer ended, in people's words."""

import pytest

from ops.errors import OpsError
from ops.migrate.engine.outcome import BUSY, Outcome, judged
from ops.migrate.engine.rsync import Complaints, Failure, Totals, complaints

ROOTS = ("/src", "/dst")
DENIED = Failure(b"/src/a\xff", "open", "Permission denied", 13)


def _judged(code: int, said: Complaints | None = None) -> Outcome:
    return judged(code, Totals(), said or Complaints(), ROOTS)


def test_files_that_vanish_from_a_live_source_are_no_fault() -> None:
    outcome = _judged(24, Complaints(vanished=(b"/src/x",)))
    assert (outcome.verdict, outcome.vanished, outcome.words) == ("done", ("x",), "")


def test_what_could_not_be_read_is_named() -> None:
    outcome = _judged(23, Complaints(failed=(DENIED,)))
    assert outcome.verdict == "incomplete"
    assert "1 entry was not moved: a\\377 (Permission denied)" in outcome.words


def test_a_target_below_the_source_is_told_apart() -> None:
    failure = Failure(b"/srv/a/store/x", "open", "Permission denied", 13)
    outcome = judged(23, Totals(), Complaints(failed=(failure,)), ("/srv/a", "/srv/a/store"))
    assert outcome.failed == (("x", "Permission denied"),)


def test_of_many_failures_a_few_are_told() -> None:
    many = tuple(Failure(b"/src/%d" % n, "open", "Permission denied", 13) for n in range(12))
    outcome = _judged(23, Complaints(failed=many))
    assert outcome.words.endswith("and 7 more")
    assert len(outcome.failed) == 12


@pytest.mark.parametrize("code", [11, 12, 23])
def test_a_full_disk_says_what_to_do(code: int) -> None:
    said = complaints(b'rsync: [receiver] write failed on "/dst/a": No space left on device (28)\n')
    outcome = _judged(code, said)
    assert outcome.words == "the target's disk is full"
    assert "larger" in outcome.hint


@pytest.mark.parametrize("code", [12, 20, 30, 255, -9])
def test_a_broken_connection_can_be_taken_up_again(code: int) -> None:
    outcome = _judged(code, Complaints(other=("ssh: broken pipe", "rsync error: x")))
    assert outcome.words == "the transfer broke off: ssh: broken pipe"
    assert "goes on" in outcome.hint


def test_a_target_that_does_not_answer_any_more_is_told_in_words() -> None:
    outcome = _judged(255, Complaints(other=("rsync error: unexplained error (code 255)",)))
    assert outcome.words == "the transfer broke off: ssh lost the connection to the target"


def test_a_second_writer_is_told() -> None:
    assert "still writes" in _judged(BUSY).words


def test_what_another_run_would_not_cure_is_a_fault() -> None:
    with pytest.raises(OpsError, match="ended with 2"):
        _judged(2, Complaints(other=("rsync: protocol incompatibility",)))


def test_what_rsync_does_not_name_is_told_in_its_own_words() -> None:
    said = complaints(b"IO error encountered -- skipping file deletion\n")
    assert "IO error encountered" in _judged(23, said).words
