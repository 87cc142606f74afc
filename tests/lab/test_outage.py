"""A network that is gone for a while, between the hosts or before one of them.

All packets are dropped without a word, as a router does that has lost its way.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from ops.lab.network import SIDES, Network, Side
from ops.lab.record import Lab
from ops.migrate.engine.shards import RANGE
from ops.remote.command import command, script
from ops.remote.host import Host
from tests.lab.test_migrate import (
    SOURCE,
    TARGET,
    Documents,
    _moving,
    _wait,
    documents,
)
from tests.support.fabric_tree import FAB, PROJECT
from tests.support.labs import reached

__all__ = ["documents"]

pytestmark = pytest.mark.lab

HUGE = 400_000_000
SMALL = 500 * 20_000
ONE = 200_000_000
SLOW, QUICK = 24, 300
"""Limits of a copy in Mbit/s: a minute for ONE, in which the streams get under way, or seconds."""

_FILL = f"""
rm -rf added && mkdir added && cd added && head -c {HUGE} /dev/urandom >huge &&
for n in $(seq 500); do head -c 20000 /dev/urandom >$n; done
"""

COPIED, COPY = "/srv/limited", "/srv/copied"
"""What is copied by one rsync with a limit beside the streams, and where to."""


class Link:
    """The link between campus and EC2, and the controller's two ways to them."""

    def __init__(self, lab: Lab) -> None:
        self.network = Network(lab.id, reached(lab).prefix)

    def arrived(self) -> int:
        """Return the bytes that have come out of the link on EC2's side so far."""
        words = ["ip", "-netns", self.network.switch("cloud"), "-json", "-statistics", "link"]
        told = subprocess.run([*words, "show", "dev", "wan"], capture_output=True, check=True)
        return int(json.loads(told.stdout)[0]["stats64"]["rx"]["bytes"])

    def settled(self) -> int:
        """Return the same, once what was on its way has arrived: nothing more did for a second."""
        seen, still = self.arrived(), 0
        while still < 5:
            time.sleep(0.2)
            before, seen = seen, self.arrived()
            still = still + 1 if seen - before < _STRAY else 0
        return seen

    @contextmanager
    def down(self) -> Iterator[None]:
        """Let nothing through between campus and EC2 in the block; the controller reaches both."""
        with ExitStack() as stack:
            for here, there in zip(SIDES, SIDES[::-1], strict=True):
                words = ("-netns", self.network.switch(here), "route", "replace")
                half = self.network.half(there)
                stack.callback(_ip, *words, half, "dev", "wan")
                _ip(*words, "blackhole", half)
            yield

    @contextmanager
    def unreached(self, side: Side) -> Iterator[None]:
        """Let nothing through between the controller and one side in the block."""
        words = ("-netns", self.network.switch(side), "link", "set", "up0")
        _ip(*words, "nomaster")
        try:
            yield
        finally:
            _ip(*words, "master", "br0")


@pytest.fixture(scope="module")
def link(full_lab: Lab) -> Link:
    return Link(full_lab)


def test_a_network_that_is_gone_for_seconds_is_sat_out(documents: Documents, link: Link) -> None:
    _filled(documents)
    before = link.arrived()
    with _midway(documents) as task:
        with link.down():
            first = link.settled()
            time.sleep(6)
            assert link.arrived() - first < _STRAY
            assert task.poll() is None
        told = task.communicate()[0]
    assert task.returncode == 0, told
    assert link.arrived() - before < _ONCE
    _the_same_and_nothing_left(documents)


