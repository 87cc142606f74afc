"""Journals: each line on disk at once; a torn one never happened."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ops.inventory import journal
from ops.inventory.journal import Journal


def test_events_read_back_in_order(tmp_path: Path) -> None:
    one = Journal(tmp_path / "j" / "R1.jsonl")
    one.append("begin", run="R1")
    one.append("done", facts={"name": "caf\udce9", "n": 1})
    one.close()
    assert journal.read(one.path) == one.events
    assert one.events[1] == {"event": "done", "facts": {"name": "caf\udce9", "n": 1}}


@pytest.mark.parametrize("torn", [b'{"event"', b'{"event":"x"}', b"\0\0\0\0", b"\0\0\n"])
def test_a_torn_last_line_never_happened(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "R1.jsonl"
    path.write_bytes(b'{"event":"begin"}\n' + torn)
    assert journal.read(path) == [{"event": "begin"}]


def test_a_journal_is_an_orphan_when_its_process_let_go(tmp_path: Path) -> None:
    one = Journal(tmp_path / "R1.jsonl")
    assert journal.orphans(tmp_path) == []
    one.close()
    assert journal.orphans(tmp_path) == [one.path]


def test_who_only_looks_does_not_take_a_run_for_dead_nor_its_lock(tmp_path: Path) -> None:
    """Tasks of other components look at the journals at any time, without a lock."""
    over, wrong, kept = threading.Event(), [], []

    def look() -> None:
        while not over.is_set():
            wrong.extend(journal.orphans(tmp_path))

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for looker in lookers:
        looker.start()
    try:
        for number in range(100):
            kept.append(Journal(tmp_path / f"R{number}.jsonl"))
            if number % 3 == 0:
                kept.pop(0).path.unlink()  # as when its run is put away, still locked
    finally:
        over.set()
        for looker in lookers:
            looker.join()
    assert wrong == []
    assert journal.orphans(tmp_path) == []
    assert not list(tmp_path.glob(".*"))
    for one in kept:
        one.close()
    assert len(journal.orphans(tmp_path)) == len(kept) == 66


def test_a_run_has_one_journal(tmp_path: Path) -> None:
    Journal(tmp_path / "R1.jsonl").close()
    with pytest.raises(FileExistsError):
        Journal(tmp_path / "R1.jsonl")
