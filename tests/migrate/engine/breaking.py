"""Breaking a transfer between two ends on this machine, and looking at what is left of it."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import pytest

from ops.migrate.engine.growth import FIRST
from tests.migrate.conftest import Pair
from tests.migrate.engine.test_transfer import _tree
from tests.migrate.holding import found_first, held
from tests.support.processes import command_lines, environments, signal_ssh
from tests.support.waiting import wait_for


def nothing_left(pair: Pair) -> None:
    """Check that no part, key, folder or process is left.

    Some processes end within 30 s by themselves, where what they count these by is not slow.
    """
    assert not list(pair.target.rglob(".ops-*"))
    assert pair.keys == b"ssh-ed25519 AAAA somebody@example.org\n"
    assert not list(folders(pair))
    until = time.monotonic() + 120
    while processes(pair) and time.monotonic() < until:
        time.sleep(0.2)
    assert processes(pair) == []


def folders(pair: Pair) -> list[Path]:
    digest = sha256(pair.ends.target_key.encode()).hexdigest()[:8]
    return list(Path("/dev/shm").glob(f"ops-migrate.wiki.{digest}.*"))


def only_whole(pair: Pair) -> None:
    seen = _tree(pair.target)
    there = {name: seen[name] for name in seen if b".ops-" not in name}
    sent = _tree(pair.source)
    assert all(sent[name] == content for name, content in there.items())


def holding(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Hold what comes after the first 10 MB of big files; return what lets it go."""
    return held(found_first(pair.home / "bin", monkeypatch), 10 << 20)


def at_a_range(pair: Pair, act: Callable[[], None], go_on: Callable[[], None]) -> None:
    """Act when a range has arrived and the first connections are made; then let the rest go on."""
    try:
        wait_for(lambda: _at_a_range(pair), 120)
        act()
    finally:
        go_on()


def _at_a_range(pair: Pair) -> bool:
    tried = [file for folder in folders(pair) for file in folder.glob("tried.*")]
    return len(tried) >= FIRST and any(pair.target.glob(".ops-temp/big/*/*-*"))


def kill_one(pair: Pair, dice: random.Random) -> None:
    time.sleep(0.5 + 2 * dice.random())
    until = time.monotonic() + 10
    while time.monotonic() < until:
        found = [*processes(pair), *sessions(pair)]
        if found:
            try:
                kill(dice.choice(found))
            except ProcessLookupError:
                continue
            return
        time.sleep(0.05)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def kill_server(pair: Pair) -> None:
    """Kill the script that serves the queue, and wait until the lanes find it gone."""
    files = (file for folder in folders(pair) for file in folder.glob("pid.*"))
    lane = next(int(text) for file in files if (text := file.read_text()))  # some are just made
    process = int(_stat(int(_stat(lane)[1]))[1])
    kill(process)
    wait_for(lambda: not Path(f"/proc/{process}").exists())


def _stat(pid: int) -> list[str]:
    """Return the state of a process, its parent, and more."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def sessions(pair: Pair) -> list[int]:
    """Return sshd's processes that serve a connection."""
    listener = (pair.server.folder / "pid").read_text().strip()
    with suppress(OSError):
        children = Path(f"/proc/{listener}/task/{listener}/children").read_text()
        return [int(pid) for pid in children.split()]
    return []


_CARRIERS = (b"ssh", b"tar", b"dd", b"rsync", b"sh")


def processes(pair: Pair, *more: bytes) -> list[int]:
    """Return processes that carry the data: they name the folders, the port, or one of `more`."""
    marks = [os.fsencode(f"Port={pair.server.port}"), os.fsencode(pair.source), b".ops-temp/"]
    marks += more
    home, settings = os.fsencode(pair.server.folder.parent), environments()
    found = []
    for pid, words in command_lines().items():
        named, ours = any(mark in words for mark in marks), home in settings.get(pid, b"")
        if words.split(b"\0")[0] in _CARRIERS and named and (ours or marks[0] in words):
            found.append(pid)
    return found


def kill_lane(pair: Pair, go_on: Callable[[], None]) -> str:
    """Kill the first lane that is at a task; return its name, "" when there was none."""
    until = time.monotonic() + 120
    try:
        while time.monotonic() < until:
            for at in (file for folder in folders(pair) for file in folder.glob("at.*")):
                if _is_killed(at):
                    return at.name
            time.sleep(0.005)
        return ""
    finally:
        go_on()


def _is_killed(at: Path) -> bool:
    """Kill a lane if it is at a task: it is stopped first, so that it still is when it dies."""
    file = at.with_name(at.name.replace("at.", "pid."))
    if not (at.read_bytes() and file.exists() and (text := file.read_text())):
        return False
    lane = int(text)
    os.kill(lane, signal.SIGSTOP)
    wait_for(lambda: _stat(lane)[0] == "T")
    is_there = bool(at.read_bytes())
    os.kill(lane, signal.SIGKILL if is_there else signal.SIGCONT)
    return is_there


def stop_ssh(pair: Pair) -> None:
    """Let nothing more through: stop what serves the connections."""
    signal_ssh(pair.server.port, signal.SIGSTOP)
