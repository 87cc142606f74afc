"""Transfers between real hosts over the lab's link: hostile names, kill -9, full disks."""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from ops import run
from ops.errors import OpsError
from ops.inventory import edit, machine
from ops.inventory.repository import Repository
from ops.lab.record import Lab
from ops.remote.command import command, script
from ops.remote.host import Host
from tests.support.fabric_tree import FAB, PROJECT

pytestmark = pytest.mark.lab

SOURCE, TARGET = "/srv/documents", "/srv/documents/store"

_DIGEST = """
cd -- "$1" && {
    find . ! -name lost+found -printf '%p %y %m %U %G %s %l %n\\\\0' | sed -z '/^[.] d/d' | sort -z
    find . -type f -print0 | sort -z | xargs -0 -r sha256sum -z
} | sha256sum
"""


@dataclass
class Documents:
    """The component of the lab whose files have hostile names, provisioned and moved once."""

    repo: Repository
    source: Host
    target: Host

    def fab(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run fab as a person would."""
        return subprocess.run(
            [FAB, *words],
            cwd=PROJECT,
            env={**os.environ, "OPS_INVENTORY": str(self.repo.path)},
            capture_output=True,
            text=True,
            check=False,
        )

    def move(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the practice run."""
        return self.fab("migrate.metered", "app=documents", *words)

    def digest(self, host: Host, root: str) -> bytes:
        """Return a digest over names, metadata and content below `root`."""
        return host.run(script(_DIGEST, root, root=True)).out

    def on_source(self, text: str) -> None:
        """Run shell text in the data set's root."""
        self.source.run(script(f"cd {SOURCE} && {text}", root=True))

    def left_behind(self) -> str:
        """Return what of any run stays on the hosts: keys, folders, parts, processes.

        What ran for a controller that was killed may take a while to end.
        """
        until = time.monotonic() + 60
        while (found := self._left_now()) and time.monotonic() < until:
            time.sleep(0.5)
        return found

    def _left_now(self) -> str:
        look = """
            ls -d /dev/shm/ops-migrate* 2>/dev/null
            grep -h ops-migrate /home/*/.ssh/authorized_keys
            find /srv -name '.ops-*'
            pgrep -ax 'rsync|tar|dd'
        """
        hosts = (self.source, self.target)
        return "".join(
            host.run(script(look, root=True), check=False).out.decode() for host in hosts
        )


@pytest.fixture(scope="module")
def documents(full_lab: Lab) -> Iterator[Documents]:
    repo = Repository(Path(full_lab.inventory), PROJECT)
    environ = {**os.environ, "OPS_INVENTORY": str(repo.path)}
    subprocess.run([FAB, "provision", "app=documents"], cwd=PROJECT, env=environ, check=True)
    with (
        run.host(repo, "documents", "campus") as source,
        run.host(repo, "documents", "cloud") as target,
    ):
        made = Documents(repo, source, target)
        moved = made.move()
        assert moved.returncode == 0, moved.stderr
        yield made
        source.run(script(f"rm -rf {SOURCE}/added", root=True))
        target.run(script(f"rm -rf {TARGET}/added", root=True))


def test_hostile_names_arrive_and_nothing_stays_behind(documents: Documents) -> None:
    here, there = (
        documents.digest(documents.source, SOURCE),
        documents.digest(documents.target, TARGET),
    )
    assert here == there
    assert documents.left_behind() == ""


def test_the_round_trip_of_the_link_is_measured(documents: Documents) -> None:
    record = documents.repo.record(next(documents.repo.runs("documents", "migrate.metered")))
    assert 65 < record.figures["round_trip_ms"] < 150


def test_a_second_run_sends_only_what_changed(documents: Documents) -> None:
    documents.on_source("mkdir -p added && echo new >added/file")
    assert "sent 1 file, " in documents.move().stdout


def test_a_killed_controller_leaves_no_writer_and_is_gone_on_from(documents: Documents) -> None:
    documents.on_source("mkdir -p added && head -c 60000000 /dev/urandom >added/big")
    words = [str(FAB), "migrate.metered", "documents", "limit-mbit=20"]
    environ = {**os.environ, "OPS_INVENTORY": str(documents.repo.path)}
    with subprocess.Popen(words, cwd=PROJECT, env=environ) as task:
        _wait(lambda: _arrived(documents) > 10_000_000, 60)
        task.kill()
    both = (documents.source, documents.target)
    _wait(lambda: all(host.run(_WRITERS, check=False).code == 1 for host in both), 120)
    again = documents.move()
    assert again.returncode == 0, again.stderr
    assert documents.digest(documents.source, SOURCE) == documents.digest(documents.target, TARGET)
    assert documents.left_behind() == ""


def test_a_full_disk_is_told_and_gone_on_from_when_there_is_room(documents: Documents) -> None:
    documents.on_source(
        "mkdir -p added/tiny && cd added/tiny && for n in $(seq 3500); do echo >$n; done"
    )
    with _nearly_full(documents.target):
        full = documents.move()
    assert full.returncode == 4
    assert "the target's disk is full" in full.stdout
    assert documents.move().returncode == 0
    assert documents.digest(documents.source, SOURCE) == documents.digest(documents.target, TARGET)


def test_a_disk_that_gets_full_midway_ends_the_streams(documents: Documents) -> None:
    # large enough: the disk has to be full before all of it has arrived
    documents.on_source("mkdir -p added && head -c 400000000 /dev/urandom >added/huge")
    with _moving(documents) as task:
        _wait(lambda: _arrived(documents) > 0, 60)
        with _nearly_full(documents.target):
            told = task.communicate()[0]
    assert task.returncode == 4
    assert "the target's disk is full" in told
    _proven_when_moved_again(documents)


@pytest.mark.soak
@pytest.mark.parametrize("number", range(30))
def test_any_process_that_is_killed_costs_time_only(documents: Documents, number: int) -> None:
    dice = random.Random(number)
    documents.on_source(
        "rm -rf added && mkdir -p added && head -c 150000000 /dev/urandom >added/huge &&"
        " cd added && for n in $(seq 1000); do head -c 20000 /dev/urandom >$n; done"
    )
    with _moving(documents) as task:
        time.sleep(2 + 8 * dice.random())
        victim = dice.choice((documents.source, documents.target, None))
        if victim is None:
            task.kill()
        else:
            with suppress(OpsError):  # it may be our own connection
                victim.run(script(_KILL, str(1 + dice.randrange(40)), root=True), check=False)
        task.wait()
    _proven_when_moved_again(documents)


# Of what serves a transfer on a host, the one of that number, and the first ones again.
_KILL = """
set -- "$1" $(pgrep -f '^(sshd: .*notty|sshd-session: .*notty|ssh |tar |dd |rsync |xargs )')
[ $# -gt 1 ] || exit 0
number=$(($1 % ($# - 1) + 1))
shift "$number"
kill -9 "$1"
"""


@contextmanager
def _moving(documents: Documents) -> Iterator[subprocess.Popen[str]]:
    """Have the practice run under way in the block."""
    environ = {**os.environ, "OPS_INVENTORY": str(documents.repo.path)}
    words = [str(FAB), "migrate.metered", "documents"]
    with subprocess.Popen(
        words,
        cwd=PROJECT,
        env=environ,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as task:
        yield task


def _proven_when_moved_again(documents: Documents) -> None:
    """Check that one more run brings what is missing, and that nothing else stays."""
    again = documents.move()
    assert again.returncode == 0, again.stdout + again.stderr
    assert documents.digest(documents.source, SOURCE) == documents.digest(documents.target, TARGET)
    assert documents.left_behind() == ""
    documents.on_source("rm -rf added")
    documents.target.run(script(f"rm -rf {TARGET}/added", root=True))


def test_what_does_not_fit_is_told_before_it_starts(documents: Documents) -> None:
    documents.on_source("mkdir -p added && head -c 40000000 /dev/urandom >added/large")
    with _nearly_full(documents.target):
        full = documents.move()
    documents.on_source("rm added/large")
    assert full.returncode == 4
    assert "more are to come than fit" in full.stderr


def test_an_unreadable_file_is_named_and_the_rest_arrives(documents: Documents) -> None:
    documents.on_source("mkdir -p added && echo x >added/secret && chmod 600 added/secret")
    documents.on_source("echo x >added/open")
    with _without_root(documents.repo):
        done = documents.move()
    documents.on_source("rm added/secret")
    assert done.returncode == 4
    assert "added/secret: Permission denied" in done.stdout
    documents.target.run(command("test", "-e", f"{TARGET}/added/open", root=True))


_WRITERS = command("pgrep", "-x", "rsync|tar|dd")


def _arrived(documents: Documents) -> int:
    size = f"cat {TARGET}/.ops-temp/big* {TARGET}/.ops-temp/big/* 2>/dev/null | wc -c"
    return int(documents.target.run(script(size, root=True)).out)


@contextmanager
def _nearly_full(host: Host) -> Iterator[None]:
    """Leave 10 MB of the target's file system free within the block.

    What arrives meanwhile may take the room that was seen free: then it is looked for anew.
    """
    free = "df --block-size=1 --output=avail /srv/documents | tail -n 1"
    fill = f"fallocate -l $(( $({free}) - 10000000 )) /srv/documents/filler"
    again = f"for try in $(seq 20); do {fill} && exit; rm -f /srv/documents/filler; done; exit 1"
    host.run(script(again, root=True))
    try:
        yield
    finally:
        host.run(command("rm", "/srv/documents/filler", root=True))


@contextmanager
def _without_root(repo: Repository) -> Iterator[None]:
    """Let the campus hosts be read as the log-in within the block."""
    file = repo.path / "site.yaml"
    before = file.read_text()

    def put(text: str) -> None:
        file.write_text(text)
        repo.git.commit(["site.yaml"], "Change who reads", machine.suite())

    put(edit.with_value(before, edit.path_of("ssh.campus.become"), "none"))
    try:
        yield
    finally:
        put(before)


def _wait(condition: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.1)
