"""Archives of real campus hosts by restic: append-only, checked, proven, and their faults."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ops import run
from ops.backup import archive, archives, drill_archive, prune_archives, restic, restore
from ops.backup.archive_dump import DumpFailed
from ops.backup.drill import Drilled
from ops.errors import OpsError
from ops.inventory import machine
from ops.inventory.proofs import proven_ids
from ops.inventory.repository import Repository
from ops.inventory.schema import ArchiveState
from ops.lab.aws.server import Server
from ops.lab.record import Lab, Ready
from ops.remote.command import Secret, script
from ops.remote.errors import TimedOut
from ops.remote.local import LocalHost
from tests.support.fabric_tree import FAB, PROJECT

pytestmark = pytest.mark.lab

DUMP = "#!/bin/sh\necho 'CREATE TABLE t (x int);'\necho '-- Dump completed'\n"
SHORT = "#!/bin/sh\necho 'CREATE TABLE t (x int);'\n"
PIPED = "#!/bin/bash\n(echo x; exit 3) | cat\necho '-- Dump completed'\n"
VAULT = """
useradd --create-home --shell /bin/sh vault
mkdir -m 700 /home/vault/.ssh /home/vault/papers
echo "restrict,command=\\"rclone serve restic --stdio --append-only papers\\" $1" \
  >/home/vault/.ssh/authorized_keys
chown -R vault: /home/vault
"""
KEY = """
mkdir -p -m 700 /root/.ssh
[ -e /root/.ssh/id_ed25519 ] || ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
echo "$1 $2" >>/root/.ssh/known_hosts
cat /root/.ssh/id_ed25519.pub
"""
PAPERS = r"""
mkdir -p /srv/papers && mount -t tmpfs -o size=20m papers /srv/papers && cd /srv/papers
for i in $(seq 200); do echo "paper $i" >"paper $i"; done
mkdir -m 2750 locked cache && echo secret >locked/s && echo junk >cache/junk && chown 33:33 locked/s
touch -d 2001-02-03 locked
ln 'paper 1' twin; ln -s 'paper 2' soft; printf x >"$(printf 'a\nb [c] $d ')"
mkdir -p /srv/small && mount -t tmpfs -o size=3m small /srv/small
"""

# It may end and take its lock along between our look and the kill: what stays counts.
KILLED = r"""
export host=$1 RESTIC_PASSWORD=pass-word
locked() { ls /srv/archive/locks | grep -qv tmp; }
for try in $(seq 50); do
  unshare --uts sh -c 'hostname "$host"; exec restic -r /srv/archive --no-cache check' >/dev/null &
  while kill -0 $! 2>/dev/null; do
    ! locked || kill -9 $!
  done
  wait $!
  ! locked || exit 0
done
exit 1
"""

SLOW = r"""
printf '%s\n' '#!/bin/sh' '/usr/bin/restic "$@"; code=$?' \
  'case " $* " in *" restore "*) sleep 99 ;; esac; exit $code' >/usr/local/bin/restic
