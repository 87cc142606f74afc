"""The hook in stock fab, by real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.fabric_tree import FAB, PROJECT, Tree
from tests.support.waiting import wait_for


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return Tree.grow(tmp_path_factory.mktemp("tree"))


def test_a_module_is_a_noun_and_a_task_of_its_name_stands_alone(tree: Tree) -> None:
    listed = json.loads(tree.fab("--list", "-F", "json").stdout)
    assert [task["name"] for task in listed["tasks"]] == ["status"]
    assert {noun["name"]: noun["default"] for noun in listed["collections"]} == {"jobs": "apply"}


def test_the_default_task_runs_under_the_modules_name(tree: Tree) -> None:
    done = tree.fab("jobs", "wiki", "plan=true")
    assert (done.returncode, done.stdout.splitlines()[1]) == (0, "  - delete wiki")


@pytest.mark.parametrize("words", [["jobs", "--help"], ["--help", "jobs.apply"], ["jobs", "-h"]])
def test_help_shows_how_to_type_it_and_runs_nothing(tree: Tree, words: list[str]) -> None:
    done = tree.fab(*words)
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: fab jobs")
    assert "app=NAME [plan=true] [expect=DIGEST]" in done.stdout
    assert "deleted" not in done.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["stats"], "Did you mean status?"),
        (["--help", "stats"], "Did you mean status?"),
        (["--list", "nothing"], "not found"),
        (["-F", "bad", "--list"], "flat, nested, json"),
        (["status", "jsn=true"], "Did you mean json=?"),
        (["--dry", "status"], "plan=true"),
        (["-R", "status"], "plan=true"),
        (["status", "--dry"], "plan=true"),
        (["-H", "somewhere", "status"], "stand in the inventory"),
        (["status", "--", "ls"], "nothing may follow --"),
        (["--unknown", "status"], "no flag --unknown"),
    ],
)
def test_a_usage_error_ends_with_2_and_says_what_to_do(
    tree: Tree, words: list[str], told: str
) -> None:
    done = tree.fab(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr


def test_the_first_task_that_fails_ends_the_line(tree: Tree) -> None:
    done = tree.fab("jobs.check", "wrong", "status", READY="x")
    assert (done.returncode, done.stdout) == (1, "checked wrong\n")
    assert "not started: status" in done.stderr


@pytest.mark.parametrize(
    ("app", "code", "told"),
    [
        ("fault", 1, "a fault\nmend it\n"),
        ("refused", 3, "refused\n"),
        ("incomplete", 4, "some left\n"),
        ("system", 1, "/nowhere: No such file or directory\n"),
        ("full", 4, "/disk: No space left on device on this machine\nMake room, then run"),
    ],
)
def test_an_error_is_lines_and_an_exit_code(tree: Tree, app: str, code: int, told: str) -> None:
    done = tree.fab("jobs.fail", app)
    assert done.returncode == code
    assert done.stderr.startswith(told)
    assert "Traceback" not in done.stderr


def test_a_bug_keeps_its_traceback_in_a_file(tree: Tree) -> None:
    done = tree.fab("jobs.fail", "bug")
    assert (done.returncode, done.stderr.count("\n")) == (1, 2)
    kept = Path(done.stderr.split("traceback is in ")[1].strip().rstrip("."))
    assert kept.is_relative_to(tree.folder)
    assert "ZeroDivisionError: a bug" in kept.read_text()


def test_an_error_never_blocks_on_a_missing_yes(tree: Tree) -> None:
    done = tree.fab("jobs", "wiki")
    assert (done.returncode, done.stdout.count("deleted")) == (3, 0)
    assert "yes=true" in done.stderr


def test_json_is_one_document_and_the_only_output(tree: Tree) -> None:
    done = tree.fab("jobs", "wiki", "yes=true", "json=true", "allow-deletes=12")
    assert json.loads(done.stdout) == {"deleted": "wiki", "limit": 12}
    assert "deleted wiki" in done.stderr


def test_names_that_are_no_text_are_printed_in_octal(tree: Tree) -> None:
    assert "caf\\351\\012      4" in tree.fab("status").stdout
    assert json.loads(tree.fab("status", "json=true").stdout)["names"] == ["caf\\351\\012", "café"]


def test_a_reader_that_goes_away_does_not_stop_the_work(tree: Tree) -> None:
    line = f"{FAB} status lines=20000 | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=tree.folder,
        env=tree.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.splitlines()[-1], done.stderr) == ("0", "")


def test_cron_may_run_it_from_anywhere_with_nothing() -> None:
    line = f"exec env -i {FAB} -r {PROJECT} --list <&- 2>&1"
    done = subprocess.run(["sh", "-c", line], cwd="/", capture_output=True, check=False, text=True)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "Available tasks:")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_task_cleans_up(tree: Tree, number: int, code: int, tmp_path: Path) -> None:
    note = tmp_path / "note"
    with tree.start("jobs.wait", "seconds=60", f"note={note}") as process:
        wait_for(note.exists, 120)
        os.kill(process.pid, number)
        os.kill(process.pid, number)
        _out, err = process.communicate(timeout=120)
    assert (process.returncode, note.read_text()) == (code, "cleaned up")
    assert "Traceback" not in err


def test_without_the_installed_package_it_says_what_to_do(tmp_path: Path) -> None:
    Tree.grow(tmp_path)
    (tmp_path / "ops").mkdir()
    (tmp_path / "ops/__init__.py").write_text("raise ModuleNotFoundError(name='ops')")
    done = subprocess.run(
        [str(FAB), "--list"],
        cwd=tmp_path,
        env={"PATH": os.defpath, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Run `make install`" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("to", "code"), [("| true", 0), (">/dev/full", 4)])
def test_a_list_that_nobody_can_read_ends_without_a_traceback(
    tree: Tree, to: str, code: int
) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{FAB} --list {to}; exit ${{PIPESTATUS[0]}}"],
        cwd=tree.folder,
        env=tree.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)


def test_a_start_that_is_interrupted_ends_with_130(tree: Tree) -> None:
    module = tree.folder / "fabfile/slow.py"
    module.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    try:
        done = tree.fab("status")
    finally:
        module.unlink()
    assert (done.returncode, done.stderr) == (130, "interrupted\n")
