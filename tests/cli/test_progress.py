"""Progress as plain lines."""

from __future__ import annotations

import pytest

from ops.cli.progress import Total, bar, line, remaining
from tests.support.terminal import on_terminal

DRAWN = """
from ops.cli.progress import bar
with bar("wiki", total_bytes=10**6, total_files=20) as shown:
    shown.begin("transfer", 10**6, 20)
    shown.at(10**6, 20)
"""


def test_a_line_tells_bytes_files_rate_and_time_left() -> None:
    told = line("wiki", 250_000_000, 5000, Total(10**9, 20000), 5)
    assert told == "wiki: 250 MB of 1.0 GB, 5,000 of 20,000 files, 50 MB/s, 15 s left"


def test_an_estimate_that_was_passed_is_none_any_more() -> None:
    assert line("wiki", 2000, 7, Total(1000, 6), 0) == "wiki: 2.0 kB, 7 files, -"


def test_what_nobody_knows_is_left_out() -> None:
    assert line("wiki", 1000, 0, Total(), 0) == "wiki: 1.0 kB, -"


@pytest.mark.parametrize(("done", "total"), [(0, 10), (10, 10), (11, 10), (5, None), (5, 0)])
def test_no_time_left_is_told_without_ground(done: int, total: int | None) -> None:
    assert remaining(done, total, 7) is None


def test_quick_work_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with bar("wiki", total_bytes=10) as shown:
        shown.at(5, 1)
    assert capsys.readouterr() == ("", "")


def test_long_work_says_a_line_every_so_often(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.cli.progress.EVERY", 0)
    with bar("wiki", total_bytes=10) as shown:
        shown.at(5)
    told = capsys.readouterr().err.splitlines()
    assert [words.split(",")[0] for words in told] == ["wiki: 5 B of 10 B"] * 2


def test_a_phase_is_told_with_what_there_is_to_do_in_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.cli.progress.EVERY", 0)
    with bar("wiki", total_bytes=1000) as shown:
        shown.begin("verify", 10, 2)
        shown.at(5, 1)
    told = capsys.readouterr().err
    assert told.startswith("wiki, verify: 5 B of 10 B, 1 of 2 files")


def test_on_a_terminal_a_bar_is_drawn() -> None:
    code, shown = on_terminal(DRAWN)
    assert code == 0
    assert "wiki, transfer" in shown
    assert "1.0/1.0 MB" in shown
    assert "20 of 20 files" in shown
