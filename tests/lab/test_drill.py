"""Snapshots of real volumes, and the proof that they restore: compared, asked, all removed."""

from __future__ import annotations

import json
import mmap
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops import run
from ops.backup import drill, restore, snapshot
from ops.backup.hooks import HookFailed
from ops.backup.plan import plan_snapshot
from ops.cloud import groups, instances, tags, volumes
from ops.cloud.calls import Wait
from ops.errors import OpsError
from ops.inventory import machine
from ops.inventory.proofs import proven
from ops.inventory.repository import Repository
from ops.inventory.schema import DrillState, SnapshotState
from ops.lab.record import Lab
from ops.remote.command import script
from tests.support.fabric_tree import FAB, PROJECT

pytestmark = pytest.mark.lab

SOON = Wait(0.2, 300)
STORE, LOGS = "/srv/store", "/srv/logs"
CHECK = '#!/bin/sh\n[ -s "$1/important" ] && touch "$1/asked" && echo "it answers"\n'


def _target(*mounts: str) -> dict[str, Any]:
    kinds = ("ext4", "xfs")
    volumes_of = {
        mount.rpartition("/")[2]: {
            "size_gib": 1,
            "device": f"/dev/sd{'fg'[i]}",
            "mount": mount,
            "filesystem": kinds[i],
        }
        for i, mount in enumerate(mounts)
    }
    rules = [{"port": 22, "from": ["198.18.0.0/15"]}]
    one = {"type": "t3.small", "zone": "us-east-1a", "volumes": volumes_of, "rules": rules}
    return {"instances": {"main": one}}


