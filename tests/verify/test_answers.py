"""What counts as read."""

from __future__ import annotations

from ops.verify.answers import Answer, Batch, answer, look_digest

A, B = b"0" * 32, b"1" * 32
LOOK = look_digest([b"1 2 3"])
BATCH = Batch([7, 9], [b"./a", b"./b\n"], LOOK)


def _answer(sums: bytes, code: int = 0, look: bytes = LOOK, errors: bytes = b"") -> Answer:
    return answer(BATCH, sums + b"\0%d\0" % code + look + b"  -\n" + errors, escaped=False)


def test_a_whole_answer_counts() -> None:
    got = _answer(A + b"  ./a\0" + B + b"  ./b\n\0")
    assert got.digests == [A, B]
    assert got.calm


def test_a_file_that_md5sum_skipped_was_not_read() -> None:
    assert _answer(B + b"  ./b\n\0", code=123).digests == [None, B]


def test_a_record_cut_short_does_not_count() -> None:
    assert _answer(A + b"  ./a\0" + B[:20], code=125).digests == [A, None]


def test_a_failure_that_names_nothing_makes_all_doubtful() -> None:
    assert _answer(A + b"  ./a\0" + B + b"  ./b\n\0", code=123).digests == [None, None]


def test_a_missing_record_without_a_failure_makes_all_doubtful() -> None:
    assert _answer(A + b"  ./a\0").digests == [None, None]


def test_other_names_than_asked_for_count_for_nothing() -> None:
    assert _answer(A + b"  ./x\0" + B + b"  ./b\n\0").digests == [None, None]


def test_an_answer_cut_short_counts_for_nothing() -> None:
    got = answer(BATCH, A + b"  ./a\0", escaped=False)
    assert got.digests == [None, None]
    assert not got.calm


def test_another_second_look_is_told() -> None:
    assert not _answer(A + b"  ./a\0" + B + b"  ./b\n\0", look=look_digest([b"1 2 4"])).calm


def test_an_md5sum_without_zero_is_read_too() -> None:
    sums = A + b"  ./a\n\\" + B + b"  ./b\\n\n\0" + b"0\0" + LOOK
    assert answer(BATCH, sums, escaped=True).digests == [A, B]
