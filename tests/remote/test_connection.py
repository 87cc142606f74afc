"""Commands and files over a real sshd."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from paramiko import Transport

from ops.errors import OpsError
from ops.remote.channel import FastTransport
from ops.remote.command import Secret, command, script
from ops.remote.connection import SESSIONS, SshHost, connect
from ops.remote.errors import CommandFailed, CommandTooLong, SudoRefused, Unreachable
from ops.remote.fanout import each
from tests.remote.conftest import check_time_limit
from tests.support.processes import gone
from tests.support.sshd import Sshd

_CONNECTED = """
import getpass, sys, time
from pathlib import Path
from ops.remote.command import command, script
from ops.remote.connection import connect
from ops.remote.endpoint import Endpoint
port, key, hosts = sys.argv[1:]
host = connect(Endpoint("wiki.campus.main", "127.0.0.1", getpass.getuser(), Path(hosts),
                        port=int(port), identity=Path(key)))
"""
_GREETING = (
    _CONNECTED
    + """
sys.stdout.buffer.write(host.run(command("sh", "-c", "cat; echo in")).out)
host.close()
"""
)
_ABANDONED = (
    _CONNECTED
    + """
running = host.start(script("sleep 99 & echo $!; echo $$; wait"))
for line in running.lines():
    print(int(line), flush=True)
