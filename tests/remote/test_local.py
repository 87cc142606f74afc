from __future__ import annotations

import os
import resource
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.remote.command import command, script
from ops.remote.errors import CommandFailed, TimedOut
from ops.remote.local import LocalHost
from tests.remote.conftest import check_time_limit
from tests.support.processes import gone


@pytest.fixture
def here() -> LocalHost:
    return LocalHost()


def test_output_comes_as_bytes_apart(here: LocalHost) -> None:
    result = here.run(script(r"printf 'a\377'; printf b >&2"))
    assert (result.code, result.out, result.err) == (0, b"a\xff", b"b")


def test_a_failure_tells_command_code_and_words(here: LocalHost) -> None:
    with pytest.raises(CommandFailed, match=r"this machine: .* ended with 3: no luck") as failed:
        here.run(script("echo no luck >&2; exit 3"))
    assert failed.value.result.code == 3
    assert failed.value.exit_code == 1


def test_a_killed_command_is_told_apart_from_an_exit_code(here: LocalHost) -> None:
    killed = here.run(script("kill -9 $$"), check=False)
    assert (killed.code, killed.signal) == (-9, "SIGKILL")
    assert here.run(script("exit 137"), check=False).signal == ""


def test_what_takes_too_long_is_ended_with_its_children(here: LocalHost, tmp_path: Path) -> None:
    check_time_limit(here, tmp_path)


def test_a_sink_gets_everything_and_the_result_nothing(here: LocalHost) -> None:
    chunks: list[bytes] = []
    result = here.run(command("head", "-c", "1000000", "/dev/zero"), sink=chunks.append)
    assert (sum(map(len, chunks)), result.out) == (1000000, b"")


def test_a_sink_that_fails_ends_the_command(here: LocalHost, tmp_path: Path) -> None:
    def sink(chunk: bytes) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        here.run(script('echo $$ >"$1"; echo x; sleep 99', str(tmp_path / "pid")), sink=sink)
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_started_command_is_read_as_it_goes(here: LocalHost) -> None:
    with here.start(script("echo one; read x; echo $x; exit 5", stdin=b"two\n")) as running:
        assert list(running.lines()) == [b"one", b"two"]
        assert running.wait(60) == 5
        assert running.poll() == 5


def test_nothing_yet_is_not_the_end(here: LocalHost, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    what = script('until [ -e "$1" ]; do sleep 0.05; done; echo x', str(asked))
    with here.start(what) as running:
        assert running.read(0.01) is None
        asked.touch()
        assert running.read(60) == b"x\n"
        assert running.read(60) == b""


def test_leaving_the_block_ends_a_started_command(here: LocalHost) -> None:
    with here.start(script("echo $$; sleep 99")) as running:
        pid = int(running.read(60) or b"")
        with pytest.raises(TimedOut, match="still runs"):
            running.wait(0.05)
    assert gone(pid)


def test_a_feed_after_the_end_is_quiet(here: LocalHost) -> None:
    ended = threading.Event()
    feeding: list[threading.Thread] = []

    def feed() -> Iterator[bytes]:
        feeding.append(threading.current_thread())
        yield b"x"
        ended.wait(60)
        yield b"y"

    with here.start(command("cat"), feed=feed()) as running:
        assert running.read(60) == b"x"
    ended.set()
    feeding[0].join(60)  # what it raised, pytest would tell
    assert not feeding[0].is_alive()


def test_more_open_files_than_select_knows_do_no_harm(here: LocalHost) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2000:
        pytest.skip("fewer than 2000 open files allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2000), hard))
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        assert here.run(command("echo", "in"), timeout=60).out == b"in\n"
    finally:
        for descriptor in opened:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_files_are_put_and_got_whole(here: LocalHost, tmp_path: Path) -> None:
    content = os.urandom(1000) * 1000
    here.put(content, str(tmp_path / "there"), mode=0o640)
    here.get(str(tmp_path / "there"), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == content
    assert (tmp_path / "there").stat().st_mode & 0o7777 == 0o640


def test_a_machine_without_a_terminal_keeps_its_standard_input() -> None:
    """A `while read` loop around a program of ours must get all its lines."""
    program = (
        "from ops.remote.local import LocalHost; from ops.remote.command import command; "
        "print(LocalHost().run(command('cat')).out)"
    )
    loop = 'n=0; while read -r _; do python -c "$1"; n=$((n+1)); done; echo $n'
    what = script(f"PATH=$(dirname {sys.executable}):$PATH; {loop}", program, stdin=b"1\n2\n3\n")
    assert LocalHost().run(what).out == b"b''\nb''\nb''\n3\n"
