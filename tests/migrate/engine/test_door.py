"""The door from source to target, over a real sshd."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ops.errors import OpsError
from ops.migrate.engine import knock, landing, passes, renewal, rooms, rsync
from ops.migrate.engine.door import Way, made
from ops.migrate.engine.ends import Busy, Ends
from ops.migrate.engine.keys import Keys
from ops.migrate.engine.knock import NoWay
from ops.pages.render import SUITE
from ops.remote.command import Command, command
from ops.remote.errors import HostKeyRefused, Unreachable
from ops.remote.host import Result
from ops.remote.local import LocalHost
from tests.migrate.conftest import Pair
from tests.support.sshd import make_key
from tests.support.waiting import wait_for


@contextmanager
def _opened(pair: Pair, ends: Ends | None = None) -> Iterator[Way]:
    with made(ends or pair.ends, "wiki", "R1", str(pair.target), [SUITE]) as door_:
        door_.hang()
        yield door_.knock()


def _through(way: Way, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*way.ssh, "target", *words], capture_output=True, stdin=subprocess.DEVNULL, check=False
    )


def _folder(pair: Pair) -> str:
    return f"ops-migrate.wiki.{sha256(pair.ends.target_key.encode()).hexdigest()[:8]}"


def _left_behind(pair: Pair) -> list[str]:
    return [path.name for path in Path("/dev/shm").glob(f"{_folder(pair)}.*")]


def test_the_key_line_is_narrow_while_open_and_gone_afterwards(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(knock, "TRIPS_TIME", 60)
    with _opened(pair) as way:
        assert way.address == "127.0.0.1"
        assert way.round_trip is not None
        assert 0 <= way.round_trip < 20
        person, ours = pair.keys.splitlines()
        assert person.endswith(b"somebody@example.org")
        assert ours.startswith(b'restrict,command="sh /dev/shm/%s.R1.' % _folder(pair).encode())
        assert b'/gate",expiry-time="2' in ours
        assert b',from="127.0.0.1" ssh-ed25519 ' in ours
        assert ours.endswith(b" ops-migrate:wiki:R1")
    assert pair.keys == b"ssh-ed25519 AAAA somebody@example.org\n"
    assert not _left_behind(pair)


def test_the_door_is_closed_when_the_work_fails(pair: Pair) -> None:
    with pytest.raises(KeyboardInterrupt), _opened(pair):
        raise KeyboardInterrupt
    assert b"ops-migrate" not in pair.keys
    assert not _left_behind(pair)


class _Lost(LocalHost):
    """A host that is not reached any more once it is `gone`."""

    gone = False

    def run(self, command: Command, **given: Any) -> Result:
        if self.gone:
            raise Unreachable(f"{self.name}: no route")
        return super().run(command, **given)


def test_a_source_that_is_lost_does_not_keep_the_door_open(pair: Pair) -> None:
    source = _Lost("wiki.campus.main")
    with _opened(pair, replace(pair.ends, source=source)):
        source.gone = True
    assert b"ops-migrate" not in pair.keys


def test_what_a_dead_run_left_is_removed_by_the_next(pair: Pair) -> None:
    old = pair.ends.source.run(command("mktemp", "-d", f"/dev/shm/{_folder(pair)}.R0.XXXX"))
    (pair.home / ".ssh/authorized_keys").write_bytes(
        pair.keys + b'restrict,command="x" ssh-ed25519 AAAA ops-migrate:wiki:R0\n'
    )
    with _opened(pair):
        assert not Path(os.fsdecode(old.out.strip())).exists()
        assert b"wiki:R0" not in pair.keys


@pytest.mark.parametrize(
    "words",
    [
        ["cat", "/etc/passwd"],
        [],
        ["rsync", "--server", "--sender", "-logDtpr", ".", "./"],
        ["rsync", "--server", "-logDtpr", ".", "/etc/"],
        ["rsync", "--server", "-slogDtpr", ".", "./"],
        ["rsync", "--server", "--daemon", ".", "./"],
        ["rsync", "--server", "--config=/x", ".", "./"],
        ["rsync", "--server", "-r;id", ".", "./"],
        ["rsync", "--server", "$(id)", ".", "./"],
    ],
)
def test_the_gate_lets_nothing_else_through(pair: Pair, words: Sequence[str]) -> None:
    with _opened(pair) as way:
        result = _through(way, *words)
    assert result.returncode == 77
    assert result.stderr.startswith(b"ops: the gate refuses ")
    assert result.stdout == b""


def test_no_port_is_forwarded_for_the_key(pair: Pair) -> None:
    with _opened(pair) as way:
        forward = (
            *way.ssh,
            "-o",
            "ExitOnForwardFailure=yes",
            "-W",
            f"127.0.0.1:{pair.server.port}",
        )
        result = subprocess.run([*forward, "target"], capture_output=True, check=False)
    assert result.returncode == 255


def test_another_host_key_on_the_way_is_refused(pair: Pair, tmp_path: Path) -> None:
    wrong = " ".join(make_key(tmp_path / "other").with_suffix(".pub").read_text().split()[:2])
    ends = replace(pair.ends, target_key=wrong)
    with pytest.raises(HostKeyRefused) as caught, _opened(pair, ends):
        pass
    assert caught.value.exit_code == 3
    assert b"ops-migrate" not in pair.keys


def test_a_target_that_does_not_answer_is_unreachable(pair: Pair) -> None:
    pair.server.stop()
    with pytest.raises(NoWay, match="can't reach"), _opened(pair):
        pass
    assert b"ops-migrate" not in pair.keys


def test_a_key_that_is_not_let_in_says_where_to_look(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    home = pair.home
    (home / ".ssh").rename(tmp_path / "elsewhere/.ssh")
    (home / ".ssh").mkdir()
    pair.server.stop()
    settings = f"AuthorizedKeysFile {tmp_path}/elsewhere/.ssh/authorized_keys"
    with replace(pair.server, settings=settings) as server:
        ends = replace(
            pair.ends,
            target_endpoint=server.endpoint("wiki.cloud.main"),
            target_key=server.host_key,
        )
        with pytest.raises(OpsError, match="does not let the run's key in"), _opened(pair, ends):
            pass


def test_a_line_of_somebody_else_is_not_lost_between_reading_and_writing(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = pair.home / ".ssh/authorized_keys"
    real = passes.without

    def late(text: bytes, component: str) -> bytes:
        monkeypatch.setattr(passes, "without", real)
        file.write_bytes(text + b"ssh-ed25519 BBBB late@example.org\n")
        return real(text, component)

    monkeypatch.setattr(passes, "without", late)
    Keys(pair.ends.target, "wiki").let(b"restrict ssh-ed25519 AAAA ops-migrate:wiki:R1\n")
    assert pair.keys.splitlines()[1:] == [
        b"ssh-ed25519 BBBB late@example.org",
        b"restrict ssh-ed25519 AAAA ops-migrate:wiki:R1",
    ]


def test_a_run_that_may_not_write_leaves_the_door_of_the_other_one_open(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "LOCK_TIME", 1)
    with (
        _opened(pair) as way,
        subprocess.Popen(["flock", "--no-fork", str(pair.target), "sleep", "60"]) as other,
    ):
        try:
            while not subprocess.run(
                ["flock", "-n", str(pair.target), "true"], check=False
            ).returncode:
                pass
            second = made(pair.ends, "wiki", "R2", str(pair.target), [SUITE])
            with pytest.raises(Busy), second:
                pass
        finally:
            other.terminate()
        assert pair.keys.splitlines()[1].endswith(b" ops-migrate:wiki:R1")
        assert len(_left_behind(pair)) == 2
        assert _through(way, "knock").stdout.startswith(b"127.0.0.1 ")
    assert not _left_behind(pair)


@pytest.mark.parametrize(("alive", "ends", "seconds"), [(0, True, 60), (1, False, 10)])
def test_an_rsync_ends_when_its_connection_is_silent_and_not_its_source(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, *, alive: int, ends: bool, seconds: int
) -> None:
    monkeypatch.setattr(rsync, "SILENCE", 4)
    with _opened(pair) as way:
        landing.begin(pair.ends, str(pair.target), "R1")
        ssh = [way.ssh[0], "-o", f"ServerAliveInterval={alive}", *way.ssh[1:]]
        asked = [*ssh, "target", "rsync", "--server", "-logDtpre.iLsfxCIvu", ".", "./"]
        with subprocess.Popen(asked, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as silent:
            try:
                silent.wait(seconds)
                ended = True
            except subprocess.TimeoutExpired:
                ended = False
        landing.end(pair.ends, str(pair.target), "R1", complete=True)
    assert ended is ends


def test_a_run_that_lasts_has_its_line_renewed(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewal, "EVERY", 0.1)
    with _opened(pair) as way:
        folders = [Path("/dev/shm", name) for name in _left_behind(pair)]
        before = int(time.time()) - 3600  # of a day ago, any other run would remove them
        for folder in folders:
            os.utime(folder, (before, before))
        first = pair.keys
        wait_for(lambda: pair.keys != first)
        wait_for(lambda: all(folder.stat().st_mtime != before for folder in folders))
        assert pair.keys.count(b"ops-migrate:wiki:R1") == 1
        assert b',from="127.0.0.1" ' in pair.keys
        knocked = _through(way, "knock")
        assert knocked.returncode == 0, knocked.stderr
    assert pair.keys == b"ssh-ed25519 AAAA somebody@example.org\n"


def test_what_a_copy_that_died_has_left_goes_with_any_run(pair: Pair) -> None:
    asked = command("mktemp", "-d", "/dev/shm/ops-migrate.copy-x.XXXX")
    old, young = (Path(os.fsdecode(pair.ends.source.run(asked).out.strip())) for _ in range(2))
    os.utime(old, (1, 1))
    try:
        with _opened(pair):
            assert not old.exists()
            assert young.exists()
    finally:
        young.rmdir()
