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

from tests.migrate.conftest import Pair
from tests.migrate.engine.test_transfer import _tree


def nothing_left(pair: Pair) -> None:
    """Check that no part, key, folder or process is left, the last within their own 30 s."""
    assert not list(pair.target.rglob(".ops-*"))
    assert pair.keys == b"ssh-ed25519 AAAA somebody@example.org\n"
    assert not list(folders(pair))
    until = time.monotonic() + 40
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


def at_a_range(pair: Pair, act: Callable[[], None]) -> None:
    """Act when a range has arrived."""
    until = time.monotonic() + 30
    while not list(pair.target.glob(".ops-temp/big/*/*-*")) and time.monotonic() < until:
        time.sleep(0.005)
    act()


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


def server(pair: Pair) -> int:
    """Return the script that serves the queue: the one whose children the lanes are."""
    lane = next(file for folder in folders(pair) for file in folder.glob("pid.*"))
    stream = int(
        Path(f"/proc/{lane.read_text().strip()}/stat").read_text().rsplit(")")[1].split()[1]
    )
    return int(Path(f"/proc/{stream}/stat").read_text().rsplit(")")[1].split()[1])


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
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
            ours = os.fsencode(pair.server.folder.parent) in (process / "environ").read_bytes()
        except OSError:
            continue
        named = any(mark in words for mark in marks)
        if words.split(b"\0")[0] in _CARRIERS and named and (ours or marks[0] in words):
            found.append(int(process.name))
    return found


def at_a_task(pair: Pair, act: Callable[[Path], None]) -> str:
    """Act on the first lane that is at a task; return its name, "" when there was none."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        for at in (file for folder in folders(pair) for file in folder.glob("at.*")):
            if at.read_bytes():
                act(at)
                return at.name
        time.sleep(0.005)
    return ""


def kill_lane(at: Path) -> None:
    os.kill(int(at.with_name(at.name.replace("at.", "pid.")).read_text()), signal.SIGKILL)


def stop_ssh(pair: Pair) -> None:
    """Let nothing more through: stop what serves the connections."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[:1] == [b"ssh"] and f"Port={pair.server.port}".encode() in words:
            os.kill(int(process.name), signal.SIGSTOP)
