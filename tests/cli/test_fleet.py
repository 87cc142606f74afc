"""Several components at once, by real processes."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from ops.cli import fleet, output
from ops.cli.signals import stopping
from ops.errors import OpsError, Refused
from tests.support.fabric_tree import Tree


def _fail() -> int:
    raise Refused("no", "ask")


def _talk() -> int:
    output.say("to you")
    output.document({"said": b"caf\xe9"})
    return 4


def test_each_work_has_its_outcome_in_order(capfd: pytest.CaptureFixture[str]) -> None:
    outcomes = fleet.side_by_side({"b": _talk, "a": _fail, "c": lambda: None})
    assert [(outcome.name, outcome.code) for outcome in outcomes] == [("b", 4), ("a", 3), ("c", 0)]
    assert capfd.readouterr() == ("b: to you\n", "a: no\na: ask\n")


def test_documents_come_back_from_the_processes() -> None:
    with output.as_json(True):
        (outcome,) = fleet.side_by_side({"wiki": _talk})
    assert outcome.document == {"said": "caf\\351"}


def test_a_work_begins_when_those_it_comes_after_have_ended(tmp_path: Path) -> None:
    def directory() -> int:
        time.sleep(0.2)
        (tmp_path / "there").touch()
        return 1

    def wiki() -> int:
        return 0 if (tmp_path / "there").exists() else 2

    works = {"wiki": wiki, "directory": directory}
    outcomes = fleet.side_by_side(works, after={"wiki": ["directory", "elsewhere"]})
    assert [(one.name, one.code) for one in outcomes] == [("wiki", 0), ("directory", 1)]


def test_a_circle_is_begun_somewhere() -> None:
    works = {"a": lambda: 0, "b": lambda: 0}
    outcomes = fleet.side_by_side(works, after={"a": ["b"], "b": ["a"]})
    assert [one.code for one in outcomes] == [0, 0]


def test_one_after_another_keeps_to_the_order_of_what_comes_after(
    capsys: pytest.CaptureFixture[str],
) -> None:
    works = {"a": lambda: 0, "b": lambda: 0}
    assert [one.name for one in fleet.in_turn(works, {"a": ["b"]})] == ["a", "b"]
    assert capsys.readouterr().err == "--- b\n--- a\n"


def test_one_after_another_gives_the_same_outcomes() -> None:
    works = {"b": _talk, "a": _fail}
    together, in_turn = fleet.side_by_side(works), fleet.in_turn(works)
    assert together == in_turn


def test_no_more_than_the_limit_run_at_once(tmp_path: Path) -> None:
    def work() -> int:
        mine = tmp_path / str(os.getpid())
        mine.touch()
        time.sleep(0.05)
        seen = len(list(tmp_path.iterdir()))
        mine.unlink()
        return 1 if seen > 2 else 0

    outcomes = fleet.side_by_side({str(number): work for number in range(6)}, limit=2)
    assert [outcome.code for outcome in outcomes] == [0] * 6


def test_a_killed_process_is_a_fault() -> None:
    def die() -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    [outcome] = fleet.side_by_side({"wiki": die})
    assert (outcome.code, outcome.error) == (1, "ended by signal 9")


def test_an_unprintable_end_of_output_is_not_lost(capfd: pytest.CaptureFixture[str]) -> None:
    def write() -> None:
        os.write(1, b"no line end")

    fleet.side_by_side({"wiki": write})
    assert capfd.readouterr().out == "wiki: no line end\n"


def test_one_failure_does_not_stop_the_rest_and_the_worst_code_counts(tmp_path: Path) -> None:
    tree = Tree.grow(tmp_path)
    where = tree.inventory("fault", "fine", "incomplete", "refused")
    done = tree.fab("jobs.fail", "app=all", "json=true", OPS_INVENTORY=where)
    assert done.returncode == 3
    documents = json.loads(done.stdout)
    assert documents["fine"] == {"fine": "fine"}
    assert documents["fault"] == {"error": "a fault\nmend it"}
    assert "refused: refused" in done.stderr
    assert done.stderr.splitlines()[-4:] == [
        "1 of 4 components ended with 0, not these:",
        "  fault: exit 1, a fault",
        "  incomplete: exit 4, some left",
        "  refused: exit 3, refused",
    ]


def test_an_unknown_name_in_a_list_is_refused_before_anything_starts(tmp_path: Path) -> None:
    tree = Tree.grow(tmp_path)
    done = tree.fab("jobs.fail", "fine,fien", OPS_INVENTORY=tree.inventory("fine"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "Did you mean app=fine?" in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_stops_all_of_them_cleanly(tmp_path: Path, number: int, code: int) -> None:
    tree = Tree.grow(tmp_path)
    where, notes = tree.inventory("a", "b"), tmp_path / "notes"
    notes.mkdir()
    words = ("jobs.dwell", "app=all", "seconds=60")
    with tree.start(*words, OPS_INVENTORY=where, NOTES=str(notes)) as process:
        while len(list(notes.iterdir())) < 2 and process.poll() is None:
            time.sleep(0.05)
        os.kill(process.pid, number)
        process.communicate(timeout=120)
    assert process.returncode == code
    assert {note.read_text() for note in notes.iterdir()} == {"cleaned up"}


@pytest.mark.parametrize("call", ["fork", "close", "waitpid"])
def test_an_interrupt_between_two_steps_of_ours_leaves_no_process(
    monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Neither one that nobody waits for, nor one that is stopped although it has ended."""
    started: list[int] = []
    parent, fork, close, waitpid = os.getpid(), os.fork, os.close, os.waitpid

    def forked() -> int:
        process = fork()
        if process:
            started.append(process)
            if call == "fork":
                signal.raise_signal(signal.SIGINT)
        return process

    def closed(number: int) -> None:
        close(number)
        if call == "close" and os.getpid() == parent:
            signal.raise_signal(signal.SIGINT)

    def waited(process: int, options: int) -> tuple[int, int]:
        found = waitpid(process, options)
        if call == "waitpid" and os.getpid() == parent:
            signal.raise_signal(signal.SIGINT)
        return found

    monkeypatch.setattr(os, "fork", forked)
    monkeypatch.setattr(os, "close", closed)
    monkeypatch.setattr(os, "waitpid", waited)
    with stopping(), pytest.raises(KeyboardInterrupt):
        fleet.side_by_side({"wiki": lambda: 0})
    with pytest.raises(ChildProcessError):
        waitpid(started[0], 0)


def test_an_error_tells_its_component() -> None:
    def fail() -> int:
        raise OpsError("broken")

    assert fleet.in_turn({"wiki": fail})[0].document == {"error": "broken"}