"""
)


def _files(server: Sshd) -> tuple[Path | None, Path]:
    return server.client_key, server.pin("wiki.campus.main")


def test_output_comes_as_bytes_apart(host: SshHost) -> None:
    result = host.run(script(r"printf 'a\377'; printf b >&2"))
    assert (result.code, result.out, result.err) == (0, b"a\xff", b"b")


@pytest.mark.parametrize("code", [1, 124, 137, 255])
def test_exit_codes_are_exact(host: SshHost, code: int) -> None:
    assert host.run(script(f"exit {code}"), check=False).code == code


@pytest.mark.parametrize(("number", "name"), [(9, "SIGKILL"), (15, "SIGTERM"), (11, "SIGSEGV")])
def test_a_killed_command_is_told_by_its_signal(host: SshHost, number: int, name: str) -> None:
    assert host.run(script(f"kill -{number} $$"), check=False).signal == name
    fed = host.run(script(f"kill -{number} $$", stdin=b"x"), check=False)
    assert fed.signal == name


def test_a_failure_names_host_command_and_last_words(host: SshHost) -> None:
    with pytest.raises(CommandFailed, match=r"wiki\.campus\.main: sh .* ended with 3: no luck"):
        host.run(script("echo no luck >&2; exit 3"))


def test_arguments_arrive_byte_for_byte(host: SshHost) -> None:
    words = [bytes([octet]) for octet in range(1, 256)] + [b"", b"a'b\n\\", b"$(id)", b"-n"]
    assert host.run(command("printf", r"%s\0", *words)).out == b"".join(w + b"\0" for w in words)


def test_input_of_any_size_is_fed_and_closed(host: SshHost) -> None:
    content = os.urandom(1 << 20) * 5
    assert host.run(command("cat", stdin=content)).out == content


def test_without_input_a_command_reads_nothing(host: SshHost) -> None:
    assert host.run(command("cat"), timeout=60).out == b""


def test_secrets_are_on_no_command_line_of_the_start(host: SshHost) -> None:
    what = script('tr "\\0" " " </proc/$PPID/cmdline; printf %s "$1"', Secret("hush"))
    assert host.run(what).out.endswith(b"hush")
    assert b"hush" not in what.line("none")


def test_large_output_goes_to_the_sink_without_being_kept(host: SshHost) -> None:
    size = 0

    def sink(chunk: bytes) -> None:
        nonlocal size
        size += len(chunk)

    result = host.run(command("head", "-c", "50000000", "/dev/zero"), sink=sink)
    assert (size, result.out) == (50000000, b"")


def test_output_and_errors_in_masses_do_not_block_each_other(host: SshHost) -> None:
    result = host.run(script("head -c 20000000 /dev/zero >&2; head -c 20000000 /dev/zero"))
    assert (len(result.out), len(result.err)) == (20000000, 20000000)


def test_a_time_limit_ends_the_command_on_the_host(host: SshHost, tmp_path: Path) -> None:
    check_time_limit(host, tmp_path)


def test_a_command_that_is_fed_keeps_its_limit(host: SshHost, tmp_path: Path) -> None:
    check_time_limit(host, tmp_path, b"x")


def test_ending_a_started_command_ends_it_on_the_host(host: SshHost) -> None:
    with host.start(script("echo $$; sleep 99")) as running:
        pid = int(running.read(60) or b"")
        assert running.read(0.05) is None
        assert running.poll() is None
    assert gone(pid)


def test_an_interrupted_command_that_is_fed_is_ended_on_the_host(host: SshHost) -> None:
    pids = []

    def sink(chunk: bytes) -> None:
        pids.append(int(chunk))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        host.run(script("cat >&2; echo $$; exec sleep 99", stdin=Secret("pw")), sink=sink)
    assert gone(pids[0])


def test_closing_the_connection_ends_what_runs_on_it(server: Sshd) -> None:
    with connect(server.endpoint()) as other:
        running = other.start(script("echo $$; sleep 99"))
        pid = int(running.read(60) or b"")
    assert gone(pid)


def test_nothing_is_left_on_the_host_when_we_are_killed(server: Sshd) -> None:
    argv = [sys.executable, "-c", _ABANDONED, str(server.port), *map(str, _files(server))]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as controller:
        assert controller.stdout is not None
        pids = [int(controller.stdout.readline()) for _ in range(2)]
        controller.kill()
    assert all(gone(pid) for pid in pids)


def test_a_while_read_loop_keeps_its_lines(server: Sshd) -> None:
    argv = [sys.executable, "-c", _GREETING, str(server.port), *map(str, _files(server))]
    loop = 'while read -r line; do "$@"; echo "$line"; done'
    said = subprocess.run(
        ["sh", "-c", loop, "sh", *argv], input=b"1\n2\n", stdout=subprocess.PIPE, check=True
    )
    assert said.stdout == b"in\n1\nin\n2\n"


def test_a_started_command_reads_its_input_and_tells_its_code(host: SshHost) -> None:
    with host.start(script("cat; exit 7", stdin=b"one\ntwo")) as running:
        assert list(running.lines()) == [b"one", b"two"]
        assert running.wait(60) == 7


def test_more_threads_than_sessions_share_one_connection(host: SshHost) -> None:
    outcomes = each(
        range(3 * SESSIONS), lambda n: host.run(script("sleep 0.1; echo $1", str(n))).out, limit=99
    )
    assert [one.error for one in outcomes if one.error] == []
    assert [one.value for one in outcomes] == [b"%d\n" % n for n in range(3 * SESSIONS)]


def test_a_server_of_few_sessions_is_asked_again(tmp_path: Path) -> None:
    with Sshd(tmp_path, settings="MaxSessions 2") as small, connect(small.endpoint()) as host:
        outcomes = each(range(6), lambda n: host.run(script("sleep 0.1; echo $1", str(n))).out)
        assert [one.value for one in outcomes] == [b"%d\n" % n for n in range(6)]


def test_a_lost_connection_is_told_and_dialled_anew(server: Sshd) -> None:
    with connect(server.endpoint()) as other:
        with pytest.raises(Unreachable, match="connection was lost"):
            other.run(script("kill $(ps -o ppid= -p $PPID); sleep 99"))
        assert other.run(command("echo", "again")).out == b"again\n"


def test_lost_commands_give_their_sessions_back(server: Sshd) -> None:
    with connect(server.endpoint()) as other:
        for _ in range(2):
            with pytest.raises(Unreachable), other.start(script("sleep 99")) as running:
                other._line.transport.close()
                running.wait(60)
        assert other._sessions._value == SESSIONS


def test_a_host_that_answers_is_kept_while_a_command_is_silent(
    server: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, enough = [False], tmp_path / "enough"

    def patient(transport: FastTransport, interval: float) -> None:
        """Wait for an interval, and until a question of the one before is answered."""
        Transport.join(transport, interval)
        until = time.monotonic() + 60
        while not (heard[-1] or transport._ear.heard) and time.monotonic() < until:
            time.sleep(0.01)
        heard.append(transport._ear.heard)
        if heard.count(True) > 5:
            enough.touch()

    monkeypatch.setattr("ops.remote.dial._KEEPALIVE", 0.1)
    monkeypatch.setattr(FastTransport, "join", patient)
    what = script('until [ -e "$1" ]; do sleep 0.05; done; echo in', str(enough))
    with connect(server.endpoint()) as other:
        assert other.run(what, timeout=120).out == b"in\n"


def test_a_host_that_hangs_is_lost_after_three_unanswered_questions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.remote.dial._KEEPALIVE", 0.1)
    with (
        Sshd(tmp_path) as frozen,
        connect(frozen.endpoint()) as other,
        pytest.raises(Unreachable, match="connection was lost"),
    ):
        other.run(script("kill -STOP $(ps -o ppid= -p $PPID); sleep 9"))


def test_a_closed_host_runs_nothing_more(server: Sshd) -> None:
    other = connect(server.endpoint())
    other.close()
    other.close()
    with pytest.raises(OpsError, match="was closed"):
        other.run(command("true"))


def test_no_thread_is_left_after_closing(server: Sshd) -> None:
    before = set(threading.enumerate())
    with connect(server.endpoint()) as other:
        other.run(command("cat", stdin=b"x" * 100000))
    for thread in set(threading.enumerate()) - before:
        thread.join(60)
        assert not thread.is_alive()


def test_a_line_too_long_for_linux_is_refused_with_a_hint(host: SshHost) -> None:
    with pytest.raises(CommandTooLong, match="standard input"):
        host.run(command("true", "x" * 200_000))


def test_root_goes_through_sudo(server: Sshd, sudo: Path) -> None:
    endpoint = replace(server.endpoint(), become="sudo")
    with connect(endpoint) as other:
        assert other.run(script("cat", root=True, stdin=b"in")).out == b"in"
        assert other.run(script("echo $1", Secret("hush"), root=True)).out == b"hush\n"
        other.put(b"x", str(server.folder / "put"), root=True)
    assert sudo.read_bytes().count(b"-n\n--\n") == 3
    assert b"hush" not in sudo.read_bytes()


def test_sudo_that_asks_for_a_password_is_told_with_a_hint(server: Sshd, sudo: Path) -> None:
    (server.folder / "bin" / "sudo").write_text(
        "#!/bin/sh\necho sudo: a password is required >&2\nexit 1\n"
    )
    with connect(replace(server.endpoint(), become="sudo")) as other:
        for what in (command("id", root=True), command("cat", root=True, stdin=b"x")):
            with pytest.raises(SudoRefused, match="passwordless sudo"):
                other.run(what, check=False)
        with pytest.raises(SudoRefused, match="passwordless sudo"):
            other.put(b"x", "/nowhere/x", root=True)


def test_root_without_a_way_to_it_is_refused_at_once(server: Sshd, host: SshHost) -> None:
    host.user, kept = "ops", host.user
    try:
        with pytest.raises(OpsError, match="become: sudo"):
            host.run(command("id", root=True))
    finally:
        host.user = kept