chmod 755 /usr/local/bin/restic
"""
AWAIT = "for i in $(seq 3000); do pgrep -fx 'sleep 99' >/dev/null && exit; sleep 0.1; done; exit 1"
ENDED = """
for i in $(seq 600); do pgrep -fx 'sleep 99' >/dev/null || exit 0; sleep 0.1; done; pgrep -fa sleep
"""


@dataclass
class Papers:
    """A component of the test's own on a campus host; the vault is an account on another."""

    lab: Lab
    repo: Repository
    name: str

    def make(self) -> ArchiveState:
        return archive.make(self.repo, self.name, archive.plan(self.repo, self.name))

    def drill(self) -> Drilled:
        decided = drill_archive.plan(self.repo, self.name)
        return drill_archive.perform(self.repo, self.name, decided)

    def declare(self, dump: str = DUMP, **told: Any) -> None:
        """Declare the component with another archive, and the hook that dumps."""
        base = {"repository": "/srv/archive", "password": "file:var/keys/restic", "parts": 2}
        policy: dict[str, Any] = {"schedule": "0 1 * * *", "keep": told.pop("keep", {})}
        policy["archive"] = {**base, "schedule": "0 2 * * *", **told}
        hook = {"script": f"{self.name}-hook"}
        database = {"kind": "database", "engine": "mariadb", "database": "papers"}
        place = {"root": "/srv/papers", "mount": "/srv/papers"}
        files = {"kind": "files", "source": place, "target": {"root": "/srv/papers"}}
        component = {
            "description": "a test's",
            "owner": "a test",
            "source": {"hosts": {"main": {"address": self.address}}},
            "target": {"instances": {"main": {"type": "t3.small", "zone": "us-east-1a"}}},
            "data": {
                "papers": {**files, "exclude": ["/cache/", "*.tmp"]},
                "issues": {**database, "dump": hook, "load": hook, "digest": hook},
            },
            "backup": policy,
        }
        self._write(f"templates/{hook['script']}", dump)
        self._write(f"components/{self.name}.yaml", json.dumps(component))

    @property
    def address(self) -> str:
        return self.repo.component("documents").source.hosts["main"].address  # type: ignore[union-attr] # it has a source

    def do(self, text: str, *words: str, on: str = "documents") -> str:
        with run.host(self.repo, on, "campus") as host:
            return host.run(script(text, *words, root=True)).out.decode()

    def fab(self, *words: str) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, "OPS_INVENTORY": str(self.repo.path)}
        argv = [str(FAB), *words]
        return subprocess.run(
            argv, cwd=PROJECT, env=environ, capture_output=True, text=True, check=False
        )

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start fab and let it run, as its own process."""
        environ = {**os.environ, "OPS_INVENTORY": str(self.repo.path)}
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [str(FAB), *words], cwd=PROJECT, env=environ, stdout=pipe, stderr=pipe
        )

    def restic(self, *words: str) -> str:
        """Run restic on the campus host by hand."""
        line = 'printf "%s\\n" pass-word | restic -r "$@" 2>&1'
        return self.do(line, *words)

    def _write(self, path: str, text: str) -> None:
        (self.repo.path / path).write_text(text)
        self.repo.git.commit([path], "Change the test's declarations", machine.person())


@pytest.fixture(scope="module")
def papers(full_lab: Lab, ready: Ready) -> Iterator[Papers]:
    repo = Repository(Path(full_lab.inventory), PROJECT)
    made = Papers(full_lab, repo, f"papers-{secrets.token_hex(3)}")
    password = repo.var / "keys" / "restic"
    password.touch(0o600)
    password.write_text("pass-word\n")
    repo.pin(f"{made.name}.campus.main", ready.hosts["documents"].host_key)
    repo.git.commit(["known_hosts"], "Pin the test's host", machine.person())
    vault = ready.hosts["wiki"]
    made.do(PAPERS)
    public = made.do(KEY, vault.address, vault.host_key).strip()
    made.do(VAULT, public, on="wiki")
    try:
        yield made
    finally:
        made.do("umount /srv/papers /srv/small; rm -rf /srv/archive /srv/small /srv/papers")
        made.do("userdel --remove vault", on="wiki")
        (repo.path / f"components/{made.name}.yaml").unlink()
        repo.git.commit([f"components/{made.name}.yaml"], "Remove it", machine.person())


def test_a_host_archives_through_a_door_that_only_lets_it_add(papers: Papers, ready: Ready) -> None:
    vault = f"sftp:vault@{ready.hosts['wiki'].address}:/home/vault/papers"
    papers.declare(repository=vault)
    ended = papers.fab("backup.run", f"app={papers.name}", "json=true")
    assert ended.returncode == 0, ended.stderr
    state = papers.repo.state(papers.name).archive
    assert state is not None
    making, _ = papers.repo.record(state.run).steps[1:]
    assert making.facts["adds_only"] is True
    with run.host(papers.repo, papers.name, "campus") as host:
        listed = archives.listed(papers.repo, papers.name, host)
    assert [one.id for one in listed] == [state.ids["main"]]
    declared = papers.repo.component(papers.name).backup
    assert declared and declared.archive
    used = archives.way(papers.repo, declared.archive)
    with run.host(papers.repo, papers.name, "campus") as host:
        with suppress(TimedOut):  # restic tries again and again
            assert host.run(used.command("forget", state.ids["main"]), check=False, timeout=5).code
        assert archives.listed(papers.repo, papers.name, host) == listed


def test_a_door_that_lets_the_host_delete_fails_the_run(papers: Papers, ready: Ready) -> None:
    papers.declare(repository=f"sftp:vault@{ready.hosts['wiki'].address}:/home/vault/papers")
    door = "sed -i 's/{}/{}/' /home/vault/.ssh/authorized_keys"
    papers.do(door.format(" --append-only", ""), on="wiki")
    with pytest.raises(OpsError, match="could remove from sftp:vault"):
        papers.make()
    papers.do(door.format("--stdio", "--stdio --append-only"), on="wiki")
    state = papers.repo.state(papers.name).archive
    assert state and state.ids and not state.complete
    assert papers.make().complete
    papers.declare()


def test_excluded_folders_stay_out_and_the_dump_goes_in(papers: Papers) -> None:
    papers.declare()
    made = papers.make()
    assert (made.complete, made.part, made.unsound) == (True, 1, None)
    names = papers.restic("/srv/archive", "ls", made.ids["main"])
    assert f"/var/backups/ops/{papers.name}/issues.dump" in names
    assert "/srv/papers/paper 200" in names
    assert "/srv/papers/cache" not in names


def test_the_controller_removes_what_no_rule_keeps(papers: Papers, tmp_path: Path) -> None:
    papers.make()
    copy, host = tmp_path / "archive", papers.lab.path / "hosts" / "documents"
    subprocess.run(["cp", "-a", str(host / "root/srv/archive"), str(copy)], check=True)
    papers.declare(prune={"repository": str(copy)}, keep={"last": 1})
    before = archives.listed(papers.repo, papers.name)
    decided = prune_archives.plan(papers.repo, papers.name)
    assert prune_archives.prune(papers.repo, papers.name, decided) == len(before) - 1 > 0
    assert archives.listed(papers.repo, papers.name) == before[-1:]
    papers.declare()


def test_no_password_is_in_a_process_list(papers: Papers) -> None:
    watch = 'touch "$1.on"; while [ -e "$1.on" ]; do ps axeww; sleep 0.05; done >"$1" 2>/dev/null &'
    papers.do(watch, "/run/ps-of-test")
    try:
        papers.make()
    finally:
        seen = papers.do('rm "$1.on"; sort -u "$1"; rm "$1"', "/run/ps-of-test")
    assert "restic" in seen
    assert "pass-word" not in seen


def test_the_newest_archive_is_restored_and_proven(papers: Papers) -> None:
    made = papers.make()
    done = papers.drill()
    assert (done.state.verdict, done.differences, done.state.of) == ("proven", [], made.run)
    [part] = done.state.parts
    assert (part.name, part.files, part.moving) == ("papers,dumps", 204, 0)
    assert proven_ids(papers.repo.state(papers.name)) == set(made.ids.values())
    assert papers.do("ls /var/lib/ops-restored") == ""


def test_an_archive_is_restored_beside_the_live_data(papers: Papers) -> None:
    decided = restore.plan(papers.repo, papers.name, "/srv/back")
    done = restore.restore(papers.repo, papers.name, decided)
    assert (done.differences, done.uncompared, len(done.places)) == ([], [], 2)
    seen = papers.do("cd /srv/back/srv/papers && stat -c '%u:%g %a %y' locked locked/s && ls")
    assert "2750 2001-02-03" in seen
    assert "33:33" in seen
    assert "cache" not in seen
    papers.do("rm -r /srv/back")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_drill_that_is_cut_off_leaves_no_restic_behind(papers: Papers, number: int) -> None:
    papers.do(SLOW)
    try:
        drill = papers.start("backup.drill", f"app={papers.name}", "kind=archive")
        papers.do(AWAIT)
        drill.send_signal(number)
        drill.communicate(timeout=300)
        assert papers.do(ENDED) == ""
    finally:
        papers.do("rm /usr/local/bin/restic")
    if number == signal.SIGKILL:
        papers.drill()
    assert papers.do("ls /var/lib/ops-restored") == ""


@pytest.mark.parametrize(
    ("hook", "words"),
    [(SHORT, "ends early"), (PIPED, "ended with 3"), ("#!/bin/sh\n:\n", "is empty")],
)
def test_a_dump_that_is_not_whole_archives_nothing(papers: Papers, hook: str, words: str) -> None:
    before = papers.repo.state(papers.name).archive
    papers.declare(dump=hook)
    with pytest.raises(DumpFailed, match=words):
        papers.make()
    assert papers.repo.state(papers.name).archive == before
    papers.declare()


def test_the_lock_of_a_dead_process_is_taken_away(papers: Papers) -> None:
    papers.do(KILLED, "documents")
    assert papers.do("ls /srv/archive/locks") != ""
    assert papers.make().ids["main"]


def test_a_lock_of_another_host_is_respected_and_told(papers: Papers) -> None:
    papers.do(KILLED, "elsewhere")
    with pytest.raises(OpsError, match="is locked"):
        papers.make()
    papers.do("rm /srv/archive/locks/*")


def test_a_full_repository_is_told(papers: Papers) -> None:
    papers.do("dd if=/dev/urandom of=/srv/papers/large bs=1M count=8 2>/dev/null")
    papers.declare(repository="/srv/small/repo")
    papers.restic("/srv/small/repo", "init")
    with pytest.raises(OpsError, match="full"):
        papers.make()
    papers.do("rm /srv/papers/large")
    papers.declare()


def test_a_lost_repository_is_not_made_anew(papers: Papers) -> None:
    papers.do("mv /srv/archive /srv/away")
    try:
        with pytest.raises(OpsError, match="there is no repository"):
            papers.make()
    finally:
        papers.do("mv /srv/away /srv/archive")


def test_a_damaged_repository_is_found_within_as_many_runs_as_parts(papers: Papers) -> None:
    spoil = 'printf "\\377" | dd of="$1" bs=1 seek=40 conv=notrunc 2>/dev/null'
    papers.do(spoil, papers.do("ls -S /srv/archive/data/*/* | head -1").strip())
    with pytest.raises(OpsError, match="not sound"):
        for _ in range(2):
            papers.make()
    found = papers.repo.state(papers.name).archive
    assert found and found.unsound and not found.complete
    assert archive.plan(papers.repo, papers.name).steps[-1].arguments["part"] == found.unsound.part


def test_s3_takes_archives_and_no_key_is_an_argument(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    keys = (Secret("AKIAIOSFODNN7EXAMPLE"), Secret("hidden-secret"))
    way = restic.Way(f"s3:{server.url}/archives/x", Secret("pw"), keys, cache=str(tmp_path / "c"))
    made = restic.backup(way, "r", "x.main", [str(tmp_path)], crossing=False, excludes="")
    for asked in (way.command("init"), made, way.command("check", "--read-data-subset=1/1")):
        assert b"hidden-secret" not in asked.line("none")
        restic.checked(LocalHost().run(asked, check=False, timeout=300), way.repository)
    [one] = restic.snapshots(LocalHost().run(restic.listing(way, "run=r")).out)
    assert (one.run, one.slot) == ("r", "main")
