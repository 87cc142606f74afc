"""The guard as a shell runs it, without SSH: what ends a command, and what passes through."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from ops.remote.command import Command, command, script
from ops.remote.guard import guarded
from tests.support.processes import gone


def started(what: Command) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return subprocess.Popen(["/bin/sh", "-c", what.line("none")], stdin=pipe, stdout=pipe)


@pytest.mark.parametrize("code", [0, 1, 124, 125, 130, 137, 255])
def test_the_exit_code_passes_through(code: int) -> None:
    with started(guarded(command("sh", "-c", f"exit {code}"))) as process:
        assert process.wait() == code


@pytest.mark.parametrize("number", [9, 11, 15])
def test_the_signal_passes_through(number: int) -> None:
    with started(guarded(command("sh", "-c", f"kill -{number} $$"))) as process:
        assert process.wait() == -number


def test_closing_the_lifeline_ends_the_command_and_its_children() -> None:
    with started(guarded(script("sleep 99 & echo $!; wait"), patience=60)) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        child = int(process.stdout.readline())
        process.stdin.close()
        assert process.wait() == -15
        assert gone(child)


def test_a_command_deaf_to_sigterm_is_killed() -> None:
    deaf = script("trap '' TERM; echo on; while :; do sleep 0.1; done")
    with started(guarded(deaf, patience=0.3)) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        process.stdin.close()
        assert process.wait(60) == -9


def test_silence_ends_the_command() -> None:
    with started(guarded(command("sleep", "99"), silence=1, patience=60)) as process:
        assert process.wait(60) == -15


def test_beats_keep_the_command_alive() -> None:
    with started(guarded(command("sleep", "6"), silence=5)) as process:
        assert process.stdin is not None
        while process.poll() is None:
            process.stdin.write(b".")
            process.stdin.flush()
            time.sleep(0.2)
        assert process.returncode == 0


def test_standard_input_is_exactly_what_was_given(tmp_path: Path) -> None:
    what = guarded(command("cat", stdin=b"all\0of it"))
    with started(what) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(what.feed() + b"...")
        process.stdin.flush()
        assert process.stdout.read() == b"all\0of it"
        assert process.wait() == 0


def test_without_any_the_command_reads_nothing() -> None:
    with started(guarded(command("cat"))) as process:
        assert process.wait(60) == 0


@pytest.mark.parametrize("stdin", [None, b""])
def test_the_host_itself_keeps_the_limit(stdin: bytes | None) -> None:
    what = guarded(command("sleep", "99", stdin=stdin), seconds=0.2, patience=60)
    with started(what) as process:
        assert process.wait(60) == 124


def test_no_watcher_outlives_a_command_that_ended() -> None:
    with started(guarded(script("ps -o pid= --ppid $PPID"))) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        family = [int(pid) for pid in process.stdout.read().split()]
        assert process.wait() == 0
        process.stdin.close()
        assert family
        assert all(gone(pid) for pid in family)
