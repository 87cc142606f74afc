"""Snapshots of real volumes, and the proof that they restore: compared, asked, all removed."""

from __future__ import annotations

import json
import mmap
import signal
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.backup import restore
from ops.backup.hooks import HookFailed
from ops.cloud import volumes
from ops.cloud.session import Cloud
from ops.errors import OpsError
from ops.inventory.proofs import proven
from ops.lab.record import Lab
from tests.support.labs import reached
from tests.support.store import SOON, Store, stored

pytestmark = pytest.mark.lab

STORE, LOGS = "/srv/store", "/srv/logs"
CHECK = '#!/bin/sh\n[ -s "$1/important" ] && touch "$1/asked" && echo "it answers"\n'


@pytest.fixture(scope="module")
def store(full_lab: Lab) -> Iterator[Store]:
    backup = {"level": "filesystem", "schedule": "0 1 * * *", "keep": {}}
    with stored(full_lab, backup, STORE, LOGS) as made:
        check = {"script": f"{made.name}-check", "arguments": [f"{STORE}/data"]}
        made.declare(f"templates/{check['script']}", CHECK)
        component = made.repo.path / f"components/{made.name}.yaml"
        told = yaml.safe_load(component.read_text())
        told["backup"]["check"] = [check]
        made.declare(f"components/{made.name}.yaml", yaml.safe_dump(told))
        made.do(
            f"mkdir {STORE}/data && cd {STORE}/data && echo 'all that matters' >important &&"
            ' for i in $(seq 300); do echo "page $i" >"page $i"; done &&'
            " ln page\\ 1 'hard link' && ln -s page\\ 2 soft && printf x >\"$(printf 'a\\nb')\" &&"
            f" chown -R 33:33 . && dd if=/dev/urandom of={LOGS}/log bs=1M count=3 2>/dev/null"
        )
        yield made


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
    out, err = ended.communicate(timeout=300)
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
    said = stopped.communicate(timeout=300)
    assert (stopped.returncode, store.left()) == (130, ([], "")), said


def test_a_drill_that_is_interrupted_while_it_cleans_up_leaves_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.snapshot()
    detach, detached = volumes.detach, list[str]()

    def interrupted(cloud: Cloud, volume: str, instance: str) -> None:
        detach(cloud, volume, instance)
        detached.append(volume)
        if len(detached) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(volumes, "detach", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.drill()
    assert store.left() == ([], "")


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
    _, err = asked.communicate(timeout=300)
    assert (asked.returncode, "need a yes" in err) == (3, True)
    when = f"when={taken.at.isoformat()}"
    said = store.fab("backup.restore", store.name, f"to={STORE}", when, "yes=true")
    assert (said.communicate(timeout=300), said.returncode)[1] == 0
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


def _aws(store: Store, path: str, told: object = None) -> dict[str, Any]:
    """Return what the lab's AWS says at a path of its own; with `told` it is posted."""
    data = None if told is None else json.dumps(told).encode()
    place = f"{reached(store.lab).endpoint}{path}"
    with urllib.request.urlopen(place, data) as reply:  # noqa: S310 - the lab's own address
        found: dict[str, Any] = json.loads(reply.read() or b"{}")
    return found


@pytest.mark.soak
def test_a_controller_killed_while_frozen_leaves_a_host_that_thaws_itself(store: Store) -> None:
    before = _aws(store, "/lab/calls").get("CreateSnapshots", 0)
    _aws(store, "/lab/faults", {"action": "CreateSnapshots", "kind": "delay", "seconds": 6})
    killed = store.fab("backup.snapshot", f"app={store.name}")
    until = time.monotonic() + 120
    while _aws(store, "/lab/calls").get("CreateSnapshots", 0) == before:
        assert time.monotonic() < until and killed.poll() is None, killed.communicate()
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert ".service" in store.do("cat /proc/$(cat /run/ops-freeze.*)/cgroup")  # not the session's
    busy = store.do("fsfreeze -f $1 2>&1 || true", STORE)
    assert "busy" in busy
    store.do(f"touch {STORE}/written && sync -f {STORE}")  # comes back when it has thawed
    store.do("while [ -e /run/ops-freeze.* ]; do sleep 0.1; done")
    assert store.snapshot().level == "filesystem"