@dataclass
class Store:
    """A component with two volumes, and a scratch host beside it."""

    lab: Lab
    repo: Repository
    name: str
    scratch: str

    def snapshot(self) -> SnapshotState:
        decided = plan_snapshot(
            self.name, self.repo.component(self.name), self.repo.state(self.name)
        )
        return snapshot.take(self.repo, self.name, decided, patience=SOON)

    def drill(self) -> drill.Drilled:
        decided = drill.plan(self.repo, self.name)
        return drill.drill(self.repo, self.name, decided, patience=SOON)

    def fab(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [FAB, *words],
            cwd=PROJECT,
            env={**os.environ, "OPS_INVENTORY": str(self.repo.path)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def do(self, text: str, *words: str, on: str = "") -> str:
        with run.host(self.repo, on or self.name, "cloud") as host:
            return host.run(script(text, *words, root=True)).out.decode()

    def left(self) -> tuple[list[str], str]:
        """Return the drills' volumes and mounts that are still there."""
        found = volumes.find(run.cloud(self.repo), {tags.DRILL: tags.ANY})
        asked = "grep ops-restored /proc/mounts || true"
        mounts = self.do(asked, on=self.scratch) + self.do(asked)
        return [one.id for one in found if one.state != "deleted"], mounts

    def await_volume(self) -> None:
        """Wait until a drill has attached a volume."""
        cloud, until = run.cloud(self.repo), time.monotonic() + 60
        while time.monotonic() < until:
            if any(one.instance for one in volumes.find(cloud, {tags.DRILL: tags.ANY})):
                return
            time.sleep(0.02)

    def proven(self) -> DrillState | None:
        return proven(self.repo.state(self.name))

    def declare(self, path: str, text: str) -> None:
        (self.repo.path / path).parent.mkdir(exist_ok=True)
        (self.repo.path / path).write_text(text)
        self.repo.git.commit([path], "Change the test's declarations", machine.person())


@pytest.fixture(scope="module")
def store(full_lab: Lab) -> Iterator[Store]:
    repo = Repository(Path(full_lab.inventory), PROJECT)
    ending = secrets.token_hex(3)
    made = Store(full_lab, repo, f"store-{ending}", f"scratch-{ending}")
    before = (repo.path / "site.yaml").read_text()
    site = {**yaml.safe_load(before), "scratch": {"component": made.scratch}}
    check = {"script": f"{made.name}-check", "arguments": [f"{STORE}/data"]}
    backup = {"level": "filesystem", "schedule": "0 1 * * *", "keep": {}, "check": [check]}
    common = {"description": "a test's", "owner": "a test"}
    made.declare(f"templates/{check['script']}", CHECK)
    made.declare("site.yaml", yaml.safe_dump(site))
    told = {**common, "target": _target(STORE, LOGS), "backup": backup}
    made.declare(f"components/{made.name}.yaml", yaml.safe_dump(told))
    scratch = {**common, "target": _target()}
    made.declare(f"components/{made.scratch}.yaml", yaml.safe_dump(scratch))
    try:
        process = made.fab("provision", f"app={made.name},{made.scratch}")
        said = process.communicate(timeout=300)
        assert process.returncode == 0, said
        made.do(
            f"mkdir {STORE}/data && cd {STORE}/data && echo 'all that matters' >important &&"
            ' for i in $(seq 300); do echo "page $i" >"page $i"; done &&'
            " ln page\\ 1 'hard link' && ln -s page\\ 2 soft && printf x >\"$(printf 'a\\nb')\" &&"
            f" chown -R 33:33 . && dd if=/dev/urandom of={LOGS}/log bs=1M count=3 2>/dev/null"
        )
        yield made
    finally:
        _remove(made)
        made.declare("site.yaml", before)


def _remove(store: Store) -> None:
    cloud = run.cloud(store.repo)
    for name in (store.name, store.scratch):
        for one in instances.find(cloud, {tags.COMPONENT: name}):
            instances.protect(cloud, one.id, on=False)
            instances.terminate(cloud, one.id)
            instances.wait(cloud, one.id, "terminated", SOON)
        for volume in volumes.find(cloud, {tags.COMPONENT: name}):
            volumes.remove(cloud, volume.id)
        for group in groups.find(cloud, {tags.COMPONENT: name}):
            groups.remove(cloud, group.id)
        path = f"components/{name}.yaml"
        (store.repo.path / path).unlink()
        store.repo.git.commit([path], f"Remove {name}", machine.person())


def test_a_snapshot_of_a_busy_volume_is_proven_to_the_last_file_that_lay_still(
    store: Store,
) -> None:
    busy = "nohup sh -c 'while :; do date >>$1/busy; echo >$1/new.$$.$(date +%N); done' - $1/data"
    pid = store.do(f"{busy} >/dev/null 2>&1 & echo $!", STORE).strip()
    try:
        taken = store.snapshot()
    finally:
        store.do("kill $1", pid)
    assert taken.unlisted == ""
    done = store.drill()
    assert (done.state.verdict, done.differences) == ("proven", [])
    assert (done.state.of, proven(store.repo.state(store.name))) == (taken.run, done.state)
    data, log = sorted(done.state.parts, key=lambda part: -part.files)
    assert (data.files >= 303, data.moving > 0, log.files) == (True, True, 1)
    assert store.left() == ([], "")


def test_one_flipped_bit_is_named_and_takes_no_proof_away(store: Store) -> None:
    before = store.proven()
    taken = store.snapshot()
    _flip(store.lab.path / f"disks/{taken.ids['store']}.img", b"all that matters")
    ended = store.fab("backup.drill", f"app={store.name}", "json=true")
    out, err = ended.communicate(timeout=120)
    document = json.loads(out)["snapshot"]
    assert (ended.returncode, document["verdict"]) == (1, "different"), err
    assert document["differences"] == ["main.store: different ./data/important (content)"]
    assert store.repo.state(store.name).drills["snapshot"].run == document["run"]
    assert (store.proven(), store.left()) == (before, ([], ""))


def _flip(image: Path, words: bytes) -> None:
    with image.open("r+b") as file, mmap.mmap(file.fileno(), 0) as content:
        at = content.find(words)
        assert at > 0
        content[at] ^= 1


def test_a_killed_drill_is_cleaned_up_by_the_next(store: Store) -> None:
    taken = store.snapshot()
    killed = store.fab("backup.drill", f"app={store.name}")
    store.await_volume()
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert store.left()[0] != []
    done = store.drill()
    assert (done.state.verdict, done.state.of, store.left()) == ("proven", taken.run, ([], ""))
    assert store.repo.record(done.state.run).figures["swept"]


def test_what_a_killed_restore_left_goes_with_the_next_drill(store: Store) -> None:
    killed = store.fab("backup.restore", store.name, "to=/srv/killed")
    store.await_volume()
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert store.left()[0] != []
    assert store.drill().state.verdict == "proven"
    assert store.left() == ([], "")
    store.do("rm -rf /srv/killed")


def test_a_check_that_fails_fails_the_drill_and_leaves_nothing(store: Store) -> None:
    before = store.proven()
    store.declare(f"templates/{store.name}-check", "#!/bin/sh\necho 'no table' >&2; exit 3\n")
    with pytest.raises(HookFailed, match="failed with 3: no table"):
        store.drill()
    store.declare(f"templates/{store.name}-check", CHECK)
    assert store.repo.state(store.name).drills["snapshot"].verdict == "failed"
    assert (store.proven(), store.left()) == (before, ([], ""))


def test_an_interrupted_drill_leaves_nothing(store: Store) -> None:
    stopped = store.fab("backup.drill", f"app={store.name}")
    store.await_volume()
    stopped.send_signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        stopped.communicate(timeout=60)
    assert (stopped.returncode, store.left()) == (130, ([], ""))


def test_a_snapshot_is_restored_beside_the_live_data(store: Store) -> None:
    taken = store.snapshot()
    store.do(f"echo 'changed since' >{STORE}/data/important")
    decided = restore.plan(store.repo, store.name, "/srv/before", when=taken.at.isoformat())
    done = restore.restore(store.repo, store.name, decided, patience=SOON)
    assert (done.differences, done.uncompared) == ([], [])
    assert store.do("cat /srv/before/store/data/important") == "all that matters\n"
    assert store.do(f"cat {STORE}/data/important") == "changed since\n"
    assert store.left() == ([], "")


def test_over_live_data_only_with_yes_and_after_a_snapshot(store: Store) -> None:
    store.do(f"echo now >{STORE}/data/important && mkdir '{STORE}/be low'")
    store.do(f"mount -t tmpfs -o mode=710 below '{STORE}/be low' && touch '{STORE}/be low/kept'")
    taken = store.snapshot()
    store.do(f"rm {STORE}/data/important; touch {STORE}/new")
    asked = store.fab("backup.restore", store.name, f"to={STORE}")
    _, err = asked.communicate(timeout=60)
    assert (asked.returncode, "need a yes" in err) == (3, True)
    when = f"when={taken.at.isoformat()}"
    said = store.fab("backup.restore", store.name, f"to={STORE}", when, "yes=true")
    assert (said.communicate(timeout=120), said.returncode)[1] == 0
    assert store.do(f"cat {STORE}/data/important") == "now\n"
    left = store.do(f"cd {STORE} && ls -d be*/* new 2>/dev/null; stat -c %a be*; umount be*")
    assert left == "be low/kept\n710\n"
    saved = store.repo.state(store.name).snapshot
    assert saved is not None
    assert saved.at > taken.at


def test_a_folder_that_is_not_empty_is_left_alone(store: Store) -> None:
    store.do("mkdir -p /srv/full/store && touch /srv/full/store/mine")
    decided = restore.plan(store.repo, store.name, "/srv/full")
    with pytest.raises(OpsError, match="is not empty"):
        restore.restore(store.repo, store.name, decided, patience=SOON)
    assert store.left() == ([], "")