def test_a_network_that_is_gone_for_minutes_ends_the_runs_and_they_are_gone_on_from(
    documents: Documents, link: Link
) -> None:
    """All that waits gives up: ssh, rsync, the gate and the engine."""
    _filled(documents)
    before = link.arrived()
    with _copying(documents, SLOW) as copy, _midway(documents) as task, link.down():
        lanes = _lanes(documents)
        told = [each.communicate(timeout=400)[0] for each in (task, copy)]
        _wait(lambda: _ended_on(documents.target), 300)
    for each, words in zip((task, copy), told, strict=True):
        assert each.returncode == 4, words
        assert "Run it again: it goes on where it stopped." in words
    assert "the transfer broke off: " in told[1]  # which limit comes first is chance
    kept = _bytes_at(documents, f"{COPY}/.ops-partial/one")
    assert kept > 10_000_000
    again = documents.move()
    assert again.returncode == 0, again.stdout + again.stderr
    both = link.arrived()
    assert both - before < _ONCE + kept + lanes * RANGE
    with _copying(documents, QUICK) as copy:
        copied = copy.communicate()[0]
    assert copy.returncode == 0, copied
    assert link.arrived() - both < 1.05 * (ONE - kept) + 2_000_000
    _the_same_and_nothing_left(documents)
    assert documents.digest(documents.source, COPIED) == documents.digest(documents.target, COPY)


@pytest.mark.soak
@pytest.mark.parametrize("side", SIDES)
def test_a_controller_that_loses_one_side_goes_on_later(
    documents: Documents, link: Link, side: Side
) -> None:
    _filled(documents)
    before = link.arrived()
    with _midway(documents) as task:
        lanes = _lanes(documents)
        with link.unreached(side):
            told = task.communicate(timeout=400)[0]
    assert task.returncode == 4, told
    again = documents.move()
    assert again.returncode == 0, again.stdout + again.stderr
    assert link.arrived() - before < _ONCE + lanes * RANGE
    _the_same_and_nothing_left(documents)


_STRAY = 1000
"""Bytes that mean nothing: IPv6 asks for routers now and then."""

_ONCE = 1.05 * (HUGE + SMALL) + 5_000_000
"""Bytes on the link at most when nothing is sent twice: headers, and the probe."""


def _filled(documents: Documents) -> None:
    """Put new files into the data set: a huge one, and many small ones."""
    documents.on_source(_FILL)
    documents.target.run(script(f"rm -rf {TARGET}/added", root=True))


@contextmanager
def _midway(documents: Documents) -> Iterator[subprocess.Popen[str]]:
    """Have the practice run under way in the block, some ranges of the huge file having arrived."""
    count = script(f"ls {TARGET}/.ops-temp/big/*.done 2>/dev/null | wc -l", root=True)
    with _moving(documents) as task:
        _wait(lambda: int(documents.target.run(count).out) >= 3, 300)
        yield task


@contextmanager
def _copying(documents: Documents, mbit: int) -> Iterator[subprocess.Popen[str]]:
    """Have a limited copy by one rsync under way in the block, some of it having arrived."""
    made = f"mkdir -p {COPIED} && cd {COPIED} && [ -e one ] || head -c {ONE} /dev/urandom >one"
    documents.source.run(script(made, root=True))
    places = f"source=documents.campus.main:{COPIED}", f"target=documents.cloud.main:{COPY}"
    with subprocess.Popen(
        [str(FAB), "migrate.copy", *places, f"limit-mbit={mbit}"],
        cwd=PROJECT,
        env={**os.environ, "OPS_INVENTORY": str(documents.repo.path)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as task:
        _wait(lambda: _bytes_at(documents, f"{COPY}/.ops-temp/one* {COPY}/one") > 20_000_000, 300)
        yield task


def _bytes_at(documents: Documents, files: str) -> int:
    """Return the size of all files on the target that shell patterns name."""
    return int(documents.target.run(script(f"cat {files} 2>/dev/null | wc -c", root=True)).out)


def _lanes(documents: Documents) -> int:
    """Return how many lanes the run under way has."""
    count = script("ls /dev/shm/ops-migrate.documents.*/pid.* | wc -l", root=True)
    return int(documents.source.run(count).out)


def _ended_on(host: Host) -> bool:
    """Return whether nothing receives any more."""
    return host.run(command("pgrep", "-x", "rsync|tar|dd"), check=False).code == 1


def _the_same_and_nothing_left(documents: Documents) -> None:
    """Check with sha256sum that all is there, that nothing else is, and nobody holds the lock.

    What served the run on the hosts may end a moment after it.
    """
    assert documents.digest(documents.source, SOURCE) == documents.digest(documents.target, TARGET)
    _wait(lambda: documents.left_behind() == "", 60)
    documents.target.run(command("flock", "--wait", "60", TARGET, "true", root=True))


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
